"""A picture file from the user, checked before it is decoded. Thread: any."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from engine.errors import AvatarError
from engine.types import RgbImage

MIN_SIDE_PX, MAX_SIDE_PX = 128, 8192

_TEXT_CODECS = frozenset({"ansi", "bintext", "xbin", "idf"})  # FFmpeg draws text files as pictures of letters


_OPAQUE = 250  # of 255: a picture that is this dense everywhere was not cut out


@dataclass(frozen=True, slots=True, eq=False)
class StillPicture:
    """A picture file.

    Attributes:
        rgb: ``(H, W, 3)`` uint8; transparent parts are white.
        alpha: ``(H, W)`` float32 0..1, what its author cut out; None where nothing is transparent.
    """

    rgb: RgbImage
    alpha: NDArray[np.float32] | None


def read_picture(path: Path) -> StillPicture:
    """Return a picture file, turned upright.

    Args:
        path: PNG, JPEG, WebP, BMP or another format that FFmpeg reads.

    Returns:
        The picture, new memory.

    Raises:
        AvatarError: no picture, or its smaller side is under 128 or its larger over 8192 pixels.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise _unreadable(path, "it holds no picture")
            stream = container.streams.video[0]
            if stream.codec_context.name in _TEXT_CODECS:
                raise _unreadable(path, "it is a text")
            _check_size(path, stream.codec_context.width, stream.codec_context.height)
            if stream.codec_context.name == "mjpeg":  # else half a JPEG is a picture, its lower half grey
                stream.codec_context.options = {"err_detect": "explode"}
            frame = next(container.decode(stream))
    except (av.error.FFmpegError, OSError, StopIteration) as error:
        reason = "it is not a picture, or damaged"
        raise _unreadable(path, reason) from error
    stored = frame.to_ndarray(format="rgba").astype(np.uint8, copy=False)
    rgba = np.ascontiguousarray(_upright(stored, path)).astype(np.uint16)
    alpha = rgba[..., 3:]
    rgb = ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    is_cut_out = int(alpha.min()) < _OPAQUE
    return StillPicture(rgb, alpha[..., 0].astype(np.float32) / np.float32(255) if is_cut_out else None)


_TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {  # EXIF 2.32, tag 0x0112
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}


def _upright(stored: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """Turn and mirror: a phone stores what its sensor saw, and a note which way that is."""
    try:
        with Image.open(path) as note:
            orientation = note.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, ValueError, SyntaxError):  # a format that only FFmpeg reads, or a note that nobody does
        return stored
    turn = _TURNS.get(orientation)
    return stored if turn is None else turn(stored)


def _unreadable(path: Path, reason: str) -> AvatarError:
    return AvatarError(
        f"{path.name} cannot be used as an avatar: {reason}.", hint="Choose another picture, PNG or JPEG."
    )


def _check_size(path: Path, width: int, height: int) -> None:
    if min(width, height) == 0:  # FFmpeg states no size where it would refuse to decode
        raise _unreadable(path, f"it is no picture, damaged, or too large (over {MAX_SIDE_PX} pixels a side)")
    if min(width, height) < MIN_SIDE_PX:
        raise AvatarError(
            f"{path.name} is {width} x {height} pixels, too small for an avatar.",
            hint=f"Choose a picture of at least {MIN_SIDE_PX} x {MIN_SIDE_PX}; 512 x 512 is best.",
        )
    if max(width, height) > MAX_SIDE_PX:
        raise AvatarError(
            f"{path.name} is {width} x {height} pixels, too large for an avatar.",
            hint=f"Scale it down to at most {MAX_SIDE_PX} pixels a side; 512 x 512 is enough.",
        )
