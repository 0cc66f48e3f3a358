"""The avatar as a puppet: a ``Motion`` in, its 61 control points out.

The expression is applied in the avatar's own proportions (``rig_face``), the head is then turned about a
joint at the neck in orthographic projection, and the body follows its shoulders. The geometry is that of the
renderer of drawn characters (``models.training.characters.rig``), read back from an avatar's points and
depths alone, so it serves photographs and drawings by others too. Coordinates only, float64 inside.
Thread: any; a rig is immutable.
"""

import math

import numpy as np
from numpy.typing import NDArray

from engine.retarget.motion import BodyMotion, Motion
from engine.retarget.rig_face import FACE, FaceRig, dome
from engine.retarget.turns import rotation_from_angles
from engine.types import CONTROL_INDEX, NUM_CONTROLS, Avatar, Points, Scores

Array = NDArray[np.float64]

FACE_HALF_WIDTH = 0.99
"""Half the distance of ``contour_0`` and ``contour_8``, in head units."""
EAR_DROP = 0.06
"""How far those two points lie below the middle of the skull, head units."""
PIVOT_DROP = 0.55
"""How far the joint about which the head turns lies below the middle of the skull, head units."""

_LEAST_UNIT = 1e-4  # fractions of the picture
_SKULL_DEPTH = 1.1  # a skull is longer than wide, so its outline grows a little with yaw
_BREATH_RISE = 0.035  # head units by which shoulders rise
_BREATH_HEAD_RISE = 0.012
_HAIR = slice(CONTROL_INDEX["hair_left"], CONTROL_INDEX["hair_right"] + 1)
_NECK = CONTROL_INDEX["neck"]
_SHOULDERS = slice(_NECK + 1, _NECK + 3)
_ELBOWS = slice(_NECK + 3, _NECK + 5)
_WRISTS = slice(_NECK + 5, _NECK + 7)
_HAIR_CLING = 1.0  # outlines of hair are no material points: they hardly narrow when the head turns


