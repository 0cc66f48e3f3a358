"""Points that follow from others: lashes, irises, creases, the head's dome, the trunk, the edges of lids.

They keep what drawings keep when a reference is warped: lashes do not stretch, an iris stays round, hats and
trunk move as one. Where they are is linear in the control points and in three directions that stand upright
on lines between two of them, so that a frame needs one product with a matrix that belongs to the avatar.
Float32 only; any thread.
"""

import math

import torch
from torch import Tensor

from models.networks.eyes import EYES, SHORTEST, eye_axes, eye_widths, head_spread
from models.networks.geometry import NUM_POINTS

IRIS_SHARE = 0.28
"""Radius about a pupil that moves as one, in widths of the eye."""

LASH_SHARE = 0.14
"""Height of the band above an upper lid that moves without being stretched, in widths of the eye."""

CREASE_SHARE = LASH_SHARE + 0.1
"""Height above an upper lid at rest from which on nothing follows it, in widths of the eye."""

_RING = ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))

_Places = tuple[tuple[float, float], ...]

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
SHOULDERS = (55, 56)

# What the matrix is multiplied with, behind the control points: the eyes' upward axes, and the line of the
# shoulders turned by a right angle, upwards, too.
_UPS = (NUM_POINTS, NUM_POINTS + 1)
_ABOVE_SHOULDERS = NUM_POINTS + 2
_NUM_COLUMNS = NUM_POINTS + 3
_LINES = (*(eye.corners for eye in EYES), SHOULDERS)

NUM_LASHES = NUM_CREASES = sum(len(eye.upper) for eye in EYES)
NUM_RINGS = len(EYES) * len(_RING)
_NUM_HELPERS = NUM_LASHES + NUM_RINGS + NUM_CREASES + len(_DOME) + len(_TRUNK)
NUM_PLACED = NUM_POINTS + _NUM_HELPERS
"""Control points and helpers."""

HELPER_SOURCES: tuple[tuple[int, int, int], ...] = (
    *((row, row, row) for eye in EYES for row in eye.upper),
    *((eye.pupil, eye.pupil, eye.pupil) for eye in EYES for _ in _RING),
    *((row, row, row) for eye in EYES for row in eye.upper),
    *(_HAIR for _ in _DOME),
    *((*SHOULDERS, SHOULDERS[1]) for _ in _TRUNK),
)
"""The points that each helper follows, in the helpers' order; some are named more than once."""

_Weights = dict[int, float]


