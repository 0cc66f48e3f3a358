"""What stands behind the avatar: a choice of the user, never the camera."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from engine.errors import SettingsError

Colour = tuple[int, int, int]  # RGB, 0..255

KEY_GREEN: Colour = (0, 255, 0)
KEY_BLUE: Colour = (0, 0, 255)
KEY_MAGENTA: Colour = (255, 0, 255)
CHARCOAL: Colour = (24, 25, 30)


class BackdropKind(Enum):
    """The kinds of backdrop. There is no member for the camera, and there must never be one."""

    AS_DRAWN = "as_drawn"  # the background that belongs to the avatar's own picture
    KEY_COLOUR = "key_colour"  # one pure colour with crisp edges, for a keyer such as OBS's
    COLOUR = "colour"  # one colour with soft edges
    PICTURE = "picture"  # a picture file, plain or blurred


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSettings:
    """The backdrop.

    Attributes:
        kind: See ``BackdropKind``.
        key_colour: RGB 0..255, for ``KEY_COLOUR``.
        colour: RGB 0..255, for ``COLOUR``.
        picture: The file, for ``PICTURE``.
        blur: 0 (plain) .. 1 (only colours remain), for ``PICTURE``.
    """

    kind: BackdropKind = BackdropKind.AS_DRAWN
    key_colour: Colour = KEY_GREEN
    colour: Colour = CHARCOAL
    picture: Path | None = None
    blur: float = 0.0

    def __post_init__(self) -> None:
        for name in ("key_colour", "colour"):
            _check_colour(name, getattr(self, name))
        if not 0.0 <= self.blur <= 1.0:
            raise SettingsError(f"The backdrop's blur is {self.blur}.", hint="Choose a value from 0 to 1.")
        if self.kind is BackdropKind.PICTURE and self.picture is None:
            raise SettingsError(
                "The backdrop is a picture, but none was chosen.", hint="Choose a picture file."
            )


def _check_colour(name: str, colour: Colour) -> None:
    if len(colour) != len(CHARCOAL) or not all(part in range(256) for part in colour):
        raise SettingsError(
            f"The stage's {name} is {colour!r}.", hint="Give three numbers from 0 to 255: red, green, blue."
        )
