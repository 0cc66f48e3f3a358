"""A user's own picture to an ``Avatar``: finds the control points of a drawn face, and says how sure it is.

In: RGB of any shape. Out: a square avatar with points, depth, matte and confidence. The network was trained
on this project's own drawings; a photograph or a very different style comes out with a low confidence.
Thread: any.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import NoFaceError
from engine.types import CONTROL_INDEX, Avatar, RgbImage, control_indices
from models.networks.portrait import INPUT_SIZE, PortraitNet, PortraitReading

AVATAR_SIZE = 512
NO_FACE = 0.2
"""Below this confidence there is taken to be no face at all."""

_SURE, _LOST = (
    0.05,
    0.20,
)  # expected error of the face's points, in inter-ocular distances, at confidence 1 and 0
_HEAD_SHARE = 0.50  # of the avatar's height, from the top of the hair to the chin
_HEAD_TOP = 0.20  # of the avatar's height, above the hair
_CLOSE_UP = 1.6  # side of the last look, in head heights
_FACE = slice(0, 51)
_CHIN, _HAIR_TOP = CONTROL_INDEX["contour_4"], CONTROL_INDEX["hair_top"]
_PUPILS = control_indices(("pupil_left", "pupil_right"))


@dataclass(frozen=True, slots=True)
class _Square:
    """A square part of a picture, in fractions of its larger side; it may reach beyond the border."""

    left: float
    top: float
    side: float


@dataclass(frozen=True, slots=True)
class _Look:
    """A reading in coordinates of the whole picture (fractions of its larger side)."""

    points: NDArray[np.float32]
    spread: NDArray[np.float32]
    depth: NDArray[np.float32]
    visible: NDArray[np.float32]
    alpha: Tensor  # (1, 1, 64, 64) of the square that was looked at

    @property
    def eye_distance(self) -> float:
        left, right = self.points[_PUPILS]
        return max(float(np.hypot(*(right - left))), 1e-3)

    @property
    def confidence(self) -> float:
        error = float(self.spread[_FACE].mean()) / self.eye_distance
        return float(np.clip((_LOST - error) / (_LOST - _SURE), 0.0, 1.0))

    @property
    def head_height(self) -> float:
        return max(float(self.points[_CHIN, 1] - self.points[_HAIR_TOP, 1]), 0.05)


def avatar_from_picture(name: str, rgb: RgbImage, network: PortraitNet) -> Avatar:
    """Frame the head as the built-in avatars are framed, and find its points.

    Args:
        name: The avatar's name.
        rgb: ``(H, W, 3)`` uint8, any shape.
        network: The portrait network.

    Returns:
        The avatar, 512x512. ``confidence`` is 1 where the points are expected to lie within 5 % of the
        distance of the eyes, and falls to 0 at 20 %.

    Raises:
        NoFaceError: nothing that looks like a drawn face is there.
    """
    picture = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255.0
    first = _look(network, picture, _whole(rgb))
    framed = _framed(first)
    whole = _look(network, picture, framed)
    close = _look(network, picture, _close_up(whole))
    confidence = min(close.confidence, whole.confidence)
    if confidence < NO_FACE:
        raise NoFaceError(
            f"No drawn face was found in {name!r} (confidence {confidence:.2f}, {NO_FACE} is needed).",
            hint="Choose a drawn portrait from the front, with the whole head and the shoulders.",
        )
    points = whole.points.copy()
    points[_FACE] = close.points[_FACE]
    depth = np.where(np.arange(len(points)) < _FACE.stop, close.depth, whole.depth) / framed.side
    matte = F.interpolate(whole.alpha.sigmoid(), size=AVATAR_SIZE, mode="bicubic").clamp(0, 1)[0, 0].numpy()
    pixels = _cut(picture, framed, AVATAR_SIZE)[0].permute(1, 2, 0)
    return Avatar(
        name=name,
        rgb=(pixels * 255.0 + 0.5).clamp(0, 255).byte().contiguous().numpy(),
        points=((points - (framed.left, framed.top)) / framed.side).astype(np.float32),
        depth=depth.astype(np.float32),
        scores=(whole.visible > 0.0).astype(np.float32),
        matte=matte,
        confidence=confidence,
    )


def _whole(rgb: RgbImage) -> _Square:
    height, width, _ = rgb.shape
    larger = max(height, width)
    return _Square((width / larger - 1.0) / 2.0, (height / larger - 1.0) / 2.0, 1.0)


def _framed(look: _Look) -> _Square:
    side = look.head_height / _HEAD_SHARE
    centre = float(look.points[_PUPILS, 0].mean())
    return _Square(centre - side / 2, float(look.points[_HAIR_TOP, 1]) - _HEAD_TOP * side, side)


def _close_up(look: _Look) -> _Square:
    side = _CLOSE_UP * look.head_height
    middle = (look.points[_CHIN] + look.points[_HAIR_TOP]) / 2
    return _Square(float(middle[0]) - side / 2, float(middle[1]) - side / 2, side)


@torch.inference_mode()
def _look(network: PortraitNet, picture: Tensor, square: _Square) -> _Look:
    reading: PortraitReading = network(_cut(picture, square, INPUT_SIZE))
    corner = np.array([square.left, square.top], np.float32)
    return _Look(
        points=reading.points[0].numpy() * np.float32(square.side) + corner,
        spread=reading.spread[0].numpy() * np.float32(square.side),
        depth=reading.depth[0].numpy() * np.float32(square.side),
        visible=reading.visible[0].numpy(),
        alpha=reading.alpha,
    )


def _cut(picture: Tensor, square: _Square, size: int) -> Tensor:
    """Cut a square out, area-averaged; beyond the border the border repeats."""
    height, width = picture.shape[-2:]
    larger = max(height, width)
    factor = size / (square.side * larger)
    if factor < 1.0:  # average first, so that thin lines survive
        small = (max(1, round(height * factor)), max(1, round(width * factor)))
        picture = F.interpolate(picture, size=small, mode="bilinear", antialias=True, align_corners=False)
    steps = (torch.arange(size) + 0.5) / size * square.side
    x = (square.left + steps) * larger / width * 2.0 - 1.0
    y = (square.top + steps) * larger / height * 2.0 - 1.0
    grid = torch.stack([x.expand(size, size), y[:, None].expand(size, size)], dim=-1)[None]
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=False)
