from pathlib import Path

from models.checkpoints.folders import cache_folder, models_folder


def test_the_variables_move_the_folders() -> None:
    assert cache_folder({"UNDERSTUDY_HOME": "/u"}) == Path("/u/cache")
    assert models_folder({"UNDERSTUDY_HOME": "/u"}) == Path("/u/models")
    assert models_folder({"UNDERSTUDY_HOME": "/u", "UNDERSTUDY_MODELS_DIR": "/m"}) == Path("/m")


def test_without_them_the_systems_folders_are_used() -> None:
    assert "understudy" in str(cache_folder({}))
    assert models_folder({}).name == "models"
    assert cache_folder({}) != models_folder({})


def test_nothing_is_made_by_asking(tmp_path: Path) -> None:
    cache_folder({"UNDERSTUDY_HOME": str(tmp_path / "home")})
    assert not (tmp_path / "home").exists()
