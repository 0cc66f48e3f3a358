"""What follows from a frame's control points alone: the conditions that travel with its row."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.networks.geometry import heat_maps
from models.networks.pocket import LATENT_STRIDE
from models.networks.warp import thin_plate_flow

FULL_GRID, HEAD_GRID = 64, 32  # cells a side of the two displacement fields

# Points that a lid, a pupil or a lip moves: the head's warp leaves them out, so that it never squeezes an iris.
MOVING_PARTS = (*range(18, 21), *range(22, 25), *range(26, 29), *range(30, 33), 33, 34, *range(36, 39))
MOVING_PARTS += (*range(40, 43), *range(43, 51))


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseInputs:
    """What follows from points alone, for frames in one line (F = B * frames); no gradients.

    Attributes:
        heat: ``(F, 61, h, w)``.
        full, head: Displacements ``(F, 2, 64, 64)`` and ``(F, 2, 32, 32)``.
        points: ``(F, 61, 2)``.
    """

    heat: Tensor
    full: Tensor
    head: Tensor
    points: Tensor


def head_scores(scores: Tensor) -> Tensor:
    """Return ``scores (F, 61)`` with lids, pupils and lips ignored."""
    kept = scores.clone()
    kept[:, list(MOVING_PARTS)] = 0.0
    return kept


@torch.no_grad()
def pose_inputs(points: Tensor, scores: Tensor, reference_points: Tensor, size: int) -> PoseInputs:
    """Compute everything that coordinates determine. All arguments have F in front."""
    cells = size // LATENT_STRIDE
    return PoseInputs(
        heat=heat_maps(points, scores, cells, cells),
        full=thin_plate_flow(points, reference_points, scores, 64),
        head=thin_plate_flow(points, reference_points, head_scores(scores), 32),
        points=points,
    )
