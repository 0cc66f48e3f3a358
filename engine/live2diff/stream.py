"""A camera painted over in a steady style: Live2Diff's stream as one object (arXiv:2407.08701).

    pixels -> latents ─────────────────────┐
      └─> depth picture -> latents -> features ─> RollingBuffer(rings of keys and values) -> decode -> pixels

The first eight frames are warmed up together and come out together; from then on a frame comes out N - 1
calls after it came in. Prompt, style and strength change while it runs: the latest eight frames are warmed up
again on another thread while pictures go on coming, and the change is taken over between two of them.
A cut in the scene does the same. Thread: one, the worker's; ``executor`` runs the warm-ups of changes.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.codec import PictureCodec
from engine.condition.depth import DepthReader, ReadDepth
from engine.condition.scene import SceneCut
from engine.denoise.buffer import Popped, RollingBuffer
from engine.denoise.denoiser import Tensors
from engine.denoise.memory import LIVE2DIFF_RING, KvRing
from engine.denoise.noise import SeededDraw
from engine.denoise.renewal import Renewal
from engine.denoise.ring_denoiser import RingDenoiser
from engine.denoise.settings import LatentSpec
from engine.denoise.warm_up import WarmedUp, WarmFrames
from engine.live2diff.settings import Live2DiffSettings
from engine.live2diff.style import Style
from models.checkpoints.live2diff import Live2DiffNetworks
from models.networks.stable_diffusion import LATENT_STRIDE
from models.runtimes.protocol import RuntimeSettings

_HICCUP = 15  # turns without a frame; a source that gives none is asked about 15 times a second


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A frame as it came in: clean latents, and the features of its depth, which no style changes."""

    latents: Tensor
    features: Tensor
    tag: object


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A frame of the warm-up before the other seven are there."""

    pixels: Tensor
    depth: Tensor | None
    tag: object


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Change:
    """What a warm-up on the side brings."""

    style: Style
    reference: Tensors
    settings: Live2DiffSettings
    warmed: WarmedUp


class _CurrentDenoiser:
    """The denoiser of the style on stage; the buffer keeps this one while styles come and go."""

    def __init__(self, denoiser: RingDenoiser) -> None:
        self.current = denoiser

    def __call__(self, latents: Tensor, levels: Tensor, conditions: Tensors, reference: Tensors) -> Tensor:
        return self.current(latents, levels, conditions, reference)


class Live2Diff:
    """One stream at work.

    Args:
        networks: The first style.
        settings: The stream.
        runtime: How the networks are run.
        read_depth: A depth network (``models.checkpoints.depth.load_depth``), or what stands in for it;
            None: depth comes with each frame.
        executor: Runs the warm-ups of changes, one at a time.
    """

    def __init__(
        self,
        networks: Live2DiffNetworks,
        settings: Live2DiffSettings,
        runtime: RuntimeSettings,
        read_depth: ReadDepth | None,
        executor: Executor,
    ) -> None:
        size = settings.height, settings.width
        self._cells = size[0] // LATENT_STRIDE, size[1] // LATENT_STRIDE
        self._runtime = runtime
        self._settings = settings
        self._codec = PictureCodec(networks.base.vae, runtime, size)
        self._depth = DepthReader(read_depth, size, settings.depth_range)
        self._cut = SceneCut(settings.scene)
        self._style = self._build_style(networks)
        ring = replace(LIVE2DIFF_RING, format=settings.kv_format)
        style = self._style
        self._ring = KvRing(style.layers, ring, settings.levels, style.dtype, style.device)
        self._denoiser = _CurrentDenoiser(style.denoiser(self._ring, settings.levels))
        spec = LatentSpec(shape=(networks.unet.config.in_channels, *self._cells), device=style.device)
        draw = SeededDraw(style.device)
        self._buffer = RollingBuffer(
            self._denoiser, settings.system, spec, draw=draw, seed=settings.seed, memory=self._ring
        )
        self._num_sinks = ring.sinks
        self._seen: deque[_Seen] = deque(maxlen=ring.sinks)
        self._waiting: list[_Waiting] = []
        self._executor = executor
        self._renewal: Renewal[_Change] = Renewal(executor)
        self._wanted: tuple[Style, Live2DiffSettings] = style, settings
        self._since_cut: int | None = None
        self._is_warm = False
        self._num_pauses = 0
        self._num_unwanted = 0
        self._buffer.set_reference(style.reference(settings.prompt))

    @property
    def settings(self) -> Live2DiffSettings:
        """The newest settings, wishes under way included."""
        return self._wanted[1]

    @property
    def delay_calls(self) -> int:
        """Calls between a frame and its picture, once it is warm."""
        return self._buffer.num_levels - 1

    @property
    def is_changing(self) -> bool:
        """Whether a change has been asked for that is not on stage yet."""
        return self._renewal.is_under_way

    def set_prompt(self, prompt: str) -> None:
        """Paint something else. Raises ``ValueError`` for an empty prompt; then nothing changes."""
        if not prompt.strip():
            raise ValueError("expected a prompt, got an empty one")
        self._want(self._wanted[0], replace(self._wanted[1], prompt=prompt))

    def set_strength(self, strength: float) -> None:
        """Keep closer to the picture or less. Raises ``ValueError`` out of 0..1; then nothing changes."""
        self._want(self._wanted[0], replace(self._wanted[1], strength=strength))

    def set_seed(self, seed: int) -> None:
        """Change the noise from the next frame on."""
        self._buffer.set_seed(seed)
        self._settings = replace(self._settings, seed=seed)
        self._wanted = self._wanted[0], replace(self._wanted[1], seed=seed)

    def set_style(self, networks: Live2DiffNetworks) -> None:
        """Paint with another checkpoint or other LoRAs, loaded by the caller.

        Raises:
            ValueError: Its rings would have other sizes.
        """
        style = self._build_style(networks)
        if style.layers != self._style.layers:
            raise ValueError("expected a style of the same sizes: open another stream for this one")
        self._want(style, self._wanted[1])

    @torch.no_grad()
    def paint(self, pixels: Tensor, tag: object = None, depth: Tensor | None = None) -> list[Popped]:
        """Take one frame in; return the latents of the frames that became clean, oldest first.

        Args:
            pixels: ``(1, 3, H, W)`` float32, -1..1.
            tag: Any mark of this frame.
            depth: Its map ``(1, h, w)``, near is large, in any range; None: it is read off the picture.

        Returns:
            None of the first seven frames, eight at the eighth, none while the buffer fills (N - 1 frames),
            then one a call. Views, valid until the next call; ``decode`` makes a picture of each.

        Raises:
            Exception: What made a change fail. The stream keeps the look that it had; call again with the
                same frame.
        """
        is_new_scene, self._num_pauses = self._num_pauses > _HICCUP, 0
        if not self._is_warm:
            if is_new_scene:
                self._forget_waiting()
            device = self._style.device
            depth = None if depth is None else depth.to(device, copy=True)
            self._waiting.append(_Waiting(pixels.to(device, copy=True), depth, tag))
            return self._begin() if len(self._waiting) == self._num_sinks else []
        self._take_over_what_is_ready()
        if self._cut(pixels) or is_new_scene:
            self._begin_scene()
        pixels = pixels.to(self._style.device)
        seen = self._seen_of(pixels, self._depth(pixels, _moved(depth, pixels)), tag)
        self._note(seen)
        return self._wanted_of(self._buffer.push({"depth": seen.features}, seen.latents, tag))

    @torch.no_grad()
    def drain(self) -> Iterator[Popped]:
        """Hand out what is under way, oldest first, and be as new.

        A clip that was shorter than eight frames is warmed up with its last frame repeated.
        """
        if self._waiting:
            num_real, num_wanted = len(self._waiting), len(self._waiting) - self._num_unwanted
            self._waiting += [self._waiting[-1]] * (self._num_sinks - num_real)
            yield from self._begin()[:num_wanted]
        for popped in self._buffer.drain():
            yield from self._wanted_of(popped)
        self.reset()

    def decode(self, popped: Popped) -> Tensor:
        """Return a picture, ``(1, 3, H, W)``, about -1..1; the next call may overwrite it."""
        return self.decode_latents(popped.latents)

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return a picture of clean latents ``(1, C, h, w)``; as ``decode``."""
        return self._codec.decode(latents)

    def pause(self) -> None:
        """There is no frame at this turn: those under way are not wanted any more.

        After many such turns whoever comes may be somebody else: what was seen before is renewed as after a
        cut, and a warm-up begins again. A few are a hiccup of the source.
        """
        self._num_pauses += 1
        self._num_unwanted = self._buffer.num_rows if self._is_warm else len(self._waiting)

    def reset(self) -> None:
        """Forget all frames and the scene; prompt, style and strength stay as they were last wished."""
        self._renewal.forget()
        self._is_warm, self._since_cut = False, None
        self._num_pauses = 0
        self._forget_waiting()
        self._seen.clear()
        self._depth.reset()
        self._cut.reset()
        self._put_on_stage(*self._wanted)
        self._buffer.reset()

    def _build_style(self, networks: Live2DiffNetworks) -> Style:
        return Style(networks, self._runtime, self._cells, self._settings.clip_skip)

    def _seen_of(self, pixels: Tensor, depth: Tensor, tag: object) -> _Seen:
        latents = self._codec.encode(pixels).clone()
        return _Seen(latents, self._style.features(self._codec.encode(depth)), tag)

    def _begin(self) -> list[Popped]:
        """Warm up on the frames that wait, whose depth shares a range."""
        waiting, self._waiting = self._waiting, []
        maps = [frame.depth for frame in waiting if frame.depth is not None]
        pixels = torch.cat([frame.pixels for frame in waiting])
        depths = self._depth(pixels, torch.cat(maps) if maps else None)
        for frame, depth in zip(waiting, depths, strict=True):
            self._seen.append(self._seen_of(frame.pixels, depth[None], frame.tag))
        self._cut(waiting[-1].pixels.cpu())
        (style, settings), seen = self._wanted, tuple(self._seen)
        # in turn with the warm-ups of changes, one of which may still be running
        change = self._executor.submit(lambda: self._warm_up(style, settings, seen)).result()
        self._is_warm = True
        self._take_over(change)
        clean = zip(change.warmed.latents, seen, strict=True)
        wanted = [Popped(latents[None], {}, each.tag) for latents, each in clean][self._num_unwanted :]
        self._num_unwanted = 0
        return wanted

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._num_unwanted = 0

    def _wanted_of(self, popped: Popped | None) -> list[Popped]:
        """Return what came out, unless it went in before a pause."""
        if popped is None:
            return []
        if self._num_unwanted:
            self._num_unwanted -= 1
            return []
        return [popped]

    def _warm_up(self, style: Style, settings: Live2DiffSettings, seen: tuple[_Seen, ...]) -> _Change:
        """Return what a change brings. Thread: the executor's."""
        reference = style.reference(settings.prompt)
        frames = WarmFrames(
            latents=torch.cat([each.latents for each in seen]),
            conditions={"depth": torch.cat([each.features for each in seen])},
            reference=reference,
        )
        warmed = style.warm_up(settings.system, frames, settings.seed)
        return _Change(style=style, reference=reference, settings=settings, warmed=warmed)

    def _want(self, style: Style, settings: Live2DiffSettings) -> None:
        self._wanted = style, settings
        if self._is_warm:
            self._renew()
        else:
            self._put_on_stage(style, settings)

    def _renew(self) -> None:
        """Warm the latest frames up again, on the side."""
        (style, settings), seen = self._wanted, tuple(self._seen)
        self._renewal.ask(lambda: self._warm_up(style, settings, seen))

    def _take_over_what_is_ready(self) -> None:
        try:
            change = self._renewal.take()
        except Exception:
            self._wanted = self._style, self._settings
            raise
        if change is not None:
            self._take_over(change)

    def _take_over(self, change: _Change) -> None:
        self._put_on_stage(change.style, change.settings, change.reference)
        change.warmed.install(self._ring)

    def _put_on_stage(
        self, style: Style, settings: Live2DiffSettings, reference: Tensors | None = None
    ) -> None:
        if style is not self._style:
            self._style = style
            self._denoiser.current = style.denoiser(self._ring, self._buffer.num_levels)
        if reference is None:
            reference = style.reference(settings.prompt)
        self._buffer.set_reference(reference)
        if settings.strength != self._settings.strength:
            self._buffer.set_timesteps(settings.system.diffusion.timesteps)
        self._settings = settings

    def _begin_scene(self) -> None:
        """The frames before a cut say nothing about those after it."""
        self._seen.clear()
        self._depth.reset()
        self._since_cut = 0

    def _note(self, seen: _Seen) -> None:
        """Remember a frame; after a cut renew with the first one at once, and with eight real ones later."""
        if self._since_cut == 0:
            self._seen.extend([seen] * self._num_sinks)
            self._renew()
        else:
            self._seen.append(seen)
        if self._since_cut is not None:
            self._since_cut += 1
            if self._since_cut == self._num_sinks:
                self._since_cut = None
                self._renew()


def _moved(depth: Tensor | None, pixels: Tensor) -> Tensor | None:
    return None if depth is None else depth.to(pixels.device)
