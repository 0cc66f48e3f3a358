"""Bilinear resizing as products with constant matrices: what a compiled graph does three times as fast.

The numbers are those of ``F.interpolate(mode="bilinear", align_corners=False)`` but for the order in which
float32 adds. Not for autocast, which would round the products: full precision only.
"""

import torch
from torch import Tensor


def bilinear_matrix(source: int, target: int, like: Tensor) -> Tensor:
    """Return what takes ``source`` cells in a line to ``target``: ``(target, source)``, typed as ``like``."""
    cells = torch.arange(source, dtype=like.dtype, device=like.device)
    places = (torch.arange(target, dtype=like.dtype, device=like.device) + 0.5) * (source / target) - 0.5
    apart = (places.clamp(0.0, source - 1.0)[:, None] - cells).abs()
    return (1.0 - apart).clamp_min(0.0)


def resized(maps: Tensor, height: int, width: int) -> Tensor:
    """Return ``maps (F, C, h, w)`` as ``(F, C, height, width)``, new memory."""
    down = bilinear_matrix(maps.shape[-2], height, maps)
    across = bilinear_matrix(maps.shape[-1], width, maps)
    return down @ (maps @ across.T)
