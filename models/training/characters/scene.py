"""What every drawing function is handed: canvas, character, its geometry in this frame, and its inks."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np

from models.training.characters.canvas import Canvas
from models.training.characters.colours import light, line, mix, shadow, skin_shadow
from models.training.characters.curves import Array, smooth, unit_circle
from models.training.characters.hair_parts import Shape
from models.training.characters.kinds import Rendering
from models.training.characters.outlines import crown
from models.training.characters.posing import Posed
from models.training.characters.rig import acted_jaw, on_face
from models.training.characters.spec import Character, Rgb


@dataclass(frozen=True, kw_only=True)
class Inks:
    """Colours derived from a character's own: base, shadow, light and line of each material."""

    skin_dark: Rgb
    skin_light: Rgb
    skin_line: Rgb
    feature: Rgb
    hair_dark: Rgb
    hair_deep: Rgb
    hair_light: Rgb
    hair_line: Rgb
    cloth_dark: Rgb
    cloth_line: Rgb
    second_dark: Rgb


@lru_cache(maxsize=256)
def inks(character: Character) -> Inks:
    """Return the inks of a character."""
    style, skin, hair, clothes = (
        character.style,
        character.face.skin,
        character.hair.colour,
        character.clothes,
    )
    tint = style.outline_tint
    skin_line = mix(line(skin, tint), (96, 40, 40), 0.25 * tint)
    return Inks(
        skin_dark=skin_shadow(skin, style.shade),
        skin_light=light(skin, 0.45 * style.gloss),
        skin_line=skin_line,
        feature=mix(skin_line, (60, 30, 36), 0.45),
        hair_dark=shadow(hair, 0.75 * style.shade),
        hair_deep=shadow(shadow(hair, 0.6), 0.55),
        hair_light=light(hair, 0.2 + 0.45 * style.gloss),
        hair_line=line(hair, tint),
        cloth_dark=shadow(clothes.main, 0.8 * style.shade),
        cloth_line=line(clothes.main, tint),
        second_dark=shadow(clothes.second, 0.6 * style.shade),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """One picture in the making."""

    canvas: Canvas
    character: Character
    posed: Posed
    inks: Inks

    def on(self, canvas: Canvas) -> "Scene":
        """Return the same scene, drawn on another canvas."""
        return replace(self, canvas=canvas)

    @property
    def unit(self) -> float:
        """One head unit in fractions of the picture."""
        return self.posed.head.unit

    @property
    def painted(self) -> bool:
        """Whether surfaces get soft gradients."""
        return self.character.style.rendering is Rendering.PAINTED

    @property
    def cel(self) -> bool:
        """Whether surfaces get hard shadow shapes."""
        return self.character.style.rendering is Rendering.CEL

    @property
    def outline(self) -> float:
        """Outline width in 1/256 of the picture."""
        return self.character.style.outline

    @cached_property
    def jaw(self) -> Array:
        """The jaw's curve through the contour points, picture left to right."""
        return self.posed.head.place(smooth(acted_jaw(self.character, self.posed.act), 49))

    @cached_property
    def face_outline(self) -> Array:
        """The face's polygon."""
        return np.concatenate([self.jaw, self.posed.head.place(crown(self.character), 0.6)])

    @cached_property
    def turned(self) -> tuple[Array, Array]:
        """A unit circle on the face, as offsets in the picture: of its x and of its y, ``(24, 2)`` each."""
        head, circle = self.posed.head, unit_circle(24)
        sin, cos = np.sin(head.roll) * head.unit, np.cos(head.roll) * head.unit
        across = circle[:, :1] * (cos * np.cos(head.yaw), sin * np.cos(head.yaw))
        down = circle[:, 1:] * (-sin * np.cos(head.pitch), cos * np.cos(head.pitch))
        return across, down

    def shape(self, item: Shape) -> Array:
        """Return a head shape's place in the picture."""
        return self.posed.head.place(item.points, item.cling, item.hang)

    def face(self, points: Array, lift: float = 0.0) -> Array:
        """Return where points ``(K, 2)`` on the face's surface are in the picture."""
        return self.posed.head.place(on_face(points, lift))

    def body(self, points: Array) -> Array:
        """Return where body points ``(K, 2)`` are in the picture."""
        return self.posed.body.place(points)

    def points(self, first: int, last: int) -> Array:
        """Return control points ``first`` to ``last`` (excluded)."""
        return np.asarray(self.posed.points[first:last], np.float64)

    def up(self) -> Array:
        """Return the head's upward direction in the picture, one head unit long."""
        roll = self.posed.head.roll
        return np.array([np.sin(roll), -np.cos(roll)]) * self.unit
