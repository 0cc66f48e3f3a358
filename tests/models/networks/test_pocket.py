"""The pocket networks: streaming equals offline, sequences stay apart, a fresh model starts at the warp."""

import pytest
import torch

from models.networks.geometry import NUM_CURVE_MAPS, NUM_POINTS, heat_maps
from models.networks.pocket import LAYERED_HEAD_START, PocketConfig, PocketNetworks, composite
from models.networks.pocket_decoder import PocketComposite, PocketProps
from models.networks.pose import PoseMaker

SIZE, CELLS = 64, 8
CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))


@pytest.fixture
def networks() -> PocketNetworks:
    torch.manual_seed(0)
    networks = PocketNetworks(CONFIG).eval().requires_grad_(requires_grad=False)
    for parameter in networks.parameters():  # the zero-initialised layers, too, must take part
        parameter.add_(0.05 * torch.randn_like(parameter))
    return networks


def inputs(networks: PocketNetworks, frames: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    points = 0.2 + 0.6 * torch.rand(frames, NUM_POINTS, 2, generator=generator)
    reference = torch.rand(1, 4, SIZE, SIZE, generator=generator)
    heat = heat_maps(points[:1], torch.ones(1, NUM_POINTS), CELLS, CELLS)
    stack, keys_values = networks.read_reference(reference, heat)
    pose = PoseMaker()(points, torch.ones(frames, NUM_POINTS), points[:1], SIZE)
    return {
        "latents": torch.randn(frames, CONFIG.latent_channels, CELLS, CELLS, generator=generator),
        "heat": pose.heat,
        "warped": stack.expand(frames, -1, -1, -1),
        "curves": torch.rand(frames, NUM_CURVE_MAPS, SIZE // 2, SIZE // 2, generator=generator),
        "layered": torch.rand(frames, 4, SIZE, SIZE, generator=generator),
        "inner": torch.rand(frames, 4, SIZE // 2, SIZE // 2, generator=generator),
        **keys_values,
    }


@pytest.mark.parametrize("chunk", [1, 2, 4])
def test_streaming_paint_equals_painting_the_whole_clip(networks: PocketNetworks, chunk: int) -> None:
    made = inputs(networks, 4)
    zeros = torch.zeros(1, CONFIG.painter_widths[0], CELLS, CELLS)
    names = ("latents", "curves", "layered", "inner")
    whole, whole_flow, _ = networks.painter(*(made[name] for name in names), zeros)
    memory, parts = zeros, []
    for start in range(0, 4, chunk):
        now = (made[name][start : start + chunk] for name in names)
        layers, flow, memory = networks.painter(*now, memory)
        parts.append((layers, flow))
    # Convolutions of other batch sizes add in another order: float32 noise.
    torch.testing.assert_close(torch.cat([one for one, _ in parts]), whole, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(torch.cat([flow for _, flow in parts]), whole_flow, atol=1e-5, rtol=1e-4)


def test_the_memory_matters(networks: PocketNetworks) -> None:
    made = inputs(networks, 1)
    zeros = torch.zeros(1, CONFIG.painter_widths[0], CELLS, CELLS)
    names = ("latents", "curves", "layered", "inner")
    first, _, memory = networks.painter(*(made[name] for name in names), zeros)
    second, _, _ = networks.painter(*(made[name] for name in names), memory)
    assert (first - second).abs().max() > 1e-3


def test_frames_of_the_buffer_see_each_other_and_sequences_do_not(networks: PocketNetworks) -> None:
    made = inputs(networks, 4)
    levels = torch.tensor([0.25, 0.5, 0.75, 1.0])
    conditions = {name: made[name] for name in ("heat", "warped")}
    kv = {name: made[name] for name in ("middle_k", "middle_v", "coarse_k", "coarse_v")}
    together = networks.denoiser(made["latents"], levels, conditions, kv)
    changed = made["latents"].clone()
    changed[3] += 1.0
    assert (networks.denoiser(changed, levels, conditions, kv)[0] - together[0]).abs().max() > 1e-5
    twice = {name: torch.cat([value, value]) for name, value in kv.items()}
    apart = networks.denoiser(changed, levels, conditions, twice)  # two sequences of two frames
    alone = networks.denoiser(
        made["latents"][:2], levels[:2], {name: value[:2] for name, value in conditions.items()}, kv
    )
    torch.testing.assert_close(apart[:2], alone, atol=1e-5, rtol=1e-4)


def test_a_fresh_model_shows_the_layered_warp() -> None:
    torch.manual_seed(0)
    networks = PocketNetworks(PocketConfig()).eval().requires_grad_(requires_grad=False)
    made = inputs(networks, 1)
    memory = torch.zeros(1, 64, CELLS, CELLS)
    layers, flow, _ = networks.painter(
        *(made[name] for name in ("latents", "curves", "layered", "inner")), memory
    )
    inner = torch.nn.functional.interpolate(made["inner"], scale_factor=2.0)
    made_rgba = composite(layers, made["layered"], inner)
    weight = 1.0 / (1.0 + 2.0 * torch.e**-LAYERED_HEAD_START)  # softmax of (3, 0, 0)
    expected = weight * made["layered"] + (1 - weight) / 2 * (inner + 0.5)
    torch.testing.assert_close(made_rgba, expected, atol=0.02, rtol=0)
    assert float(flow.abs().max()) == 0.0


def test_props_and_composite_keep_an_unmoved_reference() -> None:
    points = 0.2 + 0.6 * torch.rand(1, NUM_POINTS, 2)
    reference = torch.nn.functional.interpolate(torch.rand(1, 4, 8, 8), size=SIZE, mode="bilinear")
    pose = PoseMaker()(points, torch.ones(1, NUM_POINTS), points, SIZE)
    _, layered, _ = PocketProps()(points, pose.flows, pose.lids, torch.zeros(1, 4), reference)
    layers = torch.zeros(1, 7, SIZE, SIZE)
    layers[:, 0] = 30.0
    rgba = PocketComposite()(layers, torch.zeros(1, 2, SIZE // 4, SIZE // 4), layered, pose.flows, reference)
    torch.testing.assert_close(rgba, reference, atol=2e-3, rtol=0)
