"""Who moves the avatar: found, held, eased to rest, and back."""

import pytest

from engine.settings import LossSettings
from engine.stand_in import Presence, StandIn
from engine.types import Control, Origin, Performance, TrackState
from tests.fakes import IDLE_X, FakeDriver, FakeResting, fake_ease, make_frame, make_performance

LOSS = LossSettings(hold_s=0.3, ease_s=0.5)


@pytest.fixture
def resting() -> FakeResting:
    return FakeResting()


@pytest.fixture
def stand_in(resting: FakeResting) -> StandIn:
    return StandIn(FakeDriver(), resting, fake_ease, LOSS)


def seen(index: int, state: TrackState = TrackState.FOUND) -> Performance:
    return make_performance(make_frame(index), state)


def x_of(control: Control) -> float:
    return float(control.points[0, 0])


def test_a_face_from_the_start_is_followed_at_once(stand_in: StandIn) -> None:
    stand_in.control(seen(0, TrackState.SEARCHING), 0.0)
    control, origin = stand_in.control(seen(1), 0.04)
    assert x_of(control) == pytest.approx(0.01)
    assert origin is Origin.AVATAR
    assert stand_in.presence is Presence.PERSON


def test_nobody_gives_the_resting_avatar(stand_in: StandIn, resting: FakeResting) -> None:
    control, origin = stand_in.control(seen(0, TrackState.SEARCHING), 7.0)
    stand_in.control(None, 8.5)
    assert x_of(control) == IDLE_X
    assert origin is Origin.IDLE
    assert resting.times == [0.0, 1.5], "rest begins at time 0, wherever media time is"


def test_a_lost_face_is_held_exactly_then_eased_to_rest(stand_in: StandIn) -> None:
    stand_in.control(seen(50), 0.0)
    held = [stand_in.control(seen(51, TrackState.LOST), at_s) for at_s in (0.1, 0.2, 0.3)]
    assert [x_of(control) for control, _ in held] == pytest.approx([0.5, 0.5, 0.5])
    assert stand_in.presence is Presence.HELD

    eased = [x_of(stand_in.control(None, at_s)[0]) for at_s in (0.4, 0.5, 0.6, 0.7)]
    assert eased == pytest.approx([0.5 - 1.5 * share for share in (0.2, 0.4, 0.6, 0.8)])

    control, origin = stand_in.control(None, 0.81)
    assert x_of(control) == IDLE_X
    assert origin is Origin.IDLE
    assert stand_in.presence is Presence.NOBODY


def test_one_long_gap_goes_to_rest_at_once(stand_in: StandIn) -> None:
    stand_in.control(seen(50), 0.0)
    assert x_of(stand_in.control(None, 5.0)[0]) == IDLE_X


def test_a_face_that_comes_back_is_eased_in(stand_in: StandIn) -> None:
    stand_in.control(seen(50), 0.0)
    stand_in.control(None, 5.0)
    way = [x_of(stand_in.control(seen(50), 5.0 + 0.125 * step)[0]) for step in range(1, 5)]
    assert way == pytest.approx([-1.0 + 1.5 * share for share in (0.25, 0.5, 0.75, 1.0)])


def test_a_resting_avatar_that_was_shown_does_not_jump(stand_in: StandIn) -> None:
    stand_in.control(None, 0.0)
    control, _ = stand_in.control(seen(50), 0.05)
    assert x_of(control) == pytest.approx(-1.0 + 1.5 * 0.1)


def test_time_that_goes_back_stands_still(stand_in: StandIn) -> None:
    stand_in.control(seen(50), 3.0)
    control, _ = stand_in.control(None, 1.0)
    assert x_of(control) == pytest.approx(0.5)


def test_another_source_starts_with_nobody(stand_in: StandIn) -> None:
    stand_in.control(seen(50), 0.0)
    stand_in.reset()
    control, origin = stand_in.control(None, 0.0)
    assert x_of(control) == IDLE_X
    assert origin is Origin.IDLE


def test_another_avatar_forgets_the_old_one_s_pose(stand_in: StandIn) -> None:
    stand_in.control(seen(50), 0.0)
    stand_in.recast(FakeDriver(), FakeResting())
    assert x_of(stand_in.control(None, 0.1)[0]) == IDLE_X
    assert x_of(stand_in.control(seen(60), 0.2)[0]) == pytest.approx(0.6)
