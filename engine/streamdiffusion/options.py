"""The many named arguments of StreamDiffusion's classes, with their defaults and ranges."""

import math
import random
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypedDict, TypeGuard

import torch

from models.runtimes.protocol import RuntimeSettings

PUBLISHED_SEED = 2
ANY_SEED = -1
_SEEDS = 2**32


class StreamOptions(TypedDict, total=False):
    """More of ``StreamDiffusion``.

    Attributes:
        do_add_noise: Whether each step after the first adds noise again (yes).
        use_denoising_batch: Whether the steps work on as many frames at once (yes).
        frame_buffer_size: Frames that enter together, and come out together, at least 1 (1).
        cfg_type: "none", "full", "self" or "initialize" ("self").
        runtime: How the networks are run; None: torch, where they live.
        parity: Whether the original's faults are brought back (no).
    """

    do_add_noise: bool
    use_denoising_batch: bool
    frame_buffer_size: int
    cfg_type: str
    runtime: RuntimeSettings | None
    parity: bool


class PrepareOptions(TypedDict, total=False):
    """More of ``prepare``.

    Attributes:
        generator: Not used: only ``seed`` decides, as in the original.
        seed: Of the noise, 0..4294967295; -1: any (2).
    """

    generator: torch.Generator | None
    seed: int


class StreamChanges(TypedDict, total=False):
    """What ``update_stream_params`` can change; what is left out or None stays.

    Attributes:
        num_inference_steps: Length of the grid, 1..50.
        guidance_scale: At least 1.
        delta: At least 0.
        t_index_list: Rising places in the grid; another length changes the number of steps.
        seed: Of the noise, 0..4294967295; -1: any. The noise starts again, with the present seed, too.
        prompt_list: Texts with weights.
        negative_prompt: For full and initialize guidance.
        prompt_interpolation_method: "linear" or "slerp".
        seed_list: Seeds with weights, instead of ``seed``.
        seed_interpolation_method: "linear" or "slerp" ("linear").
    """

    num_inference_steps: int | None
    guidance_scale: float | None
    delta: float | None
    t_index_list: Sequence[int] | None
    seed: int | None
    prompt_list: Sequence[tuple[str, float]] | None
    negative_prompt: str | None
    prompt_interpolation_method: str | None
    seed_list: Sequence[tuple[int, float]] | None
    seed_interpolation_method: str


class WrapperOptions(StreamOptions, total=False):
    """More of ``StreamDiffusionWrapper``, beside what ``StreamDiffusion`` takes.

    Attributes:
        lora_dict: LoRA file, folder or hub id -> scale; fused after LCM-LoRA.
        mode: "img2img" or "txt2img" ("img2img").
        output_type: "pil", "pt", "np", or "latent": -1..1 as it comes ("pil").
        lcm_lora_id: Another LCM-LoRA.
        vae_id: Another small autoencoder.
        device: Where the networks live ("cpu").
        dtype: Arithmetic of the networks (float32); float16 needs a GPU.
        width, height: In pixels, multiples of 8 (512).
        use_lcm_lora: Whether LCM-LoRA is fused, where the model is of its base (yes).
        use_tiny_vae: Whether TAESD replaces the model's autoencoder (yes).
        enable_similar_image_filter: Whether frames like the last one may be skipped (no).
        similar_image_filter_threshold: See ``SimilaritySettings`` (0.98).
        similar_image_filter_max_skip_frame: See ``SimilaritySettings`` (10).
        seed: Of the noise; -1: any (2).
        may_download: Whether hub ids may be fetched (no). A process does it, so a script guards its start
            with ``if __name__ == "__main__"``.
        warmup: Accepted and unused, as in the original: no call gives junk.
        acceleration: "tensorrt" takes the machine's fastest runtime, unless ``runtime`` says which; "none",
            "xformers" and "sfast" take torch as it is ("none").
        engine_dir: Where "tensorrt" keeps compiled graphs ("engines").
        device_ids: None: the networks live on one device.
        use_safety_checker: No: there is none here (no).
    """

    lora_dict: Mapping[str, float] | None
    mode: str
    output_type: str
    lcm_lora_id: str | None
    vae_id: str | None
    device: str | torch.device
    dtype: torch.dtype
    width: int
    height: int
    use_lcm_lora: bool
    use_tiny_vae: bool
    enable_similar_image_filter: bool
    similar_image_filter_threshold: float
    similar_image_filter_max_skip_frame: int
    seed: int
    may_download: bool
    warmup: int
    acceleration: str
    engine_dir: str | Path
    device_ids: Sequence[int] | None
    use_safety_checker: bool