class AvatarRig:
    """Poses one avatar.

    Args:
        avatar: Its points and depths at rest.

    Raises:
        ValueError: The points are not ``(61, 2)`` and finite, or the face has no width.
    """

    def __init__(self, avatar: Avatar) -> None:
        points = np.asarray(avatar.points, np.float64)
        if points.shape != (NUM_CONTROLS, 2) or not np.isfinite(points).all():
            raise ValueError(f"expected 61 finite points (61, 2), got {points.shape}")
        left, right = points[CONTROL_INDEX["contour_0"]], points[CONTROL_INDEX["contour_8"]]
        self.unit = float(np.linalg.norm(right - left)) / (2 * FACE_HALF_WIDTH)
        if self.unit < _LEAST_UNIT:
            raise ValueError(f"expected a face with a width, got {self.unit:g} of the picture")
        self._points = points
        self._scores = np.asarray(avatar.scores, np.float64)
        self._tilt = _eye_line_angle(points)
        upright = _turn(self._tilt)  # head axes to picture axes
        self._upright = upright
        self._origin = (left + right) / 2 - upright @ (0.0, EAR_DROP * self.unit)
        local = np.empty((NUM_CONTROLS, 3))
        local[:, :2] = (points - self._origin) @ upright / self.unit
        local[:, 2] = np.asarray(avatar.depth, np.float64) / self.unit
        self._hair = local[_HAIR] - (0.0, PIVOT_DROP, 0.0)
        self.face = FaceRig(local[FACE])
        shoulders = points[_SHOULDERS]
        self.shoulder_width = max(float(np.linalg.norm(shoulders[1] - shoulders[0])), self.unit)
        self._correction = np.zeros((NUM_CONTROLS, 2))
        self._correction = points - self._pose(Motion())  # rest in, the avatar's own points out, to the bit

    @property
    def eye_depth(self) -> float:
        """How far the outer eye corners lie before the head's axis, head units."""
        corners = self.face.rest[[CONTROL_INDEX["eye_left_0"], CONTROL_INDEX["eye_right_4"]]]
        return float(dome(corners[:, 0], corners[:, 1]).mean())

    def pose(self, motion: Motion) -> Points:
        """Return where the avatar's points are, ``(61, 2)`` float32, a new array.

        Cost: about 0.1 ms.
        """
        return self._pose(motion).astype(np.float32)

    def scores(self, points: Points, arms: Array | None = None) -> Scores:
        """Return ``(61,)`` float32: 0 for points out of the picture or unknown.

        Args:
            points: From ``pose``.
            arms: ``(2,)`` how far each arm is raised (``BodyMotion.arms``).
        """
        inside = ((points >= 0.0) & (points <= 1.0)).all(axis=1)
        # A point whose place at rest is known to be out of the picture may come in.
        outside_at_rest = ((self._points < 0.0) | (self._points > 1.0)).any(axis=1)
        known = np.maximum(self._scores, outside_at_rest)
        raised = np.zeros(2) if arms is None else np.clip(arms, 0.0, 1.0)
        known[_ELBOWS] = np.maximum(self._scores[_ELBOWS] * (1 - raised), raised)
        known[_WRISTS] = np.maximum(self._scores[_WRISTS] * (1 - raised), raised)
        return (known * inside).astype(np.float32)

    def _pose(self, motion: Motion) -> Array:
        points = np.empty((NUM_CONTROLS, 2))
        rotation = rotation_from_angles(motion.yaw_deg, motion.pitch_deg, motion.roll_deg)
        rise = motion.body.breath * _BREATH_HEAD_RISE
        joint = self._origin + self._upright @ ((motion.x, PIVOT_DROP + motion.y - rise)) * self.unit
        to_picture = self._upright.T * (self.unit * motion.scale)
        local = self.face.act(motion)
        local[:, 1] -= PIVOT_DROP
        points[FACE] = joint + local @ rotation[:2].T @ to_picture
        points[_HAIR] = joint + self._turn_outline(motion) @ to_picture
        self._pose_body(points, motion.body)
        return points + self._correction

    def _turn_outline(self, motion: Motion) -> Array:
        """Turn points of round outlines ``(3, 3)``: their width hardly changes, only their middle moves."""
        yaw, pitch = math.radians(motion.yaw_deg), math.radians(motion.pitch_deg)
        sin_yaw, cos_yaw = math.sin(yaw), math.cos(yaw)
        sin_pitch, cos_pitch = math.sin(pitch), math.cos(pitch)
        wide = cos_yaw + _HAIR_CLING * (math.hypot(cos_yaw, _SKULL_DEPTH * sin_yaw) - cos_yaw)
        tall = cos_pitch + _HAIR_CLING * (1 - cos_pitch)
        x, y, z = self._hair.T
        depth = z * cos_pitch - y * sin_pitch * (1 - _HAIR_CLING)
        turned = np.stack([x * wide + depth * sin_yaw, y * tall + z * sin_pitch], axis=1)
        return turned @ _turn(math.radians(motion.roll_deg)).T

    def _pose_body(self, points: Array, body: BodyMotion) -> None:
        rest = self._points[_SHOULDERS]
        shoulders = (
            rest + body.shoulders * self.shoulder_width - (0.0, _BREATH_RISE * body.breath * self.unit)
        )
        points[_SHOULDERS] = shoulders
        # The neck keeps its place in the frame that the two shoulders span.
        points[_NECK] = _carry(self._points[_NECK], rest, shoulders)
        raised = body.arms[:, None]
        for part, offsets in ((_ELBOWS, body.elbows), (_WRISTS, body.wrists)):
            hanging = self._points[part] + shoulders - rest
            points[part] = hanging + (shoulders + offsets * self.shoulder_width - hanging) * raised


def _turn(angle: float) -> Array:
    """Return the matrix that turns column vectors clockwise in the picture (y down), ``(2, 2)``."""
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _eye_line_angle(points: Array) -> float:
    """Return how far the head is tilted at rest, radians clockwise: the line through both eyes' corners."""
    left, right = (
        (points[CONTROL_INDEX[f"eye_{side}_0"]] + points[CONTROL_INDEX[f"eye_{side}_4"]]) / 2
        for side in ("left", "right")
    )
    across, down = right - left
    return math.atan2(down, across)


def _carry(point: Array, rest: Array, moved: Array) -> Array:
    """Carry a point along with a pair of points by the similarity that moves the pair."""
    before = complex(*(rest[1] - rest[0]))
    after = complex(*(moved[1] - moved[0]))
    ratio = after / before if before != 0 else 1.0
    offset = complex(*(point - rest.mean(axis=0))) * ratio
    middle_x, middle_y = moved.mean(axis=0)
    return np.array([middle_x + offset.real, middle_y + offset.imag])
