r"""Who should see whom across frames: ``python -m tests.bench.attention --weights all_rows=FILE ...``.

RAIN's claim (arXiv:2412.19489) at this project's scale: attention across noise levels and frames
(``all_rows``) against frames on their own (``nobody``, StreamDiffusion's batch), against older rows only
(``older_rows``) and against each level's own past through a ring (``own_level``, Live2Diff), at equal
evaluations per frame. All have the pocket model's networks; the ring remembers as many frames as the buffer
holds.

Each kind is measured with the shipped weights, which were trained for ``all_rows``, and with those of
``--weights``, all trained by the same command but for the kind::

    python -m models.training.pocket.train --resume assets/pocket/pocket.safetensors --part denoiser \
        --attend KIND --points 4x1,4x1,4x1,2x1,1x1 --steps 1600 --learning-rate 5e-4 --ema 0.995 \
        --processes 1 --in-step --reuse 6 --folder runs/KIND

Held-out pairs, errors and flicker are those of ``tests.bench.quality``. Drift: the error of the fifth minute
over the first's, in a stream of five minutes without a pause, one performance again and again. Every record
goes to ``--records`` as it is done; what that file holds is not measured again. Prints a Markdown table;
``--write`` puts it into ``engine/ARCHITECTURE.md``.
"""

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.denoise.settings import Attend
from models.checkpoints.pocket import load_pocket
from models.runtimes.choose import choose_runtime, probe_machine
from models.runtimes.protocol import RuntimeSettings
from tests.bench import attention_table
from tests.bench.machine import describe, is_busy, measure_reference
from tests.bench.picture_metrics import second_difference
from tests.bench.quality import (
    NUM_HELD_OUT,
    SHIPPED_WEIGHTS,
    Animator,
    Jitter,
    Pair,
    Scores,
    make_pair,
    warped_reference,
)

Record = dict[str, Any]
KINDS = (Attend.NOBODY, Attend.OLDER_ROWS, Attend.OWN_LEVEL, Attend.ALL_ROWS)
PARTS = ("quality", "drift", "latency")
CLIP_FRAMES = 300  # of the performance that is repeated
MINUTE_FRAMES = 1500
DRIFT_EVERY = 20  # one picture of so many is compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line.

    Attributes:
        weights: Kind -> its trained weights.
        point: ``(N, c)``.
        pairs: Held-out pairs.
        frames: Frames of each pair.
        minutes: Length of the stream whose drift is measured.
        parts: What is measured.
        runtime: How the networks are run.
        size: Side of the pictures in pixels.
    """

    weights: Mapping[Attend, Path]
    point: tuple[int, int]
    pairs: int
    frames: int
    minutes: int
    parts: tuple[str, ...]
    runtime: RuntimeSettings
    size: int = 256

    def animator(self, kind: Attend, weights: Path) -> Animator:
        """Return the engine's own path under a kind of attention."""
        return Animator(load_pocket(weights), self.runtime, self.point, self.size, kind)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What every kind is shown.

    Attributes:
        pairs: Held-out pairs, and under landmarks that shake as a webcam's.
        warp: Scores of the reference warped by its landmarks.
    """

    pairs: Sequence[Pair]
    shaken: Sequence[Pair]
    warp: Scores


def make_scene(options: Options) -> Scene:
    """Draw the pairs."""
    pairs = [make_pair(index, options.frames, options.size) for index in range(options.pairs)]
    shaken = [
        make_pair(index, options.frames, options.size, Jitter.LANDMARKS) for index in range(options.pairs)
    ]
    warp = Scores()
    for pair in pairs:
        for picture, truth, points in zip(warped_reference(pair), pair.truth, pair.points, strict=True):
            warp.add(picture, truth, points)
    return Scene(pairs=pairs, shaken=shaken, warp=warp)


def quality(animator: Animator, scene: Scene) -> Record:
    """Return errors against the warp, PSNR and flicker; picture error and flicker of each pair, too."""
    every, l1_of_pairs, flicker_of_pairs = Scores(), [], []
    for pair, shaken in zip(scene.pairs, scene.shaken, strict=True):
        own, made = Scores(), animator.animate(pair.avatar, pair.controls)
        for picture, truth, points in zip(made, pair.truth, pair.points, strict=True):
            own.add(picture, truth, points)
            every.add(picture, truth, points)
        l1_of_pairs.append(own.mean("picture_l1"))
        moving = list(animator.animate(shaken.avatar, shaken.controls))
        flicker_of_pairs.append(second_difference(moving) / second_difference(shaken.truth))
    ratios = {
        f"{part}_error_ratio": every.mean(f"{part}_l1") / scene.warp.mean(f"{part}_l1")
        for part in ("picture", "eye", "mouth")
    }
    return {
        **ratios,
        "psnr_db": every.mean("picture_psnr_db"),
        "flicker": statistics.mean(flicker_of_pairs),
        "picture_l1_of_pairs": l1_of_pairs,
        "flicker_of_pairs": flicker_of_pairs,
    }


def drift(animator: Animator, pair: Pair, minutes: int, minute_frames: int = MINUTE_FRAMES) -> Record:
    """Return the mean L1 of each minute of one stream, and the last one's over the first's.

    The decoder remembers one frame and no more, so only the rows that are compared are decoded, and the ones
    before them.
    """
    conditioner = animator.conditioner(pair.avatar)
    conditions = [conditioner.row(control) for control in pair.controls]
    endless = (conditions[number % len(conditions)] for number in range(minutes * minute_frames))
    sums, counts, number = np.zeros(minutes), np.zeros(minutes), 0
    for index, popped in enumerate(animator.popped(conditioner, endless)):
        chunk = len(popped.latents)
        if index % DRIFT_EVERY < DRIFT_EVERY - 2:
            number += chunk
            continue
        for picture in animator.decode(popped, conditioner):
            if index % DRIFT_EVERY == DRIFT_EVERY - 1:
                truth = pair.truth[number % len(pair.truth)]
                sums[number // minute_frames] += np.abs(picture.astype(np.float32) - truth).mean()
                counts[number // minute_frames] += 1
            number += 1
    errors = sums / counts
    return {"l1_of_minutes": errors.tolist(), "drift": float(errors[-1] / errors[0])}


def latency(options: Options, ticks: int = 60) -> Record:
    """Return each kind's median tick in ms, conditions and decoder left out; the kinds take turns."""
    pair = make_pair(0, 2, options.size)
    before = measure_reference(options.runtime.num_threads)
    streams: dict[Attend, Iterator[object]] = {}
    for kind in KINDS:
        animator = options.animator(kind, SHIPPED_WEIGHTS)
        conditioner = animator.conditioner(pair.avatar)
        row = conditioner.row(pair.controls[1])
        frames = (row for _ in range((ticks + options.point[0] + 3) * options.point[1]))
        streams[kind] = animator.popped(conditioner, frames)
    times: dict[Attend, list[float]] = {kind: [] for kind in KINDS}
    with torch.inference_mode():
        for tick in range(ticks + 1):
            for kind, stream in streams.items():
                started = time.perf_counter()
                next(stream)
                if tick:  # the first fills the buffer
                    times[kind].append((time.perf_counter() - started) * 1e3)
    after = measure_reference(options.runtime.num_threads)
    medians = {kind.value: statistics.median(values) for kind, values in times.items()}
    return {"tick_ms": medians, "busy": is_busy(before, after)}


