"""How good the pictures are: ``python -m tests.bench.quality``.

Twenty characters and twenty performances that training never saw. Each character is driven by *another*
character's performance, through the engine's own retargeting, buffer and decoder, and compared with the true
drawing of that performance. Baselines: the still reference, the reference warped by its landmarks (28 points
and 12 border points, thin-plate spline, with the same retargeted points as the model), the model's own
layered warp with nothing painted, and the model with the driver's frames shuffled. Prints a table; the last
line is one JSON document.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from engine.condition.pocket import PocketConditioner
from engine.decode import PocketDecoder
from engine.denoise.attending import pocket_buffer
from engine.denoise.buffer import Popped
from engine.denoise.presets import pocket_system
from engine.denoise.settings import Attend
from engine.retarget.retargeter import Retargeter
from engine.retarget.settings import DRAWN, RetargetSettings
from engine.types import Avatar, Control
from models.checkpoints.pocket import load_pocket
from models.networks.lids import skin_colour
from models.networks.pocket import PocketNetworks
from models.networks.pocket_decoder import PocketProps
from models.networks.pose import PoseMaker
from models.runtimes.choose import choose_runtime, probe_machine
from models.runtimes.protocol import RuntimeKind, RuntimeSettings
from models.training.characters import (
    NEUTRAL,
    avatar,
    draw,
    held_out_character,
    held_out_performance,
    pose,
)
from models.training.driving import performance_of
from tests.bench.machine import describe
from tests.bench.opening_rules import opening_rules
from tests.bench.picture_metrics import (
    Picture,
    baseline_warp,
    l1_by_region,
    opening,
    psnr_db,
    region_masks,
    second_difference,
)
from tests.bench.unsteady import UnsteadyTracker

NUM_HELD_OUT = 20
SHIPPED_WEIGHTS = Path(__file__).parents[2] / "assets" / "pocket" / "pocket.safetensors"
JITTER_PX = 0.5  # jitter of the flicker runs, standard deviation, of 256
FPS = 25.0
LEAST_MOTION = 0.02  # standard deviation of an opening that counts, in widths of the eye or mouth
REGIONS = ("picture", "eye", "mouth")
Conditions = dict[str, torch.Tensor]


class Jitter(Enum):
    """Where the flicker runs shake."""

    NONE = "none"
    LANDMARKS = "landmarks"
    """Every landmark that the tracker reads, before its smoothing: what a webcam does."""
    CONTROLS = "controls"
    """Every control point of the avatar by itself, after all smoothing: worse than the engine ever does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One held-out character under another one's performance.

    Attributes:
        avatar: The character at rest.
        controls: Retargeted control of each frame.
        truth: True drawings.
        points: True points ``(T, 61, 2)``.
    """

    avatar: Avatar
    controls: list[Control]
    truth: list[Picture]
    points: list[NDArray[np.float32]]


def _driven(index: int, target: Avatar, num_frames: int, jitter: Jitter) -> list[Control]:
    driver = held_out_character((index * 7 + 3) % NUM_HELD_OUT)
    settings = RetargetSettings(mirror=False, performer=DRAWN)
    retargeter = Retargeter(target, settings)
    retargeter.set_neutral([performance_of(driver, NEUTRAL)])
    acts = held_out_performance(index, num_frames)
    if jitter is Jitter.LANDMARKS:
        tracker = UnsteadyTracker(driver, JITTER_PX / 256.0, seed=index)
        seen = [tracker.read(act, number, number / FPS) for number, act in enumerate(acts)]
    else:
        seen = [performance_of(driver, act, number, number / FPS) for number, act in enumerate(acts)]
    controls = [retargeter.control(performance) for performance in seen]
    return _shaken(controls, index) if jitter is Jitter.CONTROLS else controls


def _shaken(controls: list[Control], seed: int) -> list[Control]:
    rng = np.random.default_rng(seed)
    noise = rng.normal(0.0, JITTER_PX / 256.0, (len(controls), *controls[0].points.shape))
    return [
        replace(control, points=control.points + one.astype(np.float32))
        for control, one in zip(controls, noise, strict=True)
    ]


def make_pair(index: int, num_frames: int, size: int, jitter: Jitter = Jitter.NONE) -> Pair:
    """Draw the truth and retarget the driver of held-out pair ``index``."""
    character = held_out_character(index)
    at_rest = avatar(character, f"held-out {index}", size=size)
    posed = [pose(character, act) for act in held_out_performance(index, num_frames)]
    return Pair(
        avatar=at_rest,
        controls=_driven(index, at_rest, num_frames, jitter),
        truth=[draw(character, one, size).rgb for one in posed],
        points=[one.points for one in posed],
    )


class Animator:
    """The engine's own path from controls to pictures, at one point; as shipped, or as ``attend``."""

    def __init__(
        self,
        networks: PocketNetworks,
        runtime: RuntimeSettings,
        point: tuple[int, int],
        size: int,
        attend: Attend | None = None,
    ) -> None:
        levels, self._chunk = point
        self._networks, self._size = networks, size
        self._decoder = PocketDecoder(networks, runtime, self._chunk, size)
        system = pocket_system(levels, self._chunk)
        settings = system if attend is None else replace(system, attend=attend)
        self._buffer = pocket_buffer(networks, runtime, size, settings)

    def animate(self, target: Avatar, controls: Iterable[Control]) -> Iterator[Picture]:
        """Yield one picture per control, in order; the last chunk is filled up with the last control."""
        wanted = list(controls)
        filled = wanted + wanted[-1:] * (-len(wanted) % self._chunk)
        return islice(self._pictures(target, filled), len(wanted))

    def conditioner(self, target: Avatar) -> PocketConditioner:
        """Return an avatar's conditioner at the animator's size."""
        return PocketConditioner(self._networks, target, self._size)

    def popped(self, conditioner: PocketConditioner, frames: Iterable[Conditions]) -> Iterator[Popped]:
        """Yield the clean rows of a stream that starts now, from the conditions of its frames."""
        self._buffer.reset()
        self._decoder.reset()
        self._buffer.set_reference(conditioner.reference)
        rows: list[Conditions] = []
        for conditions in frames:
            rows.append(conditions)
            if len(rows) == self._chunk:
                popped = self._buffer.push(_joined(rows))
                rows = []
                if popped is not None:
                    yield popped
        yield from self._buffer.drain()

    def _pictures(self, target: Avatar, controls: Iterable[Control]) -> Iterator[Picture]:
        conditioner = self.conditioner(target)
        for popped in self.popped(conditioner, map(conditioner.row, controls)):
            yield from self.decode(popped, conditioner)

    def decode(self, popped: Popped, conditioner: PocketConditioner) -> Iterator[Picture]:
        """Yield the pictures of a row; the decoder remembers the frame before."""
        for rgba in self._decoder.decode(popped.latents, popped.conditions, conditioner.picture):
            alpha = rgba[..., 3:].astype(np.float32) / 255.0
            blended = rgba[..., :3] * alpha + conditioner.plate * (1.0 - alpha)
            yield (blended + 0.5).astype(np.uint8)


