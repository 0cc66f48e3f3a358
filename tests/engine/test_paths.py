"""One variable moves everything, another one the models."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.paths import cache_dir, data_dir, graphs_dir, logs_dir, models_dir

Place = Callable[[Mapping[str, str] | None], Path]


@pytest.mark.parametrize("place", [cache_dir, data_dir, logs_dir, models_dir])
def test_home_moves_everything(place: Place) -> None:
    assert Path("/elsewhere") in place({"UNDERSTUDY_HOME": "/elsewhere"}).parents
    assert Path("/elsewhere") not in place({}).parents
    assert "understudy" in str(place({})).lower()


def test_models_may_lie_on_another_disk() -> None:
    environment = {"UNDERSTUDY_HOME": "/home", "UNDERSTUDY_MODELS_DIR": "/big"}
    assert models_dir(environment) == Path("/big")
    assert data_dir(environment) == Path("/home/data")


def test_prepared_networks_lie_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", "/elsewhere")
    assert graphs_dir().parent == cache_dir()
