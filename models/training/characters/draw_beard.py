"""Beards, drawn on the face before the mouth."""

import numpy as np

from engine.types import CONTROL_INDEX
from models.training.characters.canvas import Canvas
from models.training.characters.colours import mix
from models.training.characters.curves import Array, ribbon, smooth, smooth_closed, taper
from models.training.characters.hair_parts import at
from models.training.characters.kinds import BeardKind
from models.training.characters.rig import acted_mouth
from models.training.characters.scene import Scene
from models.training.characters.spec import Rgb

_LOWER_LIP = CONTROL_INDEX["lip_outer_6"] - CONTROL_INDEX["lip_outer_0"]


def draw_beard(scene: Scene, layer: Canvas) -> None:
    """Draw the beard on ``layer``, which is clipped to the face."""
    kind, hair = scene.character.extras.beard, scene.character.brows.colour
    if kind is BeardKind.STUBBLE:
        chin = scene.face(at((0.0, scene.character.face.chin * 0.92)))[0]
        tone = mix(hair, scene.character.face.skin, 0.4)
        layer.glow(chin, (0.85 * scene.unit, 0.42 * scene.unit), tone, 0.55)
    if kind is BeardKind.FULL:
        layer.fill(scene.face(_full(scene)), hair)
    if kind is BeardKind.GOATEE:
        low = _under_lip(scene)
        layer.fill(scene.face(smooth_closed(at((-0.2, low), (0.2, low), (0.26, 1.4), (-0.26, 1.4)))), hair)
    if kind in (BeardKind.FULL, BeardKind.GOATEE, BeardKind.MOUSTACHE):
        _moustache(scene, layer, hair)


def _under_lip(scene: Scene) -> float:
    """Return the height of the beard's edge below the lower lip, which an open mouth pushes down."""
    outer, _ = acted_mouth(scene.character, scene.posed.act)
    return max(scene.character.mouth.y + 0.13, float(outer[_LOWER_LIP, 1]) + 0.04)


def _full(scene: Scene) -> Array:
    y = scene.character.mouth.y
    side = at((0.95, 0.12), (0.84, 0.4), (0.66, y - 0.12), (0.42, y - 0.13), (0.28, y + 0.05))
    upper = smooth(np.concatenate([side, at((0.0, _under_lip(scene))), (side * (-1, 1))[::-1]]), 44)
    return np.concatenate([upper, at((-1.1, 0.1), (-1.1, 1.6), (1.1, 1.6), (1.1, 0.1))])


def _moustache(scene: Scene, layer: Canvas, hair: Rgb) -> None:
    top = scene.character.mouth.y - scene.character.mouth.upper_lip
    side = at((-0.36, top + 0.07), (-0.17, top - 0.05))
    knots = np.concatenate([side, at((0.0, top - 0.06)), (side * (-1, 1))[::-1]])
    layer.fill(ribbon(scene.face(smooth(knots, 20), 0.05), 0.13 * scene.unit * taper(20, 0.1, 0.1)), hair)
