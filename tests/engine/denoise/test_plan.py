"""Plans: where each step of a frame arrives."""

from dataclasses import replace

import pytest

from engine.denoise.plan import build_plan
from engine.denoise.presets import RAIN
from engine.denoise.settings import Landing

EVEN = replace(RAIN.diffusion, landing=Landing.EVEN)


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 8, 10])
def test_an_even_stride_is_the_next_timestep_where_it_divides(steps: int) -> None:
    assert build_plan(EVEN, steps, 1).weights == build_plan(RAIN.diffusion, steps, 1).weights


def test_an_even_stride_lands_beside_the_next_timestep_where_it_does_not_divide() -> None:
    """Three steps are told 999, 666, 332; the published sampler puts the noise of 333 on at the second."""
    plan = build_plan(EVEN, 3, 1)
    assert [level.timestep for level in plan.levels] == [999.0, 666.0, 332.0]
    landed = RAIN.diffusion.schedule.level(333.0)
    assert plan.weights[1].of_noise == landed.sigma
    assert build_plan(RAIN.diffusion, 3, 1).weights[1].of_noise == plan.levels[2].sigma != landed.sigma
    assert plan.weights[0].of_noise == plan.levels[1].sigma
    assert plan.weights[2].of_noise == 0.0


def test_an_even_stride_may_end_before_the_picture_is_clean() -> None:
    """Seven steps end at timestep 142, and 142 below that is 0, not below it: a little noise stays."""
    assert build_plan(EVEN, 7, 1).weights[-1].of_noise == RAIN.diffusion.schedule.level(0.0).sigma > 0.0
