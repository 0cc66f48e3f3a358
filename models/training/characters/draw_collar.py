"""Collars: what closes the clothes at the neck."""

from collections.abc import Callable

import numpy as np

from models.training.characters.colours import mix, shadow
from models.training.characters.curves import Array, ribbon, smooth, smooth_closed
from models.training.characters.hair_parts import at
from models.training.characters.kinds import Collar
from models.training.characters.outlines import neck_base
from models.training.characters.scene import Scene
from models.training.characters.spec import Rgb


def _below(scene: Scene, flat: Array) -> Array:
    """Return where points given from the neck's base downwards are in the picture."""
    return scene.body(flat + np.array([0.0, neck_base(scene.character)[0]]))


def _cloth_line(scene: Scene, colour: Rgb) -> Rgb:
    return mix(shadow(colour, 0.9), scene.inks.cloth_line, 0.6)


def _plate(scene: Scene, flat: Array, colour: Rgb) -> None:
    """Fill a piece of cloth given right of the middle from the neck's base, and its mirror image."""
    for side in (-1, 1):
        place = _below(scene, flat * (side, 1))
        scene.canvas.fill(place, colour)
        scene.canvas.stroke(place, _cloth_line(scene, colour), scene.outline, closed=True)


def _shirt(scene: Scene) -> None:
    width = neck_base(scene.character)[1]
    wing = at((width, -0.2), (width * 1.24, 0.02), (width * 1.05, 0.5), (0.05, 0.26), (width * 0.6, 0.14))
    _plate(scene, wing, scene.character.clothes.second)


def _suit(scene: Scene) -> None:
    width, clothes = neck_base(scene.character)[1], scene.character.clothes
    _plate(scene, at((0.0, 0.28), (0.5, 0.1), (0.3, 2.8), (0.0, 2.8)), clothes.second)
    tie = at((0.0, 0.2), (0.1, 0.32), (0.06, 0.46), (0.15, 1.5), (0.0, 1.7))
    place = _below(scene, np.concatenate([tie, (tie * (-1, 1))[::-1]]))
    scene.canvas.fill(place, clothes.accent)
    scene.canvas.stroke(place, _cloth_line(scene, clothes.accent), scene.outline, closed=True)
    lapel = at((width * 1.25, -0.1), (0.86, 0.62), (0.6, 0.72), (0.68, 0.86), (0.1, 2.2), (0.42, 0.6))
    _plate(scene, lapel, clothes.main)


def _hood(scene: Scene) -> None:
    width, clothes = neck_base(scene.character)[1], scene.character.clothes
    edge = at((width, -0.22), (width * 1.7, -0.16), (width * 2.1, 0.16), (0.5, 0.5), (0.0, 0.52), (0.0, 0.3))
    hood = smooth_closed(np.concatenate([edge, at((width * 0.8, 0.16))]), 4)
    _plate(scene, hood, mix(clothes.main, clothes.second, 0.12))
    for side in (-1, 1):
        cord = _below(scene, at((side * 0.3, 0.42), (side * 0.33, 0.8), (side * 0.3, 1.15)))
        scene.canvas.fill(ribbon(smooth(cord, 8), np.full(8, 0.05 * scene.unit)), clothes.second)


def _tube(scene: Scene, colour: Rgb, wide: float, height: float) -> None:
    width = neck_base(scene.character)[1] * wide
    t = np.linspace(0, np.pi, 12)
    low = np.stack([width * 1.12 * np.cos(t), 0.06 + 0.16 * np.sin(t)], 1)
    high = np.stack([width * np.cos(t[::-1]), 0.02 - height + 0.12 * np.sin(t[::-1])], 1)
    place = _below(scene, np.concatenate([low, high]))
    scene.canvas.fill(place, colour)
    rim = ribbon(_below(scene, high[::-1]), np.full(12, 0.05 * scene.unit), -1.0)
    scene.canvas.fill(rim, shadow(colour, 0.5))
    scene.canvas.stroke(place, _cloth_line(scene, colour), scene.outline, closed=True)


def _sailor(scene: Scene) -> None:
    width, clothes = neck_base(scene.character)[1], scene.character.clothes
    flap = at((width * 1.1, -0.12), (width * 2.3, 0.2), (width * 2.2, 0.75), (0.02, 1.05), (width, 0.1))
    _plate(scene, flap, clothes.second)
    trim = _below(scene, at((-width * 2.0, 0.66), (0.0, 0.93), (width * 2.0, 0.66)))
    scene.canvas.stroke(trim, clothes.accent, 1.0)
    _plate(scene, at((0.0, 0.98), (0.42, 0.84), (0.46, 1.2), (0.0, 1.08)), clothes.accent)


def _kimono(scene: Scene) -> None:
    width, clothes = neck_base(scene.character)[1], scene.character.clothes
    under = at((-width, -0.2), (-width * 1.5, -0.02), (-0.34, 0.9), (0.0, 1.0), (0.1, 0.66))
    over = at((width, -0.2), (width * 1.5, -0.02), (0.3, 1.0), (-0.75, 3.2), (-1.15, 3.2), (-0.05, 0.7))
    for flat in (under, over):
        place = _below(scene, flat)
        scene.canvas.fill(place, clothes.second)
        scene.canvas.stroke(place, scene.inks.cloth_line, scene.outline, closed=True)


def _turtleneck(scene: Scene) -> None:
    _tube(scene, scene.character.clothes.main, 1.12, 0.38)


def _scarf(scene: Scene) -> None:
    _tube(scene, scene.character.clothes.accent, 1.5, 0.3)


_COLLARS: dict[Collar, tuple[Callable[[Scene], None], ...]] = {
    Collar.SHIRT: (_shirt,),
    Collar.SUIT: (_suit, _shirt),
    Collar.HOODIE: (_hood,),
    Collar.TURTLENECK: (_turtleneck,),
    Collar.SCARF: (_scarf,),
    Collar.SAILOR: (_sailor,),
    Collar.KIMONO: (_kimono,),
}


def draw_collar(scene: Scene, neckline: Array) -> None:
    """Draw what closes the clothes at the neck; ``neckline`` is their edge in the picture."""
    clothes = scene.character.clothes
    for piece in _COLLARS.get(clothes.collar, ()):
        piece(scene)
    if clothes.collar not in _COLLARS:
        scene.canvas.fill(ribbon(neckline, np.full(len(neckline), 0.09 * scene.unit)), clothes.second)
