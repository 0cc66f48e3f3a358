"""Glasses, hats, hair pins: what is worn on the head."""

import numpy as np

from models.training.characters.colours import light, mix, shadow
from models.training.characters.curves import Array, bezier, ellipse, ribbon, smooth_closed, unit_circle
from models.training.characters.kinds import GlassesKind, HatKind, PinKind
from models.training.characters.rig import dome
from models.training.characters.scene import Scene
from models.training.characters.spec import Rgb


def _place(scene: Scene, flat: Array, z: Array | float, cling: float = 0.0) -> Array:
    return scene.posed.head.place(np.column_stack([flat, np.broadcast_to(z, len(flat))]), cling)


def _piece(scene: Scene, flat: Array, colour: Rgb, *, z: float = 0.0, cling: float = 1.0) -> Array:
    place = _place(scene, flat, z, cling)
    scene.canvas.fill(place, colour)
    scene.canvas.stroke(place, shadow(shadow(colour, 0.9), 0.8), scene.outline, closed=True)
    return place


def _lens(kind: GlassesKind, x: float, y: float, width: float, height: float) -> Array:
    circle = unit_circle(28)
    shape = circle if kind is GlassesKind.ROUND else np.sign(circle) * np.abs(circle) ** 0.5
    return shape * (width, height) + (x, y)


def draw_glasses(scene: Scene) -> None:
    """Draw glasses in front of the eyes."""
    kind, eyes, extras = scene.character.extras.glasses, scene.character.eyes, scene.character.extras
    if kind is GlassesKind.NONE:
        return
    width = min(eyes.width * 1.32, eyes.x - 0.06)
    height = width * (1.0 if kind is GlassesKind.ROUND else 0.78)
    y = eyes.y - 0.3 * (eyes.upper - eyes.lower) + 0.03
    frame = extras.colour
    thick = max(1.2, 9.0 * scene.unit)
    for side in (-1, 1):
        rim = _lens(kind, side * eyes.x, y, width, height)
        rim = rim if kind is not GlassesKind.HALF else rim[(rim[:, 1] > y - 0.2 * height).nonzero()[0]]
        place = _place(scene, rim, dome(np.array([side * eyes.x]), np.array([y])) + 0.1)
        if kind is GlassesKind.SHADES:
            scene.canvas.fill(place, mix(frame, (24, 22, 34), 0.7))
        else:
            _glass(scene, place)
        scene.canvas.stroke(place, frame, thick, closed=kind is not GlassesKind.HALF)
        temple = np.array([(side * (eyes.x + width), y - 0.05), (side * 1.0, y - 0.06)])
        scene.canvas.stroke(_place(scene, temple, np.array([0.42, -0.05])), frame, thick)
    bridge = bezier(
        np.array([-eyes.x + width, y]), np.array([0.0, y - 0.12]), np.array([eyes.x - width, y]), 8
    )
    scene.canvas.stroke(_place(scene, bridge, 0.58), frame, thick)


def _glass(scene: Scene, lens: Array) -> None:
    with scene.canvas.clipped(lens, 0.16) as layer:
        low, high = lens.min(0), lens.max(0)
        streak = np.array([(0.2, 0.0), (0.5, 0.0), (0.2, 1.0), (-0.1, 1.0)]) * (high - low) + low
        layer.fill(streak, (255, 255, 255))


def _crown_arc(scene: Scene, low: float, wide: float, tall: float) -> Array:
    """Outline of something over the head, from the right over the top to the left."""
    angle = np.linspace(0, -np.pi, 26)
    grow = scene.character.hair.volume
    return np.stack(
        [
            (1.0 + 0.7 * grow + wide) * np.cos(angle),
            low + (scene.character.face.top + grow + low + tall) * np.sin(angle),
        ],
        1,
    )


def _band(y: float, half: float, height: float, sag: float) -> Array:
    t = np.linspace(-1, 1, 16)
    upper = np.stack([half * t, y + sag * (1 - t**2)], 1)
    return np.concatenate([upper, upper[::-1] + np.array((0.0, height))])


