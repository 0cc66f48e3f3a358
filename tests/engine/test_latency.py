"""Rings, rates and stage times on a clock that is set by hand."""

import numpy as np
import pytest

from engine.clock import FakeClock
from engine.latency import RateMeter, RingStats, StageTimes


def test_a_ring_keeps_the_newest_values() -> None:
    ring = RingStats(4)
    for value in range(10):
        ring.add(value)
    assert sorted(ring.values()) == [6, 7, 8, 9]
    assert ring.last() == 9
    assert ring.percentile(50) == np.percentile([6, 7, 8, 9], 50)


def test_an_empty_ring_is_zero() -> None:
    ring = RingStats(4)
    assert (ring.percentile(95), ring.last(), ring.count) == (0.0, 0.0, 0)


def test_clearing_forgets() -> None:
    ring = RingStats(4)
    ring.add(3)
    ring.clear()
    assert ring.values().size == 0


def test_adding_allocates_no_array() -> None:
    ring = RingStats(4)
    before = ring._values
    for value in range(100):
        ring.add(value)
    assert ring._values is before


def test_a_rate_is_counted_over_the_window() -> None:
    clock = FakeClock()
    meter = RateMeter(clock, window_s=2.0)
    for _ in range(100):
        meter.tick()
        clock.sleep_s(0.04)
    assert meter.per_second() == pytest.approx(25.0, rel=0.03)


def test_a_stream_that_stops_slows_down_to_zero() -> None:
    clock = FakeClock()
    meter = RateMeter(clock, window_s=2.0)
    for _ in range(50):
        meter.tick()
        clock.sleep_s(0.04)
    clock.sleep_s(1.0)
    assert meter.per_second() == pytest.approx(12.5, rel=0.1)
    clock.sleep_s(5.0)
    assert meter.per_second() == 0.0


def test_stages_are_listed_in_order_and_only_when_they_ran() -> None:
    clock = FakeClock()
    times = StageTimes(("track", "denoise", "send"), clock)
    for length_s in (0.010, 0.020, 0.030):
        with times.measure("send"):
            clock.sleep_s(length_s)
    with times.measure("track"):
        clock.sleep_s(0.005)
    summary = times.summary()
    assert list(summary) == ["track", "send"]
    assert summary["send"].p50 == pytest.approx(20.0)
    assert summary["send"].last == pytest.approx(30.0)


def test_a_stage_that_raises_is_timed_too() -> None:
    times = StageTimes(("track",), FakeClock())
    with pytest.raises(ValueError, match="boom"), times.measure("track"):
        raise ValueError("boom")
    assert list(times.summary()) == ["track"]
