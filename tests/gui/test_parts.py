"""The small parts below the window: command thread, own avatars, display check, colours, icons, names."""

import socket
import threading
import time
from dataclasses import asdict, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from app.own_avatars import SUFFIX, OwnAvatars, safe_name
from app.style import DARK, build_stylesheet, contrast_ratio
from app.style.palette import STAGE_SERIES
from app.window.desks.commands import Commands
from app.window.dialogs.file_picker import new_file
from app.window.display import check_display
from app.window.widgets.icons import app_icon, icon_pixmap
from engine.errors import AvatarError, DisplayMissingError, UnderstudyError
from tests.gui.conftest import PATIENCE_S
from tests.gui.placeholder import make_avatar


class Bench:
    """A command thread and what it reported."""

    def __init__(self) -> None:
        self.errors: list[UnderstudyError] = []
        self.commands = Commands(self.errors.append)

    def finish(self) -> None:
        done = threading.Event()
        self.commands.submit(done.set)
        assert done.wait(PATIENCE_S)
        while self.commands.is_busy:
            time.sleep(0.001)
        self.commands.deliver()


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    assert bench.commands.close()


def test_outcomes_wait_for_the_window(bench: Bench) -> None:
    got: list[object] = []
    bench.commands.submit(lambda: threading.current_thread().name, got.append)
    while bench.commands.is_busy:
        time.sleep(0.001)
    assert got == []
    bench.finish()
    assert got == ["window-commands"]


def test_newer_work_of_one_key_replaces_what_has_not_begun(bench: Bench) -> None:
    gate, has_begun, done = threading.Event(), threading.Event(), []
    bench.commands.submit(lambda: (has_begun.set(), gate.wait()))
    assert has_begun.wait(PATIENCE_S)
    for number in range(5):
        bench.commands.submit(lambda number=number: done.append(number), key="slider")
    bench.commands.submit(lambda: done.append("other"), key="other")
    gate.set()
    bench.finish()
    assert done == [4, "other"]


def test_known_errors_arrive_whole_and_unknown_ones_as_a_sentence(bench: Bench, caplog) -> None:
    known, mine = UnderstudyError("Bad.", hint="Do this."), []

    def fail(error: Exception) -> None:
        raise error

    bench.commands.submit(lambda: fail(known))
    bench.commands.submit(lambda: fail(known), failed=mine.append)
    bench.commands.submit(lambda: fail(KeyError("x")))
    bench.finish()
    assert mine == [known]
    assert bench.errors[0] is known
    assert "KeyError" in bench.errors[1].message
    assert "A command of the window failed" in caplog.text


def test_closing_drops_what_waits_and_runs_the_last_thing() -> None:
    commands, done = Commands(lambda _error: None), []
    gate, has_begun = threading.Event(), threading.Event()
    commands.submit(lambda: (has_begun.set(), gate.wait()))
    assert has_begun.wait(PATIENCE_S)
    commands.submit(lambda: done.append("dropped"))
    assert not commands.close(lambda: done.append("last"), timeout_s=0.05)  # still at the gate
    gate.set()
    assert commands.close()
    assert done == ["last"]
    commands.submit(lambda: done.append("late"))
    assert done == ["last"]


def test_an_own_avatar_survives(tmp_path: Path) -> None:
    own = OwnAvatars(tmp_path / "avatars")
    assert own.names() == ()
    avatar = replace(make_avatar(), name="Mein Kätzchen!", confidence=0.7)
    name = own.keep(avatar)
    again = own.load(name)
    assert own.names() == (name,) == ("Mein_Kätzchen",)
    for field in ("rgb", "points", "depth", "scores"):
        assert np.array_equal(getattr(again, field), getattr(avatar, field))
    assert again.matte is None
    assert again.confidence == 0.7
    matte = np.linspace(0, 1, 256 * 256, dtype=np.float32).reshape(256, 256)
    own.keep(replace(avatar, matte=matte))
    assert np.array_equal(own.load(name).matte, matte)
    own.remove(name)
    own.remove(name)
    assert own.names() == ()


