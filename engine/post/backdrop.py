"""The backdrop as pixels: made once for a stage and a size, then only read."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.post.letterbox import fitted_size, resized
from engine.post.stage import BackdropKind, Colour, StageSettings
from engine.types import RgbImage

MAX_FILE_BYTES = 64 << 20
MAX_PIXELS = 64_000_000
BLUR_AT_FULL = 0.12  # standard deviation of the blur at 1.0, in picture heights
_SURROUND_BLUR = 0.35  # of the avatar's own background, far beside it
_SHARP_SHARE = 0.6  # of the picture's height beside the avatar's own background, until it is as soft as that
_BLUR_HEIGHT = 90  # blurring a small copy costs little and looks the same


def make_backdrop(stage: StageSettings, size: tuple[int, int], plate: RgbImage) -> RgbImage:
    """Return the backdrop ``(height, width, 3)`` uint8.

    Args:
        stage: The user's choice.
        size: ``(width, height)`` in pixels.
        plate: The avatar's own background ``(h, w, 3)``, of the avatar's proportions.

    Raises:
        SettingsError: the chosen picture cannot be read.
    """
    width, height = size
    match stage.kind:
        case BackdropKind.AS_DRAWN:
            return _extended(plate, width, height)
        case BackdropKind.KEY_COLOUR:
            return _plain(stage.key_colour, width, height)
        case BackdropKind.COLOUR:
            return _plain(stage.colour, width, height)
        case BackdropKind.PICTURE:
            assert stage.picture is not None  # StageSettings checks it
            return _blurred(_cover(load_picture(stage.picture), width, height), stage.blur)


def load_picture(path: Path) -> RgbImage:
    """Return the picture at ``path`` as ``(H, W, 3)`` RGB, turned upright.

    Raises:
        SettingsError: it is missing, too large, or no picture.
    """
    hint = "Choose a PNG, JPEG or WebP file of at most 64 megapixels."
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise SettingsError(f"The backdrop {path} has {size_bytes >> 20} MB.", hint=hint)
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise SettingsError(f"The backdrop {path} cannot be read: {error.strerror}.", hint=hint) from error
    # A first look at an eighth of the size costs a JPEG little and tells its measures.
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_REDUCED_COLOR_8) if data.size else None
        if bgr is not None and bgr.shape[0] * bgr.shape[1] * 64 <= MAX_PIXELS:
            bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise SettingsError(f"The backdrop {path} cannot be decoded.", hint=hint) from error
    if bgr is None:
        raise SettingsError(f"The backdrop {path} is no picture that can be read.", hint=hint)
    return np.ascontiguousarray(bgr[:, :, ::-1], np.uint8)


def _plain(colour: Colour, width: int, height: int) -> RgbImage:
    return np.full((height, width, 3), colour, np.uint8)


def _cover(rgb: RgbImage, width: int, height: int) -> RgbImage:
    """Scale so that the picture fills the frame, and cut what hangs over, evenly."""
    scale = max(width / rgb.shape[1], height / rgb.shape[0])
    new_width, new_height = max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale))
    left, top = (new_width - width) // 2, (new_height - height) // 2
    return np.ascontiguousarray(resized(rgb, new_width, new_height)[top : top + height, left : left + width])


def avatar_box(shape: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns where a picture of ``shape`` (h, w, ...) stands: bottom, centre."""
    width, height = fitted_size((shape[1], shape[0]), size)
    left, top = (size[0] - width) // 2, size[1] - height
    return slice(top, top + height), slice(left, left + width)


def _extended(plate: RgbImage, width: int, height: int) -> RgbImage:
    """Stand the plate where the avatar stands, and go on around it with its mirror image.

    The mirror image begins as sharp as the plate, so that no seam shows, and is softer the further out it is:
    what stands in the plate is not seen twice, and the eye stays with the avatar.
    """
    rows, columns = avatar_box(plate.shape, (width, height))
    inner = resized(plate, columns.stop - columns.start, rows.stop - rows.start)
    top, left, right = rows.start, columns.start, width - columns.stop
    if (top, left, right) == (0, 0, 0):
        return inner
    row_order = np.pad(np.arange(inner.shape[0]), (top, 0), mode="symmetric")
    column_order = np.pad(np.arange(inner.shape[1]), (left, right), mode="symmetric")
    mirrored = np.ascontiguousarray(inner[row_order][:, column_order])
    away_px = np.maximum(_distance_px(rows, height)[:, None], _distance_px(columns, width)[None, :])
    share = np.minimum(away_px / (_SHARP_SHARE * height), 1.0)[..., None]
    soft = _blurred(mirrored, _SURROUND_BLUR)
    return np.asarray(np.rint(mirrored + share * (soft.astype(np.float32) - mirrored)), np.uint8)


def _distance_px(inside: slice, length: int) -> NDArray[np.float32]:
    """Return how far each of ``length`` pixels lies outside of ``inside``."""
    pixels = np.arange(length, dtype=np.float32)
    return np.asarray(
        np.maximum(np.maximum(inside.start - pixels, pixels - (inside.stop - 1)), 0.0), np.float32
    )


def _blurred(rgb: RgbImage, blur: float) -> RgbImage:
    if blur == 0.0:
        return rgb
    height, width = rgb.shape[:2]
    sigma = blur * BLUR_AT_FULL * height
    # A Gaussian of sigma pixels survives shrinking as long as it stays wider than about one small pixel.
    shrink = max(1.0, min(height / _BLUR_HEIGHT, sigma / 2))
    small = resized(rgb, max(1, round(width / shrink)), max(1, round(height / shrink)))
    soft = cv2.GaussianBlur(small, (0, 0), sigma / shrink, borderType=cv2.BORDER_REFLECT_101)
    return resized(np.asarray(soft, np.uint8), width, height)
