"""A webcam, or a network stream that OpenCV reads, as a source.

A thread takes every picture and keeps the newest, so that nobody waits behind a backlog. When the camera goes
away the source waits, tries again with longer and longer pauses, and goes on when it is back.
Out: ``Frame``. Threads: one reader, and the grab thread, which alone touches the device.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

import cv2
import numpy as np

from engine.capture.camera_errors import explain_failure
from engine.capture.video_capture import VideoCapture, open_video_capture
from engine.clock import Clock
from engine.errors import SourceError
from engine.handover import Newest
from engine.settings import CameraSettings
from engine.types import Frame, RgbImage

Opener: TypeAlias = Callable[[int | str, CameraSettings], VideoCapture | None]

_FAILURES_IN_A_ROW = 3  # cameras skip a picture now and then
_CLOSE_S = 3.0  # a read may hang in the driver; the thread ends when it returns


class CameraState(Enum):
    """How a camera is doing."""

    CLOSED = "closed"
    LIVE = "live"
    WAITING = "waiting"  # it went away; it is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """Pauses between attempts to open a camera that went away.

    Attributes:
        first_s: First pause; each later one is twice as long.
        longest_s: Longest pause.
    """

    first_s: float = 0.25
    longest_s: float = 2.0


class CameraSource:
    """Reads a camera's newest picture.

    Args:
        device: Number of the camera, path of its device, or address of a stream (``http://...``).
        settings: What to ask the camera for.
        clock: Gives each frame its time.
        opener: Opens the device; None when it cannot.
        retry: How to wait for a camera that went away.
    """

    def __init__(
        self,
        device: int | str,
        settings: CameraSettings,
        clock: Clock,
        opener: Opener = open_video_capture,
        retry: RetrySettings | None = None,
    ) -> None:
        self._device = device
        self._settings = settings
        self._clock = clock
        self._open_device = lambda: opener(device, settings)
        self._retry = retry or RetrySettings()
        self._grabber: _Grabber | None = None

    @property
    def fps(self) -> float:
        """Frames per second that the camera promised, or those asked for."""
        promised = 0.0 if self._grabber is None else self._grabber.promised_fps
        return promised if promised > 0 else self._settings.fps

    @property
    def num_frames(self) -> int | None:
        """None: a camera does not end."""
        return None

    @property
    def state(self) -> CameraState:
        """How the camera is doing. Thread: any."""
        return CameraState.CLOSED if self._grabber is None else self._grabber.state

    @property
    def dropped(self) -> int:
        """Frames that a newer one replaced before they were read. Thread: any."""
        return 0 if self._grabber is None else self._grabber.frames.dropped

    def open(self) -> None:
        """Open the camera and wait for its first picture.

        Raises:
            CameraBusyError: it is there but gives no picture, or access is refused.
            SourceError: there is no such camera.
        """
        self.close()
        self._grabber = _Grabber(self._open_device, self._clock, self._retry)
        self._grabber.start()
        if not self._grabber.is_open():
            error = self._grabber.error or explain_failure(self._device)
            self.close()
            raise error

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest unread frame; None after ``timeout_s`` without one (``state`` says why).

        Raises:
            EOFError: the source is closed.
            SourceError: the camera cannot be read any more.
        """
        if self._grabber is None:
            raise EOFError
        try:
            return self._grabber.frames.take(timeout_s)
        except EOFError:
            if self._grabber.error is not None:
                raise self._grabber.error from None
            raise

    def close(self) -> None:
        """Stop the thread and release the camera; idempotent."""
        if self._grabber is not None:
            self._grabber.stop()
            self._grabber = None


class _Grabber:
    """The grab thread of one opening, and what it shares with the reader."""

    def __init__(
        self, open_device: Callable[[], VideoCapture | None], clock: Clock, retry: RetrySettings
    ) -> None:
        self.frames: Newest[Frame] = Newest()
        self.state = CameraState.CLOSED
        self.error: SourceError | None = None
        self.promised_fps = 0.0
        self._open_device = open_device
        self._clock = clock
        self._retry = retry
        self._stop = threading.Event()
        self._settled = threading.Event()  # the first opening has succeeded or failed
        self._index = -1
        self._start_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_open(self) -> bool:
        """Wait for the outcome of the first opening and return whether it succeeded."""
        self._settled.wait()
        return self.state is not CameraState.CLOSED

    def stop(self) -> None:
        self._stop.set()
        self.frames.close()
        self._thread.join(_CLOSE_S)

    def _run(self) -> None:
        try:
            capture = self._open_capture()
            while capture is not None:
                self.state = CameraState.LIVE
                self._settled.set()
                self._grab_until_it_fails(capture)
                capture = self._wait_for_return()
        except Exception as error:  # noqa: BLE001 - top of the thread: the reader raises it
            self.error = SourceError(f"The camera broke ({error}).", hint="Connect it anew and start again.")
        finally:
            self.state = CameraState.CLOSED
            self._settled.set()
            self.frames.finish()

    def _grab_until_it_fails(self, capture: VideoCapture) -> None:
        try:
            while not self._stop.is_set() and self._grab(capture):
                pass
        finally:
            capture.release()

    def _wait_for_return(self) -> VideoCapture | None:
        """Try to open the camera again until it is back; None when the source is closed meanwhile."""
        self.state = CameraState.WAITING
        pause_s = self._retry.first_s
        while not self._stop.wait(pause_s):
            capture = self._open_capture()
            if capture is not None:
                return capture
            pause_s = min(2 * pause_s, self._retry.longest_s)
        return None

    def _open_capture(self) -> VideoCapture | None:
        """Open the device and hand on its first picture; None when it gives none."""
        capture = self._open_device()
        if capture is None:
            return None
        if not self._grab(capture):
            capture.release()
            return None
        self.promised_fps = capture.get(cv2.CAP_PROP_FPS)
        return capture

    def _grab(self, capture: VideoCapture) -> bool:
        """Hand on the next picture; False when several in a row could not be read."""
        for _ in range(_FAILURES_IN_A_ROW):
            if capture.grab():
                at_s = self._clock.now_s()  # before decoding: as near to the exposure as we can be
                is_decoded, bgr = capture.retrieve()
                if is_decoded:
                    self.frames.put(self._frame(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)), at_s))
                    return True
        return False

    def _frame(self, rgb: RgbImage, at_s: float) -> Frame:
        self._index += 1
        if self._start_s is None:
            self._start_s = at_s
        return Frame(rgb=rgb, index=self._index, captured_at_s=at_s, media_s=at_s - self._start_s)
