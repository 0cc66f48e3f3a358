"""Head, expression and quality from points: signs, units, what they must not depend on."""

import math
from dataclasses import astuple, fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.track.measure import (
    HeadFit,
    angles_from_rotation,
    fit_head,
    measure_expression,
    measure_head,
    rotation_from_angles,
    to_picture_heights,
    tracking_quality,
)
from engine.track.points import face_points, pupil_points
from engine.types import Expression

Array = NDArray[np.float64]


@pytest.fixture
def flat(mesh: Array) -> tuple[Array, Array]:
    """The photograph's 68 points and pupils."""
    return face_points(mesh)[:, :2], pupil_points(mesh)[:, :2]


def turned(mesh: Array, yaw: float, pitch: float, roll: float) -> Array:
    """The mesh as a rigid body, turned about its middle."""
    middle = mesh.mean(axis=0)
    return (mesh - middle) @ rotation_from_angles(yaw, pitch, roll).T + middle


@given(yaw=st.floats(-80, 80), pitch=st.floats(-80, 80), roll=st.floats(-170, 170))
def test_angles_survive_the_way_through_a_rotation(yaw: float, pitch: float, roll: float) -> None:
    rotation = rotation_from_angles(yaw, pitch, roll)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
    assert angles_from_rotation(rotation) == pytest.approx((yaw, pitch, roll), abs=1e-6)


@pytest.mark.parametrize(
    ("angles", "nose_goes"), [((20, 0, 0), (1, 0)), ((0, 20, 0), (0, 1)), ((-20, 0, 0), (-1, 0))]
)
def test_signs_of_yaw_and_pitch(angles: tuple[float, float, float], nose_goes: tuple[int, int]) -> None:
    nose = rotation_from_angles(*angles) @ np.array([0.0, 0.0, -1.0])  # towards the viewer
    assert np.sign(np.round(nose[:2], 9)).tolist() == list(nose_goes)


def test_positive_roll_is_clockwise() -> None:
    right = rotation_from_angles(0, 0, 10) @ np.array([1.0, 0.0, 0.0])
    assert right[1] > 0  # what points right goes down


@pytest.mark.parametrize("angles", [(0, 0, 0), (25, 0, 0), (-30, 10, 0), (0, -20, 15), (15, 12, -40)])
def test_a_rigid_turn_is_measured_exactly(mesh: Array, angles: tuple[float, float, float]) -> None:
    rest = fit_head(mesh)
    upright = (mesh - rest.translation) @ rest.rotation  # turned to the front
    fit = fit_head(turned(upright, *angles))
    assert angles_from_rotation(fit.rotation) == pytest.approx(angles, abs=1e-6)
    assert fit.scale == pytest.approx(rest.scale)
    assert fit.residual == pytest.approx(rest.residual)


def test_the_photograph_is_nearly_frontal(mesh: Array) -> None:
    head = measure_head(mesh)
    assert abs(head.yaw_deg) < 5
    assert abs(head.pitch_deg) < 15
    assert abs(head.roll_deg - 3) < 3
    assert (head.x * 512, head.y * 512) == pytest.approx((225, 102), abs=5)
    assert head.scale == pytest.approx(0.119, abs=0.01)


def test_scale_does_not_depend_on_yaw(mesh: Array) -> None:
    assert measure_head(turned(mesh, 30, 0, 0)).scale == pytest.approx(measure_head(mesh).scale, rel=0.01)


def test_head_is_the_same_in_a_wider_picture(mesh: Array) -> None:
    """The same head in a picture padded to twice its width: only x changes."""
    wide = mesh * (0.5, 1.0, 0.5)
    narrow, padded = measure_head(mesh), measure_head(wide, aspect=2.0)
    assert padded.x == pytest.approx(narrow.x / 2)
    for name in ("yaw_deg", "pitch_deg", "roll_deg", "y", "scale"):
        assert getattr(padded, name) == pytest.approx(getattr(narrow, name))


