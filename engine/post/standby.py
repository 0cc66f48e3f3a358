"""The standby card: what the world sees whenever there is no avatar to show.

It is drawn from lines and letters alone and needs no file, so it cannot be missing.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Origin, Picture, RgbImage

PRODUCT_NAME = "Understudy"
MESSAGE = "Back in a moment"

_OVERSAMPLING = 2  # drawn larger and averaged down: smooth curves and letters
_TOP = np.array((30.0, 29.0, 38.0), np.float32)
_BOTTOM = np.array((14.0, 14.0, 19.0), np.float32)
_GLOW = np.array((32.0, 24.0, 27.5), np.float32)  # added where the spotlight falls
_LIGHT = (236, 232, 226)
_QUIET = (160, 154, 160)
_WARM = (233, 176, 104)


def standby_card(width: int, height: int) -> Picture:
    """Return the card at ``width`` x ``height`` pixels (both at least 16), drawn anew.

    Raises:
        ValueError: the size is too small to hold a card.
    """
    smallest = 16
    if min(width, height) < smallest:
        raise ValueError(f"A standby card of {width}x{height} pixels is too small to read.")
    canvas = _stage_light(width * _OVERSAMPLING, height * _OVERSAMPLING)
    # All measures are parts of the largest 16:9 frame that fits, so every shape keeps its lettering.
    unit = min(width * _OVERSAMPLING / 16, height * _OVERSAMPLING / 9)
    centre = (width * _OVERSAMPLING / 2, height * _OVERSAMPLING / 2)
    _draw_mark(canvas, (centre[0], centre[1] - 1.25 * unit), 0.62 * unit)
    _write(canvas, MESSAGE, (centre[0], centre[1] + 0.55 * unit), 0.62 * unit, _LIGHT)
    _write(canvas, PRODUCT_NAME, (centre[0], centre[1] + 1.45 * unit), 0.32 * unit, _QUIET)
    rgb = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return Picture(rgb=np.asarray(rgb, np.uint8), origin=Origin.STANDBY)


def _stage_light(width: int, height: int) -> RgbImage:
    """Return a dark wall with one soft pool of light, dithered so that no bands show."""
    y = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
    x = np.linspace(0.0, 1.0, width, dtype=np.float32)[None, :, None]
    wall = _TOP * (1 - y) + _BOTTOM * y
    distance = ((x - 0.5) / 0.42) ** 2 + ((y - 0.42) / 0.55) ** 2
    light: NDArray[np.float32] = wall + _GLOW * np.exp(-distance * 1.6)
    grain = np.random.default_rng(0).uniform(-0.5, 0.5, (height, width, 1))
    return np.asarray(np.rint(light + grain).clip(0, 255), np.uint8)


def _draw_mark(canvas: RgbImage, centre: tuple[float, float], radius: float) -> None:
    """Draw the mark: a mask at rest, eyes closed, with a light smile, under one warm spot."""
    thickness = max(1, round(radius * 0.085))

    def arc(at: tuple[float, float], axes: tuple[float, float], degrees: tuple[int, int]) -> None:
        middle = (round(centre[0] + at[0] * radius), round(centre[1] + at[1] * radius))
        half = (max(1, round(axes[0] * radius)), max(1, round(axes[1] * radius)))
        cv2.ellipse(canvas, middle, half, 0, *degrees, _WARM, thickness, cv2.LINE_AA)

    arc((0.0, 0.0), (0.92, 1.0), (0, 360))
    arc((-0.36, -0.16), (0.2, 0.13), (15, 165))
    arc((0.36, -0.16), (0.2, 0.13), (15, 165))
    arc((0.0, 0.2), (0.4, 0.3), (25, 155))


def _write(
    canvas: RgbImage, text: str, centre: tuple[float, float], height: float, colour: tuple[int, int, int]
) -> None:
    """Write ``text`` with its middle at ``centre``, ``height`` pixels tall (capitals, about)."""
    font, reference = cv2.FONT_HERSHEY_SIMPLEX, 10.0
    (_, tall), _ = cv2.getTextSize("H", font, reference, 1)
    scale = reference * height / tall
    thickness = max(1, round(height * 0.045))
    (wide, tall), _ = cv2.getTextSize(text, font, scale, thickness)
    origin = (round(centre[0] - wide / 2), round(centre[1] + height / 2))
    cv2.putText(canvas, text, origin, font, scale, colour, thickness, cv2.LINE_AA)
