"""The window. Importing this package imports no Qt: the display is checked first (``run``).

========================================  ==================================================================
``widgets/``                              what everything is made of: controls, icons, theme, dropped files
``panels/``                               what is shown: cards, banner, picture; they tell of themselves by signals
``dialogs/``                              what opens above the window: questions, files, points, the sheet of keys
``main_window.py``                        arranges the panels
``desks/``                                what acts: each connects one part of the window with the session
``director.py``                           makes the desks; timers, keys, beginning and end
``wishes.py``, ``stops.py``               what was remembered, as settings of a session: plain values
``ports.py``, ``real_backstage.py``       the engine as the window needs it, and the real one
``application.py``, ``display.py``        Qt's beginning and end; whether there is a screen
========================================  ==================================================================

Imports lead upwards in this table, never down.
"""

from collections.abc import Sequence

from app.window.display import check_display


def run(argv: Sequence[str]) -> int:
    """Open the window and return its exit code when it is closed.

    Args:
        argv: Command-line arguments for Qt, without the program's name (usually empty).

    Raises:
        DisplayMissingError: there is no display; Qt would abort the process instead of raising.
    """
    check_display()
    # Qt is imported only now: without a display, or in `animate` and `live`, it must never be loaded.
    from app.window.application import run_window  # noqa: PLC0415 - see above

    return run_window(argv)
