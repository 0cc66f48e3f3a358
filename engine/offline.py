"""``animate``: a clip in, an avatar clip of the same length out, every frame in order.

The feed tracks one frame ahead on its own thread; the calling thread paints; the recorder encodes on a third.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from pathlib import Path

from engine.clock import Clock, SystemClock
from engine.errors import EngineFailedError, SourceError, UnderstudyError
from engine.feed import Feed, Tracked
from engine.handover import InOrder
from engine.latency import RingStats, StageTimes
from engine.pipeline import STAGES, Pipeline
from engine.rooms import RecordingSink, Rooms
from engine.settings import Settings
from engine.sinks.output_file import check_output
from engine.sinks.recorder_settings import RecordingReport
from engine.staging import Staging
from engine.standard_rooms import StandardRooms, source_clip
from engine.status import StageTime
from engine.types import Avatar, Picture, TrackState

_TAKE_TIMEOUT_S = 0.1
_LATENCIES = 100_000  # pictures whose latency is kept: an hour at 25 fps


class Ending(Enum):
    """How it ended."""

    COMPLETE = "complete"
    TRUNCATED = "truncated"  # the clip broke off before its stated end; what could be read is written
    INTERRUPTED = "interrupted"  # the user stopped it; what was painted is written


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimateReport:
    """What was done.

    Attributes:
        recording: What was written, and where.
        ending: See ``Ending``.
        frames_in: Frames read.
        frames_out: Pictures written.
        frames_found: Frames in which a face was found; 0: the avatar was at rest all the time.
        seconds: From the first frame read to the file's end, without loading; a warm-up counts.
        warm_up_frames: Frames with which the model began, painted together; 0: each by itself.
        warm_up_s: Of ``seconds``, those until the first picture of a model that warms up; else 0.
        loading_s: Time that loading took before the first frame.
        fps: Pictures per second.
        motion_to_photon_p50_ms, motion_to_photon_p95_ms: From reading a frame to handing its picture over.
        stage_ms: Time of each stage.
        runtime_text: Which library ran the networks, how, and why.
    """

    recording: RecordingReport
    ending: Ending
    frames_in: int
    frames_out: int
    frames_found: int
    seconds: float
    loading_s: float
    fps: float
    motion_to_photon_p50_ms: float
    motion_to_photon_p95_ms: float
    stage_ms: Mapping[str, StageTime]
    runtime_text: str
    warm_up_frames: int = 0
    warm_up_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnimateHooks:
    """What the caller hears and says meanwhile. Called on the calling thread.

    Attributes:
        on_progress: Pictures written so far, and how many there will be (None: unknown).
        should_stop: Asked between two frames; True ends with what is there.
        on_warm_up: The model is loaded and begins with so many frames, painted together, which takes a while.
        on_part: It broke off, the error follows, and this is what was written until then. Not called where
            writing itself failed: that error says what is left.
    """

    on_progress: Callable[[int, int | None], None] = lambda _done, _total: None
    should_stop: Callable[[], bool] = lambda: False
    on_warm_up: Callable[[int], None] = lambda _frames: None
    on_part: Callable[[RecordingReport], None] = lambda _part: None


def animate(
    settings: Settings,
    output: Path,
    hooks: AnimateHooks | None = None,
    *,
    avatar: Avatar | None = None,
    rooms: Rooms | None = None,
    clock: Clock | None = None,
) -> AnimateReport:
    """Paint a clip.

    Args:
        settings: With ``Pace.OFFLINE`` and a clip as source.
        output: The MP4 file; an existing one is replaced by a whole movie with a face in it only, and what
            was painted is else kept beside it: see the report's ``recording``.
        hooks: Progress and stop.
        avatar: Who is on stage; None: whom the settings name.
        rooms: Makes the parts; the real ones by default.
        clock: Whose seconds.

    Raises:
        SourceError: the source is no clip that can be read.
        SinkError: the output cannot be written; it says what is left, and where.
        UnderstudyError: avatar, weights or runtime cannot be had.
        KeyboardInterrupt: it was stopped before the first picture; nothing was written.
    """
    rooms = rooms if rooms is not None else StandardRooms()
    check_clip(settings, output, rooms)
    clip = source_clip(settings.source)
    job = _Job(settings, rooms, clock if clock is not None else SystemClock(), hooks or AnimateHooks())
    return job.run(output, clip, avatar)


def check_clip(settings: Settings, output: Path, rooms: Rooms | None = None) -> None:
    """Refuse what can be seen to fail before anything heavy is loaded; ``animate`` begins with it.

    Args:
        settings: As for ``animate``.
        output: As for ``animate``.
        rooms: As for ``animate``.

    Raises:
        SourceError: the source is no clip that can be read.
        SinkError: the output cannot be written.
        WeightsError: files of the chosen model or tracker are missing.
        SettingsError: the stage's picture cannot be read.
    """
    clip = source_clip(settings.source)
    if clip is None and settings.source.strip().removeprefix("camera:").isdecimal():
        raise SourceError(
            f"Camera {settings.source.strip().removeprefix('camera:')} has no end to animate.",
            hint="Use `understudy live` for cameras.",
        )
    check_start(settings, output, rooms)


def check_start(settings: Settings, recording: Path | None = None, rooms: Rooms | None = None) -> None:
    """Refuse what can be seen to fail before a session starts; no camera is opened.

    Args:
        settings: The session's.
        recording: What it is to record to, or None.
        rooms: Makes the parts; the real ones by default.

    Raises:
        SourceError: the clip cannot be read.
        SinkError: the recording cannot be written.
        WeightsError: files of the chosen model or tracker are missing.
        SettingsError: the stage's picture cannot be read.
    """
    if recording is not None:
        check_output(recording, source_clip(settings.source))
    (rooms if rooms is not None else StandardRooms()).check(settings)


class _Job:
    """One clip on its way."""

    def __init__(self, settings: Settings, rooms: Rooms, clock: Clock, hooks: AnimateHooks) -> None:
        self._settings = settings
        self._rooms = rooms
        self._clock = clock
        self._hooks = hooks
        self._times = StageTimes(STAGES, clock)
        self._staging = Staging(rooms, self._times)
        self._latency_ms = RingStats(_LATENCIES)
        self._frames_found = 0
        self._frames_out = 0
        self._was_stopped = False
        self._first_at_s: float | None = None  # when the first picture was handed over
        self._is_ready = threading.Event()
        self._feed = Feed(
            lambda: rooms.open_source(settings, clock),
            lambda: rooms.open_tracker(settings),
            InOrder(),
            self._times,
            may_read=self._is_ready,
        )

    def run(self, output: Path, clip: Path | None, avatar: Avatar | None) -> AnimateReport:
        """Paint every frame; see ``animate``."""
        started_at_s = self._clock.now_s()
        self._feed.start()
        try:
            pipeline = self._build(avatar)
            self._is_ready.set()
            first = self._await_first()
            loaded_at_s = self._clock.now_s()
            if self._staging.warm_up_frames:
                self._hooks.on_warm_up(self._staging.warm_up_frames)
            recorder = self._open_recorder(output, clip)
            recording = self._paint_all(pipeline, first, recorder)
        finally:
            self._is_ready.set()
            self._feed.stop()
        if isinstance(self._feed.error, EngineFailedError):
            self._hooks.on_part(recording)
            raise self._feed.error  # a defect, not a damaged clip; what was painted is written
        report = self._report(recording, loaded_at_s - started_at_s, self._clock.now_s() - loaded_at_s)
        if not report.warm_up_frames or self._first_at_s is None:
            return report
        return replace(report, warm_up_s=self._first_at_s - loaded_at_s)

    def _build(self, avatar: Avatar | None) -> Pipeline:
        """Return the pipeline; when the source is at fault, too, that is what the user hears about."""
        try:
            pipeline = self._staging.build(self._settings, avatar)
        except UnderstudyError:
            if self._feed.error is not None:
                raise self._feed.error from None
            raise
        if self._feed.error is not None:
            raise self._feed.error
        return pipeline

    def _await_first(self) -> Tracked:
        """Return the first frame: from then on the source's facts are known."""
        for tracked in self._frames():
            return tracked
        if self._was_stopped:
            raise KeyboardInterrupt
        raise self._feed.error or SourceError(
            f"{self._settings.source} gave no picture.", hint="Check the clip in a player."
        )

    def _frames(self) -> Iterator[Tracked]:
        """Yield tracked frames until the source ends or the user stops."""
        while not self._is_stopped():
            try:
                tracked = self._feed.handover.take(_TAKE_TIMEOUT_S)
            except EOFError:
                return
            if tracked is not None:
                yield tracked

    def _is_stopped(self) -> bool:
        self._was_stopped = self._was_stopped or self._hooks.should_stop()
        return self._was_stopped

    def _open_recorder(self, output: Path, clip: Path | None) -> RecordingSink:
        rate = getattr(self._feed.source, "rate", None) or Fraction(30)
        size = self._settings.composed_size
        recorder = self._rooms.recorder(output, size, rate, sound=clip, is_live=False)
        recorder.open()
        return recorder

    def _paint_all(self, pipeline: Pipeline, first: Tracked, recorder: RecordingSink) -> RecordingReport:
        try:
            self._paint(pipeline, first, recorder)
            for tracked in self._frames():
                self._paint(pipeline, tracked, recorder)
            last = pipeline.finish()
            if last:
                self._send(last, recorder)
                self._tell_progress()
        except BaseException:
            # What was written plays, whatever happened; a second failure of the same disk is no news.
            recorder.keep_old()
            with suppress(UnderstudyError):
                recorder.close()
                if recorder.report is not None:
                    self._hooks.on_part(recorder.report)
            raise
        return self._end(recorder)

    def _end(self, recorder: RecordingSink) -> RecordingReport:
        """Finish the file; it replaces an older one only where it is what was asked for."""
        if self._ending() is not Ending.COMPLETE:
            recorder.keep_old("stopped" if self._was_stopped else "unfinished")
        elif self._frames_found == 0:
            recorder.keep_old("no face")
        if self._was_stopped:
            recorder.close()
            assert recorder.report is not None  # a closed recorder has one
            return recorder.report
        return recorder.finish()

    def _paint(self, pipeline: Pipeline, tracked: Tracked, recorder: RecordingSink) -> None:
        self._frames_found += tracked.performance.state is TrackState.FOUND
        self._send(pipeline.step(tracked.ticket, tracked.performance), recorder)
        self._tell_progress()

    def _tell_progress(self) -> None:
        total = self._feed.source.num_frames if self._feed.source is not None else None
        self._hooks.on_progress(self._frames_out, total)

    def _send(self, pictures: list[Picture], recorder: RecordingSink) -> None:
        for picture in pictures:
            with self._times.measure("send"):
                recorder.send(picture)
            now_s = self._clock.now_s()
            self._first_at_s = now_s if self._first_at_s is None else self._first_at_s
            self._frames_out += 1
            self._latency_ms.add((now_s - picture.captured_at_s) * 1e3)

    def _ending(self) -> Ending:
        if self._was_stopped:
            return Ending.INTERRUPTED
        is_truncated = self._feed.error is not None or getattr(self._feed.source, "truncated", False)
        return Ending.TRUNCATED if is_truncated else Ending.COMPLETE

    def _report(self, recording: RecordingReport, loading_s: float, seconds: float) -> AnimateReport:
        return AnimateReport(
            recording=recording,
            ending=self._ending(),
            frames_in=self._feed.frames_in,
            frames_out=self._frames_out,
            frames_found=self._frames_found,
            seconds=seconds,
            loading_s=loading_s,
            fps=self._frames_out / seconds if seconds > 0 else 0.0,
            motion_to_photon_p50_ms=self._latency_ms.percentile(50),
            motion_to_photon_p95_ms=self._latency_ms.percentile(95),
            stage_ms=self._times.summary(),
            runtime_text=self._staging.runtime_text,
            warm_up_frames=self._staging.warm_up_frames,
        )
