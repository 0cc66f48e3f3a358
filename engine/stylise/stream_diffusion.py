"""Checkpoints that paint, loaded: the base of every painter, and StreamDiffusion's painter.

Importing this module loads torch. Thread: one caller at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from engine.denoise.settings import Guidance
from engine.errors import SettingsError
from engine.paths import graphs_dir
from engine.pipeline import Row
from engine.settings import Quality, Settings
from engine.streamdiffusion.settings import StreamSettings
from engine.streamdiffusion.stylist import Stylist
from engine.studio import choose
from engine.stylise.files import lora_fault, model_fault, no_tokenizer, tokenizer_place
from engine.stylise.painter import Wish
from engine.stylise.settings import PUBLISHED_MODELS, Closeness, StyliseSettings
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import (
    TAESD,
    LoraError,
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.runtimes.choose import ChosenRuntime, compiled_need


class StreamDiffusionPainter:
    """A ``StreamPainter`` that paints each frame by itself.

    Args:
        stylist: The stream.
    """

    warm_up_frames = 0

    def __init__(self, stylist: Stylist) -> None:
        self._stylist = stylist

    def paint(self, frame: Row) -> Sequence[Tensor]:
        """Take one frame in; return the latents of the one that became clean, if any."""
        popped = self._stylist.paint(frame["pixels"])
        return () if popped is None else (popped.latents,)

    def drain(self) -> Iterator[Tensor]:
        """Hand out the latents of what is under way."""
        for popped in self._stylist.drain():
            yield popped.latents

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return a picture."""
        return self._stylist.decode_latents(latents)

    def pause(self) -> None:
        """Forget the frames under way."""
        self._stylist.reset()

    def reset(self) -> None:
        """Forget all frames."""
        self._stylist.reset()

    def set_prompt(self, prompt: str, negative_prompt: str | None = None) -> None:
        """Paint something else. Raises ``ValueError`` for an empty prompt."""
        self._stylist.set_prompt(prompt, negative_prompt)

    def set_closeness(self, closeness: Closeness) -> int:
        """Take other steps; return how many frames under way are lost."""
        return self._stylist.set_steps(closeness.value)

    def set_seed(self, seed: int) -> None:
        """Change the noise."""
        self._stylist.set_seed(seed)

    def set_guidance(self, guidance_scale: float) -> None:
        """Change the guidance scale. Raises ``ValueError`` below 1."""
        self._stylist.set_guidance(guidance_scale, 1.0)


class StreamDiffusionModel:
    """A ``PaintModel``: any Stable Diffusion checkpoint.

    Args:
        base: The checkpoint.
        chosen: How it is run.
    """

    def __init__(self, base: StableDiffusion, chosen: ChosenRuntime) -> None:
        self._base = base
        self._chosen = chosen

    @property
    def text(self) -> str:
        """How it is run, and why."""
        return self._chosen.text

    def painter(self, stylise: StyliseSettings, quality: Quality, seed: int) -> StreamDiffusionPainter:
        """Return a stream; the closeness decides its steps."""
        settings = StreamSettings(
            t_index_list=stylise.closeness.value,
            width=quality.size,
            height=quality.size,
            # Self guidance costs nothing and knows no negative prompt; full guidance paints each step twice.
            cfg_type=Guidance.FULL if stylise.negative_prompt.strip() else Guidance.SELF,
        )
        painter = StreamDiffusionPainter(Stylist(self._base, settings, self._chosen.settings, seed))
        painter.set_prompt(stylise.prompt, stylise.negative_prompt)
        painter.set_guidance(stylise.guidance_scale)
        return painter

    def restyle(self, stylise: StyliseSettings) -> Wish:
        """Refuse: another style is another session. Raises ``SettingsError``."""
        raise SettingsError(
            f"StreamDiffusion cannot change to {stylise.style or 'other LoRAs'} while it runs.",
            hint="Stop and start again with it.",
        )


def open_stream_diffusion(stylise: StyliseSettings, settings: Settings) -> StreamDiffusionModel:
    """Load StreamDiffusion's checkpoint. Raises ``WeightsError`` or ``RuntimeMissingError``."""
    base = load_base(stylise)
    return StreamDiffusionModel(base, runtime_for(base.unet, settings))


def runtime_for(network: nn.Module, settings: Settings, beside_bytes: int = 0) -> ChosenRuntime:
    """Return how a checkpoint's largest network, and so all of them, is run.

    Args:
        network: The largest network.
        settings: Runtime and precision.
        beside_bytes: What the stream takes of the memory beside its networks.

    Raises:
        RuntimeMissingError: This machine lacks the runtime, the precision or the memory.
    """
    chosen = choose(settings, compiled_need(network, beside_bytes))
    # The stages' own small tensor work is too little to share between threads; the runtime has its own.
    torch.set_num_threads(1)
    return replace(chosen, settings=replace(chosen.settings, cache_folder=graphs_dir()))


def load_base(stylise: StyliseSettings) -> StableDiffusion:
    """Load the Stable Diffusion that the settings name, in its style, LoRAs fused.

    Raises:
        WeightsError: It is missing, damaged or of another kind; the hint says its size and licence, and what
            works without it.
    """
    try:
        base = load_stable_diffusion(_source(stylise))
    except LoraError as error:
        raise lora_fault(error, error.name, stylise) from error
    except CheckpointError as error:
        raise model_fault(error, stylise) from error
    if base.tokenizer is None:
        raise no_tokenizer(stylise)
    return base


def _source(stylise: StyliseSettings) -> StableDiffusionSource:
    # a style's file has no tokenizer: that of the model reads the prompt
    has_own = not (stylise.style or stylise.tokenizer)
    return StableDiffusionSource(
        model=stylise.style or stylise.model,
        loras=stylise.all_loras,
        vae=TAESD if stylise.model in PUBLISHED_MODELS else None,
        tokenizer=None if has_own else str(tokenizer_place(stylise)),
    )
