"""What the repository holds, and what its code looks like at the tail."""

import ast
import os
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("app", "engine", "models")

TOP_LEVEL = {
    *("app", "engine", "models", "assets", "tests"),
    *("pyproject.toml", "README.md", "build_installer.py", "LICENSE", "NOTICE"),
}
MAX_FILE_BYTES = 16 * 2**20
MAX_POCKET_BYTES = 40 * 2**20

MAX_FUNCTION_LINES = 60
MAX_FUNCTION_LINES_P90 = 30
MAX_FILE_LINES = 400
MAX_PARAMETERS = 6

# Written so that this file does not hold the words it looks for.
FOREIGN_WORDS = re.compile(
    r"/(?:w[o]rk|r[o]ot|f[a]rm)/|\.\./sh[a]red/|/tmp/v[e]nv"
    r"|py[p]i\.org|python[h]osted|npm[j]s|sub[a]gent|as an A[I]\b|lang[u]age model\b",
)


@lru_cache(maxsize=1)
def tracked() -> tuple[Path, ...]:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return tuple(ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).exists())


def python_files(*folders: str) -> list[Path]:
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(file: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, Function):
            yield node


def num_lines(function: Function) -> int:
    """Lines of a function without its docstring: documentation is not to be saved on."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def test_the_top_level_holds_only_what_belongs_there() -> None:
    names = {file.relative_to(ROOT).parts[0] for file in tracked()}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_no_file_is_too_large_to_be_cloned_gladly() -> None:
    assert [name_of(file) for file in tracked() if file.stat().st_size > MAX_FILE_BYTES] == []


def test_the_pocket_weights_stay_small() -> None:
    assert (
        sum(file.stat().st_size for file in tracked() if ROOT / "assets/pocket" in file.parents)
        <= MAX_POCKET_BYTES
    )


def is_text(content: bytes) -> bool:
    return b"\0" not in content[:8192]


def test_no_machine_and_no_registry_is_named() -> None:
    found = [
        f"{name_of(file)}:{number}: {line.strip()[:100]}"
        for file in tracked()
        if is_text(content := file.read_bytes())
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1)
        if FOREIGN_WORDS.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    "path", ["/w" + "ork/main", "/ro" + "ot/u/x", "https://py" + "pi.org/simple", "../sha" + "red/x"]
)
def test_the_pattern_finds_what_it_is_for(path: str) -> None:
    assert FOREIGN_WORDS.search(f"see {path}")


def test_functions_are_short_at_the_tail() -> None:
    lengths = {
        f"{name_of(file)}:{function.lineno} {function.name}": num_lines(function)
        for file in python_files(*PACKAGES)
        for function in functions(file)
    }
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}
    assert statistics.quantiles(lengths.values(), n=10)[-1] <= MAX_FUNCTION_LINES_P90


def test_functions_take_few_parameters() -> None:
    def count(function: Function) -> int:
        arguments = function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        return len(names) - (names[:1] in (["self"], ["cls"]))

    wide = [
        f"{name_of(file)}:{function.lineno} {function.name}"
        for file in python_files(*PACKAGES)
        for function in functions(file)
        if count(function) > MAX_PARAMETERS
    ]
    assert wide == []


def test_files_are_short() -> None:
    long = {
        name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in python_files(*PACKAGES)
    }
    assert {name: lines for name, lines in long.items() if lines > MAX_FILE_LINES} == {}


def calls_of(name: str, file: Path) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def is_command(file: Path) -> bool:
    """Whether a file is run by itself: the command line, or a training command."""
    return file.is_relative_to(ROOT / "app") or 'if __name__ == "__main__"' in file.read_text(
        encoding="utf-8"
    )


def test_only_commands_print() -> None:
    printing = {
        name_of(file): calls_of("print", file)
        for file in python_files(*PACKAGES)
        if not is_command(file) and calls_of("print", file)
    }
    assert printing == {}


def test_exceptions_to_the_rules_give_a_code_and_a_reason() -> None:
    bare = [
        f"{name_of(file)}:{number}: {line.strip()}"
        for file in python_files(*PACKAGES)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if "# noqa" in line and not re.search(r"# noqa: [A-Z]+\d+(, ?[A-Z]+\d+)* - \S", line)
    ]
    assert bare == []


def literals(file: Path) -> Iterator[tuple[int, str]]:
    """Strings and attribute names of a file, docstrings left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documentation = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr


def test_the_device_is_chosen_in_one_place() -> None:
    """``cuda`` stands in the runtimes and in files that choose a device, nowhere else."""
    written_in = [
        f"{name_of(file)}:{line}"
        for file in python_files(*PACKAGES)
        if not file.is_relative_to(ROOT / "models/runtimes") and file.stem not in ("device", "doctor")
        for line, text in literals(file)
        if re.search(r"\bcuda\b", text)
    ]
    assert written_in == []


def requirements() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]


def test_there_is_one_opencv() -> None:
    assert [name for name in requirements() if "opencv" in name.lower()] == []
    assert len(set(metadata.packages_distributions()["cv2"])) == 1


@pytest.mark.parametrize("pin", ["torch==2.13.0", "mediapipe==0.10.33"])
def test_what_must_be_pinned_is(pin: str) -> None:
    assert pin in requirements()


def test_the_window_library_stays_below_the_version_that_loses_references() -> None:
    (window,) = [name for name in requirements() if name.startswith("PySide6")]
    assert window.startswith("PySide6-Essentials")
    assert "<6.12" in window


def test_continuous_integration_calls_the_one_command() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert "-m tests.check" in script.read_text()
    assert "-m tests.check" in (ROOT / "README.md").read_text()
