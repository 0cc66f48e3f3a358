"""Neck, shoulders, clothes and raised arms."""

import numpy as np

from models.training.characters.canvas import Canvas
from models.training.characters.curves import Array, ellipse, ribbon, smooth
from models.training.characters.draw_collar import draw_collar
from models.training.characters.outlines import neck_base, neckline, shoulder_line, torso
from models.training.characters.scene import Scene

_SIDE = 10  # samples along one side of the neck
_FADE = np.linspace(1, 0.05, 8)  # width of a fold along its length


def neck_outline(scene: Scene) -> Array:
    """Return the polygon of the neck from under the jaw to below the collar."""
    clothes, face = scene.character.clothes, scene.character.face
    base = face.chin + clothes.neck_length
    width = clothes.neck_width
    top = scene.posed.head.place(np.array([(-width, 0.55, -0.1), (width, 0.55, -0.1)]), 1.0)
    low = scene.body(
        np.array(
            [
                (width * 1.0, base - 0.05),
                (width * 1.5, base + 0.22),
                (0.0, base + 0.5),
                (-width * 1.5, base + 0.22),
                (-width * 1.0, base - 0.05),
            ]
        )
    )
    right = np.stack([top[1], low[0], low[1]])
    left = np.stack([low[3], low[4], top[0]])
    return np.concatenate([smooth(right, _SIDE), low[2:3], smooth(left, _SIDE)])


def draw_neck(scene: Scene) -> None:
    """Draw the neck with the chin's shadow on it."""
    outline = neck_outline(scene)
    scene.canvas.fill(scene.body(neckline(scene.character)), scene.character.face.skin)
    scene.canvas.fill(outline, scene.character.face.skin)
    style = scene.character.style
    if style.shade >= 0.15:  # unshaded styles
        face = scene.face_outline
        fall = -scene.up() * 0.2 + np.array([-0.05 * style.light, 0]) * scene.unit
        with scene.canvas.clipped(outline, 0.8 if scene.painted else 1.0) as layer:
            layer.fill(face + fall, scene.inks.skin_dark)
    for side in (outline[:_SIDE], outline[-_SIDE:]):
        scene.canvas.stroke(side, scene.inks.skin_line, scene.outline)


def draw_torso(scene: Scene) -> None:
    """Draw clothes over the chest; the neck is drawn before."""
    outline = scene.body(torso(scene.character))
    scene.canvas.fill(outline, scene.character.clothes.main)
    if scene.painted or scene.cel or scene.character.clothes.pattern:
        with scene.canvas.clipped(outline) as layer:
            _pattern(scene, layer)
            _shade_torso(scene, layer)
    scene.canvas.stroke(outline, scene.inks.cloth_line, scene.outline, closed=True)
    _folds(scene)
    draw_collar(scene, scene.body(neckline(scene.character)))


def _pattern(scene: Scene, layer: Canvas) -> None:
    clothes = scene.character.clothes
    base, _ = neck_base(scene.character)
    if clothes.pattern == 1:  # stripes
        for row in range(5):
            y = base + 0.5 + 0.34 * row
            band = np.array(
                [(-3, y - 0.1), (0, y + 0.06), (3, y - 0.1), (3, y + 0.05), (0, y + 0.21), (-3, y + 0.05)]
            )
            layer.fill(scene.body(band), clothes.second)
    elif clothes.pattern == 2:  # a badge on the chest
        layer.fill(
            ellipse(scene.body(np.array([(0.75, base + 0.95)]))[0], 0.16 * scene.unit, 0.16 * scene.unit),
            clothes.accent,
        )
    elif clothes.pattern == 3:  # yoke
        t = np.linspace(0, np.pi, 20)
        yoke = np.stack([1.25 * np.cos(t), base + 0.1 + 0.62 * np.sin(t)], 1)
        layer.fill(
            scene.body(np.concatenate([[(1.25, base - 0.6)], yoke, [(-1.25, base - 0.6)]])), clothes.second
        )


def _shade_torso(scene: Scene, layer: Canvas) -> None:
    style, body = scene.character.style, scene.posed.body
    base, _ = neck_base(scene.character)
    centre = scene.body(np.array([(0.0, base + 0.6)]))[0]
    away = np.array([-style.light, 0.0]) * body.unit
    if scene.painted:
        layer.ramp(centre + away * 0.2, centre + away * 1.9, scene.inks.cloth_dark, 0.9)
        down = np.array([0.0, body.unit])
        layer.ramp(centre + 0.3 * down, centre + 1.6 * down, scene.inks.cloth_dark, 0.5)
    elif scene.cel:
        right = shoulder_line(scene.character)
        outline = scene.body(np.concatenate([right, (right * (-1, 1))[::-1]]))
        layer.fill_many([outline, outline - away * 0.22 + (0, 0.02 * body.unit)], scene.inks.cloth_dark)
        layer.fill(scene.face_outline + np.array((0.0, 0.34 * body.unit)), scene.inks.cloth_dark)


def _folds(scene: Scene) -> None:
    base, _ = neck_base(scene.character)
    wide = scene.character.clothes.shoulder_width
    for side in (-1, 1):
        arm = scene.body(
            np.array(
                [
                    (side * wide * 0.72, base + 3.0),
                    (side * wide * 0.72, base + 1.7),
                    (side * wide * 0.8, base + 1.15),
                ]
            )
        )
        curve = smooth(arm, 8)
        scene.canvas.fill(
            ribbon(curve, 0.035 * scene.unit * _FADE),
            scene.inks.cloth_line if scene.outline else scene.inks.cloth_dark,
        )
