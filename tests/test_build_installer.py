import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import build_installer


def arguments(*options: str) -> list[str]:
    return build_installer.pyinstaller_arguments(build_installer.parse(options), Path("work"))


def values(of: str, line: list[str]) -> list[str]:
    return [line[index + 1] for index, word in enumerate(line) if word == of]


def test_a_missing_tool_is_said_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert build_installer.main([]) != 0
    assert "pip install '.[installer]'" in capsys.readouterr().err


def test_data_that_is_found_at_run_time_is_collected() -> None:
    line = arguments()
    assert {"app", "engine", "models", "assets"} <= set(values("--collect-data", line))
    for option in ("--collect-data", "--collect-binaries"):
        assert {"mediapipe", "openvino"} <= set(values(option, line))
    assert "pyvirtualcam" in values("--hidden-import", line)
    assert [value.split(":")[0] for value in values("--add-data", line)] == [
        str(build_installer.ROOT / name) for name in ("LICENSE", "NOTICE")
    ]


def test_nothing_is_both_collected_and_left_out() -> None:
    line = arguments()
    collected = set(values("--collect-submodules", line))
    assert {"app", "engine", "models.networks", "models.runtimes", "models.checkpoints"} <= collected
    assert collected.isdisjoint(values("--exclude-module", line))
    assert "models" not in collected, "it would bring the training along"


def test_versions_travel_along_as_far_as_they_are_known() -> None:
    kept = values("--copy-metadata", arguments())
    assert {"torch", "openvino", "mediapipe"} <= set(kept)


def test_the_entry_runs_code_as_an_interpreter_would(tmp_path: Path) -> None:
    """``doctor`` tries each library in a process of its own: ``sys.executable -c CODE``."""
    entry = tmp_path / "entry.py"
    entry.write_text(build_installer.ENTRY)
    done = subprocess.run(
        [sys.executable, str(entry), "-c", "print(6 * 7)"],
        cwd=build_installer.ROOT,
        env={**os.environ, "PYTHONPATH": str(build_installer.ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "42\n"


def test_tests_are_never_bundled() -> None:
    assert "tests" in values("--exclude-module", arguments())


def test_the_gpl_part_can_be_left_out() -> None:
    line = arguments("--without-virtual-camera")
    assert "pyvirtualcam" in values("--exclude-module", line)
    assert "pyvirtualcam" not in values("--hidden-import", line)


def test_the_tool_is_called_with_an_entry_script_that_exists(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The build itself takes a minute and the tool; here everything up to its call."""
    pytest.importorskip("PyInstaller", reason="PyInstaller is an extra: pip install '.[installer]'")
    seen: list[str] = []

    def fake(line: list[str]) -> None:
        seen.append(Path(line[0]).read_text())

    monkeypatch.setattr("PyInstaller.__main__.run", fake)
    assert build_installer.main(["--output", str(tmp_path)]) == 0
    compile(seen[0], "entry", "exec")
    assert "freeze_support" in seen[0]
