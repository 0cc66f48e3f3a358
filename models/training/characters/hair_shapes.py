"""Hair in front: cap and fringe, locks, clumps, strand lines and gloss; and all hair together."""

from functools import lru_cache

import numpy as np

from models.training.characters.curves import Array, bezier, ribbon, smooth, taper
from models.training.characters.hair_back import back_parts
from models.training.characters.hair_parts import HairShapes, Shape, at, clumps, hanging, pair, shape, tuft
from models.training.characters.kinds import BackHair, Fringe
from models.training.characters.rig import dome
from models.training.characters.spec import Character, Hair

_TUFTED = (Fringe.BLUNT, Fringe.SWEPT, Fringe.CURTAIN, Fringe.SPIKES, Fringe.MESSY, Fringe.LOCK)
_MIRROR = np.array([-1.0, 1.0])


def _on_head(xy: Array, lift: float) -> Array:
    return np.asarray(dome(xy[:, 0], xy[:, 1]) + lift)


def _tips(hair: Hair) -> Array:
    """Return fringe tips ``(K, 2)`` from the right temple to the left one."""
    rng = np.random.default_rng(hair.seed + 1)
    count = max(hair.strands, 3)
    x = np.linspace(0.8, -0.8, count)
    jitter = rng.normal(0, 0.03, (count, 2))
    part = hair.part if hair.part != 0 else 0.1
    y = np.full(count, hair.fringe_y)
    match hair.fringe:
        case Fringe.BLUNT:
            y = y + 0.08 * x**2
            jitter *= 0.35
        case Fringe.SWEPT:
            y = y + 0.2 * np.sign(part) * -x + 0.14 * x**2
        case Fringe.CURTAIN:
            y = y - 0.34 + 0.6 * np.minimum(np.abs(x - part * 0.5), 1.0)
        case Fringe.SPIKES:
            y = y + np.where(np.arange(count) % 2, 0.12, -0.06)
            jitter *= 1.4
        case Fringe.LOCK:
            y = y - 0.22 + 0.3 * np.exp(-(((x - 0.4 * part) / 0.16) ** 2)) + 0.15 * x**2
        case _:
            jitter *= 2.0
    return np.stack([x, y], 1) + jitter


_TIP = np.array([0.965, 0.32])  # lowest point of the hair in front of the ear
_TEMPLE = np.array([0.885, 0.02])


def _fringe_edge(hair: Hair, top: float) -> Array:
    """Return the lower edge of the cap from the right ear to the left one, ``(K, 2)``."""
    line = -0.6 * top  # the hairline
    if hair.fringe in (Fringe.SLICKED, Fringe.NONE):
        peak = 0.08 if hair.fringe is Fringe.SLICKED else 0.0
        side = at((0.885, 0.02), (0.86, -0.2), (0.78, line * 0.72), (0.46, line * 1.06), (0.0, line + peak))
        edge = smooth(np.concatenate([side, (side[:-1] * _MIRROR)[::-1]]), 44)
    elif hair.fringe in (Fringe.CROP, Fringe.CURLS):
        bumps, depth = (9, 0.1) if hair.fringe is Fringe.CURLS else (15, 0.02)
        u = np.linspace(1, -1, 90)
        y = line * 0.8 + 0.9 * np.abs(u) ** 6 + depth * np.abs(np.sin((u + 1) * np.pi / 2 * bumps))
        edge = np.stack([u * 0.9, np.minimum(y, 0.0)], 1)
    else:
        depth = 0.1 if hair.fringe is Fringe.BLUNT else 0.24
        lean = 0.07 * float(np.sign(hair.part)) if hair.fringe is Fringe.SWEPT else 0.0
        edge = clumps(_TEMPLE, _tips(hair), _TEMPLE * _MIRROR, depth, lean)
    right = bezier(_TIP, np.array([0.91, 0.22]), edge[0], 5)[:-1]
    return np.concatenate([right, edge, (right * _MIRROR)[::-1]])


def _cap(character: Character) -> Shape:
    hair, top = character.hair, character.face.top
    angle = np.linspace(np.pi * 0.955, np.pi * 2.045, 34)
    bump = 1 + 0.05 * np.abs(np.sin(angle * 7)) if hair.fringe is Fringe.CURLS else np.ones_like(angle)
    volume = hair.volume * (0.55 if hair.back is BackHair.NONE else 1.0)
    wide = (1.01 + volume * 0.6) * bump
    outer = np.stack([wide * np.cos(angle), (top + volume) * np.sin(angle) * bump + 0.06], 1)
    edge = _fringe_edge(hair, top)
    z = np.concatenate([np.full(len(outer), -0.05), _on_head(edge, 0.07)])
    cling = np.concatenate(
        [0.45 + 0.55 * np.clip(-2.2 * np.sin(angle), 0, 1), 0.45 * np.clip(np.abs(edge[:, 0]) * 6 - 5, 0, 1)]
    )
    return shape(np.concatenate([outer, edge]), z, cling)


def _locks(character: Character) -> tuple[list[Shape], list[Shape]]:
    """Locks in front of the ears and their strand lines."""
    hair = character.hair
    if hair.side_locks <= 0.05:  # too short to see
        return [], []
    bottom = 0.25 + hair.side_locks
    low = at((0.97, bottom))[0]
    outline = np.concatenate(
        [
            bezier(at((0.99, -0.4))[0], at((1.2, 0.5 * bottom))[0], low, 10),
            bezier(low, at((0.8, 0.55 * bottom))[0], at((0.84, 0.0))[0], 9)[1:],
            bezier(at((0.84, 0.0))[0], at((0.83, -0.25))[0], at((0.9, -0.45))[0], 5)[1:],
        ]
    )
    middle = bezier(at((0.98, -0.3))[0], at((1.02, 0.4 * bottom))[0], at((0.96, 0.85 * bottom))[0], 8)
    return pair(outline, 0.1, 0.25, hanging(outline)), pair(middle, 0.11, 0.25, hanging(middle))


