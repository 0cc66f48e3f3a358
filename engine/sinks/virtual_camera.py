"""The virtual camera's near end: letter-boxes pictures into memory shared with the camera's own process.

Zoom, Meet and OBS see the other end (``virtual_camera_process``). The device stays open, with the standby
card on it, whatever happens here: that is the point of the second process.
"""

import multiprocessing
import threading
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np

from engine.clock import Clock, SystemClock
from engine.errors import SinkError, VirtualCameraMissingError
from engine.sinks.camera_devices import virtual_camera_available
from engine.sinks.camera_owner import CameraOwner
from engine.sinks.fit import Fit
from engine.sinks.guard import require_picture
from engine.sinks.shared_frames import SharedFrames
from engine.sinks.virtual_camera_process import (
    CameraSettings,
    CameraTask,
    Failed,
    Opened,
    OpenOutput,
    open_device,
    run_camera,
)
from engine.types import Origin, Picture

_START_S = 30.0  # a fresh interpreter and a device: seconds on a slow, busy machine
_STOP_S = 3.0


class VirtualCamera:
    """A sink that other programs see as a webcam.

    Thread: ``send`` and ``heartbeat`` from the inference thread; ``open``, ``panic``, ``close`` from any.

    Args:
        card: The standby card, of the camera's size (``engine.post.standby.standby_card``).
        fit: Letter-boxes a picture (``engine.post.letterbox.letterbox``).
        folder: Where the note about the camera's owner lies (``engine.paths.cache_dir()``).
        settings: Size, rate, device.
        clock: For the heartbeat; the camera's process compares it with the system's monotonic clock.
        open_output: Opens the device, in the camera's process: a module-level function, since it travels by
            name.

    Raises:
        ValueError: the card is no standby card or has another size.
    """

    def __init__(
        self,
        card: Picture,
        *,
        fit: Fit,
        folder: Path,
        settings: CameraSettings | None = None,
        clock: Clock | None = None,
        open_output: OpenOutput = open_device,
    ) -> None:
        self._settings = settings if settings is not None else CameraSettings()
        shape = (self._settings.height, self._settings.width, 3)
        if require_picture(card).origin is not Origin.STANDBY or card.rgb.shape != shape:
            raise ValueError(
                f"The card must be a standby card of {shape}, not {card.origin} {card.rgb.shape}."
            )
        self._card = card
        self._fit = fit
        self._owner = CameraOwner(folder)
        self._clock = clock if clock is not None else SystemClock()
        self._open_output = open_output
        self._canvas = np.empty(shape, np.uint8)
        self._frames: SharedFrames | None = None
        self._process: SpawnProcess | None = None
        self._report: Connection | None = None
        # Guards the mapping against ``close`` while a picture is copied into it; held for that copy only.
        self._mapping = threading.Lock()
        self.device = ""

    def open(self) -> None:
        """Start the process and wait until the device is open (about a second): the card is on the air.

        Raises:
            VirtualCameraMissingError: there is no device.
            SinkError: it is in use, or the process did not start.
        """
        if self._process is not None:
            return
        context = multiprocessing.get_context("spawn")
        self._report, child_end = context.Pipe(duplex=False)
        self._frames = SharedFrames.create(self._card.rgb)
        task = CameraTask(
            memory_name=self._frames.name,
            settings=self._settings,
            owner=self._owner,
            is_handover=self._claim(),
        )
        # A daemon is ended when this program ends in good order; a killed program cannot end it, and then it
        # lingers with the card.
        self._process = context.Process(
            target=run_camera,
            args=(task, child_end, self._open_output),
            name="understudy-camera",
            daemon=True,
        )
        self._process.start()
        child_end.close()
        self._await_start(self._report)

    def send(self, picture: Picture) -> None:
        """Show ``picture`` from the next tick on, and count as a heartbeat.

        Raises:
            TypeError: it is no ``Picture``.
            SinkError: the camera's process has ended (the device is gone).
        """
        self._fit(require_picture(picture).rgb, self._settings.width, self._settings.height, self._canvas)
        self._check_process()
        with self._mapping:
            if self._frames is not None:
                self._frames.write(self._canvas)
                self._frames.heartbeat_at_s = self._clock.now_s()

    def heartbeat(self) -> None:
        """Say that the engine is alive though it has no new picture: the last one stays on the air.

        Only the inference thread may call it: an engine that hangs must fall silent.
        """
        with self._mapping:
            if self._frames is not None:
                self._frames.heartbeat_at_s = self._clock.now_s()

    def panic(self, is_on: bool) -> None:
        """Show the card from the next tick on, whatever is sent, until it is switched off again."""
        with self._mapping:
            if self._frames is not None:
                self._frames.is_panicked = is_on

    def close(self) -> None:
        """End the process and let the device go; idempotent."""
        with self._mapping:
            frames, self._frames = self._frames, None
            if frames is not None:
                frames.stop()
        if self._process is not None:
            self._process.join(_STOP_S)
            if self._process.is_alive():
                self._process.terminate()
                self._process.join()
            self._process = None
        if self._report is not None:
            self._report.close()
            self._report = None
        if frames is not None:
            frames.close()
            self._owner.release()

    def _claim(self) -> bool:
        try:
            return self._owner.claim()
        except OSError as error:
            self.close()
            raise SinkError(
                f"The virtual camera's note cannot be written: {error}.",
                hint="Make that folder writable, or set UNDERSTUDY_HOME.",
            ) from error

    def _await_start(self, report: Connection) -> None:
        try:
            news = report.recv() if report.poll(_START_S) else Failed("it did not start in time")
        except EOFError:
            news = Failed("its process ended at once")
        if isinstance(news, Opened):
            self.device = news.device
            return
        self.close()
        raise _failure(news.reason)

    def _check_process(self) -> None:
        process, report = self._process, self._report
        if process is None or report is None or process.is_alive():
            return
        try:
            news = report.recv() if report.poll() else None
        except (EOFError, OSError):  # it said nothing, or ``close`` runs at this moment
            news = None
        reason = news.reason if isinstance(news, Failed) else f"its process ended ({process.exitcode})"
        raise SinkError(f"The virtual camera was lost: {reason}.", hint="Switch it on again.")


def _failure(reason: str) -> SinkError:
    is_available, text = virtual_camera_available()
    if not is_available:
        return VirtualCameraMissingError("No virtual camera was found on this machine.", hint=text)
    return SinkError(
        f"The virtual camera {text} could not be opened: {reason}.",
        hint="Close other programs that send to it, and try again.",
    )
