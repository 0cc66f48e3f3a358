"""The window. Importing this package imports no Qt: the display is checked first (``run``)."""

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
