"""The virtual camera's decisions, with a clock that waits for nobody."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import FakeClock
from engine.sinks.output_gate import LINGER_S, SILENCE_S, OutputGate, Show, Signs, next_tick_s

PERIOD_S = 1 / 30


def gate() -> OutputGate:
    return OutputGate(period_s=PERIOD_S)


def well(heartbeat_at_s: float) -> Signs:
    return Signs(heartbeat_at_s=heartbeat_at_s, has_picture=True)


def test_card_is_up_within_300_ms_of_the_last_heartbeat_and_the_last_picture_is_held_until_then() -> None:
    assert SILENCE_S == 0.3
    clock, the_gate = FakeClock(100.0), gate()
    last_beat_s = 101.013
    shown: list[tuple[float, Show]] = []
    while clock.now_s() < 103.0:
        beat_s = min(clock.now_s(), last_beat_s)
        shown.append((clock.now_s(), the_gate.show(clock.now_s(), well(beat_s))))
        clock.sleep_s(PERIOD_S)
    avatars = [at_s for at_s, show in shown if show is Show.AVATAR]
    cards = [at_s for at_s, show in shown if show is Show.CARD]
    # What was sent at the last avatar tick stays visible for one period, and even that lies within 300 ms.
    assert avatars[-1] + PERIOD_S <= last_beat_s + 0.3
    assert cards[0] <= last_beat_s + 0.3
    # It is held as long as that allows: one tick later would be too late.
    assert avatars[-1] + 2 * PERIOD_S > last_beat_s + 0.3
    assert max(avatars) < min(cards)


@given(
    silence=st.floats(-1e4, 1e4),
    now=st.floats(0, 1e6),
    has_picture=st.booleans(),
    is_panicked=st.booleans(),
    is_parent_alive=st.booleans(),
)
def test_avatar_needs_every_sign(
    silence: float, now: float, has_picture: bool, is_panicked: bool, is_parent_alive: bool
) -> None:
    signs = Signs(
        heartbeat_at_s=now - silence,
        has_picture=has_picture,
        is_panicked=is_panicked,
        is_parent_alive=is_parent_alive,
    )
    if gate().show(now, signs) is Show.AVATAR:
        assert has_picture
        assert is_parent_alive
        assert not is_panicked
        assert -0.1 < silence < 0.3


def test_card_before_the_first_picture_and_before_the_first_heartbeat() -> None:
    assert gate().show(5.0, Signs(heartbeat_at_s=5.0, has_picture=False)) is Show.CARD
    assert gate().show(5.0, well(0.0)) is Show.CARD


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, 1e9])
def test_impossible_heartbeat_shows_the_card(broken: float) -> None:
    assert gate().show(100.0, well(broken)) is Show.CARD


def test_heartbeat_during_the_tick_counts() -> None:
    assert gate().show(100.0, well(100.001)) is Show.AVATAR


def test_panic_and_a_dead_parent_show_the_card_at_once() -> None:
    assert gate().show(100.0, well(100.0)) is Show.AVATAR
    for sign in ({"is_panicked": True}, {"is_parent_alive": False}):
        assert gate().show(100.0, Signs(heartbeat_at_s=100.0, has_picture=True, **sign)) is Show.CARD


def test_avatar_returns_with_the_heartbeat() -> None:
    the_gate = gate()
    assert the_gate.show(101.0, well(100.0)) is Show.CARD
    assert the_gate.show(101.1, well(101.09)) is Show.AVATAR


def test_card_lingers_after_the_program_died_and_then_it_is_over() -> None:
    the_gate = gate()
    dead = Signs(heartbeat_at_s=0.0, has_picture=True, is_parent_alive=False)
    assert not the_gate.is_over(50.0, well(50.0))
    assert not the_gate.is_over(100.0, dead)
    assert not the_gate.is_over(100.0 + LINGER_S - 0.01, dead)
    assert the_gate.is_over(100.0 + LINGER_S, dead)


def test_successor_ends_an_orphan_but_not_a_living_programs_camera() -> None:
    succeeded = {"heartbeat_at_s": 100.0, "has_picture": True, "has_successor": True}
    assert not gate().is_over(100.0, Signs(**succeeded))
    assert gate().is_over(100.0, Signs(**succeeded, is_parent_alive=False))


@pytest.mark.parametrize("period_s", [0.0, -1.0, 0.3, 1.0])
def test_period_that_would_outlast_the_silence_is_refused(period_s: float) -> None:
    with pytest.raises(ValueError, match="period"):
        OutputGate(period_s=period_s)


def test_ticks_stay_on_their_grid_and_are_not_caught_up() -> None:
    assert next_tick_s(10.0, 10.005, 0.25) == 10.25
    assert next_tick_s(10.0, 10.25, 0.25) == 10.5
    assert next_tick_s(10.0, 11.1, 0.25) == 11.25
    assert next_tick_s(10.0, 9.9, 0.25) == 10.25
