"""The reference in three layers that move apart: above lids and lips, below them, and between.

One smooth warp cannot shut an eye: both lids come to lie on one line, and everything between them folds over.
So the face is cut along its lids and lips, as puppeteers cut theirs: skin, crease and lashes above follow the
upper curves, everything below follows the lower ones, and the eyeball between them turns with the pupil. Each
layer is a thin-plate spline of its own and smooth; the curves say which layer a pixel belongs to. Float32
only; used once per frame, on any thread.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from models.networks.eyes import EYES, eye_axes, eye_widths, lids_at_rest
from models.networks.geometry import NEAR_PX, NUM_CURVES, PIXELS, WINDOW_PX
from models.networks.lids import LASH_SHARE
from models.networks.warp import KNOWN, border_points, thin_plate_flows

FLOW_GRID = 64
"""Cells a side of the displacement fields."""

# Rows of engine.types.CONTROL_NAMES.
UPPER_PARTS = (18, 19, 20, 26, 27, 28, 36, 37, 38, 44, 45, 46)
LOWER_PARTS = (22, 23, 24, 30, 31, 32, 40, 41, 42, 48, 49, 50)
MOUTH_CORNERS = (43, 47)
PUPILS = (33, 34)
# Elbows and wrists: arms hang unseen in most references, so a warp would drag the body after them.
ARMS = (57, 58, 59, 60)


_Places = tuple[tuple[float, float], ...]


IRIS_SHARE = 0.28
"""Radius about a pupil that moves as one, in widths of the eye."""

CREASE_SHARE = LASH_SHARE + 0.1
"""Height above an upper lid at rest from which on nothing follows it, in widths of the eye."""

# Of CurveMaps, for left eye, right eye and mouth (its inner lips): upper curves, lower ones, their windows.
_UPPER_CURVES, _LOWER_CURVES = (0, 2, 6), (1, 3, 7)
_MASK_MAPS = (_UPPER_CURVES, _LOWER_CURVES, tuple(2 * NUM_CURVES + curve for curve in _UPPER_CURVES))

_LOW_EDGE = 0.99

_RING = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))


# Points of the head's dome, of what sits on it and of the brow: direction in degrees, distance in half widths
# of the hair. They move with hair_left, hair_top and hair_right; one point on top would draw out a tip.
_DOME: _Places = (
    *((35, 1.0), (65, 1.0), (115, 1.0), (145, 1.0)),
    *((45, 1.35), (90, 1.35), (135, 1.35)),
    *((60, 0.55), (90, 0.5), (120, 0.55)),
)
_HAIR = (51, 52, 53)

# Points of the trunk, from the middle of the shoulders: along them and down, in distances of the shoulders.
_TRUNK: _Places = (
    *((-0.5, 0.4), (0.0, 0.4), (0.5, 0.4), (-0.5, 0.8), (0.0, 0.8), (0.5, 0.8)),  # chest and belly
    *((-0.2, 0.12), (0.2, 0.12), (0.0, 0.2)),  # collar
    *((-0.7, 0.3), (0.7, 0.3), (-0.7, 0.7), (0.7, 0.7)),  # arms that hang
)
_SHOULDERS = (55, 56)


def _of_eyes(points: Tensor, reference_points: Tensor) -> list[Tensor]:
    lashes, rings, creases = [], [], []
    widths, at_rest = eye_widths(points, reference_points), lids_at_rest(points, reference_points)
    for number, eye in enumerate(EYES):
        across, up = eye_axes(points, eye, widths[:, number : number + 1])
        lashes += [points[:, row] + LASH_SHARE * up for row in eye.upper]
        rings += [points[:, eye.pupil] + IRIS_SHARE * (x * across + y * up) for x, y in _RING]
        creases += [lid + CREASE_SHARE * up for lid in at_rest[:, number, 1:-1].unbind(1)]
    return lashes + rings + creases


def _of_dome(points: Tensor) -> list[Tensor]:
    left, top, right = (points[:, row] for row in _HAIR)
    centre, across = (left + right) / 2, (right - left) / 2
    up = top - centre
    directions = ((math.radians(degrees), distance) for degrees, distance in _DOME)
    return [centre + r * (math.cos(angle) * across + math.sin(angle) * up) for angle, r in directions]


def _of_trunk(points: Tensor) -> list[Tensor]:
    left, right = (points[:, row] for row in _SHOULDERS)
    across = right - left
    down = torch.stack([-across[:, 1], across[:, 0]], dim=-1)
    return [(left + right) / 2 + x * across + y * down for x, y in _TRUNK]


def _helpers(points: Tensor, reference_points: Tensor) -> Tensor:
    """Return points that follow from others, ``(F, 43, 2)``: lashes, irises, creases, dome, trunk."""
    of_eyes = _of_eyes(points, reference_points)
    return torch.stack(of_eyes + _of_dome(points) + _of_trunk(points), dim=1)


_NUM_LASHES = _NUM_CREASES = sum(len(eye.upper) for eye in EYES)
_NUM_RINGS = len(EYES) * len(_RING)


def _least(scores: Tensor, rows: tuple[int, ...], count: int) -> Tensor:
    return scores[:, list(rows)].amin(1, keepdim=True).expand(-1, count)


def _helper_scores(scores: Tensor) -> Tensor:
    # A helper is as certain as the points that it follows.
    lashes = creases = scores[:, [row for eye in EYES for row in eye.upper]]
    rings = scores[:, [eye.pupil for eye in EYES for _ in _RING]]
    dome, trunk = _least(scores, _HAIR, len(_DOME)), _least(scores, _SHOULDERS, len(_TRUNK))
    return torch.cat([lashes, rings, creases, dome, trunk], dim=1)


def _layer_scores(scores: Tensor) -> Tensor:
    """Return which points carry each layer, ``(F, 3, 61 + 43)``."""
    certain = torch.cat([scores, _helper_scores(scores)], dim=1)[:, None].repeat(1, 3, 1)
    certain[:, :, list(ARMS)] = 0.0
    lashes = slice(scores.shape[1], scores.shape[1] + _NUM_LASHES)
    rings = slice(lashes.stop, lashes.stop + _NUM_RINGS)
    creases = slice(rings.stop, rings.stop + _NUM_CREASES)
    upper, lower, inner = certain[:, 0], certain[:, 1], certain[:, 2]
    upper[:, [*LOWER_PARTS, *PUPILS]] = 0.0
    upper[:, rings] = 0.0
    lower[:, [*UPPER_PARTS, *PUPILS]] = 0.0
    lower[:, lashes] = lower[:, rings] = lower[:, creases] = 0.0
    inner[:, [*UPPER_PARTS, *LOWER_PARTS, *MOUTH_CORNERS]] = 0.0
    inner[:, lashes] = inner[:, creases] = 0.0
    return certain


def _border(scores: Tensor) -> tuple[Tensor, Tensor]:
    # The border is held, but for the lower edge: there the trunk leaves the picture, and moves with the
    # shoulders as far as they are known.
    points = border_points().to(scores)
    held = scores.new_ones(scores.shape[0], 3, len(points))
    is_low = points[:, 1] > _LOW_EDGE
    known = scores[:, list(_SHOULDERS)].amin(1) >= KNOWN
    return points.expand(scores.shape[0], -1, -1), torch.where(is_low & known[:, None, None], 0.0, held)


def layer_flows(points: Tensor, scores: Tensor, reference_points: Tensor) -> Tensor:
    """Return the displacements of the three layers.

    Args:
        points: Where the avatar's points should be, ``(F, 61, 2)`` fractions.
        scores: Which of them are known, ``(F, 61)``.
        reference_points: Where they are in the reference, ``(F or 1, 61, 2)``.

    Returns:
        ``(F, 6, 64, 64)`` in half pictures: x and y of the upper layer, of the lower one, and of the inner
        one, which follows head and pupils but neither lids nor lips. New memory.
    """
    reference_points = reference_points.expand_as(points)
    border, held = _border(scores)
    driven = torch.cat([points, _helpers(points, reference_points), border], dim=1)
    reference = torch.cat([reference_points, _helpers(reference_points, reference_points), border], dim=1)
    certain = torch.cat([_layer_scores(scores), held], dim=2)
    return thin_plate_flows(driven, reference, certain, FLOW_GRID).flatten(1, 2)


def layer_masks(curves: Tensor, size: int, picture_size: int) -> tuple[Tensor, Tensor]:
    """Return where the lower layer lies, and where the inner one, each ``(F, 1, size, size)``, 0..1.

    Args:
        curves: ``(F, 37, h, w)`` of ``CurveMaps``, of any resolution: distances survive interpolation.
        size: Pixels a side of the picture to be cut, or of a part of it.
        picture_size: Pixels a side of the whole picture; an eyeball's edge is one pixel soft.
    """
    scale = picture_size / PIXELS
    upper, lower, window = (torch.cat([curves[:, i : i + 1] for i in rows], dim=1) for rows in _MASK_MAPS)
    # A mask is a distance in pixels, cut off at 0 and 1; the least of two is where both are. Beside the
    # corners upper and lower layer agree: they are faded into each other, lest a seam runs down the cheek.
    fade = torch.where(window < 1.0, 0.5 * window + 0.5, NEAR_PX * scale + 0.5)  # where it ends, no limit
    below = torch.minimum(lower * (NEAR_PX * scale) + 0.5, fade)
    below = torch.maximum(torch.maximum(below[:, 0:1], below[:, 1:2]), below[:, 2:3])
    inside = torch.minimum(torch.minimum(upper, -lower) * NEAR_PX, window * WINDOW_PX)
    inside = torch.maximum(inside[:, 0:1], inside[:, 1:2])  # of the eyes; a mouth's inside has to be painted
    maps = torch.cat([below, inside * scale + 0.5], dim=1)
    if maps.shape[-1] != size:
        maps = F.interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)
    maps = maps.clamp(0.0, 1.0)
    return maps[:, :1], maps[:, 1:]


def cut_layers(upper: Tensor, lower: Tensor, inner: Tensor, masks: tuple[Tensor, Tensor]) -> Tensor:
    """Put the layers together: ``(F, C, S, S)`` each, masks of ``layer_masks``. New memory."""
    below, between = masks
    outer = torch.lerp(upper, lower, below)
    return torch.lerp(outer, inner, between)
