"""Which cameras there are. On Linux they are listed without being opened; elsewhere they are tried.

Thread: any one.
"""

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.capture.video_capture import open_video_capture
from engine.settings import CameraSettings

_DEVICES = Path("/dev")
_NAMES = Path("/sys/class/video4linux")
_NUM_PROBED = 4  # systems without a list number their cameras from 0
_QUERY_CAPABILITIES = 0x80685600  # VIDIOC_QUERYCAP
_VIDEO_CAPTURE = 0x1  # V4L2_CAP_VIDEO_CAPTURE


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraInfo:
    """A camera.

    Attributes:
        index: Its number, to be given as ``--source``.
        name: What its maker calls it.
    """

    index: int
    name: str


def list_cameras() -> list[CameraInfo]:
    """Return the cameras by number. Cost: under a millisecond on Linux, up to a second each elsewhere."""
    if sys.platform == "linux":
        return list_linux_cameras(_DEVICES, _NAMES, can_capture)
    return probe_cameras()


def list_linux_cameras(devices: Path, names: Path, is_camera: Callable[[Path], bool]) -> list[CameraInfo]:
    """Return the ``video*`` nodes that give pictures; a camera also has nodes that give metadata only.

    Args:
        devices: Folder of the nodes (``/dev``).
        names: Folder of their names (``/sys/class/video4linux``).
        is_camera: Whether a node gives pictures.
    """
    nodes = [path for path in devices.glob("video*") if path.name.removeprefix("video").isdigit()]
    cameras = []
    for node in sorted(nodes, key=lambda path: int(path.name.removeprefix("video"))):
        if is_camera(node):
            index = int(node.name.removeprefix("video"))
            name_file = names / node.name / "name"
            name = (
                name_file.read_text(encoding="utf-8", errors="replace").strip() if name_file.exists() else ""
            )
            cameras.append(CameraInfo(index=index, name=name or f"Camera {index}"))
    return cameras


def can_capture(node: Path) -> bool:
    """Return whether a V4L2 node gives pictures; True when it may not be asked (opening it will say why)."""
    import fcntl  # noqa: PLC0415 - Linux only

    answer = bytearray(104)  # struct v4l2_capability: ..., capabilities at 84, device_caps at 88
    try:
        with node.open("rb", buffering=0) as device:
            fcntl.ioctl(device, _QUERY_CAPABILITIES, answer)
    except PermissionError:
        return True
    except OSError:
        return False
    (device_caps,) = struct.unpack_from("=I", answer, 88)
    return bool(device_caps & _VIDEO_CAPTURE)


def probe_cameras() -> list[CameraInfo]:
    """Return the numbers that can be opened, from 0 to the first that cannot."""
    cameras = []
    for index in range(_NUM_PROBED):
        capture = open_video_capture(index, CameraSettings())
        if capture is None:
            break
        capture.release()
        cameras.append(CameraInfo(index=index, name=f"Camera {index}"))
    return cameras
