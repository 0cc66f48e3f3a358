"""A tiny Live2Diff in the published layout: a base's folder and ``live2diff.ckpt``, as a user has them."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.checkpoints.live2diff import Live2DiffConfig, base_config, depth_mapper
from models.networks.unet import UNet, UNetConfig
from tests.models.checkpoints import published_layouts as layouts
from tests.models.checkpoints.rain_files import published_weights
from tests.models.checkpoints.test_live2diff import with_motion


def write_base(folder: Path) -> Path:
    """A diffusers folder with tiny networks."""
    return layouts.write_folder(folder)


def write_files(folder: Path) -> Path:
    """Both, in ``base`` and ``live2diff.ckpt``; returns the folder."""
    write_base(folder / "base")
    write_motion(folder / "live2diff.ckpt")
    return folder


def motion_weights(base: UNetConfig) -> dict[str, Tensor]:
    """All that ``live2diff.ckpt`` adds to a base of these sizes, the depth mapper at its published widths."""
    config = with_motion(base)
    with torch.device("meta"):
        network = UNet(config)
    weights = published_weights(network, 3)
    motion = {name: value for name, value in weights.items() if "motion_modules" in name}
    mapper = published_weights(depth_mapper(config, Live2DiffConfig().mapper_widths), 4)
    return motion | {f"flow_conv_in.{name}": value for name, value in mapper.items()}


def write_motion(path: Path, weights: Mapping[str, Tensor] | None = None) -> Path:
    """``live2diff.ckpt`` for the base of ``write_base``; wrapped, as it is published."""
    if weights is None:
        weights = motion_weights(base_config(layouts.tiny_unet()))
    wrapped = {f"module.{name}": value for name, value in weights.items()}
    torch.save({"state_dict": wrapped, "global_step": 191999}, path)
    return path
