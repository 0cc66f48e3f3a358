"""The file that is to be written: checked before any work is done, and claimed while it grows.

Thread: any.
"""

import contextlib
import errno
import os
import sys
from pathlib import Path

from engine.errors import SinkError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SUFFIXES = (".mp4", ".m4v")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})


def check_output(path: Path, source: Path | None = None) -> None:
    """Make sure that a movie can be written at ``path``.

    Args:
        path: The file; an existing one is to be replaced.
        source: The clip that is being read, or None.

    Raises:
        SinkError: wrong suffix, no such folder, a folder itself, not writable, or the source itself.
    """
    if path.is_dir():
        raise SinkError(f"{path} is a folder.", hint=f"Name a file in it, such as {path / 'avatar.mp4'}.")
    if path.suffix.lower() not in SUFFIXES:
        raise SinkError(f"{path} does not end in .mp4.", hint="Give the output a name that ends in .mp4.")
    if not path.parent.is_dir():
        raise SinkError(
            f"The folder {path.parent} does not exist.", hint="Make it, or choose another folder."
        )
    existed = path.exists()
    if existed and source is not None and path.samefile(source):
        raise SinkError(f"{path} is the source itself.", hint="Choose another name for the output.")
    if existed and not os.access(path.parent, os.W_OK):  # the new one grows beside the old one
        raise unwritable(path, errno.EACCES, f"its folder {path.parent} is read-only")
    try:
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise unwritable(path, error.errno, error.strerror) from error


def unwritable(path: Path, number: int | None, reason: str | None) -> SinkError:
    """Return what to tell the user when writing ``path`` failed; not what became of the file.

    Args:
        path: The file.
        number: The system's error number, if there is one.
        reason: The system's words for it, if there are any.
    """
    if is_out_of_room(number):
        return SinkError(
            f"There is no room left to write {path}.", hint="Free some space, or choose another disk."
        )
    return SinkError(
        f"{path} cannot be written: {reason or 'unknown reason'}.",
        hint="Choose another place for the output.",
    )


def is_out_of_room(number: int | None) -> bool:
    """Whether the system's error ``number`` says that a disk, a quota or a file is full."""
    return number in _NO_ROOM


class OutputClaim:
    """Keeps a second run from writing the same file: both would finish, and neither file would play.

    The claim is a lock on a small hidden file beside the output. The system lets go of it when the program
    ends, however it ends; where locks or the file cannot be had, there is no claim.

    Args:
        path: The output.

    Raises:
        SinkError: somebody else writes it.
    """

    def __init__(self, path: Path) -> None:
        self._beside = path.with_name(f".{path.name}.writing")
        self._descriptor: int | None = None
        try:
            self._take()
        except BlockingIOError:
            raise SinkError(
                f"{path} is being written by another run.",
                hint="Wait until it has ended, or choose another name for the output.",
            ) from None
        except OSError:
            self.release()

    def release(self) -> None:
        """Let others write the file; idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            if sys.platform != "win32":  # there it vanishes when it is closed
                with contextlib.suppress(OSError):
                    self._beside.unlink()
            os.close(descriptor)

    def _take(self) -> None:
        """Take the claim. Raises ``BlockingIOError`` when it is taken, else ``OSError``."""
        flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_TEMPORARY", 0)
        while self._descriptor is None:
            descriptor = os.open(self._beside, flags, 0o600)
            try:
                _lock(descriptor)
                if _is_same(descriptor, self._beside):  # else its last owner removed it meanwhile
                    self._descriptor = descriptor
            finally:
                if self._descriptor is None:
                    os.close(descriptor)


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(str(error)) from error
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
