"""``draw``: a posed character to a picture, its mattes and a coarse depth map."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import CONTROL_INDEX, Avatar
from models.training.characters.backdrops import backdrop
from models.training.characters.canvas import Canvas, Pixels
from models.training.characters.curves import Array
from models.training.characters.draw_arms import draw_arms
from models.training.characters.draw_body import draw_neck, draw_torso
from models.training.characters.draw_extras import draw_glasses, draw_hat, draw_pins
from models.training.characters.draw_eyes import draw_brow, draw_eye
from models.training.characters.draw_hair import draw_back_hair, draw_falls, draw_front_hair
from models.training.characters.draw_head import (
    draw_ears,
    draw_face,
    draw_skull,
    draw_top_ears,
)
from models.training.characters.draw_mouth import draw_mouth
from models.training.characters.draw_nose import draw_nose
from models.training.characters.posing import Posed, pose
from models.training.characters.scene import Scene, inks
from models.training.characters.spec import NEUTRAL, Character

Map = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawing:
    """A picture and what is known about it.

    Attributes:
        rgb: ``(S, S, 3)`` uint8 with its background.
        alpha: ``(S, S)`` float32 0..1, the character.
        head: ``(S, S)`` float32 0..1, what is seen of head, hair and hat.
        depth: ``(S, S)`` float32 0 (background) .. 1 (nearest), coarse.
    """

    rgb: Pixels
    alpha: Map
    head: Map
    depth: Map


# What large shapes write into the labels: head or not, and how near they are (0..255).
_BACK_HAIR, _BODY, _HEAD, _FRONT, _ARMS = (255, 96), (0, 120), (255, 160), (255, 184), (0, 225)


def _draw_head(scene: Scene) -> None:
    canvas = scene.canvas
    canvas.label = _HEAD
    draw_skull(scene)
    draw_ears(scene)
    draw_face(scene)
    canvas.label = None
    draw_nose(scene)
    draw_mouth(scene)
    for side in (-1, 1):
        draw_eye(scene, side)
        if not scene.character.brows.over_hair:
            draw_brow(scene, side)
    canvas.label = _FRONT
    draw_front_hair(scene)
    draw_glasses(scene)
    canvas.label = None
    for side in (-1, 1):
        if scene.character.brows.over_hair:
            draw_brow(scene, side)
    canvas.label = _FRONT
    draw_pins(scene)
    draw_hat(scene)


def _draw_all(scene: Scene) -> None:
    canvas = scene.canvas
    canvas.label = _BACK_HAIR
    draw_back_hair(scene)
    draw_top_ears(scene)
    canvas.label = _BODY
    draw_neck(scene)
    draw_torso(scene)
    canvas.label = _BACK_HAIR
    draw_falls(scene)
    _draw_head(scene)
    canvas.label = _ARMS
    draw_arms(scene)


def _depth_map(scene: Scene, coarse: Map) -> Map:
    """Round the flat labels: blur them and let the face bulge around the nose."""
    size = len(coarse)
    small = cv2.resize(coarse, (size // 4, size // 4), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 1.5)
    at = (np.arange(size // 4) + 0.5) / (size // 4)
    row = CONTROL_INDEX["nose_tip"]
    nose: Array = scene.points(row, row + 1)[0]
    bulge = np.exp(-(((at[None] - nose[0]) / scene.unit) ** 2) - ((at[:, None] - nose[1]) / scene.unit) ** 2)
    small = np.clip(small + 0.2 * bulge.astype(np.float32) * small, 0, 1)
    return np.asarray(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)


@lru_cache(maxsize=16)
def _grain(size: int, strength: float, seed: int) -> NDArray[np.int16]:
    """Return still paper grain ``(S, S, 3)`` to add to a picture."""
    noise = np.random.default_rng(seed).normal(0, 9 * strength, (size, size, 1))
    return np.repeat(np.rint(noise), 3, 2).astype(np.int16)


def _labels(canvas: Canvas) -> Map:
    if canvas.labels is None:
        raise ValueError("the canvas gathers no labels: start it with Canvas.over")
    return canvas.labels * np.float32(1 / 255)


def draw(character: Character, posed: Posed, size: int = 256) -> Drawing:
    """Draw a posed character.

    Args:
        character: Who; the same that was posed.
        posed: From ``pose``.
        size: Side of the picture in pixels.
    """
    canvas = Canvas.over(backdrop(character.backdrop, size))
    scene = Scene(canvas=canvas, character=character, posed=posed, inks=inks(character))
    _draw_all(scene)
    rgb, alpha = canvas.reduced()
    if character.style.grain > 0:
        grain = _grain(size, character.style.grain, character.backdrop.seed)
        rgb = np.asarray(cv2.add(rgb, grain, dtype=cv2.CV_8U), np.uint8)
    labels = _labels(canvas)
    head = np.minimum(labels[..., 0], alpha)
    return Drawing(rgb=rgb, alpha=alpha, head=head, depth=_depth_map(scene, labels[..., 1]))


def avatar(character: Character, name: str, size: int = 512) -> Avatar:
    """Return the character at rest as an avatar."""
    posed = pose(character, NEUTRAL)
    drawing = draw(character, posed, size)
    return Avatar(
        name=name,
        rgb=drawing.rgb,
        points=posed.points,
        depth=posed.depth,
        scores=posed.scores,
        matte=drawing.alpha,
        confidence=1.0,
    )
