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
from engine.post.letterbox import resize_into
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
        plate: The avatar's own background ``(h, w, 3)``, for a stage that shows it.

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
        self._blender: _Blender | None = None

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
        box = out[avatar_box(pixels.shape, self.size)]
        if self._blender is None or not self._blender.fits(pixels, box):
            self._blender = _Blender(pixels, box)
        self._blender.blend(pixels, box, is_crisp=self._is_crisp)
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


class _Blender:
    """Blends RGBA of one size over RGB of another in memory of its own: a stream allocates nothing.

    OpenCV takes planes and colours out of RGBA ten times faster than it works on strided slices.
    """

    def __init__(self, rgba: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
        self._shapes = rgba.shape, out.shape
        self._alpha = np.empty(rgba.shape[:2], np.uint8)
        self._rgb = np.empty((*rgba.shape[:2], 3), np.uint8)
        self._rgb_alpha = np.empty_like(self._rgb)
        self._foreground = np.empty(out.shape, np.uint8)
        self._share = np.empty(out.shape[:2], np.uint8)
        self._rgb_share = np.empty(out.shape, np.uint8)

    def fits(self, rgba: NDArray[np.uint8], out: NDArray[np.uint8]) -> bool:
        """Whether the memory has the sizes of these."""
        return self._shapes == (rgba.shape, out.shape)

    def blend(self, rgba: NDArray[np.uint8], out: NDArray[np.uint8], *, is_crisp: bool) -> None:
        """Blend straight ``rgba`` over ``out``, in place: at most two levels from exact arithmetic."""
        cv2.extractChannel(rgba, 3, dst=self._alpha)
        cv2.cvtColor(self._alpha, cv2.COLOR_GRAY2RGB, dst=self._rgb_alpha)
        cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB, dst=self._rgb)
        cv2.multiply(self._rgb, self._rgb_alpha, dst=self._rgb, scale=1 / 255)
        resize_into(self._rgb, self._foreground)
        resize_into(self._alpha, self._share)
        if is_crisp:
            self._sharpen()
        cv2.bitwise_not(self._share, dst=self._share)
        cv2.cvtColor(self._share, cv2.COLOR_GRAY2RGB, dst=self._rgb_share)
        cv2.multiply(out, self._rgb_share, dst=out, scale=1 / 255)
        cv2.add(self._foreground, out, dst=out)

    def _sharpen(self) -> None:
        """Back to straight colour, since the steeper alpha takes another share of it."""
        cv2.cvtColor(self._share, cv2.COLOR_GRAY2RGB, dst=self._rgb_share)
        cv2.divide(self._foreground, self._rgb_share, dst=self._foreground, scale=255)
        cv2.LUT(self._share, _CRISP_TABLE, dst=self._share)
        cv2.cvtColor(self._share, cv2.COLOR_GRAY2RGB, dst=self._rgb_share)
        cv2.multiply(self._foreground, self._rgb_share, dst=self._foreground, scale=1 / 255)
