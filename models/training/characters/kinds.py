"""Choices that make up a character."""

from enum import Enum


class Rendering(Enum):
    """How surfaces are shaded."""

    FLAT = "flat"
    CEL = "cel"
    PAINTED = "painted"


class BackHair(Enum):
    """What is seen of the hair behind the head."""

    NONE = "none"
    SHORT = "short"
    BOB = "bob"
    LONG = "long"
    WAVY = "wavy"
    PONYTAIL = "ponytail"
    TWIN_TAILS = "twin_tails"
    BUN = "bun"
    SPACE_BUNS = "space_buns"
    AFRO = "afro"
    SPIKY = "spiky"
    BRAIDS = "braids"
    SHAGGY = "shaggy"


class Fringe(Enum):
    """The hair in front of the forehead."""

    NONE = "none"
    BLUNT = "blunt"
    SWEPT = "swept"
    CURTAIN = "curtain"
    SPIKES = "spikes"
    MESSY = "messy"
    SLICKED = "slicked"
    CROP = "crop"
    CURLS = "curls"
    LOCK = "lock"


class EarKind(Enum):
    """Ears at the side of the head or on top of it."""

    HUMAN = "human"
    ELF = "elf"
    CAT = "cat"
    FOX = "fox"
    BEAR = "bear"
    RABBIT = "rabbit"
    ROBOT = "robot"


class NoseKind(Enum):
    """How the nose is drawn."""

    DOT = "dot"
    SHADOW = "shadow"
    LINE = "line"
    WEDGE = "wedge"
    ROUND = "round"


class Collar(Enum):
    """Clothes, named by their neckline."""

    CREW = "crew"
    VNECK = "vneck"
    SHIRT = "shirt"
    SUIT = "suit"
    HOODIE = "hoodie"
    TURTLENECK = "turtleneck"
    SAILOR = "sailor"
    KIMONO = "kimono"
    TANK = "tank"
    SCARF = "scarf"


class GlassesKind(Enum):
    """Glasses by the shape of their rims."""

    NONE = "none"
    ROUND = "round"
    SQUARE = "square"
    HALF = "half"
    SHADES = "shades"


class HatKind(Enum):
    """What is worn on the head."""

    NONE = "none"
    BEANIE = "beanie"
    CAP = "cap"
    WITCH = "witch"
    BERET = "beret"
    CROWN = "crown"
    HEADBAND = "headband"
    HEADPHONES = "headphones"
    HORNS = "horns"
    RIBBON = "ribbon"


class BeardKind(Enum):
    """Hair on the lower face."""

    NONE = "none"
    STUBBLE = "stubble"
    GOATEE = "goatee"
    FULL = "full"
    MOUSTACHE = "moustache"


class PinKind(Enum):
    """Small things in the hair."""

    NONE = "none"
    BARS = "bars"
    FLOWER = "flower"
    STAR = "star"
    BOW = "bow"


class BackdropKind(Enum):
    """What is behind the character."""

    SOLID = "solid"
    GRADIENT = "gradient"
    RADIAL = "radial"
    SPLIT = "split"
    STRIPES = "stripes"
    DOTS = "dots"
    BOKEH = "bokeh"
    ROOM = "room"
    HILLS = "hills"
    CHECKER = "checker"
    NOISE = "noise"