def _joined(rows: list[Conditions]) -> Conditions:
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}


def warped_reference(pair: Pair) -> Iterator[Picture]:
    """The baseline: thin-plate spline on 28 points and the border, solved at the picture's size."""
    rgb = torch.from_numpy(pair.avatar.rgb).permute(2, 0, 1)[None].float()
    reference = torch.from_numpy(pair.avatar.points)[None].float()
    for control in pair.controls:
        warped = baseline_warp(rgb, reference, torch.from_numpy(control.points)[None].float())
        yield (warped[0] + 0.5).clamp(0, 255).byte().permute(1, 2, 0).numpy()


def layered_reference(pair: Pair) -> Iterator[Picture]:
    """The model's own warp, nothing painted: what is left of it is the networks' merit."""
    size = pair.avatar.rgb.shape[0]
    rgb = torch.from_numpy(pair.avatar.rgb).permute(2, 0, 1)[None].float() / 255.0
    rgba = torch.cat([rgb, torch.ones_like(rgb[:, :1])], dim=1)
    reference, make, props = torch.from_numpy(pair.avatar.points)[None].float(), PoseMaker(), PocketProps()
    skin = skin_colour(rgba, reference)
    for control in pair.controls:
        points, scores = (torch.from_numpy(one)[None].float() for one in (control.points, control.scores))
        made = make(points, scores, reference, size)
        layered = props(points, made.flows, made.lids, skin, rgba)[1]
        yield (layered[0, :3] * 255.0 + 0.5).clamp(0, 255).byte().permute(1, 2, 0).numpy()


