"""OpenCV's camera, opened the way that works: format, size and rate in the open call.

Asking for MJPG first matters: uncompressed 720p fits through USB 2 at 10 fps only. Set after opening, most
drivers ignore it. A camera that refuses a wish is asked again with fewer. Thread: any one.
"""

import sys
from typing import Any, Protocol

import cv2
from numpy.typing import NDArray

from engine.quiet import drop_opencv_qt_paths
from engine.settings import CameraSettings

drop_opencv_qt_paths()

_NETWORK_TIMEOUT_MS = 5000
_MJPG = cv2.VideoWriter.fourcc(*"MJPG")


class VideoCapture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def grab(self) -> bool:
        """Take the next picture; False when there is none."""
        ...

    def retrieve(self) -> tuple[bool, NDArray[Any]]:
        """Decode the picture that was taken, BGR uint8 ``(H, W, 3)``."""
        ...

    def get(self, propId: int, /) -> float:
        """Return a property; 0 when unknown."""
        ...

    def release(self) -> None:
        """Close the device."""
        ...


def open_video_capture(device: int | str, settings: CameraSettings) -> VideoCapture | None:
    """Open a camera by number or path, or a stream by address; None when it cannot be opened.

    Args:
        device: 0, "/dev/video2", or "http://...".
        settings: What to ask a camera for; streams are as they are.
    """
    api, wishes = _plan(device, settings)
    for parameters in wishes:
        capture = cv2.VideoCapture(device, api, parameters)
        if capture.isOpened():
            return capture
        capture.release()
    return None


def _plan(device: int | str, settings: CameraSettings) -> tuple[int, list[list[int]]]:
    """Return OpenCV's back-end and the open parameters to try, best first."""
    if isinstance(device, str) and "://" in device:
        timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _NETWORK_TIMEOUT_MS]
        timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, _NETWORK_TIMEOUT_MS]
        return cv2.CAP_FFMPEG, [timeouts]
    size = [cv2.CAP_PROP_FRAME_WIDTH, settings.width, cv2.CAP_PROP_FRAME_HEIGHT, settings.height]
    rate = [cv2.CAP_PROP_FPS, round(settings.fps)]
    mjpg = [cv2.CAP_PROP_FOURCC, _MJPG]
    return _camera_api(), [mjpg + size + rate, size + rate, mjpg, []]


def _camera_api() -> int:
    if sys.platform == "win32":
        return int(cv2.CAP_DSHOW)
    if sys.platform == "darwin":
        return int(cv2.CAP_AVFOUNDATION)
    return int(cv2.CAP_V4L2)
