"""Fit a picture of any shape into a fixed one without cutting or stretching it."""

import cv2
import numpy as np

from engine.types import RgbImage


def fitted_size(source: tuple[int, int], target: tuple[int, int]) -> tuple[int, int]:
    """Return the largest ``(width, height)`` inside ``target`` with ``source``'s proportions."""
    scale = min(target[0] / source[0], target[1] / source[1])
    return max(1, min(target[0], round(source[0] * scale))), max(1, min(target[1], round(source[1] * scale)))


def letterbox(rgb: RgbImage, width: int, height: int, out: RgbImage | None = None) -> RgbImage:
    """Return ``rgb`` scaled to fit, centred on black.

    Args:
        rgb: ``(h, w, 3)`` uint8.
        width: Of the result, in pixels.
        height: Of the result, in pixels.
        out: ``(height, width, 3)`` uint8 to write into; a new array without it. Never ``rgb`` itself.

    Raises:
        ValueError: ``out`` has another shape.
    """
    if out is None:
        out = np.empty((height, width, 3), np.uint8)
    elif out.shape != (height, width, 3):
        raise ValueError(f"out is {out.shape}, not {(height, width, 3)}.")
    new_width, new_height = fitted_size((rgb.shape[1], rgb.shape[0]), (width, height))
    left, top = (width - new_width) // 2, (height - new_height) // 2
    out[:top] = 0
    out[top + new_height :] = 0
    out[:, :left] = 0
    out[:, left + new_width :] = 0
    resize_into(rgb, out[top : top + new_height, left : left + new_width])
    return out


def resize_into(pixels: RgbImage, out: RgbImage) -> None:
    """Scale ``pixels`` ``(h, w, ...)`` into ``out``: area mean to shrink, bilinear to enlarge."""
    height, width = out.shape[:2]
    if pixels.shape[:2] == (height, width):
        np.copyto(out, pixels)
        return
    is_smaller = width < pixels.shape[1] or height < pixels.shape[0]
    interpolation = cv2.INTER_AREA if is_smaller else cv2.INTER_LINEAR
    cv2.resize(pixels, (width, height), dst=out, interpolation=interpolation)


def resized(pixels: RgbImage, width: int, height: int) -> RgbImage:
    """Return ``pixels`` ``(h, w, 3)`` at another size, in new memory. See ``resize_into``."""
    out = np.empty((height, width, 3), np.uint8)
    resize_into(pixels, out)
    return out
