"""Expressions in one face's own proportions: brows, lids, pupils, lips and jaw, in head units.

A head unit is half the width of the face between the ears, over 0.99; the origin is the middle of the skull,
x to the right, y down, z towards the viewer. What is drawn at rest stays: every rule below is a change
against it. Pure numpy; immutable; any thread.
"""

import numpy as np
from numpy.typing import NDArray

from engine.retarget.motion import Motion
from engine.types import CONTROL_INDEX

Array = NDArray[np.float64]

FACE = slice(0, CONTROL_INDEX["lip_inner_7"] + 1)
"""Rows of the control points that belong to the face: contour to inner lips."""

_CONTOUR = slice(0, CONTROL_INDEX["contour_8"] + 1)
_BROWS = slice(CONTROL_INDEX["brow_left_0"], CONTROL_INDEX["brow_right_2"] + 1)
_EYES = slice(CONTROL_INDEX["eye_left_0"], CONTROL_INDEX["eye_right_7"] + 1)
_PUPILS = slice(CONTROL_INDEX["pupil_left"], CONTROL_INDEX["pupil_right"] + 1)
_OUTER = slice(CONTROL_INDEX["lip_outer_0"], CONTROL_INDEX["lip_outer_7"] + 1)
_INNER = slice(CONTROL_INDEX["lip_inner_0"], CONTROL_INDEX["lip_inner_7"] + 1)
_LIPS = slice(_OUTER.start, _INNER.stop)

_CLOSED_DROP = 0.6  # where closed lids meet: this share of the way from the corners' line to the lower lid
_MEET_RANGE = (0.6, 0.95)  # and this far down the opening at least and at most, for eyes drawn oddly
_SMILE_LIFTS_LID = 0.22
SMILE_CLOSES_EYE = 0.034
"""Share of an ordinary eye's height by which a full smile lifts its lower lid."""
MAX_EYE_OPEN = 1.25

_BROW_RISE = np.array([0.13, 0.12, 0.07]) / 0.1094  # inner, middle, outer, for a mean rise of 1
_BROW_SQUEEZE = 0.035 / 0.093  # how far a lowered brow moves inward, per head unit of lowering

_ROW = np.array([-1.0, -0.5, 0.0, 0.5, 1.0, 0.5, 0.0, -0.5])  # across the mouth in the order of ``lip_outer``
_IS_UPPER = np.array([0, 1, 1, 1, 0, 0, 0, 0], bool)
_IS_LOWER = np.array([0, 0, 0, 0, 0, 1, 1, 1], bool)
_GAP_SHARE = np.where(_IS_LOWER, 0.7, np.where(_IS_UPPER, -0.3, 0.0))  # the lower lip opens farther

_JAW_TOP = 0.35  # head units below which the jaw takes part
_JAW_DROP = 0.11
_JAW_NARROWS = 0.04


def dome(x: Array, y: Array) -> Array:
    """Return the face's depth (head units) at ``x, y``: an ellipsoid that stands for every face."""
    inside = 1 - (x / 1.08) ** 2 - ((y - 0.05) / 1.35) ** 2
    return np.asarray(0.55 * np.sqrt(np.maximum(inside, 0.0)) - 0.05)


def full_gap(mouth_width: float, rounding: float = 0.0) -> float:
    """Return the gap of the inner lips of a wide open mouth whose corners at rest are ``mouth_width`` apart.

    All lengths are head units; ``rounding`` is 0..1.
    """
    return (0.15 + 0.525 * mouth_width) * (1 + 0.1 * rounding)


def full_smile_lift(mouth_width: float) -> float:
    """Return how far a full smile lifts the mouth's corners against its middle, head units."""
    return 0.11 * (0.5 + mouth_width)


