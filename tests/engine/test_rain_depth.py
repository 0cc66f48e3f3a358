"""Depth as a second condition of RAIN: it travels with its row, and weights of zero change nothing at all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import engine.rain_studio
from engine.errors import WeightsError
from engine.rain_studio import RainStudio, open_rain_studio
from engine.standard_rooms import load_avatar
from engine.types import Avatar, Control
from models.checkpoints.published import CheckpointError
from models.checkpoints.rain import DEPTH_GUIDER, RainConfig, RainNetworks, load_rain
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.unet_graphs import UNetShape, unet_graph
from tests.engine.rain_kit import QUALITY, SETTINGS, studio_of, write_files
from tests.models.checkpoints.rain_files import TINY, published_weights, write_rain

CONFIG = PoseGuiderConfig(widths=(4, 6, 8, 10), out_channels=8)
WITH_DEPTH = replace(TINY, depth_guider=CONFIG)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_files(tmp_path_factory.mktemp("rain"))
    torch.save(published_weights(PoseGuider(CONFIG), 9), folder / DEPTH_GUIDER)
    return folder


@pytest.fixture(scope="module")
def networks(weights: Path) -> RainNetworks:
    return load_rain(weights, weights / "cache", WITH_DEPTH)


@pytest.fixture(scope="module")
def luna() -> Avatar:
    return load_avatar("luna")


def controls(avatar: Avatar) -> list[Control]:
    shifts = [np.float32([number / 50, 0]) for number in range(4)]
    return [Control(avatar.points + shift, avatar.scores, 0, 0.0) for shift in shifts]


def latents(studio: RainStudio, avatar: Avatar) -> NDArray[np.float32]:
    machinery, conditioner = studio.machinery(QUALITY, seed=2), studio.conditioner(avatar, QUALITY.size)
    machinery.buffer.set_reference(conditioner.reference)
    rows = [conditioner.row(control) for control in controls(avatar)]
    machinery.buffer.push(machinery.join(rows[:2]))
    popped = machinery.buffer.push(machinery.join(rows[2:]))
    assert popped is not None
    return popped.latents.numpy().copy()


def test_weights_of_zero_leave_the_published_network_as_it_is(
    weights: Path, networks: RainNetworks, luna: Avatar
) -> None:
    untrained = PoseGuider(CONFIG).eval().requires_grad_(requires_grad=False)
    without = latents(studio_of(weights, replace(networks, depth_guider=None)), luna)
    zero = latents(studio_of(weights, replace(networks, depth_guider=untrained)), luna)
    trained = latents(studio_of(weights, networks), luna)
    np.testing.assert_array_equal(zero, without)
    assert np.abs(trained - without).max() > 1e-3


def test_depth_travels_with_its_row(weights: Path, networks: RainNetworks, luna: Avatar) -> None:
    studio = studio_of(weights, networks)
    machinery, conditioner = studio.machinery(QUALITY, seed=2), studio.conditioner(luna, QUALITY.size)
    machinery.buffer.set_reference(conditioner.reference)
    rows = [conditioner.row(control) for control in controls(luna)]
    assert set(rows[0]) == {"pose", "depth"}
    assert not torch.equal(rows[0]["depth"], rows[1]["depth"])
    machinery.buffer.push(machinery.join(rows[:2]), tag="first")
    popped = machinery.buffer.push(machinery.join(rows[2:]), tag="second")
    assert popped is not None
    assert popped.tag == "first"
    torch.testing.assert_close(popped.conditions["depth"], torch.cat([row["depth"] for row in rows[:2]]))


def test_depth_can_stand_in_place_of_the_pose(networks: RainNetworks) -> None:
    size = {"frames": 2, "height": 8, "width": 8}
    pose = unet_graph(networks.denoiser, UNetShape(**size))
    depth = unet_graph(networks.denoiser, UNetShape(**size, has_pose=False, has_depth=True))
    assert set(pose.inputs) ^ set(depth.inputs) == {"pose", "depth"}
    given = {name: torch.randn_like(value) for name, value in pose.inputs.items()}
    swapped = {("depth" if name == "pose" else name): value for name, value in given.items()}
    with torch.inference_mode():
        torch.testing.assert_close(depth.module(**swapped), pose.module(**given), rtol=0, atol=0)


def test_a_guider_that_is_asked_for_and_is_not_there_is_named(tmp_path: Path) -> None:
    write_rain(tmp_path)
    with pytest.raises(CheckpointError, match=r"lacks depth_guider\.pth"):
        load_rain(tmp_path, tmp_path / "cache", WITH_DEPTH)


@pytest.mark.parametrize("is_there", [True, False])
def test_its_file_beside_the_others_switches_it_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    asked: list[RainConfig] = []

    def load(_folder: Path, _cache: Path, config: RainConfig) -> RainNetworks:
        asked.append(config)
        raise CheckpointError("stop here")

    monkeypatch.setattr(engine.rain_studio, "load_rain", load)
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    if is_there:
        (tmp_path / DEPTH_GUIDER).touch()
    with pytest.raises(WeightsError, match="stop here"):
        open_rain_studio(replace(SETTINGS, weights=str(tmp_path)))
    assert (asked[0].depth_guider is not None) == is_there
