"""Depth maps as a network is told them: normalised, as a picture in the range of the autoencoder.

Maps are inverse and relative, near is large (MiDaS, arXiv:1907.01341). Live2Diff (arXiv:2407.08701) stretches
each map to 0..1 by its own extremes, repeats it to three channels and encodes it like any picture. Who gives
the extremes (all maps of a warm-up together, a map alone, or a running range) is the caller's business.
"""

import torch
from torch import Tensor
from torch.nn import functional

NETWORK_SIDE = 384
"""Side of the square picture that the published system shows its depth network, whatever the aspect."""


def network_input(pixels: Tensor, side: int = NETWORK_SIDE) -> Tensor:
    """Return pictures ``(F, 3, H, W)`` of -1..1 as ``(F, 3, side, side)``; MiDaS takes them as they are."""
    return functional.interpolate(pixels, size=(side, side), mode="bilinear", align_corners=False)


def extremes(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest depth of maps ``(F, h, w)`` together, two scalars on their device."""
    low, high = torch.aminmax(maps)
    return low, high


def depth_picture(maps: Tensor, low: Tensor, high: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps as pictures, ``2 (d - low) / (high - low) - 1`` in three channels.

    A range without width (a constant map) gives the middle, 0, where the published code gives NaN. Depth
    outside the range is clamped.

    Args:
        maps: ``(F, h, w)``.
        low: Scalar.
        high: Scalar.
        size: ``(H, W)`` of the pictures.

    Returns:
        ``(F, 3, H, W)`` -1..1, resized bilinearly without antialiasing.
    """
    span = high - low
    is_flat = span <= torch.finfo(maps.dtype).eps * torch.maximum(low.abs(), high.abs())
    stretched = ((maps - low) / torch.where(is_flat, torch.ones_like(span), span)).clamp(0.0, 1.0)
    stretched = torch.where(is_flat, torch.full_like(stretched, 0.5), stretched)
    pictures = (2.0 * stretched - 1.0)[:, None].expand(-1, 3, -1, -1)
    return functional.interpolate(pictures, size=size, mode="bilinear", align_corners=False)
