"""Why a camera cannot be opened, in a sentence with a way out. Thread: any one."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.capture.cameras import CameraInfo, list_cameras
from engine.errors import CameraBusyError, SourceError

_PRIVACY = {
    "win32": " Allow camera access in Settings, Privacy, Camera.",
    "darwin": " Allow camera access in System Settings, Privacy & Security, Camera.",
}


def explain_failure(device: int | str, devices: Path = Path("/dev")) -> SourceError:
    """Return the error to raise for a device that gives no picture.

    Args:
        device: As given to ``CameraSource``.
        devices: Folder of the device nodes on Linux.
    """
    if isinstance(device, str) and "://" in device:
        return SourceError(
            f"The stream {device} cannot be opened.", hint="Check the address and that it is being sent."
        )
    if sys.platform != "linux":
        return CameraBusyError(
            f"Camera {device} cannot be opened.",
            hint="Check that it is connected and that no other program uses it."
            + _PRIVACY.get(sys.platform, ""),
        )
    node = devices / f"video{device}" if isinstance(device, int) else Path(device)
    if not node.exists():
        return SourceError(f"There is no camera {device}.", hint=_what_there_is(list_cameras()))
    if not os.access(node, os.R_OK | os.W_OK):
        return CameraBusyError(
            f"The system refuses access to camera {device}.",
            hint="Join the group that may use it (sudo usermod -aG video $USER) and sign in again.",
        )
    return CameraBusyError(
        f"Camera {device} gives no picture.",
        hint="Another program may be using it: close that program and try again.",
    )


def _what_there_is(cameras: Sequence[CameraInfo]) -> str:
    if not cameras:
        return "Connect a camera, or use a clip as the source."
    listed = ", ".join(f"{camera.index} ({camera.name})" for camera in cameras)
    return f"Choose one of these: {listed}."
