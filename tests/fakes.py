"""Stand-ins for every room, so that the whole engine runs in milliseconds without a camera or a network.

A fake control carries its frame's number in its first point, the fake networks carry it on, and the fake
decoder paints it: so a test can see in a picture which frame, which avatar and which pose it shows.
"""

# ruff: noqa: ARG002 - fakes keep the signatures of what they stand for

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from engine.clock import Clock
from engine.errors import UnderstudyError
from engine.pipeline import Cast, Machinery, Ticket
from engine.settings import Quality, Settings, StageSettings
from engine.sinks.recorder_settings import RecordingReport, SoundKind
from engine.types import (
    NUM_CONTROLS,
    Avatar,
    Control,
    Frame,
    Origin,
    Performance,
    Picture,
    TrackState,
)

CAMERA_PIXEL = 199
"""What camera frames consist of; no picture may ever hold it."""

IDLE_X, AVATAR_PIXEL = -1.0, 50


def make_frame(index: int, *, fps: float = 25.0, at_s: float | None = None) -> Frame:
    rgb = np.full((4, 6, 3), CAMERA_PIXEL, np.uint8)
    media_s = index / fps
    return Frame(rgb=rgb, index=index, captured_at_s=media_s if at_s is None else at_s, media_s=media_s)


def make_performance(frame: Frame, state: TrackState = TrackState.FOUND) -> Performance:
    score = 0.9 if state is TrackState.FOUND else 0.0
    return Performance(
        frame_index=frame.index, captured_at_s=frame.captured_at_s, state=state, face_score=score
    )


def make_control(x: float) -> Control:
    points = np.zeros((NUM_CONTROLS, 2), np.float32)
    points[0, 0] = x
    return Control(points, np.ones(NUM_CONTROLS, np.float32), frame_index=-1, captured_at_s=0.0)


def make_avatar(name: str = "ada") -> Avatar:
    zeros = np.zeros(NUM_CONTROLS, np.float32)
    rgb = np.zeros((256, 256, 3), np.uint8)
    return Avatar(
        name=name, rgb=rgb, points=np.zeros((NUM_CONTROLS, 2), np.float32), depth=zeros, scores=zeros
    )


def make_card(width: int = 16, height: int = 9) -> Picture:
    return Picture(rgb=np.zeros((height, width, 3), np.uint8), origin=Origin.STANDBY)


@dataclass
class FakeSource:
    """Gives frames as they are asked for, then the end, or an error."""

    count: int | None = 10
    fps: float = 25.0
    rate: Fraction = Fraction(25)
    clock: Clock | None = None
    error: Exception | None = None
    truncated: bool = False
    dropped: int = 0
    gate: threading.Semaphore | None = None  # when given, each frame waits for a permit
    is_closed: bool = False
    given: int = 0

    @property
    def num_frames(self) -> int | None:
        return self.count

    def open(self) -> None:
        self.is_closed = False

    def read(self, timeout_s: float) -> Frame | None:
        if self.gate is not None and not self.gate.acquire(timeout=timeout_s):
            return None
        if self.count is not None and self.given >= self.count:
            if self.error is not None:
                raise self.error
            raise EOFError
        at_s = None if self.clock is None else self.clock.now_s()
        frame = make_frame(self.given, fps=self.fps, at_s=at_s)
        self.given += 1
        return frame

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeTracker:
    """Sees a face in the frames that ``sees`` names."""

    sees: Callable[[int], bool] = lambda _index: True
    error: Exception | None = None
    is_closed: bool = False
    tracked: list[int] = field(default_factory=list)

    def track(self, frame: Frame) -> Performance:
        if self.error is not None:
            raise self.error
        self.tracked.append(frame.index)
        state = TrackState.FOUND if self.sees(frame.index) else TrackState.LOST
        return make_performance(frame, state)

    def reset(self) -> None:
        self.tracked.clear()

    def close(self) -> None:
        self.is_closed = True


@dataclass
class FakeDriver:
    """Puts the frame's number, scaled down, where the first point is."""

    mirror: bool = False
    avatar: Avatar | None = None
    calibrations: int = 0

    def control(self, performance: Performance) -> Control:
        return make_control(performance.frame_index / 100)

    def set_avatar(self, avatar: Avatar) -> None:
        self.avatar = avatar

    def calibrate(self) -> None:
        self.calibrations += 1


