"""What this machine has and lacks, line by line: ok, missing, and how to mend it.

Libraries are loaded in processes of their own, two at a time, so that one that crashes or lacks a system
library costs its line and not the report. Nothing is opened, sent or changed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from engine.errors import UnderstudyError
from engine.fetching import fetchable_models
from engine.paths import cache_dir, data_dir, logs_dir
from engine.sinks.camera_devices import virtual_camera_available
from engine.system_libraries import explained, how_to_install, missing_library

__all__ = ["Check", "Health", "can_animate", "examine", "explained"]

_OLDEST_PYTHON = (3, 11)
_LEAST_FREE_BYTES = 1 << 30
_PROBE_TIMEOUT_S = 120.0


class Health(Enum):
    """The state of one line."""

    OK = "ok"
    MISSING = "missing"  # something that `animate` needs
    LACKING = "lacking"  # something that only some uses need


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the report.

    Attributes:
        name: What was looked at.
        health: How it is.
        detail: What was found.
        remedy: What to do; empty when all is well.
    """

    name: str
    health: Health
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class _Library:
    """A library that is loaded for a test.

    Attributes:
        name: For people.
        package: On the package index.
        code: Loads it; what it prints is added to the line.
        is_needed: Whether `animate` needs it.
    """

    name: str
    package: str
    code: str
    is_needed: bool = True


# The tracker's graph is built, not only imported: that is when MediaPipe loads its system libraries.
_TRACKER_CODE = (
    "from engine.track.mediapipe_tracker import MediaPipeTracker; "
    "from engine.track.settings import TrackSettings; MediaPipeTracker(TrackSettings()).warm_up(640, 480)"
)
_RUNTIME_CODE = (
    "from models.runtimes.choose import choose_runtime, probe_machine; "
    "print(choose_runtime(probe_machine()).text)"
)
_LIBRARIES = (
    _Library("torch", "torch", "import torch"),
    _Library("OpenVINO", "openvino", "import openvino"),
    _Library("MediaPipe", "mediapipe", _TRACKER_CODE),
    _Library("OpenCV", "opencv-contrib-python", "import cv2"),
    _Library("PyAV", "av", "import av"),
    _Library("Qt (window)", "PySide6-Essentials", "from PySide6 import QtWidgets", is_needed=False),
    _Library("pyvirtualcam", "pyvirtualcam", "import pyvirtualcam", is_needed=False),
)


def examine(extra: Sequence[Callable[[], Check]] = ()) -> list[Check]:
    """Look at everything and return the lines in order. Cost: about ten seconds.

    Args:
        extra: Further looks, put after the cameras (the display is the window's to judge).
    """
    looks: list[Callable[[], Check]] = [
        check_python,
        *(_look_at(library) for library in _LIBRARIES),
        check_runtime,
        check_gpu,
        check_weights,
        check_trackers,
        check_published,
        check_camera,
        *extra,
        check_virtual_camera,
        lambda: check_disk("disk", Path.cwd()),
        *disk_looks(),
        lambda: check_folder("current folder", Path.cwd()),
        lambda: check_folder("data folder", data_dir()),
        lambda: check_folder("cache folder", cache_dir()),
        lambda: check_folder("log folder", logs_dir()),
    ]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda look: look(), looks))


def can_animate(checks: Sequence[Check]) -> bool:
    """Whether nothing is missing that `animate` needs."""
    return all(check.health is not Health.MISSING for check in checks)


