"""The catalogue is whole: names, places and licences, and what the loaders look for is what is fetched."""

from pathlib import Path

import pytest

from engine.track.dwpose_files import DETECTORS, POSE_NETWORKS, find_files
from models.checkpoints.catalogue import CatalogueEntry, read_catalogue, with_needs
from models.checkpoints.depth import DEPTH_ANYTHING_SMALL, DPT_HYBRID
from models.checkpoints.hub import weights_file
from models.checkpoints.live2diff import LIVE2DIFF_FILE
from models.checkpoints.rain import RAIN_FILES
from models.checkpoints.rain_encoders import ENCODER_FOLDERS
from models.checkpoints.stable_diffusion import LCM_LORA, TAESD

CATALOGUE = read_catalogue()


def lay(name: str, models: Path) -> Path:
    """Make empty files as a fetch of ``name`` would."""
    for entry in with_needs(name, CATALOGUE):
        for file in entry.files:
            path = models / entry.folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return models


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_entry_says_what_has_to_be_said(entry: CatalogueEntry) -> None:
    assert entry.title
    assert entry.purpose
    assert entry.licence
    assert entry.licence_url.startswith("https://")
    assert entry.repository.count("/") == 1
    assert entry.num_bytes > 0
    assert entry.files
    assert all(need in CATALOGUE for need in entry.needs)
    for file in entry.files:
        assert len(file.sha256) in (0, 64)
        for path in (entry.folder, *file.paths):
            assert not path.startswith(("/", "."))
            assert ".." not in path


def test_only_formats_that_are_read_as_weights_are_fetched() -> None:
    """Pickles (.pth, .ckpt, .bin) are read with ``weights_only``; nothing that runs is ever fetched."""
    read = {".safetensors", ".json", ".txt", ".onnx", ".pth", ".ckpt", ".bin"}
    assert {Path(file.path).suffix for entry in CATALOGUE.values() for file in entry.files} <= read


def test_rain_is_fetched_to_where_its_loader_looks(tmp_path: Path) -> None:
    folder = lay("rain", tmp_path) / "rain"
    assert all((folder / name).is_file() for name in RAIN_FILES)
    for name in ENCODER_FOLDERS:
        assert (folder / name / "config.json").is_file()
        assert weights_file(folder / name).is_file()


def test_dwpose_is_fetched_to_where_its_tracker_looks(tmp_path: Path) -> None:
    assert find_files(lay("dwpose", tmp_path) / "dwpose") == (
        tmp_path / "dwpose" / DETECTORS[0],
        tmp_path / "dwpose" / POSE_NETWORKS[0],
    )


@pytest.mark.parametrize("name", ["sd15", "sd-turbo"])
def test_a_base_is_fetched_as_a_whole_diffusers_folder(name: str, tmp_path: Path) -> None:
    folder = lay(name, tmp_path) / CATALOGUE[name].repository
    for part in ("unet", "vae", "text_encoder"):
        assert weights_file(folder / part).is_file()
        assert (folder / part / "config.json").is_file()
    assert (folder / "scheduler" / "scheduler_config.json").is_file()
    assert (folder / "tokenizer" / "vocab.json").is_file()


def test_what_the_loaders_know_by_its_hub_id_lies_under_that_id() -> None:
    for repository in (LCM_LORA, TAESD, DPT_HYBRID, DEPTH_ANYTHING_SMALL):
        assert repository in {entry.folder for entry in CATALOGUE.values()}


def test_live2diff_comes_with_base_lora_codec_and_depth() -> None:
    assert {entry.name for entry in with_needs("live2diff", CATALOGUE)} == {
        "live2diff",
        "sd15",
        "lcm-lora",
        "taesd",
        "dpt-hybrid",
    }
    assert [file.path for file in CATALOGUE["live2diff"].files] == [LIVE2DIFF_FILE]


def test_a_model_is_here_when_all_its_files_are(tmp_path: Path) -> None:
    entry = CATALOGUE["dpt-hybrid"]
    folder = tmp_path / entry.folder
    assert not entry.is_whole_in(folder)
    lay("dpt-hybrid", tmp_path)
    assert entry.is_whole_in(folder)
    (folder / "pytorch_model.bin").rename(folder / "model.safetensors")
    assert entry.is_whole_in(folder), "the other format does as well"
    (folder / "config.json").unlink()
    assert not entry.is_whole_in(folder)
