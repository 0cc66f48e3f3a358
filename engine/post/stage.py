"""What stands behind the avatar: a choice of the user, never the camera."""

from dataclasses import dataclass, field
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
    """The backdrop."""

    kind: BackdropKind = field(
        default=BackdropKind.AS_DRAWN,
        metadata={
            "tip": "What stands behind the avatar: its own background, a key colour for OBS, a colour, or a "
            "picture of yours. Never the camera."
        },
    )
    key_colour: Colour = field(
        default=KEY_GREEN,
        metadata={"tip": "The colour to be keyed out, as red, green, blue from 0 to 255. Edges are crisp."},
    )
    colour: Colour = field(
        default=CHARCOAL, metadata={"tip": "The plain colour, as red, green, blue from 0 to 255."}
    )
    picture: Path | None = field(
        default=None, metadata={"tip": "The picture file, PNG, JPEG or WebP. It is cut to fill the stage."}
    )
    blur: float = field(
        default=0.0,
        metadata={"tip": "How soft the picture is: 0 is sharp, 1 leaves only its colours. Costs nothing."},
    )

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
