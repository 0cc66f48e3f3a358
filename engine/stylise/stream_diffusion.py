"""Checkpoints that paint, loaded: the base of every painter, and StreamDiffusion's painter.

Importing this module loads torch. Thread: one caller at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.denoise.settings import Guidance
from engine.errors import SettingsError, WeightsError
from engine.paths import graphs_dir
from engine.pipeline import Row
from engine.settings import Quality, Settings
from engine.streamdiffusion.settings import StreamSettings
from engine.streamdiffusion.stylist import Stylist
from engine.studio import choose
from engine.stylise.painter import Wish
from engine.stylise.settings import PUBLISHED_MODELS, Closeness, StyliseSettings
from models.checkpoints.hub import local_folder
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import (
    TAESD,
    LoraError,
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.runtimes.choose import ChosenRuntime
from models.runtimes.export import fits_one_graph

AVATAR_INSTEAD = "The avatar mode needs none: `understudy live`."


class StreamDiffusionPainter:
    """A ``StreamPainter`` that paints each frame by itself.

    Args:
        stylist: The stream.
    """

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
            cfg_type=Guidance.SELF,
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


_OTHER_LORA = "Leave that LoRA out, or give the file of one that was made for this model."


def runtime_for(network: nn.Module, settings: Settings) -> ChosenRuntime:
    """Return how a checkpoint's largest network, and so all of them, is run.

    Raises:
        RuntimeMissingError: This machine lacks the runtime or the precision, or the network is too large
            for it.
    """
    chosen = choose(settings, is_large=not fits_one_graph(network))
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
        is_own = error.name in dict(stylise.loras)
        raise WeightsError(f"{error}.", hint=_OTHER_LORA if is_own else base_hint(stylise)) from error
    except CheckpointError as error:
        raise WeightsError(f"{error}.", hint=base_hint(stylise)) from error
    if base.tokenizer is None:
        raise WeightsError(
            f"There is no tokenizer {_place_of_tokenizer(stylise)}.",
            hint="Give a folder with vocab.json and merges.txt as --tokenizer, or a whole folder of Stable "
            "Diffusion as --model, and the file as --style.",
        )
    return base


def _place_of_tokenizer(stylise: StyliseSettings) -> str:
    return f"in {stylise.tokenizer}" if stylise.tokenizer else f"beside {stylise.style or stylise.model}"


def _source(stylise: StyliseSettings) -> StableDiffusionSource:
    source = StableDiffusionSource(
        model=stylise.model,
        loras=stylise.all_loras,
        vae=TAESD if stylise.model in PUBLISHED_MODELS else None,
        tokenizer=stylise.tokenizer or None,
    )
    if not stylise.style:
        return source
    if stylise.tokenizer:
        return replace(source, model=stylise.style)
    # a style's file has no tokenizer: that of the model reads the prompt
    model = Path(stylise.model).expanduser()
    folder = model.parent if model.is_file() else local_folder(stylise.model)
    return replace(source, model=stylise.style, tokenizer=str(folder))


def base_hint(stylise: StyliseSettings) -> str:
    """Return what to do without a base model: its size and licence, and what works without it."""
    wanted = PUBLISHED_MODELS.get(stylise.model) or next(iter(PUBLISHED_MODELS.values()))
    return (
        f"The stylise mode needs a model such as {wanted.text}: add --download to fetch it, or --model for "
        f"one that you have. {AVATAR_INSTEAD}"
    )
