"""The eyes among the control points: where they are, how they lie, and their lids as they were at rest."""

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


def _spread(points: Tensor) -> Tensor:
    contour = points[:, _CONTOUR]
    centred = contour - contour.mean(1, keepdim=True)
    return centred.square().sum(-1).mean(1, keepdim=True).sqrt().clamp_min(1e-3)  # (F, 1)


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
    return torch.stack(at_rest, dim=1) * (_spread(points) / _spread(reference_points))


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
    return across, up * (width / across.norm(dim=-1, keepdim=True).clamp_min(1e-3))


def lids_at_rest(points: Tensor, reference_points: Tensor) -> Tensor:
    """Return where the upper lids would be were they open as in the reference, ``(F, 2, 5, 2)``.

    Args:
        points: ``(F, 61, 2)``: the eyes' corners carry them.
        reference_points: ``(F, 61, 2)``.
    """
    now = eye_widths(points, reference_points)
    before = eye_widths(reference_points, reference_points)
    lids = []
    for number, eye in enumerate(EYES):
        one, corners = slice(number, number + 1), list(eye.corners)
        offset = reference_points[:, eye.upper_curve] - reference_points[:, corners].mean(1, keepdim=True)
        axes = eye_axes(points, eye, now[:, one])
        axes_before = eye_axes(reference_points, eye, before[:, one])
        moved = [_share(offset, old) * new[:, None] for old, new in zip(axes_before, axes, strict=True)]
        lids.append(points[:, corners].mean(1, keepdim=True) + moved[0] + moved[1])
    return torch.stack(lids, dim=1)


def _share(offset: Tensor, axis: Tensor) -> Tensor:
    # (F, 5, 2), (F, 2) -> (F, 5, 1): how far along an axis, in its lengths
    length = axis.square().sum(-1)[:, None, None].clamp_min(1e-9)
    return (offset * axis[:, None]).sum(-1, keepdim=True) / length
