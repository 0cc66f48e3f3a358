"""The portrait network: shapes, the range of its points, and the way a heat map becomes a place."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.types import CONTROL_NAMES
from models.checkpoints.pocket import PocketWeightsError, load_portrait, save_pocket, save_portrait
from models.networks.geometry import NUM_POINTS
from models.networks.pocket import PocketConfig, PocketNetworks
from models.networks.portrait import (
    INPUT_SIZE,
    NUM_FACE_POINTS,
    PortraitConfig,
    PortraitNet,
    _soft_argmax,
)

SMALL = PortraitConfig(widths=(8, 8, 8, 8))


@pytest.fixture
def network() -> PortraitNet:
    torch.manual_seed(0)
    return PortraitNet(SMALL).eval().requires_grad_(requires_grad=False)


def test_a_reading_has_the_stated_shapes(network: PortraitNet) -> None:
    reading = network(torch.rand(3, 3, INPUT_SIZE, INPUT_SIZE))
    assert reading.points.shape == (3, NUM_POINTS, 2)
    assert reading.spread.shape == reading.depth.shape == reading.visible.shape == (3, NUM_POINTS)
    assert reading.alpha.shape == (3, 1, 64, 64)
    assert (reading.spread > 0).all()
    assert ((reading.points > -0.05) & (reading.points < 1.05)).all()


def test_a_face_is_present_when_its_points_are_seen(network: PortraitNet) -> None:
    reading = network(torch.rand(2, 3, INPUT_SIZE, INPUT_SIZE))
    visible = torch.full((2, NUM_POINTS), -20.0)
    visible[0, :NUM_FACE_POINTS] = 20.0  # arms and shoulders say nothing about it
    seen = replace(reading, visible=visible)
    torch.testing.assert_close(seen.presence, torch.tensor([1.0, 0.0]), atol=1e-6, rtol=0)
    assert CONTROL_NAMES[NUM_FACE_POINTS - 1].startswith("lip")
    assert CONTROL_NAMES[NUM_FACE_POINTS].startswith("hair")


def test_pictures_of_a_batch_do_not_see_each_other(network: PortraitNet) -> None:
    pictures = torch.rand(2, 3, INPUT_SIZE, INPUT_SIZE)
    together, alone = network(pictures), network(pictures[1:])
    torch.testing.assert_close(together.points[1:], alone.points, atol=1e-5, rtol=0)
    torch.testing.assert_close(together.alpha[1:], alone.alpha, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("place", [(0.0, 1.0), (0.5, 0.25), (0.98, 0.02)])
def test_a_sharp_peak_is_read_where_it_is(place: tuple[float, float]) -> None:
    x, y = ((part + 0.05) / 1.1 * 32 - 0.5 for part in place)  # the maps reach past the border
    column, row = torch.arange(32.0)[None, :], torch.arange(32.0)[:, None]
    logits = -2.0 * ((column - x) ** 2 + (row - y) ** 2)
    read = _soft_argmax(logits.expand(1, NUM_POINTS, 32, 32))
    torch.testing.assert_close(read, torch.tensor(place).expand(1, NUM_POINTS, 2), atol=5e-3, rtol=0)


def test_every_output_teaches_every_layer_below_it() -> None:
    torch.manual_seed(0)
    network = PortraitNet(SMALL)
    reading = network(torch.rand(2, 3, INPUT_SIZE, INPUT_SIZE))
    parts = (reading.points, reading.spread, reading.depth, reading.visible, reading.alpha)
    sum(part.square().sum() for part in parts).backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


def test_weights_on_disk_are_read_back_and_not_mistaken(tmp_path: Path, network: PortraitNet) -> None:
    path = tmp_path / "portrait.safetensors"
    save_portrait(network, path)
    loaded = load_portrait(path)
    assert loaded.config == SMALL
    assert not loaded.training
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    save_pocket(PocketNetworks(PocketConfig(widths=(32, 32, 32), heads=2)), path)
    with pytest.raises(PocketWeightsError, match="expected 'understudy-portrait-1'"):
        load_portrait(path)
