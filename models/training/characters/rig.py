"""Where everything of a character goes when it acts: 2.5-D geometry, no drawing.

Every point has a depth. A head turn rotates points of the *surface* about the head's axis (parallax); the
outlines of round things (skull, hair) are no material points, so they *cling*: their width hardly changes and
only their middle moves. ``place`` mixes the two by each point's ``cling``.
"""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from models.training.characters.curves import Array, smooth
from models.training.characters.spec import Act, Character

PIVOT_Y = 0.55
"""Height (head units) of the joint about which the head turns."""

_DEEPER = 1.1  # a skull is longer than wide: its outline grows a little with yaw


def dome(x: Array, y: Array) -> Array:
    """Return the face's depth (head units) at ``x, y``: an ellipsoid."""
    return np.asarray(0.55 * np.sqrt(np.maximum(1 - (x / 1.08) ** 2 - ((y - 0.05) / 1.35) ** 2, 0.0)) - 0.05)


def on_face(points: Array, lift: float = 0.0) -> Array:
    """Return ``(K, 3)``: points ``(K, 2)`` on the face's surface, ``lift`` in front of it."""
    return np.column_stack([points, dome(points[:, 0], points[:, 1]) + lift])


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadFrame:
    """The head's place and turn in one frame.

    Attributes:
        origin: The joint in fractions of the picture.
        unit: One head unit in fractions of the picture.
        yaw, pitch, roll: Radians.
    """

    origin: Array
    unit: float
    yaw: float
    pitch: float
    roll: float

    @cached_property
    def _turns(self) -> tuple[float, float, float, float]:
        return (
            float(np.sin(self.yaw)),
            float(np.cos(self.yaw)),
            float(np.sin(self.pitch)),
            float(np.cos(self.pitch)),
        )

    def place(self, points: Array, cling: Array | float = 0.0, hang: Array | float = 0.0) -> Array:
        """Return ``(K, 2)`` fractions of the picture for ``points (K, 3)`` in head units.

        Args:
            points: x, y, z.
            cling: 0 for points of a surface, 1 for points of a round outline.
            hang: 0 turns with the head, 1 hangs straight down from it.
        """
        sin_yaw, cos_yaw, sin_pitch, cos_pitch = self._turns
        x, y, z = points[:, 0], points[:, 1] - PIVOT_Y, points[:, 2]
        wide = cos_yaw + cling * (math.hypot(cos_yaw, _DEEPER * sin_yaw) - cos_yaw)
        tall = cos_pitch + cling * (1 - cos_pitch)
        # Pitch acts first, then yaw, then roll, as in engine.types.HeadPose.
        down = y * tall + z * sin_pitch
        across = x * wide + (z * cos_pitch - y * ((1 - cling) * sin_pitch)) * sin_yaw
        if isinstance(hang, float) and hang == 0.0:
            sin_roll, cos_roll = math.sin(self.roll), math.cos(self.roll)
            return self._framed(across * cos_roll - down * sin_roll, across * sin_roll + down * cos_roll)
        roll = self.roll * (1 - hang * np.minimum(np.maximum(down * 0.9 + 0.45, 0.0), 0.75))
        sin_, cos_ = np.sin(roll), np.cos(roll)
        return self._framed(across * cos_ - down * sin_, across * sin_ + down * cos_)

    def _framed(self, x: Array, y: Array) -> Array:
        result = np.empty((len(x), 2))
        result[:, 0] = x * self.unit + self.origin[0]
        result[:, 1] = y * self.unit + self.origin[1]
        return result


@dataclass(frozen=True, kw_only=True, eq=False)
class BodyFrame:
    """The body's place in one frame: origin (the resting head's origin), unit, lean and its shrugs."""

    origin: Array
    unit: float
    roll: float
    lift: tuple[float, float, float]

    def place(self, points: Array) -> Array:
        """Return ``(K, 2)`` fractions of the picture for body ``points (K, 2)`` in head units."""
        breath, left, right = self.lift
        x, y = points[:, 0], points[:, 1] - (4.0 + breath * 0.035)
        if left or right:
            outside = np.minimum(np.maximum(np.abs(x) - 0.5, 0), 0.8)
            y = y - 0.3 * outside * np.where(x < 0, left, right)
        sin, cos = math.sin(self.roll) * self.unit, math.cos(self.roll) * self.unit
        result = np.empty((len(points), 2))
        result[:, 0] = x * cos - y * sin + self.origin[0]
        result[:, 1] = x * sin + y * cos + (self.origin[1] + 4.0 * self.unit)
        return result


def head_frame(character: Character, act: Act) -> HeadFrame:
    """Return where the head is."""
    joint = np.array([character.x, character.y + PIVOT_Y * character.size])
    shift = np.array([act.x, act.y - act.breath * 0.012 * character.size])
    return HeadFrame(
        origin=joint + shift + 0.5 * np.array([act.body_x, act.body_y]),
        unit=character.size * act.scale,
        yaw=float(np.radians(act.yaw_deg)),
        pitch=float(np.radians(act.pitch_deg)),
        roll=float(np.radians(act.roll_deg)),
    )


def body_frame(character: Character, act: Act) -> BodyFrame:
    """Return where the body is."""
    return BodyFrame(
        origin=np.array([character.x + act.body_x, character.y + act.body_y]),
        unit=character.size * (1 + 0.4 * (act.scale - 1)),
        roll=float(np.radians(act.body_roll_deg)),
        lift=(act.breath, act.shrug_left, act.shrug_right),
    )


