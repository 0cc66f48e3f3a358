"""Neck, shoulders, clothes and raised arms."""

import numpy as np

from engine.types import CONTROL_INDEX
from models.training.characters.canvas import Canvas
from models.training.characters.colours import mix, shadow
from models.training.characters.curves import Array, ellipse, ribbon, smooth, smooth_closed
from models.training.characters.draw_head import face_outline
from models.training.characters.scene import Scene
from models.training.characters.spec import Collar


def _shoulder_line(scene: Scene) -> Array:
    """Return the right side of the chest from the neck outwards and down, ``(26, 2)`` head units."""
    base, neck = _base(scene)
    wide, drop = scene.character.clothes.shoulder_width, scene.character.clothes.shoulder_drop
    knots = np.array(
        [
            (neck * 1.02, base - 0.12),
            (neck * 1.2, base + 0.0),
            (0.45 * wide + 0.3 * neck, base + 0.4 * drop),
            (wide * 0.86, base + 0.78 * drop),
            (wide * 1.0, base + 1.25 * drop + 0.1),
            (wide * 1.06, base + 1.1 + drop),
            (wide * 1.1, base + 3.5),
        ]
    )
    return smooth(knots, 26)


def torso_outline(scene: Scene) -> tuple[Array, Array]:
    """Return the polygon of the clothes, and of it the neckline from picture left to right."""
    right = _shoulder_line(scene)
    line = _neckline(scene)
    right = np.concatenate([line[-1:], right[right[:, 0] > line[-1, 0] + 0.02]])
    return scene.body(np.concatenate([right, (right * (-1, 1))[::-1], line[1:-1]])), scene.body(line)


_BOWLS = {Collar.CREW: (1.06, 0.2), Collar.TANK: (1.75, 0.5), Collar.HOODIE: (1.1, 0.24)}
_POINTS = {Collar.VNECK: 0.75, Collar.SAILOR: 0.7, Collar.SHIRT: 0.32, Collar.SUIT: 0.3, Collar.KIMONO: 0.6}


def _neckline(scene: Scene) -> Array:
    """Return the edge of the clothes at the neck, picture left to right, head units."""
    base, width = _base(scene)
    kind = scene.character.clothes.collar
    line = _shoulder_line(scene)
    half = width * _BOWLS.get(kind, (1.1, 0.0))[0]
    top = float(np.interp(half, line[:, 0], line[:, 1]))
    if kind in _POINTS:
        return np.array(
            [(-half, top), (-0.03, base + _POINTS[kind]), (0.03, base + _POINTS[kind]), (half, top)]
        )
    depth = _BOWLS.get(kind, (0.0, 0.06))[1]
    t = np.linspace(np.pi, 0, 15)
    return np.stack([half * np.cos(t), top + depth * np.sin(t)], 1)


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
    return np.concatenate([smooth(right, 10), low[2:3], smooth(left, 10)])


def draw_neck(scene: Scene) -> None:
    """Draw the neck with the chin's shadow on it."""
    outline = neck_outline(scene)
    scene.canvas.fill(torso_outline(scene)[1], scene.character.face.skin)
    scene.canvas.fill(outline, scene.character.face.skin)
    style = scene.character.style
    if style.shade >= 0.15:  # noqa: PLR2004 - unshaded styles
        face, _ = face_outline(scene)
        fall = -scene.up() * 0.2 + np.array([-0.05 * style.light, 0]) * scene.unit
        with scene.canvas.clipped(outline, 0.8 if scene.painted else 1.0) as layer:
            layer.fill(face + fall, scene.inks.skin_dark)
    scene.canvas.stroke(outline, scene.inks.skin_line, scene.outline)


def draw_torso(scene: Scene) -> None:
    """Draw clothes over the chest; the neck is drawn before."""
    outline, neckline = torso_outline(scene)
    scene.canvas.fill(outline, scene.character.clothes.main)
    with scene.canvas.clipped(outline) as layer:
        _pattern(scene, layer)
        _shade_torso(scene, layer)
    scene.canvas.stroke(outline, scene.inks.cloth_line, scene.outline, closed=True)
    _folds(scene)
    _collar(scene, neckline)


def _base(scene: Scene) -> tuple[float, float]:
    clothes = scene.character.clothes
    return scene.character.face.chin + clothes.neck_length, clothes.neck_width


