"""Compare retargeting and disc drawing with golden tensors: ``python -m tests.parity.rain_retarget DIR``.

``DIR`` holds ``cases.json`` with a case ``retarget``, its ``.safetensors`` and its ``canvas_*.png``. Prints
the error of every expected tensor and picture, then one JSON line; exit code 1 when one is out of tolerance.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from safetensors.numpy import load_file

from engine.retarget.rain_canvas import (
    Disc,
    SliceEdit,
    disc_centres_px,
    disc_radius_px,
    draw_canvas,
    edit_points,
    is_drawn,
)
from tests.parity.goldens import Check, NoGoldensError, exit_code, read_document, report

CORE_DIR = Path(__file__).parent / "rain"
Case = Mapping[str, Any]
Limits = Mapping[str, Any]
Arrays = Mapping[str, np.ndarray]


def load_case(directory: Path, name: str = "retarget") -> Case:
    cases = read_document(directory)["cases"]
    found: Case | None = next((case for case in cases if case.get("id") == name), None)
    if found is None:
        raise NoGoldensError(f"{directory} holds no case {name}.")
    return found


def edits_of(entries: Sequence[Mapping[str, Any]]) -> list[SliceEdit]:
    def pair(value: Sequence[int] | None) -> tuple[int, int] | None:
        return None if value is None else (value[0], value[1])

    scalars = ("start", "stop", "scale_x", "scale_y", "shift_x", "shift_y")
    return [
        SliceEdit(
            **{name: entry[name] for name in scalars},
            axis=pair(entry["axis"]),
            reference_pair=pair(entry["reference_pair"]),
        )
        for entry in entries
    ]


def discs_of(case: Case) -> list[Disc]:
    return [Disc(points=tuple(disc["points"]), colour=tuple(disc["colour"])) for disc in case["discs"]]


def all_point_discs_of(case: Case) -> list[Disc]:
    return [
        Disc(points=(index,), colour=tuple(run["colour"]))
        for run in case["all_points_colours"]
        for index in range(run["first"], run["last"] + 1)
    ]


def _retargeted(case: Case, faces: np.ndarray) -> dict[str, np.ndarray]:
    edits, initial = edits_of(case["default_edits"]), edits_of(case["initial_edits"])
    steps = [[edit_points(face, edits[: count + 1]) for count in range(len(edits))] for face in faces]
    return {
        "out.retargeted": np.array([edit_points(face, edits) for face in faces]),
        "out.retargeted_initial": np.array([edit_points(face, initial) for face in faces]),
        "out.retargeted_steps": np.array(steps),
    }


def disc_mask(radius_px: int) -> np.ndarray:
    side = 2 * radius_px + 1
    centred = np.full((68, 2), (radius_px + 0.5) / side)
    return draw_canvas(centred, radius_px, [Disc(points=(0,), colour=(1, 1, 1))], side)[..., 0]


def _discs(case: Case, faces: np.ndarray, names: Sequence[str]) -> dict[str, np.ndarray]:
    edits, discs = edits_of(case["default_edits"]), discs_of(case)
    size = _size(case)
    centres = np.array([disc_centres_px(edit_points(face, edits), discs, size) for face in faces])
    masks = {name: disc_mask(int(name.rsplit("r", 1)[1])) for name in names if "disc_mask_r" in name}
    return {
        **masks,
        "out.disc_radius": np.array([disc_radius_px(face) for face in faces]),
        "out.disc_centres": centres,
        "out.disc_drawn": np.array([is_drawn(each) for each in centres], np.uint8),
    }


def _canvases(case: Case, faces: np.ndarray) -> dict[str, np.ndarray]:
    edits, discs, canvas = edits_of(case["default_edits"]), discs_of(case), case["canvas"]

    def draw(face: np.ndarray, chosen: list[SliceEdit], shown: list[Disc]) -> np.ndarray:
        return draw_canvas(edit_points(face, chosen), disc_radius_px(face), shown, _size(case))

    pictures = {name: draw(face, edits, discs) for name, face in zip(canvas["files"], faces, strict=True)}
    if canvas.get("no_retarget"):
        pictures[canvas["no_retarget"]] = draw(faces[0], [], discs)
    if canvas.get("all_points"):
        pictures[canvas["all_points"]] = draw(faces[0], edits, all_point_discs_of(case))
    return pictures


def _size(case: Case) -> tuple[int, int]:
    return case["canvas"]["width"], case["canvas"]["height"]


_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "absolute": lambda got, expected: float(np.abs(got - expected).max()),
    "exact": lambda got, expected: float(np.count_nonzero(got != expected)),
    "differing_pixels": lambda got, expected: float((got != expected).any(axis=-1).sum()),
}


def compare(case: str, name: str, arrays: tuple[np.ndarray | None, np.ndarray], limits: Limits) -> Check:
    got, expected = arrays
    is_alike = got is not None and got.shape == expected.shape
    metric = limits["metric"]
    return Check(
        case=case,
        name=name,
        metric=metric,
        error=_METRICS[metric](got, expected) if is_alike else float("inf"),
        tolerance=float(limits.get("value", 0.0)),
        note="" if is_alike else f"shape {None if got is None else got.shape}, not {expected.shape}",
    )


def read_png(path: Path) -> np.ndarray:
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FileNotFoundError(path)
    return bgr[..., ::-1]


def run(directory: Path, name: str = "retarget") -> list[Check]:
    case = load_case(directory, name)
    arrays: Arrays = load_file(directory / case["file"])
    faces = arrays["in.landmarks"]
    expected = {key: entry for key, entry in case["tensors"].items() if entry["role"] == "expected"}
    got = {**_retargeted(case, faces), **_discs(case, faces, list(expected))}
    checks = [
        compare(name, key, (got.get(key), arrays[key]), entry["tolerance"]) for key, entry in expected.items()
    ]
    limits = case["canvas"].get("tolerance", {"metric": "differing_pixels", "value": 0})
    checks += [
        compare(name, key, (picture, read_png(directory / key)), limits)
        for key, picture in _canvases(case, faces).items()
    ]
    return checks


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Retargeting and disc drawing against golden tensors.")
    parser.add_argument("directory", type=Path, nargs="?", default=CORE_DIR)
    directory = parser.parse_args(arguments).directory
    return exit_code(lambda: report("retarget", run(directory)))


if __name__ == "__main__":
    sys.exit(main())
