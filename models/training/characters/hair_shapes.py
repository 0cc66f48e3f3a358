"""Outlines of hair at rest: what hangs behind, the cap with its fringe, locks, strand lines and gloss."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.training.characters.curves import Array, bezier, smooth, smooth_closed
from models.training.characters.rig import dome
from models.training.characters.spec import BackHair, Character, Fringe, Hair


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """A polygon or line of the head: ``points (K, 3)``, ``cling (K,)``, ``hang (K,)`` as in ``HeadFrame.place``."""

    points: Array
    cling: Array
    hang: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class HairShapes:
    """All hair of a character.

    Attributes:
        back: Polygons behind head and body, drawn in order.
        cap: The polygon over skull and forehead, or None.
        locks: Polygons in front of the ears.
        strands: Lines on cap and locks.
        back_strands: Lines on the back hair.
        gloss: Polygons of the highlight band on the cap.
        above: Polygons on top of the cap (buns, ahoge).
    """

    back: tuple[Shape, ...] = ()
    cap: Shape | None = None
    locks: tuple[Shape, ...] = ()
    strands: tuple[Shape, ...] = ()
    back_strands: tuple[Shape, ...] = ()
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


def _mirrored(xy: Array) -> Array:
    return xy * (-1, 1)


def _round(centre: tuple[float, float], radius: float, bumps: int = 0, depth: float = 0.0) -> Array:
    angle = np.linspace(0, 2 * np.pi, max(36, bumps * 8), endpoint=False)
    radii = radius * (1 + depth * np.abs(np.sin(angle * bumps / 2)) if bumps else np.ones_like(angle))
    return np.stack([centre[0] + radii * np.cos(angle), centre[1] + radii * np.sin(angle)], 1)


def _curtain(hair: Hair, top: float, chin: float, wave: float, flare: float) -> Array:
    """Outline of hair that hangs behind the head to below the chin."""
    rng = np.random.default_rng(hair.seed)
    bottom = chin + hair.length
    width = 1.0 + hair.volume
    rows = np.linspace(0.0, 1.0, 9)
    side_y = -0.2 + (bottom + 0.2) * rows
    side_x = width + flare * rows + wave * np.sin(rows * np.pi * (2.5 + 2 * hair.length)) * rows
    side_x[-1] *= 0.86
    right = np.stack([side_x, side_y], 1)
    count = 7
    across = np.linspace(side_x[-1], -side_x[-1], count + 2)[1:-1]
    ends = np.stack(
        [across, bottom + 0.1 * np.where(np.arange(count) % 2, -1, 1) + rng.normal(0, 0.03, count)], 1
    )
    angle = np.linspace(np.pi, 2 * np.pi, 12)
    crown = np.stack([width * np.cos(angle), -0.2 + (top + hair.volume - 0.2) * np.sin(angle)], 1)
    left = _mirrored(right)[::-1]
    return np.concatenate([crown, smooth(right[1:], 24), smooth(ends, 28), smooth(left[:-1], 24)])


def _spiky(hair: Hair, top: float, count: int, spread: float) -> Array:
    rng = np.random.default_rng(hair.seed)
    angles = np.linspace(np.radians(150), np.radians(390), count + 1)
    radius = 1.02 + hair.volume
    points = []
    for low, high in zip(angles[:-1], angles[1:], strict=True):
        middle = (low + high) / 2 + rng.normal(0, 0.03) + 0.1 * np.cos((low + high) / 2)
        reach = radius + spread * rng.uniform(0.75, 1.25)
        start, tip, end = (
            np.array([r * np.cos(a), r * np.sin(a) * top])
            for r, a in ((radius, low), (reach, middle), (radius, high))
        )
        bulge = 0.5 * (start + tip) * 1.03
        points += [bezier(start, bulge, tip, 6), bezier(tip, 0.45 * (tip + end), end, 6)[1:]]
    return np.concatenate(points)


def _back(character: Character) -> tuple[list[Shape], list[Shape]]:
    """Back hair as polygons, and the parts of it that belong above the cap."""
    hair, face = character.hair, character.face
    top, chin, width = face.top, face.chin, 1.0 + hair.volume
    behind: list[Shape] = []
    above: list[Shape] = []
    base = _round((0.0, -0.12), width * 0.99)
    base[:, 1] = np.minimum(base[:, 1] * (top + hair.volume - 0.1) / width, 0.62)
    match hair.back:
        case BackHair.NONE:
            pass
        case BackHair.SHORT:
            behind.append(shape(base, -0.2, 1.0))
        case BackHair.SHAGGY:
            behind.append(
                shape(
                    _curtain(
                        Hair(seed=hair.seed, volume=hair.volume + 0.02, length=-0.25), top, chin, 0.04, 0.02
                    ),
                    -0.25,
                    1.0,
                    0.5,
                )
            )
        case BackHair.BOB:
            short = Hair(seed=hair.seed, volume=hair.volume, length=min(hair.length, 0.25) - 0.1)
            behind.append(shape(_curtain(short, top, chin, 0.02, 0.1), -0.25, 1.0, 0.6))
        case BackHair.LONG | BackHair.WAVY:
            wave = 0.09 if hair.back is BackHair.WAVY else 0.015
            behind.append(shape(_curtain(hair, top, chin, wave, 0.12), -0.3, 1.0, 1.0))
        case BackHair.PONYTAIL:
            side = 1 if hair.seed % 2 else -1
            tail = smooth_closed(
                np.array(
                    [
                        (0.35, -0.95),
                        (1.0, -0.95),
                        (1.45, -0.3),
                        (1.5, 0.6),
                        (1.2, 1.1 + hair.length),
                        (1.12, 0.5),
                        (0.95, -0.2),
                    ]
                )
            )
            behind += [shape(tail * (side, 1), -0.6, 0.6, 0.9), shape(base, -0.2, 1.0)]
        case BackHair.TWIN_TAILS:
            tail = smooth_closed(
                np.array(
                    [
                        (0.85, -0.62),
                        (1.25, -0.72),
                        (1.62, -0.2),
                        (1.72, 0.6),
                        (1.5, 1.1 + hair.length),
                        (1.3, 0.8),
                        (1.12, 0.1),
                    ]
                )
            )
            behind += [shape(tail * (side, 1), -0.25, 0.7, 0.9) for side in (-1, 1)]
            behind.append(shape(base, -0.2, 1.0))
        case BackHair.BUN:
            behind += [shape(_round((0.0, -top - 0.28), 0.42), -0.35, 1.0), shape(base, -0.2, 1.0)]
        case BackHair.SPACE_BUNS:
            behind += [shape(_round((side * 0.78, -top - 0.02), 0.36), -0.1, 0.8) for side in (-1, 1)]
            behind.append(shape(base, -0.2, 1.0))
        case BackHair.AFRO:
            radius = 1.28 + hair.volume
            behind.append(shape(_round((0.0, -0.32), radius, 17, 0.05), -0.2, 1.0))
        case BackHair.SPIKY:
            behind.append(shape(_spiky(hair, top * 1.02, 11, 0.32), -0.2, 1.0))
        case BackHair.BRAIDS:
            for side in (-1, 1):
                beads = [
                    _round((side * (1.05 + 0.04 * row), 0.75 + 0.27 * row), 0.2 - 0.012 * row)
                    for row in range(3 + round(2 * hair.length))
                ]
                behind += [shape(bead, -0.1, 0.5, 0.9) for bead in beads[::-1]]
            behind.append(shape(base, -0.2, 1.0))
    return behind, above


def _tips(hair: Hair) -> Array:
    """Fringe tips ``(K, 2)`` from the right temple to the left one."""
    rng = np.random.default_rng(hair.seed + 1)
    count = max(hair.strands, 2)
    x = np.linspace(0.86, -0.86, count)
    jitter = rng.normal(0, 0.035, (count, 2))
    y = np.full(count, hair.fringe_y)
    match hair.fringe:
        case Fringe.BLUNT:
            y = y + 0.06 * x**2
            jitter *= 0.3
        case Fringe.SWEPT:
            y = y + 0.16 * np.sign(hair.part or 1) * -x + 0.12 * x**2
        case Fringe.CURTAIN:
            away = np.abs(x - hair.part * 0.5)
            y = y - 0.32 + 0.62 * np.minimum(away, 1.0)
        case Fringe.SPIKES:
            y = y + np.where(np.arange(count) % 2, 0.12, -0.05)
            jitter *= 1.5
        case Fringe.MESSY | Fringe.LOCK:
            jitter *= 2.2
        case _:
            pass
    return np.stack([x, y], 1) + jitter


def _fringe_edge(hair: Hair, top: float) -> Array:
    """Lower edge of the cap from the right temple to the left one, ``(K, 2)``."""
    start, end = np.array([1.0, 0.2]), np.array([-1.0, 0.2])
    hairline = -0.62 * top
    match hair.fringe:
        case Fringe.SLICKED | Fringe.NONE:
            peak = 0.06 if hair.fringe is Fringe.SLICKED else 0.0
            knots = np.array(
                [
                    (1.0, 0.2),
                    (0.86, -0.1),
                    (0.74, hairline * 0.75),
                    (0.42, hairline * 1.05),
                    (0.0, hairline + peak),
                ]
            )
            return smooth(np.concatenate([knots, _mirrored(knots[:-1])[::-1]]), 40)
        case Fringe.CROP | Fringe.CURLS:
            bumps = 9 if hair.fringe is Fringe.CURLS else 13
            u = np.linspace(1, -1, 90)
            depth = 0.09 if hair.fringe is Fringe.CURLS else 0.03
            y = hairline * 0.8 + 0.9 * np.abs(u) ** 5 + depth * np.abs(np.sin((u + 1) * np.pi / 2 * bumps))
            return np.stack([u * 0.97, np.minimum(y, 0.2)], 1)
        case _:
            pass
    tips = _tips(hair)
    depth = 0.1 if hair.fringe is Fringe.BLUNT else 0.22
    lean = -0.18 * np.sign(hair.part or 1) if hair.fringe is Fringe.SWEPT else 0.0
    points = [start[None]]
    before = start
    for index, tip in enumerate(tips):
        follower = tips[index + 1] if index + 1 < len(tips) else end
        notch = 0.5 * (tip + follower) - (lean, depth + 0.3 * abs(tip[1] - follower[1]))
        if index + 1 == len(tips):
            notch = end
        inward = np.array([0.25 * (before[0] - tip[0]), 0.03])
        points += [
            bezier(before, np.array([before[0], 0.5 * (before[1] + tip[1])]) + inward * 0.4, tip, 6)[1:]
        ]
        points += [
            bezier(tip, np.array([0.35 * tip[0] + 0.65 * notch[0], 0.5 * (tip[1] + notch[1])]), notch, 6)[1:]
        ]
        before = notch
    return np.concatenate(points)


def _cap(character: Character) -> Shape:
    hair, top = character.hair, character.face.top
    rng = np.random.default_rng(hair.seed + 2)
    angle = np.linspace(np.pi * 0.965, np.pi * 2.035, 30)
    bump = 1 + 0.012 * np.sin(angle * 9 + rng.uniform(0, 6))
    if hair.fringe is Fringe.CURLS:
        bump = 1 + 0.05 * np.abs(np.sin(angle * 7))
    volume = hair.volume * (0.6 if hair.back is BackHair.NONE else 1.0)
    outer = np.stack(
        [(1.02 + volume * 0.55) * np.cos(angle) * bump, (top + volume) * np.sin(angle) * bump + 0.1], 1
    )
    edge = _fringe_edge(hair, top)
    xy = np.concatenate([outer, edge])
    z = np.concatenate([np.full(len(outer), -0.05), dome(edge[:, 0], edge[:, 1]) + 0.07])
    cling = np.concatenate([np.full(len(outer), 1.0), np.zeros(len(edge))])
    return shape(xy, z, cling)


def _locks(character: Character) -> tuple[list[Shape], list[Shape]]:
    hair = character.hair
    if hair.side_locks <= 0.05:
        return [], []
    bottom = 0.25 + hair.side_locks
    outline = np.concatenate(
        [
            bezier(np.array([1.07, -0.45]), np.array([1.16, 0.5 * bottom]), np.array([0.98, bottom]), 9),
            bezier(np.array([0.98, bottom]), np.array([0.82, 0.55 * bottom]), np.array([0.86, 0.05]), 8)[1:],
            bezier(np.array([0.86, 0.05]), np.array([0.84, -0.25]), np.array([0.9, -0.5]), 5)[1:],
        ]
    )
    middle = bezier(np.array([0.99, -0.3]), np.array([1.0, 0.4 * bottom]), np.array([0.96, 0.85 * bottom]), 8)
    locks = [shape(outline * (side, 1), 0.1, 0.25, np.clip(outline[:, 1], 0, 1) * 0.9) for side in (-1, 1)]
    lines = [shape(middle * (side, 1), 0.1, 0.25, np.clip(middle[:, 1], 0, 1) * 0.9) for side in (-1, 1)]
    return locks, lines


def _strands(character: Character) -> list[Shape]:
    hair, top = character.hair, character.face.top
    if hair.fringe in (Fringe.CROP, Fringe.CURLS):
        return []
    crown = np.array([hair.part * 0.4, -top * 0.98])
    if hair.fringe in (Fringe.SLICKED, Fringe.NONE):
        ends = np.array([(x, -0.66 * top + 0.1 * abs(x)) for x in (-0.6, -0.3, 0.0, 0.3, 0.6)])
    else:
        tips = _tips(hair)
        ends = 0.5 * (tips[1:] + tips[:-1]) - (0.0, 0.12)
    lines = []
    for end in ends:
        bend = np.array([crown[0] + 0.85 * (end[0] - crown[0]), crown[1] + 0.35 * (end[1] - crown[1])])
        curve = bezier(crown + 0.3 * (bend - crown), bend, end, 9)
        lines.append(shape(curve, dome(curve[:, 0], curve[:, 1]) + 0.08, np.linspace(0.6, 0.0, 9)))
    return lines


def _gloss(character: Character) -> list[Shape]:
    """The bright band around the head, with a ragged lower edge."""
    hair, top = character.hair, character.face.top
    if hair.fringe in (Fringe.CURLS, Fringe.CROP):
        return []
    rng = np.random.default_rng(hair.seed + 3)
    count = 9
    x = np.linspace(-0.8, 0.8, 2 * count + 1)
    ring = -0.62 * top - 0.16 * (1 - (x / 0.95) ** 2)
    upper = np.stack([x, ring - 0.05 * (1 - (x / 0.85) ** 2)], 1)
    ragged = np.where(np.arange(2 * count + 1) % 2, 0.11, 0.03) * rng.uniform(0.7, 1.3, 2 * count + 1)
    lower = np.stack([x, ring + ragged * (1 - (x / 0.9) ** 2) + 0.005], 1)[::-1]
    xy = np.concatenate([upper, lower])
    return [shape(xy, dome(xy[:, 0], xy[:, 1]) + 0.1, 0.35)]


def _ahoge(character: Character) -> list[Shape]:
    if not character.hair.ahoge:
        return []
    top, side = character.face.top + character.hair.volume, 1 if character.hair.seed % 2 else -1
    root, tip = np.array([0.0, -top + 0.12]), np.array([0.34 * side, -top - 0.26])
    out = bezier(root - (0.05, 0), np.array([-0.04 * side, -top - 0.4]), tip, 9)
    back = bezier(tip, np.array([0.1 * side, -top - 0.24]), root + (0.05, 0), 9)
    return [shape(np.concatenate([out, back[1:]]), 0.05, 0.5)]


@lru_cache(maxsize=256)
def hair_shapes(character: Character) -> HairShapes:
    """Return the hair of a character at rest (head units)."""
    behind, above = _back(character)
    bald = character.hair.fringe is Fringe.NONE and character.hair.back is BackHair.NONE
    if bald:
        return HairShapes()
    locks, lock_lines = _locks(character)
    return HairShapes(
        back=tuple(behind),
        cap=_cap(character),
        locks=tuple(locks),
        strands=tuple(_strands(character) + lock_lines),
        gloss=tuple(_gloss(character)),
        above=tuple(above + _ahoge(character)),
    )
