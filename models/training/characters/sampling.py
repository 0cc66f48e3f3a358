"""``sample_character``: characters without end, of designed palettes and plausible proportions."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import TypeVar

import numpy as np

from models.training.characters import colours
from models.training.characters.colours import adjust, mix
from models.training.characters.kinds import (
    BackdropKind,
    BackHair,
    BeardKind,
    Collar,
    EarKind,
    Fringe,
    GlassesKind,
    HatKind,
    NoseKind,
    PinKind,
    Rendering,
)
from models.training.characters.spec import (
    Backdrop,
    Brows,
    Character,
    Clothes,
    Extras,
    Eyes,
    Face,
    Hair,
    Mouth,
    Rgb,
    Style,
)

_HALF, _CHILD, _OLD = 0.5, 0.25, 0.7
_DARK_SKIN = 460  # sum of the channels
_CONTRAST = 110  # least sum of differences of the channels between hair and skin
_T = TypeVar("_T")
_K = TypeVar("_K", bound=Enum)


def _pick(rng: np.random.Generator, choices: Sequence[_T]) -> _T:
    return choices[int(rng.integers(len(choices)))]


def _chance(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def _kind(rng: np.random.Generator, kind: type[_K], none_share: float = 0.0) -> _K:
    """Pick a member; the first one (none) with ``none_share`` where that is above 0."""
    members = list(kind)
    if none_share > 0:
        return members[0] if _chance(rng, none_share) else _pick(rng, members[1:])
    return _pick(rng, members)


def _near(rng: np.random.Generator, middle: float, spread: float) -> float:
    """Return a value within ``middle +- spread``, more often near the middle."""
    return float(middle + spread * (rng.random() + rng.random() - 1.0))


def _varied(rng: np.random.Generator, colour: Rgb) -> Rgb:
    return adjust(
        colour, hue=rng.normal(0, 0.012), saturation=_near(rng, 1.0, 0.2), value=_near(rng, 1.0, 0.12)
    )


def _style(rng: np.random.Generator) -> Style:
    rendering = _pick(rng, (Rendering.FLAT, Rendering.CEL, Rendering.CEL, Rendering.PAINTED))
    lined = _chance(rng, {Rendering.FLAT: 0.6, Rendering.CEL: 0.9, Rendering.PAINTED: 0.5}[rendering])
    return Style(
        rendering=rendering,
        outline=_near(rng, 1.2, 0.8) if lined else 0.0,
        outline_tint=float(rng.choice((0.0, 0.5, 0.8, 1.0))),
        shade=_near(rng, 0.3, 0.3) if rendering is Rendering.FLAT else _near(rng, 0.65, 0.3),
        gloss=_near(rng, 0.6, 0.4),
        light=int(rng.choice((-1, 1))),
        grain=float(rng.uniform(0.2, 0.7)) if _chance(rng, 0.12) else 0.0,
    )


class _Cast:
    """Big decisions that hang together: how much anime, which sex, how old."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.anime = float(np.clip(_near(rng, 0.66, 0.7), 0, 1))
        self.masculine = float(np.clip(_near(rng, 0.45, 0.6), 0, 1))
        self.age = float(np.clip(_near(rng, 0.35, 0.5), 0, 1))
        self.is_anime = self.anime > _HALF
        self.is_masculine = self.masculine > _HALF
        self.is_child = self.age < _CHILD
        self.is_old = self.age > _OLD


