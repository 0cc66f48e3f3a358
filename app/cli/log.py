"""The log file: what goes on inside, for the day on which something breaks."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from engine.paths import logs_dir

FILE_NAME = "understudy.log"
_MAX_BYTES = 1 << 20
_NUM_OLD = 2
_SILENCE = logging.NullHandler()  # without any handler, warnings would go to the user's terminal


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
        handler = RotatingFileHandler(path, maxBytes=_MAX_BYTES, backupCount=_NUM_OLD, encoding="utf-8")
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(threadName)s: %(message)s"))
    return handler
