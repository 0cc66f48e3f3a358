"""The mouth. Lips follow the control points exactly."""

import numpy as np

from engine.types import CONTROL_INDEX
from models.training.characters.canvas import Canvas
from models.training.characters.colours import light, mix
from models.training.characters.curves import Array, ellipse, ribbon, smooth, taper
from models.training.characters.scene import Scene

_SAMPLES = 20


def _lip_curves(scene: Scene, name: str) -> tuple[Array, Array]:
    """Return the upper and lower curve of ``lip_outer`` or ``lip_inner``, picture left to right."""
    first = CONTROL_INDEX[f"{name}_0"]
    ring = scene.points(first, first + 8)
    return smooth(ring[:5], _SAMPLES), smooth(np.concatenate([ring[:1], ring[:3:-1]]), _SAMPLES)


def _lips(scene: Scene, outer: tuple[Array, Array], inner: tuple[Array, Array]) -> None:
    mouth, skin = scene.character.mouth, scene.character.face.skin
    if mouth.painted_lips <= 0:
        return
    colour = mix(skin, mouth.lip, mouth.painted_lips)
    scene.canvas.fill(np.concatenate([outer[0], inner[0][::-1]]), mix(colour, scene.inks.skin_dark, 0.25))
    scene.canvas.fill(np.concatenate([inner[1], outer[1][::-1]]), colour)
    shine = 0.5 * (inner[1] + outer[1])[7:13]
    width = np.abs(inner[1] - outer[1])[7:13].max() * 0.3 * taper(len(shine))
    scene.canvas.fill(ribbon(shine, width), light(colour, 0.35))


def _inside(scene: Scene, canvas: Canvas, upper: Array, lower: Array) -> None:
    """Draw teeth and tongue; the caller clips."""
    gap = float(np.hypot(*(lower - upper).T).max())
    unit, up = scene.unit, scene.up()
    canvas.pixels[:] = (*mix((110, 34, 44), scene.inks.feature, 0.25), 255)
    middle = 0.5 * (lower[len(lower) // 2] + upper[len(upper) // 2])
    half = 0.5 * float(np.hypot(*(upper[-1] - upper[0])))
    tongue = middle - up / unit * (0.55 * gap)
    canvas.fill(ellipse(tongue, half * 0.62, gap * 0.5), (226, 112, 116))
    drop = min(0.3 * gap, 0.085 * unit)
    teeth = np.concatenate([upper + up * 0.05, (upper - up / unit * drop)[::-1]])
    canvas.fill(teeth, (252, 250, 246))
    low = min(0.12 * gap, 0.04 * unit)
    if gap > 0.24 * unit:
        canvas.fill(np.concatenate([lower - up * 0.05, (lower + up / unit * low)[::-1]]), (238, 232, 228))
    if scene.character.mouth.fang:
        root = upper[14]
        side = np.array([0.035 * unit, 0.0])
        fang = np.stack([root - side, root + side, root - up * 0.1])
        canvas.fill(fang, (255, 255, 255))


def draw_mouth(scene: Scene) -> None:
    """Draw lips, the inside where the mouth is open, and the line between the lips."""
    outer, inner = _lip_curves(scene, "lip_outer"), _lip_curves(scene, "lip_inner")
    _lips(scene, outer, inner)
    gap = float(np.hypot(*(inner[1] - inner[0]).T).max()) * scene.canvas.scale
    if gap > 0.5:  # pixels
        with scene.canvas.clipped(np.concatenate([inner[0], inner[1][::-1]])) as canvas:
            _inside(scene, canvas, *inner)
    ink, unit = scene.inks.feature, scene.unit
    profile = taper(_SAMPLES, 0.45, 0.45)
    scene.canvas.fill(ribbon(inner[0], 0.034 * unit * profile), ink)
    if gap > 1:
        scene.canvas.fill(ribbon(inner[1], 0.02 * unit * profile), ink)
    if scene.character.mouth.painted_lips <= 0 and scene.character.mouth.lower_lip > 0:
        under = outer[1][7:13] - scene.up() * 0.03
        scene.canvas.fill(ribbon(under, 0.022 * unit * taper(len(under))), scene.inks.skin_dark)
