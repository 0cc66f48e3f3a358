"""Hair behind the head: one function per kind."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from models.training.characters.curves import Array, smooth
from models.training.characters.hair_parts import Shape, at, ball, blob, clumps, hanging, line, pair, shape
from models.training.characters.kinds import BackHair
from models.training.characters.spec import Character

_MIRROR = np.array([-1.0, 1.0])


@dataclass(kw_only=True)
class BackParts:
    """What the functions below gather; see ``HairShapes``."""

    back: list[Shape] = field(default_factory=list)
    shade: list[Shape] = field(default_factory=list)
    strands: list[Shape] = field(default_factory=list)
    falls: list[Shape] = field(default_factory=list)
    ties: list[Shape] = field(default_factory=list)


def skull_cap(character: Character, low: float = 0.62) -> Array:
    """Return the outline of short hair around the skull, hidden by the cap at the top, down to ``low``."""
    hair, top = character.hair, character.face.top
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    tall = np.where(np.sin(angle) < 0, top + 0.7 * hair.volume - 0.07, low)
    return np.stack([(0.97 + 0.45 * hair.volume) * np.cos(angle), tall * np.sin(angle)], 1)


def behind(xy: Array) -> Array:
    """Return the depth of hair behind the head: next to the cap at the crown, farther back below."""
    return np.asarray(-0.07 - 0.23 * np.clip((xy[:, 1] + 0.5) / 0.9, 0.0, 1.0))


def _short(character: Character, parts: BackParts) -> None:
    xy = skull_cap(character)
    parts.back.append(shape(xy, behind(xy), 1.0))
    parts.shade.append(parts.back[-1])


def _curtain(character: Character, parts: BackParts, length: float, wave: float, flare: float) -> None:
    """Hair that hangs behind the head to ``length`` below the chin, in pointed clumps."""
    hair, face = character.hair, character.face
    rng = np.random.default_rng(hair.seed)
    bottom, v = face.chin + length, hair.volume
    angle = np.linspace(np.pi, 2 * np.pi, 16)
    crown = np.stack(
        [(0.98 + 0.5 * v) * np.cos(angle), -0.05 + (face.top + 0.7 * v - 0.12) * np.sin(angle)], 1
    )
    rows = np.linspace(0.0, 1.0, 8)
    swing = wave * np.sin(rows * np.pi * (2.2 + 2.2 * max(length, 0.2))) * np.minimum(rows * 3, 1)
    side_x = 0.98 + 0.5 * v + (0.75 * v + flare) * np.sin(rows * np.pi * 0.62) + swing
    side = smooth(np.stack([side_x, -0.05 + (bottom - 0.1) * rows], 1), 28)
    count = 4 + int(rng.integers(0, 4))
    across = np.linspace(side_x[-1] * 0.94, -side_x[-1] * 0.94, count) + rng.normal(0, 0.03, count)
    tips = np.stack([across, bottom + 0.13 - 0.07 * across**2 + rng.normal(0, 0.06, count)], 1)
    ends = clumps(side[-1], tips, side[-1] * _MIRROR, 0.16 + 0.1 * max(length, 0))
    xy = np.concatenate([crown, side[1:], ends[1:-1], (side * _MIRROR)[::-1][:-1]])
    parts.back.append(shape(xy, behind(xy), 1.0, hanging(xy)))
    inner = np.concatenate(
        [
            at((-0.92, -0.3), (0.92, -0.3), (0.84, 0.5 * bottom)),
            at((0.62, bottom + 0.3), (-0.62, bottom + 0.3), (-0.84, 0.5 * bottom)),
        ]
    )
    parts.shade.append(shape(inner, -0.3, 1.0, hanging(inner)))
    for tip in tips:
        if abs(tip[0]) > 0.55:  # strand lines beside the neck only
            curve = line((tip[0] * 0.96, 0.1), (tip[0] * 1.0, 0.6 * tip[1]), (tip[0] * 0.98, tip[1] - 0.12))
            parts.strands.append(shape(curve, -0.29, 1.0, hanging(curve)))


def _shaggy(character: Character, parts: BackParts) -> None:
    _curtain(character, parts, -0.32, 0.05, 0.0)


def _bob(character: Character, parts: BackParts) -> None:
    _curtain(character, parts, min(character.hair.length, 0.3) - 0.22, 0.02, 0.1)


def _long(character: Character, parts: BackParts) -> None:
    _curtain(character, parts, character.hair.length, 0.015, 0.1)
    if character.hair.seed % 2:
        _fall(character, parts, 0.0)


def _wavy(character: Character, parts: BackParts) -> None:
    _curtain(character, parts, character.hair.length, 0.085, 0.16)
    if character.hair.seed % 2:
        _fall(character, parts, 0.07)


def _fall(character: Character, parts: BackParts, wave: float) -> None:
    """Long locks that come over the shoulders."""
    bottom = character.face.chin + max(character.hair.length, 0.2) + 0.25
    rows = np.linspace(0, 1, 8)
    swing = wave * np.sin(rows * 9)
    outer = np.stack([1.02 + 0.12 * np.sin(rows * np.pi) + swing, 0.1 + (bottom - 0.1) * rows], 1)
    inner = np.stack([0.84 - 0.16 * np.sin(rows * np.pi * 0.9) + swing, 0.1 + (bottom - 0.4) * rows], 1)
    tips = at((1.0 + swing[-1], bottom + 0.16), (0.9 + swing[-1], bottom - 0.06))
    xy = np.concatenate(
        [smooth(outer, 18), clumps(outer[-1], tips, inner[-1], 0.12)[1:], smooth(inner, 18)[::-1]]
    )
    parts.falls += pair(xy, 0.0, 0.6, hanging(xy))


def _ponytail(character: Character, parts: BackParts) -> None:
    side = 1 if character.hair.seed % 2 else -1
    top, bottom = character.face.top, 1.0 + character.hair.length
    tail = blob(
        (0.3, -top),
        (0.72, -top - 0.24),
        (1.2, -0.85),
        (1.42, -0.1),
        (1.3, 0.6),
        (1.42, bottom),
        (1.08, 0.8),
        (0.98, 0.1),
        (0.7, -0.6),
    )
    parts.back.append(shape(tail * (side, 1), -0.55, 0.6, hanging(tail)))
    for x in (1.12, 1.26):
        curve = line((0.8, -top - 0.02), (x + 0.12, -0.3), (x, 0.75 * bottom))
        parts.strands.append(shape(curve * (side, 1), -0.55, 0.6, hanging(curve)))
    parts.ties.append(
        shape(
            blob((0.3, -top - 0.06), (0.55, -top - 0.16), (0.66, -top + 0.06), (0.42, -top + 0.16))
            * (side, 1),
            -0.4,
            0.6,
        )
    )
    _short(character, parts)


def _twin_tails(character: Character, parts: BackParts) -> None:
    bottom = 1.0 + character.hair.length
    tail = blob(
        (0.9, -0.7),
        (1.2, -0.95),
        (1.58, -0.55),
        (1.72, 0.2),
        (1.58, 0.8),
        (1.68, bottom),
        (1.3, 0.75 * bottom),
        (1.22, 0.1),
        (1.02, -0.4),
    )
    parts.back += pair(tail, -0.25, 0.7, hanging(tail))
    for x in (1.34, 1.5):
        curve = line((1.15, -0.7), (x + 0.16, -0.2), (x, 0.75 * bottom))
        parts.strands += pair(curve, -0.24, 0.7, hanging(curve))
    parts.ties += pair(blob((0.9, -0.88), (1.12, -0.98), (1.14, -0.6), (0.94, -0.54)), -0.15, 0.7)
    _short(character, parts)


def _bun(character: Character, parts: BackParts) -> None:
    top = character.face.top + character.hair.volume
    parts.back.append(shape(ball((0.0, -top - 0.2), 0.42), -0.3, 1.0))
    parts.strands += [
        shape(line((x - 0.3, -top - 0.3), (x, -top - 0.42), (x + 0.3, -top - 0.16)), -0.28, 1.0)
        for x in (-0.06, 0.04)
    ]
    _short(character, parts)


def _space_buns(character: Character, parts: BackParts) -> None:
    top = character.face.top + 0.5 * character.hair.volume
    parts.back += pair(ball((0.76, -top + 0.02), 0.37), -0.1, 0.8)
    parts.strands += pair(line((0.56, -top), (0.8, -top - 0.28), (1.0, -top + 0.08)), -0.08, 0.8)
    _short(character, parts)


def _afro(character: Character, parts: BackParts) -> None:
    radius = 1.24 + 1.2 * character.hair.volume
    parts.back.append(shape(ball((0.0, -0.3), radius, 17, 0.045), -0.15, 1.0))


def _spiky(character: Character, parts: BackParts) -> None:
    rng = np.random.default_rng(character.hair.seed)
    count, v = 11, character.hair.volume
    angle = np.linspace(np.radians(155), np.radians(385), count) + rng.normal(0, 0.04, count)
    reach = 1.2 + v + rng.uniform(0.0, 0.22, count) - 0.3 * np.maximum(np.sin(angle), 0.0)
    tips = np.stack([reach * np.cos(angle), reach * np.sin(angle) * (character.face.top + 0.02)], 1)
    # Clumps are made for tips that point down: turn the picture over and back.
    start, end = at((-0.95, 0.5))[0], at((0.95, 0.5))[0]
    notches = [start]
    edge = [start[None]]
    for index, tip in enumerate(tips):
        middle = angle[index] + (0.11 if index + 1 < count else 0.05)
        notch = (
            end
            if index + 1 == count
            else np.array([np.cos(middle), np.sin(middle) * character.face.top]) * (0.98 + 0.6 * v)
        )
        edge += [
            smooth(np.stack([notches[-1], 0.55 * (notches[-1] + tip) * 0.97, tip]), 6)[1:],
            smooth(np.stack([tip, 0.47 * (tip + notch), notch]), 6)[1:],
        ]
        notches.append(notch)
    xy = np.concatenate(edge)
    parts.back.append(shape(xy, -0.2, 1.0))


def _braids(character: Character, parts: BackParts) -> None:
    rows = 4 + round(3 * character.hair.length)
    for row in range(rows - 1, -1, -1):
        x, y = 1.0 + 0.05 * np.sin(row * 0.7), 0.6 + 0.24 * row
        r = 0.19 - 0.008 * row
        bead = blob(
            (x - r, y - 0.06),
            (x, y + 0.04),
            (x + r, y - 0.06),
            (x + 0.9 * r, y + 0.12),
            (x, y + 0.24),
            (x - 0.9 * r, y + 0.12),
            per_knot=4,
        )
        parts.falls += pair(bead, 0.05, 0.5, hanging(bead))
    end = 0.6 + 0.24 * rows
    parts.ties += pair(ball((1.0, end), 0.1), 0.08, 0.5, 1.0)
    _short(character, parts)


def _none(character: Character, parts: BackParts) -> None:
    del character, parts


_KINDS: dict[BackHair, Callable[[Character, BackParts], None]] = {
    BackHair.NONE: _none,
    BackHair.SHORT: _short,
    BackHair.BOB: _bob,
    BackHair.LONG: _long,
    BackHair.WAVY: _wavy,
    BackHair.PONYTAIL: _ponytail,
    BackHair.TWIN_TAILS: _twin_tails,
    BackHair.BUN: _bun,
    BackHair.SPACE_BUNS: _space_buns,
    BackHair.AFRO: _afro,
    BackHair.SPIKY: _spiky,
    BackHair.BRAIDS: _braids,
    BackHair.SHAGGY: _shaggy,
}


def back_parts(character: Character) -> BackParts:
    """Return the hair behind the head of a character at rest."""
    parts = BackParts()
    _KINDS[character.hair.back](character, parts)
    return parts
