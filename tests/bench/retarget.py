"""How well one character's performance, carried to another, meets what the other would do itself.

``python -m tests.bench.retarget``: 20 pairs of held-out characters x 60 frames. A driver acts; what a perfect
tracker reads of it goes through ``Retargeter``; the target acts the same ``Act``. Prints the mean distance of
the two sets of points per group, in outer eye distances of the target, beside that of the target at
rest, then one JSON line.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.retarget.retargeter import Retargeter
from engine.retarget.settings import DRAWN, RetargetSettings
from engine.types import CONTROL_INDEX, CONTROL_NAMES, Avatar
from models.training.characters import NEUTRAL, Act, Character, held_out_character, held_out_performance, pose
from models.training.driving import performance_of

FPS = 25.0
GROUPS: dict[str, tuple[str, ...]] = {
    "contour": ("contour",),
    "brows": ("brow",),
    "nose": ("nose",),
    "eyes": ("eye_",),
    "pupils": ("pupil",),
    "lips": ("lip",),
    "hair": ("hair",),
    "shoulders": ("neck", "shoulder"),
    "arms": ("elbow", "wrist"),
}


def group_rows(prefixes: Sequence[str]) -> list[int]:
    return [row for row, name in enumerate(CONTROL_NAMES) if name.startswith(tuple(prefixes))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    driver: Character
    target: Character
    acts: list[Act]


def held_out_pair(number: int, num_frames: int) -> Pair:
    return Pair(
        driver=held_out_character(2 * number),
        target=held_out_character(2 * number + 1),
        acts=held_out_performance(number, num_frames),
    )


def avatar_of(character: Character) -> Avatar:
    rest = pose(character, NEUTRAL)
    blank = np.zeros((256, 256, 3), np.uint8)
    return Avatar(name="target", rgb=blank, points=rest.points, depth=rest.depth, scores=rest.scores)


def retargeter_for(pair: Pair) -> Retargeter:
    retargeter = Retargeter(avatar_of(pair.target), RetargetSettings(mirror=False, performer=DRAWN))
    retargeter.set_neutral([performance_of(pair.driver, NEUTRAL)])
    return retargeter


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Distances (T, 61) in outer eye distances, NaN where the true point is out of the picture."""

    driven: np.ndarray
    still: np.ndarray
    milliseconds: float


def measure(pair: Pair) -> Distances:
    retargeter = retargeter_for(pair)
    rest = pose(pair.target, NEUTRAL).points
    corners = rest[[CONTROL_INDEX["eye_left_0"], CONTROL_INDEX["eye_right_4"]]]
    unit = float(np.linalg.norm(corners[1] - corners[0]))
    driven, still, spent_s = [], [], 0.0
    for index, act in enumerate(pair.acts):
        performance = performance_of(pair.driver, act, index, index / FPS)
        truth = pose(pair.target, act)
        start_s = time.thread_time()
        control = retargeter.control(performance)
        spent_s += time.thread_time() - start_s
        hidden = np.where(truth.scores > 0, 1.0, np.nan) / unit
        driven.append(np.linalg.norm(control.points - truth.points, axis=1) * hidden)
        still.append(np.linalg.norm(rest - truth.points, axis=1) * hidden)
    return Distances(
        driven=np.array(driven), still=np.array(still), milliseconds=1000 * spent_s / len(pair.acts)
    )


def summarise(results: Sequence[Distances]) -> dict[str, dict[str, float]]:
    table = {}
    for group, prefixes in {**GROUPS, "all": ("",)}.items():
        rows = group_rows(prefixes)
        driven = np.concatenate([one.driven[:, rows].ravel() for one in results])
        still = np.concatenate([one.still[:, rows].ravel() for one in results])
        seen = ~np.isnan(driven)
        if seen.any():  # arms are rarely raised
            table[group] = {
                "mean": float(driven[seen].mean()),
                "p95": float(np.percentile(driven[seen], 95)),
                "still": float(still[seen].mean()),
            }
    return table


def _commit() -> str:
    result = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Retargeting between held-out drawn characters.")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--frames", type=int, default=60)
    options = parser.parse_args(arguments)
    results = [measure(held_out_pair(number, options.frames)) for number in range(options.pairs)]
    table = summarise(results)
    print(f"{options.pairs} pairs x {options.frames} frames; distances in outer eye distances of the target")
    print(f"{'group':10} {'mean':>8} {'p95':>8} {'at rest':>8} {'ratio':>7}")
    for group, row in table.items():
        ratio = row["mean"] / row["still"]
        print(f"{group:10} {row['mean']:8.4f} {row['p95']:8.4f} {row['still']:8.4f} {ratio:7.3f}")
    milliseconds = float(np.median([one.milliseconds for one in results]))
    print(f"Retargeter.control: {milliseconds:.3f} ms of one core a frame (median of pairs)")
    report = {
        "bench": "retarget",
        "commit": _commit(),
        "pairs": options.pairs,
        "frames": options.frames,
        "control_ms": round(milliseconds, 4),
        **{f"{group}_error": round(row["mean"], 5) for group, row in table.items()},
    }
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