def _face(rng: np.random.Generator, cast: _Cast) -> Face:
    fancy = _chance(rng, 0.06)
    skin, blush = _pick(rng, colours.FANTASY_SKINS if fancy else colours.SKINS)
    noses = (
        (NoseKind.DOT, NoseKind.SHADOW, NoseKind.LINE)
        if cast.is_anime
        else (NoseKind.LINE, NoseKind.WEDGE, NoseKind.ROUND)
    )
    chin = _near(rng, 1.12 + 0.08 * cast.age + 0.06 * cast.masculine - 0.04 * cast.anime, 0.08)
    return Face(
        top=_near(rng, 1.14, 0.07),
        chin=chin,
        cheek=_near(rng, 0.88, 0.05),
        jaw=_near(rng, 0.54 + 0.12 * cast.masculine - 0.04 * cast.anime, 0.08),
        chin_width=_near(rng, 0.13 + 0.14 * cast.masculine + 0.06 * (1 - cast.anime), 0.08),
        skin=adjust(skin, saturation=_near(rng, 1.0, 0.12), value=_near(rng, 1.0, 0.05)),
        blush=blush,
        blush_strength=max(0.0, _near(rng, 0.35, 0.5)),
        freckles=float(rng.uniform(0.2, 1)) if _chance(rng, 0.12) else 0.0,
        nose=_pick(rng, noses),
        nose_y=_near(rng, 0.53 + 0.06 * (1 - cast.anime), 0.05),
        nose_size=_near(rng, 1.0 + 0.2 * cast.masculine, 0.25),
        mole=int(rng.choice((-1, 1))) if _chance(rng, 0.08) else 0,
    )


def _eyes(rng: np.random.Generator, cast: _Cast) -> Eyes:
    big = float(np.clip(1.1 * cast.anime - 0.25 * cast.masculine - 0.15 * cast.age, 0, 1))
    width = _near(rng, 0.185 + 0.12 * big, 0.025)
    tall = width * _near(rng, 0.62 + 0.46 * big, 0.18)
    colour = _varied(rng, _pick(rng, colours.EYES))
    odd = _chance(rng, 0.05)
    lash = _near(rng, 0.028 + 0.03 * big + 0.02 * (1 - cast.masculine), 0.015)
    return Eyes(
        x=_near(rng, 0.4 + 0.03 * big, 0.035),
        y=_near(rng, 0.12 + 0.12 * big, 0.05),
        width=width,
        upper=tall * 0.95,
        lower=tall * _near(rng, 0.65, 0.15),
        tilt=_near(rng, 0.015, 0.05),
        peak=_near(rng, 0.0, 0.7),
        boxy=_near(rng, 0.5, 0.45),
        iris=min(width * _near(rng, 0.72, 0.12), tall * 0.86),
        iris_tall=_near(rng, 1.02 + 0.16 * big, 0.1),
        pupil=_near(rng, 0.46, 0.12),
        colour_left=colour,
        colour_right=_varied(rng, _pick(rng, colours.EYES)) if odd else colour,
        lash=lash,
        wing=max(0.0, _near(rng, 0.07 * (1 - cast.masculine), 0.05)),
        crease=_chance(rng, 0.7),
        lashes=int(rng.integers(1, 4)) if _chance(rng, 0.35 * (1 - cast.masculine)) else 0,
        glints=int(rng.integers(1, 4)),
        shadow=_pick(rng, colours.CLOTHES)[2] if _chance(rng, 0.14 * (1 - cast.masculine)) else None,
    )


def _any_hair_colour(rng: np.random.Generator, cast: _Cast, skin: Rgb) -> Rgb:
    if _chance(rng, 0.1 + 0.4 * cast.anime):
        return _varied(rng, _pick(rng, colours.FANCY_HAIR))
    if cast.is_old and _chance(rng, 0.5):
        return _pick(rng, colours.NATURAL_HAIR[-2:])
    dark = sum(skin) < _DARK_SKIN
    return _varied(
        rng, _pick(rng, colours.NATURAL_HAIR[:6] if dark and _chance(rng, 0.8) else colours.NATURAL_HAIR)
    )


def _hair_colour(rng: np.random.Generator, cast: _Cast, skin: Rgb) -> Rgb:
    """Return a hair colour that is not lost against the skin."""
    for _ in range(8):
        colour = _any_hair_colour(rng, cast, skin)
        if sum(abs(first - second) for first, second in zip(colour, skin, strict=True)) > _CONTRAST:
            return colour
    return colours.NATURAL_HAIR[0] if sum(skin) > _DARK_SKIN else colours.NATURAL_HAIR[-1]