class Records:
    """The records of a file, one JSON document a line; what it holds is not measured again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.all: list[Record] = [json.loads(line) for line in lines]

    def has(self, key: Record) -> bool:
        """Return whether a record says all that ``key`` says."""
        return any(all(record.get(name) == value for name, value in key.items()) for record in self.all)

    def add(self, record: Record) -> None:
        """Append a record."""
        self.all.append(record)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def measure(options: Options, records: Records) -> None:
    """Measure what ``records`` lacks."""
    runtime = f"{options.runtime.kind.value}, {options.runtime.precision.value}"
    about = {"levels": options.point[0], "chunk": options.point[1], "runtime": runtime}
    if "latency" in options.parts and not records.has({"part": "latency", **about}):
        records.add({"part": "latency", **about, **latency(options), **describe()})
    if "quality" in options.parts:
        _measure_quality(options, records, about)
    if "drift" in options.parts:
        pair = make_pair(0, CLIP_FRAMES, options.size)
        for kind, path in options.weights.items():
            key = {"part": "drift", **about, **_subject(kind, path), "minutes": options.minutes}
            if not records.has(key):
                records.add(key | drift(options.animator(kind, path), pair, options.minutes))


def _measure_quality(options: Options, records: Records, about: Record) -> None:
    subjects = [(kind, SHIPPED_WEIGHTS) for kind in KINDS] + list(options.weights.items())
    sizes = {"pairs": options.pairs, "frames": options.frames}
    missing = {
        (kind, path): key
        for kind, path in subjects
        if not records.has(key := {"part": "quality", **about, **_subject(kind, path), **sizes})
    }
    scene = make_scene(options) if missing else None
    for (kind, path), key in missing.items():
        assert scene is not None
        records.add(key | quality(options.animator(kind, path), scene))


def _subject(kind: Attend, path: Path) -> Record:
    digest = hashlib.blake2b(path.read_bytes(), digest_size=4).hexdigest()
    return {"kind": kind.value, "weights": digest, "trained": path != SHIPPED_WEIGHTS}


def parse_weights(text: str) -> tuple[Attend, Path]:
    """Read ``KIND=FILE``. Raises ``ValueError``."""
    kind, _, path = text.partition("=")
    return Attend(kind), Path(path)


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", nargs="*", type=parse_weights, default=[], metavar="KIND=FILE")
    parser.add_argument("--point", default="4x1", help="N x c")
    parser.add_argument("--pairs", type=int, default=NUM_HELD_OUT)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--records", type=Path, default=Path("runs/attention.jsonl"))
    parser.add_argument("--write", action="store_true", help="put the table into engine/ARCHITECTURE.md")
    given = parser.parse_args()
    levels, chunk = (int(number) for number in given.point.split("x"))
    options = Options(
        weights=dict(given.weights),
        point=(levels, chunk),
        pairs=given.pairs,
        frames=given.frames,
        minutes=given.minutes,
        parts=tuple(given.parts),
        runtime=choose_runtime(probe_machine()).settings,
    )
    records = Records(given.records)
    measure(options, records)
    text = attention_table.table_of(records.all)
    print(text)
    if given.write:
        attention_table.write(text)


if __name__ == "__main__":
    main()
