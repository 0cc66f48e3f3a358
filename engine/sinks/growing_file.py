"""The output while it grows: under its own name where that is free, else beside the file that has it.

A file that is already there may be good and this run may not get to its end, so the old one is replaced in a
single step, by a finished movie only. Wherever the new one grows, it has a plain name in the output's folder:
a program that is killed leaves it to be found, and it plays.
"""

import contextlib
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from engine.errors import SinkError
from engine.sinks.output_file import OutputClaim, unwritable

UNFINISHED = "unfinished"


class GrowingFile:
    """Claims an output and the place where it grows. Thread: one caller at a time.

    Args:
        path: The output; one that exists stays as it is until ``take_name``.

    Raises:
        SinkError: another run writes it, or nothing can be made in its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = path
        self._claims = [OutputClaim(path)]
        try:
            if path.exists():
                self._grow_beside()
        except BaseException:
            self.release()
            raise

    @property
    def is_beside(self) -> bool:
        """Whether it has another name than the output's, which an old file has."""
        return self.place != self.path

    @property
    def num_bytes(self) -> int:
        """Its size; 0 where there is no file."""
        return self.place.stat().st_size if self.place.exists() else 0

    def take_name(self) -> SinkError | None:
        """Replace the old file by the finished one; returns why not, and then both stay."""
        if self.is_beside:
            try:
                self.place.replace(self.path)
            except OSError as error:
                return SinkError(
                    f"{self.path} cannot be replaced: {error.strerror}.",
                    hint=f"The new movie is whole, in {self.place}; close the old one where it is open.",
                )
            self.place = self.path
        return None

    def stay(self, label: str) -> None:
        """Leave the old file alone; what was written beside it is named after ``label``, if it can be."""
        if self.is_beside and label != UNFINISHED:
            target = next(place for place in _places(self.path, label) if not place.exists())
            with contextlib.suppress(OSError):
                self.place = self.place.rename(target)

    def discard(self) -> None:
        """Remove what was written: it does not play."""
        with contextlib.suppress(OSError):
            self.place.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others write; idempotent."""
        for claim in self._claims:
            claim.release()

    def _grow_beside(self) -> None:
        """Choose and make an empty file beside the old one."""
        for place in _places(self.path, UNFINISHED):
            with contextlib.suppress(FileExistsError, _Taken):
                self._claims.append(_make(place))
                self.place = place
                return


class _Taken(Exception):
    """Another run writes there."""


def _make(place: Path) -> OutputClaim:
    """Claim ``place`` and make an empty file of it. Raises ``_Taken``, ``FileExistsError``, ``SinkError``."""
    try:
        claim = OutputClaim(place)
    except SinkError:
        raise _Taken from None
    try:
        os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:
        claim.release()
        if isinstance(error, FileExistsError):
            raise
        raise unwritable(place, error.errno, error.strerror) from error
    return claim


def _places(path: Path, label: str) -> Iterator[Path]:
    """Yield ``old (label).mp4``, ``old (label 2).mp4``, ..."""
    for number in count(1):
        suffix = f" {number}" if number > 1 else ""
        yield path.with_stem(f"{path.stem} ({label}{suffix})")