def test_a_damaged_own_avatar_says_so(tmp_path: Path) -> None:
    own = OwnAvatars(tmp_path)
    (tmp_path / f"broken{SUFFIX}").write_bytes(b"PK\x03\x04 not really")
    np.savez(tmp_path / f"short{SUFFIX}", rgb=np.zeros((4, 4, 3), np.uint8))
    for name in ("broken", "short", "missing"):
        with pytest.raises(AvatarError, match=name):
            own.load(name)


def test_a_read_only_folder_is_an_avatar_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AvatarError, match="cannot be kept"):
        OwnAvatars(tmp_path / "file").keep(make_avatar())


def test_names_are_safe_and_free(tmp_path: Path) -> None:
    assert safe_name("../../etc/passwd") == "etc_passwd"
    assert safe_name("...") == "avatar"
    own = OwnAvatars(tmp_path)
    own.keep(replace(make_avatar(), name="cat"))
    assert own.free_name("cat") == "cat_2"
    assert own.free_name("dog") == "dog"


def test_no_display_is_an_error_before_qt_is_loaded() -> None:
    for environment in (
        {},
        {"DISPLAY": ":987"},
        {"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": "/none"},
    ):
        with pytest.raises(DisplayMissingError, match="display") as caught:
            check_display(environment, "linux")
        assert "animate" in caught.value.hint


def test_a_display_that_answers_is_enough(tmp_path: Path) -> None:
    check_display({"QT_QPA_PLATFORM": "offscreen"}, "linux")
    check_display({}, "win32")
    check_display({"DISPLAY": "elsewhere:0"}, "linux")
    (tmp_path / "wayland-0").write_text("")
    check_display({"WAYLAND_DISPLAY": "wayland-0", "XDG_RUNTIME_DIR": str(tmp_path)}, "linux")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0/tmp/.X11-unix/X986")
        server.listen()
        check_display({"DISPLAY": ":986.0"}, "linux")


SURFACES = (DARK.window, DARK.card, DARK.raised, DARK.hover, DARK.pressed, DARK.stage)
FILLED = (
    (DARK.on_accent, DARK.accent),
    (DARK.on_accent, DARK.accent_hover),
    (DARK.on_accent, DARK.accent_pressed),
    (DARK.on_danger, DARK.danger),
    (DARK.on_danger, DARK.danger_hover),
    (DARK.on_danger, DARK.danger_pressed),
)


def test_text_has_aa_contrast_everywhere() -> None:
    texts = (DARK.text, DARK.muted, DARK.accent, DARK.good, DARK.warning, DARK.record)
    pairs = [(text, surface) for text in texts for surface in SURFACES] + list(FILLED)
    assert {pair: contrast_ratio(*pair) for pair in pairs if contrast_ratio(*pair) < 4.5} == {}


def test_focus_edges_and_plots_can_be_seen() -> None:
    for surface in SURFACES:
        assert contrast_ratio(DARK.focus, surface) >= 3
    assert contrast_ratio(DARK.edge, DARK.card) >= 3
    for colour in STAGE_SERIES:
        assert contrast_ratio(colour, DARK.stage) >= 3
    assert len(set(STAGE_SERIES)) == len(STAGE_SERIES) >= 7


def test_contrast_is_wcags() -> None:
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast_ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_style_sheet_is_filled_in() -> None:
    sheet = build_stylesheet()
    assert "$" not in sheet.partition("*/")[2]
    assert all(colour in sheet for name, colour in asdict(DARK).items() if name not in ("stage",))


def test_every_icon_is_drawn() -> None:
    names = [
        path.name[:-4] for path in files("assets").joinpath("icons").iterdir() if path.name.endswith(".svg")
    ]
    assert len(names) > 20
    for name in names:
        image = icon_pixmap(name, DARK.text).toImage()
        assert any(image.pixelColor(x, y).alpha() > 0 for x in range(60) for y in range(60)), name
    assert not app_icon().isNull()
    with pytest.raises(FileNotFoundError):
        icon_pixmap("no such icon", DARK.text)


def test_files_never_overwrite_each_other(tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, 14, 3, 22)
    names = []
    for _ in range(3):
        path = new_file(tmp_path, ".png", now)
        path.write_bytes(b"")
        names.append(path.name)
    stem = "Understudy 2026-11-21 14-03-22"
    assert names == [f"{stem}.png", f"{stem} (2).png", f"{stem} (3).png"]
