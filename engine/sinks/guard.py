"""The door of every sink: only a well-formed ``Picture`` passes. This is where privacy fails closed."""

import numpy as np

from engine.types import Origin, Picture


def require_picture(candidate: object) -> Picture:
    """Return ``candidate`` when it is a picture that may leave the machine.

    A ``Frame`` looks much like a ``Picture``; the check is on the type and on the origin, so nothing that
    merely has an ``rgb`` attribute gets through.

    Raises:
        TypeError: it is no ``Picture``, or its origin is no ``Origin``.
        ValueError: its pixels are not ``(H, W, 3)`` uint8.
    """
    if not isinstance(candidate, Picture):
        raise TypeError(f"A sink takes engine.types.Picture only, not {type(candidate).__name__}.")
    if not isinstance(candidate.origin, Origin):
        raise TypeError(f"A picture's origin must be an engine.types.Origin, not {candidate.origin!r}.")
    rgb = candidate.rgb
    if rgb.shape[2:] != (3,) or rgb.dtype != np.uint8 or rgb.size == 0:
        raise ValueError(f"A picture must be (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}.")
    return candidate
