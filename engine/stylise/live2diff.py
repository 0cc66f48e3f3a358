"""Live2Diff as one of the stylise mode's painters: its files found and loaded, its memory planned.

Importing this module loads torch. Thread: one caller at a time.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from engine.condition.depth import ReadDepth
from engine.denoise.memory import LIVE2DIFF_RING, KvFormat
from engine.errors import MemoryTooSmallError, WeightsError
from engine.live2diff.memory import StreamSize, check_memory, plan_memory
from engine.live2diff.settings import Live2DiffSettings
from engine.live2diff.stream import Live2Diff
from engine.one_at_a_time import OneAtATime
from engine.pipeline import Row
from engine.settings import Quality, Settings
from engine.stylise.files import DEPTH_HINT, depth_network, model_fault, motion_file, motion_hint
from engine.stylise.painter import StreamPainter, Wish
from engine.stylise.settings import Closeness, StyliseSettings
from engine.stylise.stream_diffusion import load_base, runtime_for
from models.checkpoints.depth import load_depth
from models.checkpoints.live2diff import Live2DiffConfig, Live2DiffNetworks, load_live2diff, unet_sizes
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import StableDiffusion
from models.runtimes.choose import ChosenRuntime
from models.runtimes.free_memory import free_memory
from models.runtimes.protocol import RuntimeKind

_log = logging.getLogger(__name__)


class Live2DiffPainter:
    """A ``StreamPainter`` that remembers the frames before.

    Args:
        stream: The stream.
    """

    def __init__(self, stream: Live2Diff) -> None:
        self._stream = stream

    @property
    def warm_up_frames(self) -> int:
        """Frames that are remembered from the beginning on."""
        return LIVE2DIFF_RING.sinks

    def paint(self, frame: Row) -> Sequence[Tensor]:
        """Take one frame in; return eight at the end of the warm-up, and one a call later on."""
        return [popped.latents for popped in self._stream.paint(frame["pixels"], depth=frame.get("depth"))]

    def drain(self) -> Iterator[Tensor]:
        """Hand out the latents of what is under way; a clip of less than eight frames is warmed up first."""
        for popped in self._stream.drain():
            yield popped.latents

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return a picture."""
        return self._stream.decode_latents(latents)

    def pause(self) -> None:
        """There is no frame at this turn: those under way are not wanted any more."""
        self._stream.pause()

    def reset(self) -> None:
        """Forget all frames."""
        self._stream.reset()

    def set_prompt(self, prompt: str, negative_prompt: str | None = None) -> None:
        """Paint something else, once it is warmed up on the side. Raises ``ValueError`` for an empty prompt.

        There is no guidance, so the negative prompt counts for nothing.
        """
        del negative_prompt
        self._stream.set_prompt(prompt)

    def set_closeness(self, closeness: Closeness) -> int:
        """Change the strength, once it is warmed up on the side; no frame is lost."""
        self._stream.set_strength(closeness.strength)
        return 0

    def set_style(self, networks: Live2DiffNetworks) -> None:
        """Paint in another style of the same sizes, once it is warmed up on the side."""
        self._stream.set_style(networks)

    def set_seed(self, seed: int) -> None:
        """Change the noise."""
        self._stream.set_seed(seed)

    def set_guidance(self, guidance_scale: float) -> None:
        """There is none to change."""


