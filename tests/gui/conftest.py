"""Qt without a display: a test fails when Qt complains, and when it leaves a thread behind."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.preferences import PreferencesFile
from app.window.dialogs.question import Question
from app.window.director import Dialogs, Director
from app.window.main_window import MainWindow
from app.window.widgets.theme import apply_theme
from engine.types import Avatar
from tests.gui.fakes import FakeCamera, FakeEngine, FakePicker, FakeSession

PATIENCE_S = 120.0
"""Only a broken test waits for so long; a busy machine is no defect."""

# The offscreen platform has no window manager to tell the sizes to, and says so.
EXPECTED_MESSAGES = ("This plugin does not support propagateSizeHints()",)


@pytest.fixture(scope="session", autouse=True)
def qapp() -> QApplication:
    app = QApplication.instance() or QApplication(["tests"])
    assert isinstance(app, QApplication)
    apply_theme(app)
    return app


@pytest.fixture(autouse=True)
def _no_qt_messages() -> Iterator[None]:
    messages: list[str] = []

    def keep(_kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
        if message not in EXPECTED_MESSAGES:
            messages.append(message)

    previous = qInstallMessageHandler(keep)
    yield
    flush()
    qInstallMessageHandler(previous)
    assert messages == []


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("window-")] == []


def flush() -> None:
    """Run what is posted, deletions included."""
    for _ in range(3):
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


class Theatre:
    """A window on a fake engine.

    Timers are not started: a test moves time by calling ``settle``.
    """

    def __init__(self, folder: Path, cameras: int = 1) -> None:
        self.folder = folder
        self.engine = FakeEngine(folder / "avatars", [FakeCamera(k, f"Camera {k}") for k in range(cameras)])
        self.picker = FakePicker()
        self.opened: list[Path] = []
        self.questions: list[Question] = []
        self.answer = True
        self.edits: list[tuple[Avatar, str]] = []
        self.edit_answer: Callable[[Avatar], Avatar | None] = lambda avatar: avatar
        self.file = PreferencesFile(folder / "window.json")
        self.window = MainWindow()
        dialogs = Dialogs(
            picker=self.picker, edit_points=self._edit, open_folder=self.opened.append, ask=self._ask
        )
        self.director = Director(self.window, self.engine.backstage(), self.file, dialogs)

    @property
    def session(self) -> FakeSession:
        return self.engine.session

    def open(self) -> None:
        self.director.open()
        self.window.show()
        self.window.activateWindow()
        QTest.qWaitForWindowActive(self.window)
        self.settle()

    def settle(self) -> None:
        """Let the command thread finish, also what follows from it, and everything be shown."""
        commands = self.director.show.commands
        limit_s = time.monotonic() + PATIENCE_S
        while True:
            QApplication.processEvents()
            if not commands.is_busy and commands.deliver() == 0:
                self.director.look()
                self.director.pull()
                QApplication.processEvents()
                if not commands.is_busy:
                    break
            assert time.monotonic() < limit_s, "the command thread never comes to rest"
            QTest.qWait(1)

    def live(self) -> None:
        self.session.be_live()
        self.settle()

    def close(self) -> None:
        self.window.close()
        self.director.fetches.close()
        self.director.show.commands.close()
        self.window.deleteLater()
        flush()

    def _ask(self, question: Question, _parent: object) -> bool:
        self.questions.append(question)
        return self.answer

    def _edit(self, avatar: Avatar, reason: str, _parent: object) -> Avatar | None:
        self.edits.append((avatar, reason))
        return self.edit_answer(avatar)


@pytest.fixture
def make_theatre(tmp_path: Path) -> Iterator[Callable[..., Theatre]]:
    made: list[Theatre] = []

    def make(cameras: int = 1, folder: Path = tmp_path) -> Theatre:
        made.append(Theatre(folder, cameras))
        return made[-1]

    yield make
    for theatre in made:
        theatre.close()


@pytest.fixture
def theatre(make_theatre: Callable[..., Theatre]) -> Theatre:
    theatre = make_theatre()
    theatre.open()
    return theatre
