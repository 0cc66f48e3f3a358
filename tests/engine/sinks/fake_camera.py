"""Stand-ins for a virtual-camera device. Their names travel to the camera's process; no user can reach them.

``CameraSettings.device`` carries the path of a file, in which each picture sent leaves one line:
monotonic time, and its level, or "card", or "torn".
"""

import time
from pathlib import Path

import numpy as np

from engine.post.standby import standby_card
from engine.sinks.virtual_camera_process import CameraOutput, CameraSettings


class FileCamera:
    def __init__(self, settings: CameraSettings) -> None:
        assert settings.device is not None
        self.device = settings.device
        self._shape = (settings.height, settings.width, 3)
        self._card = standby_card(settings.width, settings.height).rgb
        self._log = Path(settings.device).open("a", encoding="ascii")  # noqa: SIM115 - open for its life

    def send(self, frame: np.ndarray) -> None:
        assert frame.shape == self._shape
        assert frame.dtype == np.uint8
        level = "card" if np.array_equal(frame, self._card) else "torn"
        if frame.min() == frame.max():
            level = str(frame.max())
        self._log.write(f"{time.monotonic()} {level}\n")
        self._log.flush()

    def close(self) -> None:
        self._log.write(f"{time.monotonic()} closed\n")
        self._log.close()


def open_file_camera(settings: CameraSettings) -> CameraOutput:
    return FileCamera(settings)


def open_nothing(_settings: CameraSettings) -> CameraOutput:
    raise RuntimeError("'fake' backend: no device here")


class FragileCamera(FileCamera):
    """Breaks at the tenth picture, as an unplugged device does."""

    sent = 0

    def send(self, frame: np.ndarray) -> None:
        self.sent += 1
        if self.sent == 10:
            raise RuntimeError("device went away")
        super().send(frame)


def open_fragile_camera(settings: CameraSettings) -> CameraOutput:
    return FragileCamera(settings)


def open_exclusive_camera(settings: CameraSettings) -> CameraOutput:
    """A device that one process at a time can hold, by a lock file beside the log."""
    return ExclusiveCamera(settings)


class ExclusiveCamera(FileCamera):
    def __init__(self, settings: CameraSettings) -> None:
        self._lock = Path(f"{settings.device}.lock")
        self._lock.touch(exist_ok=False)  # FileExistsError: in use
        super().__init__(settings)

    def close(self) -> None:
        super().close()
        self._lock.unlink()


def moments(log: Path) -> list[float]:
    """When each picture was sent, and the device closed; seconds of the monotonic clock."""
    return [float(line.split()[0]) for line in log.read_text(encoding="ascii").splitlines() if " " in line]


def levels(log: Path) -> list[str]:
    """What was sent so far, in order."""
    if not log.exists():
        return []
    return [line.split()[1] for line in log.read_text(encoding="ascii").splitlines() if " " in line]
