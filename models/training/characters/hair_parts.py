"""Building blocks of hair: shapes of the head, pointed clumps, round outlines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.training.characters.curves import Array, bezier, smooth_closed


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """A polygon or line: ``points (K, 3)``, ``cling (K,)``, ``hang (K,)`` as in ``HeadFrame.place``."""

    points: Array
    cling: Array
    hang: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class HairShapes:
    """All hair of a character at rest, head units.

    Attributes:
        back: Polygons behind head and body, drawn in order.
        back_shade: Polygons of the part of the back hair that lies in the head's shadow.
        back_strands: Lines on the back hair.
        falls: Polygons in front of the body and behind the head (braids, long locks).
        ties: Polygons in the accessory's colour (hair ties).
        cap: The polygon over skull and forehead, or None (bald).
        locks: Polygons in front of the ears.
        over: Clumps that lie on the cap.
        strands: Lines on cap and locks.
        gloss: Polygons of the highlight on the cap.
        above: Polygons on top of everything (an ahoge).
    """

    back: tuple[Shape, ...] = ()
    back_shade: tuple[Shape, ...] = ()
    back_strands: tuple[Shape, ...] = ()
    falls: tuple[Shape, ...] = ()
    ties: tuple[Shape, ...] = ()
    cap: Shape | None = None
    locks: tuple[Shape, ...] = ()
    over: tuple[Shape, ...] = ()
    strands: tuple[Shape, ...] = ()
    gloss: tuple[Shape, ...] = ()
    above: tuple[Shape, ...] = ()


def shape(xy: Array, z: Array | float, cling: Array | float = 0.0, hang: Array | float = 0.0) -> Shape:
    """Build a ``Shape`` from flat points and depths (broadcast)."""
    count = len(xy)
    return Shape(
        points=np.column_stack([xy, np.broadcast_to(z, count)]),
        cling=np.array(np.broadcast_to(cling, count), float),
        hang=np.array(np.broadcast_to(hang, count), float),
    )


def pair(xy: Array, z: Array | float, cling: Array | float = 0.0, hang: Array | float = 0.0) -> list[Shape]:
    """Return a shape given on the picture's right and its mirror image, left first."""
    return [shape(xy * (side, 1), z, cling, hang) for side in (-1, 1)]


def hanging(xy: Array) -> Array:
    """Return how much each point hangs: nothing at eye height and above, fully below the chin."""
    return np.asarray(np.clip(xy[:, 1] - 0.1, 0.0, 1.0))


def at(*knots: tuple[float, float]) -> Array:
    """Return points as an array ``(K, 2)``."""
    return np.array(knots, float)


def blob(*knots: tuple[float, float], per_knot: int = 6) -> Array:
    """Return the closed smooth curve through knots."""
    return smooth_closed(at(*knots), per_knot)


def ball(centre: tuple[float, float], radius: float, bumps: int = 0, depth: float = 0.0) -> Array:
    """Return a circle, or a cloud with ``bumps`` of relative ``depth``."""
    angle = np.linspace(0, 2 * np.pi, max(36, bumps * 8), endpoint=False)
    radii = radius * (1 + depth * np.abs(np.sin(angle * bumps / 2))) if bumps else np.full_like(angle, radius)
    return np.stack([centre[0] + radii * np.cos(angle), centre[1] + radii * np.sin(angle)], 1)


def clumps(start: Array, tips: Array, end: Array, depth: float, lean: float = 0.0) -> Array:
    """Return an edge of pointed clumps of hair from ``start`` over ``tips`` to ``end``.

    Args:
        start: Point ``(2,)`` before the first clump.
        tips: ``(K, 2)`` lowest points of the clumps, in order.
        end: Point ``(2,)`` after the last clump.
        depth: How far the notches between clumps reach up.
        lean: Sideways bend of the clumps.
    """
    pieces = [start[None]]
    before = start
    for index, tip in enumerate(tips):
        last = index + 1 == len(tips)
        follower = end if last else tips[index + 1]
        notch = end if last else 0.5 * (tip + follower) - (0.0, depth + 0.25 * abs(tip[1] - follower[1]))
        rise = 0.5 * (before[1] + tip[1])
        into = np.array([0.72 * before[0] + 0.28 * tip[0] + lean, rise])
        out = np.array([0.6 * notch[0] + 0.4 * tip[0] + 0.5 * lean, 0.45 * notch[1] + 0.55 * tip[1]])
        pieces += [bezier(before, into, tip, 7)[1:], bezier(tip, out, notch, 7)[1:]]
        before = notch
    return np.concatenate(pieces)


def tuft(root: Array, middle: Array, tip: Array, width: float) -> Array:
    """Return a lock of hair: two curves from around ``root`` to a pointed ``tip``, widest at its middle."""
    along = tip - root
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) * width
    out = bezier(root + 0.3 * across, middle + across, tip, 9)
    back = bezier(tip, middle - 0.7 * across, root - 0.3 * across, 9)
    return np.concatenate([out, back[1:]])


def line(*knots: Sequence[float]) -> Array:
    """Return a quadratic curve through three control points as nine points."""
    first, middle, last = (np.array(knot, float) for knot in knots)
    return bezier(first, middle, last, 9)
