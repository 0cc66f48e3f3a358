"""What the window says and knows of each system that paints. Plain values."""

from dataclasses import dataclass

from engine.stylise.settings import PUBLISHED_MODELS, Painter

DEFAULT_STYLE_MODEL = next(iter(PUBLISHED_MODELS))


@dataclass(frozen=True, slots=True, kw_only=True)
class PainterFacts:
    """One painter.

    Attributes:
        title: Its name.
        about: When to take it.
        models: The published models that it can paint with.
        own_model: Its own published model, in the catalogue; empty: the one that it paints with is all.
        has_steps: Whether the closeness says how many steps a frame takes.
        has_guidance: Whether it has a guidance scale.
        has_memory: Whether it remembers frames, in 16 or 8 bits.
        changes_style: Whether its style and its LoRAs change while it paints.
    """

    title: str
    about: str
    models: tuple[str, ...]
    own_model: str = ""
    has_steps: bool = False
    has_guidance: bool = False
    has_memory: bool = False
    changes_style: bool = False


PAINTERS: dict[Painter, PainterFacts] = {
    Painter.STREAM_DIFFUSION: PainterFacts(
        title="StreamDiffusion",
        about="Paints each frame by itself: quick, with any Stable Diffusion",
        models=tuple(PUBLISHED_MODELS),
        has_steps=True,
        has_guidance=True,
    ),
    Painter.LIVE2DIFF: PainterFacts(
        title="Live2Diff",
        about="Remembers the frames before and is told of depth: steadier, and slower",
        models=(DEFAULT_STYLE_MODEL,),  # which its own joins, and what was made of it: none of another family
        own_model="live2diff",
        has_memory=True,
        changes_style=True,
    ),
}