class Scores:
    """Sums of one method over all pairs and frames."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def add(self, picture: Picture, truth: Picture, points: NDArray[np.float32]) -> None:
        """Count one picture."""
        masks = region_masks(points, picture.shape[0])
        for name, value in l1_by_region(picture, truth, masks).items():
            self.put(f"{name}_l1", value)
        for name, mask in masks.items():
            self.put(f"{name}_psnr_db", psnr_db(picture, truth, mask))

    def add_ssim(self, picture: Picture, truth: Picture) -> None:
        """Count structural similarity (Wang et al. 2004, 7x7 window, RGB)."""
        self.put("ssim", float(structural_similarity(picture, truth, channel_axis=2)))

    def put(self, name: str, value: float) -> None:
        """Add one number."""
        self._values.setdefault(name, []).append(value)

    def mean(self, name: str) -> float:
        """Mean of all numbers under ``name``."""
        return float(np.mean(self._values[name]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line."""

    weights: Path
    pairs: int
    frames: int
    size: int
    runtime: RuntimeSettings


def _score(pictures: Iterable[Picture], pair: Pair, scores: Scores) -> list[Picture]:
    made = list(pictures)
    if len(made) != len(pair.truth):
        raise RuntimeError(f"expected {len(pair.truth)} pictures, got {len(made)}")
    for number, (picture, truth, points) in enumerate(zip(made, pair.truth, pair.points, strict=True)):
        scores.add(picture, truth, points)
        if number % 5 == 0:
            scores.add_ssim(picture, truth)
    return made


class Openings:
    """Openings asked for, seen in the truth, and seen in the model's pictures; correlated per character.

    Eyes and mouths that hardly move in a performance are left out.
    """

    def __init__(self) -> None:
        self._rule: dict[str, list[float]] = {}
        self._model: dict[str, list[float]] = {}

    def add(self, index: int, pair: Pair, made: list[Picture]) -> None:
        """Measure one pair."""
        rules = opening_rules(held_out_character(index), pair.avatar.rgb.shape[0])
        for name, rule in rules.items():
            true_points = [opening(points, rule.rows) for points in pair.points]
            asked = [opening(control.points, rule.rows) for control in pair.controls]
            truth = [rule.measure(one, at) for one, at in zip(pair.truth, pair.points, strict=True)]
            seen = [rule.measure(one, at.points) for one, at in zip(made, pair.controls, strict=True)]
            if float(np.std(true_points)) < LEAST_MOTION:
                continue  # a mouth that stays shut correlates with nothing
            group = name.split("_")[0]
            self._rule.setdefault(group, []).append(_correlation(true_points, truth))
            self._model.setdefault(group, []).append(_correlation(asked, seen))

    def means(self) -> dict[str, float]:
        """Mean correlations of rule and model."""
        rule = {f"{name}_rule_correlation": float(np.mean(values)) for name, values in self._rule.items()}
        return rule | {
            f"{name}_opening_correlation": float(np.mean(values)) for name, values in self._model.items()
        }


def _correlation(a: list[float], b: list[float]) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def _baselines(pairs: list[Pair], shown: Animator) -> dict[str, Scores]:
    scores = {name: Scores() for name in ("still", "warp", "layered", "shuffled")}
    for index, pair in enumerate(pairs):
        _score([pair.avatar.rgb] * len(pair.truth), pair, scores["still"])
        _score(warped_reference(pair), pair, scores["warp"])
        _score(layered_reference(pair), pair, scores["layered"])
        order = np.random.default_rng(index).permutation(len(pair.controls))
        shuffled = [pair.controls[position] for position in order]
        _score(shown.animate(pair.avatar, shuffled), pair, scores["shuffled"])
    return scores


def _flicker(animator: Animator, options: Options, jitter: Jitter, pairs: int = 5) -> float:
    ratios = []
    for index in range(min(pairs, options.pairs)):
        pair = make_pair(index, min(options.frames, 60), options.size, jitter)
        made = list(animator.animate(pair.avatar, pair.controls))
        ratios.append(second_difference(made) / second_difference(pair.truth))
    return float(np.mean(ratios))


