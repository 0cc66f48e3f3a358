"""Depth from points: who is where in the order from the wall to the nose."""

from dataclasses import replace

import numpy as np

from engine.track.depth_points import depth_from_points
from engine.types import Performance, TrackState

SIZE = (96, 128)


def person(turn: float = 0.0) -> Performance:
    """A face in the middle of a 4:3 picture, shoulders below, the right hand in front of the chest."""
    face = np.full((68, 2), 0.4, np.float32)
    angle = np.linspace(np.pi, 0.0, 17)
    face[:17] = np.stack([0.5 + 0.1 * np.cos(angle), 0.4 + 0.15 * np.sin(angle)], axis=1)
    face[17:27] = np.stack([np.linspace(0.43, 0.57, 10), np.full(10, 0.32)], axis=1)
    face[30] = 0.5 + turn, 0.42
    return Performance(
        frame_index=0,
        captured_at_s=0.0,
        state=TrackState.FOUND,
        face=face,
        shoulders=np.array([[0.3, 0.7], [0.7, 0.7]], np.float32),
        elbows=np.array([[0.25, 0.95], [0.75, 0.95]], np.float32),
        wrists=np.array([[0.25, 0.99], [0.74, 0.92]], np.float32),
        body_score=1.0,
        arm_scores=np.array([0.0, 1.0, 0.0, 1.0], np.float32),
        aspect=4 / 3,
    )


def at(depth: np.ndarray, x: float, y: float) -> float:
    return float(depth[int(y * SIZE[0]), int(x * SIZE[1])])


def test_the_order_is_wall_trunk_cheek_nose_and_a_hand_that_points_at_the_camera() -> None:
    depth = depth_from_points(person(), SIZE)
    assert depth.shape == SIZE
    assert depth.dtype == np.float32
    wall, trunk, cheek, nose = (
        at(depth, 0.1, 0.2),
        at(depth, 0.5, 0.85),
        at(depth, 0.42, 0.42),
        at(depth, 0.5, 0.42),
    )
    assert wall == 0.0 < trunk < cheek < nose <= 1.0
    assert at(depth, 0.74, 0.92) > trunk + 0.2
    assert at(depth, 0.25, 0.97) < 0.5  # the other arm is not seen: only the trunk is there


def test_the_nose_turns_with_the_head() -> None:
    left, right = (depth_from_points(person(turn), SIZE) for turn in (-0.05, 0.05))
    assert at(left, 0.45, 0.42) > at(right, 0.45, 0.42)
    assert at(right, 0.55, 0.42) > at(left, 0.55, 0.42)


def test_the_matte_is_the_figure_and_cuts_everything_else() -> None:
    matte = np.zeros((24, 32), np.float32)
    matte[:, :16] = 1.0
    depth = depth_from_points(replace(person(), matte=matte), SIZE)
    assert at(depth, 0.05, 0.1) > 0.3
    assert at(depth, 0.9, 0.9) == 0.0
    assert at(depth, 0.6, 0.42) == 0.0


def test_nobody_is_a_wall() -> None:
    nobody = Performance(frame_index=0, captured_at_s=0.0, state=TrackState.LOST)
    assert not depth_from_points(nobody, SIZE).any()


def test_a_face_in_one_point_is_no_division_by_zero() -> None:
    flat = replace(
        person(), face=np.full((68, 2), 0.5, np.float32), shoulders=np.full((2, 2), 0.5, np.float32)
    )
    assert np.isfinite(depth_from_points(flat, SIZE)).all()
