"""Sinusoids of a timestep and of a guidance scale, and the small network that reads them."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_BASE = 10000.0
_SCALE_OF_GUIDANCE = 1000.0


def timestep_sinusoid(timesteps: Tensor, dim: int) -> Tensor:
    """Return the sinusoids of timesteps as Stable Diffusion orders them, [cos | sin].

    Args:
        timesteps: ``(F,)``, 0..999.
        dim: Width, even.

    Returns:
        ``(F, dim)`` float32, new memory.
    """
    half = dim // 2
    frequency = torch.exp(torch.arange(half, device=timesteps.device) * (-math.log(_BASE) / half))
    angle = timesteps.float()[:, None] * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)


def guidance_sinusoid(guidance_scale: Tensor, dim: int) -> Tensor:
    """Return the sinusoids of a guidance scale, [sin | cos] of ``1000 * scale * frequency``.

    The embedding of w of latent consistency models (arXiv:2310.04378); RAIN feeds the scale itself where
    LCM feeds scale - 1.

    Args:
        guidance_scale: ``(B,)``, unitless.
        dim: Width, even and above 2.

    Returns:
        ``(B, dim)`` float32, new memory.
    """
    half = dim // 2
    steps = torch.arange(half, device=guidance_scale.device)
    frequency = torch.exp(steps * (-math.log(_BASE) / (half - 1)))
    angle = _SCALE_OF_GUIDANCE * guidance_scale.float()[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class TimeEmbedding(nn.Module):
    """What every residual block is told: each frame's timestep, and the guidance scale of distilled networks.

    Args:
        dim: Width of the sinusoids.
        out_dim: Width of the embedding.
        guidance_dim: Width of the guidance scale's sinusoids; 0: the network takes none.
    """

    def __init__(self, dim: int, out_dim: int, guidance_dim: int = 0) -> None:
        super().__init__()
        self.dim = dim
        self.guidance_dim = guidance_dim
        self.linear_1 = nn.Linear(dim, out_dim)
        self.linear_2 = nn.Linear(out_dim, out_dim)
        if guidance_dim:
            self.cond_proj = nn.Linear(guidance_dim, dim, bias=False)
            nn.init.zeros_(self.cond_proj.weight)

    def forward(self, timesteps: Tensor, guidance_scale: Tensor | None) -> Tensor:
        """Embed.

        Args:
            timesteps: ``(F,)``.
            guidance_scale: ``(1,)`` for a network with ``guidance_dim``, else None.

        Returns:
            ``(F, out_dim)``.

        Raises:
            ValueError: a guidance scale is missing, or given to a network that takes none.
        """
        if (guidance_scale is None) == bool(self.guidance_dim):
            raise ValueError(f"guidance_dim is {self.guidance_dim}, got the guidance scale {guidance_scale}")
        dtype = self.linear_1.weight.dtype
        embedding = timestep_sinusoid(timesteps, self.dim).to(dtype)
        if guidance_scale is not None:
            embedding = embedding + self.cond_proj(
                guidance_sinusoid(guidance_scale, self.guidance_dim).to(dtype)
            )
        out: Tensor = self.linear_2(functional.silu(self.linear_1(embedding)))
        return out
