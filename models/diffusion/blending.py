"""Mixing several prompts or several noises by weight.

Straight mixing of independent noises shrinks them (the variance of a mean of n is 1/n), and noise that is too
small paints grey; so both ways of mixing here keep the length of what they mix.
"""

from collections.abc import Sequence
from enum import Enum

import torch
from torch import Tensor

_PARALLEL = 1e-4  # radians; below, the great circle is a straight line


class Interpolation(Enum):
    """The way between two points."""

    LINEAR = "linear"
    """Along the chord."""
    SLERP = "slerp"
    """Along the great circle (Shoemake, SIGGRAPH 1985), lengths mixed linearly."""


def normalised(weights: Sequence[float]) -> tuple[float, ...]:
    """Return weights that sum to 1.

    Raises:
        ValueError: There are none, one is negative or not finite, or all are 0.
    """
    total = sum(weights)
    if not weights or min(weights) < 0.0 or not 0.0 < total < float("inf"):
        raise ValueError(f"expected weights of at least 0 that are not all 0, got {list(weights)}")
    return tuple(weight / total for weight in weights)


def slerp(first: Tensor, second: Tensor, share: float) -> Tensor:
    """Return the point at ``share`` of the arc from ``first`` to ``second``, along the last dimension.

    Args:
        first: ``(..., D)``.
        second: The same shape.
        share: 0 (``first``) .. 1 (``second``).

    Returns:
        ``(..., D)``, new memory; its length along D is the linear mix of both lengths.
    """
    lengths = first.norm(dim=-1, keepdim=True), second.norm(dim=-1, keepdim=True)
    tiny = torch.finfo(first.dtype).tiny
    units = first / lengths[0].clamp_min(tiny), second / lengths[1].clamp_min(tiny)
    # By atan2 rather than acos: acos loses half the digits where the two are nearly parallel.
    angle = (
        2.0 * torch.atan2((units[0] - units[1]).norm(dim=-1), (units[0] + units[1]).norm(dim=-1))[..., None]
    )
    sine = torch.sin(angle)
    is_straight = sine.abs() < _PARALLEL
    safe = torch.where(is_straight, torch.ones_like(sine), sine)
    of_first = torch.where(
        is_straight, torch.full_like(sine, 1.0 - share), torch.sin((1.0 - share) * angle) / safe
    )
    of_second = torch.where(is_straight, torch.full_like(sine, share), torch.sin(share * angle) / safe)
    direction = of_first * units[0] + of_second * units[1]
    mixed: Tensor = direction * torch.lerp(lengths[0], lengths[1], share)
    return mixed


def blend(points: Sequence[Tensor], weights: Sequence[float], interpolation: Interpolation) -> Tensor:
    """Mix tensors by weight; with ``SLERP`` one after the other, so that the order matters a little.

    Args:
        points: At least one; ``(..., D)`` each.
        weights: One for each, at least 0; only their ratios count.
        interpolation: The way.

    Returns:
        ``(..., D)``, new memory.

    Raises:
        ValueError: Counts or shapes differ, or the weights cannot be normalised.
    """
    if len(points) != len(weights):
        raise ValueError(f"expected a weight for each of {len(points)} points, got {len(weights)}")
    if len({tuple(point.shape) for point in points}) > 1:
        raise ValueError(f"expected points of one shape, got {[tuple(point.shape) for point in points]}")
    shares = normalised(weights)
    if interpolation is Interpolation.LINEAR:
        mean: Tensor = torch.tensordot(torch.tensor(shares).to(points[0]), torch.stack(list(points)), dims=1)
        return mean
    mixed, weight_so_far = points[0].clone(), shares[0]
    for point, share in zip(points[1:], shares[1:], strict=True):
        weight_so_far += share
        mixed = slerp(mixed, point, share / weight_so_far if weight_so_far else 0.0)
    return mixed


def blend_noise(noises: Sequence[Tensor], weights: Sequence[float], interpolation: Interpolation) -> Tensor:
    """Mix independent noises so that the result is as long as they are; the first dimension is kept apart.

    Args:
        noises: ``(n, C, h, w)`` each, standard normal.
        weights: As ``blend``.
        interpolation: The way; ``LINEAR`` is scaled back to the mix of the lengths.

    Returns:
        ``(n, C, h, w)``, new memory.

    Raises:
        ValueError: As ``blend``.
    """
    flat = [noise.flatten(1) for noise in noises]
    mixed = blend(flat, weights, interpolation)
    if interpolation is Interpolation.LINEAR:
        wanted = blend([noise.norm(dim=1, keepdim=True) for noise in flat], weights, interpolation)
        mixed = mixed * (wanted / mixed.norm(dim=1, keepdim=True).clamp_min(torch.finfo(mixed.dtype).tiny))
    return mixed.reshape(noises[0].shape)
