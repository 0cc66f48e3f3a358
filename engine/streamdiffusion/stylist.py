"""A stream of pictures painted over: codec, prompt and rolling buffer as one object (arXiv:2312.12491).

    pixels -> encode -> (feedback) -> RollingBuffer(TextDenoiser) -> decode -> pixels

Everything that a user changes while it runs is a method here and rebuilds nothing: prompt, guidance, seed,
timesteps, number of steps. Thread: one, the worker's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.codec import PictureCodec
from engine.condition.prompt import PromptEncoder
from engine.denoise.buffer import Popped, RollingBuffer
from engine.denoise.feedback import LatentFeedback
from engine.denoise.noise import Seed, SeededDraw
from engine.denoise.settings import NEEDS_NEGATIVE, Guidance, LatentSpec, Residual
from engine.denoise.text_denoiser import TextDenoiser
from engine.streamdiffusion.settings import StreamSettings, buffer_settings, timesteps_of, with_steps
from models.checkpoints.stable_diffusion import StableDiffusion
from models.diffusion.blending import Interpolation
from models.networks.stable_diffusion import LATENT_STRIDE, TextUnet
from models.runtimes.protocol import RuntimeSettings

Prompts = Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prompt:
    """What was said last, so that one half can change without the other."""

    prompts: Prompts = ()
    negative: str = ""
    interpolation: Interpolation = Interpolation.LINEAR


class Stylist:
    """One stream at work.

    Args:
        model: The checkpoint.
        settings: The stream.
        runtime: How its networks are run.
        seed: Of the noise; the same seed and inputs give the same pictures.
        encoder: Of the model's prompts, where several streams share what it remembers; None makes one.

    Raises:
        ValueError: The settings do not go together with the model.
    """

    def __init__(
        self,
        model: StableDiffusion,
        settings: StreamSettings,
        runtime: RuntimeSettings,
        seed: Seed = 2,
        encoder: PromptEncoder | None = None,
    ) -> None:
        size = settings.height, settings.width
        cells = size[0] // LATENT_STRIDE, size[1] // LATENT_STRIDE
        device = str(next(model.unet.parameters()).device)
        self._settings = settings
        self._codec = PictureCodec(model.vae, runtime, size, settings.frame_buffer_size)
        self._encoder = encoder or PromptEncoder(model.text_encoder, model.tokenizer)
        network = TextUnet(model.unet, model.controlnets)
        unet_config: Any = model.unet.config
        self._spec = LatentSpec(shape=(unet_config.in_channels, *cells), device=device)
        self._draw = SeededDraw()  # on the CPU: the same pictures on every device
        self._start = torch.empty(settings.frame_buffer_size, *self._spec.shape)
        self._start_draw = SeededDraw()
        self.buffer = RollingBuffer(
            TextDenoiser(network, runtime, *cells),
            buffer_settings(model, settings),
            self._spec,
            draw=self._draw,
            seed=seed,
        )
        self._feedback = LatentFeedback(settings.feedback)
        self._control = {"control_scales": torch.ones(1, len(model.controlnets), device=device)}
        if not model.controlnets:
            self._control = {}
        self._prompt = _Prompt()
        self.set_seed(seed)

    @property
    def settings(self) -> StreamSettings:
        """The newest settings, changes included."""
        return self._settings

    @property
    def delay_calls(self) -> int:
        """Calls between a row's entry and its pictures."""
        return self.buffer.num_levels - 1

    def set_prompt(
        self,
        prompts: str | Prompts | None = None,
        negative: str | None = None,
        interpolation: Interpolation | None = None,
    ) -> None:
        """Change the prompt, the negative one or how prompts are mixed, for all frames under way.

        Args:
            prompts: A text, or texts with weights; None keeps them.
            negative: Used by full and initialize guidance only; None keeps it.
            interpolation: None keeps it.

        Raises:
            ValueError: A prompt is empty, weights cannot be mixed, or there is no tokenizer; then nothing has
                changed.
        """
        had = self._prompt
        if isinstance(prompts, str):
            prompts = ((prompts, 1.0),)
        said = _Prompt(
            prompts=had.prompts if prompts is None else tuple(prompts),
            negative=had.negative if negative is None else negative,
            interpolation=had.interpolation if interpolation is None else interpolation,
        )
        embeds = self._encoder.mix(said.prompts, said.interpolation)
        needs_negative = self._settings.cfg_type in NEEDS_NEGATIVE
        self.set_prompt_embeds(embeds, self._encoder.encode(said.negative) if needs_negative else None)
        self._prompt = said  # only now: what is refused is not remembered

    def set_prompt_embeds(self, embeds: Tensor, negative: Tensor | None = None) -> None:
        """Change to prompts that are already encoded, ``(1, L, D)`` each.

        Raises:
            ValueError: ``negative`` is missing or not wanted.
        """
        others = None if negative is None else {"prompt_embeds": negative, **self._control}
        self.buffer.set_reference({"prompt_embeds": embeds, **self._control}, others)

    def forget_negative(self) -> None:
        """Leave the negative prompt out, as the published code does when the prompt changes.

        The next call fails, since full and initialize guidance cannot do without it. For comparisons.
        """
        embeds = self._encoder.mix(self._prompt.prompts, self._prompt.interpolation)
        self.set_prompt_embeds(embeds, embeds[:0])

    def set_guidance(self, guidance_scale: float, delta: float | None = None) -> None:
        """Change the scale, and the weight of the residual noise; nothing without guidance.

        Raises:
            ValueError: The scale is below 1 or delta below 0.
        """
        if self._settings.cfg_type is Guidance.NONE:
            return
        by_residual = self._settings.cfg_type is not Guidance.FULL
        self.buffer.set_guidance(guidance_scale, delta if by_residual else None)

    def set_seed(self, seed: Seed) -> None:
        """Change the noise, and start that of pictures from text again."""
        self._seed = seed
        self.buffer.set_seed(seed)
        self._start_draw.reseed(seed)
        # The levels' own noise comes first in this sequence: frames start from what follows it.
        levels = torch.empty(len(self._settings.t_index_list), *self._spec.shape)
        for level in (levels,) if self._settings.residual is Residual.PUBLISHED else torch.split(levels, 1):
            self._start_draw(level)

    def set_steps(self, t_index_list: Sequence[int], num_inference_steps: int | None = None) -> int:
        """Change the timesteps, and with their number the delay, without a rebuild.

        Returns:
            How many rows were dropped since new ones would overtake them.

        Raises:
            ValueError: The indices do not rise or lie outside the grid; then nothing has changed.
        """
        settings = with_steps(self._settings, t_index_list, num_inference_steps)
        grid = timesteps_of(settings.t_index_list, settings.num_inference_steps)
        levels = len(settings.t_index_list) if settings.is_stream_batch else 1
        dropped = self.buffer.set_timesteps(grid, levels)
        self._settings = settings
        return dropped

    def set_control_scales(self, scales: Sequence[float]) -> None:
        """Change the weight of each ControlNet. Raises ``ValueError`` for another number of weights."""
        wanted = self._control.get("control_scales")
        if wanted is None or len(scales) != wanted.shape[1]:
            raise ValueError(f"expected {0 if wanted is None else wanted.shape[1]} scales, got {len(scales)}")
        wanted.copy_(torch.tensor([list(scales)]))
        if self._prompt.prompts:
            self.set_prompt()

    @torch.no_grad()
    def paint(
        self, pixels: Tensor | None = None, control_image: Tensor | None = None, tag: object = None
    ) -> Popped | None:
        """Take c frames in; return the latents of the c frames that became clean, or None while it fills.

        Args:
            pixels: ``(c, 3, H, W)`` float32, -1..1; None from text.
            control_image: ``(c, n * 3, H, W)`` 0..1, with ControlNets.
            tag: Any mark of these frames.

        Returns:
            Views, valid until the next call; ``decode`` makes pictures of them.

        Raises:
            ValueError: The shapes do not fit, or pictures are missing or not wanted.
        """
        if self._settings.from_text != (pixels is None):
            raise ValueError(f"expected {'no pictures' if self._settings.from_text else 'pictures'} to enter")
        if bool(self._control) != (control_image is not None):
            count = self._control["control_scales"].shape[1] if self._control else 0
            came = "none" if control_image is None else f"some of shape {tuple(control_image.shape)}"
            raise ValueError(f"expected control pictures for {count} ControlNets, got {came}")
        latents = self._drawn() if pixels is None else self._feedback.enter(self._codec.encode(pixels))
        conditions = {} if control_image is None else {"control_image": control_image}
        return self._left(self.buffer.push(conditions, latents, tag))

    def drain(self) -> Iterator[Popped]:
        """Hand out what is under way, oldest first, and be as new."""
        for popped in self.buffer.drain():
            self._left(popped)
            yield popped
        self._feedback.reset()

    def decode(self, popped: Popped) -> Tensor:
        """Return pictures, ``(c, 3, H, W)``, about -1..1; the next call may overwrite them."""
        return self.decode_latents(popped.latents)

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return pictures of clean latents ``(c, C, h, w)``; as ``decode``."""
        return self._codec.decode(latents)

    def reset(self) -> None:
        """Forget all frames and start the noise again."""
        self.buffer.reset()
        self.set_seed(self._seed)
        self._feedback.reset()

    def _drawn(self) -> Tensor:
        self._start_draw(self._start)
        return self._start.to(self._spec.device)

    def _left(self, popped: Popped | None) -> Popped | None:
        if popped is not None:
            self._feedback.leave(popped.latents)
        return popped