def _crown(character: Character) -> Array:
    return np.array([character.hair.part * 0.4, -character.face.top * 0.98])


def _over(character: Character) -> list[Shape]:
    """Clumps on the cap that overlap their neighbours."""
    hair = character.hair
    if hair.fringe not in _TUFTED or hair.fringe is Fringe.BLUNT:
        return []
    rng = np.random.default_rng(hair.seed + 4)
    tips = _tips(hair)
    chosen = rng.permutation(len(tips))[: int(rng.integers(1, 4))]
    result = []
    for tip in tips[np.sort(chosen)]:
        end = tip + np.array((rng.normal(0, 0.04), 0.06))
        root = _crown(character) * 0.4 + at((0.55 * end[0], -0.36))[0]
        middle = np.array([0.8 * end[0] + 0.2 * root[0] + rng.normal(0, 0.04), 0.5 * (root[1] + end[1])])
        xy = tuft(root, middle, end, 0.17)
        result.append(shape(xy, _on_head(xy, 0.1)))
    return result


def _strands(character: Character) -> list[Shape]:
    hair, top = character.hair, character.face.top
    if hair.fringe in (Fringe.CROP, Fringe.CURLS):
        return []
    crown = _crown(character)
    if hair.fringe in (Fringe.SLICKED, Fringe.NONE):
        ends = np.array([(x, -0.64 * top + 0.1 * abs(x)) for x in (-0.62, -0.34, -0.08, 0.2, 0.5)])
    else:
        tips = _tips(hair)
        ends = 0.5 * (tips[1:] + tips[:-1]) - (0.0, 0.14)
    lines = []
    for end in ends:
        bend = np.array([crown[0] + 0.85 * (end[0] - crown[0]), crown[1] + 0.35 * (end[1] - crown[1])])
        curve = bezier(crown + 0.3 * (bend - crown), bend, end, 9)
        lines.append(shape(curve, _on_head(curve, 0.08), np.linspace(0.6, 0.0, 9)))
    return lines


def _gloss(character: Character) -> list[Shape]:
    """The highlight: a ragged band around tufted hair, streaks along combed hair."""
    hair, top = character.hair, character.face.top
    if hair.fringe in (Fringe.CURLS, Fringe.CROP):
        return []
    rng = np.random.default_rng(hair.seed + 3)
    if hair.fringe in (Fringe.SLICKED, Fringe.NONE):
        streaks = []
        for strand in _strands(character):
            xy = ribbon(strand.points[3:8, :2] + (0.06, 0.0), 0.075 * rng.uniform(0.5, 1.0) * taper(5))
            streaks.append(shape(xy, _on_head(xy, 0.1), 0.3))
        return streaks
    count = 9
    x = np.linspace(-0.82, 0.82, 2 * count + 1)
    ring = -0.6 * top - 0.16 * (1 - (x / 0.95) ** 2)
    fade = 1 - (x / 0.83) ** 2
    lift = np.where(np.arange(2 * count + 1) % 2, 0.07, 0.02) * rng.uniform(0.6, 1.3, 2 * count + 1)
    ragged = np.where(np.arange(2 * count + 1) % 2, 0.12, 0.03) * rng.uniform(0.6, 1.3, 2 * count + 1)
    upper = np.stack([x, ring - lift * fade], 1)
    lower = np.stack([x, ring + ragged * fade + 0.004], 1)[::-1]
    xy = np.concatenate([upper, lower])
    return [shape(xy, _on_head(xy, 0.1), 0.35)]


def _ahoge(character: Character) -> list[Shape]:
    if not character.hair.ahoge:
        return []
    top, side = character.face.top + character.hair.volume, 1 if character.hair.seed % 2 else -1
    root, tip = np.array([0.0, -top + 0.14]), np.array([0.36 * side, -top - 0.2])
    out = bezier(root - np.array((0.06 * side, 0.0)), np.array([-0.06 * side, -top - 0.42]), tip, 9)
    back = bezier(tip, np.array([0.1 * side, -top - 0.22]), root + np.array((0.06 * side, 0.0)), 9)
    return [shape(np.concatenate([out, back[1:]]), 0.05, 0.5)]


def is_bald(character: Character) -> bool:
    """Return whether there is no hair at all."""
    return character.hair.fringe is Fringe.NONE and character.hair.back is BackHair.NONE


@lru_cache(maxsize=256)
def hair_shapes(character: Character) -> HairShapes:
    """Return the hair of a character at rest (head units)."""
    if is_bald(character):
        return HairShapes()
    parts = back_parts(character)
    locks, lock_lines = _locks(character)
    return HairShapes(
        back=tuple(parts.back),
        back_shade=tuple(parts.shade),
        back_strands=tuple(parts.strands),
        falls=tuple(parts.falls),
        ties=tuple(parts.ties),
        cap=_cap(character),
        locks=tuple(locks),
        over=tuple(_over(character)),
        strands=tuple(_strands(character) + lock_lines),
        gloss=tuple(_gloss(character)),
        above=tuple(_ahoge(character)),
    )
