"""One picture as a PNG file."""

from pathlib import Path

import cv2

from engine.errors import SinkError
from engine.sinks.guard import require_picture
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
        part.unlink(missing_ok=True)
        raise SinkError(
            f"{path} cannot be written: {error.strerror}.", hint="Choose another place for the snapshot."
        ) from error
