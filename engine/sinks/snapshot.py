"""One picture as a PNG file."""

from pathlib import Path

import cv2

from engine.errors import SinkError
from engine.sinks.guard import require_picture
from engine.types import Picture


def save_png(picture: Picture, path: Path) -> None:
    """Write ``picture`` to ``path``; an existing file is replaced.

    Raises:
        TypeError: it is no ``Picture``.
        SinkError: the file cannot be written.
    """
    bgr = cv2.cvtColor(require_picture(picture).rgb, cv2.COLOR_RGB2BGR)
    is_encoded, data = cv2.imencode(".png", bgr)
    if not is_encoded:
        raise SinkError(f"A picture of {bgr.shape} cannot be written as PNG.", hint="Choose another size.")
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise SinkError(
            f"The snapshot {path} cannot be written: {error.strerror}.", hint="Choose another folder."
        ) from error
