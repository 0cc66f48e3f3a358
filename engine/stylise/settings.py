"""What a user chooses for the stylise mode: plain values; importing them loads nothing heavy.

The mode paints over the person's own picture, so it shows the user's likeness by its nature. It is chosen and
started by its own command, and never instead of an avatar.
"""

from dataclasses import dataclass, field
from enum import Enum

from engine.errors import SettingsError
from engine.settings import Quality
from models.checkpoints.catalogue import read_catalogue, with_needs

__all__ = [
    "DEPTH_FROM_POINTS",
    "LIVE2DIFF_FILE",
    "PAINTER_QUALITY",
    "PUBLISHED_MODELS",
    "Closeness",
    "Painter",
    "PublishedModel",
    "StyliseSettings",
]


class Painter(Enum):
    """Which published system paints."""

    STREAM_DIFFUSION = "streamdiffusion"  # each frame by itself: quick, any Stable Diffusion
    LIVE2DIFF = "live2diff"  # remembers the frames before: steady, and told of depth


class Closeness(Enum):
    """How closely the painting keeps to the picture; the value is StreamDiffusion's ``t_index_list``.

    Each index is one step and one frame of delay. Even ``CLOSE`` repaints: nothing passes through unpainted.
    """

    FREE = (18, 26, 35, 45)
    LOOSE = (22, 32, 45)
    BALANCED = (32, 45)
    NEAR = (38, 45)
    CLOSE = (42,)

    @property
    def strength(self) -> float:
        """Live2Diff's strength, 0..1: the share of the noise levels that a frame goes through.

        The published styles use 0.4 and 0.5.
        """
        return _STRENGTHS[self]


_STRENGTHS = {
    Closeness.FREE: 0.7,
    Closeness.LOOSE: 0.6,
    Closeness.BALANCED: 0.5,
    Closeness.NEAR: 0.4,
    Closeness.CLOSE: 0.3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """What has to be said of a model before it is fetched.

    Attributes:
        name: As its publisher has it.
        gigabytes: To fetch, with what belongs to it.
        licence: Its name; what belongs to it may have others (``engine.fetching``).
        command: What fetches it.
        loras: What makes it paint in few steps.
    """

    name: str
    gigabytes: float
    licence: str
    command: str
    loras: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One line: name, size, licence, address."""
        address = f"https://huggingface.co/{self.name}"
        size = f"about {self.gigabytes:g} GB with what belongs to it"
        return f"{self.name}, {size}, licence {self.licence} ({address})"


_LCM_LORA = "latent-consistency/lcm-lora-sdv1-5"


def _published(name: str) -> PublishedModel:
    entries = with_needs(name, read_catalogue())
    return PublishedModel(
        name=entries[0].repository,
        gigabytes=round(sum(entry.num_bytes for entry in entries) / 1e9, 1),
        licence=entries[0].licence,
        command=f"understudy models fetch {name}",
        loras=tuple(entry.repository for entry in entries if entry.repository == _LCM_LORA),
    )


_SD15, _TURBO = _published("sd15"), _published("sd-turbo")
LIVE2DIFF_FILE = _published("live2diff")
"""``live2diff.ckpt``, with the Stable Diffusion 1.5 that it joins and a depth network."""

DEPTH_FROM_POINTS = "points"
"""The depth that needs no network."""

PAINTER_QUALITY: dict[Painter, Quality] = {
    Painter.STREAM_DIFFUSION: Quality(size=512),
    Painter.LIVE2DIFF: Quality(size=512, levels=2),
}
"""What a painter was published with. StreamDiffusion's steps come from the closeness, not from levels."""

PUBLISHED_MODELS: dict[str, PublishedModel] = {model.name: model for model in (_SD15, _TURBO)}
"""Models whose size and licence are known; the first is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StyliseSettings:
    """The stylise mode."""

    prompt: str = field(
        metadata={"tip": "What the picture is painted as, such as: oil painting of a pirate."}
    )
    negative_prompt: str = field(default="", metadata={"tip": "What not to paint; full guidance only."})
    closeness: Closeness = field(
        default=Closeness.BALANCED,
        metadata={"tip": "From free of your picture to close to it. Freer takes more steps and delay."},
    )
    painter: Painter = field(
        default=Painter.STREAM_DIFFUSION,
        metadata={
            "tip": "Who paints: streamdiffusion (each frame by itself, quick) or live2diff (remembers the "
            "frames before: steadier, slower, needs gigabytes of memory)."
        },
    )
    model: str = field(
        default=_SD15.name, metadata={"tip": "A hub id, a diffusers folder, or a .safetensors file."}
    )
    loras: tuple[tuple[str, float], ...] = field(
        default=(), metadata={"tip": "LoRA files, folders or hub ids, and how much of each, 0 to 1."}
    )
    guidance_scale: float = field(
        default=1.2, metadata={"tip": "How far towards the prompt, 1 to 5. Costs nothing."}
    )
    similarity: float | None = field(
        default=None,
        metadata={"tip": "Skip frames more alike than this, 0.9 to 1: saves power on a still scene."},
    )
    style: str = field(
        default="",
        metadata={"tip": "A style's .safetensors file (DreamBooth), painted with in the model's place."},
    )
    motion: str = field(
        default="",
        metadata={"tip": "Path of live2diff.ckpt, for live2diff; empty: where fetching puts it."},
    )
    depth: str = field(
        default="",
        metadata={
            "tip": "Who tells live2diff of depth: a depth network's folder or hub id, or points (from your "
            "face and outline, approximate). Empty: a network that was fetched, else points."
        },
    )
    has_small_memory: bool = field(
        default=False,
        metadata={
            "tip": "Whether live2diff remembers in 8 bits, not 16: half of it, pictures off by about 1 %."
        },
    )
    tokenizer: str = field(
        default="",
        metadata={
            "tip": "Folder of a tokenizer, for a model that is one file; a model's folder has its own."
        },
    )

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise SettingsError("The prompt is empty.", hint="Say what the picture is to be painted as.")
        if not 1.0 <= self.guidance_scale <= 5.0:  # noqa: PLR2004 - the range of the tip
            raise SettingsError(
                f"The guidance scale is {self.guidance_scale:g}.", hint="Choose a value from 1 to 5."
            )
        if self.similarity is not None and not 0.9 <= self.similarity <= 1.0:  # noqa: PLR2004 - as above
            raise SettingsError(
                f"The similarity is {self.similarity:g}.", hint="Choose a value from 0.9 to 1."
            )

    @property
    def all_loras(self) -> dict[str, float]:
        """The model's own, at full scale, and the user's."""
        published = PUBLISHED_MODELS.get(self.model)
        own = dict.fromkeys(published.loras, 1.0) if published else {}
        return {**own, **dict(self.loras)}
