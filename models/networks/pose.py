"""What follows from a frame's control points alone: the conditions that travel with its row."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.networks.geometry import heat_maps
from models.networks.pocket import LATENT_STRIDE
from models.networks.warp import thin_plate_flow

FULL_GRID, HEAD_GRID = 64, 32  # cells a side of the two displacement fields

# Points that a lid or a lip moves: the head's warp leaves them out, so that it never squeezes an iris; it
# follows the pupils, so that it carries the iris to where the eye looks.
MOVING_PARTS = (*range(18, 21), *range(22, 25), *range(26, 29), *range(30, 33), *range(36, 39))
MOVING_PARTS += (*range(40, 43), *range(43, 51))
# Elbows and wrists: arms hang unseen in most references, so a warp would drag the body after them.
ARMS = (57, 58, 59, 60)


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


def _without(scores: Tensor, rows: tuple[int, ...]) -> Tensor:
    kept = scores.clone()
    kept[:, list(rows)] = 0.0
    return kept


@torch.no_grad()
def pose_inputs(points: Tensor, scores: Tensor, reference_points: Tensor, size: int) -> PoseInputs:
    """Compute everything that coordinates determine.

    Args:
        points: Where the avatar's points should be, ``(F, 61, 2)`` fractions.
        scores: Which of them are known, ``(F, 61)``.
        reference_points: Where they are in the reference, ``(F or 1, 61, 2)``.
        size: Side of the picture in pixels.
    """
    cells = size // LATENT_STRIDE
    still = _without(scores, ARMS)
    return PoseInputs(
        heat=heat_maps(points, scores, cells, cells),
        full=thin_plate_flow(points, reference_points, still, FULL_GRID),
        head=thin_plate_flow(points, reference_points, _without(still, MOVING_PARTS), HEAD_GRID),
        points=points,
    )