# What may be given by place, in the order of the published signatures, after the arguments with names of
# their own: the order is as much a part of them as the names.
STREAM_ORDER = ("do_add_noise", "use_denoising_batch", "frame_buffer_size", "cfg_type")
PREPARE_ORDER = ("generator", "seed")
WRAPPER_ORDER = (
    "lora_dict",
    "mode",
    "output_type",
    "lcm_lora_id",
    "vae_id",
    "device",
    "dtype",
    "frame_buffer_size",
    "width",
    "height",
    "warmup",
    "acceleration",
    "do_add_noise",
    "device_ids",
    "use_lcm_lora",
    "use_tiny_vae",
    "enable_similar_image_filter",
    "similar_image_filter_threshold",
    "similar_image_filter_max_skip_frame",
    "use_denoising_batch",
    "cfg_type",
    "seed",
    "use_safety_checker",
    "engine_dir",
)

STREAM_DEFAULTS: StreamOptions = {
    "do_add_noise": True,
    "use_denoising_batch": True,
    "frame_buffer_size": 1,
    "cfg_type": "self",
    "runtime": None,
    "parity": False,
}

WRAPPER_DEFAULTS: WrapperOptions = {
    **STREAM_DEFAULTS,
    "lora_dict": None,
    "mode": "img2img",
    "output_type": "pil",
    "lcm_lora_id": None,
    "vae_id": None,
    "device": "cpu",
    "dtype": torch.float32,
    "width": 512,
    "height": 512,
    "use_lcm_lora": True,
    "use_tiny_vae": True,
    "enable_similar_image_filter": False,
    "similar_image_filter_threshold": 0.98,
    "similar_image_filter_max_skip_frame": 10,
    "seed": PUBLISHED_SEED,
    "may_download": False,
    "warmup": 0,
    "acceleration": "none",
    "engine_dir": "engines",
    "device_ids": None,
    "use_safety_checker": False,
}


def check_names(given: Mapping[str, Any], known: type) -> None:
    """Refuse a name that is not one of ``known``'s. Raises ``TypeError`` as Python does."""
    unknown = sorted(given.keys() - known.__annotations__.keys())
    if unknown:
        raise TypeError(
            f"got an unexpected argument {unknown[0]!r}, expected {sorted(known.__annotations__)}"
        )


def options_of(known: type, order: Sequence[str], by_place: Sequence[Any], by_name: Mapping[str, Any]) -> Any:
    """Return what was given by place and by name as one.

    Args:
        known: The ``TypedDict`` of the names.
        order: Names of what may be given by place.
        by_place: Given so.
        by_name: Given by name.

    Raises:
        TypeError: Too many, an unknown name, or one that came twice.
    """
    check_names(by_name, known)
    if len(by_place) > len(order):
        raise TypeError(f"expected at most {', '.join(order)} by place, got {len(by_place)} arguments more")
    placed = dict(zip(order, by_place, strict=False))
    twice = sorted(placed.keys() & by_name.keys())
    if twice:
        raise TypeError(f"got argument {twice[0]!r} by place and by name")
    return {**placed, **by_name}


def seed_of(seed: object) -> int:
    """Return a seed; a random one for -1. Raises ``ValueError`` for what is none."""
    if not is_whole(seed) or not ANY_SEED <= seed < _SEEDS:
        raise ValueError(f"expected a whole seed from 0 to {_SEEDS - 1}, or -1 for any, got {seed!r}")
    return random.randrange(_SEEDS) if seed == ANY_SEED else int(seed)


def check_number(name: str, number: object, lowest: float) -> None:
    """Refuse what is no finite number of at least ``lowest``. Raises ``ValueError``."""
    if not isinstance(number, Real) or not math.isfinite(number) or number < lowest:
        raise ValueError(f"expected a finite {name} of at least {lowest:g}, got {number!r}")


def is_whole(number: object) -> TypeGuard[int]:
    """Whether something is a whole number, of Python or of NumPy, and no truth value."""
    return isinstance(number, Integral) and not isinstance(number, bool)
