"""From an exception to a sentence, a way out and an exit code. A user never sees a traceback."""

import logging
from pathlib import Path

from app.cli.console import Console
from engine.errors import EngineFailedError, UnderstudyError

EXIT_INTERRUPTED = 130  # as a shell says it of Ctrl-C

_log = logging.getLogger(__name__)


def report_failure(error: Exception, console: Console, log_path: Path | None) -> int:
    """Write what went wrong and return the exit code.

    Args:
        error: A user's error, or something unexpected (its traceback goes to the log).
        console: Where to write.
        log_path: The log file, or None when there is none.
    """
    if not isinstance(error, UnderstudyError):
        from engine.doctor import explained  # noqa: PLC0415 - only when something broke

        _log.error("unexpected failure", exc_info=error)
        error = explained(error, "Understudy")
    console.error(error)
    if isinstance(error, EngineFailedError) and log_path is not None:
        console.say(f"  Log file: {log_path}")
    return error.exit_code
