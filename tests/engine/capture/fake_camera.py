"""A camera that does what the test says: gives pictures, goes away, comes back, breaks."""

import threading
from collections.abc import Callable

import numpy as np

from engine.capture.video_capture import VideoCapture
from engine.settings import CameraSettings


class FakeCamera:
    """The device: captures of it are opened and read by the grab thread.

    Attributes:
        is_plugged: Whether it can be opened and read.
        error: Raised by the next grab.
        opened, released: How often.
    """

    def __init__(self, *, is_plugged: bool = True, gives_pictures: bool = True, fps: float = 15.0) -> None:
        self.is_plugged = is_plugged
        self.gives_pictures = gives_pictures
        self.fps = fps
        self.error: Exception | None = None
        self.opened = 0
        self.released = 0
        self.bad_grabs = 0
        self.number = 0
        self.attempts = threading.Semaphore(0)  # released at every attempt to open
        self._permits = threading.Semaphore(0)

    def open(self, _device: int | str, _settings: CameraSettings) -> VideoCapture | None:
        """The opener to hand to ``CameraSource``. The first picture needs no permit."""
        self.attempts.release()
        if not self.is_plugged:
            return None
        self.opened += 1
        return FakeCapture(self)

    @property
    def works(self) -> bool:
        return self.is_plugged and self.gives_pictures and not self.bad_grabs

    def expose(self, count: int = 1) -> None:
        """Let ``count`` more pictures be taken."""
        self._permits.release(count)

    def wait_for_permit(self) -> None:
        self._permits.acquire(timeout=60)


class FakeCapture:
    """One opening of the camera."""

    def __init__(self, camera: FakeCamera) -> None:
        self._camera = camera
        self._is_first = True
        self._is_open = True

    def grab(self) -> bool:
        camera = self._camera
        if camera.works and not self._is_first:
            camera.wait_for_permit()  # reads of a dead camera fail at once
        self._is_first = False
        if camera.error is not None:
            raise camera.error
        if camera.bad_grabs:
            camera.bad_grabs -= 1
            return False
        return self._is_open and camera.works

    def retrieve(self) -> tuple[bool, np.ndarray]:
        bgr = np.zeros((4, 6, 3), np.uint8)
        bgr[..., 0], bgr[..., 2] = 7, self._camera.number  # blue, red
        self._camera.number += 1
        return True, bgr

    def get(self, _property: int, /) -> float:
        return self._camera.fps

    def release(self) -> None:
        if self._is_open:
            self._camera.released += 1
        self._is_open = False


Opener = Callable[[int | str, CameraSettings], VideoCapture | None]