class FakeResting:
    """Stands still, at a place of its own."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def control(self, time_s: float, /) -> Control:
        self.times.append(time_s)
        return make_control(IDLE_X)


def fake_ease(start: Control, end: Control, fraction: float, /) -> Control:
    return make_control(float(start.points[0, 0] * (1 - fraction) + end.points[0, 0] * fraction))


@dataclass
class FakeConditioner:
    """The avatar's name is its reference; a row holds the control's first point."""

    avatar: Avatar
    size: int = 8

    @property
    def reference(self) -> Mapping[str, Any]:
        return {"name": self.avatar.name}

    @property
    def picture(self) -> Any:
        return self.avatar.name

    @property
    def plate(self) -> Any:
        return np.zeros((self.size, self.size, 3), np.uint8)

    def row(self, control: Control) -> Mapping[str, Any]:
        return {"x": np.array([control.points[0, 0]], np.float32)}


@dataclass
class FakeRow:
    latents: Any
    conditions: Mapping[str, Any]
    tag: object


class FakeBuffer:
    """Holds ``levels - 1`` rows back, as the real one does."""

    def __init__(self, levels: int = 1) -> None:
        self.levels = levels
        self.reference: Mapping[str, Any] = {}
        self.rows: deque[FakeRow] = deque()
        self.error: Exception | None = None
        self.resets = 0

    def push(self, conditions: Mapping[str, Any], latents: Any = None, tag: object = None) -> FakeRow | None:
        if self.error is not None:
            raise self.error
        self.rows.append(FakeRow(conditions["x"], conditions, tag))
        return self.rows.popleft() if len(self.rows) == self.levels else None

    def drain(self) -> Iterator[FakeRow]:
        while self.rows:
            yield self.rows.popleft()

    def reset(self) -> None:
        self.rows.clear()
        self.resets += 1

    def set_guidance(self, guidance_scale: float) -> None:
        self.guidance_scale = guidance_scale

    def set_reference(self, reference: Mapping[str, Any]) -> None:
        self.reference = dict(reference)


class FakeDecoder:
    """Paints the point's place (in hundredths) into the red channel of a small picture."""

    def __init__(self, size: int = 8) -> None:
        self.size = size
        self.resets = 0
        self.pictures: list[object] = []

    def decode(self, latents: Any, conditions: Mapping[str, Any], picture: Any) -> Any:
        self.pictures.append(picture)
        rgba = np.full((len(latents), self.size, self.size, 4), AVATAR_PIXEL, np.uint8)
        rgba[..., 0] = np.clip(np.round(np.asarray(latents) * 100), 0, 255).astype(np.uint8)[:, None, None]
        return rgba

    def reset(self) -> None:
        self.resets += 1


def fake_compose(rgba: Any) -> Any:
    return np.ascontiguousarray(rgba[:, :, :3])


