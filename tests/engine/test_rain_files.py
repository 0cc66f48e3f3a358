"""RAIN's files are looked at by their ends before anything is loaded."""

from pathlib import Path

import pytest

from engine.errors import WeightsError
from engine.rain_files import check_rain_files
from models.checkpoints.catalogue import read_catalogue, with_needs
from tests.models.checkpoints.small_weights import write_small


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for entry in with_needs("rain", read_catalogue()):
        for file in entry.files:
            path = tmp_path / entry.folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            write_small(path)
    return tmp_path / "rain"


def test_whole_files_pass(folder: Path) -> None:
    check_rain_files(folder)


@pytest.mark.parametrize(
    "name",
    [
        "motion_unet.pth",
        "taesdv.pth",
        "image_encoder/pytorch_model.bin",
        "sd-vae-ft-mse/diffusion_pytorch_model.safetensors",
    ],
)
@pytest.mark.parametrize("content", [b"hello\n" * 100, bytes(5000), b"PK\x03\x04" * 9], ids=len)
def test_a_damaged_file_is_named_with_its_size(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        check_rain_files(folder)
    told = f"{folder / name} cannot be read: half a download? ({len(content):,} bytes)"
    assert caught.value.message == f"RAIN cannot be loaded: {told}."
    assert "understudy models fetch rain" in caught.value.hint


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "taesdv.pth").unlink()
    with pytest.raises(WeightsError, match=r"lacks taesdv\.pth"):
        check_rain_files(folder)
