import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retarget.eyelids import EyelidReader

FPS = 25.0


def run(reader: EyelidReader, openings: list[float], start: int = 0, neutral: float = 0.3) -> list[float]:
    return [reader.read(value, neutral, (start + index) / FPS) for index, value in enumerate(openings)]


def blink(lowest: float) -> list[float]:
    return [0.3, 0.22, lowest, lowest, 0.2, 0.28, 0.3]


def test_rest_is_one_and_closed_is_shut():
    reader = EyelidReader(0.1)
    assert run(reader, [0.3, 0.1, 0.02]) == [1.0, 0.0, 0.0]


def test_a_tracker_that_calls_closed_eyes_half_open_is_learned_from_blinks():
    reader = EyelidReader(0.05)
    first = min(run(reader, blink(0.13)))
    assert first > 0
    for number in range(1, 4):
        last = run(reader, blink(0.13), start=number * 20)
    assert min(last) == 0
    assert last[0] == 1.0


def test_a_squint_or_a_nap_is_no_blink():
    reader = EyelidReader(0.05)
    run(reader, [0.3] + [0.14] * 40 + [0.3] * 5)
    assert reader.closed == 0.05


def test_a_fast_blink_of_which_a_tracker_sees_half_shuts_but_a_slow_squint_does_not():
    fast = [0.3, 0.29, 0.23, 0.18, 0.17, 0.2, 0.27, 0.3, 0.3]
    slow = [0.3 - 0.13 * share for share in np.linspace(0, 1, 20)]
    assert min(run(EyelidReader(0.1, blink_level=0.6), fast)) == 0
    assert min(run(EyelidReader(0.1), fast)) > 0.3
    assert min(run(EyelidReader(0.1, blink_level=0.6), slow)) > 0.3


def test_jitter_at_rest_is_no_blink():
    rng = np.random.default_rng(0)
    openings = (0.3 + rng.normal(0, 0.01, 500)).tolist()
    assert min(run(EyelidReader(0.1, blink_level=0.6), openings)) > 0.75


@given(st.lists(st.floats(0, 0.6), min_size=2, max_size=60))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_never_negative_and_wider_is_never_less_open(openings: list[float]):
    reader = EyelidReader(0.1)
    assert min(run(reader, openings)) >= 0
    at_s = len(openings) / FPS
    ladder = [EyelidReader(reader.closed).read(value, 0.3, at_s) for value in np.linspace(0, 0.6, 40)]
    assert np.all(np.diff(ladder) >= 0)
    assert reader.closed <= 0.166
