"""A session's rooms for the stylise mode: ``Session(settings, rooms=StyliseRooms(stylise))``.

The parts are in ``parts.py``; what the user chooses in ``settings.py``. ``animate(settings, output,
rooms=StyliseRooms(stylise))`` paints a clip. Thread: as ``rooms.Rooms``; the ``set_`` methods from any.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.denoise.similarity import SimilarityFilter, SimilaritySettings
from engine.pipeline import Composer, Machinery, Row
from engine.post.letterbox import letterbox
from engine.post.standby import standby_card
from engine.settings import LEVELS, SIZES, Quality, Settings, StageSettings
from engine.standard_rooms import StandardRooms
from engine.stylise.files import check_files, depth_network
from engine.stylise.live2diff import live2diff_memory_text, open_live2diff
from engine.stylise.painter import PaintModel, Wish
from engine.stylise.parts import (
    NO_POINTS,
    NO_SCORES,
    CardActor,
    DepthEye,
    LikenessConditioner,
    LikenessDecoder,
    LikenessDriver,
    LikenessTracker,
    StylistBuffer,
    at_once,
)
from engine.stylise.settings import Closeness, Painter, StyliseSettings
from engine.stylise.stream_diffusion import open_stream_diffusion
from engine.types import Avatar, Control, RgbImage


def _no_eye(_stylise: StyliseSettings, _settings: Settings) -> DepthEye | None:
    return None


def _points_eye(stylise: StyliseSettings, settings: Settings) -> DepthEye | None:
    """Return what reads depth off the frames, where no network does."""
    if depth_network(stylise) is not None:
        return None
    from engine.track.points_eye import open_points_eye  # noqa: PLC0415 - MediaPipe: only where it is needed

    return open_points_eye(settings)


def _no_memory_text(_stylise: StyliseSettings, _settings: Settings) -> str:
    return ""


def _closer(stylise: StyliseSettings, _settings: Settings) -> tuple[str, ...]:
    steps = len(stylise.closeness.value)
    fewest = min(Closeness, key=lambda closeness: len(closeness.value))
    return (f"fewer steps ({fewest.name.lower()})",) if steps > len(fewest.value) else ()


def _fewer_levels(_stylise: StyliseSettings, settings: Settings) -> tuple[str, ...]:
    quicker = f"a quicker painter ({Painter.STREAM_DIFFUSION.value})"
    return (*(("fewer levels",) if settings.quality.levels > min(LEVELS) else ()), quicker)


@dataclass(frozen=True, slots=True, kw_only=True)
class _System:
    """What differs between the painters.

    Attributes:
        open_model: Loads the checkpoint.
        open_eye: Returns who reads depth off the frames, or None.
        memory_text: Says what a start takes of the memory; empty where that is little.
        fewer_steps: Returns in words how to paint in fewer steps; nothing where that cannot be.
    """

    open_model: Callable[[StyliseSettings, Settings], PaintModel]
    open_eye: Callable[[StyliseSettings, Settings], DepthEye | None] = _no_eye
    memory_text: Callable[[StyliseSettings, Settings], str] = _no_memory_text
    fewer_steps: Callable[[StyliseSettings, Settings], tuple[str, ...]] = _closer


_SYSTEMS: dict[Painter, _System] = {
    Painter.STREAM_DIFFUSION: _System(open_model=open_stream_diffusion),
    Painter.LIVE2DIFF: _System(
        open_model=open_live2diff,
        open_eye=_points_eye,
        memory_text=live2diff_memory_text,
        fewer_steps=_fewer_levels,
    ),
}


class StyliseStudio:
    """A loaded model, ready to paint squares of any size.

    Args:
        model: The checkpoint.
        stylise: The user's choice.

    Attributes:
        stylise: The newest choice, for streams to come.
        seed: Of the noise of streams to come; None: the session's.
        buffer: Of the newest stream.
    """

    def __init__(self, model: PaintModel, stylise: StyliseSettings) -> None:
        self._model = model
        self.stylise = stylise
        self.seed: int | None = None
        self.buffer: StylistBuffer | None = None

    @property
    def runtime_text(self) -> str:
        """How the networks are run, and what else the user should know of them."""
        return self._model.text

    def machinery(self, quality: Quality, seed: int) -> Machinery:
        """Return buffer and decoder for pictures of ``quality.size``. Raises ``MemoryTooSmallError``."""
        seed = seed if self.seed is None else self.seed
        painter = self._model.painter(self.stylise, quality, seed)
        self.buffer = StylistBuffer(painter, _filter(self.stylise.similarity, seed))
        card = standby_card(quality.size, quality.size).rgb
        return Machinery(
            buffer=self.buffer,
            decoder=LikenessDecoder(painter, card),
            join=_only_one,
            chunk=1,
            warm_up_frames=painter.warm_up_frames,
        )

    def restyle(self, stylise: StyliseSettings) -> Wish:
        """Load another style; see ``PaintModel.restyle``."""
        return self._model.restyle(stylise)

    def conditioner(self, avatar: Avatar, size: int) -> LikenessConditioner:
        """Return what brings frames to ``size``."""
        del avatar
        return LikenessConditioner(standby_card(size, size).rgb)


class _FittedComposer:
    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size

    def __call__(self, rgba: NDArray[np.uint8]) -> RgbImage:
        return letterbox(np.ascontiguousarray(rgba[..., :3]), *self._size)


class StyliseRooms(StandardRooms):
    """A session's rooms for the stylise mode. See ``rooms.Rooms``.

    Args:
        stylise: The user's choice.
    """

    def __init__(self, stylise: StyliseSettings) -> None:
        self._stylise = stylise
        self._seed: int | None = None
        self._studio: StyliseStudio | None = None

    @property
    def stylise(self) -> StyliseSettings:
        """The newest choice, hot changes included."""
        return self._stylise

    def memory_text(self, settings: Settings) -> str:
        """Return in words what a start takes of the memory, before it; empty where that is little.

        Raises:
            MemoryTooSmallError: It does not fit; the hint names what would.
            WeightsError: A file is missing.
        """
        return self._system.memory_text(self._stylise, settings)

    def check(self, settings: Settings) -> None:
        """Refuse what can be seen to fail before anything is loaded. See ``rooms.Rooms``."""
        super().check(settings)
        check_files(self._stylise)

    def way_out_when_slow(self, settings: Settings) -> str:
        """Return what paints faster. See ``rooms.Rooms``."""
        smaller = ("a smaller size",) if settings.quality.size > min(SIZES) else ()
        choices = [*smaller, *self._system.fewer_steps(self._stylise, settings)]
        live = f"Choose {' or '.join(choices)}" if choices else "Use a computer with a graphics card"
        return f"{live}, or paint a clip instead, which takes its time: `understudy stylise --source CLIP`."

    @property
    def ease(self) -> Callable[[Control, Control, float], Control]:
        """None: at once."""
        return at_once

    def set_prompt(self, prompt: str, negative_prompt: str | None = None) -> None:
        """Change the prompt. Raises ``SettingsError`` for an empty one.

        StreamDiffusion paints the next frame to it; Live2Diff once it has warmed up on the side.
        """
        kept = self._stylise.negative_prompt if negative_prompt is None else negative_prompt
        self._choose(replace(self._stylise, prompt=prompt, negative_prompt=kept))
        self._wish(lambda painter: painter.set_prompt(prompt, negative_prompt))

    def set_closeness(self, closeness: Closeness) -> None:
        """Change how closely the painting keeps to the picture, without a rebuild."""
        self._choose(replace(self._stylise, closeness=closeness))
        buffer = self._buffer
        if buffer is not None:
            buffer.wish_closeness(closeness)

    def set_guidance_scale(self, guidance_scale: float) -> None:
        """Go further towards the prompt, or less. Raises ``SettingsError`` out of 1..5."""
        self._choose(replace(self._stylise, guidance_scale=guidance_scale))
        self._wish(lambda painter: painter.set_guidance(guidance_scale))

    def set_similarity(self, similarity: float | None) -> None:
        """Skip frames more alike than this, or none. Raises ``SettingsError`` out of 0.9..1."""
        self._choose(replace(self._stylise, similarity=similarity))
        buffer = self._buffer
        if buffer is not None:
            buffer.wish_similarity(_filter(similarity, 0))

    def set_style(self, style: str, loras: tuple[tuple[str, float], ...] = ()) -> None:
        """Paint in another style; its files are read on the calling thread, while the show goes on.

        Args:
            style: A style's file; empty: the model's own look.
            loras: Files and how much of each.

        Raises:
            SettingsError: The painter cannot change its style while it runs.
            WeightsError: A file is missing, damaged or of another size.
            MemoryTooSmallError: Two styles at once do not fit.
        """
        stylise = replace(self._stylise, style=style, loras=loras)
        if self._studio is not None:
            self._wish(self._studio.restyle(stylise))
        self._choose(stylise)

    def set_seed(self, seed: int) -> None:
        """Change the noise from the next frame on."""
        self._seed = seed
        if self._studio is not None:
            self._studio.seed = seed
        self._wish(lambda painter: painter.set_seed(seed))

    def load_avatar(self, spec: str) -> Avatar:
        """Return the standby card, since there is no avatar."""
        card = standby_card(256, 256).rgb
        return Avatar(name=spec, rgb=card, points=NO_POINTS, depth=NO_SCORES, scores=NO_SCORES)

    def open_tracker(self, settings: Settings) -> LikenessTracker:
        """Return what hands frames on, with their depth where the painter has no network that reads it."""
        return LikenessTracker(self._system.open_eye(self._stylise, settings))

    def open_studio(self, settings: Settings) -> StyliseStudio:
        """Load the model. Raises ``WeightsError`` or ``RuntimeMissingError``."""
        model = self._system.open_model(self._stylise, settings)
        self._studio = StyliseStudio(model, self._stylise)
        self._studio.seed = self._seed
        return self._studio

    def driver(self, avatar: Avatar, *, mirror: bool) -> LikenessDriver:
        """Return what brings frames in."""
        del avatar
        return LikenessDriver(mirror=mirror)

    def resting(self, avatar: Avatar) -> CardActor:
        """Return the standby card."""
        return CardActor(avatar.rgb)

    def composer(self, stage: StageSettings, size: tuple[int, int], plate: RgbImage) -> Composer:
        """Return what fits the painting into ``size``; there is no backdrop."""
        del stage, plate
        return _FittedComposer(size)

    @property
    def _system(self) -> _System:
        return _SYSTEMS[self._stylise.painter]

    @property
    def _buffer(self) -> StylistBuffer | None:
        return None if self._studio is None else self._studio.buffer

    def _choose(self, stylise: StyliseSettings) -> None:
        self._stylise = stylise
        if self._studio is not None:
            self._studio.stylise = stylise

    def _wish(self, change: Wish) -> None:
        buffer = self._buffer
        if buffer is not None:
            buffer.wish(change)


def _filter(similarity: float | None, seed: int) -> SimilarityFilter | None:
    if similarity is None:
        return None
    return SimilarityFilter(SimilaritySettings(threshold=similarity), seed=seed)


def _only_one(rows: Sequence[Row]) -> Row:
    return rows[0]