@given(
    shift=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    scale=st.floats(0.05, 20),
    roll=st.floats(-180, 180),
)
def test_expression_does_not_depend_on_place_size_or_roll(
    shift: tuple[float, float], scale: float, roll: float
) -> None:
    face, pupils = drawn_face()
    turn = rotation_from_angles(0, 0, roll)[:2, :2].T * scale
    moved = measure_expression(face @ turn + shift, pupils @ turn + shift)
    assert astuple(moved) == pytest.approx(astuple(measure_expression(face, pupils)), abs=1e-6)


def test_expression_does_not_depend_on_the_picture_s_shape(flat: tuple[Array, Array]) -> None:
    face, pupils = flat
    wide = measure_expression(face / (2, 1), pupils / (2, 1), aspect=2.0)
    assert astuple(wide) == pytest.approx(astuple(measure_expression(face, pupils)))


def test_the_photograph_smiles_with_open_eyes(flat: tuple[Array, Array]) -> None:
    expression = measure_expression(*flat)
    assert 0.22 < expression.eye_open_left < 0.4
    assert 0.22 < expression.eye_open_right < 0.4
    assert abs(expression.gaze_x) < 0.2
    assert 0.05 < expression.mouth_open < 0.2  # teeth show
    assert expression.smile > 0.03
    assert expression.mouth_round == 0


def drawn_face() -> tuple[Array, Array]:
    """A face as a cartoonist would draw it, upright, outer eye corners 1 apart."""
    face = np.zeros((68, 2))
    angle = np.linspace(math.pi, 0, 17)
    face[:17] = np.column_stack([0.75 * np.cos(angle), 0.1 + 0.95 * np.sin(angle)])
    face[17:22] = np.column_stack([np.linspace(-0.55, -0.15, 5), [-0.2, -0.24, -0.26, -0.24, -0.2]])
    face[22:27] = face[17:22][::-1] * (-1, 1)
    face[27:31] = np.column_stack([np.zeros(4), np.linspace(0.0, 0.35, 4)])
    face[31:36] = np.column_stack([np.linspace(-0.1, 0.1, 5), np.full(5, 0.42)])
    eye = np.array([(-0.5, 0), (-0.4, -0.06), (-0.25, -0.06), (-0.15, 0), (-0.25, 0.05), (-0.4, 0.05)])
    face[36:42] = eye
    face[42:48] = (eye * (-1, 1))[[3, 2, 1, 0, 5, 4]]
    turn = np.linspace(-math.pi, math.pi, 13)[:12]
    face[48:60] = np.column_stack([0.3 * np.cos(turn), 0.65 + 0.06 * np.sin(turn)])
    turn = np.linspace(-math.pi, math.pi, 9)[:8]
    face[60:68] = np.column_stack([0.25 * np.cos(turn), 0.65 + 0.0 * np.sin(turn)])
    return face, np.array([(-0.325, 0.0), (0.325, 0.0)])


def changed(**edits: Array) -> Expression:
    face, pupils = drawn_face()
    for name, shift in edits.items():
        rows = {"upper_lids": [37, 38, 43, 44], "lower_lip": [55, 56, 57, 58, 59, 65, 66, 67],
                "brows": list(range(17, 27)), "corners": [48, 54, 60, 64]}[name]  # fmt: skip
        face[rows] += shift
    return measure_expression(face, pupils)


def test_values_of_the_drawn_face() -> None:
    face, pupils = drawn_face()
    expression = measure_expression(face, pupils)
    assert expression.eye_open_left == pytest.approx(0.11 / 0.35)
    assert expression.eye_open_left == pytest.approx(expression.eye_open_right)
    assert expression.brow_left == pytest.approx(np.mean([0.2, 0.24, 0.26, 0.24, 0.2]) / 0.35)
    assert expression.mouth_open == pytest.approx(0, abs=1e-9)
    assert expression.mouth_width == pytest.approx(0.6)
    assert expression.smile == pytest.approx(0, abs=1e-9)
    assert (expression.gaze_x, expression.gaze_y) == pytest.approx((0, 0), abs=1e-9)


