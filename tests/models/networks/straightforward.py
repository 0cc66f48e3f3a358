"""The layered warp's geometry written down point by point, in the precision of what comes in: no tricks.

What the networks compute with matrices and shared work is compared with this.
"""

import math

import torch
from torch import Tensor

from models.networks.eyes import EYES, eye_axes, eye_widths
from models.networks.followers import CREASE_SHARE, IRIS_SHARE, LASH_SHARE
from models.networks.layered_warp import ARMS, LOWER_PARTS, MOUTH_CORNERS, PUPILS, UPPER_PARTS
from models.networks.warp import IGNORED_POINT_STIFFNESS, KNOWN, border_points

HAIR, SHOULDERS = (51, 52, 53), (55, 56)
RING = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))
DOME = (
    *((35, 1.0), (65, 1.0), (115, 1.0), (145, 1.0), (45, 1.35), (90, 1.35), (135, 1.35)),
    *((60, 0.55), (90, 0.5), (120, 0.55)),
)
TRUNK = (
    *((-0.5, 0.4), (0.0, 0.4), (0.5, 0.4), (-0.5, 0.8), (0.0, 0.8), (0.5, 0.8), (-0.2, 0.12), (0.2, 0.12)),
    *((0.0, 0.2), (-0.7, 0.3), (0.7, 0.3), (-0.7, 0.7), (0.7, 0.7)),
)


def lids_at_rest(points: Tensor, reference_points: Tensor) -> Tensor:
    """Where the upper lids would be were they open as in the reference, ``(F, 2, 5, 2)``."""
    now = eye_widths(points, reference_points)
    before = eye_widths(reference_points, reference_points)
    lids = []
    for number, eye in enumerate(EYES):
        one, corners = slice(number, number + 1), list(eye.corners)
        offset = reference_points[:, eye.upper_curve] - reference_points[:, corners].mean(1, keepdim=True)
        lid = points[:, corners].mean(1, keepdim=True)
        old_axes = eye_axes(reference_points, eye, before[:, one])
        for old, new in zip(old_axes, eye_axes(points, eye, now[:, one]), strict=True):
            share = (offset * old[:, None]).sum(-1, keepdim=True) / old.square().sum(-1)[:, None, None]
            lid = lid + share * new[:, None]
        lids.append(lid)
    return torch.stack(lids, dim=1)


def lid_curves(points: Tensor, reference_points: Tensor) -> Tensor:
    """The upper edges of the lashes of both eyes, at rest, then now, ``(F, 4, 5, 2)``."""
    widths = eye_widths(points, reference_points)
    ups = [eye_axes(points, eye, widths[:, n : n + 1])[1] for n, eye in enumerate(EYES)]
    lash = LASH_SHARE * torch.stack(ups, dim=1)[:, :, None]
    now = torch.stack([points[:, eye.upper_curve] for eye in EYES], dim=1)
    return torch.cat([lids_at_rest(points, reference_points) + lash, now + lash], dim=1)


def helpers(points: Tensor, reference_points: Tensor) -> Tensor:
    """Lashes, irises, creases, dome and trunk, ``(F, 43, 2)``."""
    lashes, rings, creases = [], [], []
    widths, at_rest = eye_widths(points, reference_points), lids_at_rest(points, reference_points)
    for number, eye in enumerate(EYES):
        across, up = eye_axes(points, eye, widths[:, number : number + 1])
        lashes += [points[:, row] + LASH_SHARE * up for row in eye.upper]
        rings += [points[:, eye.pupil] + IRIS_SHARE * (x * across + y * up) for x, y in RING]
        creases += [lid + CREASE_SHARE * up for lid in at_rest[:, number, 1:-1].unbind(1)]
    return torch.stack(lashes + rings + creases + _dome(points) + _trunk(points), dim=1)


def _dome(points: Tensor) -> list[Tensor]:
    left, top, right = (points[:, row] for row in HAIR)
    centre, across = (left + right) / 2, (right - left) / 2
    turns = ((math.radians(degrees), distance) for degrees, distance in DOME)
    return [centre + r * (math.cos(angle) * across + math.sin(angle) * (top - centre)) for angle, r in turns]


