"""The wheel holds the four packages with their data, and nothing else."""

import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.wheel import ROOT


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def text_of(wheel: Path, ending: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(ending)]
        return archive.read(name).decode()


def test_it_holds_the_four_packages_and_never_the_tests(names: list[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"app", "engine", "models", "assets"}


@pytest.mark.parametrize("package", ["app", "engine", "models", "assets"])
def test_every_file_of_a_package_is_in_it(wheel: Path, names: list[str], package: str) -> None:
    """Data too: a style sheet or a weights file that is left out is missed only on the user's machine."""
    source = wheel.parent / "source"
    files = {file.relative_to(source).as_posix() for file in (source / package).rglob("*") if file.is_file()}
    assert files
    assert sorted(files - set(names)) == []


def test_the_licences_travel_along(wheel: Path, names: list[str]) -> None:
    metadata = Parser().parsestr(text_of(wheel, ".dist-info/METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in names if "dist-info/licenses" in name}


def test_the_command_is_installed(wheel: Path) -> None:
    assert "understudy = app.main:main" in text_of(wheel, ".dist-info/entry_points.txt")


def test_every_bundled_model_is_named_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text()
    models = [file for suffix in ("task", "tflite") for file in (ROOT / "assets").rglob(f"*.{suffix}")]
    assert models
    assert [file.name for file in models if file.name not in notice] == []
    names = {file.relative_to(ROOT).parts[1] for file in (ROOT / "assets").rglob("*") if file.is_file()}
    names -= {"__init__.py", "__pycache__", "licences"}
    assert [name for name in sorted(names) if f"assets/{name}" not in notice] == []
