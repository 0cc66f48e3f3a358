"""One step of each solver: from the noise level of ``x_t`` to the next.

The step of every solver here is linear in what goes in, ``x_next = of_x * x_t + of_x0 * x0_pred +
of_noise * noise``. Together with the prediction's weights and the boundary scalings it folds into three
numbers per noise level, which is all that the rolling buffer's hot loop needs: one multiply and two
multiply-adds over the whole buffer, whatever the system.
"""

from dataclasses import dataclass
from enum import Enum

from torch import Tensor

from models.diffusion.consistency import Boundary
from models.diffusion.prediction import Prediction, x0_weights
from models.diffusion.schedules import NoiseLevel


class Solver(Enum):
    """How a step gets to the next noise level."""

    RENOISE = "renoise"
    """Take the clean latents and put noise on them again (LCM, arXiv:2310.04378, multistep sampling)."""
    RESCALE = "rescale"
    """As ``RENOISE``, with the noise left out (StreamDiffusion's ``do_add_noise=False``)."""
    DDIM = "ddim"
    """Keep the noise that the network saw (Song et al., arXiv:2010.02502, Eq. 12 with sigma = 0)."""
    EULER = "euler"
    """Follow the velocity of a flow on a straight line (arXiv:2210.02747)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverWeights:
    """A solver's step: ``x_next = of_x * x_t + of_x0 * x0_pred + of_noise * noise``."""

    of_x: float
    of_x0: float
    of_noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWeights:
    """A whole step: ``x_next = of_x * x_t + of_output * output + of_noise * noise``."""

    of_x: float
    of_output: float
    of_noise: float


def renoise_weights(following: NoiseLevel) -> SolverWeights:
    """Return ``x_next = alpha' * x0_pred + sigma' * noise`` as weights; primes mean the next level."""
    return SolverWeights(of_x=0.0, of_x0=following.alpha, of_noise=following.sigma)


def rescale_weights(following: NoiseLevel) -> SolverWeights:
    """Return ``x_next = alpha' * x0_pred`` as weights: the level's noise is left out."""
    return SolverWeights(of_x=0.0, of_x0=following.alpha, of_noise=0.0)


def ddim_weights(level: NoiseLevel, following: NoiseLevel) -> SolverWeights:
    """Return ``x_next = alpha' * x0_pred + sigma' * (x_t - alpha * x0_pred) / sigma`` as weights."""
    ratio = following.sigma / level.sigma
    return SolverWeights(of_x=ratio, of_x0=following.alpha - ratio * level.alpha, of_noise=0.0)


def euler_weights(level: NoiseLevel, following: NoiseLevel) -> SolverWeights:
    """Return ``x_next = x_t + (t' - t) * (x_t - x0_pred) / t``, where ``t = sigma``, as weights."""
    ratio = following.sigma / level.sigma
    return SolverWeights(of_x=ratio, of_x0=1.0 - ratio, of_noise=0.0)


def solver_weights(solver: Solver, level: NoiseLevel, following: NoiseLevel) -> SolverWeights:
    """Return a solver's step from ``level`` to ``following``.

    Args:
        solver: Which.
        level: Where ``x_t`` stands; its sigma is above 0.
        following: Where it shall go; ``schedules.CLEAN`` for the last step.

    Raises:
        ValueError: ``level`` holds no noise and the solver needs it, or an Euler step leaves the straight
            path.
    """
    if solver is Solver.RENOISE:
        return renoise_weights(following)
    if solver is Solver.RESCALE:
        return rescale_weights(following)
    if level.sigma <= 0.0:
        raise ValueError(f"no step starts from timestep {level.timestep}, where sigma is {level.sigma}")
    if solver is Solver.DDIM:
        return ddim_weights(level, following)
    for point in (level, following):
        if abs(point.alpha + point.sigma - 1.0) > 1e-9:  # noqa: PLR2004 - rounding of 1 - t in float64
            raise ValueError(f"an Euler step needs alpha + sigma = 1, got {point.alpha} + {point.sigma}")
    return euler_weights(level, following)


def step_weights(
    solver: Solver,
    prediction: Prediction,
    level: NoiseLevel,
    following: NoiseLevel,
    boundary: Boundary | None = None,
) -> StepWeights:
    """Fold prediction, boundary scalings and solver into the weights of one step.

    Args:
        solver: How to get to ``following``.
        prediction: Meaning of the network's output.
        level: Where ``x_t`` stands.
        following: Where it shall go; ``schedules.CLEAN`` for the last step.
        boundary: Scalings of a consistency model; None takes the predicted clean latents as they are.

    Raises:
        ValueError: The prediction or the solver cannot work at ``level``.
    """
    x_in_x0, output_in_x0 = x0_weights(prediction, level)
    if boundary is not None:
        c_skip, c_out = boundary.c_skip(level.timestep), boundary.c_out(level.timestep)
        x_in_x0, output_in_x0 = c_out * x_in_x0 + c_skip, c_out * output_in_x0
    weights = solver_weights(solver, level, following)
    return StepWeights(
        of_x=weights.of_x + weights.of_x0 * x_in_x0,
        of_output=weights.of_x0 * output_in_x0,
        of_noise=weights.of_noise,
    )


def step(x: Tensor, output: Tensor, noise: Tensor, weights: StepWeights) -> Tensor:
    """Return ``x_next``, new memory.

    Args:
        x: ``(F, C, h, w)`` at the level that ``weights`` start from.
        output: The network's output for ``x``, the same shape.
        noise: Standard normal, the same shape; its weight is 0 in solvers that use none and in last steps.
        weights: From ``step_weights``.
    """
    return weights.of_x * x + weights.of_output * output + weights.of_noise * noise
