"""At most one slow reading a frame, each at its own rate of media time."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.track.schedule import RateMeter, RoundRobin


def run(rates_hz: dict[str, float], fps: float, seconds: float = 10.0) -> list[str | None]:
    schedule = RoundRobin(rates_hz)
    return [schedule.next(index / fps) for index in range(round(seconds * fps))]


@given(
    fps=st.sampled_from([24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60.0]),
    rates=st.tuples(st.floats(4, 8), st.floats(4, 8), st.floats(4, 8)),
)
def test_rates_come_about(fps: float, rates: tuple[float, float, float]) -> None:
    wanted = dict(zip("abc", rates, strict=True))
    counts = Counter(run(wanted, fps))
    for name, rate in wanted.items():
        assert counts[name] / 10 == pytest.approx(rate, rel=0.05)


def test_a_slow_source_is_shared_fairly() -> None:
    counts = Counter(run({"a": 8.0, "b": 8.0}, fps=5.0))
    assert counts["a"] == counts["b"] == 25


def test_everything_is_due_at_first_and_nothing_when_nothing_is_wanted() -> None:
    assert set(run({"a": 5, "b": 5, "c": 5}, fps=30.0)[:3]) == {"a", "b", "c"}
    assert run({}, fps=30.0) == [None] * 300


def test_a_gap_is_not_caught_up() -> None:
    schedule = RoundRobin({"a": 5.0})
    schedule.next(0.0)
    due = [schedule.next(10.0 + index / 30) for index in range(30)]
    assert due.count("a") == 5


def test_meter_measures_the_last_two_seconds() -> None:
    meter = RateMeter()
    assert meter.rate_hz() == 0
    for index in range(100):
        meter.mark(index / 10)
    assert meter.rate_hz() == pytest.approx(10)
    for index in range(100):
        meter.mark(10 + index / 5)
    assert meter.rate_hz() == pytest.approx(5)
    meter.reset()
    assert meter.rate_hz() == 0