def measure(options: Options, points: list[tuple[int, int]]) -> dict[str, object]:
    """Measure the operating points ``(N, c)``; the first is the one that the headline keys describe."""
    networks = load_pocket(options.weights)
    pairs = [make_pair(index, options.frames, options.size) for index in range(options.pairs)]
    animators = {point: Animator(networks, options.runtime, point, options.size) for point in points}
    baselines = _baselines(pairs, animators[points[0]])
    warp = baselines["warp"]
    rows, openings = [], Openings()
    for point, animator in animators.items():
        scores = Scores()
        for index, pair in enumerate(pairs):
            made = _score(animator.animate(pair.avatar, pair.controls), pair, scores)
            if point == points[0]:
                openings.add(index, pair, made)
        row = {"levels": point[0], "chunk": point[1], **_summary(scores, warp)}
        row["flicker"] = _flicker(animator, options, Jitter.LANDMARKS)
        row["flicker_of_shaken_controls"] = _flicker(animator, options, Jitter.CONTROLS)
        rows.append(row)
    table = {name: _summary(scores, warp) for name, scores in baselines.items()}
    return {**rows[0], **openings.means(), "operating_points": rows, "baselines": table}


def _summary(scores: Scores, warp: Scores) -> dict[str, float]:
    ratios = {f"{part}_error_ratio": scores.mean(f"{part}_l1") / warp.mean(f"{part}_l1") for part in REGIONS}
    errors = {f"{part}_l1": scores.mean(f"{part}_l1") for part in REGIONS}
    decibels = {f"{part}_psnr_db": scores.mean(f"{part}_psnr_db") for part in ("eye", "mouth")}
    return {
        **ratios,
        **errors,
        "psnr_db": scores.mean("picture_psnr_db"),
        **decibels,
        "ssim": scores.mean("ssim"),
    }


def drift(options: Options, point: tuple[int, int], minutes: int = 5) -> float:
    """Return the last minute's L1 over the first's, for one performance repeated without a pause."""
    animator = Animator(load_pocket(options.weights), options.runtime, point, options.size)
    pair = make_pair(0, 1500, options.size)
    endless = (control for _ in range(minutes) for control in pair.controls)
    sums = np.zeros(minutes)
    for number, picture in enumerate(animator.animate(pair.avatar, endless)):
        minute, frame = divmod(number, len(pair.truth))
        if frame % 10 == 0:
            sums[minute] += np.abs(picture.astype(np.float32) - pair.truth[frame]).mean()
    return float(sums[-1] / sums[0])


def _print_table(result: dict[str, object]) -> None:
    columns = ("picture_error_ratio", "eye_error_ratio", "mouth_error_ratio", "psnr_db", "ssim", "flicker")
    print(f"{'':16}" + "".join(f"{name:>21}" for name in columns))
    named = [(name, row) for name, row in result["baselines"].items()]  # type: ignore[attr-defined]
    named += [(f"N={row['levels']} c={row['chunk']}", row) for row in result["operating_points"]]  # type: ignore[attr-defined]
    for name, row in named:
        cells = (f"{row[column]:21.3f}" if column in row else f"{'':21}" for column in columns)
        print(f"{name:16}" + "".join(cells))


def _options() -> tuple[Options, argparse.Namespace]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--pairs", type=int, default=NUM_HELD_OUT)
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument(
        "--points", nargs="+", default=["1x1", "2x1", "4x1", "1x2", "2x2", "4x2", "1x4", "2x4", "4x4"]
    )
    parser.add_argument("--runtime", choices=[kind.value for kind in RuntimeKind])
    parser.add_argument("--drift", action="store_true", help="also run five minutes without a pause")
    given = parser.parse_args()
    kind = RuntimeKind(given.runtime) if given.runtime else None
    runtime = choose_runtime(probe_machine(), kind=kind).settings
    options = Options(
        weights=given.weights, pairs=given.pairs, frames=given.frames, size=given.size, runtime=runtime
    )
    return options, given


def main() -> None:
    """Measure, print the table and the JSON line."""
    options, given = _options()
    points = [(int(text.split("x")[0]), int(text.split("x")[1])) for text in given.points]
    result = measure(options, points)
    if given.drift:
        result["drift"] = drift(options, points[0])
    _print_table(result)
    runtime = f"{options.runtime.kind.value}, {options.runtime.precision.value}"
    about = {"bench": "quality", **describe(), "runtime": runtime}
    about |= {"pairs": options.pairs, "frames": options.frames, "size": options.size}
    print(json.dumps(about | result))


if __name__ == "__main__":
    main()
