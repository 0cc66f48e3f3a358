"""What the command line writes: results to standard output, everything else to standard error."""

import errno
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from engine.errors import UnderstudyError


class Console:
    """Two streams. Thread: one caller.

    Args:
        out: For results.
        err: For progress, warnings and errors.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err
        self._has_open_line = False

    @property
    def is_interactive(self) -> bool:
        """Whether somebody watches: standard error is a terminal."""
        return self._err.isatty()

    def result(self, text: str) -> None:
        """Write a line of the result."""
        self._end_line()
        try:
            self._write(self._out, f"{text}\n")
        except OSError as error:
            if error.errno != errno.EIO:  # a closed terminal is no reason to stop
                raise

    def json(self, values: Mapping[str, Any]) -> None:
        """Write the result as one line of JSON."""
        self.result(json.dumps(values, default=str))

    def say(self, text: str) -> None:
        """Write a line of what goes on."""
        self._end_line()
        self._tell(f"{text}\n")

    def warn(self, text: str) -> None:
        """Write a line that the user should read."""
        self.say(f"understudy: {text}")

    def error(self, error: UnderstudyError) -> None:
        """Write what went wrong and what to do."""
        self.warn(error.message)
        if error.hint:
            self.say(f"  {error.hint}")

    def overwrite(self, text: str) -> None:
        """Replace the line that is being written (on a terminal)."""
        self._tell(f"\r\x1b[K{text}")
        self._has_open_line = True

    def _end_line(self) -> None:
        if self._has_open_line:
            self._tell("\n")
            self._has_open_line = False

    def _tell(self, text: str) -> None:
        with suppress(OSError):  # nobody listens: no reason to stop
            self._write(self._err, text)

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()
