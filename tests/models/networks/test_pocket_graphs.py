"""The pocket graphs: what a runtime loads is the networks, under fixed names and shapes."""

import pytest
import torch
from torch import Tensor

from models.networks.geometry import cell_centres
from models.networks.layered_warp import cut_layers, layer_masks
from models.networks.lids import lid_mask, shut_lids
from models.networks.pocket import PocketConfig, PocketNetworks, composite
from models.networks.pocket_decoder import PocketProps
from models.networks.pocket_graphs import Graph, composite_graph, denoiser_graph, painter_graph, props_graph
from models.networks.warp import sample

SIZE = 64
CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))


@pytest.fixture(scope="module")
def networks() -> PocketNetworks:
    torch.manual_seed(0)
    networks = PocketNetworks(CONFIG).eval().requires_grad_(requires_grad=False)
    for weight in networks.parameters():
        weight.add_(0.05 * torch.randn_like(weight))
    return networks


def graphs(networks: PocketNetworks, frames: int) -> dict[str, Graph]:
    return {
        "denoiser": denoiser_graph(networks, frames, SIZE),
        "props": props_graph(frames, SIZE),
        "painter": painter_graph(networks, frames, SIZE),
        "composite": composite_graph(frames, SIZE),
    }


def random_inputs(graph: Graph) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.rand(value.shape, generator=generator) for name, value in graph.inputs.items()}


def run(graph: Graph, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    with torch.inference_mode():
        outputs = graph.module(**inputs)
    return dict(zip(graph.outputs, outputs if isinstance(outputs, tuple) else (outputs,), strict=True))


@pytest.mark.parametrize("frames", [1, 4])
def test_every_graph_takes_its_examples_and_names_what_it_gives(
    networks: PocketNetworks, frames: int
) -> None:
    shapes = {
        name: {key: tuple(value.shape) for key, value in run(graph, random_inputs(graph)).items()}
        for name, graph in graphs(networks, frames).items()
    }
    assert shapes == {
        "denoiser": {"x0": (frames, 8, 8, 8)},
        "props": {
            "curves": (frames, 37, 32, 32),
            "layered": (frames, 4, 64, 64),
            "inner": (frames, 4, 32, 32),
        },
        "painter": {"layers": (frames, 7, 64, 64), "flow": (frames, 2, 16, 16), "memory_next": (1, 16, 8, 8)},
        "composite": {"rgba": (frames, 4, 64, 64)},
    }


def test_each_graph_feeds_the_next(networks: PocketNetworks) -> None:
    made = graphs(networks, 2)
    offered = made["denoiser"].inputs | made["props"].inputs
    for name in ("props", "painter", "composite"):
        for key, value in run(made[name], random_inputs(made[name])).items():
            offered[key.replace("memory_next", "memory")] = value
    offered["latents"] = run(made["denoiser"], random_inputs(made["denoiser"]))["x0"]
    for graph in made.values():
        for key, value in graph.inputs.items():
            assert offered[key].shape == value.shape, key


def test_coordinates_stay_in_float32(networks: PocketNetworks) -> None:
    exact = {name for name, graph in graphs(networks, 1).items() if graph.needs_float32}
    assert exact == {"props", "composite"}
    assert not any(graph.module.training for graph in graphs(networks, 1).values())


def test_the_flat_denoiser_is_the_denoiser(networks: PocketNetworks) -> None:
    graph = denoiser_graph(networks, 3, SIZE)
    inputs = random_inputs(graph)
    reference = {name: inputs[name] for name in ("middle_k", "middle_v", "coarse_k", "coarse_v")}
    conditions = {name: inputs[name] for name in ("heat", "warped")}
    with torch.inference_mode():
        expected = networks.denoiser(inputs["latents"], inputs["levels"], conditions, reference)
    assert torch.equal(run(graph, inputs)["x0"], expected)
    changed = inputs | {"coarse_v": inputs["coarse_v"] + 1.0}
    assert not torch.equal(run(graph, changed)["x0"], expected)


def test_the_ends_are_their_formulas(networks: PocketNetworks) -> None:
    made = graphs(networks, 2)
    inputs = random_inputs(made["props"])
    inputs["flows"] = 0.1 * inputs["flows"]
    inputs["lids"] = 0.5 + 0.2 * inputs["lids"]
    props = run(made["props"], inputs)
    curves = PocketProps()(*inputs.values())[0]
    layers = [sample(inputs["reference"], flow, SIZE) for flow in inputs["flows"].chunk(3, dim=1)]
    centres = cell_centres(SIZE // 2, curves)
    mask = lid_mask(inputs["lids"], centres, centres, SIZE)
    assert mask.max() > 0.5
    layers[0] = shut_lids(layers[0], inputs["skin"], mask)
    assert torch.equal(props["curves"], curves)
    near = {"atol": 1e-4, "rtol": 0.0}  # noise for a picture: a place that is off by 1e-6 shows
    expected = cut_layers(layers[0], layers[1], layers[2], layer_masks(curves, SIZE, SIZE))
    torch.testing.assert_close(props["layered"], expected, **near)
    torch.testing.assert_close(props["inner"], torch.nn.functional.avg_pool2d(layers[2], 2), **near)
    blend = random_inputs(made["composite"])
    blend["flow"] = torch.zeros_like(blend["flow"])
    blend["flows"] = torch.zeros_like(blend["flows"])
    # Without a displacement the inner source is the reference itself.
    expected = composite(blend["layers"], blend["layered"], blend["reference"]).clamp(0, 1)
    torch.testing.assert_close(run(made["composite"], blend)["rgba"], expected, atol=1e-5, rtol=0)
