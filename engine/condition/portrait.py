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
from engine.types import CONTROL_INDEX, Avatar, RgbImage, control_indices, mirrored_controls
from models.networks.portrait import INPUT_SIZE, NUM_FACE_POINTS, PortraitNet, PortraitReading

AVATAR_SIZE = 512
NO_FACE = 0.2
"""Below this confidence there is taken to be no face at all."""

# Expected error of the face's points, in inter-ocular distances, at confidence 1 and 0.
_SURE, _LOST = 0.05, 0.20
# Presence of a face that takes all confidence, and that takes none.
_ABSENT, _PRESENT = 0.5, 0.9
_HEAD_SHARE = 0.50  # of the avatar's height, from the top of the hair to the chin
_HEAD_TOP = 0.20  # of the avatar's height, above the hair
_CLOSE_UP = 1.6  # side of the last look, in head heights
_FRAMINGS = 2  # a small face in a wide picture is found roughly first
_FACE = slice(0, NUM_FACE_POINTS)
_CHIN, _HAIR_TOP = CONTROL_INDEX["contour_4"], CONTROL_INDEX["hair_top"]
_MIRRORED = mirrored_controls()
_FLIP_X = torch.tensor([-1.0, 1.0])
_JAW_LEFT, _JAW_RIGHT = CONTROL_INDEX["contour_0"], CONTROL_INDEX["contour_8"]
_EYE_CORNERS = (CONTROL_INDEX["eye_left_0"], CONTROL_INDEX["eye_right_0"])
_MOUTH = control_indices(("lip_outer_0", "lip_outer_4"))
# What a face from the front may measure, in distances of the eyes.
_UPRIGHT, _MOUTH_BELOW, _MOUTH_ASIDE = 0.8, (0.45, 2.2), 0.4
_EYE_WIDTH, _FACE_WIDTH = (0.25, 1.0), (1.4, 4.0)
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
    presence: float
    alpha: Tensor  # (1, 1, 64, 64) of the square that was looked at

    @property
    def eye_distance(self) -> float:
        left, right = self.points[_PUPILS]
        return max(float(np.hypot(*(right - left))), 1e-3)

    @property
    def confidence(self) -> float:
        is_there = float(np.clip((self.presence - _ABSENT) / (_PRESENT - _ABSENT), 0.0, 1.0))
        return is_there * _confidence(float(self.spread[_FACE].mean()) / self.eye_distance)

    @property
    def head_height(self) -> float:
        return max(float(self.points[_CHIN, 1] - self.points[_HAIR_TOP, 1]), 0.05)


@dataclass(frozen=True, slots=True)
class _Find:
    """A head that was framed, and two looks at it."""

    framed: _Square
    whole: _Look
    close: _Look

    @property
    def confidence(self) -> float:
        sure = min(self.close.confidence, self.whole.confidence, _agreement(self.close, self.whole))
        return sure * _is_face(self.close)


def avatar_from_picture(
    name: str, rgb: RgbImage, network: PortraitNet, alpha: NDArray[np.float32] | None = None
) -> Avatar:
    """Frame the head as the built-in avatars are framed, and find its points.

    Args:
        name: The avatar's name.
        rgb: ``(H, W, 3)`` uint8, any shape.
        network: The portrait network.
        alpha: ``(H, W)`` 0..1 where the picture was cut out already; None: the network says where it ends.

    Returns:
        The avatar, 512x512. ``confidence`` is 1 where the points are expected to lie within 5 % of the
        distance of the eyes, and falls to 0 at 20 %.

    Raises:
        NoFaceError: nothing that looks like a drawn face is there.
    """
    picture = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255.0
    found = max((_find(network, picture, start) for start in _starts(rgb)), key=lambda one: one.confidence)
    if found.confidence < NO_FACE:
        raise NoFaceError(
            f"No drawn face was found in {name!r} (confidence {found.confidence:.2f}, {NO_FACE} is needed).",
            hint="Choose a drawn portrait from the front, with the whole head and the shoulders.",
        )
    whole, framed = found.whole, found.framed
    points = whole.points.copy()
    points[_FACE] = found.close.points[_FACE]
    depth = np.where(np.arange(len(points)) < _FACE.stop, found.close.depth, whole.depth) / framed.side
    guess = F.interpolate(whole.alpha.sigmoid(), size=AVATAR_SIZE, mode="bicubic").clamp(0, 1)[0, 0].numpy()
    pixels = _cut(picture, framed, AVATAR_SIZE)[0].permute(1, 2, 0)
    return Avatar(
        name=name,
        rgb=(pixels * 255.0 + 0.5).clamp(0, 255).byte().contiguous().numpy(),
        points=((points - (framed.left, framed.top)) / framed.side).astype(np.float32),
        depth=depth.astype(np.float32),
        scores=(whole.visible > 0.0).astype(np.float32),
        matte=guess if alpha is None else _cut_alpha(alpha, framed),
        confidence=found.confidence,
    )


