"""Head turns as rotations, and soft limits. Pure; any thread.

Axes: x to the right, y down, z towards the viewer. The angles are those of ``types.HeadPose``:
``Rz(roll) Ry(yaw) Rx(pitch)``, the pitch first, about the head's own axis.
"""

import math

import numpy as np
from numpy.typing import NDArray

Rotation = NDArray[np.float64]  # (3, 3)


def rotation_from_angles(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Rotation:
    """Return the rotation of column vectors by these angles, ``(3, 3)``."""
    yaw, pitch, roll = math.radians(yaw_deg), math.radians(pitch_deg), math.radians(roll_deg)
    sin_y, cos_y = math.sin(yaw), math.cos(yaw)
    sin_p, cos_p = math.sin(pitch), math.cos(pitch)
    sin_r, cos_r = math.sin(roll), math.cos(roll)
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cos_p, sin_p], [0.0, -sin_p, cos_p]])  # nose down
    about_y = np.array([[cos_y, 0.0, sin_y], [0.0, 1.0, 0.0], [-sin_y, 0.0, cos_y]])  # nose to the right
    about_z = np.array([[cos_r, -sin_r, 0.0], [sin_r, cos_r, 0.0], [0.0, 0.0, 1.0]])  # clockwise
    return np.asarray(about_z @ about_y @ about_x)


def angles_from_rotation(rotation: Rotation) -> tuple[float, float, float]:
    """Return yaw, pitch, roll in degrees: the inverse of ``rotation_from_angles`` for |yaw| < 90."""
    yaw = math.asin(min(max(-float(rotation[2, 0]), -1.0), 1.0))
    pitch = math.atan2(-rotation[2, 1], rotation[2, 2])
    roll = math.atan2(rotation[1, 0], rotation[0, 0])
    return math.degrees(yaw), math.degrees(pitch), math.degrees(roll)


def soft_limit(value: float, limit: float, linear: float = 0.8) -> float:
    """Return ``value`` unchanged up to ``linear * limit``, then bent so that it never passes ``limit``.

    Args:
        value: Any number; the result has its sign and grows with it.
        limit: Bound, >= 0.
        linear: Share of the range that is left unchanged, 0..1.
    """
    straight = linear * limit
    over = abs(value) - straight
    if over <= 0:
        return value
    room = limit - straight
    bent = straight + (room * math.tanh(over / room) if room > 0 else 0.0)
    return math.copysign(bent, value)
