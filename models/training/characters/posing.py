"""``pose``: a character and an act to named points, scores and depths (no drawing)."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.types import CONTROL_INDEX, NUM_CONTROLS
from models.training.characters.curves import Array, spline_matrix_at
from models.training.characters.hair_parts import Shape
from models.training.characters.hair_shapes import hair_shapes
from models.training.characters.rig import (
    BodyFrame,
    HeadFrame,
    acted_brow,
    acted_jaw,
    acted_lids,
    acted_mouth,
    body_frame,
    dome,
    head_frame,
    iris_centre,
    on_face,
)
from models.training.characters.spec import NEUTRAL, Act, Character

_MIRROR = np.array([-1.0, 1.0])
_LIP_LIFT = 0.04


@dataclass(frozen=True, kw_only=True, eq=False)
class Posed:
    """A character's geometry in one frame.

    Attributes:
        points: ``(61, 2)`` float32, order of ``engine.types.CONTROL_NAMES``, fractions of the picture.
        scores: ``(61,)`` float32; 0 for points out of the picture and for arms that are not raised.
        face_68: ``(68, 2)`` float32, iBUG order.
        depth: ``(61,)`` float32 at rest, as ``engine.types.Avatar.depth``.
        act: What was acted; head, body: where they are.
    """

    points: NDArray[np.float32]
    scores: NDArray[np.float32]
    face_68: NDArray[np.float32]
    depth: NDArray[np.float32]
    act: Act
    head: HeadFrame
    body: BodyFrame


@dataclass(frozen=True, eq=False)
class _FacePoints:
    """The face in head units ``(K, 3)``, and its clinging outline points."""

    controls: Array  # (52, 3): contour .. lip_inner
    face_68: Array  # (68, 3)


def _eye_ring(upper: Array, lower: Array, side: int) -> Array:
    """Eight lid points in the order of ``engine.types`` from knots given inner to outer."""
    if side < 0:
        upper, lower = (upper * _MIRROR)[::-1], (lower * _MIRROR)[::-1]
    return np.concatenate([upper, lower[3:0:-1]])


def _ibug_eye(ring: Array) -> Array:
    """Six iBUG points from the eight lid points: the lids at one and two thirds."""
    thirds = spline_matrix_at(5, (4 / 3, 8 / 3))
    upper = thirds @ ring[:5]
    lower = thirds @ np.concatenate([ring[4:], ring[:1]])
    return np.concatenate([ring[:1], upper, ring[4:5], lower])


def _ibug_lips(outer: Array, inner: Array) -> Array:
    upper = spline_matrix_at(5, (0.7, 1.4, 2.0, 2.6, 3.3)) @ outer[:5]
    lower = spline_matrix_at(5, (0.7, 1.4, 2.0, 2.6, 3.3)) @ np.concatenate([outer[4:], outer[:1]])
    return np.concatenate([outer[:1], upper, outer[4:5], lower, inner])


def _face_points(character: Character, act: Act) -> _FacePoints:
    jaw = acted_jaw(character, act)
    brows = {side: acted_brow(character, act.brow_right if side > 0 else act.brow_left) for side in (-1, 1)}
    brow_left = (brows[-1] * _MIRROR)[::-1]
    eyes = {}
    for side, opening in ((-1, act.eye_open_left), (1, act.eye_open_right)):
        eyes[side] = _eye_ring(*acted_lids(character, opening, act.smile), side)
    pupils = np.stack([iris_centre(character, act, side) for side in (-1, 1)])
    outer, inner = acted_mouth(character, act)
    face = character.face
    bridge_y = character.eyes.y - 0.04
    bridge = np.stack([np.zeros(4), np.linspace(bridge_y, face.nose_y, 4)], 1)
    bridge_3d = np.column_stack([bridge, dome(bridge[:, 0], bridge[:, 1]) + np.linspace(0.03, 0.2, 4)])
    base_x = np.array([-0.13, -0.065, 0.0, 0.065, 0.13]) * face.nose_size
    base = np.stack([base_x, face.nose_y + 0.07 - 0.25 * np.abs(base_x)], 1)
    base_3d = on_face(base, 0.08)
    brow_points = on_face(np.concatenate([brow_left, brows[1]]), 0.02)
    eye_points = on_face(np.concatenate([eyes[-1], eyes[1], pupils]), 0.0)
    lips = on_face(np.concatenate([outer, inner]), _LIP_LIFT)
    controls = np.concatenate([jaw[::2], brow_points, bridge_3d[[0, 3]], eye_points, lips])
    five = spline_matrix_at(3, (0.0, 0.5, 1.0, 1.5, 2.0))
    face_68 = np.concatenate(
        [
            jaw,
            five @ brow_points[:3],
            five @ brow_points[3:],
            bridge_3d,
            base_3d,
            _ibug_eye(eye_points[:8]),
            _ibug_eye(eye_points[8:16]),
            _ibug_lips(lips[:8], lips[8:]),
        ]
    )
    return _FacePoints(controls, face_68)


def _extreme(shapes: list[Shape], height: float, side: int) -> tuple[Array, float]:
    """Return the outermost crossing of all outlines with a height: ``(3,)`` and its cling."""
    best, best_cling = np.array([side * 0.99, height, -0.05]), 1.0
    for item in shapes:
        start, end = item.points, np.roll(item.points, -1, 0)
        crossing = np.flatnonzero((start[:, 1] > height) != (end[:, 1] > height))
        for index in crossing:
            share = (height - start[index, 1]) / (end[index, 1] - start[index, 1])
            point = start[index] + share * (end[index] - start[index])
            if side * point[0] > side * best[0]:
                best, best_cling = point, float(item.cling[index])
    return best, best_cling


@lru_cache(maxsize=256)
def _outline_points(character: Character) -> tuple[Array, Array]:
    """Return hair_left, hair_top, hair_right at rest ``(3, 3)`` and their cling ``(3,)``."""
    hair = hair_shapes(character)
    shapes = [*hair.back, *hair.locks, *([hair.cap] if hair.cap else [])]
    left, left_cling = _extreme(shapes, character.eyes.y, -1)
    right, right_cling = _extreme(shapes, character.eyes.y, 1)
    top, top_cling = np.array([0.0, -character.face.top, -0.05]), 1.0
    for item in shapes:
        index = int(item.points[:, 1].argmin())
        if item.points[index, 1] < top[1]:
            top, top_cling = item.points[index], float(item.cling[index])
    return np.stack([left, top, right]), np.array([left_cling, top_cling, right_cling])


def shoulder_points(character: Character) -> Array:
    """Return neck, shoulder left, shoulder right ``(3, 2)`` in the body's head units."""
    clothes = character.clothes
    base = character.face.chin + clothes.neck_length
    width, y = clothes.shoulder_width, base + clothes.shoulder_drop
    return np.array([(0.0, base + 0.06), (-width + 0.16, y), (width - 0.16, y)])