def avatar_by_hand(
    name: str, rgb: RgbImage, template: Avatar, alpha: NDArray[np.float32] | None = None
) -> Avatar:
    """Return the whole picture with another avatar's points on it, for a person to put right.

    Args:
        name: The avatar's name.
        rgb: ``(H, W, 3)`` uint8, any shape; the shorter side is filled up by repeating the border.
        template: Whose points, scores and depths are taken.
        alpha: ``(H, W)`` 0..1 where the picture was cut out already.

    Returns:
        The avatar, 512x512, with confidence 0; without ``alpha`` nobody knows where the character ends.
    """
    picture = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255.0
    pixels = _cut(picture, _whole(rgb), AVATAR_SIZE)[0].permute(1, 2, 0)
    whole = (pixels * 255.0 + 0.5).clamp(0, 255).byte().contiguous().numpy()
    return Avatar(
        name=name,
        rgb=whole,
        points=template.points.copy(),
        depth=template.depth.copy(),
        scores=template.scores.copy(),
        matte=None if alpha is None else _cut_alpha(alpha, _whole(rgb)),
        confidence=0.0,
    )


def _starts(rgb: RgbImage) -> list[_Square]:
    """Where to look first: at everything, and in an oblong picture at the squares along its longer side."""
    height, width, _ = rgb.shape
    larger = max(height, width)
    if height == width:
        return [_whole(rgb)]
    side = min(height, width) / larger
    room = width / larger - side, height / larger - side
    return [_whole(rgb), *(_Square(room[0] * part, room[1] * part, side) for part in (0.0, 0.5, 1.0))]


def _find(network: PortraitNet, picture: Tensor, start: _Square) -> _Find:
    framed = start
    for _ in range(_FRAMINGS):
        framed = _framed(_look(network, picture, framed))
    whole = _look(network, picture, framed)
    return _Find(framed, whole, _look(network, picture, _close_up(whole)))


def _agreement(close: _Look, whole: _Look) -> float:
    """How well two looks at the same face agree, as a confidence: the second must find what the first saw."""
    apart = np.linalg.norm(close.points[_FACE] - whole.points[_FACE], axis=1).mean()
    return _confidence(float(apart) / close.eye_distance / 2)


def _is_face(look: _Look) -> bool:
    """Whether the points lie as in a face from the front; distances in units of the eyes' distance."""
    points = look.points / look.eye_distance
    left, right = points[_PUPILS]
    mouth = points[_MOUTH].mean(0) - (left + right) / 2
    widths = [float(np.hypot(*(points[corner + 4] - points[corner]))) for corner in _EYE_CORNERS]
    jaw = float(np.hypot(*(points[_JAW_RIGHT] - points[_JAW_LEFT])))
    return bool(
        right[0] - left[0] > _UPRIGHT
        and _MOUTH_BELOW[0] < mouth[1] < _MOUTH_BELOW[1]
        and abs(mouth[0]) < _MOUTH_ASIDE
        and all(_EYE_WIDTH[0] < width < _EYE_WIDTH[1] for width in widths)
        and _FACE_WIDTH[0] < jaw < _FACE_WIDTH[1]
    )


def _confidence(error: float) -> float:
    return float(np.clip((_LOST - error) / (_LOST - _SURE), 0.0, 1.0))


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
    cut = _cut(picture, square, INPUT_SIZE)
    # The mirrored picture must say the same; where it does not, the network sees what is not there.
    reading: PortraitReading = network(torch.cat([cut, cut.flip(-1)]))
    straight, other = reading.points[0], reading.points[1, _MIRRORED] * _FLIP_X + (1 - _FLIP_X) / 2
    disagreement = torch.linalg.vector_norm(straight - other, dim=1) / 2
    spread = (reading.spread[0] + reading.spread[1, _MIRRORED]) / 2
    corner = np.array([square.left, square.top], np.float32)
    side = np.float32(square.side)
    return _Look(
        points=((straight + other) / 2).numpy() * side + corner,
        spread=torch.maximum(spread, disagreement).numpy() * side,
        depth=((reading.depth[0] + reading.depth[1, _MIRRORED]) / 2).numpy() * side,
        visible=((reading.visible[0] + reading.visible[1, _MIRRORED]) / 2).numpy(),
        presence=float(reading.presence.mean()),
        alpha=(reading.alpha[:1] + reading.alpha[1:].flip(-1)) / 2,
    )


def _cut_alpha(alpha: NDArray[np.float32], square: _Square) -> NDArray[np.float32]:
    cut: NDArray[np.float32] = _cut(torch.from_numpy(alpha)[None, None], square, AVATAR_SIZE)[0, 0].numpy()
    return cut


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
