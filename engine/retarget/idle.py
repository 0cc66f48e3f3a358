"""The avatar with nobody before the camera: it breathes, blinks, looks about a little and sways.

In: a time. Out: ``Control``. Everything is a function of time and seed, so frames may be skipped or asked for
again. Thread: one caller.
"""

import math
from functools import lru_cache

import numpy as np

from engine.retarget.motion import BodyMotion, Motion
from engine.retarget.rig import AvatarRig
from engine.types import Avatar, Control

_BREATH_S = 4.2
_SLOT_S = 3.7  # one blink and one look to somewhere in each
_SHUT_S, _HELD_S, _OPENED_S = 0.08, 0.05, 0.16
_LOOK_S = 0.12  # a glance takes this long
_YAW_DEG, _PITCH_DEG, _ROLL_DEG = 5.0, 2.2, 2.4
_SHIFT = 0.05  # head units
_GAZE_X, _GAZE_Y = 0.13, 0.05  # half eye widths, eye heights
_SWAY_HZ = (0.061, 0.097, 0.143)


def _smoothstep(share: float) -> float:
    held = min(max(share, 0.0), 1.0)
    return held * held * (3 - 2 * held)


class IdleActor:
    """Moves one avatar at rest.

    Args:
        avatar: Whom to move.
        seed: The same seed gives the same movements.

    Raises:
        ValueError: The avatar's points make no face.
    """

    def __init__(self, avatar: Avatar, seed: int = 0) -> None:
        self._rig = AvatarRig(avatar)
        self._seed = seed
        # (channels, waves): yaw, pitch, roll, x, y
        self._phases = np.random.default_rng((seed, 1)).uniform(0, 2 * math.pi, (5, len(_SWAY_HZ)))
        self._slot = lru_cache(maxsize=8)(self._draw_slot)

    def control(self, time_s: float) -> Control:
        """Return where the avatar's points are ``time_s`` seconds (>= 0) after it came to rest.

        ``frame_index`` is -1: nobody drives it.
        """
        points = self._rig.pose(self.motion(time_s))
        return Control(points=points, scores=self._rig.scores(points), frame_index=-1, captured_at_s=time_s)

    def motion(self, time_s: float) -> Motion:
        """Return what the avatar does ``time_s`` seconds after it came to rest."""
        yaw, pitch, roll, x, y = self._sway(time_s)
        opening = self._opening(time_s)
        gaze_x, gaze_y = self._gaze(time_s)
        return Motion(
            yaw_deg=_YAW_DEG * yaw,
            pitch_deg=_PITCH_DEG * pitch,
            roll_deg=_ROLL_DEG * roll,
            x=_SHIFT * x,
            y=_SHIFT * y,
            eye_open_left=opening,
            eye_open_right=opening,
            gaze_x=gaze_x,
            gaze_y=gaze_y,
            body=BodyMotion(breath=0.5 - 0.5 * math.cos(2 * math.pi * time_s / _BREATH_S)),
        )

    def _sway(self, time_s: float) -> list[float]:
        """Return five slow wandering signals, -1..1, 0 at time 0."""
        angles = 2 * math.pi * time_s * np.array(_SWAY_HZ)
        waves = (np.sin(angles + self._phases) - np.sin(self._phases)).mean(axis=1) / 2
        wandering: list[float] = waves.tolist()
        return wandering

    def _draw_slot(self, number: int) -> tuple[float, float, float, float]:
        """Return the start of the blink and of the look in a slot of time, and where it looks."""
        rng = np.random.default_rng((self._seed, 2, number))
        blink, look = rng.uniform(0.4, _SLOT_S - 0.5, 2)
        looks_ahead = rng.random() < 0.4  # noqa: PLR2004 - often it looks straight again
        x, y = (0.0, 0.0) if looks_ahead else rng.uniform(-1.0, 1.0, 2)
        return float(blink), float(look), float(x) * _GAZE_X, float(y) * _GAZE_Y

    def _opening(self, time_s: float) -> float:
        number = int(time_s // _SLOT_S)
        since_s = time_s - number * _SLOT_S - self._slot(number)[0]
        if since_s < 0:
            return 1.0
        shut = 1 - _smoothstep(since_s / _SHUT_S)
        opened = _smoothstep((since_s - _SHUT_S - _HELD_S) / _OPENED_S)
        return max(shut, opened)

    def _gaze(self, time_s: float) -> tuple[float, float]:
        number = int(time_s // _SLOT_S)
        _, look, x, y = self._slot(number)
        before_x, before_y = self._slot(number - 1)[2:] if number > 0 else (0.0, 0.0)
        share = _smoothstep((time_s - number * _SLOT_S - look) / _LOOK_S)
        return before_x + (x - before_x) * share, before_y + (y - before_y) * share


def ease(from_control: Control, to_control: Control, fraction: float) -> Control:
    """Return a control on the way from one to another, starting and ending gently.

    Args:
        from_control: What is shown at 0, exactly.
        to_control: What is shown at 1, exactly; its frame and time are kept.
        fraction: 0..1 of the way in time; values outside are clipped.
    """
    share = np.float32(_smoothstep(fraction))
    return Control(
        points=from_control.points * (1 - share) + to_control.points * share,
        scores=from_control.scores * (1 - share) + to_control.scores * share,
        frame_index=to_control.frame_index,
        captured_at_s=to_control.captured_at_s,
    )
