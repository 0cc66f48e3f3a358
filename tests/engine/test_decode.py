"""The decoder: streaming equals the whole clip, and OpenVINO equals torch on the weights that ship."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import assets
from engine.condition.pocket import PocketConditioner
from engine.decode import PocketDecoder, _pixels
from engine.types import Control
from models.checkpoints.pocket import load_pocket
from models.networks.pocket import PocketConfig, PocketNetworks
from models.networks.pocket_graphs import Graph, composite_graph, denoiser_graph, painter_graph, props_graph
from models.runtimes.load import load_network
from models.runtimes.openvino_library import cpu_precisions
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from models.training.characters import avatar, held_out_character, held_out_performance, pose

WEIGHTS = Path(assets.__file__).parent / "pocket" / "pocket.safetensors"
TORCH = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
SIZE = 64
# Mean and largest error over the spread of an output, with the weights that ship and real inputs.
F32 = (1e-6, 1e-4)
BF16 = {"denoiser": (0.03, 0.3), "painter": (0.03, 0.3)}
# Of the decoded picture, in levels 0..255: mean and largest.
PICTURE_F32, PICTURE_BF16 = (0.001, 1), (0.3, 12)


def random_networks() -> PocketNetworks:
    torch.manual_seed(0)
    networks = PocketNetworks(PocketConfig()).eval().requires_grad_(requires_grad=False)
    for weight in networks.parameters():  # layers that begin at zero, too, must take part
        weight.add_(0.02 * torch.randn_like(weight))
    return networks


@pytest.fixture(scope="module")
def networks() -> PocketNetworks:
    """The networks that ship, or random ones while none do."""
    return load_pocket(WEIGHTS) if WEIGHTS.exists() else random_networks()


class Scene:
    """A held-out character in motion: conditions and clean latents of successive frames."""

    def __init__(self, networks: PocketNetworks, size: int, frames: int) -> None:
        character = held_out_character(6)
        self.conditioner = PocketConditioner(networks, avatar(character, "scene", size=size), size)
        rows = []
        for number, act in enumerate(held_out_performance(6, 12 * frames)[::12]):
            posed = pose(character, act)
            control = Control(
                points=posed.points.astype(np.float32),
                scores=posed.scores.astype(np.float32),
                frame_index=number,
                captured_at_s=0.0,
            )
            rows.append(self.conditioner.row(control))
        self.conditions: Mapping[str, Tensor] = {
            name: torch.cat([row[name] for row in rows]) for name in rows[0]
        }
        noise = torch.randn(frames, 8, size // 8, size // 8, generator=torch.Generator().manual_seed(1))
        pose_inputs = {name: self.conditions[name] for name in ("heat", "warped")}
        with torch.inference_mode():
            self.latents = networks.denoiser(
                noise, torch.ones(frames), pose_inputs, self.conditioner.reference
            )

    def cut(self, start: int, stop: int) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """The arguments of ``PocketDecoder.decode``."""
        part = {name: value[start:stop] for name, value in self.conditions.items()}
        return self.latents[start:stop], part, self.conditioner.picture


@pytest.fixture(scope="module")
def scene(networks: PocketNetworks) -> Scene:
    return Scene(networks, SIZE, 4)


@pytest.mark.parametrize("chunk", [1, 2])
def test_streaming_equals_decoding_the_whole_clip(networks: PocketNetworks, scene: Scene, chunk: int) -> None:
    whole = PocketDecoder(networks, TORCH, 4, SIZE).decode(*scene.cut(0, 4))
    decoder = PocketDecoder(networks, TORCH, chunk, SIZE)
    parts = [decoder.decode(*scene.cut(start, start + chunk)) for start in range(0, 4, chunk)]
    streamed = np.concatenate(parts)
    # Convolutions of other batch sizes add in another order: a value may round to the next level.
    assert np.abs(streamed.astype(int) - whole).max() <= 1
    assert (streamed != whole).mean() < 0.01


def test_a_reset_decoder_is_a_new_one(networks: PocketNetworks, scene: Scene) -> None:
    decoder = PocketDecoder(networks, TORCH, 1, SIZE)
    first = decoder.decode(*scene.cut(0, 1))
    decoder.decode(*scene.cut(2, 3))
    assert not np.array_equal(decoder.decode(*scene.cut(0, 1)), first)  # it remembers the frame before
    decoder.reset()
    np.testing.assert_array_equal(decoder.decode(*scene.cut(0, 1)), first)


def test_a_picture_is_straight_rgba_in_memory_of_its_own(networks: PocketNetworks, scene: Scene) -> None:
    decoder = PocketDecoder(networks, TORCH, 2, SIZE)
    pictures = decoder.decode(*scene.cut(0, 2))
    assert pictures.shape == (2, SIZE, SIZE, 4)
    assert pictures.dtype == np.uint8
    assert pictures.flags.c_contiguous
    before = pictures.copy()
    decoder.decode(*scene.cut(2, 4))
    np.testing.assert_array_equal(pictures, before)
    # The matte: nothing in the upper corners, the character in the middle of the lower edge.
    assert pictures[0, 1, 1, 3] < 64
    assert pictures[0, -2, SIZE // 2, 3] > 192


def test_bytes_are_rounded_and_interleaved() -> None:
    rgba = torch.rand(2, 4, 16, 16, generator=torch.Generator().manual_seed(3))
    rgba.view(-1)[:512] = torch.arange(512) / 511.0
    expected = (rgba * 255.0 + 0.5).byte().permute(0, 2, 3, 1)
    np.testing.assert_array_equal(_pixels(rgba), expected.numpy())


def test_another_chunk_is_refused(networks: PocketNetworks, scene: Scene) -> None:
    with pytest.raises(ValueError, match="shape"):
        PocketDecoder(networks, TORCH, 1, SIZE).decode(*scene.cut(0, 2))


def openvino(precision: Precision) -> RuntimeSettings:
    if precision not in cpu_precisions():
        pytest.skip(f"this CPU has no {precision.value} arithmetic")
    return RuntimeSettings(kind=RuntimeKind.OPENVINO, precision=precision, num_threads=1)


@pytest.mark.parametrize("precision", [Precision.F32, Precision.BF16])
def test_openvino_paints_the_picture_that_torch_paints(
    networks: PocketNetworks, scene: Scene, precision: Precision
) -> None:
    settings = openvino(precision)
    expected = PocketDecoder(networks, TORCH, 2, SIZE).decode(*scene.cut(0, 2)).astype(int)
    got = PocketDecoder(networks, settings, 2, SIZE).decode(*scene.cut(0, 2))
    mean, largest = PICTURE_F32 if precision is Precision.F32 else PICTURE_BF16
    error = np.abs(got - expected)
    assert error.mean() < mean
    assert error.max() <= largest


def real_inputs(networks: PocketNetworks, scene: Scene) -> dict[str, tuple[Graph, dict[str, Tensor]]]:
    """Each graph with what it is handed live."""
    noise = torch.randn(1, 8, SIZE // 8, SIZE // 8, generator=torch.Generator().manual_seed(2))
    latents, conditions, picture = scene.cut(1, 2)
    of_denoiser = {"latents": noise, "levels": torch.ones(1), **scene.conditioner.reference}
    of_denoiser |= {name: conditions[name] for name in ("heat", "warped")}
    of_props = {name: conditions[name] for name in ("points", "flows", "lids", "skin")}
    of_props["reference"] = picture
    props, painter = props_graph(1, SIZE), painter_graph(networks, 1, SIZE)
    with torch.inference_mode():
        made = dict(zip(props.outputs, props.module(**of_props), strict=True))
        of_painter = {"latents": latents, **made, "memory": painter.inputs["memory"]}
        painted = dict(zip(painter.outputs, painter.module(**of_painter), strict=True))
    of_composite = {name: painted[name] for name in ("layers", "flow")}
    of_composite |= {"layered": made["layered"], "flows": conditions["flows"], "reference": picture}
    return {
        "denoiser": (denoiser_graph(networks, 1, SIZE), of_denoiser),
        "props": (props, of_props),
        "painter": (painter, of_painter),
        "composite": (composite_graph(1, SIZE), of_composite),
    }


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        *((name, Precision.F32) for name in ("denoiser", "props", "painter", "composite")),
        # The other two work on coordinates, which eight bits of mantissa spoil: they always run in f32.
        *((name, Precision.BF16) for name in BF16),
    ],
)
def test_openvino_is_near_torch_on_the_weights_that_ship(
    networks: PocketNetworks, scene: Scene, name: str, precision: Precision
) -> None:
    settings = openvino(precision)
    graph, inputs = real_inputs(networks, scene)[name]
    expected = load_network(graph.module, graph.inputs, graph.outputs, TORCH).run(inputs)
    got = load_network(graph.module, graph.inputs, graph.outputs, settings).run(inputs)
    mean, largest = F32 if precision is Precision.F32 else BF16[name]
    for output in graph.outputs:
        spread = expected[output].std()
        assert spread > 1e-4, f"{output} says nothing"
        error = (got[output] - expected[output]).abs() / spread
        assert error.mean() < mean, f"{output}: {error.mean():.2g}"
        assert error.max() < largest, f"{output}: {error.max():.2g}"
