"""What the built-in avatars share: styles and kinds of eyes."""

from dataclasses import dataclass

from models.training.characters.kinds import Rendering
from models.training.characters.spec import Character, Eyes, Style


@dataclass(frozen=True, kw_only=True)
class Member:
    """One avatar: file name, what to call it, and the character."""

    name: str
    title: str
    character: Character


ANIME = Style(rendering=Rendering.CEL, outline=1.1, outline_tint=0.9, shade=0.6, gloss=0.75)
BOLD = Style(rendering=Rendering.CEL, outline=1.6, outline_tint=0.3, shade=0.6, gloss=0.6)
SOFT = Style(rendering=Rendering.PAINTED, outline=0.8, outline_tint=1.0, shade=0.6, gloss=0.7)
PAINT = Style(rendering=Rendering.PAINTED, outline=0.0, shade=0.7, gloss=0.7)
FLAT = Style(rendering=Rendering.FLAT, outline=0.0, shade=0.35, gloss=0.5)
LINE = Style(rendering=Rendering.FLAT, outline=1.4, outline_tint=0.6, shade=0.3, gloss=0.5)

BIG_EYES = Eyes(
    x=0.44,
    y=0.24,
    width=0.27,
    upper=0.27,
    lower=0.17,
    boxy=0.62,
    iris=0.2,
    iris_tall=1.18,
    lash=0.055,
    wing=0.07,
)
MEDIUM = Eyes(
    x=0.41,
    y=0.18,
    width=0.22,
    upper=0.16,
    lower=0.1,
    boxy=0.5,
    iris=0.135,
    iris_tall=1.08,
    lash=0.04,
    wing=0.03,
)
SMALL = Eyes(
    x=0.4,
    y=0.15,
    width=0.19,
    upper=0.115,
    lower=0.075,
    boxy=0.45,
    iris=0.1,
    iris_tall=1.0,
    lash=0.032,
    wing=0.0,
)
