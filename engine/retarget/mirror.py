"""The mirror: what happens on the left happens on the right. Pure; applied twice it does nothing."""

import numpy as np
from numpy.typing import NDArray

from engine.retarget.motion import BodyMotion, Motion

_FLIP_X = np.array([-1.0, 1.0])


def mirror_motion(motion: Motion) -> Motion:
    """Return the motion seen in a mirror: sides swapped, turns and shifts to the side reversed."""
    return Motion(
        yaw_deg=-motion.yaw_deg,
        pitch_deg=motion.pitch_deg,
        roll_deg=-motion.roll_deg,
        x=-motion.x,
        y=motion.y,
        scale=motion.scale,
        eye_open_left=motion.eye_open_right,
        eye_open_right=motion.eye_open_left,
        gaze_x=-motion.gaze_x,
        gaze_y=motion.gaze_y,
        brow_left=motion.brow_right,
        brow_right=motion.brow_left,
        mouth_open=motion.mouth_open,
        mouth_width=motion.mouth_width,
        mouth_round=motion.mouth_round,
        smile=motion.smile,
        body=mirror_body(motion.body),
    )


def mirror_body(body: BodyMotion) -> BodyMotion:
    """Return the body's motion seen in a mirror."""
    return BodyMotion(
        shoulders=_swap(body.shoulders),
        elbows=_swap(body.elbows),
        wrists=_swap(body.wrists),
        arms=body.arms[::-1],
        breath=body.breath,
    )


def _swap(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(sides[::-1] * _FLIP_X)
