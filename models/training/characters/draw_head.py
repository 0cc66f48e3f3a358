"""Head, ears, shading of the face, hair."""

import numpy as np

from models.training.characters.canvas import Canvas
from models.training.characters.colours import mix, shadow
from models.training.characters.curves import Array, bezier, ellipse, ribbon, smooth, smooth_closed, taper
from models.training.characters.draw_beard import draw_beard
from models.training.characters.hair_shapes import hair_shapes
from models.training.characters.kinds import EarKind
from models.training.characters.outlines import skull
from models.training.characters.scene import Scene


def draw_skull(scene: Scene) -> None:
    """Draw the back of the head."""
    outline = scene.posed.head.place(skull(scene.character), 1.0)
    scene.canvas.fill(
        outline, scene.inks.skin_dark if hair_shapes(scene.character).cap else scene.character.face.skin
    )
    if hair_shapes(scene.character).cap is None:
        scene.canvas.stroke(outline, scene.inks.skin_line, scene.outline, closed=True)


def _ear_shape(kind: EarKind, size: float) -> Array:
    if kind is EarKind.ELF:
        knots = [(0.94, 0.0), (1.15, -0.16), (1.62, -0.42), (1.4, 0.05), (1.12, 0.4), (0.96, 0.45)]
    else:
        knots = [(0.95, 0.02), (1.08, -0.1), (1.18, 0.04), (1.14, 0.3), (1.03, 0.47), (0.95, 0.42)]
    return (np.array(knots) - (0.95, 0.2)) * size + (0.95, 0.2)


def draw_ears(scene: Scene) -> None:
    """Draw the ears at the side of the head."""
    extras, head = scene.character.extras, scene.posed.head
    for side in (-1, 1):
        if extras.ears is EarKind.ROBOT:
            _robot_ear(scene, side)
            continue
        if extras.ears not in (EarKind.HUMAN, EarKind.ELF):
            continue
        knots = _ear_shape(extras.ears, extras.ear_size)
        flat = smooth_closed(knots, 6)
        outline = head.place(np.column_stack([flat * (side, 1), np.full(len(flat), -0.08)]), 0.25)
        scene.canvas.fill(outline, scene.character.face.skin)
        inner = (flat - (1.05, 0.17)) * 0.55 + (1.07, 0.18)
        fold = head.place(np.column_stack([inner * (side, 1), np.full(len(inner), -0.05)]), 0.25)
        scene.canvas.fill(fold, scene.inks.skin_dark)
        scene.canvas.stroke(outline, scene.inks.skin_line, scene.outline, closed=True)
        if extras.earrings:
            lobe = head.place(np.array([(side * 1.06, 0.5, -0.05)]), 0.25)[0]
            scene.canvas.fill(ellipse(lobe, 0.06 * scene.unit, 0.06 * scene.unit), extras.second)


def _robot_ear(scene: Scene, side: int) -> None:
    head, extras = scene.posed.head, scene.character.extras
    for wide, tall, colour in ((0.2, 0.3, shadow(extras.colour, 0.5)), (0.13, 0.2, extras.colour)):
        centre = head.place(np.array([(side * 1.03, 0.18, -0.05)]), 0.3)[0]
        scene.canvas.fill(ellipse(centre, wide * scene.unit, tall * scene.unit), colour)
    mast = head.place(np.array([(side * 1.08, 0.1, -0.05), (side * 1.2, -0.75, -0.05)]), 0.3)
    scene.canvas.fill(ribbon(mast, np.array([0.07, 0.04]) * scene.unit), shadow(extras.colour, 0.6))
    scene.canvas.fill(ellipse(mast[1], 0.07 * scene.unit, 0.07 * scene.unit), extras.second)


def draw_top_ears(scene: Scene) -> None:
    """Draw animal ears on top of the head."""
    kind = scene.character.extras.ears
    if kind not in (EarKind.CAT, EarKind.FOX, EarKind.BEAR, EarKind.RABBIT):
        return
    top, fur = scene.character.face.top, scene.character.hair.colour
    for side in (-1, 1):
        outer, inner = _animal_ear(kind, top, scene.character.extras.ear_size)
        for flat, colour, z in ((outer, fur, 0.0), (inner, mix(fur, (246, 176, 176), 0.7), 0.06)):
            place = scene.posed.head.place(np.column_stack([flat * (side, 1), np.full(len(flat), z)]), 0.7)
            scene.canvas.fill(place, colour)
            if z == 0.0:
                scene.canvas.stroke(place, scene.inks.hair_line, scene.outline, closed=True)


def _animal_ear(kind: EarKind, top: float, size: float) -> tuple[Array, Array]:
    root_in, root_out = np.array([0.2, -top - 0.02]), np.array([0.98, -top * 0.5])
    reach = {
        EarKind.CAT: (0.92, -top - 0.5),
        EarKind.FOX: (1.0, -top - 0.72),
        EarKind.RABBIT: (0.62, -top - 1.0),
    }
    if kind is EarKind.BEAR:
        ball = ellipse(np.array([0.72, -top * 0.86]), 0.34 * size, 0.34 * size)
        return ball, (ball - (0.72, -top * 0.86)) * 0.6 + (0.72, -top * 0.86)
    tip = np.array([root_in[0], 0]) * 0 + reach[kind] * np.array([1.0, 1.0])
    tip = 0.5 * (root_in + root_out) + (tip - 0.5 * (root_in + root_out)) * size
    bulge = 0.16 if kind is EarKind.RABBIT else 0.05
    left = bezier(root_in, 0.5 * (root_in + tip) + (-bulge, -0.04), tip, 8)
    right = bezier(tip, 0.5 * (root_out + tip) + (bulge, -0.04), root_out, 8)
    outer = np.concatenate([left, right[1:]])
    middle = np.array([0.5 * (root_in[0] + root_out[0]), 0.55 * (root_in[1] + root_out[1])])
    return outer, (outer - middle) * 0.62 + middle


