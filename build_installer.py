"""Build a folder that runs Understudy without Python: ``python build_installer.py``.

Makes a PyInstaller *onedir* bundle for the system it runs on (PyInstaller does not cross-compile). Install
the tool first: ``pip install '.[installer]'``.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NAME = "understudy"

ENTRY = """\
import multiprocessing
import sys

from app.main import main

if __name__ == "__main__":
    # Child processes start this program again, since a bundle holds no interpreter of its own: the virtual
    # camera by multiprocessing, the checks of `doctor` with -c.
    multiprocessing.freeze_support()
    if sys.argv[1:2] == ["-c"]:
        exec(compile(sys.argv[2], "-c", "exec"), {"__name__": "__main__"})
    else:
        sys.exit(main())
"""

# Packages whose data and libraries are found at run time by path, where an analysis of imports sees nothing.
COLLECTED = ("mediapipe", "openvino", "av")
OWN = ("app", "engine", "models", "assets")
# Of the tests, of training, and what libraries import only where it happens to be installed.
EXCLUDED = (
    *("tests", "pytest", "hypothesis", "mypy", "models.training", "tkinter", "IPython"),
    *("skimage", "scipy", "pandas", "diffusers", "transformers", "accelerate", "peft", "tensorboard"),
)
VIRTUAL_CAMERA = "pyvirtualcam"  # GPL-2; see NOTICE
# Distributions whose versions and licences the bundle keeps; `doctor` reads them.
METADATA = (
    "understudy",
    "torch",
    "openvino",
    "mediapipe",
    "opencv-contrib-python",
    "av",
    "PySide6-Essentials",
)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=ROOT / "dist", help="folder for the bundle (dist)")
    parser.add_argument("--windowed", action="store_true", help="no console window (Windows and macOS)")
    parser.add_argument(
        "--without-virtual-camera", action="store_true", help="leave out pyvirtualcam, which is GPL-2"
    )
    return parser.parse_args(arguments)


def pyinstaller_arguments(options: argparse.Namespace, work: Path) -> list[str]:
    """Return PyInstaller's command line; ``work`` holds the entry script and the intermediate files."""
    arguments = [str(work / f"{NAME}.py"), "--name", NAME, "--onedir", "--noconfirm", "--clean"]
    arguments += ["--distpath", str(options.output), "--workpath", str(work), "--specpath", str(work)]
    arguments += ["--paths", str(ROOT), "--windowed" if options.windowed else "--console"]
    arguments += _own_arguments()
    for package in COLLECTED:
        arguments += ["--collect-data", package, "--collect-binaries", package]
    excluded = (*EXCLUDED, VIRTUAL_CAMERA) if options.without_virtual_camera else EXCLUDED
    for package in excluded:
        arguments += ["--exclude-module", package]
    if not options.without_virtual_camera:
        arguments += ["--hidden-import", VIRTUAL_CAMERA, "--copy-metadata", VIRTUAL_CAMERA]
    for distribution in METADATA:
        if _is_installed(distribution):
            arguments += ["--copy-metadata", distribution]
    for document in ("LICENSE", "NOTICE"):
        arguments += ["--add-data", f"{ROOT / document}:."]
    return arguments


def _own_arguments() -> list[str]:
    """Collect our packages without what stays behind: asking for what is excluded prints errors."""
    arguments = []
    for package in OWN:
        arguments += ["--collect-data", package]
        parts = [package]
        if package == "models":
            parts = sorted(f"models.{part.parent.name}" for part in (ROOT / "models").glob("*/__init__.py"))
        for part in parts:
            if part not in EXCLUDED:
                arguments += ["--collect-submodules", part]
    return arguments


def _is_installed(distribution: str) -> bool:
    return any(metadata.distributions(name=distribution))


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the bundle; return the exit code."""
    options = parse(arguments)
    if importlib.util.find_spec("PyInstaller") is None:
        print("PyInstaller is not installed. Run: pip install '.[installer]'", file=sys.stderr)
        return 7
    from PyInstaller.__main__ import run  # noqa: PLC0415 - an optional tool, asked for above

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / f"{NAME}.py").write_text(ENTRY, encoding="utf-8")
        run(pyinstaller_arguments(options, work))
    print(f"Built {options.output / NAME}. Try: {options.output / NAME / NAME} doctor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
