"""Put the avatar in front of its backdrop.

The avatar is square, the stage may be 16:9: the avatar keeps its proportions, fills the height (or width)
and stands at the bottom's centre; the backdrop fills the rest.

Scaling and blending work on **premultiplied** colour (Porter and Duff 1984, "Compositing Digital Images":
``out = fg + (1 - alpha) * bg``): then the invisible colour of transparent pixels cannot bleed into edges.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.post.backdrop import avatar_box, make_backdrop
from engine.post.letterbox import resized
from engine.post.stage import BackdropKind, StageSettings
from engine.types import RgbImage

RgbaImage = NDArray[np.uint8] | NDArray[np.float32]  # (h, w, 4), straight alpha; float in 0..1

_KEY_CONTRAST = 4.0  # how many times steeper a key colour's edge is than the avatar's own
_CRISP_TABLE = np.rint(((np.arange(256) / 255 - 0.5) * _KEY_CONTRAST + 0.5).clip(0, 1) * 255).astype(np.uint8)


class Composer:
    """Blends avatars into one stage at one size; holds the backdrop.

    Thread: one caller. A change of stage or size is a new composer (cheap but for a picture's decoding).

    Args:
        stage: The backdrop.
        size: ``(width, height)`` of the result in pixels.
        plate: The avatar's own background, ``(h, w, 3)``, which a stage ``AS_DRAWN`` shows behind it; None
            where the colour of transparent pixels is that background already.

    Raises:
        SettingsError: the stage's picture cannot be read.
        ValueError: the size is not positive.
    """

    def __init__(self, stage: StageSettings, size: tuple[int, int], plate: RgbImage) -> None:
        if min(size) < 1:
            raise ValueError(f"A stage of {size} pixels cannot be drawn.")
        self.stage = stage
        self.size = size
        self._backdrop = make_backdrop(stage, size, plate)
        self._is_crisp = stage.kind is BackdropKind.KEY_COLOUR

    def __call__(self, rgba: RgbaImage) -> RgbImage:
        """Return the avatar on its stage.

        Args:
            rgba: ``(h, w, 4)``, straight (not premultiplied) alpha: uint8, or float32 in 0..1 (clipped).

        Returns:
            ``(height, width, 3)`` uint8, a new array that nobody else writes.

        Raises:
            ValueError: ``rgba`` has another shape or type.
        """
        pixels = _as_uint8(rgba)
        out = self._backdrop.copy()
        _blend_over(pixels, out[avatar_box(pixels.shape, self.size)], is_crisp=self._is_crisp)
        return out


def _as_uint8(rgba: RgbaImage) -> NDArray[np.uint8]:
    if rgba.shape[2:] != (4,):
        raise ValueError(f"The avatar must be (h, w, 4), not {rgba.shape}.")
    if rgba.dtype == np.uint8:
        return rgba.view(np.uint8)
    if not np.issubdtype(rgba.dtype, np.floating):
        raise ValueError(f"The avatar must be uint8 or float, not {rgba.dtype}.")
    # NaN (a network that went wrong) becomes 0: transparent, never noise.
    clipped = np.nan_to_num(rgba, nan=0.0).clip(0.0, 1.0)
    return np.rint(clipped * 255.0).astype(np.uint8)


def _blend_over(rgba: NDArray[np.uint8], out: NDArray[np.uint8], *, is_crisp: bool) -> None:
    """Blend straight ``rgba`` ``(h, w, 4)`` over ``out`` of any size, in place.

    Products are rounded to whole levels: at most two levels from exact arithmetic.
    """
    height, width = out.shape[:2]
    # OpenCV takes planes and colours out of RGBA ten times faster than it works on strided slices.
    alpha = np.asarray(cv2.extractChannel(rgba, 3), np.uint8)
    premultiplied = cv2.multiply(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), _three(alpha), scale=1 / 255)
    foreground = resized(np.asarray(premultiplied, np.uint8), width, height)
    alpha = resized(alpha, width, height)
    if is_crisp:
        # Back to straight colour, since the steeper alpha takes another share of it.
        straight = cv2.divide(foreground, _three(alpha), scale=255)
        alpha = np.asarray(cv2.LUT(alpha, _CRISP_TABLE), np.uint8)
        foreground = np.asarray(cv2.multiply(straight, _three(alpha), scale=1 / 255), np.uint8)
    backdrop = cv2.multiply(out, _three(255 - alpha), scale=1 / 255)
    cv2.add(foreground, backdrop, dst=out)


def _three(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB), np.uint8)