class Followers:
    """What follows from control points, for the avatars of B references.

    Cost: building one about 2 ms of one core, once per avatar; ``of`` 0.1 ms per frame.

    Args:
        reference_points: Control points in the reference, ``(B, 61, 2)`` fractions.

    Attributes:
        at_rest: Control points and helpers in the reference, ``(B, 61 + 43, 2)``.
    """

    @torch.no_grad()
    def __init__(self, reference_points: Tensor) -> None:
        widths = eye_widths(reference_points, reference_points)
        self._widths = widths / head_spread(reference_points)  # facing the camera, of a head of spread 1
        self._lines = _lines().to(reference_points)
        mixing = _fixed_mixing().to(reference_points).repeat(len(reference_points), 1, 1)
        _write_lids_at_rest(mixing, _lid_shares(reference_points, widths))
        self._mixing = mixing
        self.at_rest = self.of(reference_points)[0]

    @torch.no_grad()
    def of(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return where the followers of control points are.

        Args:
            points: ``(F, 61, 2)`` fractions; F is B, or B is 1.

        Returns:
            Control points and helpers (lashes, irises, creases, dome, trunk), ``(F, 61 + 43, 2)``; and the
            upper edges of the lashes of both eyes, at rest and as they are now, ``(F, 4, 5, 2)``. Views of
            the same new memory.
        """
        across = self._lines @ points  # (F, 3, 2)
        # Turning the head narrows an eye, but not its height, which goes with the head's size: eyes.eye_axes.
        eyes = slice(len(EYES))
        heights = self._widths * head_spread(points) / across[:, eyes].norm(dim=-1).clamp_min(SHORTEST)
        turned = torch.stack([across[..., 1], -across[..., 0]], dim=-1)
        turned[:, eyes] *= heights[..., None]
        mixed = self._mixing @ torch.cat([points, turned], dim=1)
        return mixed[:, :NUM_PLACED], torch.unflatten(mixed[:, NUM_PLACED:], 1, (2 * len(EYES), -1))


def _lines() -> Tensor:
    """Return the three lines on which directions stand, from control points, ``(3, 61)``."""
    lines = torch.zeros(len(_LINES), NUM_POINTS)
    for number, (start, end) in enumerate(_LINES):
        lines[number, start], lines[number, end] = -1.0, 1.0
    return lines


def _fixed_mixing() -> Tensor:
    """Return the matrix without what the reference says of its lids at rest, ``(124, 64)``."""
    lashes = [{row: 1.0, up: LASH_SHARE} for eye, up in zip(EYES, _UPS, strict=True) for row in eye.upper]
    rings = [
        _on_line(eye.pupil, eye.corners, IRIS_SHARE * x) | {up: IRIS_SHARE * y}
        for eye, up in zip(EYES, _UPS, strict=True)
        for x, y in _RING
    ]
    creases = [{up: CREASE_SHARE} for eye, up in zip(EYES, _UPS, strict=True) for _ in eye.upper]
    at_rest = [{up: LASH_SHARE} for eye, up in zip(EYES, _UPS, strict=True) for _ in eye.upper_curve]
    now = [{row: 1.0, up: LASH_SHARE} for eye, up in zip(EYES, _UPS, strict=True) for row in eye.upper_curve]
    dome = [_of_dome(degrees, distance) for degrees, distance in _DOME]
    trunk = [_of_trunk(along, down) for along, down in _TRUNK]
    own: list[_Weights] = [{row: 1.0} for row in range(NUM_POINTS)]
    rows = [*own, *lashes, *rings, *creases, *dome, *trunk, *at_rest, *now]
    return torch.tensor([[weights.get(column, 0.0) for column in range(_NUM_COLUMNS)] for weights in rows])


def _on_line(start: int, line: tuple[int, int], share: float) -> _Weights:
    return {start: 1.0, line[0]: -share, line[1]: share}


def _of_dome(degrees: float, distance: float) -> _Weights:
    # From the middle of left and right: half their distance across, and up to the top.
    left, top, right = _HAIR
    across, up = (distance * turn(math.radians(degrees)) for turn in (math.cos, math.sin))
    return {left: (1.0 - up - across) / 2, right: (1.0 - up + across) / 2, top: up}


def _of_trunk(along: float, down: float) -> _Weights:
    left, right = SHOULDERS
    return {left: 0.5 - along, right: 0.5 + along, _ABOVE_SHOULDERS: -down}


def _write_lids_at_rest(mixing: Tensor, shares: Tensor) -> None:
    """Add where upper lids would be were they open as in the reference: to creases, and to lids at rest.

    Args:
        mixing: ``(B, 124, 64)``, written.
        shares: ``(B, 2, 5, 2)`` of ``_lid_shares``.
    """
    first_crease = NUM_POINTS + NUM_LASHES + NUM_RINGS
    for number, (eye, up) in enumerate(zip(EYES, _UPS, strict=True)):
        lid, between = shares[:, number], shares[:, number, 1:-1]
        for first, share in ((NUM_PLACED + number * lid.shape[1], lid), (first_crease + 3 * number, between)):
            rows = mixing[:, first : first + share.shape[1]]
            rows[..., eye.corners[0]] += 0.5 - share[..., 0]
            rows[..., eye.corners[1]] += 0.5 + share[..., 0]
            rows[..., up] += share[..., 1]


def _lid_shares(reference_points: Tensor, widths: Tensor) -> Tensor:
    """Return where upper lids lie from the middle of their eye, along its axes, ``(B, 2, 5, 2)``."""
    shares = []
    for number, eye in enumerate(EYES):
        middle = reference_points[:, list(eye.corners)].mean(1, keepdim=True)
        offset = reference_points[:, eye.upper_curve] - middle  # (B, 5, 2)
        axes = torch.stack(eye_axes(reference_points, eye, widths[:, number : number + 1]), dim=-1)
        shares.append(offset @ axes / axes.square().sum(1, keepdim=True).clamp_min(SHORTEST**2))
    return torch.stack(shares, dim=1)
