"""Beginning and end: what is remembered is there again, and nothing is left running."""

import gc
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import shiboken6
from PySide6.QtCore import QThread, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtTest import QTest

from app.preferences import Preferences
from app.window.dialogs.points_editor import PointsEditor, edit_points
from engine.errors import CameraBusyError
from engine.settings import QUALITIES, BackdropKind
from engine.status import SessionState
from tests.gui.conftest import PATIENCE_S, Theatre, flush
from tests.gui.fakes import make_picture


def running_timers() -> list[QTimer]:
    return [
        item
        for item in gc.get_objects()
        if issubclass(type(item), QTimer) and shiboken6.isValid(item) and item.isActive()
    ]


def test_closing_stops_the_session_and_leaves_nothing_running(make_theatre) -> None:
    before = running_timers()
    theatre = make_theatre()
    theatre.open()
    theatre.live()
    session = theatre.session
    assert len(running_timers()) > len(before)
    theatre.window.close()
    assert session.names()[-1] == "stop"
    assert running_timers() == before
    assert not [
        item for item in gc.get_objects() if issubclass(type(item), QThread) and shiboken6.isValid(item)
    ]
    assert "window-commands" not in {thread.name for thread in threading.enumerate()}
    theatre.window.deleteLater()
    flush()
    assert not shiboken6.isValid(theatre.director)
    theatre.window = _Closed()


class _Closed:
    """Stands for a window that is gone already."""

    def close(self) -> None: ...

    def deleteLater(self) -> None: ...


def test_a_closing_window_is_off_the_screen_before_the_session_ends(theatre: Theatre) -> None:
    seen: list[bool] = []
    theatre.session.stop = lambda: seen.append(theatre.window.isVisible())
    theatre.window.closeEvent(QCloseEvent())
    assert seen == [False]


def test_everything_is_remembered(make_theatre, tmp_path) -> None:
    first = make_theatre()
    first.open()
    first.window.stage.kinds.buttons()[1].click()
    first.window.engine.slider.setValue(2)
    for key in ("M", "4", "F", "D"):
        QTest.keySequence(first.window, key)
    first.director.sources.play_clip(tmp_path / "me.mp4")
    first.settle()
    first.window.setGeometry(30, 40, 1100, 720)
    first.window.close()

    second = make_theatre()
    second.open()
    settings = second.session.settings
    assert settings.source == f"file:{tmp_path / 'me.mp4'}"
    assert settings.mirror is False
    assert settings.avatar == "bruno"
    assert settings.stage.kind is BackdropKind.KEY_COLOUR
    assert settings.quality == list(QUALITIES.values())[2]
    assert second.window.avatars.gallery.chosen == "bruno"
    assert second.window.engine.slider.value() == 2
    assert second.window.is_folded
    assert not second.window.status_line.readout.isVisible()
    assert not second.window.you.mirror.isChecked()
    assert second.window.size().toTuple() == (1100, 720)


def test_an_own_avatar_is_on_stage_again(make_theatre, tmp_path) -> None:
    first = make_theatre()
    first.open()
    first.director.avatars.add_picture(tmp_path / "cat.png")
    first.settle()
    first.window.close()
    second = make_theatre()
    second.open()
    assert second.window.avatars.gallery.chosen == "own:cat"
    name, avatar = second.session.calls[-1]
    assert (name, avatar.name) == ("set_avatar", "cat")


def test_an_avatar_that_is_gone_is_told(make_theatre) -> None:
    theatre = make_theatre()
    theatre.file.save(Preferences(avatar="own:gone", source="sample"))
    theatre.open()
    assert "not here any more" in theatre.window.banner.message.text()
    assert theatre.window.avatars.gallery.chosen == "mira"


def test_a_damaged_settings_file_is_told_and_the_show_goes_on(make_theatre) -> None:
    theatre = make_theatre()
    theatre.file.path.write_text("{")
    theatre.open()
    assert "damaged" in theatre.window.banner.message.text()
    assert theatre.session.names() == ["start"]


def test_settings_that_cannot_be_saved_are_told(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    QTest.keySequence(theatre.window, "F")
    theatre.director.show.save_preferences()
    assert "cannot be saved" in theatre.window.banner.message.text()


def test_a_camera_that_is_gone_stays_chosen_and_the_sample_clip_is_offered(make_theatre) -> None:
    theatre = make_theatre(cameras=0)
    theatre.file.save(Preferences(source="camera:2"))
    theatre.open()
    assert theatre.session.settings.source == "camera:2"
    assert theatre.window.you.source.currentText() == "Camera 2 (not connected)"
    error = CameraBusyError("There is no camera 2.", hint="Plug it in.")
    theatre.session.now = replace(theatre.session.now, state=SessionState.ERROR, error=error)
    theatre.director.look()
    theatre.window.banner.offers[1].click()
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_source", "sample")


def test_nothing_is_painted_for_nobody(theatre: Theatre) -> None:
    assert theatre.director.frame_timer.isActive()
    theatre.window.hide()
    assert not theatre.director.frame_timer.isActive()
    theatre.window.show()
    assert theatre.director.frame_timer.isActive()


def test_the_timers_pull_by_themselves(theatre: Theatre) -> None:
    theatre.live()
    theatre.session.picture = make_picture(index=7)
    limit_s = time.monotonic() + PATIENCE_S
    while theatre.window.view.picture is not theatre.session.picture:
        assert time.monotonic() < limit_s, "no timer pulls"
        QTest.qWait(10)


def test_the_real_editor_opens_and_its_points_are_kept(make_theatre, tmp_path) -> None:
    theatre = make_theatre()
    theatre.open()

    def accept() -> None:
        (editor,) = theatre.window.findChildren(PointsEditor)
        editor.canvas.select(16)
        editor.save_button.click()

    def edit(avatar, reason: str, parent) -> object:
        QTimer.singleShot(0, accept)
        return edit_points(avatar, reason, parent)

    theatre.engine.picture_confidence = 0.1
    theatre.director.avatars._edit_points = edit
    theatre.director.avatars.add_picture(tmp_path / "cat.png")
    theatre.settle()
    assert theatre.window.avatars.gallery.chosen == "own:cat"


def test_importing_the_package_imports_no_qt_and_nothing_heavy() -> None:
    code = (
        "import sys, app.window, app.window.ports, app.window.real_backstage as r; r.real_backstage();"
        "heavy = {'PySide6', 'torch', 'cv2', 'mediapipe', 'openvino', 'av'} & set(sys.modules);"
        "sys.exit(' '.join(heavy) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