def _arms(body: BodyFrame, shoulders: Array, act: Act) -> tuple[Array, NDArray[np.bool_]]:
    """Return elbows and wrists ``(4, 2)`` in fractions of the picture, and whether each is drawn ``(4,)``."""
    drop = np.array([0.0, 1.6]) * body.unit
    hang = np.stack(
        [shoulders[0] + drop, shoulders[1] + drop, shoulders[0] + 1.9 * drop, shoulders[1] + 1.9 * drop]
    )
    raised = np.array(
        [
            (act.elbow_left_x, act.elbow_left_y),
            (act.elbow_right_x, act.elbow_right_y),
            (act.wrist_left_x, act.wrist_left_y),
            (act.wrist_right_x, act.wrist_right_y),
        ]
    )
    share = np.array([act.arm_left, act.arm_right, act.arm_left, act.arm_right])
    return hang + (raised - hang) * share[:, None], np.asarray(share > 0)


@lru_cache(maxsize=256)
def _rest_depth(character: Character) -> NDArray[np.float32]:
    face = _face_points(character, NEUTRAL).controls[:, 2]
    outline = _outline_points(character)[0][:, 2]
    depth = np.concatenate([face, outline, np.zeros(7)]) * character.size
    result = depth.astype(np.float32)
    result.setflags(write=False)
    return result


def pose(character: Character, act: Act) -> Posed:
    """Return where the character's points are while it acts.

    Args:
        character: Who.
        act: What it does.
    """
    head, body = head_frame(character, act), body_frame(character, act)
    face = _face_points(character, act)
    outline, cling = _outline_points(character)
    placed = head.place(np.concatenate([face.controls, face.face_68]))
    hair = head.place(outline, cling)
    shoulders = body.place(shoulder_points(character))
    arms, drawn = _arms(body, shoulders[1:], act)
    points = np.concatenate([placed[: len(face.controls)], hair, shoulders, arms])
    inside = np.asarray(((points >= 0) & (points <= 1)).all(1))
    inside[-4:] &= drawn
    if len(points) != NUM_CONTROLS or CONTROL_INDEX["hair_left"] != len(face.controls):
        raise ValueError(f"{len(points)} points for {NUM_CONTROLS} control names")
    return Posed(
        points=points.astype(np.float32),
        scores=inside.astype(np.float32),
        face_68=placed[len(face.controls) :].astype(np.float32),
        depth=_rest_depth(character),
        act=act,
        head=head,
        body=body,
    )
