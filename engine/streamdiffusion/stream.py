"""StreamDiffusion's public names over the rolling buffer: a script runs with its import changed.

    from engine.streamdiffusion.stream import StreamDiffusion, postprocess_image
    from engine.streamdiffusion.wrapper import StreamDiffusionWrapper

Differences from the original (arXiv:2312.12491, version 0.1.1), all of them faults of it; ``parity=True``
brings the first four and the last back for comparisons:

- self guidance with one step, of one frame or of several, and ``do_add_noise=False`` with self or initialize
  guidance, are right;
- the similarity filter counts skips in a row;
- ``update_prompt`` keeps the negative prompt under full and initialize guidance;
- the wrapper's ``seed`` takes effect, and pictures from text follow it, too;
- ``frame_buffer_size`` works with several steps, all guidance types and from text;
- v-prediction checkpoints work; width and height may be any multiples of 8, on every runtime;
- while the buffer fills, calls return grey instead of what zero latents decode to;
- the noise of a step does not depend on the number of steps, at sizes like 72 x 40 neither.

Not here, since the rolling buffer has nothing of the kind: ``scheduler``, ``generator``, ``init_noise``,
``stock_noise``, ``x_t_latent_buffer``, the tables of alpha, beta and the boundary scalings, ``add_noise``,
``unet_step``, ``predict_x0_batch``, and ``encode_image``, which adds noise, too. ``prompt_embeds`` is the
prompt alone, ``(1, L, D)``, not repeated for each frame of the batch; ``adapter_name`` chooses nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Unpack

import torch
from torch import Tensor

from engine.clock import SystemClock
from engine.denoise.settings import NEEDS_NEGATIVE, Guidance, Residual
from engine.denoise.similarity import SimilarityFilter, SimilaritySettings, SkipCount
from engine.streamdiffusion.image_utils import pil2tensor, pixels_from, postprocess_image
from engine.streamdiffusion.loras import StreamLoras
from engine.streamdiffusion.options import (
    PREPARE_ORDER,
    PUBLISHED_SEED,
    STREAM_DEFAULTS,
    STREAM_ORDER,
    PrepareOptions,
    StreamChanges,
    StreamOptions,
    check_names,
    check_number,
    options_of,
    seed_of,
)
from engine.streamdiffusion.parts import accelerate_with_tensorrt
from engine.streamdiffusion.settings import StreamSettings, indices_of, with_steps
from engine.streamdiffusion.start import Started, changed, restarts_noise
from engine.streamdiffusion.stylist import Stylist
from models.checkpoints.stable_diffusion import from_pipeline
from models.runtimes.choose import num_usable_cores
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings

__all__ = ["StreamDiffusion", "accelerate_with_tensorrt", "pil2tensor", "postprocess_image"]

_NEWEST_SHARE = 0.1  # of a call's time in the smoothed one, as in the original
_PRECISIONS = {
    torch.float32: Precision.F32,
    torch.bfloat16: Precision.BF16,
    torch.float16: Precision.F16,
}


class StreamDiffusion(StreamLoras):
    """A stream of pictures.

    Args:
        pipe: A diffusers ``StableDiffusionPipeline``, or what ``load_stable_diffusion`` returns.
        t_index_list: Rising places in the grid of timesteps, 0..num_inference_steps - 1; small ones are free
            of the picture, large ones keep close to it.
        torch_dtype: Arithmetic of the networks: float32, bfloat16, or float16 on a GPU.
        width, height: Of the pictures in pixels, multiples of 8.
        published: By place, in this order: ``do_add_noise``, ``use_denoising_batch``, ``frame_buffer_size``,
            ``cfg_type``.
        more: See ``StreamOptions``.

    Raises:
        ValueError: An argument is out of its range; the message says which, what was expected and what came.
        CheckpointError: The pipeline's noise schedule is not known.
    """

    def __init__(
        self,
        pipe: Any,
        t_index_list: Sequence[int],
        torch_dtype: torch.dtype = torch.float32,
        width: int = 512,
        height: int = 512,
        *published: Any,
        **more: Unpack[StreamOptions],
    ) -> None:
        options: StreamOptions = {
            **STREAM_DEFAULTS,
            **options_of(StreamOptions, STREAM_ORDER, published, more),
        }
        self.pipe = from_pipeline(pipe)
        self._parity = options["parity"]
        self._runtime = options["runtime"] or _torch_runtime(torch_dtype)
        has_recursion = self._parity and options["use_denoising_batch"]
        self._settings = StreamSettings(
            t_index_list=indices_of(t_index_list),
            width=width,
            height=height,
            frame_buffer_size=options["frame_buffer_size"],
            cfg_type=_guidance(options["cfg_type"]),
            do_add_noise=options["do_add_noise"],
            is_stream_batch=options["use_denoising_batch"],
            residual=Residual.PUBLISHED if has_recursion else Residual.EXACT,
        )
        self._loras = []
        self._filter: SimilarityFilter | None = None
        self._control: Tensor | None = None
        self._stylists = {}
        self._begin_anew()
        self._start = None
        self._clock = SystemClock()
        self.inference_time_ema = 0.0
        self.prev_image_result: Tensor | None = None

    @torch.no_grad()
    def decode_image(self, x_0_pred_out: Tensor) -> Tensor:
        """Return the pictures of clean latents, ``(c, 4, H/8, W/8)`` with c of ``frame_buffer_size``.

        Returns:
            ``(c, 3, H, W)``, about -1..1, the call's own memory.

        Raises:
            ValueError: It comes before ``prepare``, or the latents have another shape.
        """
        channels: Any = self.pipe.unet.config
        wanted = (self.frame_bff_size, channels.in_channels, self.latent_height, self.latent_width)
        if tuple(x_0_pred_out.shape) != wanted:
            raise ValueError(f"expected latents {wanted}, got {tuple(x_0_pred_out.shape)}")
        return self._stylist(from_text=False).decode_latents(x_0_pred_out).clone()

    @property
    def settings(self) -> StreamSettings:
        """The stream's settings, changes included."""
        return self._settings

    @property
    def batch_size(self) -> int:
        """Frames that the denoiser works on at once, without those of the guidance."""
        rows = len(self._settings.t_index_list) if self._settings.is_stream_batch else 1
        return rows * self._settings.frame_buffer_size

    def enable_similar_image_filter(self, threshold: float = 0.98, max_skip_frame: int = 10) -> None:
        """Skip frames that resemble the last one that was painted. Raises ``ValueError``."""
        count = SkipCount.CUMULATIVE if self._parity else SkipCount.CONSECUTIVE
        settings = SimilaritySettings(threshold=threshold, max_skip_frame=max_skip_frame, count=count)
        self._filter = SimilarityFilter(settings)

    def disable_similar_image_filter(self) -> None:
        """Paint every frame."""
        self._filter = None

    @torch.no_grad()
    def prepare(
        self,
        prompt: str,
        negative_prompt: str = "",
        num_inference_steps: int = 50,
        guidance_scale: float = 1.2,
        delta: float = 1.0,
        *published: Any,
        **more: Unpack[PrepareOptions],
    ) -> None:
        """Begin a stream.

        Args:
            prompt: What to paint; not empty.
            negative_prompt: What not to, for full and initialize guidance.
            num_inference_steps: Length of the grid that ``t_index_list`` counts in, 1..50.
            guidance_scale: At least 1, and finite; without guidance it has no effect.
            delta: Weight of the residual noise, at least 0, for self and initialize guidance.
            published: By place, in this order: ``generator``, ``seed``.
            more: See ``PrepareOptions``.

        Raises:
            ValueError: An argument is out of its range; then nothing has changed.
            TypeError: There is no such name, or a prompt is no text.
        """
        options: PrepareOptions = options_of(PrepareOptions, PREPARE_ORDER, published, more)
        settings = replace(self._settings, num_inference_steps=num_inference_steps)
        start = Started(
            prompts=((prompt, 1.0),),
            negative=negative_prompt,
            guidance_scale=guidance_scale,
            delta=delta,
            seed=seed_of(options.get("seed", PUBLISHED_SEED)),
        )
        self._check(start)
        self._settings, self._start = settings, start
        self._stylists.clear()
        self.prev_image_result = None
        if self._filter is not None:
            self._filter.reset()
        self._stylist(from_text=False)

    @torch.no_grad()
    def update_prompt(self, prompt: str) -> None:
        """Change the prompt for all frames under way; the negative prompt stays."""
        self.update_stream_params(prompt_list=((prompt, 1.0),))
        if self._parity and self._settings.cfg_type in NEEDS_NEGATIVE:
            for stylist in self._stylists.values():
                stylist.forget_negative()

    @torch.no_grad()
    def update_stream_params(self, **changes: Unpack[StreamChanges]) -> None:
        """Change anything while it runs; no frame under way is lost but by fewer steps.

        Args:
            changes: See ``StreamChanges``; what is left out or None stays.

        Raises:
            ValueError: A value is out of its range; then nothing has changed.
            TypeError: There is no such name, or a prompt is no text.
        """
        check_names(changes, StreamChanges)
        start = changed(self._started, changes)
        settings = with_steps(self._settings, changes.get("t_index_list"), changes.get("num_inference_steps"))
        self._check(start)
        has_new_steps = settings != self._settings
        self._settings, self._start = settings, start
        for stylist in self._stylists.values():
            if has_new_steps:
                stylist.set_steps(settings.t_index_list, settings.num_inference_steps)
            self._begin(stylist, start, has_new_seed=restarts_noise(changes))

    def _check(self, start: Started) -> None:
        """Refuse what a stream could not begin with. Raises ``ValueError``."""
        if self._settings.cfg_type is not Guidance.NONE:
            check_number("guidance_scale", start.guidance_scale, 1.0)
        self._encoder.mix(start.prompts, start.interpolation)

    def update_control_image(self, index: int, image: Any) -> None:
        """Set the picture of one ControlNet from the next call on.

        Args:
            index: Which, in the order of ``pipe.controlnets``.
            image: PIL picture or tensor, as ``__call__`` takes them.

        Raises:
            ValueError: There is no such ControlNet.
        """
        count = len(self.pipe.controlnets)
        if not 0 <= index < count:
            raise ValueError(f"expected the index of one of {count} ControlNets, got {index}")
        settings = self._settings
        if self._control is None:
            self._control = torch.zeros(
                settings.frame_buffer_size, 3 * count, settings.height, settings.width
            )
        pixels = pixels_from(image, settings.height, settings.width)
        self._control[:, 3 * index : 3 * (index + 1)] = (pixels + 1.0) / 2.0

    @torch.no_grad()
    def __call__(self, x: Any = None) -> Tensor:
        """Take frame_buffer_size pictures in and return as many that are ready.

        Args:
            x: PIL picture, array ``(H, W, 3)`` uint8, or tensor ``(c, 3, H, W)``: uint8, 0..1, or -1..1 where
                it has negative values; resized. None paints from text.

        Returns:
            ``(c, 3, H, W)``, about -1..1, the call's own memory. The pictures that entered T - 1 calls ago;
            grey (0) until there are any; the last ones again where the similarity filter skips.
        """
        if x is None:
            return self.txt2img(self._settings.frame_buffer_size)
        pixels = pixels_from(x, self._settings.height, self._settings.width)
        if self._filter is not None and self.prev_image_result is not None:
            if not self._filter.admits(pixels):
                return self.prev_image_result
        elif self._filter is not None:
            self._filter.admits(pixels)
        return self._paint(self._stylist(from_text=False), pixels)

    @torch.no_grad()
    def txt2img(self, batch_size: int = 1) -> Tensor:
        """Return ``batch_size`` pictures from text; as ``__call__`` otherwise."""
        return self._paint(self._stylist(from_text=True, chunk=batch_size), None)

    @torch.no_grad()
    def txt2img_sd_turbo(self, batch_size: int = 1) -> Tensor:
        """Return ``batch_size`` pictures in one step, without the scalings of consistency models.

        Raises:
            ValueError: The stream has more than one step.
        """
        num_steps = len(self._settings.t_index_list)
        if num_steps != 1:
            raise ValueError(f"expected a t_index_list of one step, got {list(self._settings.t_index_list)}")
        stylist = self._stylist(from_text=True, chunk=batch_size, is_consistency_model=False)
        return self._paint(stylist, None)

    def _stylist(
        self, *, from_text: bool, chunk: int | None = None, is_consistency_model: bool = True
    ) -> Stylist:
        start = self._started
        settings = replace(
            self._settings,
            from_text=from_text,
            frame_buffer_size=chunk or self._settings.frame_buffer_size,
            is_consistency_model=is_consistency_model,
        )
        key = from_text, settings.frame_buffer_size, is_consistency_model
        stylist = self._stylists.get(key)
        if stylist is None:
            stylist = self._stylists[key] = Stylist(
                self.pipe, settings, self._runtime, start.seed, self._encoder
            )
            self._begin(stylist, start, has_new_seed=False)
        return stylist

    def _begin(self, stylist: Stylist, start: Started, *, has_new_seed: bool) -> None:
        stylist.set_prompt(start.prompts, start.negative, start.interpolation)
        stylist.set_guidance(start.guidance_scale, start.delta)
        if has_new_seed:
            stylist.set_seed(start.seed)

    def _paint(self, stylist: Stylist, pixels: Tensor | None) -> Tensor:
        began_at_s = self._clock.now_s()
        popped = stylist.paint(pixels, self._control)
        if popped is None:
            settings = stylist.settings
            picture = torch.zeros(settings.frame_buffer_size, 3, settings.height, settings.width)
        else:
            picture = self.prev_image_result = stylist.decode(popped).clone()
        newest = self._clock.now_s() - began_at_s
        self.inference_time_ema += _NEWEST_SHARE * (newest - self.inference_time_ema)
        return picture


def _guidance(cfg_type: str) -> Guidance:
    names = [kind.value for kind in Guidance if kind is not Guidance.EMBEDDED]
    if cfg_type not in names:
        raise ValueError(f"expected a cfg_type of {', '.join(names)}, got {cfg_type!r}")
    return Guidance(cfg_type)


def _torch_runtime(dtype: torch.dtype) -> RuntimeSettings:
    if dtype not in _PRECISIONS:
        raise ValueError(f"expected a torch_dtype of {[str(d) for d in _PRECISIONS]}, got {dtype}")
    return RuntimeSettings(
        kind=RuntimeKind.TORCH, precision=_PRECISIONS[dtype], num_threads=num_usable_cores()
    )
