"""Eyes and brows. Lids and pupils follow the control points exactly."""

import numpy as np

from engine.types import CONTROL_INDEX
from models.training.characters.colours import adjust, light, mix
from models.training.characters.curves import Array, ribbon, smooth, taper
from models.training.characters.scene import Scene
from models.training.characters.spec import Rgb

_SAMPLES = 20
_LASH = 0.35 + 0.65 * np.linspace(0, 1, _SAMPLES) ** 0.8  # thickness from the inner to the outer corner


def _lids(scene: Scene, side: int) -> tuple[Array, Array]:
    """Return the upper and the lower lid's curves through the control points, picture left to right."""
    first = CONTROL_INDEX["eye_left_0" if side < 0 else "eye_right_0"]
    ring = scene.points(first, first + 8)
    upper = smooth(ring[:5], _SAMPLES)
    lower = smooth(np.concatenate([ring[:1], ring[:3:-1]]), _SAMPLES)
    return upper, lower


def _disc(scene: Scene, centre: Array, radius_x: float, radius_y: float) -> Array:
    """Return an ellipse that is turned and narrowed with the head; radii in head units."""
    across, down = scene.turned
    return centre + across * radius_x + down * radius_y


def _iris(layer: Scene, centre: Array, colour: Rgb) -> None:
    eyes, canvas = layer.character.eyes, layer.canvas
    wide, tall = eyes.iris, eyes.iris * eyes.iris_tall
    up = layer.up()
    rim = adjust(colour, saturation=1.15, value=0.42)
    deep = adjust(colour, saturation=1.1, value=0.62)
    canvas.fill(_disc(layer, centre, wide, tall), rim)
    canvas.fill(_disc(layer, centre, wide * 0.88, tall * 0.9), deep)
    # Light gathers at the bottom of the iris: rings that sink and brighten.
    for share, sink, bright in ((0.8, 0.12, 0.0), (0.66, 0.26, 0.28), (0.46, 0.42, 0.5)):
        ring = _disc(layer, centre - up * sink * tall, wide * share, tall * share * 0.86)
        canvas.fill(ring, light(colour, bright) if bright else colour)
    canvas.fill(_disc(layer, centre, wide * eyes.pupil, tall * eyes.pupil), adjust(colour, value=0.16))


def _glints(layer: Scene, centre: Array) -> None:
    eyes, style = layer.character.eyes, layer.character.style
    up = layer.up()
    across = np.array([-up[1], up[0]]) * style.light
    wide, tall = eyes.iris, eyes.iris * eyes.iris_tall
    spots = ((0.42, 0.42, 0.3), (-0.4, -0.45, 0.16), (-0.1, 0.62, 0.1))
    for along, rise, radius in spots[: eyes.glints]:
        place = centre + across * along * wide + up * rise * tall
        layer.canvas.fill(_disc(layer, place, wide * radius, wide * radius * 1.15), (255, 255, 255))


def _ball(scene: Scene, side: int, upper: Array, lower: Array) -> None:
    """Draw what is seen between the lids."""
    opening = np.concatenate([upper, lower[::-1]])
    gap = np.abs(upper - lower).max() * scene.canvas.scale
    if gap < 0.5:  # pixels; a closed eye shows its lash line only
        return
    skin, eyes = scene.character.face.skin, scene.character.eyes
    white = mix((252, 252, 255), skin, 0.06)
    centre = scene.points(CONTROL_INDEX["pupil_left"], CONTROL_INDEX["pupil_right"] + 1)[0 if side < 0 else 1]
    with scene.canvas.clipped(opening) as canvas:
        canvas.pixels[:] = (*white, 255)
        layer = scene.on(canvas)
        _iris(layer, centre, eyes.colour_left if side < 0 else eyes.colour_right)
        if not scene.character.style.shade < 0.2:  # no lid shadow in nearly unshaded styles
            _lid_shadow(layer, upper)
        _glints(layer, centre)


def _lid_shadow(layer: Scene, upper: Array) -> None:
    depth = layer.up() * 0.3 * layer.character.eyes.upper
    band = np.concatenate([upper + layer.up() * 0.1, (upper - depth)[::-1]])
    layer.canvas.veil(band, (74, 60, 100), 0.38 * layer.character.style.shade + 0.1)


def _lashes(scene: Scene, side: int, upper: Array, lower: Array) -> None:
    eyes, canvas = scene.character.eyes, scene.canvas
    ink = mix(scene.inks.feature, (24, 18, 26), 0.6)
    outer_last = side > 0
    profile = _LASH if outer_last else _LASH[::-1]
    width = eyes.lash * scene.unit
    curve = upper
    if eyes.wing > 0:
        corner, before = (upper[-1], upper[-4]) if outer_last else (upper[0], upper[3])
        along = corner - before
        flick = (
            corner
            + eyes.wing * scene.unit * along / max(np.hypot(*along), 1e-6)
            + scene.up() * eyes.wing * 0.7
        )
        root = ribbon(np.stack([corner, flick]), np.array([0.9, 0.05]) * width, 0.0)
        canvas.fill(root, ink)
    canvas.fill(ribbon(curve, width * profile, 1.0), ink)
    for index in range(eyes.lashes):
        at = (3 + 3 * index) if not outer_last else (_SAMPLES - 4 - 3 * index)
        sideways = np.array([-scene.up()[1], scene.up()[0]]) * (0.75 - 0.2 * index) * side
        end = upper[at] + 1.9 * eyes.lash * (scene.up() + sideways)
        canvas.fill(ribbon(np.stack([upper[at], end]), np.array([0.55, 0.05]) * width), ink)
    thin = 0.3 * width * taper(_SAMPLES, 0.1, 0.1)
    canvas.fill(ribbon(lower, thin, -1.0), mix(ink, scene.character.face.skin, 0.35))


def _crease(scene: Scene, upper: Array, lower: Array) -> None:
    eyes = scene.character.eyes
    gap = float(np.abs(upper - lower).max() / scene.unit)
    if not eyes.crease:
        return
    lift = scene.up() * (0.05 + eyes.lash + 0.05 * min(gap / max(eyes.upper, 0.05), 1.0))
    fold = upper[3:-3] + lift
    ink = mix(scene.inks.skin_dark, scene.inks.feature, 0.5)
    scene.canvas.fill(ribbon(fold, 0.016 * scene.unit * taper(len(fold))), ink)


def _eyeshadow(scene: Scene, upper: Array, lower: Array) -> None:
    colour = scene.character.eyes.shadow
    if colour is None:
        return
    lid = np.concatenate([lower, (upper + scene.up() * 0.11)[::-1]])
    scene.canvas.veil(lid, colour, 0.4)


def draw_eye(scene: Scene, side: int) -> None:
    """Draw one eye; ``side`` -1 picture left, 1 right."""
    upper, lower = _lids(scene, side)
    _eyeshadow(scene, upper, lower)
    _ball(scene, side, upper, lower)
    _crease(scene, upper, lower)
    _lashes(scene, side, upper, lower)


def draw_brow(scene: Scene, side: int) -> None:
    """Draw one brow along its three control points."""
    first = CONTROL_INDEX["brow_left_0" if side < 0 else "brow_right_0"]
    curve = smooth(scene.points(first, first + 3), 12)
    inner = (0.75, 0.1) if side > 0 else (0.1, 0.75)
    brows = scene.character.brows
    width = brows.thickness * scene.unit * taper(12, *inner, 0.7)
    scene.canvas.fill(ribbon(curve, width), brows.colour)
