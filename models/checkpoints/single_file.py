"""Reads a single-file checkpoint of Stable Diffusion 1 or 2 (``.safetensors``); sizes come from the shapes.

What the file does not say is fixed for the two families: 8 heads at every level (1.x) or heads of 64 (2.x),
32 groups, the autoencoder's scaling factor. Whether a network predicts noise or v is in the file's metadata
(``modelspec.prediction_type``), in a marker (``v_pred``), or has to be said.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from models.checkpoints import ldm_keys
from models.checkpoints.diffusers_parts import modern_attention, text_encoder_from, without_memory
from models.checkpoints.fitting import fitted
from models.checkpoints.published import CheckpointError, read_published
from models.checkpoints.whole import unreadable
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import DiscreteSchedule

_LATENT_CHANNELS = 4
_SCALING_FACTOR = 0.18215
_HEADS_1, _HEAD_DIM_2, _TEXT_HEAD_DIM = 8, 64, 64
_MARKERS = ("v_pred", "ztsnr")
_FIRST_TRANSFORMER = "attentions.0.transformer_blocks.0.attn2.to_k.weight"


class SingleFile:
    """A checkpoint in one file; its parts are built when they are asked for.

    Args:
        path: The ``.safetensors`` file.

    Raises:
        CheckpointError: No such file, half a download, or not Stable Diffusion 1 or 2.
    """

    def __init__(self, path: Path) -> None:
        self._name = str(path)
        tensors = read_published(path)
        self._markers = frozenset(tensors.keys() & set(_MARKERS))
        self._metadata = _metadata(path)
        self._unet = ldm_keys.part_of(tensors, ldm_keys.UNET)
        self._vae = ldm_keys.part_of(tensors, ldm_keys.VAE)
        self._clip = ldm_keys.part_of(tensors, ldm_keys.CLIP)
        self._open_clip = ldm_keys.part_of(tensors, ldm_keys.OPEN_CLIP)
        if any(name.startswith("conditioner.") for name in tensors):
            raise CheckpointError(f"{path} is Stable Diffusion XL, expected Stable Diffusion 1 or 2")
        if not self._unet or "input_blocks.0.0.weight" not in self._unet:
            first = next(iter(sorted(tensors)), "nothing")
            raise CheckpointError(f"{path} is no Stable Diffusion checkpoint: it begins with {first}")

    @property
    def is_second(self) -> bool:
        """Whether it is of the 2.x family."""
        return bool(self._open_clip)

    def unet(self, dtype: torch.dtype = torch.float32) -> nn.Module:
        """Return the UNet. Raises ``CheckpointError``."""
        tensors = ldm_keys.unet_tensors(self._unet)
        config = unet_config(tensors, ldm_keys.num_layers(self._unet), self._name)
        network = without_memory(UNet2DConditionModel.from_config, config, self._name)
        return fitted(network, tensors, f"the UNet in {self._name}", dtype)

    def vae(self, dtype: torch.dtype = torch.float32) -> nn.Module:
        """Return the autoencoder. Raises ``CheckpointError``, also where the file has none."""
        if not self._vae:
            raise CheckpointError(f"{self._name} holds no autoencoder: name one beside it")
        tensors = modern_attention(ldm_keys.vae_tensors(self._vae))
        network = without_memory(AutoencoderKL.from_config, vae_config(tensors), self._name)
        return fitted(network, tensors, f"the autoencoder in {self._name}", dtype)

    def text_encoder(self, dtype: torch.dtype = torch.float32) -> CLIPTextModel:
        """Return the text encoder. Raises ``CheckpointError``, also where the file has none."""
        if not (self._clip or self._open_clip):
            raise CheckpointError(f"{self._name} holds no text encoder: name a diffusers folder instead")
        bare = {name.removeprefix("text_model."): value for name, value in self._clip.items()}
        tensors = ldm_keys.open_clip_tensors(self._open_clip) if self.is_second else bare
        try:
            config = text_config(tensors, is_second=self.is_second)
        except KeyError as error:
            lacking = f"{error.args[0]} is missing"
            raise CheckpointError(f"the text encoder in {self._name} is incomplete: {lacking}") from error
        except ValueError as error:
            raise CheckpointError(f"the text encoder in {self._name} is of another kind") from error
        return text_encoder_from(config, tensors, f"the text encoder in {self._name}", dtype)

    def schedule(self, prediction: Prediction | None = None) -> tuple[DiscreteSchedule, Prediction]:
        """Return noise schedule and meaning of the prediction; ``prediction`` overrules the file."""
        stated = self._metadata.get("modelspec.prediction_type", "")
        said = Prediction.V if "v_pred" in self._markers or stated.startswith("v") else Prediction.EPSILON
        return DiscreteSchedule(zero_terminal_snr="ztsnr" in self._markers), prediction or said


def unet_config(tensors: Mapping[str, Tensor], layers: int, source: str) -> dict[str, Any]:
    """Return diffusers' configuration of a UNet, read off its tensors' shapes.

    Raises:
        CheckpointError: It has no cross-attention, or takes something else than latents.
    """
    channels = int(tensors["conv_in.weight"].shape[1])
    if channels != _LATENT_CHANNELS:
        raise CheckpointError(
            f"the UNet in {source} takes {channels} channels (inpainting?), expected {_LATENT_CHANNELS}"
        )
    widths = [int(value.shape[0]) for value in _of_levels(tensors, "down_blocks.{}.resnets.0.conv1.weight")]
    attends = [f"down_blocks.{level}.{_FIRST_TRANSFORMER}" in tensors for level in range(len(widths))]
    if not any(attends):
        raise CheckpointError(f"the UNet in {source} has no cross-attention: it takes no prompt")
    first = attends.index(True)
    is_linear = tensors[f"down_blocks.{first}.attentions.0.proj_in.weight"].ndim == 2  # noqa: PLR2004 - matrix
    downs = ["CrossAttnDownBlock2D" if attend else "DownBlock2D" for attend in attends]
    ups = ["CrossAttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)]
    return {
        "in_channels": channels,
        "out_channels": int(tensors["conv_out.weight"].shape[0]),
        "block_out_channels": tuple(widths),
        "layers_per_block": layers,
        "down_block_types": tuple(downs),
        "up_block_types": tuple(ups),
        "cross_attention_dim": int(tensors[f"down_blocks.{first}.{_FIRST_TRANSFORMER}"].shape[1]),
        "use_linear_projection": is_linear,
        "attention_head_dim": [max(1, w // _HEAD_DIM_2) for w in widths] if is_linear else _HEADS_1,
    }


def vae_config(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return diffusers' configuration of a KL autoencoder, read off its tensors' shapes."""
    widths = [
        int(value.shape[0]) for value in _of_levels(tensors, "encoder.down_blocks.{}.resnets.0.conv1.weight")
    ]
    layers = len(_of_levels(tensors, "encoder.down_blocks.0.resnets.{}.conv1.weight"))
    return {
        "block_out_channels": tuple(widths),
        "layers_per_block": layers,
        "down_block_types": ("DownEncoderBlock2D",) * len(widths),
        "up_block_types": ("UpDecoderBlock2D",) * len(widths),
        "latent_channels": int(tensors["post_quant_conv.weight"].shape[1]),
        "scaling_factor": _SCALING_FACTOR,
    }


