"""Each solver's step against diffusers' schedulers, step by step, with the same noise.

Tolerance 2e-5 relative to the step's result: diffusers keeps its tables in float32, ours are float64; all
else is float64 here.
"""

from itertools import pairwise

import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler, LCMScheduler
from torch import Tensor

from models.diffusion.consistency import Boundary
from models.diffusion.prediction import Prediction, epsilon_from_x0, x0_from_output
from models.diffusion.schedules import CLEAN, DiscreteSchedule, FlowSchedule, NoiseLevel, NoiseSchedule
from models.diffusion.solvers import Solver, step, step_weights
from models.diffusion.timesteps import FlowTimesteps, LcmTimesteps, LeadingTimesteps, TrailingTimesteps

THEIR_NAME = {Prediction.EPSILON: "epsilon", Prediction.V: "v_prediction", Prediction.X0: "sample"}
SHAPE = (2, 4, 3, 3)
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def network(x: Tensor, timestep: float) -> Tensor:
    return torch.tanh(x * 1.3 - 0.2) * (0.5 + timestep / 2000.0)


def assert_near(ours: Tensor, theirs: Tensor) -> None:
    assert float((ours - theirs).norm() / theirs.norm()) < 2e-5


def levels_of(schedule: NoiseSchedule, timesteps: tuple[float, ...]) -> list[tuple[NoiseLevel, NoiseLevel]]:
    levels = [*(schedule.level(t) for t in timesteps), CLEAN]
    return list(pairwise(levels))


@pytest.mark.parametrize(
    ("prediction", "zero_terminal_snr"),
    # Epsilon says nothing at the first level of a schedule that ends in pure noise.
    [*((prediction, False) for prediction in THEIR_NAME), (Prediction.V, True), (Prediction.X0, True)],
)
@pytest.mark.parametrize("num_steps", [1, 2, 4, 8])
def test_renoise_equals_lcm_scheduler(
    prediction: Prediction, zero_terminal_snr: bool, num_steps: int
) -> None:
    theirs = LCMScheduler(
        **BETAS, prediction_type=THEIR_NAME[prediction], rescale_betas_zero_snr=zero_terminal_snr
    )
    theirs.set_timesteps(num_steps, original_inference_steps=50)
    x = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected, noise_source = x.clone(), torch.Generator().manual_seed(2)
    for timestep in theirs.timesteps:
        expected = theirs.step(network(expected, float(timestep)), timestep, expected, noise_source)[0]
    noise_source = torch.Generator().manual_seed(2)
    schedule = DiscreteSchedule(zero_terminal_snr=zero_terminal_snr)
    for level, following in levels_of(schedule, LcmTimesteps()(num_steps)):
        weights = step_weights(Solver.RENOISE, prediction, level, following, Boundary())
        noise = torch.randn(SHAPE, dtype=torch.float64, generator=noise_source)
        x = step(x, network(x, level.timestep), noise, weights)
    assert_near(x, expected)


@pytest.mark.parametrize("prediction", THEIR_NAME)
@pytest.mark.parametrize("grid", [TrailingTimesteps(), LeadingTimesteps(steps_offset=1)])
@pytest.mark.parametrize("num_steps", [1, 4, 10])
def test_ddim_equals_ddim_scheduler(
    prediction: Prediction, grid: TrailingTimesteps | LeadingTimesteps, num_steps: int
) -> None:
    spacing = {"timestep_spacing": "trailing"} if isinstance(grid, TrailingTimesteps) else {"steps_offset": 1}
    theirs = DDIMScheduler(
        **BETAS, **spacing, prediction_type=THEIR_NAME[prediction], clip_sample=False, set_alpha_to_one=True
    )
    theirs.set_timesteps(num_steps)
    x = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    timesteps = grid(num_steps)
    for (level, following), timestep in zip(
        levels_of(DiscreteSchedule(), timesteps), theirs.timesteps, strict=True
    ):
        output = network(x, level.timestep)
        weights = step_weights(Solver.DDIM, prediction, level, following)
        ours = step(x, output, torch.zeros_like(x), weights)
        # Leading grids end one step above 0; diffusers then goes on to timestep 1 - spacing < 0: clean.
        expected = theirs.step(output, timestep, x)[0]
        assert_near(ours, expected)
        x = expected