def _beanie(scene: Scene) -> None:
    extras = scene.character.extras
    dome_ = _crown_arc(scene, -0.38, 0.06, 0.12)
    _piece(scene, dome_, extras.colour, z=-0.02)
    half = 1.05 + 0.7 * scene.character.hair.volume
    _piece(scene, _band(-0.56, half, 0.28, 0.12), mix(extras.colour, extras.second, 0.35), z=0.05)


def _cap(scene: Scene) -> None:
    extras = scene.character.extras
    _piece(scene, _crown_arc(scene, -0.48, 0.04, 0.1), extras.colour, z=-0.02)
    t = np.linspace(-1, 1, 16)
    edge = np.stack([0.86 * t, -0.5 + 0.16 * (1 - t**2)], 1)
    peak = np.concatenate([edge, np.stack([0.92 * t[::-1], -0.46 + 0.42 * (1 - t**2) ** 0.6], 1)])
    z = np.concatenate([np.full(16, 0.42), 0.42 + 0.5 * (1 - t**2)])
    place = _place(scene, peak, z)
    scene.canvas.fill(place, shadow(extras.colour, 0.45))
    scene.canvas.stroke(place, shadow(shadow(extras.colour, 0.9), 0.8), scene.outline, closed=True)


def _witch(scene: Scene) -> None:
    extras, top = scene.character.extras, scene.character.face.top
    cone = np.array(
        [
            (0.85, -0.62),
            (0.55, -1.2),
            (0.42, -top - 0.75),
            (0.75, -top - 0.95),
            (0.2, -top - 0.9),
            (-0.3, -top - 0.2),
            (-0.85, -0.62),
        ]
    )
    _piece(scene, np.concatenate([smooth_closed(cone, 5)]), extras.colour, z=-0.05)
    brim = ellipse(np.array([0.0, -0.62]), 1.65, 0.26)
    _piece(scene, brim, extras.colour, z=0.05)
    _piece(scene, _band(-0.86, 0.82, 0.18, 0.1), extras.second, z=0.1)


def _beret(scene: Scene) -> None:
    extras, top = scene.character.extras, scene.character.face.top
    knots = np.array(
        [
            (1.15, -0.7),
            (1.0, -top - 0.12),
            (0.1, -top - 0.3),
            (-0.95, -top - 0.05),
            (-1.05, -0.62),
            (0.0, -0.78),
        ]
    )
    _piece(scene, smooth_closed(knots, 6), extras.colour, z=-0.02)


def _crown(scene: Scene) -> None:
    extras, top = scene.character.extras, scene.character.face.top + scene.character.hair.volume
    x = np.linspace(-0.62, 0.62, 11)
    spikes = np.where(np.arange(11) % 2, -0.16, -0.4)
    upper = np.stack([x, -top + 0.16 + spikes + 0.1 * (x / 0.62) ** 2], 1)
    lower = np.stack([x[::-1], -top + 0.2 + 0.1 * (x / 0.62) ** 2], 1)
    _piece(scene, np.concatenate([upper, lower]), (244, 196, 76), z=0.2, cling=0.5)
    for spot in _place(scene, upper[1::2] + np.array((0.0, 0.12)), 0.25, 0.5):
        scene.canvas.fill(ellipse(spot, 0.04 * scene.unit, 0.05 * scene.unit, 12), extras.colour)


def _headband(scene: Scene) -> None:
    half = 1.03 + 0.55 * scene.character.hair.volume
    t = np.linspace(np.pi * 1.05, np.pi * 1.95, 20)
    tall = scene.character.face.top + scene.character.hair.volume
    arc = np.stack([half * np.cos(t), tall * 0.78 * np.sin(t) + 0.05], 1)
    place = _place(scene, arc, 0.3, 0.7)
    scene.canvas.fill(ribbon(place, np.full(20, 0.13 * scene.unit)), scene.character.extras.colour)