class FaceRig:
    """The face of one avatar.

    Args:
        rest: ``(51, 3)`` head units, the control points of the face as drawn.
    """

    def __init__(self, rest: Array) -> None:
        self.rest = rest
        self._rest_dome = dome(rest[:, 0], rest[:, 1])
        contour = rest[_CONTOUR]
        reach = max(float(contour[4, 1]) - _JAW_TOP, 1e-3)
        self._low = np.clip((contour[:, 1] - _JAW_TOP) / reach, 0.0, 1.0)
        self._lid_knots()
        inner = rest[_INNER]
        self._mouth_x = float(inner[:, 0].mean())
        self.mouth_width = float(inner[4, 0] - inner[0, 0])
        self._outer_offset = rest[_OUTER, :2] - inner[:, :2]

    def _lid_knots(self) -> None:
        """Precompute where each lid point is when the eye is closed, and each eye's size."""
        eyes = self.rest[_EYES, :2].reshape(2, 8, 2)
        left, right = eyes[:, 0], eyes[:, 4]
        self._eye_half_width = np.maximum((right[:, 0] - left[:, 0]) / 2, 1e-3)  # (2,)
        middle_x = (left[:, 0] + right[:, 0])[:, None] / 2
        across = (eyes[:, :, 0] - middle_x) / self._eye_half_width[:, None]  # (2, 8), -1..1
        base = (left[:, 1] + right[:, 1])[:, None] / 2 + across * (right[:, 1] - left[:, 1])[:, None] / 2
        upper, lower = eyes[:, 2, 1] - base[:, 2], eyes[:, 6, 1] - base[:, 6]
        gap = np.maximum(lower - upper, 1e-4)
        low, high = _MEET_RANGE
        drop = np.clip(_CLOSED_DROP * lower, upper + low * gap, upper + high * gap)
        closed = base + drop[:, None] * np.maximum(1 - across**2, 0.0) ** 0.7
        closed[:, [0, 4]] = eyes[:, [0, 4], 1]
        self._eye_height = gap
        self._closed_y = closed
        self._lid_travel = eyes[:, :, 1] - closed  # (2, 8)

    @property
    def eye_height(self) -> float:
        """Mean height of the eyes at rest, head units."""
        return float(self._eye_height.mean())

    def act(self, motion: Motion) -> Array:
        """Return the face's points ``(51, 3)`` in head units, not turned, a new array."""
        face = self.rest.copy()
        self._move_brows(face, motion)
        self._move_eyes(face, motion)
        self._move_mouth(face, motion)
        moved = slice(_BROWS.start, _LIPS.stop)
        face[moved, 2] += dome(face[moved, 0], face[moved, 1]) - self._rest_dome[moved]
        self._move_jaw(face, motion)
        return face

    def _move_brows(self, face: Array, motion: Motion) -> None:
        left, right = motion.brow_left, motion.brow_right
        brows = face[_BROWS]
        brows[:3, 1] -= left * _BROW_RISE[::-1]
        brows[3:, 1] -= right * _BROW_RISE
        brows[2, 0] -= _BROW_SQUEEZE * min(left, 0.0)
        brows[3, 0] += _BROW_SQUEEZE * min(right, 0.0)

    def _move_eyes(self, face: Array, motion: Motion) -> None:
        opening = np.clip((motion.eye_open_left, motion.eye_open_right), 0.0, MAX_EYE_OPEN)
        squeeze = 1 - _SMILE_LIFTS_LID * min(max(motion.smile, 0.0), 1.0)
        travel = np.empty((2, 8))
        travel[:, :5] = opening[:, None]
        travel[:, 5:] = (np.minimum(opening, 1.0) * squeeze)[:, None]
        face[_EYES, 1] = (self._closed_y + self._lid_travel * travel).reshape(16)
        face[_PUPILS, 0] += motion.gaze_x * self._eye_half_width
        face[_PUPILS, 1] += motion.gaze_y * self._eye_height

    def _move_mouth(self, face: Array, motion: Motion) -> None:
        opening, rounding = motion.mouth_open, motion.mouth_round
        gap = full_gap(self.mouth_width, rounding) * opening
        bow = 1 - _ROW**2
        lift = full_smile_lift(self.mouth_width) * motion.smile
        change = gap * _GAP_SHARE * bow ** (0.75 - 0.25 * rounding)
        change += 0.02 * rounding - lift * (_ROW**2 - 0.35)
        thick = 1 + 0.35 * rounding - 0.15 * min(max(motion.smile, 0.0), 1.0)
        inner, outer = face[_INNER], face[_OUTER]
        inner[:, 0] = self._mouth_x + (inner[:, 0] - self._mouth_x) * motion.mouth_width
        inner[:, 1] += change
        outer[:, 0] = inner[:, 0] + self._outer_offset[:, 0]
        outer[:, 1] = inner[:, 1] + self._outer_offset[:, 1] * thick

    def _move_jaw(self, face: Array, motion: Motion) -> None:
        contour = face[_CONTOUR]
        contour[:, 1] += self._low**1.5 * (_JAW_DROP * motion.mouth_open)
        contour[:, 0] *= 1 - _JAW_NARROWS * motion.mouth_round * self._low
