"""Colour arithmetic and designed palettes: hair, skin, clothes and backdrops that go together."""

import colorsys

from models.training.characters.spec import Rgb


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Return ``first`` with ``share`` of ``second``."""
    return (
        round(first[0] + (second[0] - first[0]) * share),
        round(first[1] + (second[1] - first[1]) * share),
        round(first[2] + (second[2] - first[2]) * share),
    )


def from_hsv(hue: float, saturation: float, value: float) -> Rgb:
    """Return RGB for ``hue`` in turns and saturation and value in 0..1 (clipped)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return round(red * 255), round(green * 255), round(blue * 255)


def adjust(colour: Rgb, *, hue: float = 0.0, saturation: float = 1.0, value: float = 1.0) -> Rgb:
    """Return the colour with its hue turned and its saturation and value multiplied."""
    h, s, v = colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))
    return from_hsv(h + hue, s * saturation, v * value)


def shadow(colour: Rgb, strength: float = 0.5) -> Rgb:
    """Return the colour in shadow: darker, richer and cooler, as painters shade."""
    cool = adjust(mix(colour, (86, 60, 130), 0.22), saturation=1.18, value=0.72)
    return mix(colour, cool, min(strength * 1.4, 1.0))


def skin_shadow(colour: Rgb, strength: float = 0.5) -> Rgb:
    """Return skin in shadow: warm and rich."""
    warm = adjust(mix(colour, (190, 70, 70), 0.16), saturation=1.15, value=0.84)
    return mix(colour, warm, min(strength * 1.3, 1.0))


def light(colour: Rgb, strength: float = 0.5) -> Rgb:
    """Return the colour in light: brighter and a little warmer."""
    return mix(colour, mix((255, 250, 235), colour, 0.25), strength)


def line(colour: Rgb, tint: float) -> Rgb:
    """Return the outline of a surface: near black at ``tint`` 0, its own dark shade at 1."""
    return mix((34, 26, 36), adjust(mix(colour, (90, 40, 60), 0.2), saturation=1.25, value=0.42), tint)


SKINS: tuple[tuple[Rgb, Rgb], ...] = (
    ((255, 232, 218), (247, 150, 150)),
    ((254, 224, 204), (244, 142, 132)),
    ((250, 214, 188), (238, 132, 116)),
    ((245, 204, 172), (232, 122, 104)),
    ((236, 190, 152), (222, 112, 92)),
    ((224, 172, 130), (208, 100, 82)),
    ((206, 150, 108), (192, 88, 72)),
    ((184, 126, 88), (176, 80, 66)),
    ((156, 104, 72), (152, 68, 60)),
    ((128, 84, 60), (134, 58, 56)),
    ((104, 68, 52), (118, 48, 50)),
    ((84, 56, 46), (104, 42, 46)),
)
"""Human skins with their blush, light to dark."""

FANTASY_SKINS: tuple[tuple[Rgb, Rgb], ...] = (
    ((206, 226, 196), (160, 180, 120)),
    ((196, 208, 236), (150, 140, 220)),
    ((222, 204, 236), (210, 130, 200)),
    ((236, 178, 164), (220, 90, 90)),
    ((208, 216, 222), (140, 170, 200)),
)

METALS: tuple[Rgb, ...] = (
    (206, 216, 226),
    (236, 236, 240),
    (176, 190, 206),
    (226, 206, 170),
    (150, 166, 188),
)
"""Skins of robots."""

NATURAL_HAIR: tuple[Rgb, ...] = (
    (38, 32, 42),
    (52, 40, 42),
    (72, 50, 44),
    (98, 64, 48),
    (126, 82, 56),
    (158, 104, 66),
    (190, 136, 84),
    (226, 184, 112),
    (244, 216, 154),
    (168, 72, 46),
    (200, 98, 52),
    (134, 46, 42),
    (150, 146, 150),
    (214, 210, 212),
)

FANCY_HAIR: tuple[Rgb, ...] = (
    (246, 160, 186),
    (236, 108, 140),
    (214, 70, 92),
    (150, 110, 200),
    (112, 84, 168),
    (88, 126, 208),
    (64, 92, 160),
    (96, 190, 214),
    (88, 178, 158),
    (134, 190, 106),
    (240, 170, 92),
    (236, 236, 246),
    (250, 208, 210),
    (190, 214, 240),
)

EYES: tuple[Rgb, ...] = (
    (92, 58, 40),
    (126, 78, 44),
    (70, 46, 40),
    (168, 116, 52),
    (74, 124, 86),
    (92, 162, 110),
    (70, 126, 186),
    (94, 168, 222),
    (58, 84, 158),
    (128, 96, 190),
    (176, 84, 150),
    (196, 64, 78),
    (222, 168, 54),
    (70, 170, 170),
    (120, 130, 146),
)

CLOTHES: tuple[tuple[Rgb, Rgb, Rgb], ...] = (
    ((54, 68, 110), (240, 240, 244), (204, 64, 72)),
    ((238, 238, 242), (64, 92, 152), (228, 120, 92)),
    ((182, 58, 66), (250, 234, 220), (50, 46, 66)),
    ((236, 196, 92), (72, 72, 96), (206, 92, 68)),
    ((88, 148, 126), (244, 238, 220), (214, 124, 80)),
    ((46, 48, 60), (206, 210, 220), (98, 182, 206)),
    ((226, 146, 168), (255, 246, 246), (124, 84, 134)),
    ((116, 92, 164), (238, 228, 248), (240, 196, 104)),
    ((200, 124, 82), (250, 236, 214), (82, 96, 88)),
    ((84, 164, 204), (250, 250, 250), (246, 206, 92)),
    ((120, 134, 92), (236, 230, 204), (164, 82, 60)),
    ((240, 228, 208), (150, 108, 84), (90, 124, 132)),
    ((70, 112, 122), (238, 222, 196), (232, 130, 100)),
    ((150, 60, 92), (244, 220, 226), (234, 188, 110)),
    ((104, 112, 128), (232, 234, 238), (236, 104, 88)),
    ((30, 96, 92), (226, 240, 232), (240, 172, 96)),
)
"""Clothes: main, second and accent colour."""

BACKDROPS: tuple[tuple[Rgb, Rgb, Rgb], ...] = (
    ((206, 222, 240), (158, 186, 220), (240, 246, 252)),
    ((250, 222, 206), (238, 172, 160), (255, 240, 226)),
    ((214, 232, 214), (150, 194, 166), (242, 248, 232)),
    ((232, 220, 244), (184, 164, 220), (248, 242, 252)),
    ((254, 236, 190), (246, 196, 126), (255, 250, 228)),
    ((60, 70, 104), (34, 40, 66), (112, 130, 176)),
    ((84, 66, 100), (48, 38, 66), (196, 138, 160)),
    ((46, 78, 84), (26, 46, 56), (124, 178, 170)),
    ((226, 226, 230), (186, 188, 198), (250, 250, 252)),
    ((248, 200, 212), (226, 138, 168), (255, 232, 238)),
    ((176, 218, 226), (96, 166, 190), (232, 246, 246)),
    ((130, 92, 82), (86, 58, 60), (214, 168, 126)),
    ((120, 124, 136), (84, 88, 102), (170, 176, 188)),
    ((36, 34, 42), (18, 18, 26), (84, 82, 100)),
)
"""Backdrops: near, far and light colour."""
