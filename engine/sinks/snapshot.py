"""One picture as a PNG file."""

from contextlib import suppress
from pathlib import Path

import cv2

from engine.errors import SinkError
from engine.sinks.guard import require_picture
from engine.sinks.output_file import is_out_of_room
from engine.types import Picture


def save_png(picture: Picture, path: Path) -> None:
    """Write ``picture`` at ``path`` in one step: a whole file or none.

    Raises:
        TypeError: it is no ``Picture``.
        SinkError: the name does not end in .png, or nothing can be written there.
    """
    rgb = require_picture(picture).rgb
    if path.suffix.lower() != ".png":
        raise SinkError(f"{path} does not end in .png.", hint="Give the snapshot a name that ends in .png.")
    data = cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes()
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> SinkError:
    """Return what to tell; where snapshots go was nobody's choice, so another place is no way out."""
    if is_out_of_room(error.errno):
        return SinkError(f"There is no room left to write {path}.", hint="Free some space, then try again.")
    return SinkError(
        f"{path} cannot be written: {error.strerror}.",
        hint=f"Make sure that {path.parent} can be written to.",
    )