def _pattern(scene: Scene, layer: Canvas) -> None:
    clothes = scene.character.clothes
    base, _ = _base(scene)
    if clothes.pattern == 1:  # stripes
        for row in range(5):
            y = base + 0.5 + 0.34 * row
            band = np.array(
                [(-3, y - 0.1), (0, y + 0.06), (3, y - 0.1), (3, y + 0.05), (0, y + 0.21), (-3, y + 0.05)]
            )
            layer.fill(scene.body(band), clothes.second)
    elif clothes.pattern == 2:  # noqa: PLR2004 - a badge on the chest
        layer.fill(
            ellipse(scene.body(np.array([(0.75, base + 0.95)]))[0], 0.16 * scene.unit, 0.16 * scene.unit),
            clothes.accent,
        )
    elif clothes.pattern == 3:  # noqa: PLR2004 - yoke
        t = np.linspace(0, np.pi, 20)
        yoke = np.stack([1.25 * np.cos(t), base + 0.1 + 0.62 * np.sin(t)], 1)
        layer.fill(
            scene.body(np.concatenate([[(1.25, base - 0.6)], yoke, [(-1.25, base - 0.6)]])), clothes.second
        )


def _shade_torso(scene: Scene, layer: Canvas) -> None:
    style, body = scene.character.style, scene.posed.body
    base, _ = _base(scene)
    centre = scene.body(np.array([(0.0, base + 0.6)]))[0]
    away = np.array([-style.light, 0.0]) * body.unit
    if scene.painted:
        layer.ramp(centre + away * 0.2, centre + away * 1.9, scene.inks.cloth_dark, 0.9)
        layer.ramp(centre + (0, 0.3 * body.unit), centre + (0, 1.6 * body.unit), scene.inks.cloth_dark, 0.5)
    elif scene.cel:
        outline = scene.body(np.concatenate([_shoulder_line(scene), (_shoulder_line(scene) * (-1, 1))[::-1]]))
        layer.fill_many([outline, outline - away * 0.22 + (0, 0.02 * body.unit)], scene.inks.cloth_dark)
        layer.fill(face_outline(scene)[0] + (0.0, 0.34 * body.unit), scene.inks.cloth_dark)


def _folds(scene: Scene) -> None:
    base, _ = _base(scene)
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
            ribbon(curve, 0.035 * scene.unit * np.linspace(1, 0.05, 8)),
            scene.inks.cloth_line if scene.outline else scene.inks.cloth_dark,
        )


def _collar(scene: Scene, neckline: Array) -> None:
    match scene.character.clothes.collar:
        case Collar.CREW | Collar.TANK | Collar.VNECK:
            band = ribbon(neckline, np.full(len(neckline), 0.09 * scene.unit))
            scene.canvas.fill(band, scene.character.clothes.second)
        case Collar.SHIRT | Collar.SUIT:
            _shirt(scene)
        case Collar.HOODIE:
            _hood(scene)
        case Collar.TURTLENECK:
            _tube(scene, scene.character.clothes.main, 0.38)
        case Collar.SCARF:
            _tube(scene, scene.character.clothes.accent, 0.3)
        case Collar.SAILOR:
            _sailor(scene)
        case Collar.KIMONO:
            _kimono(scene)


def _plate(
    scene: Scene, points: list[tuple[float, float]], colour: tuple[int, int, int], *, both: bool = True
) -> None:
    """Fill a piece of cloth given right of the middle, and its mirror image, with outlines."""
    flat = np.array(points)
    for side in (-1, 1) if both else (1,):
        place = scene.body(flat * (side, 1))
        scene.canvas.fill(place, colour)
        scene.canvas.stroke(
            place, mix(shadow(colour, 0.9), scene.inks.cloth_line, 0.6), scene.outline, closed=True
        )