def text_config(tensors: Mapping[str, Tensor], *, is_second: bool) -> CLIPTextConfig:
    """Return a text encoder's configuration, read off its tensors' shapes. Raises ``KeyError``."""
    vocabulary, width = tensors["embeddings.token_embedding.weight"].shape
    return CLIPTextConfig(
        vocab_size=int(vocabulary),
        hidden_size=int(width),
        intermediate_size=int(tensors["encoder.layers.0.mlp.fc1.weight"].shape[0]),
        num_hidden_layers=len(_of_levels(tensors, "encoder.layers.{}.layer_norm1.weight")),
        num_attention_heads=max(1, int(width) // _TEXT_HEAD_DIM),
        max_position_embeddings=int(tensors["embeddings.position_embedding.weight"].shape[0]),
        hidden_act="gelu" if is_second else "quick_gelu",
        bos_token_id=int(vocabulary) - 2,
        eos_token_id=int(vocabulary) - 1,
        pad_token_id=int(vocabulary) - 1,
    )


def _of_levels(tensors: Mapping[str, Tensor], pattern: str) -> list[Tensor]:
    """Return the tensors of levels 0, 1, ... while there are any."""
    found: list[Tensor] = []
    while pattern.format(len(found)) in tensors:
        found.append(tensors[pattern.format(len(found))])
    return found


def _metadata(path: Path) -> dict[str, str]:
    if path.suffix != ".safetensors":
        return {}
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise unreadable(path) from error
