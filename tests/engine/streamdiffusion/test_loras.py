"""LoRAs by their published calls: all or nothing is fused, and a refused one stands in no other's way."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from engine.streamdiffusion.stream import StreamDiffusion
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import (
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.checkpoints import published_layouts as layouts

ONE_THREAD = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
UNET = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
TEXT = "encoder.layers.0.self_attn.q_proj"


@pytest.fixture
def model(tmp_path: Path) -> StableDiffusion:
    return load_stable_diffusion(StableDiffusionSource(model=str(layouts.write_folder(tmp_path / "model"))))


def stream_of(model: StableDiffusion) -> StreamDiffusion:
    return StreamDiffusion(model, [45], width=16, height=16, runtime=ONE_THREAD)


def unet_weight(model: StableDiffusion) -> Tensor:
    return model.unet.get_submodule(UNET).get_parameter("weight").detach().clone()


def text_weight(model: StableDiffusion) -> Tensor:
    network = model.text_encoder
    name = next(name for name, _ in network.named_modules() if name.endswith(TEXT))
    return network.get_submodule(name).get_parameter("weight").detach().clone()


def tensors(model: StableDiffusion, width: int | None = None) -> dict[str, Tensor]:
    """An update of ones for one weight of each network; with ``width``, for another base."""
    out, into = unet_weight(model).shape
    text_out, text_in = text_weight(model).shape
    return {
        f"unet.{UNET}.lora.down.weight": torch.ones(1, width or into),
        f"unet.{UNET}.lora.up.weight": torch.ones(out, 1),
        f"text_encoder.text_model.{TEXT}.lora.down.weight": torch.ones(1, text_in),
        f"text_encoder.text_model.{TEXT}.lora.up.weight": torch.ones(text_out, 1),
    }


def test_a_refused_lora_changes_nothing_and_stands_in_no_others_way(
    model: StableDiffusion, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.safetensors", tmp_path / "bad.safetensors"
    save_file(tensors(model), good)
    save_file(tensors(model, width=7), bad)
    stream, before = stream_of(model), unet_weight(model)
    for path in (good, bad, good):
        stream.load_lora(str(path))
    with pytest.raises(CheckpointError, match=r"bad\.safetensors is for another base.*was dropped"):
        stream.fuse_lora()
    assert torch.equal(unet_weight(model), before)
    stream.fuse_lora(lora_scale=0.5)
    torch.testing.assert_close(unet_weight(model), before + 1.0)  # twice a half: both good ones
    stream.fuse_lora()
    torch.testing.assert_close(unet_weight(model), before + 1.0)


@pytest.mark.parametrize(("fuse_unet", "fuse_text_encoder"), [(True, False), (False, True), (False, False)])
def test_each_network_takes_its_part_only_if_asked(
    model: StableDiffusion, fuse_unet: bool, fuse_text_encoder: bool
) -> None:
    stream, unet, text = stream_of(model), unet_weight(model), text_weight(model)
    stream.load_lora(pretrained_lora_model_name_or_path_or_dict=tensors(model), adapter_name="style")
    stream.fuse_lora(fuse_unet, fuse_text_encoder, 0.25, False)
    torch.testing.assert_close(unet_weight(model), unet + 0.25 * fuse_unet)
    torch.testing.assert_close(text_weight(model), text + 0.25 * fuse_text_encoder)


def test_safe_fusing_refuses_what_is_not_finite(model: StableDiffusion) -> None:
    stream, before = stream_of(model), unet_weight(model)
    broken = {name: tensor * float("nan") for name, tensor in tensors(model).items()}
    stream.load_lcm_lora(pretrained_model_name_or_path_or_dict=broken)
    with pytest.raises(CheckpointError, match=r"would not be finite with lora_scale 1\.0"):
        stream.fuse_lora(safe_fusing=True)
    assert torch.equal(unet_weight(model), before)
    with pytest.raises(ValueError, match="finite lora_scale, got inf"):
        stream.fuse_lora(lora_scale=float("inf"))


def test_names_that_nothing_takes_are_refused(model: StableDiffusion) -> None:
    stream = stream_of(model)
    with pytest.raises(TypeError, match="weight_nam"):
        stream.load_lora("style", weight_nam="x")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="scale"):
        stream.fuse_lora(scale=0.5)  # type: ignore[call-arg]
