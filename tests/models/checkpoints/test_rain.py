"""RAIN's published files: every key accounted for, converted once, and what is refused."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from models.checkpoints.published import CheckpointError, own_state, published_shapes
from models.checkpoints.rain import (
    MOTION_UNET,
    POSE_GUIDER,
    RAIN_FILES,
    REFERENCE_UNET,
    TAESDV,
    RainConfig,
    load_rain,
)
from models.networks.looks import WithReference
from models.networks.reference_net import read_banks
from models.networks.unet import UNetInputs
from tests.models.checkpoints.rain_files import TINY, networks_of, published_weights, write_rain

LAYOUT = {
    MOTION_UNET: (1275, "c9eba502"),
    REFERENCE_UNET: (682, "cbb2cad5"),
    POSE_GUIDER: (16, "c4658936"),
    TAESDV: (134, "d27b101b"),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    write_rain(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "rain"))


def load(folder: Path, **more: object) -> object:
    return load_rain(folder, folder.parent / "cache", TINY, **more)


def digest(shapes: dict[str, tuple[int, ...]]) -> str:
    lines = sorted(f"{name}\t{list(shape)}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]


@pytest.mark.parametrize("name", RAIN_FILES)
def test_full_size_names_and_shapes_are_the_published_ones(name: str) -> None:
    """The digests are those of the published listing (file, key, shape), sorted."""
    with torch.device("meta"):
        shapes = published_shapes(networks_of(RainConfig())[name])
    assert (len(shapes), digest(shapes)) == LAYOUT[name]


def test_the_loaded_networks_are_those_of_the_files(folder: Path) -> None:
    networks = load(folder)
    for name, network in zip(
        RAIN_FILES,
        (networks.denoiser, networks.reference, networks.pose_guider, networks.codec),
        strict=True,
    ):
        published = torch.load(folder / name, weights_only=True)
        loaded = network.state_dict()
        expected = own_state(network, published, name)
        assert [
            key for key, value in expected.items() if not torch.equal(loaded[key], value.half().float())
        ] == []
        assert loaded.keys() == expected.keys()
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_loaded_networks_run_together(folder: Path) -> None:
    networks = load(folder)
    token = torch.randn(1, 1, 12)
    banks = read_banks(networks.reference, torch.randn(1, 4, 8, 8), token)
    inputs = UNetInputs(
        prompt=networks.denoiser.project_prompt(token),
        look=WithReference(networks.denoiser.project_reference(banks)),
        control=networks.pose_guider(torch.rand(2, 3, 64, 64)),
        guidance_scale=torch.tensor([2.5]),
    )
    latents = networks.denoiser(torch.randn(2, 4, 8, 8), torch.tensor([249.0, 499.0]), inputs)
    pictures, _ = networks.codec(latents, networks.codec.initial_memories(8, 8))
    assert pictures.shape == (2, 3, 64, 64)
    assert bool(torch.isfinite(pictures).all())


def test_files_are_converted_once_and_again_when_they_change(folder: Path) -> None:
    load(folder)
    cache = folder.parent / "cache"
    first = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert len(first) == 4
    load(folder)
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == first
    torch.save(published_weights(networks_of(TINY)[POSE_GUIDER], 9), folder / POSE_GUIDER)
    os.utime(folder / POSE_GUIDER, ns=(1, 1))
    load(folder)
    names = {path.name for path in cache.iterdir()}
    assert len(names) == 4
    assert len(names - first.keys()) == 1


def test_a_damaged_conversion_is_made_again(folder: Path) -> None:
    expected = load(folder).pose_guider.conv_in.weight
    for path in (folder.parent / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    torch.testing.assert_close(load(folder).pose_guider.conv_in.weight, expected, rtol=0, atol=0)


def test_a_cache_that_cannot_be_written_costs_only_time(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.parent / "cache").write_text("a file, no folder")
    assert load(folder).codec is not None
    assert "not kept" in caplog.text
    caplog.clear()


def test_half_precision_weights(folder: Path) -> None:
    networks = load(folder, dtype=torch.float16)
    assert {value.dtype for value in networks.denoiser.state_dict().values()} == {torch.float16}
    positions = [buffer.dtype for buffer in networks.denoiser.buffers()]
    assert set(positions) == {torch.float16}


def changed(folder: Path, name: str, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = torch.load(folder / name, weights_only=True)
    change(weights)
    torch.save(weights, folder / name)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / TAESDV).unlink()
    with pytest.raises(CheckpointError, match=r"lacks taesdv\.pth"):
        load(folder)


def test_missing_and_unexpected_keys_are_named(folder: Path) -> None:
    changed(folder, MOTION_UNET, lambda weights: weights.update(extra=weights.pop("conv_in.bias")))
    with pytest.raises(
        CheckpointError, match=r"motion_unet\.pth.*missing: conv_in\.bias; unexpected: extra$"
    ):
        load(folder)


def test_a_wrong_shape_is_named(folder: Path) -> None:
    changed(folder, POSE_GUIDER, lambda weights: weights.update({"conv_out.bias": torch.zeros(7)}))
    with pytest.raises(CheckpointError, match=r"conv_out\.bias \(7,\) instead of \(8,\)"):
        load(folder)


def test_a_checkpoint_of_another_model_is_refused(folder: Path) -> None:
    torch.save(nn.Linear(3, 3).state_dict(), folder / REFERENCE_UNET)
    with pytest.raises(CheckpointError, match=r"reference_unet\.pth does not fit: missing: .* and \d+ more"):
        load(folder)


def test_the_denoiser_in_place_of_the_reference_network_is_refused(folder: Path) -> None:
    (folder / REFERENCE_UNET).write_bytes((folder / MOTION_UNET).read_bytes())
    with pytest.raises(CheckpointError, match="unexpected: conv_norm_out"):
        load(folder)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_half_a_download_is_refused(folder: Path, share: float) -> None:
    whole = (folder / MOTION_UNET).read_bytes()
    (folder / MOTION_UNET).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CheckpointError, match=r"motion_unet\.pth"):
        load(folder)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("false",)


def test_a_pickle_that_would_run_code_is_refused(folder: Path) -> None:
    torch.save({"conv_in.weight": Harmful()}, folder / POSE_GUIDER)
    with pytest.raises(CheckpointError, match="more than weights"):
        load(folder)


def test_other_positions_are_refused(folder: Path) -> None:
    name = "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0"
    changed(folder, MOTION_UNET, lambda weights: weights[f"{name}.pos_encoder.pe"].mul_(2.0))
    with pytest.raises(CheckpointError, match=rf"not sinusoidal: {name}"):
        load(folder)


def test_numbers_beyond_float16_are_refused(folder: Path) -> None:
    changed(folder, POSE_GUIDER, lambda weights: weights["conv_in.bias"].fill_(1e6))
    with pytest.raises(CheckpointError, match=r"conv_in\.bias holds numbers"):
        load(folder)
