"""From a linker's words to a command that the user can type."""

import pytest

from engine.errors import EngineFailedError, RuntimeMissingError
from engine.system_libraries import DEBIAN_PACKAGES, explained, how_to_install, missing_library

LINKER = "libGLESv2.so.2: cannot open shared object file: No such file or directory"


def test_a_missing_library_is_named_with_the_command_that_brings_it() -> None:
    assert missing_library(LINKER) == "libGLESv2.so.2"
    assert how_to_install("libGLESv2.so.2").endswith("sudo apt install libgles2")
    assert "libodd.so.3" in how_to_install("libodd.so.3")
    assert missing_library("something else") is None


@pytest.mark.parametrize("library", DEBIAN_PACKAGES)
def test_every_library_of_the_table_is_found_in_a_linker_s_words(library: str) -> None:
    assert missing_library(f"ImportError: {library}: cannot open shared object file: no") == library


@pytest.mark.parametrize("kind", [ImportError, OSError])
def test_an_import_that_lacks_a_library_is_not_a_defect(kind: type[Exception]) -> None:
    error = explained(kind(LINKER), "The tracker")
    assert isinstance(error, RuntimeMissingError)
    assert "The tracker needs the system library libGLESv2.so.2" in error.message
    assert "libgles2" in error.hint


def test_a_missing_package_is_named() -> None:
    error = explained(ModuleNotFoundError("No module named 'av'", name="av"), "Understudy")
    assert isinstance(error, RuntimeMissingError)
    assert "av" in error.message


def test_anything_else_is_a_defect() -> None:
    error = explained(ZeroDivisionError("boom"), "The engine")
    assert isinstance(error, EngineFailedError)
    assert error.exit_code == 70
    assert "boom" in error.message
