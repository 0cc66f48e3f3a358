"""Preview, recording and virtual camera of one session: opened, closed, and taken off when they fail.

They outlive a restart of the engine: the virtual camera stays on the air, with the standby card. Thread: any.
"""

import logging
import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from engine.clock import Clock
from engine.errors import SinkError, UnderstudyError
from engine.outputs import Outputs
from engine.rooms import CameraSink, RecordingSink, Rooms
from engine.sinks.mailbox import PreviewMailbox
from engine.sinks.recorder_settings import RecordingReport
from engine.types import Picture, Sink

_log = logging.getLogger(__name__)

CARD_SIZE = (1280, 720)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlan:
    """What a recording is to be.

    Attributes:
        path: The MP4 file.
        size: Width and height in pixels.
        rate: Nominal frames per second.
        sound: A clip whose sound is carried over, or None.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    sound: Path | None = None


class Outlets:
    """Where a session's pictures go.

    Args:
        rooms: Makes card, recorder and virtual camera.
        clock: Whose seconds.
    """

    def __init__(self, rooms: Rooms, clock: Clock) -> None:
        self._rooms = rooms
        self._clock = clock
        self._preview = PreviewMailbox()
        self._preview.open()
        self.outputs = Outputs(rooms.card(*CARD_SIZE), clock, self._on_failure)
        self.outputs.add(self._preview)
        self._changing = threading.Lock()  # one change of the outlets at a time; never held by the worker
        self._recorder: RecordingSink | None = None
        self._camera: CameraSink | None = None
        self._notice: UnderstudyError | None = None
        self._part: RecordingReport | None = None

    @property
    def part(self) -> RecordingReport | None:
        """The newest recording that was ended by ``close``, not by whom it was for."""
        return self._part

    @property
    def notice(self) -> UnderstudyError | None:
        """The newest failure of an outlet, until one is started again."""
        return self._notice

    @property
    def is_recording(self) -> bool:
        """Whether a recording runs."""
        return self._recorder is not None

    @property
    def is_live(self) -> bool:
        """Whether the virtual camera is on."""
        return self._camera is not None

    def note(self, error: UnderstudyError) -> None:
        """Keep a failure for the user to see."""
        self._notice = error

    def latest(self) -> Picture | None:
        """Return the newest picture, or None before the first."""
        return self._preview.latest()

    def heartbeat(self) -> None:
        """The engine lives. Thread: the worker's."""
        camera = self._camera
        if camera is not None:
            camera.heartbeat()

    def panic(self, on: bool) -> None:
        """Hold the standby card everywhere, or let go."""
        camera = self._camera
        if camera is not None:
            camera.panic(on)
        self.outputs.panic(on)

    def start_recording(self, plan: RecordingPlan) -> None:
        """Record from the next picture on. Raises ``SinkError``."""
        with self._changing:
            if self._recorder is not None:
                raise SinkError("A recording is running.", hint="Stop it before starting another.")
            recorder = self._rooms.recorder(plan.path, plan.size, plan.rate, sound=plan.sound, is_live=True)
            recorder.open()
            self._notice = None
            self._recorder = recorder
            self.outputs.begin_time_line()
            self.outputs.add(recorder)

    def stop_recording(self) -> RecordingReport:
        """Finish the file. Raises ``SinkError`` when there is none or writing failed."""
        return self._stop_recording(is_whole=True)

    def _stop_recording(self, *, is_whole: bool) -> RecordingReport:
        with self._changing:
            recorder, self._recorder = self._recorder, None
            if recorder is None:
                reason = self._notice or SinkError("No recording is running.", hint="Start one first.")
                raise reason
            self.outputs.remove(recorder)
            if not is_whole:
                recorder.keep_old()
            recorder.close()
            report = recorder.report
        assert report is not None  # a closed recorder has one
        return report

    def go_live(self) -> None:
        """Open the virtual camera (about a second). Raises ``VirtualCameraMissingError`` or ``SinkError``."""
        with self._changing:
            if self._camera is not None:
                return
            camera = self._rooms.virtual_camera(self._clock)
            camera.open()
            camera.panic(self.outputs.is_panicked)
            self._notice = None
            self._camera = camera
            self.outputs.add(camera)

    def stop_live(self) -> None:
        """Close the virtual camera; does nothing when it is off."""
        with self._changing:
            camera, self._camera = self._camera, None
            if camera is not None:
                self.outputs.remove(camera)
                camera.close()

    def close(self) -> None:
        """Close the virtual camera, and a recording that nobody ended; a failure becomes the notice.

        That recording replaces no older file: see ``part``. Idempotent.
        """
        self.stop_live()
        if self.is_recording:
            try:
                self._part = self._stop_recording(is_whole=False)
            except UnderstudyError as error:
                self._notice = error

    def _on_failure(self, sink: Sink, error: UnderstudyError) -> None:
        """Take note, and close the sink off the worker's thread, since closing waits."""
        self._notice = error
        threading.Thread(target=self._drop, args=(sink,), name="understudy-closing", daemon=True).start()

    def _drop(self, sink: Sink) -> None:
        """Close what has failed. The top function of a short-lived thread."""
        with self._changing:
            if sink is self._recorder:
                self._recorder = None
            if sink is self._camera:
                self._camera = None
            try:
                sink.close()
            except UnderstudyError as error:
                _log.info("closing a failed output: %s", error)
