"""Shapes of a text-conditioned UNet that are kept: all that a session meets, or one of a large network."""

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import nn

import engine.denoise.text_denoiser as text_denoiser_module
from engine.denoise.text_denoiser import TextDenoiser
from models.networks.stable_diffusion import TextUnet
from models.runtimes.load import load_network
from models.runtimes.protocol import Network, Precision, RuntimeKind, RuntimeSettings


@pytest.mark.parametrize(
    ("kind", "is_large", "loads"),
    [
        (RuntimeKind.OPENVINO, False, [2, 1]),
        (RuntimeKind.OPENVINO, True, [2, 1, 2]),
        (RuntimeKind.TORCH, True, [2, 1]),
    ],
)
def test_a_shape_comes_back_without_loading_unless_it_would_hold_gigabytes(
    kind: RuntimeKind, loads: list[int], monkeypatch: pytest.MonkeyPatch, *, is_large: bool
) -> None:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8,
        norm_num_groups=4,
        layers_per_block=1,
        attention_head_dim=2,
    )
    assert isinstance(unet, nn.Module)
    if is_large:
        monkeypatch.setattr("models.runtimes.export._LARGEST_FILE_BYTES", 0)
    loaded: list[int] = []

    def counted(module: nn.Module, inputs: dict[str, torch.Tensor], *others: object) -> Network:
        loaded.append(len(inputs["latents"]))
        return load_network(module, inputs, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(text_denoiser_module, "load_network", counted)
    runtime = RuntimeSettings(kind=kind, precision=Precision.F32, num_threads=1)
    network = TextUnet(unet).eval().requires_grad_(requires_grad=False)
    denoise = TextDenoiser(network, runtime, 8, 8)
    for frames in (2, 1, 2):
        latents, levels, embeds = (
            torch.randn(frames, 4, 8, 8),
            torch.full((frames,), 499.0),
            torch.randn(1, 3, 8),
        )
        got = denoise(latents, levels, {}, {"prompt_embeds": embeds})
        torch.testing.assert_close(got, network(latents, levels, embeds), rtol=1e-3, atol=1e-4)
    assert loaded == loads
