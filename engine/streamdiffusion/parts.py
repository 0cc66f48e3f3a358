"""The names by which a stream's users reach its networks and sizes, and its acceleration."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.condition.prompt import PromptEncoder
from engine.denoise.settings import Guidance
from engine.streamdiffusion.settings import StreamSettings
from engine.streamdiffusion.start import Started
from engine.streamdiffusion.stylist import Stylist
from models.checkpoints.stable_diffusion import StableDiffusion
from models.diffusion.timesteps import LcmTimesteps
from models.networks.stable_diffusion import LATENT_STRIDE
from models.runtimes.choose import choose_runtime, probe_machine
from models.runtimes.protocol import RuntimeKind, RuntimeSettings

if TYPE_CHECKING:
    from engine.streamdiffusion.stream import StreamDiffusion


class StreamParts:
    """Networks that scripts replace (``stream.vae = AutoencoderTiny.from_pretrained(...)``), and sizes.

    Attributes:
        pipe: The parts of the pipeline.
        inference_time_ema: Seconds of a call, smoothed over calls; 0 before the first.
    """

    pipe: StableDiffusion
    inference_time_ema: float
    _settings: StreamSettings
    _runtime: RuntimeSettings
    _stylists: dict[tuple[bool, int, bool], Stylist]
    _encoder: PromptEncoder
    _start: Started | None

    @property
    def vae(self) -> nn.Module:
        """The autoencoder; another one may be set, before ``prepare``."""
        return self.pipe.vae

    @vae.setter
    def vae(self, network: nn.Module) -> None:
        self._replace(vae=network)

    @property
    def unet(self) -> nn.Module:
        """The UNet; another one may be set, before ``prepare``."""
        return self.pipe.unet

    @unet.setter
    def unet(self, network: nn.Module) -> None:
        self._replace(unet=network)

    @property
    def text_encoder(self) -> nn.Module:
        """The text encoder; another one may be set, before ``prepare``."""
        return self.pipe.text_encoder

    @text_encoder.setter
    def text_encoder(self, network: nn.Module) -> None:
        self._replace(text_encoder=network)

    @property
    def device(self) -> torch.device:
        """Where the UNet lives."""
        return next(self.pipe.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Format of the pictures that go in and come out; the arithmetic inside is the runtime's."""
        return torch.float32

    @property
    def width(self) -> int:
        """Of the pictures, in pixels."""
        return self._settings.width

    @property
    def height(self) -> int:
        """Of the pictures, in pixels."""
        return self._settings.height

    @property
    def latent_height(self) -> int:
        """Of the latents."""
        return self._settings.height // LATENT_STRIDE

    @property
    def latent_width(self) -> int:
        """Of the latents."""
        return self._settings.width // LATENT_STRIDE

    @property
    def cfg_type(self) -> str:
        """The guidance: "none", "full", "self" or "initialize"."""
        return self._settings.cfg_type.value

    @property
    def do_add_noise(self) -> bool:
        """Whether each step after the first adds noise again."""
        return self._settings.do_add_noise

    @property
    def use_denoising_batch(self) -> bool:
        """Whether the steps work on as many frames at once."""
        return self._settings.is_stream_batch

    @property
    def frame_bff_size(self) -> int:
        """Frames that enter together."""
        return self._settings.frame_buffer_size

    @property
    def denoising_steps_num(self) -> int:
        """Steps N of each frame."""
        return len(self._settings.t_index_list)

    @property
    def t_list(self) -> list[int]:
        """Places of the steps in ``timesteps``; changed by ``update_stream_params``."""
        return list(self._settings.t_index_list)

    @property
    def timesteps(self) -> Tensor:
        """The grid that ``t_list`` counts in, ``(num_inference_steps,)`` int64, noisiest first."""
        return torch.tensor(LcmTimesteps()(self._settings.num_inference_steps)).long()

    @property
    def sub_timesteps(self) -> list[int]:
        """Timestep of each step."""
        return [int(self.timesteps[index]) for index in self.t_list]

    @property
    def guidance_scale(self) -> float:
        """The scale; 1 without guidance. Raises ``ValueError`` before ``prepare``."""
        return 1.0 if self._settings.cfg_type is Guidance.NONE else self._started.guidance_scale

    @property
    def delta(self) -> float:
        """Weight of the residual noise. Raises ``ValueError`` before ``prepare``."""
        return self._started.delta

    @property
    def prompt_embeds(self) -> Tensor:
        """The prompt as the UNet reads it, ``(1, L, D)``. Raises ``ValueError`` before ``prepare``."""
        return self._encoder.mix(self._started.prompts, self._started.interpolation).clone()

    @property
    def _started(self) -> Started:
        if self._start is None:
            raise ValueError("expected prepare() before the first picture")
        return self._start

    def run_on(self, runtime: RuntimeSettings) -> None:
        """Run the networks on another runtime; frames under way are lost."""
        self._runtime = runtime
        self._stylists.clear()

    def fastest_runtime(self, cache_folder: Path | None = None) -> RuntimeSettings:
        """Return the fastest runtime of this machine in the stream's own precision.

        Args:
            cache_folder: Where compiled graphs may be kept.
        """
        if self.device.type == RuntimeKind.CUDA.value:
            return replace(self._runtime, kind=RuntimeKind.CUDA)
        wanted = self._runtime.precision
        return choose_runtime(probe_machine(), precision=wanted, cache_folder=cache_folder).settings

    def _replace(self, **networks: Any) -> None:
        self.pipe = replace(self.pipe, **networks)
        self._begin_anew()  # compiled graphs hold the networks of before

    def _begin_anew(self) -> None:
        """Forget all streams and every prompt that was encoded."""
        self._stylists.clear()
        self._encoder = PromptEncoder(self.pipe.text_encoder, self.pipe.tokenizer)


def accelerate_with_tensorrt(
    stream: "StreamDiffusion", engine_dir: str | Path, *_sizes: object, **_more: object
) -> "StreamDiffusion":
    """Run a stream on the fastest runtime of the machine, and return it.

    No plan of TensorRT is built: on an NVIDIA GPU the networks are compiled and replayed as CUDA graphs, on a
    CPU they run on OpenVINO where it can be loaded. The precision stays the stream's.

    Args:
        stream: The stream, before ``prepare``.
        engine_dir: Where compiled graphs are kept for the next start.
        _sizes, _more: ``max_batch_size`` and the like; unused, since shapes follow from the settings.

    Raises:
        RuntimeUnavailableError: Nothing here computes in the stream's precision.
    """
    stream.run_on(stream.fastest_runtime(Path(engine_dir)))
    return stream
