"""How single-file checkpoints of Stable Diffusion 1 and 2 name what diffusers' networks hold.

The names are those of the latent-diffusion code (arXiv:2112.10752): one flat list of input and output blocks
of the UNet, the autoencoder under ``first_stage_model``, the text encoder under ``cond_stage_model``, which
is CLIP as transformers names it (1.x) or as OpenCLIP does (2.x). All is read off names and shapes.
"""

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP, OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."

_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_OUTSIDE = {
    "input_blocks.0.0": "conv_in",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "middle_block.0": "mid_block.resnets.0",
    "middle_block.1": "mid_block.attentions.0",
    "middle_block.2": "mid_block.resnets.1",
}
_BLOCK = re.compile(r"(input|output)_blocks\.(\d+)\.(\d+)\.(.+)")
_VAE_LEVEL = re.compile(r"(encoder|decoder)\.(down|up)\.(\d+)\.(block\.(\d+)|downsample|upsample)\.(.+)")
_VAE_MIDDLE = re.compile(r"(encoder|decoder)\.mid\.(block_1|block_2|attn_1)\.(.+)")
_VAE_MIDDLE_NAMES = {"block_1": "resnets.0", "block_2": "resnets.1", "attn_1": "attentions.0"}
_VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
_OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_OPEN_CLIP_OUTSIDE = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_OPEN_CLIP_BLOCK = re.compile(r"transformer\.resblocks\.(\d+)\.(.+)")


def part_of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def unet_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the UNet's tensors by diffusers' names; input: names without ``UNET``."""
    layers = num_layers(tensors)
    return {_unet_name(name, layers): value for name, value in tensors.items()}


def num_layers(tensors: Mapping[str, Tensor]) -> int:
    """Return how many resnets a level has: blocks before the first that only shrinks the picture."""
    shrinking = [int(name.split(".")[1]) for name in tensors if name.endswith(".0.op.weight")]
    blocks = [int(name.split(".")[1]) for name in tensors if name.startswith("input_blocks.")]
    return min(shrinking) - 1 if shrinking else max(blocks)


def _unet_name(name: str, layers: int) -> str:
    block = _BLOCK.fullmatch(name)
    if block is None or name.startswith("input_blocks.0."):
        for old, new in _OUTSIDE.items():
            if name.startswith(f"{old}."):
                return _resnet_name(name.replace(old, new, 1))
        return name
    side, rest = block[1], block[4]
    index, place = int(block[2]) - (side == "input"), int(block[3])
    level, layer = divmod(index, layers + 1)
    if side == "input" and rest.startswith("op."):
        return f"down_blocks.{level}.downsamplers.0.conv.{rest.removeprefix('op.')}"
    if side == "output" and rest.startswith("conv."):
        return f"up_blocks.{level}.upsamplers.0.{rest}"
    blocks = "down_blocks" if side == "input" else "up_blocks"
    kind = "attentions" if place else "resnets"
    return _resnet_name(f"{blocks}.{level}.{kind}.{layer}.{rest}")


def _resnet_name(name: str) -> str:
    if ".resnets." not in name:
        return name
    for old, new in _RESNET.items():
        name = name.replace(f".{old}.", f".{new}.")
    return name


def vae_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the autoencoder's tensors by diffusers' names; input: names without ``VAE``."""
    num_levels = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("decoder.up."))
    renamed = {}
    for name, value in tensors.items():
        new = _vae_name(name, num_levels)
        is_projection = ".attentions." in new and ".to_" in new
        renamed[new] = value.flatten(1) if is_projection and value.ndim > 1 else value
    return renamed


def _vae_name(name: str, num_levels: int) -> str:
    level = _VAE_LEVEL.fullmatch(name)
    if level is not None:
        side, way, rest = level[1], level[2], level[6].replace("nin_shortcut", "conv_shortcut")
        index = int(level[3]) if way == "down" else num_levels - 1 - int(level[3])
        kind = f"resnets.{level[5]}" if level[5] else f"{level[4]}rs.0"  # "downsample" -> "downsamplers.0"
        return f"{side}.{way}_blocks.{index}.{kind}.{rest}"
    middle = _VAE_MIDDLE.fullmatch(name)
    if middle is not None:
        rest = middle[3]
        if middle[2] == "attn_1":
            part, _, kind = rest.rpartition(".")
            rest = f"{_VAE_ATTENTION.get(part, part)}.{kind}"
        return f"{middle[1]}.mid_block.{_VAE_MIDDLE_NAMES[middle[2]]}.{rest}"
    return name.replace(".norm_out.", ".conv_norm_out.")


def open_clip_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return OpenCLIP's text encoder by CLIP's names, without its last layer: 2.x takes the one before.

    Input: names without ``OPEN_CLIP``.
    """
    last = max(int(match[1]) for match in map(_OPEN_CLIP_BLOCK.fullmatch, tensors) if match)
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        block = _OPEN_CLIP_BLOCK.fullmatch(name)
        if block is not None and int(block[1]) < last:
            renamed |= dict(_open_clip_layer(f"encoder.layers.{block[1]}", block[2], value))
        elif name in _OPEN_CLIP_OUTSIDE:
            renamed[_OPEN_CLIP_OUTSIDE[name]] = value
    return renamed


def _open_clip_layer(layer: str, rest: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    if rest.startswith("attn.in_proj_"):
        kind = rest.removeprefix("attn.in_proj_")
        for letter, third in zip("qkv", torch.chunk(value, 3), strict=True):
            yield f"{layer}.self_attn.{letter}_proj.{kind}", third
        return
    part, _, kind = rest.rpartition(".")
    yield f"{layer}.{_OPEN_CLIP_LAYER.get(part, part)}.{kind}", value
