"""Who may hold the virtual camera: a note that lets a new program take over from a dead one's process.

After a crash, the old camera process keeps the card on the air and the device in its hands. The next program
leaves its own token in the note; the orphan reads it, sees that it is not its own any more, and goes.
"""

import contextlib
import uuid
from pathlib import Path

_NOTE = "virtual_camera.owner"


class CameraOwner:
    """The note's reader and writer. Picklable.

    Args:
        folder: Where the note lies; made when missing.
        token: A name of one's own; drawn at random without it.
    """

    def __init__(self, folder: Path, token: str | None = None) -> None:
        self._note = folder / _NOTE
        self._token = uuid.uuid4().hex if token is None else token

    def claim(self) -> bool:
        """Write the note; returns whether somebody else's lay there (who may need a moment to go)."""
        self._note.parent.mkdir(parents=True, exist_ok=True)
        had_other = self._note.exists()
        self._note.write_text(self._token, encoding="ascii")
        return had_other

    def is_mine(self) -> bool:
        """Whether nobody else has claimed the camera since; a note that cannot be read changes nothing."""
        try:
            return self._note.read_text(encoding="ascii") == self._token
        except (OSError, UnicodeDecodeError):
            return True

    def release(self) -> None:
        """Remove the note when it is still one's own."""
        if self.is_mine():
            with contextlib.suppress(OSError):
                self._note.unlink(missing_ok=True)
