"""The stops of the quality slider: the pocket model's, RAIN's and the stylise mode's. Plain values."""

from dataclasses import dataclass, replace

from engine.settings import DEFAULT_QUALITY, QUALITIES, Model, Quality
from engine.stylise.settings import PAINTER_QUALITY, Painter

_TIMES = "\u00d7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One stop.

    Attributes:
        name: How it is remembered, and its title in small letters.
        quality: What it stands for.
        about: When to take it.
        numbers: Size of the picture and delay, in words.
    """

    name: str
    quality: Quality
    about: str
    numbers: str


def describe(quality: Quality) -> str:
    """Return a quality in a few words: size of the picture and frames held back."""
    held = quality.delay_frames
    frames = "no frame" if held == 0 else "1 frame" if held == 1 else f"{held} frames"
    return f"{_size_of(quality)}, {frames} held back"


def find_stop(stops: tuple[Stop, ...], name: str, default: int = 0) -> int:
    """Return the place of the stop of that name; that of ``default`` when there is none."""
    names = [stop.name for stop in stops]
    return names.index(name) if name in names else default


def _size_of(quality: Quality) -> str:
    return f"{quality.size} {_TIMES} {quality.size} px"


def _stop(name: str, quality: Quality, about: str) -> Stop:
    return Stop(name=name, quality=quality, about=about, numbers=describe(quality))


def _style_stop(name: str, size: int, about: str) -> Stop:
    # Here the closeness decides how many frames are held back, not the quality.
    quality = Quality(size=size)
    return Stop(name=name, quality=quality, about=about, numbers=f"{_size_of(quality)} are painted")


_POCKET_ABOUT = {
    "fastest": "Least delay. For calls and streams on a laptop.",
    "steady": "Calmer from frame to frame, one frame later.",
    "fine": "A larger picture, for a faster machine.",
    "finest": "Largest and calmest. For recordings.",
}

POCKET_STOPS = tuple(_stop(name, quality, _POCKET_ABOUT.get(name, "")) for name, quality in QUALITIES.items())

RAIN_STOPS = (
    _stop(
        "small", Quality(size=256, levels=2, chunk=2), "Least work and a small picture, to try things out."
    ),
    _stop("quick", Quality(size=512, levels=2, chunk=2), "Short delay, at the price of calm."),
    _stop("steady", Quality(size=512, levels=4, chunk=2), "Half the published delay."),
    _stop("published", DEFAULT_QUALITY[Model.RAIN], "As RAIN was published: calmest, and latest."),
)

_SMALL = "Quickest, and coarse: the models were made for larger pictures."
_MIDDLE = "Between quick and fine."
_FULL = "What the published models were made for."

STREAM_DIFFUSION_STOPS = (
    _style_stop("small", 256, _SMALL),
    _style_stop("middle", 384, _MIDDLE),
    _style_stop("full", PAINTER_QUALITY[Painter.STREAM_DIFFUSION].size, _FULL),
)

LIVE2DIFF_STOPS = (
    _stop("small", replace(PAINTER_QUALITY[Painter.LIVE2DIFF], size=256), _SMALL),
    _stop("middle", replace(PAINTER_QUALITY[Painter.LIVE2DIFF], size=384), _MIDDLE),
    _stop("full", PAINTER_QUALITY[Painter.LIVE2DIFF], f"{_FULL} Needs gigabytes of memory."),
)

STYLE_STOPS = {
    Painter.STREAM_DIFFUSION: STREAM_DIFFUSION_STOPS,
    Painter.LIVE2DIFF: LIVE2DIFF_STOPS,
}
