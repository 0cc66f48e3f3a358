"""LoRA files in their published namings are fused with their own alpha; another base is refused untouched."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.checkpoints.lora import fuse_lora, read_lora
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import lora_file
from tests.models.checkpoints import published_layouts as layouts

RANK, ALPHA = 2, 1.0
ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0.attn1"
CONVOLUTION = "down_blocks.0.resnets.0.conv1"
TEXT = "encoder.layers.0.self_attn.q_proj"
# naming -> (layer's prefix, down, up): to_q, to_out, a convolution, and the text encoder's q_proj.
NAMINGS = {
    "one word": (
        [
            f"lora_unet_{ATTENTION.replace('.', '_')}_to_q",
            f"lora_unet_{ATTENTION.replace('.', '_')}_to_out_0",
            f"lora_unet_{CONVOLUTION.replace('.', '_')}",
            "lora_te_text_model_encoder_layers_0_self_attn_q_proj",
        ],
        "lora_down",
        "lora_up",
    ),
    "diffusers": (
        [
            f"unet.{ATTENTION}.to_q",
            f"unet.{ATTENTION}.to_out.0",
            f"unet.{CONVOLUTION}",
            f"text_encoder.text_model.{TEXT}",
        ],
        "lora.down",
        "lora.up",
    ),
    "peft": (
        [
            f"unet.{ATTENTION}.to_q",
            f"unet.{ATTENTION}.to_out.0",
            f"unet.{CONVOLUTION}",
            f"text_encoder.text_model.{TEXT}",
        ],
        "lora_A",
        "lora_B",
    ),
    "linear layer": (
        [
            f"unet.{ATTENTION}.to_q",
            f"unet.{ATTENTION}.to_out.0",
            f"unet.{CONVOLUTION}",
            f"text_encoder.text_model.{TEXT}",
        ],
        "lora_linear_layer.down",
        "lora_linear_layer.up",
    ),
}


def networks() -> tuple[nn.Module, nn.Module]:
    return layouts.tiny_unet(), layouts.tiny_text_encoder()


def weights_of(unet: nn.Module, text_encoder: nn.Module) -> list[Tensor]:
    names = (f"{ATTENTION}.to_q", f"{ATTENTION}.to_out.0", CONVOLUTION)
    text = {name.removeprefix("text_model."): part for name, part in text_encoder.named_modules()}
    return [*(unet.get_submodule(name).weight for name in names), text[TEXT].weight]


def factors(weight: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    kernel = weight.shape[2:]
    down = torch.randn(RANK, *weight.shape[1:], generator=generator)
    return down, torch.randn(weight.shape[0], RANK, *[1] * len(kernel), generator=generator)


def write(path: Path, naming: str, *, with_alpha: bool = True) -> Path:
    layers, down_name, up_name = NAMINGS[naming]
    tensors = {}
    for index, (layer, weight) in enumerate(zip(layers, weights_of(*networks()), strict=True)):
        down, up = factors(weight, index)
        tensors |= {f"{layer}.{down_name}.weight": down, f"{layer}.{up_name}.weight": up}
        if with_alpha:
            tensors[f"{layer}.alpha"] = torch.tensor(ALPHA)
    save_file(tensors, path)
    return path


def expected_delta(weight: Tensor, seed: int) -> Tensor:
    down, up = factors(weight, seed)
    return torch.einsum("or,ri->oi", up.flatten(1), down.flatten(1)).reshape(weight.shape)


@pytest.mark.parametrize("with_alpha", [True, False])
@pytest.mark.parametrize("naming", NAMINGS)
def test_every_naming_gives_the_same_weights(tmp_path: Path, naming: str, with_alpha: bool) -> None:
    before, (unet, text_encoder) = weights_of(*networks()), networks()
    lora = read_lora(write(tmp_path / "lora.safetensors", naming, with_alpha=with_alpha))
    fuse_lora(lora, unet, text_encoder, 0.7)
    share = 0.7 * (ALPHA / RANK if with_alpha else 1.0)
    for index, (old, new) in enumerate(zip(before, weights_of(unet, text_encoder), strict=True)):
        torch.testing.assert_close(new, old + share * expected_delta(old, index), rtol=1e-5, atol=1e-5)


def test_older_processor_names_are_known(tmp_path: Path) -> None:
    unet, text_encoder = networks()
    weight = weights_of(unet, text_encoder)[1]
    before = weight.clone()
    down, up = factors(weight, 3)
    name = f"unet.{ATTENTION}.processor.to_out_lora"
    save_file({f"{name}.down.weight": down, f"{name}.up.weight": up}, tmp_path / "old.safetensors")
    fuse_lora(read_lora(tmp_path / "old.safetensors"), unet, text_encoder)
    torch.testing.assert_close(weight, before + expected_delta(before, 3), rtol=1e-5, atol=1e-5)


def test_a_stack_adds_up_and_can_be_taken_away(tmp_path: Path) -> None:
    unet, text_encoder = networks()
    before = [weight.clone() for weight in weights_of(unet, text_encoder)]
    lora = read_lora(write(tmp_path / "lora.safetensors", "peft"))
    for scale in (0.5, 0.25, -0.75):
        fuse_lora(lora, unet, text_encoder, scale)
    for old, new in zip(before, weights_of(unet, text_encoder), strict=True):
        torch.testing.assert_close(new, old, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("change", [{"cross_attention_dim": 48}, {"down_block_types": ("DownBlock2D",) * 2}])
def test_another_base_is_refused_and_nothing_changes(tmp_path: Path, change: dict[str, object]) -> None:
    attention = "down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    tensors = {
        f"lora_unet_{attention}.lora_down.weight": torch.ones(RANK, 32),
        f"lora_unet_{attention}.lora_up.weight": torch.ones(32, RANK),
        "lora_unet_conv_out.lora_down.weight": torch.ones(RANK, 32, 3, 3),
        "lora_unet_conv_out.lora_up.weight": torch.ones(4, RANK, 1, 1),
    }
    save_file(tensors, tmp_path / "lora.safetensors")
    if "down_block_types" in change:
        change = {**change, "up_block_types": ("UpBlock2D",) * 2}
    unet = layouts.tiny_unet(**change)
    before = unet.conv_out.weight.clone()
    with pytest.raises(CheckpointError, match=r"for another base.*attn2_to_k"):
        fuse_lora(read_lora(tmp_path / "lora.safetensors"), unet, layouts.tiny_text_encoder())
    assert torch.equal(unet.conv_out.weight, before)


def test_both_sizes_are_said(tmp_path: Path) -> None:
    name = "lora_unet_conv_out"
    tensors = {
        f"{name}.lora_down.weight": torch.ones(RANK, 40, 3, 3),
        f"{name}.lora_up.weight": torch.ones(4, RANK, 1, 1),
    }
    save_file(tensors, tmp_path / "lora.safetensors")
    with pytest.raises(CheckpointError, match=r"\(4, 40, 3, 3\), the model has \(4, 32, 3, 3\)"):
        fuse_lora(read_lora(tmp_path / "lora.safetensors"), *networks())


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"conv.weight": torch.ones(2)}, "no LoRA that we know: it holds conv.weight"),
        ({"a.lora_down.weight": torch.ones(2, 3)}, r"incomplete: a\.lora_down\.weight has no"),
        ({"a.hada_w1_a": torch.ones(2, 3)}, "hada_w1_a"),
    ],
)
def test_what_is_no_lora_is_refused(tmp_path: Path, tensors: dict[str, Tensor], said: str) -> None:
    save_file(tensors, tmp_path / "lora.safetensors")
    with pytest.raises(CheckpointError, match=said):
        read_lora(tmp_path / "lora.safetensors")


def test_a_truncated_file_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "lora.safetensors", "peft")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="half a download"):
        read_lora(path)


def test_a_folder_is_searched_for_the_published_file_name(tmp_path: Path) -> None:
    folder = tmp_path / "lcm"
    folder.mkdir()
    with pytest.raises(CheckpointError, match="no LoRA in"):
        lora_file(str(folder))
    path = write(folder / "pytorch_lora_weights.safetensors", "one word")
    assert lora_file(str(folder)) == path
    assert lora_file(str(path)) == path
