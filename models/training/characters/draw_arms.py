"""Raised arms and hands."""

import numpy as np

from engine.types import CONTROL_INDEX
from models.training.characters.colours import mix
from models.training.characters.curves import Array, ellipse, ribbon, smooth_closed
from models.training.characters.scene import Scene
from models.training.characters.spec import Rgb


def draw_arms(scene: Scene) -> None:
    """Draw raised arms and hands, in front of everything."""
    act = scene.posed.act
    for side, name, share in ((-1, "left", act.arm_left), (1, "right", act.arm_right)):
        if share > 0:
            _arm(scene, side, name)


def _joints(scene: Scene, side: int, name: str) -> Array:
    """Return shoulder joint, elbow and wrist ``(3, 2)``; the joint lies inside the shoulder's outline."""
    rows = [CONTROL_INDEX[f"{part}_{name}"] for part in ("shoulder", "elbow", "wrist")]
    joints = np.concatenate([scene.points(row, row + 1) for row in rows])
    joints[0] += np.array([-0.14 * side, 0.26]) * scene.unit
    return joints


def _cloth(scene: Scene, side: int) -> Rgb:
    """Return the sleeve's colour: darker on the side that the light does not reach, as on the chest."""
    main = scene.character.clothes.main
    shaded = scene.painted and side != scene.character.style.light
    return mix(main, scene.inks.cloth_dark, 0.6) if shaded else main


def _limb(scene: Scene, line: Array, widths: tuple[float, float], colour: Rgb) -> None:
    """Draw half a sleeve along ``line (2, 2)``, round at its start, with an outline along its sides only."""
    half = 0.5 * widths[0] * scene.unit
    scene.canvas.fill(ellipse(line[0], half, half), colour)
    quad = ribbon(line, np.array(widths) * scene.unit)
    scene.canvas.fill(quad, colour)
    for edge in (quad[:2], quad[2:]):
        scene.canvas.stroke(edge, scene.inks.cloth_line, scene.outline)


def _arm(scene: Scene, side: int, name: str) -> None:
    shoulder, elbow, wrist = _joints(scene, side, name)
    colour = _cloth(scene, side)
    _limb(scene, np.stack([shoulder, elbow]), (0.62, 0.54), colour)
    _limb(scene, np.stack([elbow, wrist]), (0.54, 0.4), colour)
    # The elbow's bend: cloth without a line through it.
    scene.canvas.fill(ellipse(elbow, 0.24 * scene.unit, 0.24 * scene.unit), colour)
    along = (wrist - elbow) / max(float(np.hypot(*(wrist - elbow))), 1e-6) * scene.unit
    for polygon in hand_polygons(scene, np.stack([wrist, wrist + 0.72 * along]), side):
        scene.canvas.fill(polygon, scene.character.face.skin)
        scene.canvas.stroke(polygon, scene.inks.skin_line, scene.outline, closed=True)
    cuff = ribbon(np.stack([wrist - 0.065 * along, wrist + 0.065 * along]), np.full(2, 0.44) * scene.unit)
    scene.canvas.fill(cuff, scene.inks.cloth_dark)
    scene.canvas.stroke(cuff, scene.inks.cloth_line, scene.outline, closed=True)


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
