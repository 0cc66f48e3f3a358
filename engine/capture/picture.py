"""A picture file from the user, checked before it is decoded. Thread: any."""

from pathlib import Path

import av
import av.error
import numpy as np

from engine.errors import AvatarError
from engine.types import RgbImage

MIN_SIDE_PX, MAX_SIDE_PX = 128, 8192

_TEXT_CODECS = frozenset({"ansi", "bintext", "xbin", "idf"})  # FFmpeg draws text files as pictures of letters


def read_picture(path: Path) -> RgbImage:
    """Return a picture file as RGB, turned upright; transparent parts become white.

    Args:
        path: PNG, JPEG, WebP, BMP or another format that FFmpeg reads.

    Returns:
        ``(H, W, 3)`` uint8, new memory.

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
    # A phone stores what its sensor saw, and a note which way is up. Counter-clockwise, as numpy turns.
    upright = np.rot90(frame.to_ndarray(format="rgba"), round(frame.rotation / 90) % 4)
    rgba = np.ascontiguousarray(upright).astype(np.uint16)
    alpha = rgba[..., 3:]
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


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
