"""The face of one person through time: the mesh of a frame -> head, expression and points, calm.

A face is split into a rigid head (rotation, scale, place) and what the face does in the head's own
frame, seen from the front. Each part is smoothed with what suits it (lids and lips quickly, so that blinks
and speech are not smeared; the jaw line slowly), and the picture's points are put together again.
In: mesh of the tracker. Out: ``FaceReading``. Pure numpy; any one thread.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.track.measure import (
    HeadFit,
    angles_from_rotation,
    fit_head,
    head_pose,
    measure_expression,
    rotation_from_angles,
    to_picture_heights,
    tracking_quality,
)
from engine.track.points import face_points, pupil_points
from engine.track.smoothing import OneEuroFilter
from engine.types import Expression, HeadPose, Points

Array = NDArray[np.float64]

# Cut-offs at rest in Hz, and their rise per unit of speed. Local points move in outer eye distances a second:
# a lid closes at about 3, a jaw drops at about 2; jitter of a still face is about 0.1.
_LOCAL = (  # rows of the 70 points (68 and the pupils): from, to, min_cutoff_hz, beta
    (0, 17, 1.5, 5.0),  # jaw line
    (17, 27, 0.8, 8.0),  # brows
    (27, 36, 1.5, 5.0),  # nose
    (36, 48, 2.0, 80.0),  # lids
    (48, 68, 2.0, 50.0),  # lips
    (68, 70, 1.2, 30.0),  # pupils
)
_ANGLES = (2.0, 0.8)  # degrees a second: 100 in a quick turn
_PLACE = (2.0, 100.0)  # picture heights a second: 0.2 when somebody leans over
_LOG_SCALE = (1.0, 6.0)
_CLOSED_EYE = 0.12  # below this openness the iris is hidden and its point is a guess
_QUALITY_STEP_S = 0.5  # a gap longer than this says nothing about speed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FaceReading:
    """What one frame says about the face; fields as in ``Performance``.

    ``score`` is the tracking quality, 0..1.
    """

    head: HeadPose
    expression: Expression
    face: Points
    pupils: Points
    score: float


class FaceFollower:
    """Turns meshes into readings.

    Args:
        smooth: Whether to calm the jitter.
    """

    def __init__(self, smooth: bool = True) -> None:
        self._filters = FaceFilters() if smooth else None
        self._last_fit: HeadFit | None = None
        self._last_s = 0.0

    def reset(self) -> None:
        """Forget the past: another face, or the same after a gap."""
        self._last_fit = None
        if self._filters is not None:
            self._filters.reset()

    def read(self, mesh: NDArray[np.floating], aspect: float, at_s: float) -> FaceReading:
        """Return the reading of a mesh.

        Args:
            mesh: ``(478, 3)``; x and y in fractions of width and height, z in fractions of the width.
            aspect: Width over height of the picture.
            at_s: Media time of the frame.
        """
        points = to_picture_heights(mesh, aspect)
        fit = fit_head(points)
        score = tracking_quality(fit, points, aspect, self.speed(fit, at_s))
        seen = np.concatenate([face_points(points), pupil_points(points)])  # (70, 3)
        return self.follow(fit, seen, score, aspect, at_s)

    def follow(self, fit: HeadFit, seen: Array, score: float, aspect: float, at_s: float) -> FaceReading:
        """Return the reading of a head and its points, however they were found.

        Args:
            fit: The head.
            seen: ``(70, 3)`` 68 iBUG points and the pupils, picture heights.
            score: Tracking quality, 0..1.
            aspect: Width over height of the picture.
            at_s: Media time of the frame.
        """
        self._last_fit, self._last_s = fit, at_s
        local = (seen - fit.translation) @ fit.rotation / fit.scale
        if self._filters is not None:
            fit, local = self._filters.filter(fit, local, at_s)
        placed = fit.scale * local @ fit.rotation.T + fit.translation
        flat = (placed[:, :2] / (aspect, 1.0)).astype(np.float32)
        return FaceReading(
            head=head_pose(fit, local[36], local[45], aspect),
            expression=measure_expression(local[:68, :2], local[68:, :2]),
            face=flat[:68],
            pupils=flat[68:],
            score=score,
        )

    def speed(self, fit: HeadFit, at_s: float) -> float:
        """Travel of the head since the last frame, outer eye distances a second."""
        step_s = at_s - self._last_s
        if self._last_fit is None or not 0 < step_s < _QUALITY_STEP_S:
            return 0.0
        travel = fit.translation[:2] - self._last_fit.translation[:2]
        return float(np.linalg.norm(travel)) / fit.scale / step_s


class FaceFilters:
    """One-euro filters of the rigid head and of the local points."""

    def __init__(self) -> None:
        table = np.zeros((2, 70, 1))
        for start, stop, *values in _LOCAL:
            table[:, start:stop, 0] = np.array(values)[:, None]
        self._local = OneEuroFilter(table[0], table[1])
        self._angles = OneEuroFilter(*_ANGLES)
        self._place = OneEuroFilter(*_PLACE)
        self._log_scale = OneEuroFilter(*_LOG_SCALE)
        self._pupils: Array | None = None

    def reset(self) -> None:
        """Forget the past."""
        for each in (self._local, self._angles, self._place, self._log_scale):
            each.reset()
        self._pupils = None

    def filter(self, fit: HeadFit, local: Array, at_s: float) -> tuple[HeadFit, Array]:
        """Return the calm head and the calm local points, ``(70, 3)``."""
        local = self._hold_hidden_pupils(local)
        calm = self._local.filter(local, at_s)
        angles = self._angles.filter(np.array(angles_from_rotation(fit.rotation)), at_s)
        scale = math.exp(float(self._log_scale.filter(np.array(math.log(fit.scale)), at_s)))
        place = self._place.filter(fit.translation, at_s)
        rotation = rotation_from_angles(*(float(angle) for angle in angles))
        return replace(fit, rotation=rotation, translation=place, scale=scale), calm

    def _hold_hidden_pupils(self, local: Array) -> Array:
        pupils = local[68:].copy()
        if self._pupils is not None:
            shut = measure_expression(local[:68, :2], local[68:, :2])
            for row, openness in enumerate((shut.eye_open_left, shut.eye_open_right)):
                if openness < _CLOSED_EYE:
                    pupils[row] = self._pupils[row]
        self._pupils = pupils
        return np.concatenate([local[:68], pupils])
