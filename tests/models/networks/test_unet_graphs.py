"""A UNet, its pose guider and its decoder as graphs: OpenVINO gives the numbers that torch gives."""

import pytest
import torch
from torch import nn

from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.reference_net import read_banks
from models.networks.taesdv import Taesdv
from models.networks.unet import TemporalConfig, UNet, UNetConfig
from models.networks.unet_graphs import (
    UNetShape,
    constant_inputs,
    pose_guider_graph,
    taesdv_graph,
    unet_graph,
)
from models.runtimes.load import load_network
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings

RUNTIME = RuntimeSettings(kind=RuntimeKind.OPENVINO, precision=Precision.F32, num_threads=1)
TINY = UNetConfig(
    widths=(8, 8, 8, 8),
    layers=1,
    heads=2,
    prompt_dim=6,
    groups=4,
    guidance_dim=8,
    temporal=TemporalConfig(heads=2, max_frames=4, groups=4, num_attentions=1),
)
PLAIN = UNetConfig(widths=(8, 8, 8, 8), layers=1, heads=2, prompt_dim=6, groups=4)


def random(network: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    for name, weight in network.named_parameters():
        if "norm" not in name:
            nn.init.normal_(weight, std=0.5 / max(weight[0].numel(), 1) ** 0.5)
    return network.eval().requires_grad_(requires_grad=False)


@pytest.mark.parametrize(("config", "tokens"), [(TINY, 1), (PLAIN, 3)])
def test_the_unet_runs_compiled_with_what_is_projected_once(config: UNetConfig, tokens: int) -> None:
    unet = random(UNet(config))
    assert isinstance(unet, UNet)
    has_parts = config.temporal is not None
    shape = UNetShape(
        frames=2, height=4, width=8, prompt_tokens=tokens, has_reference=has_parts, has_pose=has_parts
    )
    graph = unet_graph(unet, shape)
    given = {name: torch.randn_like(value) for name, value in graph.inputs.items()}
    given["levels"] = torch.tensor([249.0, 999.0])
    if has_parts:
        given["guidance_scale"] = torch.tensor([2.5])
        token = torch.randn(1, 1, 6)
        banks = read_banks(random(UNet(PLAIN)), torch.randn(1, 4, 4, 8), token)
        constant = unet.project_reference(banks) | unet.project_prompt(token)
    else:
        constant = unet.project_prompt(torch.randn(1, tokens, 6))
    assert {name: value.shape for name, value in constant.items()} == {
        name: value.shape for name, value in constant_inputs(unet, shape).items()
    }
    given |= constant
    got = load_network(graph.module, graph.inputs, graph.outputs, RUNTIME).run(given)["prediction"]
    torch.testing.assert_close(got, graph.module(**given), rtol=1e-3, atol=1e-4)


def test_the_decoder_hands_its_memories_back_by_name() -> None:
    codec = random(Taesdv(width=4))
    assert isinstance(codec, Taesdv)
    graph = taesdv_graph(codec, 2, 2, 3)
    network = load_network(graph.module, graph.inputs, graph.outputs, RUNTIME)
    latents = torch.randn(4, 4, 2, 3)
    whole, _ = codec(latents, codec.initial_memories(2, 3))
    memories = {name: value for name, value in graph.inputs.items() if name.startswith("memory_")}
    for start in (0, 2):
        decoded = network.run({"latents": latents[start : start + 2], **memories})
        expected = whole[start : start + 2].clamp(0, 1)
        torch.testing.assert_close(decoded["pictures"], expected, rtol=1e-3, atol=1e-4)
        memories = {name: decoded[f"{name}_next"].clone() for name in memories}


def test_the_pose_guider_runs_compiled() -> None:
    guider = random(PoseGuider(PoseGuiderConfig(widths=(4, 6), out_channels=8)))
    assert isinstance(guider, PoseGuider)
    graph = pose_guider_graph(guider, 1, 8, 12)
    canvas = torch.rand(1, 3, 8, 12)
    got = load_network(graph.module, graph.inputs, graph.outputs, RUNTIME).run({"condition": canvas})
    torch.testing.assert_close(got["pose"], guider(canvas), rtol=1e-3, atol=1e-4)
