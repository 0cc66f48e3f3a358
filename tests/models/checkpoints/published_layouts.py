"""Writes checkpoints in their published layouts, tiny or at full size (then as shapes without memory).

The names of the single-file layout are enumerated here from the latent-diffusion architecture, block by
block; nothing of the code under test is used.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

Shapes = Iterator[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Sizes of a checkpoint.

    Attributes:
        widths: Of the UNet's levels; all but the last attend.
        prompt_dim: Width of the text encoder.
        text_layers: As the file holds them.
        is_second: Stable Diffusion 2: linear projections, OpenCLIP.
    """

    widths: tuple[int, ...] = (32, 64)
    vae_widths: tuple[int, ...] = (32, 64)
    prompt_dim: int = 32
    text_layers: int = 3
    vocabulary: int = 100
    is_second: bool = False


TINY_1, TINY_2 = Family(), Family(is_second=True, widths=(64, 128), prompt_dim=64)
FULL_1 = Family(
    widths=(320, 640, 1280, 1280),
    vae_widths=(128, 256, 512, 512),
    prompt_dim=768,
    text_layers=12,
    vocabulary=49408,
)
FULL_2 = Family(
    widths=(320, 640, 1280, 1280),
    vae_widths=(128, 256, 512, 512),
    prompt_dim=1024,
    text_layers=24,
    vocabulary=49408,
    is_second=True,
)


def layer(name: str, *shape: int) -> Shapes:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def ldm_unet(family: Family) -> Shapes:
    width, embed = family.widths[0], 4 * family.widths[0]
    yield from layer("time_embed.0", embed, width)
    yield from layer("time_embed.2", embed, embed)
    yield from layer("input_blocks.0.0", width, 4, 3, 3)
    skips = [width]
    yield from ldm_inputs(family, embed, skips)
    now = family.widths[-1]
    yield from ldm_resnet("middle_block.0", now, now, embed)
    yield from ldm_transformer("middle_block.1", now, family)
    yield from ldm_resnet("middle_block.2", now, now, embed)
    yield from ldm_outputs(family, embed, skips)
    yield from layer("out.0", width)
    yield from layer("out.2", 4, width, 3, 3)


def ldm_inputs(family: Family, embed: int, skips: list[int]) -> Shapes:
    index, last = 1, len(family.widths) - 1
    for level, width in enumerate(family.widths):
        for _ in range(2):
            yield from ldm_resnet(f"input_blocks.{index}.0", skips[-1], width, embed)
            if level < last:
                yield from ldm_transformer(f"input_blocks.{index}.1", width, family)
            skips.append(width)
            index += 1
        if level < last:
            yield from layer(f"input_blocks.{index}.0.op", width, width, 3, 3)
            skips.append(width)
            index += 1


def ldm_outputs(family: Family, embed: int, skips: list[int]) -> Shapes:
    now, index, last = family.widths[-1], 0, len(family.widths) - 1
    for level in reversed(range(len(family.widths))):
        width = family.widths[level]
        for place in range(3):
            yield from ldm_resnet(f"output_blocks.{index}.0", now + skips.pop(), width, embed)
            now = width
            if level < last:
                yield from ldm_transformer(f"output_blocks.{index}.1", width, family)
            if place == 2 and level > 0:
                after = 2 if level < last else 1
                yield from layer(f"output_blocks.{index}.{after}.conv", width, width, 3, 3)
            index += 1


def ldm_resnet(name: str, before: int, after: int, embed: int) -> Shapes:
    yield from layer(f"{name}.in_layers.0", before)
    yield from layer(f"{name}.in_layers.2", after, before, 3, 3)
    yield from layer(f"{name}.emb_layers.1", after, embed)
    yield from layer(f"{name}.out_layers.0", after)
    yield from layer(f"{name}.out_layers.3", after, after, 3, 3)
    if before != after:
        yield from layer(f"{name}.skip_connection", after, before, 1, 1)


