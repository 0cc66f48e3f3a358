"""Outlines at rest that do not depend on the act: crown, skull, shoulders, neckline. Cached per character."""

from functools import lru_cache

import numpy as np

from models.training.characters.curves import Array, smooth
from models.training.characters.kinds import Collar
from models.training.characters.spec import Character

_BOWLS = {Collar.CREW: (1.06, 0.2), Collar.TANK: (1.75, 0.5), Collar.HOODIE: (1.1, 0.24)}
_POINTS = {Collar.VNECK: 0.75, Collar.SAILOR: 0.7, Collar.SHIRT: 0.32, Collar.SUIT: 0.3, Collar.KIMONO: 0.6}
_CACHED = 256


@lru_cache(maxsize=_CACHED)
def crown(character: Character) -> Array:
    """Return the upper edge of the face, ``(20, 3)`` head units, from the right ear to the left one."""
    angle = np.linspace(0, -np.pi, 22)[1:-1]
    y = 0.04 + (character.face.top + 0.04) * np.sin(angle)
    return np.stack([0.97 * np.cos(angle), y, np.zeros(len(angle))], 1)


@lru_cache(maxsize=_CACHED)
def skull(character: Character) -> Array:
    """Return the closed outline of the head behind the face, ``(40, 3)`` head units."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    y = 0.02 + np.where(np.sin(angle) < 0, character.face.top, 0.62) * np.sin(angle)
    return np.stack([0.985 * np.cos(angle), y, np.full(len(angle), -0.16)], 1)


def neck_base(character: Character) -> tuple[float, float]:
    """Return the height of the neck's base and the neck's half width, head units of the body."""
    return character.face.chin + character.clothes.neck_length, character.clothes.neck_width


@lru_cache(maxsize=_CACHED)
def shoulder_line(character: Character) -> Array:
    """Return the right side of the chest from the neck outwards and down, ``(26, 2)`` head units."""
    base, neck = neck_base(character)
    wide, drop = character.clothes.shoulder_width, character.clothes.shoulder_drop
    knots = [
        (neck * 1.02, base - 0.12),
        (neck * 1.2, base + 0.0),
        (0.45 * wide + 0.3 * neck, base + 0.4 * drop),
        (wide * 0.86, base + 0.78 * drop),
        (wide * 1.0, base + 1.25 * drop + 0.1),
        (wide * 1.06, base + 1.1 + drop),
        (wide * 1.1, base + 3.5),
    ]
    return smooth(np.array(knots), 26)


@lru_cache(maxsize=_CACHED)
def neckline(character: Character) -> Array:
    """Return the edge of the clothes at the neck, picture left to right, ``(K, 2)`` head units."""
    base, width = neck_base(character)
    kind = character.clothes.collar
    line = shoulder_line(character)
    half = width * _BOWLS.get(kind, (1.1, 0.0))[0]
    top = float(np.interp(half, line[:, 0], line[:, 1]))
    if kind in _POINTS:
        low = base + _POINTS[kind]
        return np.array([(-half, top), (-0.03, low), (0.03, low), (half, top)])
    t = np.linspace(np.pi, 0, 15)
    return np.stack([half * np.cos(t), top + _BOWLS.get(kind, (0.0, 0.06))[1] * np.sin(t)], 1)


@lru_cache(maxsize=_CACHED)
def torso(character: Character) -> Array:
    """Return the polygon of the clothes, ``(K, 2)`` head units."""
    line, right = neckline(character), shoulder_line(character)
    right = np.concatenate([line[-1:], right[right[:, 0] > line[-1, 0] + 0.02]])
    return np.concatenate([right, (right * (-1, 1))[::-1], line[1:-1]])
