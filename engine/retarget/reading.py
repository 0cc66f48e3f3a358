"""From a performance to a motion: what changed against the performer's neutral, in units that fit every face.

Angles are taken in the frame of the neutral head, so that a camera beside the screen does not matter. Lengths
of the face become head units of the performer (half the face's width), which the rig reads as its own.
Nothing absolute about a person's face is kept. Thread: one caller; the object remembers blinks, the last gaze
and the body's smoothing.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from engine.retarget.calibration import Neutral, in_heights
from engine.retarget.eyelids import EyelidReader
from engine.retarget.motion import BodyMotion, Motion
from engine.retarget.rig import AvatarRig
from engine.retarget.rig_face import MAX_EYE_OPEN, SMILE_CLOSES_EYE, full_gap, full_smile_lift
from engine.retarget.settings import RetargetSettings
from engine.retarget.turns import angles_from_rotation, rotation_from_angles, soft_limit
from engine.types import Performance

Array = NDArray[np.float64]

_GAP_AT_KNOTS = 0.905  # what ``Expression.mouth_open`` reads of the gap in the mouth's middle
_LID_MEAN = 0.925  # height of an eye at one and two thirds over its height in the middle
_MOST_GAZE_X, _MOST_GAZE_Y = 0.75, 0.34  # half eye widths, eye heights
_MOST_BROW = 0.15  # head units
_LEAST_WIDTH, _MOST_WIDTH = 0.45, 1.5  # of the mouth at rest
_MOST_OPEN, _MOST_SMILE = 1.15, 1.2
_MOST_LOG_SCALE = 0.2
_SEES_GAZE = 0.3  # relative opening of the wider eye below which a gaze is a guess
_BODY_SEEN = 0.5
_ARM_FADE = (0.35, 0.7)  # wrist scores at which an arm begins to count and counts fully
_HEAD_DRAGS_BODY = 0.3  # share of the head's shift that the shoulders follow while no body is seen


class PerformanceReader:
    """Reads motions for one avatar.

    Args:
        rig: Of the avatar; limits depend on its size in its picture.
        settings: Gains and limits.
    """

    def __init__(self, rig: AvatarRig, settings: RetargetSettings) -> None:
        self.rig = rig
        self.settings = settings
        self._lids = (
            EyelidReader(settings.performer.closed_eye),
            EyelidReader(settings.performer.closed_eye),
        )
        self._gaze = (0.0, 0.0)
        self._body: BodyMotion | None = None
        self._body_at_s = 0.0

    def read(self, performance: Performance, neutral: Neutral) -> Motion:
        """Return what ``performance`` does against ``neutral``, unmirrored.

        Args:
            performance: With the face found.
            neutral: Of the same performer, from the same camera.
        """
        head = self._read_head(performance, neutral)
        mouth = self._read_mouth(performance, neutral)
        eyes = self._read_eyes(performance, neutral, mouth["smile"])
        body = self._read_body(performance, neutral, head["x"], head["y"])
        return Motion(body=body, **head, **eyes, **mouth)

    def _read_head(self, performance: Performance, neutral: Neutral) -> dict[str, float]:
        head, rest, settings = performance.head, neutral.head, self.settings
        turn = rotation_from_angles(head.yaw_deg, head.pitch_deg, head.roll_deg)
        rest_turn = rotation_from_angles(rest.yaw_deg, rest.pitch_deg, rest.roll_deg)
        yaw, pitch, roll = angles_from_rotation(rest_turn.T @ turn)
        eyes = np.array([0.0, -settings.performer.pivot_drop, settings.performer.pivot_depth])
        grown = head.scale / max(rest.scale, 1e-6)
        moved = np.array([(head.x - rest.x) * performance.aspect, head.y - rest.y]) / neutral.head_unit
        shift = moved - (turn @ eyes * grown - rest_turn @ eyes)[:2]
        farthest = settings.max_shift / self.rig.unit
        gain = settings.head_gain
        shift = shift * (gain * settings.performer.shift_gain)
        return {
            "yaw_deg": soft_limit(yaw * gain, settings.max_yaw_deg),
            "pitch_deg": soft_limit(pitch * gain, settings.max_pitch_deg),
            "roll_deg": soft_limit(roll * gain, settings.max_roll_deg),
            "x": soft_limit(float(shift[0]), farthest),
            "y": soft_limit(float(shift[1]), farthest),
            "scale": math.exp(soft_limit(math.log(max(grown, 0.1)) * gain, _MOST_LOG_SCALE)),
        }

    def _read_eyes(self, performance: Performance, neutral: Neutral, smile: float) -> dict[str, float]:
        now, rest, at_s = performance.expression, neutral.expression, performance.captured_at_s
        left = self._lids[0].read(now.eye_open_left, rest.eye_open_left, at_s)
        right = self._lids[1].read(now.eye_open_right, rest.eye_open_right, at_s)
        # A smile lifts the lower lids, here and on the avatar: it must not count twice.
        smiling = 1 - SMILE_CLOSES_EYE * min(max(smile, 0.0), 1.0)
        left, right = left / smiling, right / smiling
        gain = self.settings.eye_gain
        if max(left, right) > _SEES_GAZE:
            height = 2 * (rest.eye_open_left + rest.eye_open_right) / 2 / _LID_MEAN  # half eye widths
            self._gaze = (now.gaze_x - rest.gaze_x, (now.gaze_y - rest.gaze_y) / max(height, 0.1))
        width = neutral.proportions.eye_width * neutral.eye_distance  # head units
        return {
            "eye_open_left": min(left, MAX_EYE_OPEN),
            "eye_open_right": min(right, MAX_EYE_OPEN),
            "gaze_x": soft_limit(self._gaze[0] * gain, _MOST_GAZE_X),
            "gaze_y": soft_limit(self._gaze[1] * gain, _MOST_GAZE_Y),
            "brow_left": soft_limit((now.brow_left - rest.brow_left) * width * gain, _MOST_BROW),
            "brow_right": soft_limit((now.brow_right - rest.brow_right) * width * gain, _MOST_BROW),
        }

    def _read_mouth(self, performance: Performance, neutral: Neutral) -> dict[str, float]:
        now, rest, unit = performance.expression, neutral.expression, neutral.eye_distance
        gain, kind = self.settings.mouth_gain, self.settings.performer
        rest_width = max(rest.mouth_width * unit, 0.05)
        gap = max((now.mouth_open - rest.mouth_open) * unit / _GAP_AT_KNOTS, 0.0)
        spoken = max(gap - kind.jaw_at_rest, 0.0)
        opening = spoken / full_gap(rest_width)
        width = now.mouth_width * unit / rest_width
        narrow = min(max((0.95 - width - 0.1 * opening) / 0.4, 0.0), 1.0)
        rounding = narrow * (0.4 + 0.6 * now.mouth_round)
        lift = now.smile * now.mouth_width - rest.smile * rest.mouth_width
        smile = (lift * unit - kind.centre_sinks * gap) / full_smile_lift(rest_width) * kind.smile_gain
        return {
            "mouth_open": soft_limit(opening * gain, _MOST_OPEN),
            "mouth_width": min(max(1 + (width - 1) * gain, _LEAST_WIDTH), _MOST_WIDTH),
            "mouth_round": min(rounding * gain, 1.0),
            "smile": soft_limit(smile * gain, _MOST_SMILE),
        }

    def _read_body(
        self, performance: Performance, neutral: Neutral, head_x: float, head_y: float
    ) -> BodyMotion:
        if neutral.shoulders is None:
            drag = _HEAD_DRAGS_BODY * self.rig.unit / self.rig.shoulder_width
            target = BodyMotion(shoulders=np.full((2, 2), drag) * (head_x, head_y))
        elif performance.body_score >= _BODY_SEEN:
            target = self._measure_body(performance, neutral, neutral.shoulders)
        else:
            return self._body or BodyMotion()  # held until the body is seen again
        self._body = self._smooth(target, performance.captured_at_s)
        return self._body

    def _measure_body(self, performance: Performance, neutral: Neutral, rest: Array) -> BodyMotion:
        shoulders, elbows, wrists = (
            in_heights(points, performance.aspect)
            for points in (performance.shoulders, performance.elbows, performance.wrists)
        )
        settings, rig = self.settings, self.rig
        # Shoulders shift in head units, as the head does, so that both go together; arms keep their
        # length in shoulder widths.
        gain = settings.body_gain * settings.performer.shift_gain * rig.unit / rig.shoulder_width
        shift = (shoulders - rest) * (gain / neutral.head_unit)
        farthest = settings.max_shift / rig.shoulder_width
        limited = [soft_limit(float(value), farthest) for value in shift.reshape(4)]
        width = max(float(np.linalg.norm(rest[1] - rest[0])), 1e-3)
        low, high = _ARM_FADE
        raised = np.clip((performance.arm_scores[2:] - low) / (high - low), 0.0, 1.0)
        return BodyMotion(
            shoulders=np.array(limited).reshape(2, 2),
            elbows=(elbows - shoulders) / width,
            wrists=(wrists - shoulders) / width,
            arms=raised * min(settings.body_gain, 1.0),
        )

    def _smooth(self, body: BodyMotion, at_s: float) -> BodyMotion:
        """Follow the body with a first-order lag: it is measured less often than the face."""
        before, step_s = self._body, at_s - self._body_at_s
        self._body_at_s = at_s
        lag_s = self.settings.body_smoothing_s
        if before is None or lag_s <= 0:
            return body
        share = 1.0 - math.exp(-max(step_s, 0.0) / lag_s)

        def follow(part: Callable[[BodyMotion], Array]) -> Array:
            return part(before) + (part(body) - part(before)) * share

        return BodyMotion(
            shoulders=follow(lambda one: one.shoulders),
            elbows=follow(lambda one: one.elbows),
            wrists=follow(lambda one: one.wrists),
            arms=follow(lambda one: one.arms),
        )