def _headphones(scene: Scene) -> None:
    extras = scene.character.extras
    half, tall = (
        1.14 + 0.5 * scene.character.hair.volume,
        scene.character.face.top + scene.character.hair.volume + 0.08,
    )
    t = np.linspace(np.pi * 0.98, np.pi * 2.02, 24)
    arc = _place(scene, np.stack([half * np.cos(t), tall * np.sin(t) + 0.1], 1), 0.0, 0.9)
    scene.canvas.fill(ribbon(arc, np.full(24, 0.13 * scene.unit)), shadow(extras.colour, 0.4))
    for side in (-1, 1):
        _piece(scene, ellipse(np.array([side * half, 0.18]), 0.2, 0.34), extras.colour, z=0.0, cling=0.4)
        _piece(
            scene, ellipse(np.array([side * half * 1.02, 0.18]), 0.1, 0.2), extras.second, z=0.05, cling=0.4
        )


def _horns(scene: Scene) -> None:
    top = scene.character.face.top
    for side in (-1, 1):
        out = bezier(
            np.array([0.35, -top * 0.9]), np.array([0.5, -top - 0.5]), np.array([0.95, -top - 0.66]), 8
        )
        back = bezier(
            np.array([0.95, -top - 0.66]), np.array([0.82, -top - 0.2]), np.array([0.68, -top * 0.74]), 8
        )
        _piece(
            scene,
            np.concatenate([out, back[1:]]) * (side, 1),
            mix(scene.character.extras.second, (70, 50, 60), 0.5),
            z=0.15,
            cling=0.6,
        )


def _bow_shapes(centre: Array, size: float) -> list[Array]:
    wing = np.array([(0.05, 0.0), (0.45, -0.32), (0.62, -0.1), (0.58, 0.2), (0.42, 0.26)])
    return [smooth_closed(wing * (side, 1) * size + centre, 5) for side in (-1, 1)] + [
        ellipse(centre, 0.12 * size, 0.14 * size)
    ]


def _ribbon(scene: Scene) -> None:
    extras = scene.character.extras
    centre = np.array(
        [extras.pin_side * 0.62, -scene.character.face.top * 0.92 - scene.character.hair.volume * 0.6]
    )
    for flat in _bow_shapes(centre, 0.9):
        _piece(scene, flat, extras.colour, z=0.15, cling=0.5)


_HATS = {
    HatKind.BEANIE: _beanie,
    HatKind.CAP: _cap,
    HatKind.WITCH: _witch,
    HatKind.BERET: _beret,
    HatKind.CROWN: _crown,
    HatKind.HEADBAND: _headband,
    HatKind.HEADPHONES: _headphones,
    HatKind.HORNS: _horns,
    HatKind.RIBBON: _ribbon,
}


def draw_hat(scene: Scene) -> None:
    """Draw what is worn on the head."""
    if scene.character.extras.hat is not HatKind.NONE:
        _HATS[scene.character.extras.hat](scene)


def draw_pins(scene: Scene) -> None:
    """Draw small things in the fringe."""
    extras = scene.character.extras
    centre = np.array([extras.pin_side * 0.66, -0.4])
    match extras.pin:
        case PinKind.NONE:
            return
        case PinKind.BARS:
            for row in range(2):
                bar = (
                    np.array([(-0.14, 0.05), (0.14, -0.05)]) * (extras.pin_side, 1) + centre + (0, 0.13 * row)
                )
                scene.canvas.fill(
                    ribbon(_place(scene, bar, 0.42), np.full(2, 0.06 * scene.unit)), extras.colour
                )
        case PinKind.FLOWER | PinKind.STAR:
            _blossom(scene, centre, petals=extras.pin is PinKind.FLOWER)
        case PinKind.BOW:
            for flat in _bow_shapes(centre, 0.5):
                _piece(scene, flat, extras.colour, z=0.42, cling=0.0)


def _blossom(scene: Scene, centre: Array, *, petals: bool) -> None:
    extras = scene.character.extras
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 0.13 * (1 + 0.35 * np.cos(5 * angle))
    if not petals:  # a star: five points, five notches
        angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
        radius = np.where(np.arange(10) % 2, 0.08, 0.18)
    flat = centre + np.stack([radius * np.sin(angle), -radius * np.cos(angle)], 1)
    _piece(scene, flat, extras.colour if petals else extras.second, z=0.42, cling=0.0)
    if petals:
        spot = _place(scene, centre[None], 0.44)[0]
        scene.canvas.fill(
            ellipse(spot, 0.045 * scene.unit, 0.045 * scene.unit, 12), light(extras.second, 0.2)
        )
