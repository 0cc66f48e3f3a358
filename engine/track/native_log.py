"""Keeps the chatter of native libraries off the user's terminal and in the log.

MediaPipe's C++ writes to file descriptor 2 whatever the environment says (measured with 0.10.33), so the
descriptor itself is turned aside for the moment in which graphs are built.
"""

import logging
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = re.compile(rb"^([IWEF]\d{4} |INFO: |WARNING: |WARNING: All log messages|[IWE]\d{10})")
_STDERR = 2
_FENCE_LOCK = threading.Lock()
_logger = logging.getLogger(__name__)


@contextmanager
def native_log_fence() -> Iterator[None]:
    """Collect what is written to descriptor 2: native log lines go to the log, all others where they belong.

    Thread: any; one fence at a time (others wait). Other threads' lines arrive when the fence opens.
    """
    with _FENCE_LOCK, tempfile.TemporaryFile() as aside:
        try:
            saved = os.dup(_STDERR)
        except OSError:  # a program without a terminal: there is nothing to keep clean
            yield
            return
        os.dup2(aside.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(saved, _STDERR)
            os.close(saved)
            aside.seek(0)
            for line in aside:
                if _CHATTER.match(line):
                    _logger.debug("%s", line.decode("utf-8", "replace").rstrip())
                else:
                    os.write(_STDERR, line)
