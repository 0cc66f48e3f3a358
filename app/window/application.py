"""Starts Qt, opens the window, and runs until it is closed."""

import logging
import signal
import sys
from collections.abc import Sequence

from PySide6.QtCore import QCoreApplication, QLocale
from PySide6.QtWidgets import QApplication

from app.preferences import PreferencesFile
from app.window.director import Director
from app.window.icons import app_icon
from app.window.main_window import MainWindow
from app.window.real_backstage import real_backstage
from app.window.theme import apply_theme

logger = logging.getLogger(__name__)


def run_window(argv: Sequence[str]) -> int:
    """Open the window and return Qt's exit code when it is closed.

    Order: the application and its look, then the window (on the screen at once), then the session, whose
    libraries are loaded on the command thread. Thread: main.
    """
    app = QApplication.instance() or QApplication([sys.argv[0], *argv])
    assert isinstance(app, QApplication)
    QCoreApplication.setApplicationName("Understudy")
    QApplication.setApplicationDisplayName("Understudy")
    QApplication.setDesktopFileName("understudy")
    QLocale.setDefault(QLocale(QLocale.Language.English))
    apply_theme(app)
    QApplication.setWindowIcon(app_icon())
    window = MainWindow()
    director = Director(window, real_backstage(), PreferencesFile())
    director.open()
    window.show()
    # Ctrl+C in the terminal closes the window; the status timer gives Python a turn to notice.
    previous = signal.signal(signal.SIGINT, lambda _number, _frame: window.close())
    try:
        return QApplication.exec()
    finally:
        signal.signal(signal.SIGINT, previous)
