"""Curves through points, as small matrices and polygons (pure numpy, no drawing)."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@lru_cache(maxsize=32)
def spline_matrix(num_knots: int, num_samples: int) -> Array:
    """Return ``(num_samples, num_knots)``: natural cubic spline through even knots, sampled evenly."""
    return spline_matrix_at(num_knots, tuple(np.linspace(0.0, num_knots - 1, num_samples)))


@lru_cache(maxsize=32)
def spline_matrix_at(num_knots: int, at: tuple[float, ...]) -> Array:
    """Return ``(len(at), num_knots)``: natural cubic spline through knots 0, 1, ... evaluated at ``at``."""
    system = np.zeros((num_knots, num_knots))
    right = np.zeros((num_knots, num_knots))
    system[0, 0] = system[-1, -1] = 1.0
    for row in range(1, num_knots - 1):
        system[row, row - 1 : row + 2] = 1.0, 4.0, 1.0
        right[row, row - 1 : row + 2] = 6.0, -12.0, 6.0
    second = np.linalg.solve(system, right)
    result = np.zeros((len(at), num_knots))
    for row, place in enumerate(at):
        left = min(int(place), num_knots - 2)
        b = place - left
        a = 1.0 - b
        result[row, left] += a
        result[row, left + 1] += b
        result[row] += ((a**3 - a) * second[left] + (b**3 - b) * second[left + 1]) / 6.0
    return result


def smooth(points: Array, num_samples: int = 24) -> Array:
    """Return ``(num_samples, D)`` along the natural cubic spline through ``points (K, D)``."""
    return spline_matrix(len(points), num_samples) @ points


@lru_cache(maxsize=16)
def _closed_matrix(num_knots: int, per_knot: int) -> Array:
    result = np.zeros((num_knots * per_knot, num_knots))
    for row in range(num_knots * per_knot):
        left, t = row // per_knot, (row % per_knot) / per_knot
        weights = (
            -0.5 * t + t * t - 0.5 * t**3,
            1 - 2.5 * t * t + 1.5 * t**3,
            0.5 * t + 2 * t * t - 1.5 * t**3,
            -0.5 * t * t + 0.5 * t**3,
        )
        for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
            result[row, (left + offset) % num_knots] += weight
    return result


def smooth_closed(points: Array, per_knot: int = 6) -> Array:
    """Return the closed Catmull-Rom curve through ``points (K, D)``, ``per_knot`` samples a knot."""
    return _closed_matrix(len(points), per_knot) @ points


def bezier(start: Array, middle: Array, end: Array, num_samples: int = 8) -> Array:
    """Return ``(num_samples, 2)`` of the quadratic Bezier curve."""
    t = np.linspace(0.0, 1.0, num_samples)[:, None]
    return np.asarray((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end)


@lru_cache(maxsize=8)
def unit_circle(num_samples: int = 28) -> Array:
    """Return ``(num_samples, 2)`` on the unit circle, clockwise in a picture, from the right."""
    angle = np.arange(num_samples) * (2 * np.pi / num_samples)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def ellipse(centre: Array, radius_x: float, radius_y: float, num_samples: int = 28) -> Array:
    """Return a polygon of an upright ellipse."""
    return np.asarray(centre + unit_circle(num_samples) * (radius_x, radius_y))


def normals(points: Array) -> Array:
    """Return unit normals ``(K, 2)`` of an open curve: up for a curve from left to right."""
    tangent = np.empty_like(points)
    tangent[1:-1] = points[2:] - points[:-2]
    tangent[0], tangent[-1] = points[1] - points[0], points[-1] - points[-2]
    length = np.maximum(np.hypot(tangent[:, 0], tangent[:, 1]), 1e-9)
    return np.stack([tangent[:, 1] / length, -tangent[:, 0] / length], 1)


def ribbon(points: Array, width: Array, side: float = 0.0) -> Array:
    """Return the polygon of a stroke with ``width (K,)``; side 0 centred, 1 all on the normals' side."""
    across = normals(points) * width[:, None]
    return np.concatenate(
        [points + across * (0.5 + 0.5 * side), (points - across * (0.5 - 0.5 * side))[::-1]]
    )


@lru_cache(maxsize=32)
def taper(num_samples: int, start: float = 0.0, end: float = 0.0, power: float = 0.6) -> Array:
    """Return a stroke profile ``(num_samples,)``: 1 in the middle, ``start`` and ``end`` at its ends."""
    t = np.linspace(0.0, 1.0, num_samples)
    bump = np.sin(np.pi * t) ** power
    return np.asarray(bump + (1 - bump) * (start + (end - start) * t))