@lru_cache(maxsize=256)
def jaw_outline(character: Character) -> Array:
    """Return the 17 jaw points of iBUG at rest, ``(17, 2)`` head units, picture left to right."""
    face = character.face
    side = np.array(
        [
            (0.97, 0.04),
            (0.5 * 0.95 + 0.5 * face.cheek, 0.28),
            (face.cheek, 0.28 + 0.24 * face.chin),
            (face.jaw, 0.8 * face.chin),
            (face.chin_width, 0.985 * face.chin),
        ]
    )
    knots = np.concatenate([side * (-1, 1), [(0.0, face.chin)], side[::-1]])
    dense = smooth(knots, 161)
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(dense, axis=0).T))])
    at = np.linspace(0.0, length[-1], 17)
    jaw = np.stack([np.interp(at, length, dense[:, axis]) for axis in (0, 1)], 1)
    jaw.setflags(write=False)
    return jaw


def acted_jaw(character: Character, act: Act) -> Array:
    """Return the jaw ``(17, 3)`` while the mouth moves, head units."""
    jaw = on_face(jaw_outline(character))
    low = np.clip((jaw[:, 1] - 0.35) / (character.face.chin - 0.35), 0.0, 1.0)
    jaw[:, 1] += low**1.5 * 0.11 * act.mouth_open
    jaw[:, 0] *= 1 - 0.04 * low * act.mouth_round
    return jaw


_ACROSS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])  # inner corner, lid knots, outer corner


@lru_cache(maxsize=256)
def _lids_at_rest(character: Character) -> tuple[Array, Array, Array]:
    eyes = character.eyes
    base = -eyes.tilt * _ACROSS
    round_ = (1 - _ACROSS**2) ** (0.95 - 0.62 * eyes.boxy)
    upper = base - eyes.upper * round_ * (1 + 0.22 * eyes.peak * _ACROSS)
    lower = base + eyes.lower * round_ * (1 + 0.12 * _ACROSS)
    closed = base + eyes.lower * 0.6 * (1 - _ACROSS**2) ** 0.7
    return upper, lower, closed


def acted_lids(character: Character, opening: float, smile: float) -> tuple[Array, Array]:
    """Return the upper and lower lid's five knots ``(5, 2)`` of the picture's right eye, inner to outer."""
    eyes = character.eyes
    upper, lower, closed = _lids_at_rest(character)
    low_open = min(opening, 1.0) * (1 - 0.22 * max(smile, 0.0))
    x = eyes.x + _ACROSS * eyes.width
    above = closed + (upper - closed) * opening
    below = closed + (lower - closed) * low_open
    return np.stack([x, above + eyes.y], 1), np.stack([x, below + eyes.y], 1)


def iris_centre(character: Character, act: Act, side: int) -> Array:
    """Return the iris centre ``(2,)`` in head units; ``side`` -1 picture left, 1 right."""
    eyes = character.eyes
    middle = eyes.y - 0.5 * (eyes.upper - eyes.lower) - 0.05 * eyes.upper
    reach = max(eyes.width - eyes.iris * 0.62, 0.25 * eyes.width)
    # Pupils of anime eyes sit a little inside of the middle.
    x = side * (eyes.x - 0.04 * eyes.width) + act.gaze_x * reach * 0.85
    return np.array([x, middle + act.gaze_y * 0.38 * (eyes.upper + eyes.lower) * 0.8])


def acted_brow(character: Character, raised: float) -> Array:
    """Return three knots ``(3, 2)`` of the picture's right brow, inner to outer, head units."""
    brows, eyes = character.brows, character.eyes
    across = np.array([-1.0, 0.0, 1.0])
    y = eyes.y - brows.height - brows.arch * (1 - across**2) - brows.slant * across * 0.5
    y = y - raised * np.array([0.13, 0.12, 0.07]) * (1.0 if raised > 0 else 0.85)
    squeeze = 0.035 * min(raised, 0.0)
    return np.stack([eyes.x + 0.02 + across * brows.length + squeeze * (across < 0), y], 1)


def acted_mouth(character: Character, act: Act) -> tuple[Array, Array]:
    """Return outer and inner lips, ``(8, 2)`` each in the order of ``lip_outer``, head units."""
    mouth = character.mouth
    open_, round_, smile = act.mouth_open, act.mouth_round, act.smile
    half = mouth.width * (1 + 0.3 * act.mouth_width - 0.42 * round_ + 0.12 * max(smile, 0.0) - 0.1 * open_)
    gap = (0.15 + 1.05 * mouth.width) * open_ * (1 + 0.1 * round_)
    lift = mouth.curl + 0.11 * smile * (0.5 + mouth.width * 2)
    line = mouth.y - lift * (_ACROSS**2 - 0.35) + 0.02 * round_
    arch = (1 - _ACROSS**2) ** (0.75 - 0.25 * round_)
    upper_in = line - 0.3 * gap * arch
    lower_in = line + 0.7 * gap * arch
    thick = 1 + 0.35 * round_ - 0.15 * max(smile, 0.0)
    upper_out = upper_in - mouth.upper_lip * thick * np.array([0.0, 0.92, 0.78, 0.92, 0.0])
    lower_out = lower_in + mouth.lower_lip * thick * np.array([0.0, 0.8, 1.0, 0.8, 0.0])
    inner_x = _ACROSS * half
    outer_x = inner_x * (1 + 0.35 * (mouth.upper_lip + mouth.lower_lip) / max(half, 0.05) * 0.5)
    outer = np.stack([np.r_[outer_x, outer_x[3:0:-1]], np.r_[upper_out, lower_out[3:0:-1]]], 1)
    inner = np.stack([np.r_[inner_x, inner_x[3:0:-1]], np.r_[upper_in, lower_in[3:0:-1]]], 1)
    return outer, inner
