"""Filling what a picture does not show: the background behind a character, its colour beyond its edge."""

import torch.nn.functional as F
from torch import Tensor

TOUCHED, MOSTLY = 0.02, 0.5
"""Alpha above which a pixel shows some of the character, and above which its colour can be told."""


def push_pull(picture: Tensor, weight: Tensor) -> Tensor:
    """Fill where ``weight`` is 0 with a smooth continuation of where it is 1.

    A pyramid of weighted means, coarse to fine (Gortler et al. 1996, "The Lumigraph", section 3.4.2).

    Args:
        picture: ``(B, C, H, W)`` float.
        weight: ``(B, 1, H, W)`` 0..1.

    Returns:
        ``(B, C, H, W)``: ``picture`` where known, the continuation elsewhere; new memory.
    """
    height, width = picture.shape[-2:]
    if min(height, width) <= 1:
        return picture
    pulled_weight = F.avg_pool2d(weight, 2, ceil_mode=True)
    pulled = F.avg_pool2d(picture * weight, 2, ceil_mode=True) / pulled_weight.clamp_min(1e-4)
    coarse = push_pull(pulled, (pulled_weight * 4.0).clamp(max=1.0))
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return picture * weight + smooth * (1.0 - weight)


def background_plate(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Return the picture without its character, ``(B, 3, H, W)``.

    Args:
        rgb: ``(B, 3, H, W)`` 0..1.
        alpha: The character's ``(B, 1, H, W)`` 0..1.
    """
    character = F.max_pool2d((alpha > TOUCHED).to(rgb.dtype), 5, stride=1, padding=2)
    return push_pull(rgb, 1.0 - character)


def extend_colour(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Continue the character's colour beyond its edge, so that a warp never drags the background along.

    On the edge itself the background's share is taken out, ``(rgb - (1 - alpha) plate) / alpha``: a drawn
    outline lies there, and would be lost if only solid pixels were kept.

    Args:
        rgb: ``(B, 3, H, W)`` 0..1.
        alpha: The character's ``(B, 1, H, W)`` 0..1.

    Returns:
        ``(B, 3, H, W)``: the character's own colour inside, its continuation outside.
    """
    plate = background_plate(rgb, alpha)
    colour = ((rgb - (1.0 - alpha) * plate) / alpha.clamp_min(MOSTLY)).clamp(0.0, 1.0)
    return push_pull(colour, (alpha >= MOSTLY).to(rgb.dtype))
