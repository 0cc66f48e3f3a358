"""The log file: what goes on inside, for the day on which something breaks."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from engine.paths import logs_dir

FILE_NAME = "understudy.log"
_MAX_BYTES = 1 << 20
_NUM_OLD = 2
_SILENCE = logging.NullHandler()  # without any handler, warnings would go to the user's terminal


class _LogFile(RotatingFileHandler):
    """A log that goes on in silence when its disk is full: the show matters more. Thread: any."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing of a disk that takes no more; anything else is a defect, and logging's to show."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Close the file; what a full disk did not take is lost."""
        with suppress(OSError):  # the file is closed all the same: only its last lines could not be written
            super().close()


@contextmanager
def log_file() -> Iterator[Path | None]:
    """Send the log of every module to a file while the block runs; give its path, or None without one."""
    path = logs_dir() / FILE_NAME
    root = logging.getLogger()
    handler = _open(path)
    root.addHandler(handler or _SILENCE)
    if handler is not None:
        root.setLevel(logging.INFO)
    try:
        yield path if handler is not None else None
    finally:
        root.removeHandler(handler or _SILENCE)
        if handler is not None:
            handler.close()


def _open(path: Path) -> logging.Handler | None:
    """Return the handler, or None: a full or read-only disk must not stop the show."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, maxBytes=_MAX_BYTES, backupCount=_NUM_OLD, encoding="utf-8")
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(threadName)s: %(message)s"))
    return handler
