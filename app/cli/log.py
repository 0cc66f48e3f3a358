"""The log file: what goes on inside, for the day on which something breaks."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from engine.paths import logs_dir

FILE_NAME = "understudy.log"
_MAX_BYTES = 1 << 20
_NUM_OLD = 2


def start_log() -> Path | None:
    """Send the log of every module to a file; return its path, or None where none can be written."""
    path = logs_dir() / FILE_NAME
    root = logging.getLogger()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            path, maxBytes=_MAX_BYTES, backupCount=_NUM_OLD, encoding="utf-8", delay=True
        )
        path.touch()
    except OSError:
        root.addHandler(logging.NullHandler())  # a full or read-only disk must not stop the show
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(threadName)s: %(message)s"))
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    return path
