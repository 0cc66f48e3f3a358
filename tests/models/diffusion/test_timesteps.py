"""Timestep grids against diffusers' and against the published systems."""

from itertools import pairwise

import pytest
from diffusers import DDIMScheduler, LCMScheduler

from models.diffusion.timesteps import (
    FlowTimesteps,
    LcmIndexTimesteps,
    LcmTimesteps,
    LeadingTimesteps,
    ListedTimesteps,
    StrengthTimesteps,
    TimestepGrid,
    TrailingTimesteps,
)

NUM_STEPS = (1, 2, 3, 4, 5, 7, 8, 20, 50)


@pytest.mark.parametrize("num_steps", NUM_STEPS)
def test_trailing_and_leading_equal_diffusers(num_steps: int) -> None:
    theirs = DDIMScheduler(timestep_spacing="trailing")
    theirs.set_timesteps(num_steps)
    assert TrailingTimesteps()(num_steps) == tuple(theirs.timesteps.tolist())
    for offset in (0, 1):
        theirs = DDIMScheduler(timestep_spacing="leading", steps_offset=offset)
        theirs.set_timesteps(num_steps)
        if max(theirs.timesteps) < 1000:
            assert LeadingTimesteps(steps_offset=offset)(num_steps) == tuple(theirs.timesteps.tolist())


@pytest.mark.parametrize("num_steps", NUM_STEPS)
def test_lcm_grid_equals_diffusers(num_steps: int) -> None:
    theirs = LCMScheduler()
    theirs.set_timesteps(num_steps, original_inference_steps=50)
    assert LcmTimesteps()(num_steps) == tuple(theirs.timesteps.tolist())


def test_published_grids() -> None:
    assert TrailingTimesteps()(4) == (999, 749, 499, 249)
    grid = LcmIndexTimesteps(t_index_lists=((45,), (32, 45), (18, 26, 35, 45)))
    assert grid(1) == (99,)
    assert grid(2) == (359, 99)
    assert grid(4) == (639, 479, 299, 99)
    assert FlowTimesteps()(4) == (1.0, 0.75, 0.5, 0.25)
    assert FlowTimesteps(timestep_scale=1000.0)(2) == (1000.0, 500.0)


@pytest.mark.parametrize(
    ("grid", "num_steps"),
    [
        (TrailingTimesteps(), 0),
        (TrailingTimesteps(), 1001),
        (LeadingTimesteps(), 0),
        (LcmTimesteps(), 51),
        (LcmIndexTimesteps(t_index_lists=((45,),)), 2),
        (ListedTimesteps(lists=((999.0, 0.0),)), 3),
        (FlowTimesteps(), 0),
    ],
)
def test_grids_refuse_a_count_that_they_lack(grid: TimestepGrid, num_steps: int) -> None:
    with pytest.raises(ValueError, match=str(num_steps)):
        grid(num_steps)


@pytest.mark.parametrize("grid", [TrailingTimesteps(), LeadingTimesteps(), LcmTimesteps(), FlowTimesteps()])
def test_grids_fall(grid: TimestepGrid) -> None:
    for num_steps in range(1, 51):
        timesteps = grid(num_steps)
        assert len(timesteps) == num_steps
        assert all(later < earlier for earlier, later in pairwise(timesteps))


def test_strength_gives_the_published_styles() -> None:
    grid = LcmTimesteps().original()
    for strength, num_steps, indices in ((0.4, 2, (30, 40)), (0.5, 4, (25, 31, 37, 43)), (1.0, 1, (0,))):
        expected = tuple(grid[index] for index in indices)
        assert StrengthTimesteps(strength=strength)(num_steps) == expected
    with pytest.raises(ValueError, match=r"1\.2"):
        StrengthTimesteps(strength=1.2)
    with pytest.raises(ValueError, match="2"):
        StrengthTimesteps(strength=0.02)(2)
