"""Networks beyond one ONNX file, traced: their numbers, what is refused, that nothing is sent or kept."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn

import models.runtimes.load as load_module
from models.networks.pocket_graphs import Graph
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.stable_diffusion import (
    TextUnet,
    TextUnetShape,
    decoder_graph,
    encoder_graph,
    text_unet_graph,
)
from models.networks.taesdv import Taesdv
from models.networks.unet import TemporalConfig, UNet, UNetConfig
from models.networks.unet_graphs import UNetShape, pose_guider_graph, taesdv_graph, unet_graph
from models.runtimes.export import fits_one_file
from models.runtimes.load import in_passing, load_network
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.runtimes.small_network import OUTPUTS, small_inputs, small_network

TOLERANCE_F32 = 1e-4  # of the output's L2 norm, against torch
TOLERANCE_BF16 = 4e-2  # as from the ONNX exporter: 1.2 % for the text UNet, 3.0 % for RAIN's
RAIN = UNetConfig(
    widths=(8, 8, 8, 8),
    layers=1,
    heads=2,
    prompt_dim=6,
    groups=4,
    guidance_dim=8,
    temporal=TemporalConfig(heads=2, max_frames=4, groups=4, num_attentions=1),
)
BLOCKS = {
    "block_out_channels": (8, 16),
    "cross_attention_dim": 8,
    "norm_num_groups": 4,
    "layers_per_block": 1,
}


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.runtimes.export._LARGEST_FILE_BYTES", 0)


def settings(precision: Precision = Precision.F32, folder: Path | None = None) -> RuntimeSettings:
    kind = RuntimeKind.OPENVINO
    return RuntimeSettings(kind=kind, precision=precision, num_threads=1, cache_folder=folder)


def text_unet(*, has_controlnet: bool = False) -> Graph:
    down = ("CrossAttnDownBlock2D", "DownBlock2D")
    unet = UNet2DConditionModel(
        down_block_types=down,
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        attention_head_dim=2,
        **BLOCKS,
    )
    controlnets = [ControlNetModel(down_block_types=down, attention_head_dim=2, **BLOCKS)] * has_controlnet
    shape = TextUnetShape(frames=2, height=8, width=8, prompt_tokens=5)
    return text_unet_graph(TextUnet(unet, controlnets), shape)


def rain() -> Graph:
    return unet_graph(UNet(RAIN), UNetShape(frames=2, height=8, width=8))


def kl() -> AutoencoderKL:
    kind = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    return AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, **kind)


KINDS: dict[str, Callable[[], Graph]] = {
    "text UNet": text_unet,
    "text UNet and ControlNet": lambda: text_unet(has_controlnet=True),
    "RAIN's UNet": rain,
    "pose guider": lambda: pose_guider_graph(
        PoseGuider(PoseGuiderConfig(widths=(4, 6), out_channels=8)), 1, 8, 16
    ),
    "video decoder": lambda: taesdv_graph(Taesdv(width=4), 2, 4, 4),
    "KL encoder": lambda: encoder_graph(kl(), 2, 16, 16),
    "KL decoder": lambda: decoder_graph(kl(), 2, 8, 8),
    "tiny encoder": lambda: encoder_graph(AutoencoderTiny(), 1, 32, 32),
    "tiny decoder": lambda: decoder_graph(AutoencoderTiny(), 1, 4, 4),
    "small network": lambda: Graph(small_network(), small_inputs(), OUTPUTS),
}


def graph_of(kind: str) -> Graph:
    torch.manual_seed(0)
    graph = KINDS[kind]()
    for name, weight in graph.module.named_parameters():
        if "norm" not in name:  # what is published starts some layers at zero, and would say nothing
            nn.init.normal_(weight, std=0.7 / max(weight[0].numel(), 1) ** 0.5)
    graph.module.eval().requires_grad_(requires_grad=False)
    return graph


def given(graph: Graph) -> dict[str, Tensor]:
    inputs = {name: torch.rand_like(value) for name, value in graph.inputs.items()}
    if "levels" in inputs and len(inputs["levels"]) > 1:
        inputs["levels"] = torch.linspace(149.0, 999.0, len(inputs["levels"]))
    return inputs


def errors(graph: Graph, precision: Precision) -> dict[str, float]:
    inputs = given(graph)
    with torch.no_grad():
        result = graph.module(**inputs)
    if isinstance(result, dict):
        result = tuple(result[name] for name in graph.outputs)
    expected = result if isinstance(result, tuple) else (result,)
    got = load_network(graph.module, graph.inputs, graph.outputs, settings(precision)).run(inputs)
    pairs = zip(graph.outputs, expected, strict=True)
    return {name: float((got[name] - value).norm() / value.norm()) for name, value in pairs}


@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_what_torch_gives(kind: str) -> None:
    found = errors(graph_of(kind), Precision.F32)
    assert max(found.values()) < TOLERANCE_F32, found


@pytest.mark.parametrize("kind", ["text UNet", "RAIN's UNet"])
def test_half_precision_is_near(kind: str) -> None:
    found = errors(graph_of(kind), Precision.BF16)
    assert 0 < max(found.values()) < TOLERANCE_BF16, found


def test_names_and_shapes_are_those_of_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of("text UNet")
    large = load_network(graph.module, graph.inputs, graph.outputs, settings())
    monkeypatch.undo()
    small = load_network(graph.module, graph.inputs, graph.outputs, settings())
    assert fits_one_file(graph.module)
    assert list(large.input_shapes.items()) == list(small.input_shapes.items())
    assert large.output_names == small.output_names
    inputs = given(graph)
    torch.testing.assert_close(
        large.run(inputs)["prediction"], small.run(inputs)["prediction"], rtol=1e-3, atol=1e-4
    )


def test_nothing_is_left_on_the_disk_and_no_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> bytes:
        raise AssertionError("exported to ONNX")

    monkeypatch.setattr(load_module, "export_onnx", refuse)
    load_network(small_network(), small_inputs(), OUTPUTS, settings(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_mode_of_the_caller_does_not_matter() -> None:
    network = small_network()
    with torch.inference_mode():
        inside = (
            load_network(network, small_inputs(), OUTPUTS, settings()).run(small_inputs())["mask"].clone()
        )
    outside = load_network(network, small_inputs(), OUTPUTS, settings()).run(small_inputs())["mask"]
    assert torch.equal(inside, outside)


def test_torch_keeps_its_threads_and_its_random_state() -> None:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    network, inputs = small_network(), small_inputs()
    torch.set_rng_state(state)
    two = RuntimeSettings(kind=RuntimeKind.OPENVINO, precision=Precision.F32, num_threads=2)
    load_network(network, inputs, OUTPUTS, two)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.get_rng_state(), state)


def test_the_weights_outlive_the_module_as_long_as_they_are_read() -> None:
    module = small_network()
    network = load_network(module, small_inputs(), OUTPUTS, settings())
    expected = network.run(small_inputs())["noise_pred"].clone()
    gone = weakref.ref(module)
    del module
    gc.collect()
    assert gone() is None, "the module itself is given back"
    ballast = [torch.full((64, 64), 7.0) for _ in range(200)]  # takes the place of weights that were freed
    assert torch.equal(network.run(small_inputs())["noise_pred"], expected)
    assert len(ballast) == 200


class Deaf(nn.Module):
    """Takes an input that reaches no output."""

    def __init__(self, *, is_computed: bool) -> None:
        super().__init__()
        self.out = nn.Linear(3, 3)
        self.is_computed = is_computed

    def forward(self, heard: Tensor, unheard: Tensor) -> Tensor:
        if self.is_computed:
            unheard.exp().sum()
        out: Tensor = self.out(heard)
        return out


@pytest.mark.parametrize("is_computed", [False, True])
@pytest.mark.parametrize("is_large", [False, True])
def test_an_input_that_reaches_no_output_is_refused(
    monkeypatch: pytest.MonkeyPatch, *, is_computed: bool, is_large: bool
) -> None:
    if not is_large:
        monkeypatch.undo()
    inputs = {"heard": torch.ones(1, 3), "unheard": torch.ones(1, 3)}
    with pytest.raises(ValueError, match="unheard"):
        load_network(Deaf(is_computed=is_computed), inputs, ("out",), settings())


class PassesThrough(nn.Module):
    """Two outputs that are one value."""

    def forward(self, value: Tensor) -> tuple[Tensor, Tensor]:
        doubled = value * 2
        return doubled, doubled.reshape(value.shape)


def test_outputs_of_one_value_keep_their_names() -> None:
    inputs, names = {"value": torch.ones(1, 3)}, ("z_first", "a_second")
    network = load_network(PassesThrough(), inputs, names, settings())
    assert network.output_names == names
    assert all(torch.equal(value, torch.full((1, 3), 2.0)) for value in network.run(inputs).values())


def test_what_is_met_in_passing_is_left_to_torch_if_it_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    network, fast = small_network(), settings(Precision.BF16)
    passing = in_passing(network, fast)
    assert (passing.kind, passing.precision) == (RuntimeKind.TORCH, Precision.F32)
    assert passing.num_threads == fast.num_threads
    assert in_passing(network, passing) == passing
    monkeypatch.undo()
    assert in_passing(network, fast) == fast


def test_tracing_keeps_telemetry_out() -> None:
    code = (
        "import sys, torch; from models.runtimes.traced import trace_model;"
        "trace_model(torch.nn.ReLU(), {'input': torch.ones(1, 3)}, ('out',), 1);"
        "loaded = [m for m, v in sys.modules.items() if 'openvino_telemetry' in m and v is not None];"
        "sys.exit(f'loaded: {loaded}' if loaded or 'openvino' not in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
