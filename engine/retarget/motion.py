"""What an avatar is asked to do, in units that fit every face: from reading a performer to the rig."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _zeros() -> Array:
    return np.zeros((2, 2))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BodyMotion:
    """The body against its rest, in the avatar's shoulder widths; rows are left, right of the picture.

    Attributes:
        shoulders: ``(2, 2)`` shift of each shoulder from its place at rest.
        elbows, wrists: ``(2, 2)`` from the shoulder of that side.
        arms: ``(2,)`` 0 = the arm is where it rests, 1 = it goes through elbow and wrist.
        breath: 0 (out) .. 1 (in).
    """

    shoulders: Array = field(default_factory=_zeros)
    elbows: Array = field(default_factory=_zeros)
    wrists: Array = field(default_factory=_zeros)
    arms: Array = field(default_factory=lambda: np.zeros(2))
    breath: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """One pose of an avatar; the defaults are the picture as drawn.

    Head units: half the width of the avatar's face between the ears, over 0.99.

    Attributes:
        yaw_deg, pitch_deg, roll_deg: Turn of the head, as in ``types.HeadPose``.
        x, y: Shift of the joint about which the head turns, head units.
        scale: Size of the head over its size at rest.
        eye_open_left, eye_open_right: 0 closed, 1 as drawn, up to 1.25.
        gaze_x: Pupils from their place at rest, in half eye widths; gaze_y: in heights of the eye at rest.
        brow_left, brow_right: Rise of the brow in head units.
        mouth_open: 0 as drawn, 1 wide open.
        mouth_width: Distance of the mouth's corners over that at rest.
        mouth_round: 0..1; smile: -1..1, 0 as drawn.
        body: See ``BodyMotion``.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    eye_open_left: float = 1.0
    eye_open_right: float = 1.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    brow_left: float = 0.0
    brow_right: float = 0.0
    mouth_open: float = 0.0
    mouth_width: float = 1.0
    mouth_round: float = 0.0
    smile: float = 0.0
    body: BodyMotion = field(default_factory=BodyMotion)
