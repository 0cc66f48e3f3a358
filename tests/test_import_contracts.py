"""The floors hold, each contract can fail, and nothing is imported that its floor does not list."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("app", "engine", "models", "assets")
OWN = frozenset({*PACKAGES, "tests"})

# What each package may import beside the standard library and the project; the longest prefix counts.
ALLOWED: Mapping[str, frozenset[str]] = {
    "app": frozenset({"PySide6", "numpy"}),
    "app.preferences": frozenset({"platformdirs"}),
    "engine": frozenset({"torch", "numpy"}),
    "engine.paths": frozenset({"platformdirs"}),
    "engine.streamdiffusion.image_utils": frozenset({"torch", "numpy", "PIL"}),
    "engine.streamdiffusion.wrapper": frozenset({"torch", "PIL"}),
    "engine.capture": frozenset({"torch", "numpy", "cv2", "av"}),
    "engine.capture.picture": frozenset({"numpy", "av", "PIL"}),
    "engine.track": frozenset({"torch", "numpy", "cv2", "mediapipe"}),
    "engine.retarget": frozenset({"torch", "numpy", "cv2"}),
    "engine.post": frozenset({"torch", "numpy", "cv2"}),
    "engine.sinks": frozenset({"torch", "numpy", "cv2", "av", "pyvirtualcam"}),
    "models": frozenset({"torch", "numpy", "diffusers", "transformers"}),
    "models.checkpoints": frozenset(
        {"torch", "numpy", "diffusers", "transformers", "safetensors", "huggingface_hub"}
    ),
    "models.checkpoints.store": frozenset({"platformdirs"}),
    "models.runtimes": frozenset({"torch", "numpy", "openvino", "onnx"}),
    "models.training": frozenset({"torch", "numpy", "cv2", "safetensors"}),
    "assets": frozenset(),
}


# What the rooms share, and what the window and the command line may know of engine.
SHARED_BY_ROOMS = frozenset(
    f"engine.{name}" for name in ("types", "settings", "errors", "clock", "quiet", "handover")
)
PUBLIC = frozenset(
    f"engine.{name}"
    for name in (
        "session",
        "settings",
        "status",
        "types",
        "errors",
        "clock",
        "doctor",
        "fetching",
        "paths",
        "quiet",
        "stylise.files",
        "stylise.rooms",
        "stylise.settings",
    )
)


def contracts() -> list[dict[str, Any]]:
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = configuration["tool"]["importlinter"]["contracts"]
    return found


def no_data(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if "." in name and not name.endswith(".py")]


def copy_of_the_tree(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=no_data)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def plant(folder: Path, module: str, targets: list[str]) -> None:
    """Make ``module`` (a package gets a new file) import every target."""
    path = folder / Path(*module.split("."))
    file = path / "deliberate_violation.py" if path.is_dir() else path.with_suffix(".py")
    lines = "".join(f"\nimport {target}" for target in targets)
    file.write_text((file.read_text() if file.exists() else "") + lines + "\n")


def violations(contract: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield what to plant where, so that every pair the contract speaks of is broken."""
    if contract["type"] == "forbidden":
        for source in contract["source_modules"]:
            yield source, contract["forbidden_modules"]
    else:
        for module in contract["modules"]:
            yield module, [other for other in contract["modules"] if other != module]


def sections(report: str) -> dict[str, str]:
    """Split the list of broken contracts by name."""
    broken = report.split("Broken contracts", 1)[1]
    parts = re.split(r"^(.+)\n-+\n", broken, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_floors_hold(tmp_path: Path) -> None:
    done = lint_imports(copy_of_the_tree(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_fails_for_every_pair_that_it_names(tmp_path: Path) -> None:
    copy = copy_of_the_tree(tmp_path)
    for contract in contracts():
        for module, targets in violations(contract):
            plant(copy, module, targets)
    done = lint_imports(copy)
    assert done.returncode != 0
    broken = sections(done.stdout)
    for contract in contracts():
        assert contract["name"] in broken, f"{contract['name']} cannot fail\n{done.stdout}{done.stderr}"
        text = broken[contract["name"]]
        for module, targets in violations(contract):
            for target in targets:
                edge = rf"{re.escape(module)}(\.deliberate_violation)? -> {re.escape(target)}\b"
                assert re.search(edge, text), f"{contract['name']}: {module} -> {target} was not caught"


def test_every_package_of_models_stands_on_a_floor() -> None:
    named = {module for contract in contracts() for module in contract.get("source_modules", ())}
    folders = [path.parent.name for path in (ROOT / "models").glob("*/__init__.py")]
    assert {f"models.{name}" for name in folders} <= named


def contract_of(name: str) -> dict[str, Any]:
    (found,) = [contract for contract in contracts() if contract["id"] == name]
    return found


def rooms() -> frozenset[str]:
    return frozenset(contract_of("rooms-apart")["modules"])


def test_every_package_of_engine_is_a_room_kept_apart_or_stands_above_all_rooms() -> None:
    above = contract_of("systems-above")
    assert set(above["source_modules"]) == rooms()
    packages = {f"engine.{path.parent.name}" for path in (ROOT / "engine").glob("*/__init__.py")}
    assert packages - rooms() <= set(above["forbidden_modules"])
    assert rooms() <= packages


def foreign_imports(file: Path) -> set[str]:
    """Top-level names of everything foreign that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names.update(str(a.value).split(".")[0] for a in node.args[:1] if isinstance(a, ast.Constant))
    return names - OWN - sys.stdlib_module_names


def engine_imports(file: Path) -> set[str]:
    """Modules of engine (``engine.name``, whole) that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "engine":
            names.update(f"engine.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name for name in names if name.split(".")[0] == "engine"}


def outside(file: Path, room: str) -> list[str]:
    """What a file of ``room`` imports from engine but its own room and what all rooms share."""
    first = {".".join(name.split(".")[:2]) for name in engine_imports(file)}
    return sorted(first - SHARED_BY_ROOMS - {room})


def test_rooms_know_only_what_all_rooms_share() -> None:
    extra = {
        f"{file.relative_to(ROOT)}": outside(file, room)
        for room in rooms()
        for file in (ROOT / room.replace(".", "/")).rglob("*.py")
    }
    assert {name: modules for name, modules in extra.items() if modules} == {}


def test_the_window_and_the_command_line_know_only_public_names() -> None:
    extra = {
        f"{file.relative_to(ROOT)}": sorted(engine_imports(file) - PUBLIC)
        for file in (ROOT / "app").rglob("*.py")
    }
    assert {name: modules for name, modules in extra.items() if modules} == {}


def floor_of(file: Path) -> frozenset[str]:
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    prefix = max((p for p in ALLOWED if module == p or module.startswith(p + ".")), key=len)
    return ALLOWED[prefix]


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_foreign_is_imported_but_what_the_floor_lists(package: str) -> None:
    extra = {
        str(file.relative_to(ROOT)): sorted(foreign_imports(file) - floor_of(file))
        for file in (ROOT / package).rglob("*.py")
        if foreign_imports(file) - floor_of(file)
    }
    assert extra == {}


def test_a_shim_is_foreign_wherever_it_hides(tmp_path: Path) -> None:
    file = tmp_path / "hidden.py"
    file.write_text(
        "import importlib\n"
        "def late():\n"
        "    from qtpy import QtCore\n"
        "    importlib.import_module('PyQt6.QtGui')\n"
    )
    assert foreign_imports(file) == {"qtpy", "PyQt6"}
