"""StreamDiffusion's wrapper: from the name of a model to pictures, with the names its users know."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

import torch
from PIL import Image
from torch import Tensor

from engine.fetching import fetch, missing_of
from engine.streamdiffusion.image_utils import check_output_type, pixels_from, postprocess_image
from engine.streamdiffusion.options import (
    PUBLISHED_SEED,
    WRAPPER_DEFAULTS,
    WRAPPER_ORDER,
    WrapperOptions,
    check_number,
    is_whole,
    options_of,
    seed_of,
)
from engine.streamdiffusion.settings import StreamSettings, indices_of
from engine.streamdiffusion.stream import StreamDiffusion, accelerate_with_tensorrt
from models.checkpoints.stable_diffusion import (
    LCM_LORA,
    TAESD,
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)

_SD15_PROMPT_DIM = 768
_MODES = ("img2img", "txt2img")
_ACCELERATIONS = ("none", "xformers", "tensorrt", "sfast")


class StreamDiffusionWrapper:
    """Loads a model and paints with it.

    Args:
        model_id_or_path: Hub id, diffusers folder, or ``.safetensors`` file.
        t_index_list: Rising places in the grid of timesteps.
        published: By place, in the order of ``WRAPPER_ORDER``, which is the original's.
        more: See ``WrapperOptions``.

    Raises:
        ValueError: An argument is out of its range.
        CheckpointError: Something cannot be loaded.
        FetchError: Something cannot be fetched.
    """

    def __init__(
        self,
        model_id_or_path: str,
        t_index_list: Sequence[int],
        *published: Any,
        **more: Unpack[WrapperOptions],
    ) -> None:
        options: WrapperOptions = {
            **WRAPPER_DEFAULTS,
            **options_of(WrapperOptions, WRAPPER_ORDER, published, more),
        }
        self.mode, self.output_type = options["mode"], options["output_type"]
        _check(options)
        StreamSettings(  # refuses before minutes of loading what the stream would refuse after them
            t_index_list=indices_of(t_index_list),
            width=options["width"],
            height=options["height"],
            frame_buffer_size=options["frame_buffer_size"],
        )
        seed = seed_of(options["seed"])
        self._seed = PUBLISHED_SEED if options["parity"] else seed
        if options["may_download"]:
            _fetch_missing(model_id_or_path, options)
        model = _loaded(model_id_or_path, options)
        self.stream = StreamDiffusion(
            model,
            t_index_list,
            options["dtype"],
            options["width"],
            options["height"],
            do_add_noise=options["do_add_noise"],
            use_denoising_batch=options["use_denoising_batch"],
            frame_buffer_size=options["frame_buffer_size"],
            cfg_type=options["cfg_type"],
            runtime=options["runtime"],
            parity=options["parity"],
        )
        if options["use_lcm_lora"] and _takes_lcm_lora(model, model_id_or_path):
            self.stream.load_lcm_lora(options["lcm_lora_id"] or LCM_LORA)
            self.stream.fuse_lora()
        for name, scale in (options["lora_dict"] or {}).items():
            self.stream.load_lora(name)
            self.stream.fuse_lora(lora_scale=scale)
        if options["enable_similar_image_filter"]:
            self.stream.enable_similar_image_filter(
                options["similar_image_filter_threshold"], options["similar_image_filter_max_skip_frame"]
            )

        if options["acceleration"] == "tensorrt" and options["runtime"] is None:
            accelerate_with_tensorrt(self.stream, options["engine_dir"])

    @property
    def device(self) -> torch.device:
        """Where the networks live."""
        return self.stream.device

    @property
    def dtype(self) -> torch.dtype:
        """Format of the pictures that go in and come out."""
        return self.stream.dtype

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


def _check(options: WrapperOptions) -> None:
    """Refuse at once what would fail after minutes of loading. Raises ``ValueError``."""
    _check_offered(options)
    check_output_type(options["output_type"])
    if not is_whole(options["warmup"]) or options["warmup"] < 0:
        raise ValueError(f"expected a whole warmup of at least 0, got {options['warmup']!r}")
    threshold = options["similar_image_filter_threshold"]
    check_number("similar_image_filter_threshold", threshold, 0.0)
    if threshold > 1.0:
        raise ValueError(f"expected a similar_image_filter_threshold from 0 to 1, got {threshold!r}")
    skips = options["similar_image_filter_max_skip_frame"]
    if not is_whole(skips) or skips < 0:
        raise ValueError(f"expected a whole similar_image_filter_max_skip_frame of at least 0, got {skips!r}")
    _check_device(options)


def _check_device(options: WrapperOptions) -> None:
    try:
        kind = torch.empty(0, device=options["device"]).device.type
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for a device
        raise ValueError(
            f"expected a device that this machine and its torch have, got {options['device']!r}"
        ) from error
    if kind == "cpu" and options["dtype"] == torch.float16 and options["runtime"] is None:
        raise ValueError("expected a dtype of torch.float32 or torch.bfloat16 on the CPU, got torch.float16")


def _check_offered(options: Mapping[str, object]) -> None:
    for name, known in (("mode", _MODES), ("acceleration", _ACCELERATIONS)):
        if options[name] not in known:
            raise ValueError(f"expected {name} to be one of {', '.join(known)}, got {options[name]!r}")
    for name, only in (("device_ids", None), ("use_safety_checker", False)):
        if options[name] != only:
            raise ValueError(f"expected {name}={only}, which is all that is offered, got {options[name]!r}")


def _takes_lcm_lora(model: StableDiffusion, name: str) -> bool:
    """Whether LCM-LoRA belongs on a model: one of Stable Diffusion 1 that is not fast by itself."""
    config: Any = model.unet.config
    return config.cross_attention_dim == _SD15_PROMPT_DIM and not _is_turbo(name)


def _fetch_missing(name: str, options: WrapperOptions) -> None:
    """Fetch what is given by its hub id and is not here. Raises ``FetchError``."""
    wanted = [name, *(options["lora_dict"] or {})]
    if options["use_tiny_vae"]:
        wanted.append(options["vae_id"] or TAESD)
    if options["use_lcm_lora"] and not _is_turbo(name):
        wanted.append(options["lcm_lora_id"] or LCM_LORA)
    for source in missing_of(wanted):
        fetch(source, lambda _progress: None, lambda: False)


def _is_turbo(name: str) -> bool:
    return "turbo" in Path(name).name.lower()


def _loaded(name: str, options: WrapperOptions) -> StableDiffusion:
    source = StableDiffusionSource(
        model=name,
        vae=(options["vae_id"] or TAESD) if options["use_tiny_vae"] else None,
    )
    model = load_stable_diffusion(source)
    for network in (model.unet, model.vae, model.text_encoder):
        network.to(options["device"])
    return model
