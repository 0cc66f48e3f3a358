"""A tracker that shakes: what the engine's own smoothing makes of noisy landmarks of a drawn character."""

import math
from dataclasses import replace

import numpy as np

from engine.track.face import FaceFilters
from engine.track.measure import (
    HeadFit,
    angles_from_rotation,
    measure_expression,
    rotation_from_angles,
)
from engine.types import CONTROL_INDEX, HeadPose, Performance
from models.training.characters import Act, Character, pose
from models.training.driving import performance_of

_PUPILS = [CONTROL_INDEX["pupil_left"], CONTROL_INDEX["pupil_right"]]
_RIGID_POINTS = 68  # the head's own noise is that of the mean over as many points
_CORNERS = [36, 45]


class UnsteadyTracker:
    """Reads a drawn character with noise on every landmark, then smooths as the tracker does.

    Each of the 68 points and both pupils shakes by itself; the head's place, size and turn shake by what a
    fit to as many points leaves of it. ``engine.track.face.FaceFilters`` calms both, as it does live.

    Args:
        character: Who performs.
        jitter: Standard deviation of the noise per coordinate, fractions of the picture.
        seed: Of the noise.
    """

    def __init__(self, character: Character, jitter: float, seed: int) -> None:
        self._character = character
        self._jitter = jitter
        self._rng = np.random.default_rng(seed)
        self._filters = FaceFilters()

    def read(self, act: Act, frame_index: int, at_s: float) -> Performance:
        """Return what is read of one frame; frames come in order."""
        clean = performance_of(self._character, act, frame_index, at_s)
        fit, local = self._shaken(act, clean.head)
        fit, local = self._filters.filter(fit, local, at_s)
        yaw, pitch, roll = angles_from_rotation(fit.rotation)
        head = replace(
            clean.head,
            yaw_deg=float(yaw),
            pitch_deg=float(pitch),
            roll_deg=float(roll),
            x=float(fit.translation[0]),
            y=float(fit.translation[1]),
            scale=fit.scale,
        )
        return replace(clean, head=head, expression=measure_expression(local[:68, :2], local[68:, :2]))

    def _shaken(self, act: Act, head: HeadPose) -> tuple[HeadFit, np.ndarray]:
        front = pose(self._character, replace(act, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0))
        seen = np.concatenate([front.face_68, front.points[_PUPILS]]).astype(np.float64)
        middle = seen[_CORNERS].mean(0)
        radius = float(np.sqrt(((seen - seen.mean(0)) ** 2).sum(1).mean()))
        local = np.zeros((70, 3))
        local[:, :2] = (seen - middle + self._noise(self._jitter, (70, 2))) / head.scale
        of_place = self._jitter / math.sqrt(_RIGID_POINTS)
        of_turn = of_place / radius  # radians, and the share of the size
        turned = np.array([head.yaw_deg, head.pitch_deg, head.roll_deg])
        turned += np.degrees(self._noise(of_turn, (3,)))
        place = np.array([head.x, head.y, 0.0]) + self._noise(of_place, (3,))
        fit = HeadFit(
            rotation=rotation_from_angles(*(float(angle) for angle in turned)),
            translation=place,
            scale=head.scale * math.exp(float(self._noise(of_turn, ()))),
            residual=0.0,
        )
        return fit, local

    def _noise(self, deviation: float, shape: tuple[int, ...]) -> np.ndarray:
        return np.asarray(self._rng.normal(0.0, deviation, shape))
