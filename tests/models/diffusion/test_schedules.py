"""Schedules against diffusers' tables."""

import pytest
import torch
from diffusers import DDIMScheduler

from models.diffusion.schedules import (
    CLEAN,
    BetaSchedule,
    DiscreteSchedule,
    FlowSchedule,
    add_noise,
    alphas_cumprod_from_betas,
    rescale_zero_terminal_snr,
    scaled_linear_betas,
)


@pytest.mark.parametrize("betas", BetaSchedule)
@pytest.mark.parametrize("zero_terminal_snr", [False, True])
@pytest.mark.parametrize("beta_end", [0.012, 0.020])
def test_levels_equal_the_table_of_diffusers(
    betas: BetaSchedule, zero_terminal_snr: bool, beta_end: float
) -> None:
    theirs = DDIMScheduler(
        beta_start=0.00085,
        beta_end=beta_end,
        beta_schedule=betas.value,
        rescale_betas_zero_snr=zero_terminal_snr,
    )
    ours = DiscreteSchedule(betas=betas, beta_end=beta_end, zero_terminal_snr=zero_terminal_snr)
    for timestep in (0, 249, 500, 749, 999):
        level = ours.level(timestep)
        # Theirs is computed in float32, and its rescaling goes through betas and back.
        assert level.alpha**2 == pytest.approx(float(theirs.alphas_cumprod[timestep]), rel=2e-5, abs=2e-6)
        assert level.alpha**2 + level.sigma**2 == pytest.approx(1.0)


def test_zero_terminal_snr_keeps_the_first_level_and_ends_in_noise() -> None:
    table = alphas_cumprod_from_betas(scaled_linear_betas(1000, 0.00085, 0.012))
    rescaled = rescale_zero_terminal_snr(table)
    assert float(rescaled[0]) == pytest.approx(float(table[0]), rel=1e-12)
    assert float(rescaled[-1]) == 0.0
    assert DiscreteSchedule(zero_terminal_snr=True).level(999).alpha == 0.0


@pytest.mark.parametrize("timestep", [-1, 1000, 10.5])
def test_discrete_schedule_refuses_what_is_not_a_timestep(timestep: float) -> None:
    with pytest.raises(ValueError, match=str(timestep)):
        DiscreteSchedule().level(timestep)


def test_flow_goes_from_picture_to_noise_on_a_straight_line() -> None:
    assert FlowSchedule().level(0.25).alpha == 0.75
    assert FlowSchedule().level(0.25).sigma == 0.25
    assert FlowSchedule(timestep_scale=1000.0).level(250.0).sigma == 0.25
    with pytest.raises(ValueError, match=r"1\.5"):
        FlowSchedule().level(1.5)


def test_add_noise_mixes_by_alpha_and_sigma() -> None:
    x0, noise = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    level = DiscreteSchedule().level(500)
    theirs = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    expected = theirs.add_noise(x0, noise, torch.full((3,), 500))
    torch.testing.assert_close(add_noise(x0, noise, level.alpha, level.sigma), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(add_noise(x0, noise, CLEAN.alpha, CLEAN.sigma), x0, rtol=0, atol=0)
