"""The built-in avatars: characters designed by hand, and the command that renders them.

``python -m models.training.characters.cast --output assets/avatars`` writes, for each, ``NAME.png``,
``NAME.matte.png`` and ``NAME.json``.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from engine.types import Avatar
from models.training.characters.cast_basis import Member
from models.training.characters.cast_fables import FABLES
from models.training.characters.cast_neighbours import NEIGHBOURS
from models.training.characters.cast_youths import YOUTHS
from models.training.characters.drawing import avatar

CAST: tuple[Member, ...] = (*YOUTHS, *NEIGHBOURS, *FABLES)
"""The built-in avatars; names are unique."""

_SCHEMA_VERSION = 1
_SIZE = 512


def about(member: Member, drawn: Avatar) -> dict[str, object]:
    """Return what is stored beside an avatar's picture."""
    return {
        "schema_version": _SCHEMA_VERSION,
        "name": member.name,
        "title": member.title,
        "points": np.round(drawn.points.astype(float), 5).tolist(),
        "depth": np.round(drawn.depth.astype(float), 5).tolist(),
        "scores": drawn.scores.astype(float).tolist(),
        "confidence": drawn.confidence,
    }


def render(output: Path, members: Sequence[Member] = CAST, size: int = _SIZE) -> list[Path]:
    """Write members of the cast and return the paths of the pictures.

    Args:
        output: Folder; it is made when it is missing.
        members: Whom to write.
        size: Side of the pictures in pixels.

    Raises:
        OSError: A file cannot be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    pictures = []
    for member in members:
        drawn = avatar(member.character, member.name, size)
        picture = output / f"{member.name}.png"
        _write(picture, drawn.rgb[..., ::-1])
        matte = np.zeros(drawn.rgb.shape[:2]) if drawn.matte is None else drawn.matte
        _write(output / f"{member.name}.matte.png", np.rint(matte * 255).astype(np.uint8))
        text = json.dumps(about(member, drawn), indent=None, separators=(",", ":"))
        (output / f"{member.name}.json").write_text(text + "\n", encoding="utf-8")
        pictures.append(picture)
    return pictures


def _write(path: Path, pixels: np.ndarray) -> None:
    done, data = cv2.imencode(".png", np.ascontiguousarray(pixels), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise OSError(f"{path} cannot be encoded as PNG")
    path.write_bytes(data.tobytes())


def main() -> None:
    """Render the cast from the command line."""
    parser = argparse.ArgumentParser(description="Render the built-in avatars.")
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.add_argument("--size", type=int, default=_SIZE, help="side of the pictures in pixels")
    options = parser.parse_args()
    render(options.output, size=options.size)


if __name__ == "__main__":
    main()
