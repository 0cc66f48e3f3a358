"""StreamDiffusion's wrapper: from the name of a model to pictures, with the names its users know."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.pictures import pixels_from, postprocess_image
from engine.streamdiffusion import StreamDiffusion
from models.checkpoints.stable_diffusion import (
    LCM_LORA,
    TAESD,
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.runtimes.protocol import RuntimeSettings

_SD15_PROMPT_DIM = 768
_PUBLISHED_SEED = 2
_MODES = ("img2img", "txt2img")


class StreamDiffusionWrapper:
    """Loads a model and paints with it.

    Args:
        model_id_or_path: Hub id, diffusers folder, or ``.safetensors`` file.
        t_index_list: Rising places in the grid of timesteps.
        lora_dict: LoRA file, folder or hub id -> scale; fused after LCM-LoRA.
        mode: "img2img" or "txt2img".
        output_type: "pil", "pt", "np" or "latent" (then -1..1 as it comes).
        lcm_lora_id: Another LCM-LoRA.
        vae_id: Another small autoencoder.
        device: "cpu" or "cuda".
        dtype: Arithmetic of the networks; float16 needs a GPU.
        frame_buffer_size: Frames that enter together.
        width, height: In pixels, multiples of 8.
        do_add_noise: Whether each step after the first adds noise again.
        use_lcm_lora: Whether LCM-LoRA is fused, where the model is of its base (Stable Diffusion 1).
        use_tiny_vae: Whether TAESD replaces the model's autoencoder.
        enable_similar_image_filter: Whether frames that resemble the last one may be skipped.
        similar_image_filter_threshold: See ``SimilaritySettings``.
        similar_image_filter_max_skip_frame: See ``SimilaritySettings``.
        use_denoising_batch: Whether the steps work on as many frames at once.
        cfg_type: "none", "full", "self" or "initialize".
        seed: Of the noise; -1: any.
        may_download: Whether hub ids may be fetched.
        runtime: How the networks are run; None: torch.
        parity: Whether the original's faults are brought back, the lost seed among them.

    Raises:
        ValueError: An argument is out of its range.
        CheckpointError: Something cannot be loaded.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the original's signature
        self,
        model_id_or_path: str,
        t_index_list: Sequence[int],
        lora_dict: Mapping[str, float] | None = None,
        mode: str = "img2img",
        output_type: str = "pil",
        lcm_lora_id: str | None = None,
        vae_id: str | None = None,
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
        frame_buffer_size: int = 1,
        width: int = 512,
        height: int = 512,
        warmup: int = 10,  # noqa: ARG002 - accepted and unused, as in the original
        do_add_noise: bool = True,
        use_lcm_lora: bool = True,
        use_tiny_vae: bool = True,
        enable_similar_image_filter: bool = False,
        similar_image_filter_threshold: float = 0.98,
        similar_image_filter_max_skip_frame: int = 10,
        use_denoising_batch: bool = True,
        cfg_type: str = "self",
        seed: int = _PUBLISHED_SEED,
        *,
        may_download: bool = False,
        runtime: RuntimeSettings | None = None,
        parity: bool = False,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"expected a mode of {', '.join(_MODES)}, got {mode!r}")
        self.mode = mode
        self.output_type = output_type
        self._seed = _PUBLISHED_SEED if parity else _any_seed(seed)
        source = StableDiffusionSource(
            model=model_id_or_path,
            vae=(vae_id or TAESD) if use_tiny_vae else None,
            may_download=may_download,
        )
        model = _on(load_stable_diffusion(source), device)
        self.stream = StreamDiffusion(
            model,
            t_index_list,
            dtype,
            width,
            height,
            do_add_noise,
            use_denoising_batch,
            frame_buffer_size,
            cfg_type,
            runtime=runtime,
            parity=parity,
        )
        if use_lcm_lora and _takes_lcm_lora(model, model_id_or_path):
            self.stream.load_lcm_lora(lcm_lora_id or LCM_LORA)
            self.stream.fuse_lora()
        for name, scale in (lora_dict or {}).items():
            self.stream.load_lora(name)
            self.stream.fuse_lora(lora_scale=scale)
        if enable_similar_image_filter:
            self.stream.enable_similar_image_filter(
                similar_image_filter_threshold, similar_image_filter_max_skip_frame
            )

    @property
    def batch_size(self) -> int:
        """Frames that the denoiser works on at once."""
        return self.stream.batch_size

    def prepare(
        self,
        prompt: str,
        negative_prompt: str = "",
        num_inference_steps: int = 50,
        guidance_scale: float = 1.2,
        delta: float = 1.0,
    ) -> None:
        """Begin a stream; see ``StreamDiffusion.prepare``."""
        self.stream.prepare(
            prompt, negative_prompt, num_inference_steps, guidance_scale, delta, seed=self._seed
        )

    def __call__(self, image: Any = None, prompt: str | None = None) -> Any:
        """Paint one call's pictures in the wrapper's mode, with another prompt if there is one."""
        return self.img2img(image, prompt) if self.mode == "img2img" else self.txt2img(prompt)

    def img2img(self, image: Any, prompt: str | None = None) -> Any:
        """Take a picture in and return the one that is ready; see ``StreamDiffusion.__call__``."""
        if prompt is not None:
            self.stream.update_prompt(prompt)
        pixels = self.preprocess_image(image) if isinstance(image, str | Image.Image) else image
        return self.postprocess_image(self.stream(pixels), self.output_type)

    def txt2img(self, prompt: str | None = None) -> Any:
        """Return pictures from text."""
        if prompt is not None:
            self.stream.update_prompt(prompt)
        return self.postprocess_image(self.stream(), self.output_type)

    def preprocess_image(self, image: str | Image.Image) -> Tensor:
        """Return a picture, or that of a file, as the stream takes it: ``(1, 3, H, W)``, -1..1.

        Raises:
            OSError: The file cannot be read as a picture.
        """
        opened = Image.open(image) if isinstance(image, str) else image
        settings = self.stream.settings
        return pixels_from(opened, settings.height, settings.width)

    def postprocess_image(self, image: Tensor, output_type: str = "pil") -> Any:
        """Return what ``postprocess_image`` gives: the one picture, or all of a frame buffer."""
        pictures = postprocess_image(image, output_type)
        return pictures if len(pictures) > 1 or output_type == "latent" else pictures[0]


def _any_seed(seed: int) -> int:
    return random.randrange(2**32) if seed == -1 else seed


def _takes_lcm_lora(model: StableDiffusion, name: str) -> bool:
    """Whether LCM-LoRA belongs on a model: one of Stable Diffusion 1 that is not fast by itself."""
    config: Any = model.unet.config
    return config.cross_attention_dim == _SD15_PROMPT_DIM and "turbo" not in Path(name).name.lower()


def _on(model: StableDiffusion, device: str) -> StableDiffusion:
    for network in (model.unet, model.vae, model.text_encoder, *model.controlnets):
        network.to(device)
    return model
