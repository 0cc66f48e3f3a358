"""Smoothing a face through time: calm, prompt, and blinks stay blinks."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.track.face import FaceFollower, FaceReading
from engine.track.measure import rotation_from_angles
from engine.types import Expression

Array = NDArray[np.float64]
FPS = 30.0
LIDS_UPPER = (160, 158, 385, 387)
LIDS_LOWER = (144, 153, 380, 373)


def read(meshes: list[Array], *, smooth: bool, aspect: float = 1.0) -> list[FaceReading]:
    follower = FaceFollower(smooth)
    return [follower.read(mesh, aspect, index / FPS) for index, mesh in enumerate(meshes)]


def noisy(mesh: Array, count: int) -> list[Array]:
    rng = np.random.default_rng(0)
    return [mesh + rng.normal(0, 4e-4, mesh.shape) for _ in range(count)]  # 0.2 pixels of 512


def shut(mesh: Array, share: float) -> Array:
    """The mesh with the lids closed by ``share`` of their gap."""
    closed = mesh.copy()
    for top, bottom in zip(LIDS_UPPER, LIDS_LOWER, strict=True):
        closed[top] += share * (mesh[bottom] - mesh[top])
    return closed


def test_points_without_smoothing_are_those_of_the_mesh(mesh: Array) -> None:
    reading = read([mesh], smooth=False)[0]
    assert reading.face[36] == pytest.approx(mesh[33, :2], abs=1e-6)
    assert reading.pupils[1] == pytest.approx(mesh[473, :2], abs=1e-6)
    assert reading.face.dtype == np.float32


def test_a_still_face_is_calmer_after_smoothing(mesh: Array) -> None:
    jitter = []
    for smooth in (False, True):
        points = np.array([reading.face for reading in read(noisy(mesh, 60), smooth=smooth)])
        jitter.append(np.diff(points[30:], axis=0).std())
    assert jitter[1] < 0.6 * jitter[0]


def test_a_turning_head_is_followed_within_a_frame(mesh: Array) -> None:
    middle = mesh.mean(axis=0)
    angles = 25 * np.sin(np.arange(60) / FPS * 2 * np.pi * 0.7)
    turned = [(mesh - middle) @ rotation_from_angles(yaw, 0, 0).T + middle for yaw in angles]
    truth = np.array([reading.head.yaw_deg for reading in read(turned, smooth=False)])
    smooth = np.array([reading.head.yaw_deg for reading in read(turned, smooth=True)])
    late, by_a_frame = np.abs(smooth - truth)[5:], np.abs(np.diff(truth))[4:]
    assert late.mean() < by_a_frame.mean()


def test_a_blink_of_a_tenth_of_a_second_reaches_the_bottom(mesh: Array) -> None:
    shares = [0.0] * 20 + [0.5, 1.0, 1.0, 0.5] + [0.0] * 10
    readings = read([shut(mesh, share) for share in shares], smooth=True)
    openness = [reading.expression.eye_open_left for reading in readings]
    assert openness[19] == pytest.approx(openness[0], abs=0.01)
    assert min(openness[20:25]) < 0.08
    assert openness[25] > 0.85 * openness[0]  # open again two frames after it opened


def test_a_blink_does_not_move_the_gaze(mesh: Array) -> None:
    """Behind a shut lid the iris is a guess: the last one seen is held."""
    blink = shut(mesh, 1.0)
    blink[468:478] += (0.0, 0.02, 0.0)
    readings = read([mesh] * 10 + [blink] * 3 + [mesh] * 3, smooth=True)
    moved = np.array([reading.pupils for reading in readings])
    assert np.ptp(moved, axis=0).max() < 1e-3


def test_expression_does_not_depend_on_the_turn_of_the_head(mesh: Array) -> None:
    middle = mesh.mean(axis=0)
    frontal = read([mesh], smooth=False)[0].expression
    for angles in ((20, 0, 0), (0, 15, 0), (-15, -10, 20)):
        turned = (mesh - middle) @ rotation_from_angles(*angles).T + middle
        expression = read([turned], smooth=False)[0].expression
        for name in Expression.__dataclass_fields__:
            assert getattr(expression, name) == pytest.approx(getattr(frontal, name), abs=1e-6)


def test_a_wide_picture_changes_nothing_but_x(mesh: Array) -> None:
    square = read([mesh], smooth=True)[0]
    wide = read([mesh * (0.5, 1.0, 0.5)], smooth=True, aspect=2.0)[0]
    assert wide.face == pytest.approx(square.face * (0.5, 1.0), abs=1e-6)
    assert replace(wide.head, x=0) == pytest.approx(replace(square.head, x=0))


def test_a_jump_lowers_the_score(mesh: Array) -> None:
    aside = np.array([0.15, 0, 0])
    still, jumped = read([mesh, mesh, mesh + aside], smooth=True)[1:]
    assert still.score == pytest.approx(1.0)
    assert jumped.score < 0.5


def test_reset_forgets(mesh: Array) -> None:
    follower, elsewhere = FaceFollower(), mesh + np.array([0.2, 0, 0])
    follower.read(mesh, 1.0, 0.0)
    follower.reset()
    fresh = FaceFollower().read(elsewhere, 1.0, 0.1)
    again = follower.read(elsewhere, 1.0, 0.1)
    assert again.face == pytest.approx(fresh.face)
    assert again.score == fresh.score
