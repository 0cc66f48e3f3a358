"""Tiny checkpoints in RAIN's published layout."""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoints.published import published_shapes
from models.checkpoints.rain import MOTION_UNET, POSE_GUIDER, REFERENCE_UNET, TAESDV, RainConfig
from models.networks.attention import sinusoidal_positions
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.taesdv import Taesdv
from models.networks.unet import TemporalConfig, UNet, UNetConfig

_UNET = {"widths": (8, 16, 24, 24), "heads": 2, "prompt_dim": 12, "groups": 4}
TINY = RainConfig(
    denoiser=UNetConfig(**_UNET, guidance_dim=8, temporal=TemporalConfig(heads=2, max_frames=16, groups=8)),
    reference=UNetConfig(**_UNET, has_output=False),
    pose_guider=PoseGuiderConfig(widths=(4, 6, 8, 10), out_channels=8),
    decoder_width=8,
)


def networks_of(config: RainConfig) -> dict[str, nn.Module]:
    return {
        MOTION_UNET: UNet(config.denoiser),
        REFERENCE_UNET: UNet(config.reference),
        POSE_GUIDER: PoseGuider(config.pose_guider),
        TAESDV: Taesdv(config.decoder_width),
    }


def published_weights(network: nn.Module, seed: int) -> "OrderedDict[str, Tensor]":
    """Random weights under the published names, with the tables of positions."""
    generator = torch.Generator().manual_seed(seed)
    weights = OrderedDict()
    for name, shape in published_shapes(network).items():
        if name.endswith(".pe"):
            weights[name] = sinusoidal_positions(*shape[1:])[None]
        else:
            spread = 0.7 / max(torch.Size(shape[1:]).numel(), 1) ** 0.5
            is_norm = "norm" in name and name.endswith(".weight")
            weights[name] = torch.randn(shape, generator=generator) * spread + (1.0 if is_norm else 0.0)
    return weights


def write_rain(folder: Path, config: RainConfig = TINY) -> None:
    """Write the four files."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, network) in enumerate(networks_of(config).items()):
        torch.save(published_weights(network, seed), folder / name)