def _shirt(scene: Scene) -> None:
    base, width = _base(scene)
    clothes = scene.character.clothes
    if clothes.collar is Collar.SUIT:
        _plate(
            scene,
            [(0.0, base + 0.28), (0.5, base + 0.1), (0.3, base + 2.8), (0.0, base + 2.8)],
            clothes.second,
        )
        _plate(
            scene,
            [
                (0.0, base + 0.2),
                (0.1, base + 0.32),
                (0.06, base + 0.46),
                (0.15, base + 1.5),
                (0.0, base + 1.7),
            ],
            clothes.accent,
        )
        _plate(
            scene,
            [
                (width * 1.25, base - 0.1),
                (0.86, base + 0.62),
                (0.6, base + 0.72),
                (0.68, base + 0.86),
                (0.1, base + 2.2),
                (0.42, base + 0.6),
            ],
            clothes.main,
        )
    collar = [
        (width * 1.0, base - 0.2),
        (width * 1.24, base + 0.02),
        (width * 1.05, base + 0.5),
        (0.05, base + 0.26),
        (width * 0.6, base + 0.14),
    ]
    _plate(scene, collar, clothes.second)


def _hood(scene: Scene) -> None:
    base, width = _base(scene)
    clothes = scene.character.clothes
    knots = np.array(
        [
            (width * 1.0, base - 0.22),
            (width * 1.7, base - 0.16),
            (width * 2.1, base + 0.16),
            (0.5, base + 0.5),
            (0.0, base + 0.52),
            (0.0, base + 0.3),
            (width * 0.8, base + 0.16),
        ]
    )
    _plate(
        scene, [tuple(point) for point in smooth_closed(knots, 4)], mix(clothes.main, clothes.second, 0.12)
    )
    for side in (-1, 1):
        cord = scene.body(
            np.array([(side * 0.3, base + 0.42), (side * 0.33, base + 0.8), (side * 0.3, base + 1.15)])
        )
        scene.canvas.fill(ribbon(smooth(cord, 8), np.full(8, 0.05 * scene.unit)), clothes.second)


def _tube(scene: Scene, colour: tuple[int, int, int], height: float) -> None:
    base, width = _base(scene)
    t = np.linspace(0, np.pi, 12)
    wide = width * (1.12 if height > 0.35 else 1.5)  # noqa: PLR2004 - turtleneck or scarf
    low = np.stack([wide * 1.12 * np.cos(t), base + 0.06 + 0.16 * np.sin(t)], 1)
    high = np.stack([wide * np.cos(t[::-1]), base + 0.02 - height + 0.12 * np.sin(t[::-1])], 1)
    place = scene.body(np.concatenate([low, high]))
    scene.canvas.fill(place, colour)
    scene.canvas.fill(
        ribbon(scene.body(high[::-1]), np.full(12, 0.05 * scene.unit), -1.0), shadow(colour, 0.5)
    )
    scene.canvas.stroke(
        place, mix(shadow(colour, 0.9), scene.inks.cloth_line, 0.5), scene.outline, closed=True
    )


def _sailor(scene: Scene) -> None:
    base, width = _base(scene)
    clothes = scene.character.clothes
    _plate(
        scene,
        [
            (width * 1.1, base - 0.12),
            (width * 2.3, base + 0.2),
            (width * 2.2, base + 0.75),
            (0.02, base + 1.05),
            (width * 1.0, base + 0.1),
        ],
        clothes.second,
    )
    trim = scene.body(np.array([(-width * 2.0, base + 0.66), (0.0, base + 0.93), (width * 2.0, base + 0.66)]))
    scene.canvas.stroke(trim, clothes.accent, 1.0)
    _plate(
        scene,
        [(0.0, base + 0.98), (0.42, base + 0.84), (0.46, base + 1.2), (0.0, base + 1.08)],
        clothes.accent,
    )


def _kimono(scene: Scene) -> None:
    base, width = _base(scene)
    clothes = scene.character.clothes
    under = np.array(
        [
            (-width, base - 0.2),
            (-width * 1.5, base - 0.02),
            (-0.34, base + 0.9),
            (0.0, base + 1.0),
            (0.1, base + 0.66),
        ]
    )
    over = np.array(
        [
            (width, base - 0.2),
            (width * 1.5, base - 0.02),
            (0.3, base + 1.0),
            (-0.75, base + 3.2),
            (-1.15, base + 3.2),
            (-0.05, base + 0.7),
        ]
    )
    for flat in (under, over):
        place = scene.body(flat)
        scene.canvas.fill(place, clothes.second)
        scene.canvas.stroke(place, scene.inks.cloth_line, scene.outline, closed=True)


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
