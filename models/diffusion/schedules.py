"""Noise schedules: how much of the picture and how much noise stand in the latents at a timestep.

Everything here follows one form, ``x_t = alpha * x0 + sigma * noise``; a schedule says ``alpha`` and
``sigma`` of a timestep. ``alpha`` is the square root of diffusers' ``alphas_cumprod``, ``sigma`` the standard
deviation of the noise inside ``x_t``. Tables are float64: the coefficients that come from them are rounded
once, at the end.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseLevel:
    """One point of a schedule.

    Attributes:
        timestep: What the network is told, in its own units (0..999, or 0..1 for a flow).
        alpha: Weight of the clean latents, 0..1.
        sigma: Weight of the noise, 0..1.
    """

    timestep: float
    alpha: float
    sigma: float


CLEAN = NoiseLevel(timestep=0.0, alpha=1.0, sigma=0.0)
"""Where the last step leads: no noise at all (diffusers' ``set_alpha_to_one``)."""


class NoiseSchedule(Protocol):
    """What the solvers know of a schedule. Thread: any."""

    def level(self, timestep: float) -> NoiseLevel:
        """Return the noise level at ``timestep``. Raises ``ValueError`` outside the schedule."""
        ...


class BetaSchedule(Enum):
    """How beta grows over the training steps."""

    LINEAR = "linear"
    SCALED_LINEAR = "scaled_linear"


def linear_betas(num_train_timesteps: int, beta_start: float, beta_end: float) -> Tensor:
    """Return betas on a straight line (DDPM, arXiv:2006.11239): ``(T,)`` float64."""
    return torch.linspace(beta_start, beta_end, num_train_timesteps, dtype=torch.float64)


def scaled_linear_betas(num_train_timesteps: int, beta_start: float, beta_end: float) -> Tensor:
    """Return betas whose square roots lie on a straight line (Stable Diffusion): ``(T,)`` float64."""
    return linear_betas(num_train_timesteps, beta_start**0.5, beta_end**0.5) ** 2


def alphas_cumprod_from_betas(betas: Tensor) -> Tensor:
    """Return ``prod(1 - beta)`` up to each timestep (DDPM's alpha-bar): ``(T,)``."""
    return torch.cumprod(1.0 - betas, dim=0)


def rescale_zero_terminal_snr(alphas_cumprod: Tensor) -> Tensor:
    """Shift and scale the schedule so that its last timestep is noise alone.

    Lin et al., arXiv:2305.08891, Algorithm 1, on alpha-bar instead of beta: the first value stays, the last
    becomes 0.

    Args:
        alphas_cumprod: ``(T,)``, falling.

    Returns:
        ``(T,)``, new memory.
    """
    alpha = alphas_cumprod.sqrt()
    first, last = alpha[0].clone(), alpha[-1].clone()
    return ((alpha - last) * first / (first - last)) ** 2


@lru_cache(maxsize=16)
def _alphas_cumprod(schedule: "DiscreteSchedule") -> Tensor:
    build = {BetaSchedule.LINEAR: linear_betas, BetaSchedule.SCALED_LINEAR: scaled_linear_betas}
    betas = build[schedule.betas](schedule.num_train_timesteps, schedule.beta_start, schedule.beta_end)
    table = alphas_cumprod_from_betas(betas)
    return rescale_zero_terminal_snr(table) if schedule.zero_terminal_snr else table


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscreteSchedule:
    """A variance-preserving schedule over whole timesteps: ``alpha**2 + sigma**2 = 1``.

    Attributes:
        betas: Shape of the beta curve.
        beta_start: First beta.
        beta_end: Last beta.
        num_train_timesteps: Length T of the table.
        zero_terminal_snr: Whether the last timestep is pure noise.
    """

    betas: BetaSchedule = BetaSchedule.SCALED_LINEAR
    beta_start: float = 0.00085
    beta_end: float = 0.012
    num_train_timesteps: int = 1000
    zero_terminal_snr: bool = False

    def level(self, timestep: float) -> NoiseLevel:
        """Return the noise level at a whole timestep, 0..T-1. Raises ``ValueError`` for any other."""
        index = int(timestep)
        if index != timestep or not 0 <= index < self.num_train_timesteps:
            raise ValueError(f"timestep {timestep} is not one of 0..{self.num_train_timesteps - 1}")
        alpha_bar = float(_alphas_cumprod(self)[index])
        return NoiseLevel(timestep=timestep, alpha=alpha_bar**0.5, sigma=(1.0 - alpha_bar) ** 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSchedule:
    """The straight path of flow matching (Lipman et al., arXiv:2210.02747): ``x_t = (1-t) x0 + t noise``.

    t = 0 is clean, t = 1 is noise, as in diffusers; StreamDiT's paper counts the other way.

    Attributes:
        timestep_scale: What the network calls t = 1: 1, or 1000 in diffusers' flow models.
    """

    timestep_scale: float = 1.0

    def level(self, timestep: float) -> NoiseLevel:
        """Return the noise level at a timestep, 0..``timestep_scale``. Raises ``ValueError`` outside it."""
        t = timestep / self.timestep_scale
        if not 0.0 <= t <= 1.0:
            raise ValueError(f"timestep {timestep} lies outside 0..{self.timestep_scale}")
        return NoiseLevel(timestep=timestep, alpha=1.0 - t, sigma=t)


def add_noise(x0: Tensor, noise: Tensor, alpha: Tensor | float, sigma: Tensor | float) -> Tensor:
    """Return ``alpha * x0 + sigma * noise`` (arXiv:2006.11239, Eq. 4), new memory.

    Args:
        x0: Clean latents, ``(F, C, h, w)``.
        noise: Standard normal, the same shape.
        alpha: Weight of ``x0``, a number or ``(F, 1, 1, 1)``.
        sigma: Weight of ``noise``, a number or ``(F, 1, 1, 1)``.
    """
    return alpha * x0 + sigma * noise
