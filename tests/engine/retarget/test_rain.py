"""RAIN's edits, canvas and automatic fit, beyond the golden tensors of ``tests/parity``."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retarget.face_points import face_68_from_controls, spline_through
from engine.retarget.rain_canvas import (
    DEFAULT_EDITS,
    DISCS,
    SliceEdit,
    disc_radius_px,
    edit_points,
    rain_canvas,
)
from engine.retarget.rain_fit import fit_rain
from models.training.characters import NEUTRAL, Act, held_out_character, pose

PARTS = {"jaw": (4, 13), "eye": (36, 42), "mouth": (48, 68), "nose": (27, 36)}


def face(number: int, act: Act = NEUTRAL) -> np.ndarray:
    return pose(held_out_character(number), act).face_68.astype(np.float64)


@given(angle=st.floats(-1, 1), scale=st.floats(0.2, 3))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_an_edit_along_an_axis_turns_with_the_face(angle: float, scale: float):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = face(0)
    edits = [SliceEdit(start=36, stop=42, axis=(0, 3), scale_x=scale, shift_y=0.1, reference_pair=(27, 8))]
    turned_first = edit_points((points - 0.5) @ turn.T + 0.5, edits)
    turned_last = (edit_points(points, edits) - 0.5) @ turn.T + 0.5
    assert np.allclose(turned_first, turned_last)


def test_edits_leave_their_input_and_other_points_alone():
    points = face(0)
    before = points.copy()
    edited = edit_points(points, [SliceEdit(start=36, stop=42, scale_x=2.0)])
    assert np.array_equal(points, before)
    assert np.array_equal(np.delete(edited, range(36, 42), 0), np.delete(before, range(36, 42), 0))


def test_the_canvas_is_black_with_discs_and_skips_lost_points():
    canvas = rain_canvas(face(0))
    assert canvas.shape == (512, 512, 3)
    colours = {tuple(colour) for colour in canvas.reshape(-1, 3)}
    assert colours == {(0, 0, 0), *(disc.colour for disc in DISCS)}
    lost = face(0)
    lost[:] = -1
    assert not rain_canvas(lost, edits=()).any()


@pytest.mark.parametrize(
    "bad", [{"start": 5, "stop": 5}, {"start": 0, "stop": 69}, {"start": 0, "stop": 4, "axis": (0, 4)}]
)
def test_an_edit_outside_the_face_is_refused(bad: dict[str, object]):
    with pytest.raises(ValueError, match="expected"):
        SliceEdit(**bad)
    with pytest.raises(ValueError, match="68"):
        edit_points(np.zeros((67, 2)), DEFAULT_EDITS)


@pytest.mark.parametrize("number", range(4))
def test_a_performer_at_rest_is_brought_onto_the_reference(number: int):
    performer, reference = face(number), face(number + 10)
    fitted = fit_rain(performer, reference).points(performer)
    unit = np.linalg.norm(reference[45] - reference[36])
    for start, stop in PARTS.values():
        assert np.allclose(fitted[start:stop].mean(0), reference[start:stop].mean(0), atol=1e-9 + 0.01 * unit)
    before = np.linalg.norm(performer - reference, axis=1).mean()
    assert np.linalg.norm(fitted - reference, axis=1).mean() < min(0.03 * unit, 0.5 * before)
    eyes = [points[36:48].max(0) - points[36:48].min(0) for points in (fitted, reference)]
    assert eyes[0] == pytest.approx(eyes[1], rel=0.1)


@given(scale=st.floats(0.3, 1.5), x=st.floats(-0.2, 0.2), y=st.floats(-0.2, 0.2))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_where_and_how_large_the_performer_is_does_not_matter(scale: float, x: float, y: float):
    rest, turned, reference = face(1), face(1, Act(yaw_deg=20, mouth_open=0.6)), face(12)
    near = fit_rain(rest, reference).points(turned)
    far = fit_rain(rest * scale + (x, y), reference).points(turned * scale + (x, y))
    assert np.allclose(near, far, atol=1e-6)


def test_sliders_come_on_top_and_lost_points_stay_lost():
    fit = fit_rain(face(1), face(12))
    slider = SliceEdit(start=60, stop=68, axis=(0, 4), scale_x=1.5)
    plain, tuned = fit.points(face(1)), fit.points(face(1), (slider,))
    width = np.linalg.norm(plain[64] - plain[60])
    assert np.linalg.norm(tuned[64] - tuned[60]) == pytest.approx(1.5 * width)
    lost = face(1)
    lost[3] = -1
    assert (fit.points(lost)[3] == -1).all()
    assert fit.canvas(face(1)).any()


def test_a_face_without_extent_is_refused():
    with pytest.raises(ValueError, match="expected faces with a width"):
        fit_rain(np.full((68, 2), 0.5), face(0))


def test_disc_radius_follows_the_length_of_the_face():
    assert disc_radius_px(face(0) * 0.01) == 1
    assert disc_radius_px(face(0) * 3) > disc_radius_px(face(0))


@pytest.mark.parametrize("act", [NEUTRAL, Act(yaw_deg=25, mouth_open=0.8, eye_open_left=0.2)])
def test_control_points_give_the_68_points_back(act: Act):
    posed = pose(held_out_character(2), act)
    unit = np.linalg.norm(posed.face_68[45] - posed.face_68[36])
    error = np.linalg.norm(face_68_from_controls(posed.points) - posed.face_68, axis=1) / unit
    assert np.delete(error, range(27, 36)).max() < 0.07  # every other jaw point; the nose is guessed
    assert error[36:48].max() < 1e-4
    assert error[27:36].max() < 0.12


def test_the_spline_goes_through_its_knots_and_keeps_straight_lines():
    knots = np.array([(0.0, 0.0), (1.0, 2.0), (2.0, 1.0), (3.0, 5.0)])
    assert np.allclose(spline_through(knots, np.arange(4.0)), knots)
    line = np.stack([np.arange(4.0), 2 * np.arange(4.0)], 1)
    assert np.allclose(spline_through(line, np.array([0.5, 1.25])), [(0.5, 1.0), (1.25, 2.5)])
