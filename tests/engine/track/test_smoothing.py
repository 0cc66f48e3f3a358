"""The one-euro filter against a scalar reference written from the paper, and its behaviour."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.track.smoothing import OneEuroFilter, OneEuroSettings, smoothing_factor


class Reference:
    """Casiez 2012, the algorithm of the appendix, one number at a time."""

    def __init__(self, min_cutoff: float, beta: float, derivative_cutoff: float) -> None:
        self.min_cutoff, self.beta, self.derivative_cutoff = min_cutoff, beta, derivative_cutoff
        self.value = self.speed = 0.0
        self.last: float | None = None

    @staticmethod
    def alpha(cutoff: float, period: float) -> float:
        tau = 1.0 / (2 * math.pi * cutoff)
        return 1.0 / (1.0 + tau / period)

    def __call__(self, sample: float, at_s: float) -> float:
        if self.last is None:
            self.value = sample
        else:
            period = at_s - self.last
            share = self.alpha(self.derivative_cutoff, period)
            self.speed = share * (sample - self.value) / period + (1 - share) * self.speed
            share = self.alpha(self.min_cutoff + self.beta * abs(self.speed), period)
            self.value = share * sample + (1 - share) * self.value
        self.last = at_s
        return self.value


@given(
    samples=st.lists(st.tuples(st.floats(-10, 10), st.floats(0.005, 0.2)), min_size=2, max_size=30),
    min_cutoff=st.floats(0.1, 10),
    beta=st.floats(0, 5),
)
def test_equals_the_reference_at_uneven_times(
    samples: list[tuple[float, float]], min_cutoff: float, beta: float
) -> None:
    settings = OneEuroSettings(min_cutoff_hz=min_cutoff, beta=beta, derivative_cutoff_hz=1.5)
    ours, reference, at_s = OneEuroFilter.from_settings(settings), Reference(min_cutoff, beta, 1.5), 0.0
    for sample, step_s in samples:
        at_s += step_s
        assert ours.filter(np.array([sample]), at_s)[0] == pytest.approx(reference(sample, at_s), abs=1e-9)


def test_each_element_has_its_own_cutoff() -> None:
    both = OneEuroFilter(np.array([0.5, 5.0]), np.array([0.0, 0.0]))
    slow, quick = OneEuroFilter(0.5, 0.0), OneEuroFilter(5.0, 0.0)
    for index in range(20):
        at_s, sample = index / 30, float(index >= 5)
        pair = both.filter(np.array([sample, sample]), at_s)
        assert pair == pytest.approx(
            [float(slow.filter(np.array(sample), at_s)), float(quick.filter(np.array(sample), at_s))]
        )


def test_calms_a_still_point_and_follows_a_moving_one() -> None:
    rng = np.random.default_rng(0)
    filter_ = OneEuroFilter(1.0, 2.0)
    still = [filter_.filter(np.array(rng.normal(0, 0.01)), index / 30) for index in range(90)]
    assert np.std(still[30:]) < 0.5 * 0.01
    filter_.reset()
    moving = [float(filter_.filter(np.array(5.0 * index / 30), index / 30)) for index in range(60)]
    assert 5.0 * 59 / 30 - moving[-1] < 5.0 * 0.03  # less than one frame behind


def test_the_same_motion_comes_out_the_same_at_half_the_rate() -> None:
    every, second = OneEuroFilter(1.0, 0.5), OneEuroFilter(1.0, 0.5)
    for index in range(120):
        sample, at_s = np.array(math.sin(index / 30)), index / 30
        dense = every.filter(sample, at_s)
        if index % 2 == 0:
            sparse = second.filter(sample, at_s)
    assert float(dense) == pytest.approx(float(sparse), abs=0.06)


def test_starts_anew_when_time_does_not_advance() -> None:
    filter_ = OneEuroFilter(0.1, 0.0)
    filter_.filter(np.array(0.0), 1.0)
    assert filter_.filter(np.array(5.0), 1.0) == 5.0
    assert filter_.filter(np.array(-5.0), 0.5) == -5.0


def test_results_are_new_arrays() -> None:
    filter_, sample = OneEuroFilter(1.0, 0.0), np.zeros(3)
    first = filter_.filter(sample, 0.0)
    first += 100
    sample += 100
    assert filter_.filter(np.zeros(3), 0.1) == pytest.approx(np.zeros(3))


def test_smoothing_factor_limits() -> None:
    assert smoothing_factor(1e9, 0.03) == pytest.approx(1.0)
    assert smoothing_factor(1e-9, 0.03) == pytest.approx(0.0, abs=1e-9)