class Live2DiffModel:
    """A ``PaintModel``: Live2Diff's file over a Stable Diffusion 1.5.

    Args:
        networks: The checkpoint, in its style.
        read_depth: A depth network; None: depth comes with the frames.
        chosen: How the networks are run.
        depth_text: Who tells of depth, in words.
        config: Sizes of the file; None: the published ones.
    """

    def __init__(
        self,
        networks: Live2DiffNetworks,
        read_depth: ReadDepth | None,
        chosen: ChosenRuntime,
        depth_text: str,
        config: Live2DiffConfig | None = None,
    ) -> None:
        self._networks = networks
        self._read_depth = read_depth
        self._chosen = chosen
        self._depth_text = depth_text
        self._config = config
        self._plan_text = ""
        self._executor = OneAtATime("understudy-renewal")

    @property
    def text(self) -> str:
        """How it is run, who tells of depth, and what it takes of the memory."""
        return "; ".join(text for text in (self._chosen.text, self._depth_text, self._plan_text) if text)

    def painter(self, stylise: StyliseSettings, quality: Quality, seed: int) -> Live2DiffPainter:
        """Return a stream. Raises ``MemoryTooSmallError`` when it does not fit."""
        kv_format = _kv_format(stylise)
        self._plan_text = self._check(quality, kv_format)
        settings = Live2DiffSettings(
            width=quality.size,
            height=quality.size,
            levels=quality.levels,
            strength=stylise.closeness.strength,
            prompt=stylise.prompt,
            kv_format=kv_format,
            seed=seed,
        )
        stream = Live2Diff(self._networks, settings, self._chosen.settings, self._read_depth, self._executor)
        return Live2DiffPainter(stream)

    def restyle(self, stylise: StyliseSettings) -> Wish:
        """Load another style; return the change for a stream under way. See ``PaintModel.restyle``."""
        unet = self._networks.unet
        needed = sum(parameter.nbytes for parameter in unet.parameters())
        free = free_memory(str(unet.conv_in.weight.device))
        if free is not None and free < needed:
            raise MemoryTooSmallError(
                f"A second style needs {needed / 1e9:.2f} GB beside the first, and {free / 1e9:.2f} GB "
                "are free.",
                hint="Stop and start again with the other style.",
            )
        networks = _load_networks(motion_file(stylise), load_base(stylise), self._config)
        if networks.unet.config != unet.config:
            raise WeightsError(
                f"{stylise.style or stylise.model} is of another size than the style before.",
                hint="Stop and start again with it.",
            )
        self._networks = networks

        def change(painter: StreamPainter) -> None:
            assert isinstance(painter, Live2DiffPainter)  # this model made it
            painter.set_style(networks)

        return change

    def _check(self, quality: Quality, kv_format: KvFormat) -> str:
        """Return what a stream takes, in words, and log it. Raises ``MemoryTooSmallError``."""
        unet = self._networks.unet
        weight = unet.conv_in.weight
        free = free_memory(str(weight.device))
        if free is not None and self._chosen.settings.kind is RuntimeKind.TORCH:
            # torch runs the weights where they lie; a compiled graph has its own copy of them
            free += sum(parameter.nbytes for parameter in unet.parameters())
        plan = check_memory(unet.config, _size_of(quality, kv_format, weight.dtype), free)
        _log.info("Live2Diff: %s", plan.text)
        return plan.text


def live2diff_memory_text(stylise: StyliseSettings, settings: Settings) -> str:
    """Return in words what a start takes of the memory, before anything is loaded.

    Raises:
        MemoryTooSmallError: It does not fit; the hint names what would.
        WeightsError: A file is missing or of another model.
    """
    motion_file(stylise)
    is_style_alone = stylise.style and stylise.tokenizer
    try:
        config = unet_sizes(stylise.style if is_style_alone else stylise.model)
    except CheckpointError as error:
        raise model_fault(error, stylise) from error
    size = _size_of(settings.quality, _kv_format(stylise), torch.float32)
    return check_memory(config, size, free_memory("cpu")).text


def _size_of(quality: Quality, kv_format: KvFormat, dtype: torch.dtype) -> StreamSize:
    return StreamSize(
        width=quality.size,
        height=quality.size,
        levels=quality.levels,
        dtype=dtype,
        ring=replace(LIVE2DIFF_RING, format=kv_format),
    )


def _kv_format(stylise: StyliseSettings) -> KvFormat:
    return KvFormat.INT8 if stylise.has_small_memory else KvFormat.HALF


def open_live2diff(
    stylise: StyliseSettings, settings: Settings, config: Live2DiffConfig | None = None
) -> Live2DiffModel:
    """Load Live2Diff.

    Args:
        stylise: Which files.
        settings: The runtime.
        config: Sizes; None: the published ones.

    Raises:
        WeightsError: A file is missing, damaged or of another model.
        RuntimeMissingError: This machine lacks the runtime, the precision or the memory.
    """
    file = motion_file(stylise)  # the smaller file first: what is missing is said before gigabytes are read
    depth = depth_network(stylise)
    read_depth = None if depth is None else _load_depth(depth)
    networks = _load_networks(file, load_base(stylise), config)
    weight = networks.unet.conv_in.weight
    size = _size_of(settings.quality, _kv_format(stylise), weight.dtype)
    plan = plan_memory(networks.unet.config, size)
    chosen = runtime_for(networks.unet, settings, beside_bytes=plan.total - plan.weights)
    depth_text = f"depth by {depth}" if depth else "depth from your face and outline (approximate)"
    return Live2DiffModel(networks, read_depth, chosen, depth_text, config)


def _load_networks(file: Path, base: StableDiffusion, config: Live2DiffConfig | None) -> Live2DiffNetworks:
    try:
        return load_live2diff(file, base, config)
    except CheckpointError as error:
        raise WeightsError(f"Live2Diff cannot be loaded: {error}.", hint=motion_hint()) from error


def _load_depth(source: str) -> ReadDepth:
    try:
        return load_depth(source)
    except CheckpointError as error:
        raise WeightsError(f"The depth network cannot be loaded: {error}.", hint=DEPTH_HINT) from error
