"""What a lid that comes down shows: skin, where the reference has an open eye.

A drawing of an open eye holds no lid. Stretching what lies above the lashes would make one of the fringe, of
a brow or of the frame of glasses. So everything above stays where it is, the lashes move, and between the
place that they have left and the one that they have reached lies the colour of the skin beside the eyes.
Float32 only; used once per frame, on any thread.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from models.networks.eyes import EYES, eye_axes, eye_widths
from models.networks.geometry import PIXELS, polyline_distance
from models.networks.resize import doubled

_BELOW_EYE = 0.2  # where skin is looked for under each eye, in its widths
_BRIDGE = (-0.2, 0.0, 0.2)  # and between the eyes, along and down, in distances of their inner corners
_EDGE_PX = 4.0  # beside the corners a lid ends softly


def lid_mask(curves: Tensor, x: Tensor, y: Tensor, picture_size: int) -> Tensor:
    """Return where lids have come down, ``(F, 1, height, width)``, 0..1, one pixel soft.

    Args:
        curves: Upper edges of the lashes of both eyes, at rest and now, ``(F, 4, 5, 2)`` of ``Followers.of``.
        x: Columns' centres ``(F or 1, width)``, fractions.
        y: Rows' centres ``(F or 1, height)``.
        picture_size: Pixels a side of the whole picture.
    """
    scale = picture_size / PIXELS
    below, window = polyline_distance(curves, x, y)
    # No half pixel is added: where nothing has come down the two edges are one, and there is no lid.
    passed = torch.minimum(below[:, :2], -below[:, 2:]) * scale
    inside = torch.minimum(passed, window[:, 2:] / _EDGE_PX + 0.5)
    return torch.maximum(inside[:, :1], inside[:, 1:]).clamp(0.0, 1.0)


def shut_lids(upper: Tensor, skin: Tensor, mask: Tensor) -> Tensor:
    """Lay the lids over the upper layer.

    Args:
        upper: ``(F, 4, S, S)``, the reference as it hangs on the upper lids.
        skin: ``(F, 4)`` of ``skin_colour``.
        mask: ``(F, 1, h, w)`` of ``lid_mask``, of as many pixels a side or half as many.

    Returns:
        ``(F, 4, S, S)``, new memory.
    """
    if mask.shape[-1] != upper.shape[-1]:
        mask = doubled(mask)
    return torch.lerp(upper, skin[:, :, None, None], mask)


def skin_colour(reference: Tensor, reference_points: Tensor) -> Tensor:
    """Return the colour of the skin beside the eyes, ``(B, 4)``: the median of some places, and alpha 1.

    Args:
        reference: ``(B, 4, S, S)`` RGBA, 0..1.
        reference_points: ``(B, 61, 2)``.
    """
    places = torch.cat([_under_eyes(reference_points), _between_eyes(reference_points)], dim=1)
    grid = (places * 2.0 - 1.0)[:, None]
    colours = F.grid_sample(reference[:, :3], grid, padding_mode="border", align_corners=False)[:, :, 0]
    return torch.cat([colours.median(dim=-1).values, torch.ones_like(colours[:, :1, 0])], dim=1)


def _under_eyes(points: Tensor) -> Tensor:
    widths = eye_widths(points, points)
    ups = [eye_axes(points, eye, widths[:, n : n + 1])[1] for n, eye in enumerate(EYES)]
    rows = [points[:, eye.lower] - _BELOW_EYE * up[:, None] for eye, up in zip(EYES, ups, strict=True)]
    return torch.cat(rows, dim=1)


def _between_eyes(points: Tensor) -> Tensor:
    left, right = points[:, EYES[0].corners[1]], points[:, EYES[1].corners[0]]
    middle, across = (left + right) / 2, right - left
    down = torch.stack([-across[:, 1], across[:, 0]], dim=-1)
    return torch.stack([middle + along * across + below * down for along in _BRIDGE for below in _BRIDGE], 1)
