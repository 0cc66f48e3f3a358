"""``Session``: settings in, a running avatar out; everything that the window and the command line may call.

It owns the engine's threads (``live.py``), the outlets (preview, recording, virtual camera) and what is built
once (``staging.py``). Hot changes that are slow (another avatar, quality, source) are prepared on one more
thread, the stagehand, while the engine goes on; they are then swapped in between two frames.

Thread: every method from any thread. None of them waits for the networks but ``stop``.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.clock import Clock, SystemClock
from engine.errors import SettingsError, SinkError, UnderstudyError
from engine.latency import StageTimes
from engine.live import LiveRun
from engine.offline import AnimateHooks, AnimateReport, Ending, animate, check_clip, check_start
from engine.outlets import Outlets, RecordingPlan
from engine.pipeline import STAGES, Pipeline
from engine.rooms import Rooms
from engine.settings import Model, Quality, Settings, StageSettings
from engine.sinks.output_file import check_output
from engine.sinks.recorder_settings import RecordingReport
from engine.staging import Staging
from engine.standard_rooms import (
    StandardRooms,
    avatar_names,
    avatar_to_place,
    list_cameras,
    load_avatar,
    source_clip,
)
from engine.status import SessionState, StageTime, Status
from engine.system_libraries import explained
from engine.types import Avatar, Origin, Performance, Picture

__all__ = [
    "AnimateHooks",
    "AnimateReport",
    "Avatar",
    "Ending",
    "Model",
    "Origin",
    "Performance",
    "Picture",
    "Quality",
    "RecordingReport",
    "Session",
    "SessionState",
    "Settings",
    "StageSettings",
    "StageTime",
    "Status",
    "animate",
    "avatar_names",
    "avatar_to_place",
    "check_clip",
    "check_start",
    "list_cameras",
    "load_avatar",
]

_log = logging.getLogger(__name__)

_PROBE_SIZE = (16, 16)
_CAMERA_RATE = Fraction(30)


class Session:
    """One avatar on stage.

    Args:
        settings: What to begin with.
        rooms: Makes the parts; the real ones by default.
        clock: Whose seconds; the system's by default.
    """

    def __init__(self, settings: Settings, *, rooms: Rooms | None = None, clock: Clock | None = None) -> None:
        self._settings = settings
        self._rooms = rooms if rooms is not None else StandardRooms()
        self._clock = clock if clock is not None else SystemClock()
        self._staging = Staging(self._rooms, StageTimes(STAGES, self._clock))
        self._outlets = Outlets(self._rooms, self._clock)
        self._changing = threading.RLock()  # start, stop and settings; never taken by the engine's threads
        self._stagehand: ThreadPoolExecutor | None = None
        self._avatar: Avatar | None = None
        self._run: LiveRun | None = None

    @property
    def settings(self) -> Settings:
        """The newest settings, hot changes included."""
        return self._settings

    @property
    def runtime_text(self) -> str:
        """Which library runs the networks, how, and why; empty before they are loaded."""
        return self._staging.runtime_text

    @property
    def part(self) -> RecordingReport | None:
        """What ``stop`` found being recorded and closed; it replaced no older file. None: nothing so far."""
        return self._outlets.part

    def start(self) -> None:
        """Start the engine and return at once; does nothing while it runs."""
        with self._changing:
            if self._run is None:
                self._stagehand = ThreadPoolExecutor(1, thread_name_prefix="understudy-stagehand")
                self._run = LiveRun(self._settings, self._avatar, self._staging, self._outlets, self._clock)
                self._run.start()

    def stop(self) -> None:
        """End everything: engine, recording, virtual camera; idempotent. ``start`` may follow."""
        self._stop_engine()
        self._outlets.close()

    def restart(self) -> None:
        """Stop the engine and start it again; recording and virtual camera stay on, with the standby card."""
        self._stop_engine()
        self.start()

    def latest(self) -> Picture | None:
        """Return the newest picture, or None before the first start."""
        return self._outlets.latest()

    def performance(self) -> Performance | None:
        """Return what was seen in the newest frame, or None; it holds no pixels."""
        run = self._run
        return run.performance() if run is not None else None

    def status(self) -> Status:
        """Return one look at the session."""
        run = self._run
        if run is not None:
            return run.status()
        return Status(
            state=SessionState.STOPPED,
            is_live=self._outlets.is_live,
            is_recording=self._outlets.is_recording,
            is_panicked=self._outlets.outputs.is_panicked,
            notice=self._outlets.notice,
        )

    def set_source(self, spec: str) -> None:
        """Go on with another camera or clip; restarts an engine that stopped on an error."""
        with self._changing:
            settings = self._settings = replace(self._settings, source=spec)
            run = self._run
            if run is not None and run.error is not None:
                self._prepare(self.restart)
            elif run is not None:
                self._prepare(lambda: run.use_source(settings))

    def set_avatar(self, avatar: Avatar | str) -> None:
        """Put another avatar on stage; a failure to load one by name or path becomes ``Status.notice``."""
        with self._changing:
            name = avatar if isinstance(avatar, str) else avatar.name
            self._settings = replace(self._settings, avatar=name)
            self._avatar = None if isinstance(avatar, str) else avatar
            if self._run is not None:
                settings = self._settings
                self._prepare(lambda: self._change_avatar(settings, avatar))

    def set_stage(self, stage: StageSettings) -> None:
        """Put another backdrop behind the avatar. Raises ``SettingsError`` for an unreadable picture."""
        self._rooms.composer(stage, _PROBE_SIZE, np.zeros((*_PROBE_SIZE, 3), np.uint8))
        with self._changing:
            settings = self._settings = replace(self._settings, stage=stage)
            if self._run is not None:
                self._prepare(lambda: self._change_stage(settings))

    def set_quality(self, quality: Quality) -> None:
        """Change size, levels and chunk; the engine goes on with the old ones until the new are compiled."""
        with self._changing:
            settings = self._settings = replace(self._settings, quality=quality)
            if self._run is not None:
                self._prepare(lambda: self._change_quality(settings))

    def set_guidance(self, guidance: float) -> None:
        """Keep more or less closely to the conditions, from the next picture on.

        Raises:
            SettingsError: out of range, or the model has none.
        """
        with self._changing:
            if self._settings.model is Model.POCKET:
                raise SettingsError("The pocket model has no guidance.", hint="Choose another model.")
            self._settings = replace(self._settings, guidance=guidance)
            if self._run is not None:
                self._prepare(lambda: self._change_guidance(guidance))

    def set_mirror(self, is_mirrored: bool) -> None:
        """Move like the person's mirror picture, or not."""
        with self._changing:
            self._settings = replace(self._settings, mirror=is_mirrored)
            driver = self._staging.driver
            if driver is not None:
                driver.mirror = is_mirrored

    def calibrate(self) -> None:
        """Take the next second of the face as neutral."""
        driver = self._staging.driver
        if driver is not None:
            driver.calibrate()

    def panic(self, on: bool) -> None:
        """Show the standby card everywhere and hold it, or let go. On return it has happened."""
        self._outlets.panic(on)

    def check_recording(self, path: Path) -> None:
        """Raise ``SinkError`` if nothing can be recorded at ``path``; a start takes seconds."""
        check_output(path, source_clip(self._settings.source))

    def start_recording(self, path: Path) -> None:
        """Record from the next picture on, with a clip's sound unless it loops. Raises ``SinkError``."""
        self.check_recording(path)
        self._outlets.start_recording(self._recording_plan(path))

    def stop_recording(self) -> RecordingReport:
        """Finish the file and say what was written. Raises ``SinkError``."""
        return self._outlets.stop_recording()

    def go_live(self) -> None:
        """Open the virtual camera (a second). Raises ``VirtualCameraMissingError`` or ``SinkError``."""
        self._outlets.go_live()

    def stop_live(self) -> None:
        """Close the virtual camera."""
        self._outlets.stop_live()

    def snapshot(self, path: Path) -> None:
        """Write the newest picture as PNG. Raises ``SinkError`` when there is none or writing fails."""
        picture = self.latest()
        if picture is None:
            raise SinkError("There is no picture yet.", hint="Start first.")
        self._rooms.save_picture(picture, path)

    def _recording_plan(self, path: Path) -> RecordingPlan:
        settings = self._settings
        run = self._run
        source = run.source if run is not None else None
        rate = getattr(source, "rate", None) or _CAMERA_RATE
        # Before its first picture a clip's sound has no place yet, and one that loops has none at all.
        has_sound = not settings.loop and self.status().frames_out > 0
        sound = source_clip(settings.source) if has_sound else None
        return RecordingPlan(path=path, size=settings.composed_size, rate=rate, sound=sound)

    def _stop_engine(self) -> None:
        with self._changing:
            run, self._run = self._run, None
            stagehand, self._stagehand = self._stagehand, None
        if stagehand is not None:
            stagehand.shutdown(wait=False, cancel_futures=True)
        if run is not None:
            run.stop()

    def _prepare(self, job: Callable[[], None]) -> None:
        """Do a slow change on the stagehand's thread; its failure is a notice, and the engine goes on."""

        def work() -> None:
            try:
                job()
            except UnderstudyError as error:
                self._outlets.note(error)
            except Exception as error:  # noqa: BLE001 - the thread's top: the change failed, not the show
                _log.exception("a change failed")
                self._outlets.note(explained(error, "The change"))

        if self._stagehand is not None:
            self._stagehand.submit(work)

    def _change_avatar(self, settings: Settings, avatar: Avatar | str) -> None:
        loaded = self._rooms.load_avatar(avatar) if isinstance(avatar, str) else avatar
        run, driver = self._ready_run(), self._staging.driver
        if run is None or driver is None:
            return
        cast = self._staging.with_avatar(settings, loaded)

        def change(pipeline: Pipeline) -> Pipeline:
            driver.set_avatar(loaded)
            pipeline.recast(cast)
            return pipeline

        run.post(change)

    def _change_stage(self, settings: Settings) -> None:
        run = self._ready_run()
        if run is None:
            return
        cast = self._staging.on_stage(settings)

        def change(pipeline: Pipeline) -> Pipeline:
            pipeline.recast(cast)
            return pipeline

        run.post(change)

    def _change_quality(self, settings: Settings) -> None:
        run = self._ready_run()
        if run is not None:
            pipeline = self._staging.at_quality(settings)
            run.post(lambda _old: pipeline)

    def _change_guidance(self, guidance: float) -> None:
        run = self._ready_run()
        if run is None:
            return

        def change(pipeline: Pipeline) -> Pipeline:
            pipeline.set_guidance(guidance)
            return pipeline

        run.post(change)

    def _ready_run(self) -> LiveRun | None:
        """Wait until the engine is built; None when it failed or was stopped: the next start will do."""
        run = self._run
        return run if run is not None and run.wait_ready() else None
