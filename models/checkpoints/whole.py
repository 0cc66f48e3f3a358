"""Whether a file of weights is whole, seen by its ends: no weight is read, and nothing heavy is loaded.

A ``.safetensors`` file begins with the length of its header (8 bytes, little endian) and the header (JSON:
names, shapes, places), which says how long the file must be. Pickled files are archives, whose last bytes
list what is in them; older ones are bare pickles, which only reading can tell.
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.checkpoints.errors import CheckpointError

SAFETENSORS = ".safetensors"
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # the format's own limit
_ARCHIVE, _PICKLE = b"PK", b"\x80"
Shapes = Mapping[str, tuple[int, ...]]


def check_whole(path: Path, published_bytes: int | None = None) -> None:
    """Refuse a file that is seen to be no whole file of weights.

    Args:
        path: ``.safetensors``, or a pickled file of any ending.
        published_bytes: How long the published file is, where that is known.

    Raises:
        CheckpointError: There is no such file, half of it, or something else than weights.
    """
    if path.suffix == SAFETENSORS:
        header_shapes(path)
    elif not _may_be_pickled(path):
        raise unreadable(path, published_bytes)


def header_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every tensor in a whole ``.safetensors`` file.

    Raises:
        CheckpointError: There is no such file, half of it, or something else than weights.
    """
    size = _size(path)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            header = json.loads(file.read(min(length, size, _LONGEST_HEADER)))
        tensors = {name: fields for name, fields in header.items() if name != "__metadata__"}
        expected = _LENGTH_BYTES + length + max((_end(fields) for fields in tensors.values()), default=0)
        shapes = {name: tuple(map(int, fields["shape"])) for name, fields in tensors.items()}
    except OSError as error:
        raise _barred(path, error) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise unreadable(path) from error
    if size != expected:
        raise unreadable(path, expected)
    return shapes


def unreadable(path: Path, expected_bytes: int | None = None) -> CheckpointError:
    """Return what to tell of a file that is damaged: how long it is, and how long it should be."""
    wanted = "" if expected_bytes is None else f", expected {expected_bytes:,}"
    return CheckpointError(f"{path} cannot be read: half a download? ({_size(path):,} bytes{wanted})")


def refused(path: Path, error: OSError) -> CheckpointError:
    """Return what to tell of a file that the system does not hand out, or of one that it finds damaged."""
    return unreadable(path) if error.strerror is None else _barred(path, error)


def _may_be_pickled(path: Path) -> bool:
    _size(path)
    try:
        with path.open("rb") as file:
            begin = file.read(len(_ARCHIVE))
    except OSError as error:
        raise _barred(path, error) from error
    return zipfile.is_zipfile(path) if begin == _ARCHIVE else begin.startswith(_PICKLE)


def _size(path: Path) -> int:
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}", sentence=f"There is no file {path}.")
    return path.stat().st_size


def _end(fields: Mapping[str, Any]) -> int:
    return int(fields["data_offsets"][1])


def _barred(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path} cannot be read: {error.strerror}")