@pytest.mark.parametrize("num_steps", [1, 2, 4, 8])
def test_euler_equals_flow_match_scheduler(num_steps: int) -> None:
    theirs = FlowMatchEulerDiscreteScheduler()
    timesteps = FlowTimesteps()(num_steps)
    theirs.set_timesteps(sigmas=list(timesteps))
    x = torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    for (level, following), timestep in zip(
        levels_of(FlowSchedule(), timesteps), theirs.timesteps, strict=True
    ):
        velocity = network(x, level.timestep)
        weights = step_weights(Solver.EULER, Prediction.VELOCITY, level, following)
        # Theirs computes in float32.
        expected = theirs.step(velocity, timestep, x.float())[0].double()
        assert_near(step(x, velocity, torch.zeros_like(x), weights), expected)
        x = expected


def test_ddim_on_a_straight_path_is_an_euler_step() -> None:
    level, following = FlowSchedule().level(0.75), FlowSchedule().level(0.5)
    ddim = step_weights(Solver.DDIM, Prediction.X0, level, following)
    euler = step_weights(Solver.EULER, Prediction.X0, level, following)
    assert ddim.of_x == pytest.approx(euler.of_x)
    assert ddim.of_output == pytest.approx(euler.of_output)


@pytest.mark.parametrize("solver", [Solver.RENOISE, Solver.DDIM])
@pytest.mark.parametrize("prediction", [Prediction.EPSILON, Prediction.V, Prediction.X0])
def test_every_prediction_of_the_truth_leads_to_the_truth(solver: Solver, prediction: Prediction) -> None:
    x0, noise = torch.randn(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    level, following = DiscreteSchedule().level(700), DiscreteSchedule().level(300)
    x = level.alpha * x0 + level.sigma * noise
    truth = {
        Prediction.EPSILON: noise,
        Prediction.V: level.alpha * noise - level.sigma * x0,
        Prediction.X0: x0,
    }[prediction]
    torch.testing.assert_close(x0_from_output(prediction, x, truth, level), x0)
    weights = step_weights(solver, prediction, level, following)
    torch.testing.assert_close(step(x, truth, noise, weights), following.alpha * x0 + following.sigma * noise)
    torch.testing.assert_close(epsilon_from_x0(x, x0, level), noise)


def test_velocity_of_the_truth_leads_to_the_truth() -> None:
    x0, noise = torch.randn(2, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    level, following = FlowSchedule().level(0.75), FlowSchedule().level(0.25)
    x = 0.25 * x0 + 0.75 * noise
    torch.testing.assert_close(x0_from_output(Prediction.VELOCITY, x, noise - x0, level), x0)
    weights = step_weights(Solver.EULER, Prediction.VELOCITY, level, following)
    torch.testing.assert_close(step(x, noise - x0, noise, weights), 0.75 * x0 + 0.25 * noise)


def test_boundary_scalings_equal_diffusers() -> None:
    theirs = LCMScheduler()
    for timestep in (0, 1, 19, 99, 499, 999):
        c_skip, c_out = theirs.get_scalings_for_boundary_condition_discrete(timestep)
        assert Boundary().c_skip(timestep) == pytest.approx(float(c_skip))
        assert Boundary().c_out(timestep) == pytest.approx(float(c_out))
    assert Boundary().c_skip(0.0) == 1.0
    assert Boundary().c_out(0.0) == 0.0


def test_impossible_steps_are_refused() -> None:
    noise_only = DiscreteSchedule(zero_terminal_snr=True).level(999)
    following = DiscreteSchedule().level(500)
    with pytest.raises(ValueError, match="999"):
        step_weights(Solver.RENOISE, Prediction.EPSILON, noise_only, following)
    with pytest.raises(ValueError, match="sigma"):
        step_weights(Solver.DDIM, Prediction.X0, CLEAN, following)
    with pytest.raises(ValueError, match="alpha"):
        step_weights(Solver.EULER, Prediction.X0, DiscreteSchedule().level(700), following)
