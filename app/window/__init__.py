"""The window. Importing this package imports no Qt: the display is checked first (``run``).

============================================  ==============================================================
``stops.py``, ``painters.py``, ``wishes.py``  plain values: choices, and what was remembered as settings
``ports.py``                                  the engine, as far as the window needs it
``widgets/``                                  what all is made of: controls, icons, theme, dropped files
``panels/``                                   what is shown: cards, banner, picture; they answer by signals
``dialogs/``                                  what opens above the window: questions, files, points, keys
``main_window.py``                            arranges the panels
``desks/``                                    what acts: each connects one part of the window with the session
``director.py``                               makes the desks; timers, keys, beginning and end
``real_backstage.py``, ``application.py``     the real engine; Qt's beginning and end
============================================  ==============================================================

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