def _cut(value: str) -> tuple[BackHair, ...]:
    return tuple(BackHair(item) for item in value.split())


def _fringes(value: str) -> tuple[Fringe, ...]:
    return tuple(Fringe(item) for item in value.split())


_BACKS_M = _cut("short short spiky shaggy afro none long bun")
_BACKS_F = _cut("bob long long wavy ponytail twin_tails bun space_buns afro braids short shaggy")
_FRINGES_M = _fringes("swept spikes messy slicked crop curls curtain crop")
_FRINGES_F = _fringes("blunt swept curtain messy spikes lock slicked curls")
_FRINGES_BARE = _fringes("none crop crop slicked")
_HIGH_HAIR = _cut("bun space_buns afro")  # what no hat or animal ear sits on


def _hair(rng: np.random.Generator, cast: _Cast, face: Face, eyes: Eyes, *, has_hat: bool) -> Hair:
    backs, fringes = (_BACKS_M, _FRINGES_M) if cast.is_masculine else (_BACKS_F, _FRINGES_F)
    back, fringe = _pick(rng, backs), _pick(rng, fringes)
    if back is BackHair.AFRO:
        fringe = Fringe.CURLS
    if has_hat and back in _HIGH_HAIR:
        back = BackHair.SHORT
    if back is BackHair.NONE:
        fringe = _pick(rng, _FRINGES_BARE)
    brow_y = eyes.y - eyes.upper
    bare = fringe in (Fringe.CROP, Fringe.SLICKED, Fringe.NONE) and cast.is_masculine
    short = bare or back is BackHair.AFRO
    return Hair(
        back=back,
        fringe=fringe,
        colour=_hair_colour(rng, cast, face.skin),
        tips=_varied(rng, _pick(rng, colours.FANCY_HAIR)) if _chance(rng, 0.1) else None,
        length=_near(rng, 0.7, 0.6),
        volume=_near(rng, 0.13, 0.07),
        fringe_y=min(_near(rng, brow_y - 0.06, 0.16), eyes.y - 0.06),
        part=_near(rng, 0.0, 1.0),
        strands=int(rng.integers(4, 10)),
        side_locks=0.0 if short or _chance(rng, 0.3) else _near(rng, 0.75 - 0.4 * cast.masculine, 0.6),
        seed=int(rng.integers(1 << 30)),
        ahoge=_chance(rng, 0.1 * cast.anime),
    )


def _brows(rng: np.random.Generator, cast: _Cast, eyes: Eyes, hair: Rgb) -> Brows:
    return Brows(
        height=eyes.upper + _near(rng, 0.17, 0.05),
        length=_near(rng, eyes.width * 1.0, 0.04),
        thickness=_near(rng, 0.035 + 0.04 * cast.masculine, 0.02),
        arch=_near(rng, 0.05, 0.04),
        slant=_near(rng, 0.04 * cast.masculine, 0.1),
        colour=mix(adjust(hair, value=0.68, saturation=1.1), (50, 34, 36), 0.25),
        over_hair=_chance(rng, 0.3 + 0.5 * cast.anime),
    )


def _mouth(rng: np.random.Generator, cast: _Cast, face: Face) -> Mouth:
    lips = _chance(rng, 0.75 - 0.5 * cast.anime)
    full = _near(rng, 1.0 - 0.3 * cast.masculine, 0.35)
    room = face.chin - face.nose_y
    return Mouth(
        y=face.nose_y + room * _near(rng, 0.44, 0.05),
        width=_near(rng, 0.2 + 0.1 * (1 - cast.anime), 0.05),
        upper_lip=0.04 * full if lips else 0.02,
        lower_lip=0.06 * full if lips else 0.045,
        painted_lips=_near(rng, 0.6, 0.35) if lips else 0.0,
        curl=_near(rng, 0.035, 0.035),
        lip=_varied(
            rng, _pick(rng, ((206, 96, 100), (190, 80, 90), (220, 120, 120), (170, 70, 80), (214, 60, 80)))
        ),
        fang=_chance(rng, 0.06 * cast.anime),
    )