def test_shutting_the_eyes_changes_the_eyes_alone() -> None:
    shut, rest = changed(upper_lids=np.array([0, 0.11])), changed()
    assert shut.eye_open_left == pytest.approx(0, abs=1e-9)
    for name in ("brow_left", "mouth_open", "mouth_width", "smile"):
        assert getattr(shut, name) == pytest.approx(getattr(rest, name), abs=1e-9)


def test_lids_that_cross_count_as_shut() -> None:
    assert changed(upper_lids=np.array([0, 0.3])).eye_open_right == 0


def test_opening_the_mouth() -> None:
    opened = changed(lower_lip=np.array([0, 0.2]))
    assert opened.mouth_open == pytest.approx(0.2)
    assert opened.eye_open_left == changed().eye_open_left


def test_raising_the_brows() -> None:
    assert changed(brows=np.array([0, -0.07])).brow_right - changed().brow_right == pytest.approx(0.2)


def test_smile_lifts_the_corners_and_a_sad_mouth_drops_them() -> None:
    assert changed(corners=np.array([0, -0.06])).smile == pytest.approx(0.1)
    assert changed(corners=np.array([0, 0.06])).smile == pytest.approx(-0.1)


def test_speaking_is_no_smile() -> None:
    """A jaw that drops takes the corners about a third of the way with it."""
    face, pupils = drawn_face()
    face[[55, 56, 57, 58, 59, 65, 66, 67]] += (0, 0.3)
    face[[48, 54, 60, 64]] += (0, 0.09)
    assert abs(measure_expression(face, pupils).smile) < 0.01


def test_an_oo_is_round_and_an_ah_is_not() -> None:
    face, pupils = drawn_face()
    turn = np.linspace(-math.pi, math.pi, 13)[:12]
    face[48:60] = np.column_stack([0.18 * np.cos(turn), 0.65 + 0.2 * np.sin(turn)])
    assert measure_expression(face, pupils).mouth_round > 0.8
    face[48:60] = np.column_stack([0.32 * np.cos(turn), 0.65 + 0.3 * np.sin(turn)])
    assert measure_expression(face, pupils).mouth_round < 0.1


def test_gaze_follows_the_pupils_in_half_eye_widths() -> None:
    face, pupils = drawn_face()
    expression = measure_expression(face, pupils + np.array([0.35 / 4, -0.35 / 8]))
    assert (expression.gaze_x, expression.gaze_y) == pytest.approx((0.5, -0.25))


def test_a_shut_eye_does_not_steer_the_gaze() -> None:
    face, pupils = drawn_face()
    face[[37, 38]] += (0, 0.11)
    pupils[0] += (0.3, 0.3)
    expression = measure_expression(face, pupils)
    assert (expression.gaze_x, expression.gaze_y) == pytest.approx((0, 0), abs=1e-9)


def test_hopeless_points_give_finite_numbers() -> None:
    for points in (np.zeros((68, 2)), np.full((68, 2), 0.5)):
        expression = measure_expression(points, np.zeros((2, 2)))
        assert all(math.isfinite(getattr(expression, field.name)) for field in fields(expression))


def quality(mesh: Array, fit: HeadFit | None = None, speed: float = 0.0) -> float:
    points = to_picture_heights(mesh, 1.0)
    return tracking_quality(fit or fit_head(points), points, 1.0, speed)


def test_quality_of_a_clear_face_is_high(mesh: Array) -> None:
    assert quality(mesh) == pytest.approx(1.0)


def test_quality_falls_for_small_cut_off_shapeless_and_fast_faces(mesh: Array) -> None:
    rng = np.random.default_rng(1)
    assert quality((mesh - mesh.mean(axis=0)) * 0.3 + (0.5, 0.5, 0)) < 0.5
    assert quality(mesh - (0.44, 0, 0)) < 0.5
    assert quality(mesh + rng.normal(0, 0.04, mesh.shape)) < 0.5
    assert quality(mesh, speed=20) == pytest.approx(0.3)
