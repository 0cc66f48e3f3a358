"""Raised arms and hands."""

import numpy as np

from engine.types import CONTROL_INDEX
from models.training.characters.curves import Array, ribbon, smooth, smooth_closed
from models.training.characters.scene import Scene


def draw_arms(scene: Scene) -> None:
    """Draw raised arms and hands, in front of everything."""
    act = scene.posed.act
    for side, name, share in ((-1, "left", act.arm_left), (1, "right", act.arm_right)):
        if share > 0:
            _arm(scene, side, name)


def arm_outlines(scene: Scene, name: str) -> tuple[Array, Array]:
    """Return the sleeve's polygon and the hand's middle line end points ``(2, 2)`` (wrist, finger tips)."""
    shoulder, elbow, wrist = (
        scene.points(CONTROL_INDEX[f"{part}_{name}"], CONTROL_INDEX[f"{part}_{name}"] + 1)[0]
        for part in ("shoulder", "elbow", "wrist")
    )
    unit = scene.unit
    knots = np.stack([shoulder, 0.5 * (shoulder + elbow), elbow, 0.5 * (elbow + wrist), wrist])
    width = np.linspace(0.62, 0.4, 20) * unit
    sleeve = ribbon(smooth(knots, 20), width)
    along = wrist - elbow
    tips = wrist + along / max(float(np.hypot(*along)), 1e-6) * 0.72 * unit
    return sleeve, np.stack([wrist, tips])


def _arm(scene: Scene, side: int, name: str) -> None:
    sleeve, hand = arm_outlines(scene, name)
    for polygon in hand_polygons(scene, hand, side):
        scene.canvas.fill(polygon, scene.character.face.skin)
        scene.canvas.stroke(polygon, scene.inks.skin_line, scene.outline, closed=True)
    scene.canvas.fill(sleeve, scene.character.clothes.main)
    scene.canvas.stroke(sleeve, scene.inks.cloth_line, scene.outline, closed=True)


def hand_polygons(scene: Scene, hand: Array, side: int) -> list[Array]:
    """Return fingers, thumb and palm of an open hand."""
    unit, axis = scene.unit, hand[1] - hand[0]
    axis = axis / max(float(np.hypot(*axis)), 1e-6)
    across = np.array([-axis[1], axis[0]])
    root = hand[0] + axis * 0.32 * unit
    fingers = []
    for index, spread in enumerate((-0.24, -0.08, 0.08, 0.24)):
        start = root + across * spread * 0.8 * unit
        length = (0.34, 0.4, 0.38, 0.3)[index] * unit
        tip = start + (axis + across * spread * 0.9) * length
        fingers.append(_capsule(start, tip, 0.075 * unit))
    thumb = hand[0] + axis * 0.2 * unit - across * side * 0.2 * unit
    fingers.append(_capsule(thumb, thumb + (axis * 0.2 - across * side * 0.16) * unit, 0.08 * unit))
    palm = smooth_closed(
        np.stack(
            [
                hand[0] + across * 0.17 * unit,
                root + across * 0.25 * unit,
                root + axis * 0.1 * unit,
                root - across * 0.25 * unit,
                hand[0] - across * 0.17 * unit,
            ]
        )
    )
    return [*fingers, palm]


def _capsule(start: Array, end: Array, radius: float) -> Array:
    axis = end - start
    angle = np.arctan2(axis[1], axis[0])
    arc = np.linspace(-np.pi / 2, np.pi / 2, 8) + angle
    cap = np.stack([np.cos(arc), np.sin(arc)], 1) * radius
    return np.concatenate([end + cap, start - cap])
