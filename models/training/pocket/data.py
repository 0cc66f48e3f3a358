"""Fresh drawn characters without end, as training clips.

Worker processes draw characters and performances (``models.training.characters``) and put whole clips on a
queue; the trainer keeps a pool of the newest clips and draws batches from it. Each frame carries two sets of
points: where the character's own points truly are, and where another character's performance puts them
through the engine's retargeting, which is what the network will meet live.
"""

import multiprocessing
import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.retarget.retargeter import Retargeter
from engine.retarget.settings import DRAWN, RetargetSettings
from engine.types import Avatar
from models.networks.fill import background_plate, extend_colour
from models.training.characters import (
    NEUTRAL,
    Act,
    draw,
    pose,
    sample_character,
    sample_performance,
    training_rng,
)
from models.training.driving import performance_of

CLIP_FRAMES = 16
FPS = 25.0
FIRST_CLIPS = 16  # drawn before the first batch
CHECK_S = 5.0  # how often a wait looks after the drawing processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One character acting for ``CLIP_FRAMES`` successive frames.

    Attributes:
        reference: ``(4, S, S)`` uint8: RGB of the neutral drawing with its background, and alpha.
        reference_points, reference_scores: ``(61, 2)``, ``(61,)`` float32.
        depth: Of the points at rest, ``(61,)`` float32 (``engine.types.Avatar.depth``).
        rgb: ``(T, 3, S, S)`` uint8.
        alpha: ``(T, 1, S, S)`` uint8.
        points: True points ``(T, 61, 2)`` float32.
        driven: Points through retargeting ``(T, 61, 2)`` float32.
        scores: ``(T, 61)`` float32.
    """

    reference: NDArray[np.uint8]
    reference_points: NDArray[np.float32]
    reference_scores: NDArray[np.float32]
    depth: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    points: NDArray[np.float32]
    driven: NDArray[np.float32]
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """How much is drawn.

    Attributes:
        seed: Root of every character and performance.
        start: Step at which the run (re)starts: a continued run draws other characters.
        first_worker: Number of this trainer's first drawing process; every process has characters of its own.
        size: Side of the pictures in pixels.
        num_workers: Drawing processes.
        pool_clips: Clips kept; the oldest leaves when a new one comes.
        reuse: Frames trained on per frame drawn; bounds the drawing's share of the processor.
        in_step: Wait for a drawing that is late rather than go on without it: with one drawing process the
            batches follow from the seed alone, whatever else the machine does.
    """

    seed: int = 1
    start: int = 0
    first_worker: int = 0
    size: int = 256
    num_workers: int = 1
    pool_clips: int = 256
    reuse: float = 3.0
    in_step: bool = False


def _channels_first(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(rgb.transpose(2, 0, 1))


def _to_bytes(matte: NDArray[np.float32]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = np.clip(matte * 255.0 + 0.5, 0, 255).astype(np.uint8)
    return pixels


def draw_clip(rng: np.random.Generator, size: int) -> Clip:
    """Draw one clip of a fresh character under a fresh performance."""
    character = sample_character(rng)
    acts = sample_performance(rng, CLIP_FRAMES, FPS)
    rest = pose(character, NEUTRAL)
    reference = draw(character, rest, size)
    posed = [pose(character, act) for act in acts]
    drawings = [draw(character, one, size) for one in posed]
    points = np.stack([one.points for one in posed]).astype(np.float32)
    target = Avatar(name="", rgb=reference.rgb, points=rest.points, depth=rest.depth, scores=rest.scores)
    return Clip(
        reference=np.concatenate([_channels_first(reference.rgb), _to_bytes(reference.alpha)[None]]),
        reference_points=rest.points.astype(np.float32),
        reference_scores=rest.scores.astype(np.float32),
        depth=rest.depth.astype(np.float32),
        rgb=np.stack([_channels_first(one.rgb) for one in drawings]),
        alpha=np.stack([_to_bytes(one.alpha)[None] for one in drawings]),
        points=points,
        driven=_driven_points(rng, target, acts),
        scores=np.stack([one.scores for one in posed]).astype(np.float32),
    )


def _driven_points(rng: np.random.Generator, target: Avatar, acts: Sequence[Act]) -> NDArray[np.float32]:
    # What the engine would make of another character doing the same, its rest pose known.
    driver = sample_character(rng)
    retargeter = Retargeter(target, RetargetSettings(mirror=False, performer=DRAWN))
    retargeter.set_neutral([performance_of(driver, NEUTRAL)])
    performances = (performance_of(driver, act, index, index / FPS) for index, act in enumerate(acts))
    return np.stack([retargeter.control(one).points for one in performances]).astype(np.float32)


def _work(settings: DataSettings, worker: int, out: "multiprocessing.Queue[Clip]") -> None:
    torch.set_num_threads(1)
    rng = training_rng(settings.seed, worker, settings.start)
    while True:
        out.put(draw_clip(rng, settings.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Sequences for one step; B sequences of F frames, pictures float32 0..1.

    Attributes:
        reference: ``(B, 4, S, S)`` RGBA, colour continued beyond the character's edge.
        reference_points, reference_scores: ``(B, 61, 2)``, ``(B, 61)``.
        plate: ``(B, 3, S, S)`` the background without the character.
        rgb, alpha: ``(B, F, 3, S, S)``, ``(B, F, 1, S, S)``.
        points, driven: ``(B, F, 61, 2)``: for the loss, and for the network.
        scores: ``(B, F, 61)``.
    """

    reference: Tensor
    reference_points: Tensor
    reference_scores: Tensor
    plate: Tensor
    rgb: Tensor
    alpha: Tensor
    points: Tensor
    driven: Tensor
    scores: Tensor


