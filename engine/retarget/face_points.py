"""From an avatar's 61 control points to the 68 iBUG points that RAIN's canvas and its fit are made of.

Pure numpy; any thread.
"""

import numpy as np
from numpy.typing import NDArray

from engine.types import CONTROL_INDEX, Points

Array = NDArray[np.float64]

_NOSE_HALF_WIDTH = 0.13  # head units (half the width of the face, over 0.99)
_HEAD_UNITS_ACROSS = 1.98


def spline_through(knots: Array, places: Array) -> Array:
    """Return points of the natural cubic spline through ``knots``.

    Args:
        knots: ``(K, 2)``, at places 0, 1, .. K - 1; K >= 3.
        places: ``(N,)`` within 0..K - 1.

    Returns:
        ``(N, 2)``, a new array.
    """
    count = len(knots)
    system = np.eye(count)
    bend = np.zeros((count, count))
    for row in range(1, count - 1):
        system[row, row - 1 : row + 2] = 1.0, 4.0, 1.0
        bend[row, row - 1 : row + 2] = 6.0, -12.0, 6.0
    curvature = np.linalg.solve(system, bend) @ knots
    left = np.minimum(places.astype(int), count - 2)
    ahead = (places - left)[:, None]
    behind = 1.0 - ahead
    bowed = (behind**3 - behind) * curvature[left] + (ahead**3 - ahead) * curvature[left + 1]
    return np.asarray(behind * knots[left] + ahead * knots[left + 1] + bowed / 6.0)


def _rows(points: Array, first: str, count: int) -> Array:
    start = CONTROL_INDEX[first]
    return points[start : start + count]


def _nose(points: Array) -> Array:
    """Return iBUG 27..35: the bridge evenly spaced, the base below the tip across the face's axis."""
    bridge, tip = points[CONTROL_INDEX["nose_bridge"]], points[CONTROL_INDEX["nose_tip"]]
    across = points[CONTROL_INDEX["contour_8"]] - points[CONTROL_INDEX["contour_0"]]
    right = across / _HEAD_UNITS_ACROSS  # one head unit to the right
    down = np.array([-right[1], right[0]])
    sides = np.linspace(-_NOSE_HALF_WIDTH, _NOSE_HALF_WIDTH, 5)
    base = tip + sides[:, None] * right + (0.07 - 0.25 * np.abs(sides))[:, None] * down
    return np.concatenate([bridge + np.linspace(0.0, 1.0, 4)[:, None] * (tip - bridge), base])


def _eye(ring: Array) -> Array:
    """Return six iBUG points of an eye from its eight: the lids at one and two thirds."""
    thirds = np.array([4 / 3, 8 / 3])
    lower = np.concatenate([ring[4:], ring[:1]])
    return np.concatenate(
        [ring[:1], spline_through(ring[:5], thirds), ring[4:5], spline_through(lower, thirds)]
    )


def _outer_lips(ring: Array) -> Array:
    """Return iBUG 48..59 from the eight outer lip points."""
    places = np.array([0.7, 1.4, 2.0, 2.6, 3.3])
    lower = np.concatenate([ring[4:], ring[:1]])
    return np.concatenate(
        [ring[:1], spline_through(ring[:5], places), ring[4:5], spline_through(lower, places)]
    )


def face_68_from_controls(points: Points) -> Array:
    """Return the 68 iBUG points ``(68, 2)`` float64 of 61 control points ``(61, 2)``.

    Control points lie on every other jaw point and on all inner lip points; the rest is interpolated, and
    the base of the nose is put below its tip at an ordinary width.
    """
    controls = np.asarray(points, np.float64)
    halves = np.linspace(0.0, 2.0, 5)
    return np.concatenate(
        [
            spline_through(_rows(controls, "contour_0", 9), np.linspace(0.0, 8.0, 17)),
            spline_through(_rows(controls, "brow_left_0", 3), halves),
            spline_through(_rows(controls, "brow_right_0", 3), halves),
            _nose(controls),
            _eye(_rows(controls, "eye_left_0", 8)),
            _eye(_rows(controls, "eye_right_0", 8)),
            _outer_lips(_rows(controls, "lip_outer_0", 8)),
            _rows(controls, "lip_inner_0", 8),
        ]
    )
