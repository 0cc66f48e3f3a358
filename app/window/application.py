"""Starts Qt, opens the window, and runs until it is closed."""

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType

from PySide6.QtCore import QCoreApplication, QLocale, QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from app.preferences import PreferencesFile
from app.window.director import Director
from app.window.main_window import MainWindow
from app.window.real_backstage import real_backstage
from app.window.widgets.icons import app_icon
from app.window.widgets.theme import apply_theme
from engine.errors import UnderstudyError

logger = logging.getLogger(__name__)
qt_logger = logging.getLogger("qt")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Windows has no SIGHUP."""


def run_window(argv: Sequence[str]) -> int:
    """Open the window and return Qt's exit code when it is closed.

    Order: the application and its look, then the window (on the screen at once), then the session, whose
    libraries are loaded on the command thread. Thread: main.
    """
    previous_handler = qInstallMessageHandler(_log_qt)
    try:
        app = QApplication.instance() or QApplication([sys.argv[0], *argv])
        assert isinstance(app, QApplication)
        _name_application()
        apply_theme(app)
        window = MainWindow()
        director = Director(window, real_backstage(), PreferencesFile())
        director.open()
        window.show()
        with _watching(window, director):
            return QApplication.exec()
    finally:
        qInstallMessageHandler(previous_handler)


def _name_application() -> None:
    QCoreApplication.setApplicationName("understudy")
    QApplication.setApplicationDisplayName("Understudy")
    QApplication.setDesktopFileName("understudy")
    QApplication.setWindowIcon(app_icon())
    QLocale.setDefault(QLocale(QLocale.Language.English))


@contextmanager
def _watching(window: MainWindow, director: Director) -> Iterator[None]:
    """Turn Ctrl+C and the system's wish to end this into a closed window: a recording is finished.

    An exception in a slot becomes a sentence and a log entry.
    """

    def on_exception(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        logger.error("An exception in the window", exc_info=(kind, error, traceback))
        message = f"Something went wrong in the window: {kind.__name__}: {error}."
        director.show.tell_error(UnderstudyError(message, hint="If it stays, restart Understudy."))

    previous_hook, sys.excepthook = sys.excepthook, on_exception

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if window.isVisible():  # else it is closing already
            logger.info("Closing: %s", signal.Signals(number).name)
            QApplication.closeAllWindows()  # a dialog in front of it, too
            QApplication.exit(0)

    # The status timer gives Python a turn to notice a signal.
    previous_signals = {number: signal.signal(number, on_signal) for number in _ENDING}
    try:
        yield
    finally:
        for number, previous in previous_signals.items():
            signal.signal(number, previous)
        sys.excepthook = previous_hook


def _log_qt(kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
    qt_logger.log(_LEVELS.get(kind, logging.WARNING), "%s", message)
