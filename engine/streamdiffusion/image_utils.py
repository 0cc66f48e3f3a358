"""Pictures at StreamDiffusion's public border: PIL, arrays and tensors in; the same out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

_UINT8_MAX = 255.0
_BATCH_DIMS = 4
_OUTPUT_TYPES = ("pil", "np", "pt", "latent")


def pixels_from(image: Any, height: int, width: int) -> Tensor:
    """Return a picture as the encoder takes it, ``(c, 3, H, W)`` float32, -1..1.

    Args:
        image: PIL picture (resized by Lanczos); array ``(H, W, 3)`` uint8; tensor ``(c, 3, H, W)`` or
            ``(3, H, W)``: uint8 0..255, or floating with 0..1, or with -1..1 if any value is negative.
        height: Wanted, in pixels.
        width: Wanted; tensors and arrays are resized by nearest neighbour.

    Raises:
        TypeError: It is none of these.
        ValueError: It has another shape, or pixels that are not finite.
    """
    if isinstance(image, Image.Image):
        image = np.array(image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    pixels = _batch_of(image)
    is_whole = not pixels.is_floating_point()
    pixels = pixels.float().cpu()
    if not bool(torch.isfinite(pixels).all()):
        count = int(pixels.isfinite().logical_not().sum())
        raise ValueError(f"expected finite pixels, got {count} of {pixels.numel()} that are not")
    if is_whole:
        pixels = pixels / _UINT8_MAX
    if is_whole or bool(pixels.min() >= 0.0):
        pixels = pixels * 2.0 - 1.0
    if pixels.shape[2:] != (height, width):
        pixels = functional.interpolate(pixels, size=(height, width))
    return pixels


def _batch_of(image: Any) -> Tensor:
    if isinstance(image, np.ndarray):
        if image.ndim != _BATCH_DIMS - 1:
            raise ValueError(f"expected an array (H, W, 3), got {image.shape}")
        image = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    if not isinstance(image, Tensor):
        raise TypeError(f"expected a PIL picture, an array or a tensor, got {type(image).__name__}")
    pixels = image if image.ndim == _BATCH_DIMS else image[None]
    if pixels.ndim != _BATCH_DIMS or pixels.shape[1] != 3 or not pixels.numel():  # noqa: PLR2004 - RGB
        raise ValueError(f"expected (c, 3, H, W), none of them 0, got {tuple(image.shape)}")
    return pixels


def pil2tensor(image: Image.Image) -> Tensor:
    """Return a PIL picture as a tensor, ``(1, 3, H, W)`` float32, 0..1."""
    array = np.array(image.convert("RGB"))
    return torch.from_numpy(array).permute(2, 0, 1)[None].float() / _UINT8_MAX


def check_output_type(output_type: object) -> None:
    """Refuse what ``postprocess_image`` does not know. Raises ``ValueError``."""
    if output_type not in _OUTPUT_TYPES:
        raise ValueError(f"expected an output_type of {', '.join(_OUTPUT_TYPES)}, got {output_type!r}")


def postprocess_image(
    image: Tensor, output_type: str = "pil", do_denormalize: Sequence[bool] | None = None
) -> Any:
    """Return pictures for others.

    Args:
        image: ``(c, 3, H, W)``, about -1..1.
        output_type: "pil" (a list), "np" ``(c, H, W, 3)`` 0..1, "pt" ``(c, 3, H, W)`` 0..1, or "latent"
            (the argument itself).
        do_denormalize: For each picture, whether it is brought to 0..1; None: all.

    Raises:
        ValueError: Another output type.
    """
    check_output_type(output_type)
    if output_type == "latent":
        return image
    flags = [True] * len(image) if do_denormalize is None else list(do_denormalize)
    pictures = torch.stack(
        [(each / 2 + 0.5).clamp(0, 1) if flag else each for each, flag in zip(image, flags, strict=True)]
    )
    if output_type == "pt":
        return pictures
    arrays = pictures.detach().cpu().permute(0, 2, 3, 1).float().numpy()
    if output_type == "np":
        return arrays
    return [Image.fromarray((array * _UINT8_MAX).round().astype(np.uint8)) for array in arrays]