def _trunk(points: Tensor) -> list[Tensor]:
    left, right = (points[:, row] for row in SHOULDERS)
    across = right - left
    down = torch.stack([-across[:, 1], across[:, 0]], dim=-1)
    return [(left + right) / 2 + x * across + y * down for x, y in TRUNK]


def certain_points(scores: Tensor) -> Tensor:
    """Which control points, helpers and border points carry each layer, ``(F, 3, 116)``."""
    upper_lids = [row for eye in EYES for row in eye.upper]
    pupils = [eye.pupil for eye in EYES for _ in RING]
    dome, trunk = (scores[:, list(rows)].amin(1, keepdim=True) for rows in (HAIR, SHOULDERS))
    of_helpers = [scores[:, rows] for rows in (upper_lids, pupils, upper_lids)]
    of_helpers += [dome.expand(-1, len(DOME)), trunk.expand(-1, len(TRUNK))]
    certain = torch.cat([scores, *of_helpers], dim=1)[:, None].repeat(1, 3, 1)
    lashes, rings, creases = range(61, 67), range(67, 75), range(75, 81)
    certain[:, :, list(ARMS)] = 0.0
    certain[:, 0, [*LOWER_PARTS, *PUPILS, *rings]] = 0.0
    certain[:, 1, [*UPPER_PARTS, *PUPILS, *lashes, *rings, *creases]] = 0.0
    certain[:, 2, [*UPPER_PARTS, *LOWER_PARTS, *MOUTH_CORNERS, *lashes, *creases]] = 0.0
    border = torch.ones(len(scores), 3, 12, dtype=scores.dtype)
    border[(scores[:, list(SHOULDERS)].amin(1) >= KNOWN), :, :] *= border_points()[:, 1] < 0.99
    return torch.cat([certain, border], dim=2)


def spline(driven: Tensor, reference: Tensor, certain: Tensor, size: int) -> Tensor:
    """One spline's displacements of one frame in half pictures, ``(2, size, size)``, in double precision.

    Args:
        driven: ``(K, 2)``.
        reference: ``(K, 2)``.
        certain: ``(K,)``.
        size: Cells a side.
    """
    driven, reference = driven.double(), reference.double()
    count = len(driven)
    ones = torch.ones(count, 1, dtype=torch.float64)
    affine = torch.cat([ones, driven], dim=1)
    system = torch.zeros(count + 3, count + 3, dtype=torch.float64)
    stiffness = torch.where(certain < KNOWN, IGNORED_POINT_STIFFNESS, 1e-4).double()
    system[:count, :count] = _kernel(driven, driven) + torch.diag(stiffness)
    system[:count, count:], system[count:, :count] = affine, affine.T
    target = torch.zeros(count + 3, 2, dtype=torch.float64)
    target[:count] = (reference - driven) * (certain >= KNOWN)[:, None]
    solution = torch.linalg.solve(system, target)
    cells = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    places = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1).reshape(-1, 2)
    moved = _kernel(places, driven) @ solution[:count] + solution[count] + places @ solution[count + 1 :]
    return 2.0 * moved.T.reshape(2, size, size)


def _kernel(places: Tensor, points: Tensor) -> Tensor:
    squared = (places[:, None] - points[None]).square().sum(-1)
    return squared * torch.log(squared.clamp_min(1e-9))


def layer_flows(points: Tensor, scores: Tensor, reference_points: Tensor, size: int) -> Tensor:
    """The displacements of the three layers of every frame, ``(F, 6, size, size)``, double precision."""
    points, reference_points = points.double(), reference_points.double().expand(len(points), -1, -1)
    border = border_points().double().expand(len(points), -1, -1)
    driven = torch.cat([points, helpers(points, reference_points), border], dim=1)
    reference = torch.cat([reference_points, helpers(reference_points, reference_points), border], dim=1)
    certain = certain_points(scores)
    frames = [
        torch.cat([spline(driven[frame], reference[frame], layer, size) for layer in certain[frame]])
        for frame in range(len(points))
    ]
    return torch.stack(frames)