def _clothes(rng: np.random.Generator, cast: _Cast) -> Clothes:
    main, second, accent = _pick(rng, colours.CLOTHES)
    if _chance(rng, 0.25):
        main, second = second, main
    return Clothes(
        collar=_kind(rng, Collar),
        shoulder_width=_near(rng, 1.5 + 0.4 * cast.masculine + 0.2 * (1 - cast.anime), 0.2),
        shoulder_drop=_near(rng, 0.44, 0.1),
        neck_width=_near(rng, 0.36 + 0.16 * cast.masculine, 0.06),
        neck_length=_near(rng, 0.28, 0.08),
        main=_varied(rng, main),
        second=second,
        accent=accent,
        pattern=int(rng.integers(0, 4)) if _chance(rng, 0.5) else 0,
    )


def _extras(rng: np.random.Generator, cast: _Cast) -> Extras:
    main, _, accent = _pick(rng, colours.CLOTHES)
    beard = BeardKind.NONE
    if cast.is_masculine and not cast.is_child and _chance(rng, 0.45):
        beard = _pick(rng, list(BeardKind)[1:])
    ears = EarKind.HUMAN
    if _chance(rng, 0.1 + 0.15 * cast.anime):
        ears = _pick(rng, list(EarKind)[1:])
    hats = HatKind.NONE
    if ears is EarKind.HUMAN and _chance(rng, 0.22):
        hats = _pick(rng, list(HatKind)[1:])
    feminine = not cast.is_masculine
    return Extras(
        ears=ears,
        ear_size=_near(rng, 0.95, 0.15),
        glasses=_kind(rng, GlassesKind, 0.8) if _chance(rng, 0.85) else GlassesKind.ROUND,
        hat=hats,
        beard=beard,
        pin=_kind(rng, PinKind, 0.7) if feminine and hats is HatKind.NONE else PinKind.NONE,
        pin_side=int(rng.choice((-1, 1))),
        earrings=_chance(rng, 0.2),
        scar=_chance(rng, 0.03),
        colour=_varied(rng, accent if _chance(rng, 0.6) else main),
        second=_pick(rng, ((250, 220, 120), (240, 240, 244), (236, 180, 90), (200, 220, 240))),
    )


def _backdrop(rng: np.random.Generator) -> Backdrop:
    first, second, third = _pick(rng, colours.BACKDROPS)
    if _chance(rng, 0.3):
        hue = rng.random()
        first, second, third = (adjust(item, hue=hue) for item in (first, second, third))
    return Backdrop(
        kind=_kind(rng, BackdropKind),
        first=first,
        second=second,
        third=third,
        seed=int(rng.integers(1 << 30)),
    )


def sample_character(rng: np.random.Generator) -> Character:
    """Return a character that ``rng`` invents; the same state gives the same character.

    Args:
        rng: For training, seed it with ``seeds.training_rng``, whose sequence never meets the held-out seeds.
    """
    cast = _Cast(rng)
    extras = _extras(rng, cast)
    face, eyes = _face(rng, cast), _eyes(rng, cast)
    if extras.ears is EarKind.ROBOT:
        face = replace(face, skin=_pick(rng, colours.METALS), freckles=0.0)
    high = extras.hat is not HatKind.NONE or extras.ears not in (EarKind.HUMAN, EarKind.ELF, EarKind.ROBOT)
    hair = _hair(rng, cast, face, eyes, has_hat=high)
    size = _near(rng, 0.215, 0.045)
    return Character(
        size=size,
        x=_near(rng, 0.5, 0.04),
        y=_near(rng, 0.2 + 1.12 * size, 0.05),
        style=_style(rng),
        face=face,
        eyes=eyes,
        brows=_brows(rng, cast, eyes, hair.colour),
        mouth=_mouth(rng, cast, face),
        hair=hair,
        clothes=_clothes(rng, cast),
        extras=extras,
        backdrop=_backdrop(rng),
    )
