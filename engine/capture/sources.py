"""From what a user writes after ``--source`` to the source. Thread: any one."""

from pathlib import Path

from engine.capture.camera import CameraSource
from engine.capture.file import FileSource
from engine.capture.sample import sample_clip_path
from engine.clock import Clock
from engine.errors import SourceError
from engine.settings import SAMPLE_CLIP, CameraSettings
from engine.types import Source

_CAMERA, _FILE = "camera:", "file:"
_DEVICE_NODES = "/dev/video"


def open_source(
    spec: str,
    live: bool,
    clock: Clock,
    camera: CameraSettings | None = None,
    *,
    loop: bool = False,
) -> Source:
    """Open and return the source that ``spec`` names.

    Args:
        spec: A camera's number (``0``, ``camera:0``) or device (``/dev/video0``), the address of a stream
            (``http://...``), ``sample``, or a clip's path (``clip.mp4``, ``file:PATH``).
        live: Whether a clip runs at its own rate instead of frame by frame; a camera is always live.
        clock: Time for live sources.
        camera: What to ask a camera for.
        loop: Whether a live clip starts again at its end.

    Raises:
        SourceError: it cannot be opened.
    """
    source = _build(spec.strip(), live, clock, camera or CameraSettings(), loop=loop)
    source.open()
    return source


def is_camera(spec: str) -> bool:
    """Return whether ``spec`` names a camera or a stream, not a clip."""
    spec = spec.strip()
    device = spec.removeprefix(_CAMERA)
    return not spec.startswith(_FILE) and (
        device.isdecimal() or spec.startswith((_CAMERA, _DEVICE_NODES)) or "://" in spec
    )


def _build(spec: str, live: bool, clock: Clock, camera: CameraSettings, *, loop: bool) -> Source:
    if not spec:
        raise SourceError("The source is empty.", hint="Give a camera's number, a clip's path, or sample.")
    if is_camera(spec):
        device = spec.removeprefix(_CAMERA)
        return CameraSource(int(device) if device.isdecimal() else device, camera, clock)
    path = sample_clip_path() if spec == SAMPLE_CLIP else Path(spec.removeprefix(_FILE))
    return FileSource(path, clock, live=live, loop=loop)
