"""Live2Diff's checkpoint over a Stable Diffusion 1.5: motion modules and depth mapper join the base's UNet.

``live2diff.ckpt`` of Leoxing/Live2Diff holds 576 tensors: 20 motion modules of 28 and a depth mapper of 16.
All else is the base's: a folder or a single file (DreamBooth), with LoRAs fused, as
``stable_diffusion.load_stable_diffusion`` gives it. The file touches no weight of the base.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from models.checkpoints.diffusers_parts import read_config, without_memory
from models.checkpoints.fitting import fitted, misfit, shapes_of
from models.checkpoints.hub import local_folder
from models.checkpoints.published import (
    CheckpointError,
    fill_positions,
    own_state,
    published_shapes,
    read_nested,
)
from models.checkpoints.stable_diffusion import StableDiffusion
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.unet import TemporalConfig, UNet, UNetConfig

LIVE2DIFF_FILE = "live2diff.ckpt"
_MAPPER = "flow_conv_in."
_MOTION = ".motion_modules."
_WRAPPED, _NOT_WEIGHTS = "module.", "grid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live2DiffConfig:
    """Sizes of what the file holds; the defaults are the published ones.

    Attributes:
        temporal: Motion modules.
        mapper_widths: Channels of the depth mapper.
    """

    temporal: TemporalConfig = field(
        default_factory=lambda: TemporalConfig(max_frames=24, in_mid_block=False)
    )
    mapper_widths: tuple[int, ...] = PoseGuiderConfig().widths


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Live2DiffNetworks:
    """Ready to run (evaluation mode, no gradients).

    Attributes:
        unet: The base's layers with motion modules.
        depth_mapper: Latents of a depth picture to features that are added after ``conv_in``.
        base: Autoencoder, text encoder and tokenizer; its ``unet`` shares its weights with ours.
    """

    unet: UNet
    depth_mapper: PoseGuider
    base: StableDiffusion


def load_live2diff(
    file: Path, base: StableDiffusion, config: Live2DiffConfig | None = None
) -> Live2DiffNetworks:
    """Put the file's tensors over a base; numbers take the base's type and device.

    Args:
        file: ``live2diff.ckpt``.
        base: A Stable Diffusion 1.5, LoRAs fused; its tensors are shared, not copied.
        config: Sizes; None: the published ones.

    Raises:
        CheckpointError: The file is missing, damaged or of another model, or the base is not of the 1.5 kind.
    """
    sizes = Live2DiffConfig() if config is None else config
    return joined(read_live2diff(file), base, sizes, str(file))


def unet_sizes(model: str, config: Live2DiffConfig | None = None) -> UNetConfig:
    """Return the sizes of Live2Diff's UNet over a base, without reading any weights.

    Args:
        model: The base's folder or hub id on this disk, or a single file: then the published sizes are meant.
        config: Sizes of what the file adds; None: the published ones.

    Raises:
        CheckpointError: There is no such model, or it is not of the 1.5 kind.
    """
    sizes = Live2DiffConfig() if config is None else config
    if Path(model).expanduser().is_file():
        return UNetConfig(temporal=sizes.temporal)
    folder = local_folder(model) / "unet"
    unet = without_memory(UNet2DConditionModel.from_config, read_config(folder), str(folder))
    return replace(base_config(unet), temporal=sizes.temporal)


def read_live2diff(file: Path) -> dict[str, Tensor]:
    """Return the file's tensors by their names in the published network. Raises ``CheckpointError``."""
    tensors = {name.removeprefix(_WRAPPED): value for name, value in read_nested(file).items()}
    return {name: value for name, value in tensors.items() if _NOT_WEIGHTS not in name}


def joined(
    tensors: Mapping[str, Tensor], base: StableDiffusion, sizes: Live2DiffConfig, source: str
) -> Live2DiffNetworks:
    """Return the networks of a read file over a base. Raises ``CheckpointError``."""
    unet_config = replace(base_config(base.unet), temporal=sizes.temporal)
    with torch.device("meta"):
        unet = UNet(unet_config)
        mapper = depth_mapper(unet_config, sizes.mapper_widths)
    of_mapper = {
        name.removeprefix(_MAPPER): value for name, value in tensors.items() if name.startswith(_MAPPER)
    }
    of_unet = {name: value for name, value in tensors.items() if not name.startswith(_MAPPER)}
    _check_motion(unet, of_unet, source)
    weight = next(base.unet.parameters())
    placed = {name: value.to(weight) for name, value in of_unet.items()}
    state = own_state(unet, dict(base.unet.state_dict()) | placed, "the base model")
    unet.load_state_dict(state, assign=True)
    fill_positions(unet)
    return Live2DiffNetworks(
        unet=unet.eval().requires_grad_(requires_grad=False),
        depth_mapper=fitted(mapper, of_mapper, f"the depth mapper in {source}", weight.dtype).to(
            weight.device
        ),
        base=base,
    )


def depth_mapper(config: UNetConfig, widths: tuple[int, ...] = PoseGuiderConfig().widths) -> PoseGuider:
    """Return a depth mapper for a UNet, not loaded."""
    return PoseGuider(
        PoseGuiderConfig(
            in_channels=config.in_channels, widths=widths, out_channels=config.widths[0], stride=1
        )
    )


def base_config(unet: nn.Module) -> UNetConfig:
    """Return the sizes of diffusers' UNet as ours. Raises ``CheckpointError`` where ours has no such."""
    config: Any = unet.config
    heads = config.attention_head_dim
    if config.use_linear_projection or not isinstance(heads, int):
        raise CheckpointError("the base model is of the 2.x family; Live2Diff's file is for 1.5")
    return UNetConfig(
        in_channels=config.in_channels,
        widths=tuple(config.block_out_channels),
        layers=config.layers_per_block,
        heads=heads,
        prompt_dim=config.cross_attention_dim,
        groups=config.norm_num_groups,
    )


def _check_motion(unet: UNet, tensors: Mapping[str, Tensor], source: str) -> None:
    """Refuse a file that does not hold exactly the motion modules. Raises ``CheckpointError``."""
    wanted = {name: shape for name, shape in published_shapes(unet).items() if _MOTION in name}
    fault = misfit(wanted, shapes_of(tensors))
    if fault:
        raise CheckpointError(f"{source} does not fit the base model: {fault}")
