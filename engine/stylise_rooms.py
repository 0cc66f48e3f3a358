"""A session's rooms for the stylise mode: ``Session(settings, rooms=StyliseRooms(stylise))``.

The parts are in ``stylise.py``; what the user chooses in ``stylise_settings.py``. ``animate(settings, output,
rooms=StyliseRooms(stylise))`` paints a clip. Thread: as ``rooms.Rooms``; the ``set_`` methods from any.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.denoise.settings import Guidance
from engine.denoise.similarity import SimilarityFilter, SimilaritySettings
from engine.errors import SettingsError, WeightsError
from engine.paths import cache_dir
from engine.pipeline import Composer, Machinery, Row
from engine.post.letterbox import letterbox
from engine.post.standby import standby_card
from engine.settings import Quality, Settings, StageSettings
from engine.standard_rooms import StandardRooms
from engine.stream_settings import StreamSettings
from engine.studio import choose
from engine.stylise import (
    NO_POINTS,
    NO_SCORES,
    CardActor,
    LikenessConditioner,
    LikenessDecoder,
    LikenessDriver,
    LikenessTracker,
    StylistBuffer,
    at_once,
)
from engine.stylise_settings import PUBLISHED_MODELS, Closeness, StyliseSettings
from engine.stylist import Stylist
from engine.types import Avatar, Control, RgbImage
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import (
    TAESD,
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.runtimes.protocol import RuntimeSettings


class StyliseStudio:
    """A loaded model, ready to paint squares of any size.

    Args:
        model: The checkpoint.
        stylise: The user's choice.
        runtime: How the networks are run.
        runtime_text: The same in words.
    """

    def __init__(
        self, model: StableDiffusion, stylise: StyliseSettings, runtime: RuntimeSettings, runtime_text: str
    ) -> None:
        self._model = model
        self._stylise = stylise
        self._runtime = runtime
        self.runtime_text = runtime_text
        self.buffer: StylistBuffer | None = None

    def machinery(self, quality: Quality, seed: int) -> Machinery:
        """Return buffer and decoder for pictures of ``quality.size``; the closeness decides the steps."""
        stylise, size = self._stylise, quality.size
        settings = StreamSettings(
            t_index_list=stylise.closeness.value, width=size, height=size, cfg_type=Guidance.SELF
        )
        stylist = Stylist(self._model, settings, self._runtime, seed)
        stylist.set_prompt(stylise.prompt, stylise.negative_prompt)
        stylist.set_guidance(stylise.guidance_scale, 1.0)
        similarity = None
        if stylise.similarity is not None:
            similarity = SimilarityFilter(SimilaritySettings(threshold=stylise.similarity), seed=seed)
        self.buffer = StylistBuffer(stylist, similarity)
        card = standby_card(size, size).rgb
        return Machinery(buffer=self.buffer, decoder=LikenessDecoder(stylist, card), join=_only_one, chunk=1)

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
        self._studio: StyliseStudio | None = None

    @property
    def ease(self) -> Callable[[Control, Control, float], Control]:
        """None: at once."""
        return at_once

    def set_prompt(self, prompt: str, negative_prompt: str | None = None) -> None:
        """Change the prompt from the next frame on. Raises ``SettingsError`` for an empty one."""
        if not prompt.strip():
            raise SettingsError("The prompt is empty.", hint="Say what the picture is to be painted as.")
        self._stylise = replace(self._stylise, prompt=prompt)
        self._wish(lambda stylist: stylist.set_prompt(prompt, negative_prompt))

    def set_closeness(self, closeness: Closeness) -> None:
        """Change how closely the painting keeps to the picture, without a rebuild."""
        self._stylise = replace(self._stylise, closeness=closeness)
        if self._studio is not None and self._studio.buffer is not None:
            self._studio.buffer.wish_steps(closeness.value)

    def set_seed(self, seed: int) -> None:
        """Change the noise from the next frame on."""
        self._wish(lambda stylist: stylist.set_seed(seed))

    def load_avatar(self, spec: str) -> Avatar:
        """Return the standby card, since there is no avatar."""
        card = standby_card(256, 256).rgb
        return Avatar(name=spec, rgb=card, points=NO_POINTS, depth=NO_SCORES, scores=NO_SCORES)

    def open_tracker(self, settings: Settings) -> LikenessTracker:
        """Return what hands frames on."""
        del settings
        return LikenessTracker()

    def open_studio(self, settings: Settings) -> StyliseStudio:
        """Load the model. Raises ``WeightsError`` or ``RuntimeMissingError``."""
        chosen = choose(settings)
        runtime = replace(chosen.settings, cache_folder=cache_dir() / "graphs")
        self._studio = StyliseStudio(load_model(self._stylise), self._stylise, runtime, chosen.text)
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

    def _wish(self, change: Callable[[Stylist], object]) -> None:
        if self._studio is not None and self._studio.buffer is not None:
            self._studio.buffer.wish(change)


def load_model(stylise: StyliseSettings) -> StableDiffusion:
    """Load the model that the settings name.

    Raises:
        WeightsError: It is missing, damaged or of another kind; the hint says its size and licence, and what
            works without it.
    """
    published = PUBLISHED_MODELS.get(stylise.model)
    source = StableDiffusionSource(
        model=stylise.model,
        loras=stylise.all_loras,
        vae=TAESD if published else None,
        may_download=stylise.may_download,
    )
    try:
        return load_stable_diffusion(source)
    except CheckpointError as error:
        wanted = published or next(iter(PUBLISHED_MODELS.values()))
        raise WeightsError(
            f"{error}.",
            hint=f"The stylise mode needs a model such as {wanted.text}: add --download to fetch it, or "
            "--model for one that you have. The avatar mode needs none: `understudy live`.",
        ) from error


def _only_one(rows: Sequence[Row]) -> Row:
    return rows[0]
