"""Privacy as the source code says it: who may touch camera pixels, and who may make a picture."""

import ast
from dataclasses import fields
from pathlib import Path

import pytest

from engine.types import Origin, Performance, Picture

ENGINE = Path(__file__).parents[2] / "engine"
MODULES = sorted(ENGINE.rglob("*.py"))

# The stylise mode shows the user's likeness by its nature, and says so: one file hands frames to its painter.
MAY_SEE_FRAMES = ("capture/", "track/", "types.py", "feed.py", "stylise/parts.py")
MAY_STYLISE = ("stylise/rooms.py",)
MAY_MAKE_PICTURES = ("pipeline.py", "post/standby.py")


def relative(module: Path) -> str:
    return module.relative_to(ENGINE).as_posix()


def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def names_in(module: Path) -> set[str]:
    """Every name that the code (not its comments or texts) mentions."""
    names: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.alias):
            names.update(node.name.split("."))
    return names


def calls_of(module: Path, name: str) -> int:
    calls = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    return sum(
        (isinstance(f, ast.Name) and f.id == name) or (isinstance(f, ast.Attribute) and f.attr == name)
        for f in calls
    )


def test_the_camera_is_no_origin() -> None:
    assert {origin.name for origin in Origin} == {"AVATAR", "IDLE", "STANDBY"}


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_only_capture_and_tracking_know_frames(module: Path) -> None:
    if not relative(module).startswith(MAY_SEE_FRAMES):
        assert "Frame" not in names_in(module)


def test_only_the_stylise_mode_reaches_what_hands_frames_on() -> None:
    """No session but one that was built with the stylise rooms can meet a frame after tracking."""
    users = [
        relative(module)
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and node.module == "engine.stylise.parts"
    ]
    assert users == list(MAY_STYLISE)
    rooms = [
        relative(module)
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and node.module == "engine.stylise.rooms"
    ]
    assert rooms == []


@pytest.mark.parametrize(
    "module", [m for m in MODULES if relative(m).startswith(("post/", "sinks/"))], ids=relative
)
def test_post_and_sinks_know_no_camera_and_no_tracker(module: Path) -> None:
    assert names_in(module).isdisjoint(
        {"capture", "track", "VideoCapture", "Source", "Tracker", "Performance"}
    )


def test_pictures_are_made_in_two_places() -> None:
    makers = [relative(module) for module in MODULES if calls_of(module, "Picture")]
    assert makers == sorted(MAY_MAKE_PICTURES)


def test_pictures_are_changed_in_one_place_and_their_pixels_nowhere() -> None:
    """``dataclasses.replace`` could put other pixels into a picture."""
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "replace":
                assert "rgb" not in {keyword.arg for keyword in node.keywords}, relative(module)


def test_performances_hold_no_pixels() -> None:
    """What tracking hands on: numbers and points, and one mask."""
    assert {field.name for field in fields(Performance)} & {"rgb", "frame", "image", "picture"} == set()
    assert "matte" in {field.name for field in fields(Performance)}
    assert {field.name for field in fields(Picture)} == {
        "rgb", "origin", "frame_index", "captured_at_s", "media_s",
    }  # fmt: skip


def test_the_checks_can_fail(tmp_path: Path) -> None:
    leak = tmp_path / "leak.py"
    leak.write_text("from engine import types\ndef f(x: types.Frame):\n    return types.Picture(x.rgb, 0)\n")
    assert "Frame" in names_in(leak)
    assert calls_of(leak, "Picture") == 1
