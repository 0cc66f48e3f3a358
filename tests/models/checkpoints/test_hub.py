"""A model's folder is found where the user, a fetch or another program has put it. Nothing is fetched."""

from pathlib import Path

import pytest
from huggingface_hub import constants, snapshot_download

from models.checkpoints.catalogue import read_catalogue
from models.checkpoints.errors import CheckpointError
from models.checkpoints.hub import cached_folder, folder_of, local_folder
from tests.models.checkpoints.hub_cache import lay_in_cache


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "models"


def test_a_folder_is_itself(tmp_path: Path) -> None:
    assert local_folder(str(tmp_path)) == tmp_path


def test_a_fetched_repository_lies_under_its_id(models: Path) -> None:
    (models / "maker" / "tiny").mkdir(parents=True)
    assert local_folder("maker/tiny") == models / "maker" / "tiny"


def test_what_another_program_has_fetched_is_used_where_it_lies(tmp_path: Path) -> None:
    folder = lay_in_cache(tmp_path / "cache", "maker/tiny")
    assert local_folder("maker/tiny") == folder


def test_our_way_through_the_cache_is_the_library_s(tmp_path: Path) -> None:
    folder = lay_in_cache(tmp_path / "cache", "maker/tiny")
    found = snapshot_download("maker/tiny", cache_dir=tmp_path / "cache", local_files_only=True)
    assert cached_folder("maker/tiny") == Path(found) == folder


@pytest.mark.parametrize("spoil", ["", "no-such-commit"])
def test_a_cache_without_the_files_is_no_model(tmp_path: Path, spoil: str) -> None:
    lay_in_cache(tmp_path / "cache", "maker/tiny")
    (tmp_path / "cache" / "models--maker--tiny" / "refs" / "main").write_text(spoil)
    assert cached_folder("maker/tiny") is None


def test_the_list_and_the_loaders_agree_on_where_a_model_lies(tmp_path: Path, models: Path) -> None:
    entry = read_catalogue()["taesd"]
    assert folder_of(entry) is None
    cached = lay_in_cache(tmp_path / "cache", entry.repository, [file.path for file in entry.files])
    assert folder_of(entry) == cached == local_folder(entry.repository)
    ours = models / entry.folder
    ours.mkdir(parents=True)
    assert local_folder(entry.repository) == ours, "the models folder comes first, whole or not"
    assert folder_of(entry) is None
    for file in entry.files:
        (ours / file.path).touch()
    assert folder_of(entry) == ours


def test_what_is_looked_for_in_a_folder_of_its_own_is_not_found_in_the_cache(tmp_path: Path) -> None:
    entry = read_catalogue()["live2diff"]
    lay_in_cache(tmp_path / "cache", entry.repository, [file.path for file in entry.files])
    assert folder_of(entry) is None


def test_what_is_nowhere_is_said() -> None:
    with pytest.raises(CheckpointError, match="maker/tiny is not on this machine"):
        local_folder("maker/tiny")


@pytest.mark.parametrize("source", ["nothing", "/no/such", "a/b/c", "./a/b", "c:\\x"])
def test_what_can_be_no_repository_is_a_missing_folder(source: str) -> None:
    with pytest.raises(CheckpointError, match="there is no folder or file"):
        local_folder(source)