def check_python(running: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    """Judge the interpreter."""
    text = ".".join(map(str, running))
    if running >= _OLDEST_PYTHON:
        return Check(name="Python", health=Health.OK, detail=text)
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    return Check(
        name="Python", health=Health.MISSING, detail=text, remedy=f"Install Python {oldest} or newer."
    )


def check_library(library: _Library) -> Check:
    """Load a library in a process of its own."""
    health = Health.MISSING if library.is_needed else Health.LACKING
    try:
        detail = version(library.package)
    except PackageNotFoundError:
        remedy = f"Run: {sys.executable} -m pip install {library.package}"
        return Check(name=library.name, health=health, detail="not installed", remedy=remedy)
    is_loaded, text = run_probe(library.code)
    if is_loaded:
        return Check(name=library.name, health=Health.OK, detail=detail)
    lacking = missing_library(text)
    if lacking is not None:
        remedy = how_to_install(lacking)
        return Check(name=library.name, health=health, detail=f"{detail}, without {lacking}", remedy=remedy)
    remedy = f"Run: {sys.executable} -m pip install --force-reinstall {library.package}"
    return Check(name=library.name, health=health, detail=f"{detail} does not load: {text}", remedy=remedy)


def run_probe(code: str) -> tuple[bool, str]:
    """Run a line of Python; return whether it went well, and the last line that it wrote."""
    command = [sys.executable, "-c", f"from engine.quiet import silence; silence(); {code}"]
    paths = os.pathsep.join(path for path in sys.path if path)
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer in {_PROBE_TIMEOUT_S:.0f} s"
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    if done.returncode == 0:
        return True, lines[-1] if lines else ""
    return False, lines[-1] if lines else f"exit code {done.returncode}"


def check_runtime() -> Check:
    """Say which runtime the networks would get here, in which precision, and why."""
    is_well, text = run_probe(_RUNTIME_CODE)
    if is_well:
        return Check(name="runtime", health=Health.OK, detail=text)
    return Check(
        name="runtime", health=Health.MISSING, detail=text, remedy="See the lines of torch and OpenVINO."
    )


def check_gpu() -> Check:
    """Ask NVIDIA's own tool, which comes with the driver."""
    tool = shutil.which("nvidia-smi")
    none = Check(
        name="GPU",
        health=Health.LACKING,
        detail="no NVIDIA GPU; the built-in model runs on the processor",
        remedy="With an NVIDIA card, install its driver; without one there is nothing to do.",
    )
    if tool is None:
        return none
    query = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return none
    return Check(name="GPU", health=Health.OK, detail="; ".join(done.stdout.strip().splitlines()))


def check_weights() -> Check:
    """Look for the built-in model's weights."""
    path = files("assets") / "pocket" / "pocket.safetensors"
    if path.is_file():
        return Check(name="weights", health=Health.OK, detail=f"{len(path.read_bytes()) >> 20} MB, built in")
    return Check(
        name="weights",
        health=Health.MISSING,
        detail="the built-in model's weights are not there",
        remedy="Install Understudy again.",
    )


def check_trackers() -> Check:
    """Compare the tracker's models with their checksums."""
    folder = files("assets") / "trackers"
    damaged = []
    for line in (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines():
        wanted, name = line.split(maxsplit=1)
        file = folder / name.strip().lstrip("*")
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != wanted:
            damaged.append(name.strip())
    if not damaged:
        return Check(name="tracker models", health=Health.OK, detail="complete")
    detail = f"missing or damaged: {', '.join(damaged)}"
    remedy = "Install Understudy again."
    return Check(name="tracker models", health=Health.MISSING, detail=detail, remedy=remedy)


def check_published() -> Check:
    """Say which of the models that are fetched are here."""
    here = [model.name for model in fetchable_models() if model.is_here]
    if here:
        return Check(name="fetched models", health=Health.OK, detail=", ".join(here))
    return Check(
        name="fetched models",
        health=Health.LACKING,
        detail="none; the avatar mode needs none",
        remedy="`understudy models` lists what larger systems need.",
    )


def check_camera() -> Check:
    """List the cameras without opening one where the system allows it."""
    is_well, text = run_probe(
        "from engine.capture.cameras import list_cameras; "
        "print(', '.join(f'{camera.index}: {camera.name}' for camera in list_cameras()))"
    )
    if is_well and text:
        return Check(name="camera", health=Health.OK, detail=text)
    return Check(
        name="camera",
        health=Health.LACKING,
        detail="none found",
        remedy="Plug one in, or let the system's privacy settings allow it; clips work without one.",
    )


def check_virtual_camera() -> Check:
    """Look for a device that other programs see as a webcam."""
    is_there, text = virtual_camera_available()
    if is_there:
        return Check(name="virtual camera", health=Health.OK, detail=text)
    return Check(name="virtual camera", health=Health.LACKING, detail="none found", remedy=text)


def check_disk(name: str, folder: Path, free_bytes: int | None = None) -> Check:
    """Judge the room where a folder lies, or will lie.

    Args:
        name: Of the line.
        folder: In it things are to be written.
        free_bytes: What is free there; looked up by default.
    """
    free = shutil.disk_usage(_nearest(folder)).free if free_bytes is None else free_bytes
    size = f"{free / (1 << 30):.1f} GB" if free >= _LEAST_FREE_BYTES else f"{free / (1 << 20):.1f} MB"
    detail = f"{size} free"
    if free >= _LEAST_FREE_BYTES:
        return Check(name=name, health=Health.OK, detail=detail)
    remedy = "Make room: an hour takes about 1 GB."
    return Check(name=name, health=Health.LACKING, detail=f"{detail} for {folder}", remedy=remedy)


def disk_looks() -> list[Callable[[], Check]]:
    """Return a look at each further disk: one per disk that the current folder is not on."""
    seen = {_nearest(Path.cwd()).stat().st_dev}
    looks: list[Callable[[], Check]] = []
    for name, folder in (("data", data_dir()), ("cache", cache_dir()), ("log", logs_dir())):
        disk = _nearest(folder).stat().st_dev
        if disk not in seen:
            seen.add(disk)
            looks.append(_look_at_disk(f"{name} disk", folder))
    return looks


def check_folder(name: str, folder: Path) -> Check:
    """Try to write into a folder, or into the nearest one above it that exists."""
    try:
        with tempfile.TemporaryFile(dir=_nearest(folder)):
            return Check(name=name, health=Health.OK, detail=f"{folder} can be written")
    except OSError as error:
        detail = f"{folder} cannot be written: {error.strerror}"
    remedy = "Make it writable, or choose another: --output for the clip, UNDERSTUDY_HOME for the rest."
    return Check(name=name, health=Health.LACKING, detail=detail, remedy=remedy)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    return place


def _look_at_disk(name: str, folder: Path) -> Callable[[], Check]:
    return lambda: check_disk(name, folder)


def _look_at(library: _Library) -> Callable[[], Check]:
    return lambda: check_library(library)


def display_check(check_display: Callable[[], None]) -> Check:
    """Return the line of the display, as the window judges it."""
    try:
        check_display()
    except UnderstudyError as error:
        return Check(name="display", health=Health.LACKING, detail=error.message, remedy=error.hint)
    return Check(name="display", health=Health.OK, detail="there is one")
