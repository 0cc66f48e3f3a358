"""The shaking tracker of the flicker score: calm without noise, calmer than its noise with it."""

import numpy as np
import pytest

from models.training.characters import NEUTRAL, held_out_character, held_out_performance
from models.training.driving import performance_of
from tests.bench.unsteady import UnsteadyTracker

CHARACTER = held_out_character(1)


def openness(jitter: float, frames: int = 40) -> np.ndarray:
    tracker = UnsteadyTracker(CHARACTER, jitter, seed=3)
    read = [tracker.read(NEUTRAL, number, number / 25) for number in range(frames)]
    return np.array([[one.expression.eye_open_left, one.head.x, one.head.yaw_deg] for one in read])


def test_a_still_face_without_noise_reads_as_it_is() -> None:
    clean = performance_of(CHARACTER, NEUTRAL)
    assert openness(0.0) == pytest.approx(
        np.tile([clean.expression.eye_open_left, clean.head.x, clean.head.yaw_deg], (40, 1)), abs=1e-6
    )


def test_noise_comes_through_smoothing_smaller_and_not_at_all_gone() -> None:
    shaken = openness(0.5 / 256)
    clean = performance_of(CHARACTER, NEUTRAL)
    raw = 0.5 / 256 * np.sqrt(2) / (0.4 * clean.head.scale)  # of a lid gap over about this width of an eye
    assert 0.02 * raw < shaken[5:, 0].std() < raw
    assert 0 < shaken[5:, 1].std() < 0.5 / 256
    assert np.abs(shaken[:, 2] - clean.head.yaw_deg).max() < 2.0


def test_a_moving_face_is_followed() -> None:
    acts = held_out_performance(1, 50)
    tracker = UnsteadyTracker(CHARACTER, 0.0, seed=0)
    read = [tracker.read(act, number, number / 25) for number, act in enumerate(acts)]
    yaw = np.array([one.head.yaw_deg for one in read])
    assert np.corrcoef(yaw, [act.yaw_deg for act in acts])[0, 1] > 0.95
