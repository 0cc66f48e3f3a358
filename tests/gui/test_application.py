"""``run``: from the check of the display to the exit code."""

import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtWidgets import QApplication

from app.window import application, run
from app.window.main_window import MainWindow
from engine.errors import DisplayMissingError
from tests.gui.conftest import flush
from tests.gui.fakes import FakeEngine


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    engine = FakeEngine(tmp_path / "avatars")
    monkeypatch.setattr(application, "real_backstage", engine.backstage)
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    return engine


def when_started(engine: FakeEngine, action: Callable[[], object]) -> None:
    """Call ``action`` once, when the session runs: no test depends on how fast this machine is today."""

    def look() -> None:
        if engine.sessions and "start" in engine.session.names():
            action()
        else:
            QTimer.singleShot(10, look)

    QTimer.singleShot(10, look)


def the_window() -> MainWindow:
    (window,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow) and w.isVisible()]
    return window


def leave() -> None:
    window = the_window()
    window.close()
    window.deleteLater()
    flush()


def test_it_opens_runs_and_returns(engine: FakeEngine, tmp_path: Path) -> None:
    hook, handler = sys.excepthook, signal.getsignal(signal.SIGINT)
    when_started(engine, leave)
    assert run([]) == 0
    assert engine.session.names() == ["start", "stop"]
    assert (tmp_path / "config" / "window.json").exists()
    assert (sys.excepthook, signal.getsignal(signal.SIGINT)) == (hook, handler)


@pytest.mark.parametrize("name", [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)])
def test_a_signal_closes_it_and_finishes_what_is_recorded(
    engine: FakeEngine, tmp_path: Path, name: str
) -> None:
    previous = signal.getsignal(getattr(signal, name))
    # Else a window that ignores it would end the tests.
    signal.signal(getattr(signal, name), lambda _number, _frame: leave())
    try:
        when_started(engine, lambda: signal.raise_signal(getattr(signal, name)))
        assert run([]) == 0
    finally:
        signal.signal(getattr(signal, name), previous)
    assert engine.session.names() == ["start", "stop"]
    assert (tmp_path / "config" / "window.json").exists()


def test_an_exception_in_a_slot_is_a_sentence_and_a_log_entry(
    engine: FakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []

    def break_something() -> None:
        QTimer.singleShot(50, look)
        raise RuntimeError("a bug")

    def look() -> None:
        told.append(the_window().banner.message.text())
        leave()

    when_started(engine, break_something)
    assert run([]) == 0
    assert told == ["Something went wrong in the window: RuntimeError: a bug."]
    assert "a bug" in caplog.text
    assert engine.session.names()[-1] == "stop"


def test_qts_own_messages_go_to_the_log(engine: FakeEngine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    when_started(engine, lambda: (qWarning("a warning of Qt"), leave()))
    run([])
    assert ("qt", logging.WARNING, "a warning of Qt") in caplog.record_tuples
    assert engine.session.names()[-1] == "stop"


def test_without_a_display_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(DisplayMissingError):
        run([])
