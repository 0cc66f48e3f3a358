"""Stable Diffusion's networks as graphs with flat, named inputs: what a runtime loads.

The networks themselves are diffusers' (``UNet2DConditionModel``, ``ControlNetModel``, ``AutoencoderTiny``,
``AutoencoderKL``): LoRA files, ControlNets and fine-tuned checkpoints of any size name their parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.networks.pocket_graphs import Graph

LATENT_STRIDE = 8
PICTURE_CHANNELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TextUnetShape:
    """What decides the shapes of a text-conditioned UNet's graph.

    Attributes:
        frames: F, all frames that are evaluated at once.
        height, width: Of the latents, in cells.
        prompt_tokens: L, 77.
        is_prompt_per_frame: Whether every frame has a prompt of its own, or all share one.
    """

    frames: int
    height: int
    width: int
    prompt_tokens: int = 77
    is_prompt_per_frame: bool = False


class TextUnet(nn.Module):
    """A UNet, and the ControlNets whose residuals are added inside it, as one module.

    Args:
        unet: ``diffusers.UNet2DConditionModel``.
        controlnets: ``diffusers.ControlNetModel`` each, for the same base.
    """

    def __init__(self, unet: nn.Module, controlnets: Sequence[nn.Module] = ()) -> None:
        super().__init__()
        self.unet = unet
        self.controlnets = nn.ModuleList(controlnets)

    def forward(
        self,
        latents: Tensor,
        levels: Tensor,
        prompt_embeds: Tensor,
        control_image: Tensor | None = None,
        control_scales: Tensor | None = None,
    ) -> Tensor:
        """Predict.

        Args:
            latents: ``(F, C, h, w)``.
            levels: ``(F,)``, each frame's timestep.
            prompt_embeds: ``(1, L, D)`` for all frames, or ``(F, L, D)``.
            control_image: ``(F, n * 3, 8h, 8w)`` 0..1, three channels for each of n ControlNets.
            control_scales: ``(1 or F, n)``, the weight of each.

        Returns:
            ``(F, C, h, w)``.
        """
        prompt = prompt_embeds.expand(latents.shape[0], -1, -1)
        extra: dict[str, Any] = {}
        if control_image is not None and control_scales is not None:
            down, mid = self._residuals((latents, levels, prompt), control_image, control_scales)
            extra = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        out: Tensor = self.unet(latents, levels, prompt, return_dict=False, **extra)[0]
        return out

    def _residuals(
        self, inputs: tuple[Tensor, Tensor, Tensor], images: Tensor, scales: Tensor
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the sum over the ControlNets; each frame's residuals are its own level's."""
        latents, levels, prompt = inputs
        sums: list[Tensor] = []
        for index, controlnet in enumerate(self.controlnets):
            image = images[:, PICTURE_CHANNELS * index : PICTURE_CHANNELS * (index + 1)]
            down, mid = controlnet(latents, levels, prompt, controlnet_cond=image, return_dict=False)
            scale = scales[:, index, None, None, None]
            scaled = [residual * scale for residual in (*down, mid)]
            sums = scaled if not sums else [a + b for a, b in zip(sums, scaled, strict=True)]
        return tuple(sums[:-1]), sums[-1]


class _Encoder(nn.Module):
    """Pixels to latents without drawing: a KL autoencoder gives its mode, so a still picture stays still."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae
        self.is_tiny = not hasattr(vae, "quant_conv")
        self.scaling_factor = float(vae.config.scaling_factor)

    def forward(self, pixels: Tensor) -> Tensor:
        if self.is_tiny:
            latents: Tensor = self.vae.encode(pixels, return_dict=False)[0]
        else:
            latents = self.vae.encode(pixels, return_dict=False)[0].mode()
        return latents * self.scaling_factor


class _Decoder(nn.Module):
    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae
        self.scaling_factor = float(vae.config.scaling_factor)

    def forward(self, latents: Tensor) -> Tensor:
        pixels: Tensor = self.vae.decode(latents / self.scaling_factor, return_dict=False)[0]
        return pixels


def text_unet_graph(network: TextUnet, shape: TextUnetShape) -> Graph:
    """A UNet over all frames of the buffer; ``prediction (F, C, h, w)``."""
    config: Any = network.unet.config
    device = next(network.parameters()).device
    prompts = shape.frames if shape.is_prompt_per_frame else 1
    inputs = {
        "latents": torch.zeros(shape.frames, config.in_channels, shape.height, shape.width, device=device),
        "levels": torch.zeros(shape.frames, device=device),
        "prompt_embeds": torch.zeros(prompts, shape.prompt_tokens, config.cross_attention_dim, device=device),
    }
    count = len(network.controlnets)
    if count:
        size = (LATENT_STRIDE * shape.height, LATENT_STRIDE * shape.width)
        inputs["control_image"] = torch.zeros(shape.frames, PICTURE_CHANNELS * count, *size, device=device)
        inputs["control_scales"] = torch.ones(prompts, count, device=device)
    return Graph(network.eval(), inputs, ("prediction",))


def encoder_graph(vae: nn.Module, frames: int, height: int, width: int) -> Graph:
    """An encoder for ``frames`` pictures of ``height`` x ``width`` pixels, -1..1; scaled ``latents``."""
    device = next(vae.parameters()).device
    pixels = torch.zeros(frames, PICTURE_CHANNELS, height, width, device=device)
    return Graph(_Encoder(vae).eval(), {"pixels": pixels}, ("latents",))


def decoder_graph(vae: nn.Module, frames: int, height: int, width: int) -> Graph:
    """A decoder for ``frames`` scaled latents of ``height`` x ``width`` cells; ``pixels``, about -1..1."""
    config: Any = vae.config
    device = next(vae.parameters()).device
    latents = torch.zeros(frames, config.latent_channels, height, width, device=device)
    return Graph(_Decoder(vae).eval(), {"latents": latents}, ("pixels",))
