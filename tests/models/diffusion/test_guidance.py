"""Guidance: stock classifier-free guidance, and the residual noise against the published recursion."""

import torch
from torch import Tensor

from models.diffusion.consistency import Boundary
from models.diffusion.guidance import guide, guide_by_residual, residual_noise_of, z_from_negative
from models.diffusion.schedules import DiscreteSchedule, NoiseLevel, add_noise

SHAPE = (1, 4, 3, 3)
LEVELS = [DiscreteSchedule().level(t) for t in (639, 479, 299, 99)]
SCALE, DELTA = 1.4, 0.7


def randn(seed: int) -> Tensor:
    return torch.randn(SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def denoise(x: Tensor, epsilon: Tensor, level: NoiseLevel) -> Tensor:
    c_skip, c_out = Boundary().c_skip(level.timestep), Boundary().c_out(level.timestep)
    return c_out * (x - level.sigma * epsilon) / level.alpha + c_skip * x


def test_guidance_is_the_conditional_prediction_at_scale_one() -> None:
    cond, uncond = randn(1), randn(2)
    torch.testing.assert_close(guide(cond, uncond, 1.0), cond)
    torch.testing.assert_close(guide(cond, uncond, 2.0), 2.0 * cond - uncond)
    torch.testing.assert_close(guide(cond, uncond, torch.tensor(2.0)), 2.0 * cond - uncond)
    torch.testing.assert_close(guide_by_residual(cond, uncond, 2.0, 0.5), 2.0 * cond - 0.5 * uncond)


def test_residual_noise_equals_the_published_recursion() -> None:
    """StreamDiffusion updates a "stock noise" from step to step; ours needs the clean picture alone."""
    z, noises = randn(0), [randn(10 + i) for i in range(len(LEVELS))]
    x = add_noise(z, noises[0], LEVELS[0].alpha, LEVELS[0].sigma)
    stock = noises[0]
    for index, level in enumerate(LEVELS):
        torch.testing.assert_close(residual_noise_of(x, z, level), stock, rtol=0, atol=1e-6)
        cond = torch.tanh(x)
        epsilon = guide_by_residual(cond, residual_noise_of(x, z, level), SCALE, DELTA)
        if index + 1 == len(LEVELS):
            break
        following = LEVELS[index + 1]
        # Their update: the scheduler's step applied to sigma * stock, then the next level's noise.
        moved = denoise(level.sigma * stock, level.sigma * epsilon / level.sigma, level)
        stock = noises[index + 1] + following.alpha / following.sigma * moved
        x = add_noise(denoise(x, epsilon, level), noises[index + 1], following.alpha, following.sigma)


def test_negative_prediction_is_the_residual_of_its_own_picture() -> None:
    x, uncond = randn(1), randn(2)
    z = z_from_negative(x, uncond, LEVELS[0])
    torch.testing.assert_close(residual_noise_of(x, z, LEVELS[0]), uncond)
