"""Bilinear resizing as products and convolutions: what a compiled graph does in a half of a resize's time.

The numbers are those of ``F.interpolate(mode="bilinear", align_corners=False)`` but for the order in which
float32 adds. Not for autocast, which would round the products: full precision only.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_HALVES = ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25))  # of a cell: what counts of the one before, itself, the next
_FOUR_MEANS = [[[y * x for x in across] for y in down] for down in _HALVES for across in _HALVES]


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


def doubled(maps: Tensor) -> Tensor:
    """Return ``maps (F, C, h, w)`` twice as high and wide, new memory.

    Every cell becomes four, each a mean of its neighbours: quicker than ``resized`` where maps are large.
    """
    frames, channels, height, width = maps.shape
    kernels = torch.tensor(_FOUR_MEANS, dtype=maps.dtype, device=maps.device)[:, None]
    alone = maps.reshape(-1, 1, height, width)
    alone = torch.cat([alone[..., :1, :], alone, alone[..., -1:, :]], dim=-2)
    alone = torch.cat([alone[..., :1], alone, alone[..., -1:]], dim=-1)  # the border repeats
    quadrupled = F.conv2d(alone, kernels)  # (F * C, 4, h, w)
    return F.pixel_shuffle(quadrupled, 2).reshape(frames, channels, 2 * height, 2 * width)