def make_batch(windows: list[tuple[Clip, int]], frames: int, device: torch.device) -> Batch:
    """Stack windows (clip, first frame) of ``frames`` frames."""

    def stack(name: str, *, cut: bool) -> Tensor:
        parts = [
            getattr(clip, name)[start : start + frames] if cut else getattr(clip, name)
            for clip, start in windows
        ]
        tensor = torch.from_numpy(np.stack(parts)).to(device)
        return tensor.float() / 255.0 if tensor.dtype == torch.uint8 else tensor

    reference = stack("reference", cut=False)
    rgb, alpha = reference[:, :3], reference[:, 3:4]
    return Batch(
        reference=torch.cat([extend_colour(rgb, alpha), alpha], dim=1),
        reference_points=stack("reference_points", cut=False),
        reference_scores=stack("reference_scores", cut=False),
        plate=background_plate(rgb, alpha),
        rgb=stack("rgb", cut=True),
        alpha=stack("alpha", cut=True),
        points=stack("points", cut=True),
        driven=stack("driven", cut=True),
        scores=stack("scores", cut=True),
    )


class ClipPool:
    """The newest clips, filled by drawing processes. Use as a context manager. Thread: the trainer's.

    Raises:
        RuntimeError: On entering, and whenever a new clip is due: a drawing process has died.
    """

    def __init__(self, settings: DataSettings) -> None:
        self._settings = settings
        self._clips: list[Clip] = []
        self._credit = 0.0
        self._rng = training_rng(settings.seed, 500 + settings.first_worker, settings.start)
        context = multiprocessing.get_context("spawn")
        self._queue: multiprocessing.Queue[Clip] = context.Queue(maxsize=4)
        self._workers = [
            context.Process(
                target=_work, args=(settings, settings.first_worker + index, self._queue), daemon=True
            )
            for index in range(settings.num_workers)
        ]
        self._next = 0

    def __enter__(self) -> "ClipPool":
        for worker in self._workers:
            worker.start()
        try:
            while len(self._clips) < min(FIRST_CLIPS, self._settings.pool_clips):
                self._add(self._wait_for_clip())
        except BaseException:
            self._stop()  # __exit__ is not called when this raises
            raise
        return self

    def _wait_for_clip(self) -> Clip:
        while True:
            try:
                return self._queue.get(timeout=CHECK_S)
            except queue.Empty:
                self._check_workers()

    def _check_workers(self) -> None:
        if not all(worker.is_alive() for worker in self._workers):
            raise RuntimeError("a drawing process has died; its own message says why")

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> None:
        for worker in self._workers:
            worker.terminate()
            worker.join()

    def batches(self, device: torch.device, shape: Iterator[tuple[int, int]]) -> Iterator[Batch]:
        """Yield a batch for each ``(sequences, frames)`` of ``shape``."""
        for sequences, frames in shape:
            self._refill(sequences * frames)
            chosen = self._rng.choice(len(self._clips), sequences, replace=sequences > len(self._clips))
            starts = self._rng.integers(0, CLIP_FRAMES - frames + 1, sequences)
            windows = [(self._clips[clip], int(start)) for clip, start in zip(chosen, starts, strict=True)]
            yield make_batch(windows, frames, device)

    def clips(self, count: int) -> list[Clip]:
        """Return ``count`` clips of the pool, new ones having been let in for one frame of each."""
        self._refill(count)
        return [self._clips[index] for index in self._rng.integers(0, len(self._clips), count)]

    def _refill(self, frames: int) -> None:
        self._credit += frames / self._settings.reuse / CLIP_FRAMES
        while self._credit >= 1.0:
            clip = self._wait_for_clip() if self._settings.in_step else self._clip_at_hand()
            if clip is None:
                return
            self._add(clip)
            self._credit -= 1.0

    def _clip_at_hand(self) -> Clip | None:
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            self._check_workers()
            return None

    def _add(self, clip: Clip) -> None:
        if len(self._clips) < self._settings.pool_clips:
            self._clips.append(clip)
            return
        self._clips[self._next] = clip
        self._next = (self._next + 1) % len(self._clips)
