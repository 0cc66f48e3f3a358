import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retarget.idle import IdleActor, ease
from engine.types import CONTROL_INDEX, Control
from tests.engine.retarget.faces import plain_avatar


def openings(actor: IdleActor, seconds: float) -> np.ndarray:
    return np.array([actor.motion(time_s).eye_open_left for time_s in np.arange(0, seconds, 0.02)])


def test_the_same_seed_moves_alike_in_any_order():
    forwards, backwards = IdleActor(plain_avatar(), seed=3), IdleActor(plain_avatar(), seed=3)
    times = np.linspace(0, 30, 61)
    ahead = [forwards.control(float(time_s)).points for time_s in times]
    behind = [backwards.control(float(time_s)).points for time_s in times[::-1]][::-1]
    assert np.array_equal(ahead, behind)
    assert not np.array_equal(ahead, [IdleActor(plain_avatar(), seed=4).control(t).points for t in times])


def test_it_blinks_fully_every_few_seconds():
    values = openings(IdleActor(plain_avatar()), 60)
    starts = np.count_nonzero(np.diff((values < 0.5).astype(int)) == 1)
    assert 10 <= starts <= 25
    assert values.min() == 0
    assert (values == 1).mean() > 0.8


def test_it_breathes_and_sways_but_stays_in_place():
    actor = IdleActor(plain_avatar())
    points = np.array([actor.control(float(time_s)).points for time_s in np.arange(0, 40, 0.1)])
    assert np.ptp(points[:, CONTROL_INDEX["shoulder_left"], 1]) > 0.004
    assert np.ptp(points[:, CONTROL_INDEX["nose_tip"], 0]) > 0.005
    assert np.abs(points - plain_avatar().points).max() < 0.08
    assert np.abs(np.diff(points[:, CONTROL_INDEX["nose_tip"]], axis=0)).max() < 0.004


def test_it_begins_at_rest_and_says_that_nobody_drives():
    control = IdleActor(plain_avatar()).control(0.0)
    assert np.allclose(control.points, plain_avatar().points, atol=1e-6)
    assert control.frame_index == -1


def a_control(offset: float, index: int) -> Control:
    points = plain_avatar().points + np.float32(offset)
    return Control(
        points=points, scores=np.full(61, offset, np.float32), frame_index=index, captured_at_s=index / 25
    )


@given(st.floats(-0.5, 1.5))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_easing_stays_between_and_keeps_the_new_frame(fraction: float):
    first, second = a_control(0.0, 1), a_control(0.25, 2)
    between = ease(first, second, fraction)
    assert between.frame_index == 2
    assert (between.points >= first.points - 1e-6).all()
    assert (between.points <= second.points + 1e-6).all()


def test_easing_ends_exactly():
    first, second = a_control(0.0, 1), a_control(0.25, 2)
    assert np.array_equal(ease(first, second, 0.0).points, first.points)
    assert np.array_equal(ease(first, second, 1.0).points, second.points)
    assert ease(first, second, 0.5).scores[0] == pytest.approx(0.125)
