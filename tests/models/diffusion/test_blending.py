"""Mixing keeps what it mixes: ends, lengths, order of magnitude of noise."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.diffusion.blending import Interpolation, blend, blend_noise, normalised, slerp


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("interpolation", Interpolation)
def test_all_weight_on_one_gives_that_one(interpolation: Interpolation) -> None:
    points = [random(1, 77, 8, seed=seed) for seed in range(3)]
    for index in range(3):
        weights = [float(index == place) for place in range(3)]
        torch.testing.assert_close(blend(points, weights, interpolation), points[index])


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0.0, 1.0))
def test_slerp_turns_evenly_and_keeps_the_length(share: float) -> None:
    first, second = (
        torch.tensor([2.0, 0.0], dtype=torch.float64),
        torch.tensor([0.0, 2.0], dtype=torch.float64),
    )
    angle = torch.tensor(share * torch.pi / 2.0, dtype=torch.float64)
    expected = 2.0 * torch.stack([torch.cos(angle), torch.sin(angle)])
    torch.testing.assert_close(slerp(first, second, share), expected)


@pytest.mark.parametrize("factor", [1.0, 1.0 + 1e-9, 3.0, -1.0])
def test_slerp_of_parallel_points_is_straight_and_finite(factor: float) -> None:
    first = random(5, 4)
    mixed = slerp(first, factor * first, 0.25)
    assert bool(torch.isfinite(mixed).all())
    if factor > 0:
        torch.testing.assert_close(mixed, torch.lerp(first, factor * first, 0.25))


def test_slerp_of_nothing_is_nothing() -> None:
    assert bool((slerp(torch.zeros(3), torch.zeros(3), 0.5) == 0).all())


def test_straight_mixing_is_the_weighted_mean() -> None:
    points = [random(1, 3, 2, seed=seed) for seed in range(3)]
    expected = 0.5 * points[0] + 0.25 * points[1] + 0.25 * points[2]
    torch.testing.assert_close(blend(points, [2.0, 1.0, 1.0], Interpolation.LINEAR), expected)


@pytest.mark.parametrize("interpolation", Interpolation)
def test_mixed_noise_is_as_strong_as_noise(interpolation: Interpolation) -> None:
    noises = [random(2, 4, 32, 32, seed=seed) for seed in range(4)]
    mixed = blend_noise(noises, [0.4, 0.3, 0.2, 0.1], interpolation)
    assert mixed.std(dim=(1, 2, 3)).tolist() == pytest.approx([1.0, 1.0], abs=0.03)
    plain = sum(0.25 * noise for noise in noises)
    assert float(plain.std()) < 0.6


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -0.5], [float("inf"), 1.0], [float("nan")]])
def test_weights_that_mean_nothing_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights of at least 0"):
        normalised(weights)


def test_counts_and_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="each of 1 points, got 2"):
        blend([random(2)], [1.0, 1.0], Interpolation.LINEAR)
    with pytest.raises(ValueError, match=r"one shape, got \[\(2,\), \(3,\)\]"):
        blend([random(2), random(3)], [1.0, 1.0], Interpolation.LINEAR)
