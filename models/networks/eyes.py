"""The eyes among the control points: where they are, and how they lie."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Eye:
    """Rows of ``engine.types.CONTROL_NAMES``.

    Attributes:
        corners: Picture left, picture right.
        upper, lower: Of the lids, picture left to right.
        pupil: Its middle.
    """

    corners: tuple[int, int]
    upper: tuple[int, int, int]
    lower: tuple[int, int, int]
    pupil: int

    @property
    def upper_curve(self) -> list[int]:
        """The upper lid from corner to corner."""
        return [self.corners[0], *self.upper, self.corners[1]]


EYES = (Eye((17, 21), (18, 19, 20), (24, 23, 22), 33), Eye((25, 29), (26, 27, 28), (32, 31, 30), 34))
_CONTOUR = slice(0, 9)

SHORTEST = 1e-3
"""Lengths below this are taken for it, lest something is divided by 0."""


def head_spread(points: Tensor) -> Tensor:
    """Return how far the face's contour lies from its middle, ``(F, 1)``: root mean square, fractions.

    Args:
        points: ``(F, 61, 2)``.
    """
    variance = points[:, _CONTOUR].var(1, correction=0)  # (F, 2)
    return variance.sum(-1, keepdim=True).sqrt().clamp_min(SHORTEST)


def eye_widths(points: Tensor, reference_points: Tensor) -> Tensor:
    """Return the widths that the eyes would have, facing the camera, ``(F, 2)`` in fractions.

    Args:
        points: ``(F, 61, 2)``.
        reference_points: The same at rest, ``(F, 61, 2)``; the head's size against theirs counts.
    """
    at_rest = [
        (reference_points[:, eye.corners[1]] - reference_points[:, eye.corners[0]]).norm(dim=-1)
        for eye in EYES
    ]
    return torch.stack(at_rest, dim=1) * (head_spread(points) / head_spread(reference_points))


def eye_axes(points: Tensor, eye: Eye, width: Tensor) -> tuple[Tensor, Tensor]:
    """Return an eye's axes, ``(F, 2)`` each: along its corners, and upwards, ``width`` long.

    Turning the head narrows one, not the other.

    Args:
        points: ``(F, 61, 2)``.
        eye: Which one.
        width: ``(F, 1)``, of ``eye_widths``.
    """
    across = points[:, eye.corners[1]] - points[:, eye.corners[0]]
    up = torch.stack([across[:, 1], -across[:, 0]], dim=-1)
    return across, up * (width / across.norm(dim=-1, keepdim=True).clamp_min(SHORTEST))
