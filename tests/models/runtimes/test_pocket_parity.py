"""The pocket networks in OpenVINO against torch float32: the stated parity of both precisions."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from models.networks.pocket import PocketConfig, PocketNetworks
from models.networks.pocket_graphs import Graph, composite_graph, denoiser_graph, painter_graph, props_graph
from models.runtimes.load import load_network
from models.runtimes.openvino_library import cpu_precisions
from models.runtimes.protocol import Network, Precision, RuntimeKind, RuntimeSettings

# Mean and largest error over the spread of the output, with random weights (about twice what was measured).
F32 = (5e-6, 1e-3)
BF16 = {"denoiser": (0.04, 0.35), "painter": (0.007, 0.05)}
SIZE = 128


@pytest.fixture(scope="module")
def networks() -> PocketNetworks:
    torch.manual_seed(0)
    networks = PocketNetworks(PocketConfig()).eval()
    for weight in networks.parameters():  # layers that begin at zero would make every comparison pass
        if not weight.any():
            torch.nn.init.normal_(weight, std=0.05)
    return networks


def graph_of(networks: PocketNetworks, name: str) -> Graph:
    graphs: dict[str, Callable[[], Graph]] = {
        "denoiser": lambda: denoiser_graph(networks, 2, SIZE),
        "painter": lambda: painter_graph(networks, 1, SIZE),
        "props": lambda: props_graph(1, SIZE),
        "composite": lambda: composite_graph(1, SIZE),
    }
    return graphs[name]()


def inputs_of(graph: Graph) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(7)
    return {name: torch.rand(value.shape, generator=generator) for name, value in graph.inputs.items()}


def load(graph: Graph, kind: RuntimeKind, precision: Precision) -> Network:
    settings = RuntimeSettings(kind=kind, precision=precision, num_threads=1)
    return load_network(graph.module, graph.inputs, graph.outputs, settings)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *((name, Precision.F32) for name in ("denoiser", "painter", "props", "composite")),
        # The other two work on coordinates, which eight bits of mantissa spoil: they always run in f32.
        *((name, Precision.BF16) for name in BF16),
    ],
)
def test_openvino_is_near_torch(networks: PocketNetworks, name: str, precision: Precision) -> None:
    graph = graph_of(networks, name)
    if precision not in cpu_precisions():
        pytest.skip(f"this CPU has no {precision.value} arithmetic")
    assert precision is Precision.F32 or not graph.needs_float32
    inputs = inputs_of(graph)
    expected = load(graph, RuntimeKind.TORCH, Precision.F32).run(inputs)
    got = load(graph, RuntimeKind.OPENVINO, precision).run(inputs)
    mean, largest = F32 if precision is Precision.F32 else BF16[name]
    for output in graph.outputs:
        spread = expected[output].std()
        assert spread > 1e-3, f"{output} says nothing"
        error = (got[output] - expected[output]).abs() / spread
        assert error.mean() < mean, f"{output}: {error.mean():.2g}"
        assert error.max() < largest, f"{output}: {error.max():.2g}"
