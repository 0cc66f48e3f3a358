"""Noses, around the control point of the tip."""

from collections.abc import Callable

import numpy as np

from models.training.characters.colours import mix
from models.training.characters.curves import Array, bezier, ellipse, ribbon, smooth, taper
from models.training.characters.kinds import NoseKind
from models.training.characters.scene import Scene

_TIP = 0.62  # depth of the tip, head units


def _at(scene: Scene, *points: tuple[float, float, float]) -> Array:
    """Return points given against the tip (x towards the shaded side; y; z) in the picture."""
    face = scene.character.face
    flip = np.array([-scene.character.style.light, 1.0, 1.0])
    return scene.posed.head.place(np.array(points) * flip + np.array([0.0, face.nose_y, _TIP]))


def _ink(scene: Scene) -> tuple[int, int, int]:
    return mix(scene.inks.skin_line, scene.inks.skin_dark, 0.5)


def _dot(scene: Scene) -> None:
    size = scene.unit * scene.character.face.nose_size
    centre = _at(scene, (0.015, 0.0, 0.0))[0]
    scene.canvas.fill(ellipse(centre, 0.022 * size, 0.017 * size), _ink(scene))


def _shadow(scene: Scene) -> None:
    wide = 0.09 * scene.character.face.nose_size
    wedge = _at(scene, (0.0, -0.1, -0.06), (wide, 0.04, -0.12), (0.0, 0.055, -0.04))
    scene.canvas.fill(wedge, scene.inks.skin_dark)


def _line(scene: Scene) -> None:
    knots = _at(scene, (0.05, -0.26, -0.16), (0.03, -0.1, -0.06), (0.01, 0.0, 0.0), (-0.03, 0.05, -0.1))
    scene.canvas.fill(ribbon(smooth(knots, 14), 0.024 * scene.unit * taper(14, 0.1, 0.4)), _ink(scene))


def _wedge(scene: Scene) -> None:
    wide = 0.1 * scene.character.face.nose_size
    bridge = _at(scene, (0.0, -0.3, -0.14), (0.0, -0.02, 0.0), (wide, 0.06, -0.2), (0.035, -0.1, -0.2))
    scene.canvas.fill(bridge, scene.inks.skin_dark)
    _nostrils(scene)


def _round(scene: Scene) -> None:
    size = scene.character.face.nose_size
    ball = _at(scene, (0.0, -0.01, -0.04))[0]
    radius = np.array([0.105 * scene.unit * size, 0.0])
    low = bezier(ball - radius, ball - scene.up() * 0.17 * size, ball + radius, 12)
    scene.canvas.fill(ribbon(low, 0.026 * scene.unit * taper(12, 0.2, 0.2)), _ink(scene))
    _nostrils(scene)


def _nostrils(scene: Scene) -> None:
    size = scene.character.face.nose_size
    for side in (-1, 1):
        wing = _at(scene, (side * 0.045 * size, 0.06, -0.1), (side * 0.09 * size, 0.055, -0.17))
        scene.canvas.fill(ribbon(wing, np.array([0.02, 0.012]) * scene.unit), scene.inks.skin_line)


_NOSES: dict[NoseKind, Callable[[Scene], None]] = {
    NoseKind.DOT: _dot,
    NoseKind.SHADOW: _shadow,
    NoseKind.LINE: _line,
    NoseKind.WEDGE: _wedge,
    NoseKind.ROUND: _round,
}


def draw_nose(scene: Scene) -> None:
    """Draw the nose."""
    _NOSES[scene.character.face.nose](scene)