def draw_face(scene: Scene) -> None:
    """Draw the face with its shading (no features)."""
    outline = scene.face_outline
    scene.canvas.fill(outline, scene.character.face.skin)
    with scene.canvas.clipped(outline) as layer:
        _shade_face(scene, layer, outline)
        _blush(scene, layer)
        _hair_shadow(scene, layer)
        draw_beard(scene, layer)
    scene.canvas.stroke(scene.jaw, scene.inks.skin_line, scene.outline)
    _skin_details(scene)


def _shade_face(scene: Scene, layer: Canvas, outline: Array) -> None:
    style, unit = scene.character.style, scene.unit
    centre = outline.mean(0)
    away = np.array([-style.light, 0.0])
    if scene.cel:
        hole = centre + (outline - centre) * (0.96, 0.985) - away * 0.13 * unit + scene.up() * 0.05
        layer.fill_many([outline, hole], scene.inks.skin_dark)
    elif scene.painted:
        layer.ramp(
            centre + away * 0.1 * unit,
            centre + away * 1.1 * unit - scene.up() * 0.3,
            scene.inks.skin_dark,
            0.95,
        )
        layer.ramp(centre - scene.up() * 0.55, centre - scene.up() * 1.3, scene.inks.skin_dark, 0.6)
        layer.glow(
            centre - away * 0.3 * unit + scene.up() * 0.1,
            (0.6 * unit, 0.5 * unit),
            scene.inks.skin_light,
            0.5,
        )
        nose = scene.points(16, 17)[0]
        layer.glow(nose, (0.16 * unit, 0.13 * unit), scene.character.face.blush, 0.25)
        layer.glow(nose + scene.up() * 0.12, (0.05 * unit, 0.09 * unit), scene.inks.skin_light, 0.6)


def _blush(scene: Scene, layer: Canvas) -> None:
    face, eyes = scene.character.face, scene.character.eyes
    if face.blush_strength <= 0:
        return
    spots = scene.face(np.array([(-0.55, eyes.y + eyes.lower + 0.2), (0.55, eyes.y + eyes.lower + 0.2)]))
    for spot in spots:
        layer.glow(spot, (0.2 * scene.unit, 0.12 * scene.unit), face.blush, face.blush_strength)


def _hair_shadow(scene: Scene, layer: Canvas) -> None:
    cap = hair_shapes(scene.character).cap
    style = scene.character.style
    if cap is None or style.shade < 0.15:  # unshaded styles drop it
        return
    fall = -scene.up() * 0.1 + np.array([-style.light * 0.04, 0.0]) * scene.unit
    place = scene.shape(cap) + fall
    if scene.painted:
        layer.haze(place + 0.4 * fall, 0.06 * scene.unit, scene.inks.skin_dark, 0.8)
    else:
        layer.fill(place, scene.inks.skin_dark)


def _skin_details(scene: Scene) -> None:
    face, eyes = scene.character.face, scene.character.eyes
    if face.freckles > 0:
        rng = np.random.default_rng(scene.character.hair.seed + 9)
        count = round(6 + 14 * face.freckles)
        x = rng.normal(0, 0.16, count) + 0.48 * rng.choice((-1, 1), count)
        spots = np.stack([x, eyes.y + eyes.lower + 0.14 + rng.normal(0, 0.07, count)], 1)
        ink = mix(face.skin, (150, 84, 60), 0.45)
        for place in scene.face(spots):
            scene.canvas.fill(ellipse(place, 0.018 * scene.unit, 0.016 * scene.unit, 8), ink)
    if face.mole:
        place = scene.face(np.array([(face.mole * 0.34, scene.character.mouth.y - 0.1)]))[0]
        scene.canvas.fill(ellipse(place, 0.022 * scene.unit, 0.022 * scene.unit, 10), scene.inks.feature)
    if scene.character.extras.ears is EarKind.ROBOT:
        _seams(scene)
    if scene.character.extras.scar:
        line = scene.face(np.array([(0.62, eyes.y - 0.4), (0.52, eyes.y), (0.5, eyes.y + 0.38)]))
        scene.canvas.fill(
            ribbon(smooth(line, 8), 0.035 * scene.unit * taper(8)), mix(face.skin, (200, 80, 80), 0.5)
        )


def _seams(scene: Scene) -> None:
    """Draw a robot's face plates, bolts and lamp."""
    face, mouth, extras = scene.character.face, scene.character.mouth, scene.character.extras
    for side in (-1, 1):
        x = side * (mouth.width + 0.16)
        jaw = scene.face(
            np.array([(x, mouth.y - 0.1), (x * 1.02, 0.5 * (mouth.y + face.chin)), (x, face.chin)])
        )
        scene.canvas.fill(ribbon(smooth(jaw, 8), np.full(8, 0.022 * scene.unit)), scene.inks.skin_line)
        bolt = scene.face(np.array([(side * 0.7, mouth.y - 0.12)]))[0]
        scene.canvas.fill(ellipse(bolt, 0.045 * scene.unit, 0.045 * scene.unit, 16), scene.inks.skin_line)
        scene.canvas.fill(ellipse(bolt, 0.025 * scene.unit, 0.025 * scene.unit, 12), scene.inks.skin_light)
    lamp = scene.face(np.array([(0.0, scene.character.eyes.y - 0.5)]))[0]
    scene.canvas.fill(ellipse(lamp, 0.075 * scene.unit, 0.075 * scene.unit, 20), scene.inks.skin_line)
    scene.canvas.fill(ellipse(lamp, 0.05 * scene.unit, 0.05 * scene.unit, 16), extras.second)
