"""The reference in three layers that move apart: above lids and lips, below them, and between.

One smooth warp cannot shut an eye: both lids come to lie on one line, and everything between them folds over.
So the face is cut along its lids and lips, as puppeteers cut theirs: skin, crease and lashes above follow the
upper curves, everything below follows the lower ones, and the eyeball between them turns with the pupil. Each
layer is a thin-plate spline of its own and smooth; the curves say which layer a pixel belongs to. Float32
only; used once per frame, on any thread.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.networks.geometry import NEAR_PX, NUM_CURVES, PIXELS, WINDOW_PX
from models.networks.warp import thin_plate_flows

FLOW_GRID = 64
"""Cells a side of the displacement fields."""

# Rows of engine.types.CONTROL_NAMES.
UPPER_PARTS = (18, 19, 20, 26, 27, 28, 36, 37, 38, 44, 45, 46)
LOWER_PARTS = (22, 23, 24, 30, 31, 32, 40, 41, 42, 48, 49, 50)
MOUTH_CORNERS = (43, 47)
PUPILS = (33, 34)
# Elbows and wrists: arms hang unseen in most references, so a warp would drag the body after them.
ARMS = (57, 58, 59, 60)


@dataclass(frozen=True, slots=True)
class _Eye:
    corners: tuple[int, int]  # picture left, picture right
    upper: tuple[int, int, int]
    pupil: int


_EYES = (_Eye((17, 21), (18, 19, 20), 33), _Eye((25, 29), (26, 27, 28), 34))
_CONTOUR = slice(0, 9)

LASH_SHARE = 0.14
"""Height of the band above an upper lid that moves without being stretched, in widths of the eye."""

IRIS_SHARE = 0.28
"""Radius about a pupil that moves as one, in widths of the eye."""

# Of CurveMaps: upper and lower curve of left eye, right eye and mouth (its inner lips), and their windows.
_LIDS_AND_LIPS = (0, 1, 2, 3, 6, 7)
_MASK_MAPS = (*_LIDS_AND_LIPS, *(2 * NUM_CURVES + curve for curve in _LIDS_AND_LIPS[::2]))

_RING = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))


def _spread(points: Tensor) -> Tensor:
    contour = points[:, _CONTOUR]
    centred = contour - contour.mean(1, keepdim=True)
    return centred.square().sum(-1).mean(1, keepdim=True).sqrt().clamp_min(1e-3)  # (F, 1)


def _eye_axes(points: Tensor, eye: _Eye, height: Tensor) -> tuple[Tensor, Tensor]:
    # Along the corners, as wide as the eye; and upwards, ``height`` long. Turning narrows one, not the other.
    across = points[:, eye.corners[1]] - points[:, eye.corners[0]]
    up = torch.stack([across[:, 1], -across[:, 0]], dim=-1)
    return across, up * (height / across.norm(dim=-1, keepdim=True).clamp_min(1e-3))


def _helpers(points: Tensor, heights: Tensor) -> Tensor:
    """Return points beside lids and pupils, ``(F, 14, 2)``: three lashes and four of the iris per eye."""
    lashes, rings = [], []
    for number, eye in enumerate(_EYES):
        across, up = _eye_axes(points, eye, heights[:, number : number + 1])
        lashes += [points[:, row] + LASH_SHARE * up for row in eye.upper]
        rings += [points[:, eye.pupil] + IRIS_SHARE * (x * across + y * up) for x, y in _RING]
    return torch.stack(lashes + rings, dim=1)


def _helper_sources() -> tuple[int, ...]:
    lashes = [row for eye in _EYES for row in eye.upper]
    return (*lashes, *(eye.pupil for eye in _EYES for _ in _RING))


_HELPER_SOURCES = _helper_sources()  # the point that each helper goes with
_NUM_LASHES = sum(len(eye.upper) for eye in _EYES)


def _layer_scores(scores: Tensor) -> Tensor:
    """Return which points carry each layer, ``(F, 3, 61 + 14)``."""
    helpers = scores[:, list(_HELPER_SOURCES)]
    certain = torch.cat([scores, helpers], dim=1)[:, None].repeat(1, 3, 1)
    certain[:, :, list(ARMS)] = 0.0
    count = scores.shape[1]
    lashes, rings = slice(count, count + _NUM_LASHES), slice(count + _NUM_LASHES, None)
    upper, lower, inner = certain[:, 0], certain[:, 1], certain[:, 2]
    upper[:, [*LOWER_PARTS, *PUPILS]] = 0.0
    upper[:, rings] = 0.0
    lower[:, [*UPPER_PARTS, *PUPILS]] = 0.0
    lower[:, count:] = 0.0
    inner[:, [*UPPER_PARTS, *LOWER_PARTS, *MOUTH_CORNERS]] = 0.0
    inner[:, lashes] = 0.0
    return certain


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
    at_rest = torch.stack(
        [(reference_points[:, e.corners[1]] - reference_points[:, e.corners[0]]).norm(dim=-1) for e in _EYES],
        dim=1,
    )
    scale = _spread(points) / _spread(reference_points)
    driven = torch.cat([points, _helpers(points, at_rest * scale)], dim=1)
    reference = torch.cat([reference_points, _helpers(reference_points, at_rest)], dim=1)
    flows = thin_plate_flows(driven, reference, _layer_scores(scores), FLOW_GRID)
    return flows.flatten(1, 2)


def layer_masks(curves: Tensor, size: int, picture_size: int) -> tuple[Tensor, Tensor]:
    """Return where the lower layer lies, and where the inner one, each ``(F, 1, size, size)``, 0..1.

    Args:
        curves: ``(F, 37, h, w)`` of ``CurveMaps``, of any resolution: distances survive interpolation.
        size: Pixels a side of the picture to be cut, or of a part of it.
        picture_size: Pixels a side of the whole picture; an edge is one pixel soft.
    """
    maps = curves[:, list(_MASK_MAPS)]
    if maps.shape[-1] != size:
        maps = F.interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)
    near, window = maps[:, : len(_LIDS_AND_LIPS)], maps[:, len(_LIDS_AND_LIPS) :]
    scale = picture_size / PIXELS
    below = (near * (NEAR_PX * scale) + 0.5).clamp(0.0, 1.0)
    between = (window * (WINDOW_PX * scale) + 0.5).clamp(0.0, 1.0)
    # Beside the corners the layers agree: they are faded into each other, lest a seam runs down the cheek.
    under = below[:, 1::2] * (0.5 * window + 0.5)
    lower = 1.0 - (1.0 - under).prod(dim=1, keepdim=True)
    eyeballs = (below[:, 0:4:2] * (1.0 - below[:, 1:4:2]) * between[:, :2]).sum(1, keepdim=True)
    return lower, eyeballs.clamp(0.0, 1.0)


def cut_layers(upper: Tensor, lower: Tensor, inner: Tensor, masks: tuple[Tensor, Tensor]) -> Tensor:
    """Put the layers together: ``(F, C, S, S)`` each, masks of ``layer_masks``. New memory."""
    below, between = masks
    outer = torch.lerp(upper, lower, below)
    return torch.lerp(outer, inner, between)
