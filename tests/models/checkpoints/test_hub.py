"""A model's folder is found where the user, a fetch or another program has put it. Nothing is fetched."""

from pathlib import Path

import pytest
from huggingface_hub import constants

from models.checkpoints.hub import local_folder
from models.checkpoints.published import CheckpointError


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
    commit = "0123456789abcdef0123456789abcdef01234567"
    cached = tmp_path / "cache" / "models--maker--tiny"
    (cached / "snapshots" / commit).mkdir(parents=True)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    (cached / "snapshots" / commit / "config.json").write_text("{}")
    assert local_folder("maker/tiny") == cached / "snapshots" / commit


def test_what_is_nowhere_is_said() -> None:
    with pytest.raises(CheckpointError, match="maker/tiny is not on this machine"):
        local_folder("maker/tiny")


@pytest.mark.parametrize("source", ["nothing", "/no/such", "a/b/c", "./a/b", "c:\\x"])
def test_what_can_be_no_repository_is_a_missing_folder(source: str) -> None:
    with pytest.raises(CheckpointError, match="there is no folder or file"):
        local_folder(source)