def fake_join(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def make_cast(avatar: Avatar | None = None, driver: FakeDriver | None = None) -> Cast:
    return Cast(
        performer=driver or FakeDriver(),
        resting=FakeResting(),
        conditioner=FakeConditioner(avatar or make_avatar()),
        composer=fake_compose,
    )


def make_machinery(levels: int = 1, chunk: int = 1) -> Machinery:
    return Machinery(buffer=FakeBuffer(levels), decoder=FakeDecoder(), join=fake_join, chunk=chunk)


def make_ticket(index: int, fps: float = 25.0) -> Ticket:
    return Ticket(index, index / fps, index / fps)


@dataclass
class FakeSink:
    """Keeps what it gets; fails from a given picture on."""

    fails_at: int | None = None
    error: UnderstudyError | None = None
    pictures: list[Picture] = field(default_factory=list)
    is_open: bool = False
    is_closed: bool = False
    beats: int = 0
    is_panicked: bool = False
    report: RecordingReport | None = None
    path: Path = Path("out.mp4")
    is_finished: bool = False
    spares: bool = False  # whether there is an older file, which it spares where it is told to
    label: str | None = None

    def open(self) -> None:
        if self.error is not None and self.fails_at is None:
            raise self.error
        self.is_open = True

    def send(self, picture: Picture) -> None:
        if self.error is not None and self.fails_at is not None and len(self.pictures) >= self.fails_at:
            raise self.error
        self.pictures.append(picture)

    def heartbeat(self) -> None:
        self.beats += 1

    def panic(self, is_on: bool) -> None:
        self.is_panicked = is_on

    def keep_old(self, label: str = "unfinished") -> None:
        self.label = label

    def close(self) -> None:
        self.is_closed = True
        is_beside = self.spares and self.label is not None
        self.report = RecordingReport(
            path=self.path.with_stem(f"{self.path.stem} ({self.label})") if is_beside else self.path,
            spared=self.path if is_beside else None,
            frames=len(self.pictures),
            dropped=0,
            seconds=len(self.pictures) / 25,
            num_bytes=1,
            sound=SoundKind.NONE,
            is_sound_complete=True,
            is_fast_start=True,
        )

    def finish(self) -> RecordingReport:
        self.is_finished = True
        self.close()
        assert self.report is not None
        return self.report

    @property
    def origins(self) -> list[Origin]:
        return [picture.origin for picture in self.pictures]

    @property
    def indices(self) -> list[int]:
        return [picture.frame_index for picture in self.pictures if picture.frame_index >= 0]


class FakeStudio:
    """Makes fake machinery, and remembers it."""

    def __init__(self) -> None:
        self.runtime_text = "fake, exact (for tests)"
        self.made: list[Machinery] = []
        self.error: Exception | None = None
        self.is_guided = False
        self.warm_up_frames = 0

    def machinery(self, quality: Quality, seed: int) -> Machinery:
        if self.error is not None:
            raise self.error
        machinery = Machinery(
            buffer=FakeBuffer(quality.levels),
            decoder=FakeDecoder(),
            join=fake_join,
            chunk=quality.chunk,
            is_guided=self.is_guided,
            warm_up_frames=self.warm_up_frames,
        )
        self.made.append(machinery)
        return machinery

    def conditioner(self, avatar: Avatar, size: int) -> FakeConditioner:
        return FakeConditioner(avatar)


class FakeRooms:
    """Builds fakes and keeps hold of them.

    Args:
        source: The first source; further ones are made by ``sources``.
        tracker: The tracker.
    """

    ease = staticmethod(fake_ease)

    def __init__(self, source: FakeSource | None = None, tracker: FakeTracker | None = None) -> None:
        self.source = source or FakeSource()
        self.tracker = tracker or FakeTracker()
        self.studio = FakeStudio()
        self.drivers: list[FakeDriver] = []
        self.sink = FakeSink()
        self.camera = FakeSink()
        self.sources: dict[str, FakeSource] = {}
        self.avatars = {name: make_avatar(name) for name in ("ada", "bob", "finn")}
        self.avatars["default"] = self.avatars["ada"]
        self.errors: dict[str, Exception] = {}
        self.recorders: list[tuple[Path, tuple[int, int], Fraction, Path | None, bool]] = []
        self.saved: list[tuple[Picture, Path]] = []

    def _maybe_raise(self, what: str) -> None:
        if what in self.errors:
            raise self.errors[what]

    def check(self, settings: Settings) -> None:
        self._maybe_raise("check")

    def way_out_when_slow(self, settings: Settings) -> str:
        return "Buy another machine."

    def card(self, width: int, height: int) -> Picture:
        return make_card(width, height)

    def load_avatar(self, spec: str) -> Avatar:
        self._maybe_raise("avatar")
        return self.avatars[spec]

    def open_source(self, settings: Settings, clock: Clock) -> FakeSource:
        self._maybe_raise("source")
        return self.sources.get(settings.source, self.source)

    def open_tracker(self, settings: Settings) -> FakeTracker:
        self._maybe_raise("tracker")
        return self.tracker

    def open_studio(self, settings: Settings) -> FakeStudio:
        self._maybe_raise("studio")
        return self.studio

    def driver(self, avatar: Avatar, *, mirror: bool) -> FakeDriver:
        self.drivers.append(FakeDriver(mirror=mirror, avatar=avatar))
        return self.drivers[-1]

    def resting(self, avatar: Avatar) -> FakeResting:
        return FakeResting()

    def composer(self, stage: StageSettings, size: tuple[int, int], plate: Any) -> Callable[[Any], Any]:
        self._maybe_raise("stage")
        return fake_compose

    def recorder(
        self, path: Path, size: tuple[int, int], rate: Fraction, *, sound: Path | None, is_live: bool
    ) -> FakeSink:
        self.recorders.append((path, size, rate, sound, is_live))
        self.sink.path = path
        return self.sink

    def virtual_camera(self, clock: Clock) -> FakeSink:
        return self.camera

    def save_picture(self, picture: Picture, path: Path) -> None:
        self.saved.append((picture, path))


def all_pixels(pictures: Iterable[Picture]) -> set[int]:
    return {int(value) for picture in pictures for value in np.unique(picture.rgb)}