def ldm_transformer(name: str, width: int, family: Family) -> Shapes:
    kernel = () if family.is_second else (1, 1)
    yield from layer(f"{name}.norm", width)
    for end in ("proj_in", "proj_out"):
        yield from layer(f"{name}.{end}", width, width, *kernel)
    block = f"{name}.transformer_blocks.0"
    for attention, dim in (("attn1", width), ("attn2", family.prompt_dim)):
        yield f"{block}.{attention}.to_q.weight", (width, width)
        yield f"{block}.{attention}.to_k.weight", (width, dim)
        yield f"{block}.{attention}.to_v.weight", (width, dim)
        yield from layer(f"{block}.{attention}.to_out.0", width, width)
    yield from layer(f"{block}.ff.net.0.proj", 8 * width, width)
    yield from layer(f"{block}.ff.net.2", width, 4 * width)
    for norm in ("norm1", "norm2", "norm3"):
        yield from layer(f"{block}.{norm}", width)


def ldm_vae(family: Family) -> Shapes:
    now = family.vae_widths[-1]
    yield from vae_encoder(family.vae_widths)
    for side in ("encoder", "decoder"):
        yield from vae_resnet(f"{side}.mid.block_1", now, now)
        yield from layer(f"{side}.mid.attn_1.norm", now)
        for part in ("q", "k", "v", "proj_out"):
            yield from layer(f"{side}.mid.attn_1.{part}", now, now, 1, 1)
        yield from vae_resnet(f"{side}.mid.block_2", now, now)
    yield from layer("quant_conv", 8, 8, 1, 1)
    yield from layer("post_quant_conv", 4, 4, 1, 1)
    yield from vae_decoder(family.vae_widths)


def vae_encoder(widths: tuple[int, ...]) -> Shapes:
    now = widths[0]
    yield from layer("encoder.conv_in", now, 3, 3, 3)
    for level, width in enumerate(widths):
        for block in range(2):
            yield from vae_resnet(f"encoder.down.{level}.block.{block}", now, width)
            now = width
        if level < len(widths) - 1:
            yield from layer(f"encoder.down.{level}.downsample.conv", width, width, 3, 3)
    yield from layer("encoder.norm_out", now)
    yield from layer("encoder.conv_out", 8, now, 3, 3)


def vae_decoder(widths: tuple[int, ...]) -> Shapes:
    now = widths[-1]
    yield from layer("decoder.conv_in", now, 4, 3, 3)
    for level in reversed(range(len(widths))):
        for block in range(3):
            yield from vae_resnet(f"decoder.up.{level}.block.{block}", now, widths[level])
            now = widths[level]
        if level > 0:
            yield from layer(f"decoder.up.{level}.upsample.conv", now, now, 3, 3)
    yield from layer("decoder.norm_out", now)
    yield from layer("decoder.conv_out", 3, now, 3, 3)


def vae_resnet(name: str, before: int, after: int) -> Shapes:
    yield from layer(f"{name}.norm1", before)
    yield from layer(f"{name}.conv1", after, before, 3, 3)
    yield from layer(f"{name}.norm2", after)
    yield from layer(f"{name}.conv2", after, after, 3, 3)
    if before != after:
        yield from layer(f"{name}.nin_shortcut", after, before, 1, 1)


def clip(family: Family) -> Shapes:
    width = family.prompt_dim
    yield "text_model.embeddings.token_embedding.weight", (family.vocabulary, width)
    yield "text_model.embeddings.position_embedding.weight", (77, width)
    yield "text_model.embeddings.position_ids", (1, 77)
    for index in range(family.text_layers):
        name = f"text_model.encoder.layers.{index}"
        for part in "qkv":
            yield from layer(f"{name}.self_attn.{part}_proj", width, width)
        yield from layer(f"{name}.self_attn.out_proj", width, width)
        yield from layer(f"{name}.layer_norm1", width)
        yield from layer(f"{name}.layer_norm2", width)
        yield from layer(f"{name}.mlp.fc1", 4 * width, width)
        yield from layer(f"{name}.mlp.fc2", width, 4 * width)
    yield from layer("text_model.final_layer_norm", width)


def open_clip(family: Family) -> Shapes:
    width = family.prompt_dim
    yield "token_embedding.weight", (family.vocabulary, width)
    yield "positional_embedding", (77, width)
    yield "text_projection", (width, width)
    yield "logit_scale", ()
    for index in range(family.text_layers):
        name = f"transformer.resblocks.{index}"
        yield f"{name}.attn.in_proj_weight", (3 * width, width)
        yield f"{name}.attn.in_proj_bias", (3 * width,)
        yield from layer(f"{name}.attn.out_proj", width, width)
        yield from layer(f"{name}.ln_1", width)
        yield from layer(f"{name}.ln_2", width)
        yield from layer(f"{name}.mlp.c_fc", 4 * width, width)
        yield from layer(f"{name}.mlp.c_proj", width, 4 * width)
    yield from layer("ln_final", width)


