"""Stable Diffusion checkpoints with everything that a stream of pictures needs, from any published form.

A source is a diffusers folder, a hub id, or a single ``.safetensors`` file. Beside it: LoRA files (LCM-LoRA
among them), fused into the weights each with its own scale; a small autoencoder (TAESD); ControlNets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import nn

from models.checkpoints.diffusers_parts import (
    load_controlnet,
    load_text_encoder,
    load_tokenizer,
    load_unet,
    load_vae,
    read_schedule,
    schedule_from,
)
from models.checkpoints.hub import LCM_LORA, TAESD, local_folder, lora_file, tokenizer_folder
from models.checkpoints.lora import fuse_lora, read_lora
from models.checkpoints.published import CheckpointError
from models.checkpoints.single_file import SingleFile
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import DiscreteSchedule

__all__ = [
    "LCM_LORA",
    "TAESD",
    "LoraError",
    "StableDiffusion",
    "StableDiffusionSource",
    "Tokenizer",
    "check_controlnet",
    "from_pipeline",
    "load_stable_diffusion",
    "lora_file",
]

Tokenizer: TypeAlias = Any
"""Called as transformers' ``CLIPTokenizer``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StableDiffusion:
    """One checkpoint, loaded. The networks are diffusers' and transformers' own.

    Attributes:
        unet: ``UNet2DConditionModel``.
        vae: ``AutoencoderTiny`` or ``AutoencoderKL``.
        text_encoder: ``CLIPTextModel``.
        tokenizer: ``CLIPTokenizer``, or None where none could be found: then prompts come as embeddings.
        schedule: Noise level of each timestep.
        prediction: Meaning of the UNet's output.
        controlnets: ``ControlNetModel`` each.
    """

    unet: nn.Module
    vae: nn.Module
    text_encoder: nn.Module
    tokenizer: Tokenizer | None
    schedule: DiscreteSchedule
    prediction: Prediction
    controlnets: tuple[nn.Module, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StableDiffusionSource:
    """What to load.

    Attributes:
        model: Folder, hub id or ``.safetensors`` file.
        loras: LoRA file, folder or hub id -> scale; fused in this order.
        vae: Folder or hub id of another autoencoder, such as ``TAESD``; None takes the model's own.
        tokenizer: Folder of a tokenizer for a single file, which holds none.
        controlnets: Folders or hub ids.
        prediction: Overrules what the model says of itself; None believes it.
        dtype: Of the weights in memory.
    """

    model: str
    loras: Mapping[str, float] = field(default_factory=dict)
    vae: str | None = None
    tokenizer: str | None = None
    controlnets: tuple[str, ...] = ()
    prediction: Prediction | None = None
    dtype: torch.dtype = torch.float32


class LoraError(CheckpointError):
    """A LoRA is missing, damaged or made for another model.

    Args:
        error: What is wrong with it.
        name: As it was given.
    """

    def __init__(self, error: CheckpointError, name: str) -> None:
        super().__init__(str(error), sentence=error.sentence, detail=error.detail)
        self.name = name


def load_stable_diffusion(source: StableDiffusionSource) -> StableDiffusion:
    """Load a checkpoint and what belongs to it.

    Raises:
        CheckpointError: Something is missing, damaged, incomplete or of another model; ``LoraError`` where it
            is a LoRA.
    """
    path = Path(source.model).expanduser()
    loaded = _from_file(path, source) if path.is_file() else _from_folder(source)
    for name, scale in source.loras.items():
        _fuse(name, scale, loaded)
    controlnets = tuple(load_controlnet(local_folder(name), source.dtype) for name in source.controlnets)
    for name, controlnet in zip(source.controlnets, controlnets, strict=True):
        check_controlnet(name, controlnet, loaded.unet)
    return replace(loaded, controlnets=controlnets)


def _fuse(name: str, scale: float, loaded: StableDiffusion) -> None:
    try:
        fuse_lora(read_lora(lora_file(name)), loaded.unet, loaded.text_encoder, scale)
    except CheckpointError as error:
        raise LoraError(error, name) from error


def from_pipeline(pipeline: Any) -> StableDiffusion:
    """Return the parts of a diffusers pipeline (or of anything with the same attributes).

    Raises:
        CheckpointError: Its scheduler's noise schedule is not one that we know.
    """
    if isinstance(pipeline, StableDiffusion):
        return pipeline
    schedule, prediction = schedule_from(pipeline.scheduler.config, type(pipeline).__name__)
    return StableDiffusion(
        unet=pipeline.unet,
        vae=pipeline.vae,
        text_encoder=pipeline.text_encoder,
        tokenizer=pipeline.tokenizer,
        schedule=schedule,
        prediction=prediction,
    )


def check_controlnet(name: str, controlnet: Any, unet: Any) -> None:
    """Refuse a ControlNet for another base. Raises ``CheckpointError``."""
    wanted, got = unet.config.cross_attention_dim, controlnet.config.cross_attention_dim
    if wanted != got:
        raise CheckpointError(f"the ControlNet {name} is for prompts of width {got}, the model has {wanted}")
    if tuple(unet.config.block_out_channels) != tuple(controlnet.config.block_out_channels):
        raise CheckpointError(
            f"the ControlNet {name} has widths {tuple(controlnet.config.block_out_channels)}, "
            f"the model {tuple(unet.config.block_out_channels)}"
        )


def _from_folder(source: StableDiffusionSource) -> StableDiffusion:
    folder = local_folder(source.model)
    schedule, prediction = read_schedule(folder / "scheduler")
    return StableDiffusion(
        unet=load_unet(folder / "unet", source.dtype),
        vae=load_vae(folder / "vae" if source.vae is None else local_folder(source.vae), source.dtype),
        text_encoder=load_text_encoder(folder / "text_encoder", source.dtype),
        tokenizer=_tokenizer(folder if source.tokenizer is None else Path(source.tokenizer).expanduser()),
        schedule=schedule,
        prediction=source.prediction or prediction,
    )


def _from_file(path: Path, source: StableDiffusionSource) -> StableDiffusion:
    if path.suffix != ".safetensors":
        raise CheckpointError(f"{path} is a {path.suffix or 'file without ending'}, expected .safetensors")
    file = SingleFile(path)
    schedule, prediction = file.schedule(source.prediction)
    vae = file.vae(source.dtype) if source.vae is None else load_vae(local_folder(source.vae), source.dtype)
    return StableDiffusion(
        unet=file.unet(source.dtype),
        vae=vae,
        text_encoder=file.text_encoder(source.dtype),
        tokenizer=_tokenizer(
            path.parent if source.tokenizer is None else Path(source.tokenizer).expanduser()
        ),
        schedule=schedule,
        prediction=prediction,
    )


def _tokenizer(folder: Path) -> Tokenizer | None:
    """Return the tokenizer in a folder or in its ``tokenizer`` sub-folder, or None where there is none."""
    found = tokenizer_folder(folder)
    return None if found is None else load_tokenizer(found)
