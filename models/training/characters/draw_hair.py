"""Hair: behind, over the shoulders, and in front."""

import numpy as np

from models.training.characters.canvas import Canvas
from models.training.characters.colours import mix, shadow
from models.training.characters.curves import Array, ribbon, taper
from models.training.characters.hair_parts import HairShapes, Shape
from models.training.characters.hair_shapes import hair_shapes
from models.training.characters.kinds import BackHair
from models.training.characters.scene import Scene

_MATT = 0.2  # gloss below which hair shows no highlight
_LOCK_TOP, _LOCK_INNER = 3, 19  # the outline of a lock where it is clear of the cap


def draw_back_hair(scene: Scene) -> None:
    """Draw the hair behind head and body."""
    shapes = hair_shapes(scene.character)
    for item in shapes.back:
        outline = scene.shape(item)
        shaded = item in shapes.back_shade
        scene.canvas.fill(outline, scene.inks.hair_dark if shaded else scene.character.hair.colour)
        if not shaded:
            _shade_mass(scene, shapes, outline)
        scene.canvas.stroke(outline, scene.inks.hair_line, scene.outline, closed=True)
    for strand in shapes.back_strands:
        _strand(scene, strand)


def _shade_mass(scene: Scene, shapes: HairShapes, outline: Array) -> None:
    """Shade a mass of hair: the part behind the head, its far side, its tips."""
    hair = scene.character.hair
    top, bottom = outline[:, 1].min(), outline[:, 1].max()
    middle = 0.5 * (outline.min(0) + outline.max(0))
    away = np.array([-scene.character.style.light, 0.0]) * scene.unit
    with scene.canvas.clipped(outline) as layer:
        for shade in shapes.back_shade:
            if len(shade.points) < 10:  # short hair is dark as a whole
                inner = scene.shape(shade)
                if scene.painted:
                    layer.haze(inner, 0.12 * scene.unit, scene.inks.hair_deep, 0.9)
                else:
                    layer.fill(inner, scene.inks.hair_dark)
        if scene.painted:
            layer.ramp(middle, middle + away * 1.2, scene.inks.hair_dark, 0.8)
        if scene.painted or hair.tips is not None:
            end = hair.tips if hair.tips is not None else scene.inks.hair_deep
            start = np.array([middle[0], 0.45 * top + 0.55 * bottom])
            layer.ramp(start, np.array([middle[0], bottom]), end, 0.85)


def draw_falls(scene: Scene) -> None:
    """Draw hair that lies over the shoulders, and hair ties."""
    shapes = hair_shapes(scene.character)
    for item in shapes.falls:
        _piece(scene, scene.shape(item))
    for item in shapes.ties:
        outline = scene.shape(item)
        colour = scene.character.extras.colour
        scene.canvas.fill(outline, colour)
        scene.canvas.stroke(outline, shadow(shadow(colour, 0.9), 0.7), scene.outline, closed=True)


def draw_front_hair(scene: Scene) -> None:
    """Draw cap, fringe and locks."""
    shapes = hair_shapes(scene.character)
    if shapes.cap is None:
        return
    _cap(scene, shapes, scene.shape(shapes.cap))
    for lock in shapes.locks:
        _piece(scene, scene.shape(lock), slice(_LOCK_TOP, _LOCK_INNER))
    for strand in shapes.strands:
        _strand(scene, strand)
    for item in shapes.over:
        outline = scene.shape(item)
        scene.canvas.fill(outline, scene.character.hair.colour)
        scene.canvas.stroke(outline[4:-4], scene.inks.hair_line, scene.outline)
    for item in shapes.above:
        _piece(scene, scene.shape(item))


def _cap(scene: Scene, shapes: HairShapes, outline: Array) -> None:
    scene.canvas.fill(outline, scene.character.hair.colour)
    with scene.canvas.clipped(outline) as layer:
        _shade_cap(scene, layer, outline)
        if scene.character.style.gloss >= _MATT:
            for band in shapes.gloss:
                layer.veil(scene.shape(band), scene.inks.hair_light, 0.4 if scene.painted else 0.75)
    # Curls melt into the mass behind them: their outer line would cut it in two.
    fringe_only = scene.character.hair.back is BackHair.AFRO
    line = outline[34:] if fringe_only else outline
    scene.canvas.stroke(line, scene.inks.hair_line, scene.outline, closed=not fringe_only)


def _shade_cap(scene: Scene, layer: Canvas, outline: Array) -> None:
    style, unit, up = scene.character.style, scene.unit, scene.up()
    centre = scene.face(np.array([(0.0, -0.3)]))[0]
    away = np.array([-style.light, 0.0]) * unit
    if scene.painted:
        layer.ramp(centre + away * 0.2, centre + away * 1.15, scene.inks.hair_dark, 0.9)
        layer.glow(
            centre + up * 0.45 - away * 0.3,
            (0.5 * unit, 0.28 * unit),
            scene.inks.hair_light,
            0.55 * style.gloss,
        )
        layer.ramp(centre + up * 0.1, centre - up * 0.5, scene.inks.hair_dark, 0.5)
    elif scene.cel and scene.character.hair.back is not BackHair.AFRO:
        # Even-odd with its own shifted copy leaves a rim on the far side and along the tips.
        layer.fill_many([outline, outline - away * 0.13 + up * 0.07], scene.inks.hair_dark)


def _piece(scene: Scene, outline: Array, line: slice | None = None) -> None:
    """Draw a lock; ``line`` picks the part of its outline that is drawn (all of it when None)."""
    scene.canvas.fill(outline, scene.character.hair.colour)
    if scene.painted:
        low, high = outline.min(0), outline.max(0)
        with scene.canvas.clipped(outline) as layer:
            layer.ramp(
                np.array([low[0], 0.5 * (low[1] + high[1])]),
                np.array([low[0], high[1]]),
                scene.inks.hair_dark,
                0.6,
            )
    edge = outline if line is None else outline[line]
    scene.canvas.stroke(edge, scene.inks.hair_line, scene.outline, closed=line is None)


def _strand(scene: Scene, strand: Shape) -> None:
    curve = scene.shape(strand)
    width = 0.028 * scene.unit * taper(len(curve), 0.0, 0.6)
    scene.canvas.fill(ribbon(curve, width), mix(scene.character.hair.colour, scene.inks.hair_deep, 0.55))