def single_file_shapes(family: Family) -> dict[str, tuple[int, ...]]:
    """Names and shapes of everything that a published single file holds."""
    text = open_clip(family) if family.is_second else clip(family)
    prefix = "cond_stage_model.model." if family.is_second else "cond_stage_model.transformer."
    return {
        **{f"model.diffusion_model.{name}": shape for name, shape in ldm_unet(family)},
        **{f"first_stage_model.{name}": shape for name, shape in ldm_vae(family)},
        **{f"{prefix}{name}": shape for name, shape in text},
        "alphas_cumprod": (1000,),
        "model_ema.decay": (),
    }


def single_file_tensors(family: Family) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(7)
    return {
        name: torch.randn(shape, generator=generator) * 0.05
        for name, shape in single_file_shapes(family).items()
    }


def write_single_file(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> Path:
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata=metadata)
    return path


def tiny_unet(**changes: Any) -> UNet2DConditionModel:
    torch.manual_seed(1)
    sizes = {
        "block_out_channels": (32, 64),
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": 32,
        "norm_num_groups": 8,
        "layers_per_block": 1,
        "attention_head_dim": 4,
        "sample_size": 8,
    }
    return UNet2DConditionModel(**{**sizes, **changes}).eval()


def tiny_taesd() -> AutoencoderTiny:
    torch.manual_seed(2)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(16, 16, 16, 16), decoder_block_out_channels=(16, 16, 16, 16)
    ).eval()
    for part in vae.modules():  # by default, so little comes through that pictures hardly differ
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    return vae


def tiny_kl() -> AutoencoderKL:
    torch.manual_seed(3)
    return AutoencoderKL(
        block_out_channels=(16, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=8,
        layers_per_block=1,
    ).eval()


def tiny_controlnet(unet: UNet2DConditionModel) -> ControlNetModel:
    torch.manual_seed(4)
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 8, 16)).eval()
    for name, parameter in controlnet.named_parameters():  # published ones are not zero any more
        if "controlnet" in name:
            nn.init.normal_(parameter, std=0.2)
    return controlnet


TEXT_CONFIG = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 600,
    "max_position_embeddings": 77,
    "bos_token_id": 598,
    "eos_token_id": 599,
    "pad_token_id": 599,
    "hidden_act": "quick_gelu",
    "model_type": "clip_text_model",
}


def tiny_text_encoder() -> CLIPTextModel:
    torch.manual_seed(5)
    return CLIPTextModel(CLIPTextConfig(**TEXT_CONFIG)).eval()


def write_tokenizer(folder: Path) -> None:
    """A tokenizer of bytes, with the field's 256 symbols alone and at the end of a word."""
    folder.mkdir(parents=True)
    codes = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(code) for code in codes] + [chr(256 + index) for index in range(256 - len(codes))]
    words = [*symbols, *(f"{symbol}</w>" for symbol in symbols)]
    names = [*words, *(f"<unused{i}>" for i in range(598 - len(words))), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({name: index for index, name in enumerate(names)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77}))


SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
}


def write_part(folder: Path, network: nn.Module, config: Mapping[str, Any], weights: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dict(config)))
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, folder / weights)


def config_of(network: Any) -> dict[str, Any]:
    return {"_class_name": type(network).__name__, **network.config}


def write_folder(
    folder: Path, *, unet: nn.Module | None = None, vae: nn.Module | None = None, **scheduler: Any
) -> Path:
    """A diffusers folder with tiny networks."""
    unet, vae = unet or tiny_unet(), vae or tiny_taesd()
    write_part(folder / "unet", unet, config_of(unet), "diffusion_pytorch_model.safetensors")
    write_part(folder / "vae", vae, config_of(vae), "diffusion_pytorch_model.safetensors")
    text = tiny_text_encoder()
    prefix = "" if any(name.startswith("text_model.") for name in text.state_dict()) else "text_model."
    (folder / "text_encoder").mkdir()
    (folder / "text_encoder" / "config.json").write_text(json.dumps(TEXT_CONFIG))
    published = {f"{prefix}{name}": value.contiguous() for name, value in text.state_dict().items()}
    save_file(published, folder / "text_encoder" / "model.safetensors")
    write_tokenizer(folder / "tokenizer")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({**SCHEDULER, **scheduler}))
    return folder
