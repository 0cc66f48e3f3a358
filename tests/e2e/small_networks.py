"""Pocket networks of the real kind and the smallest size, untrained: what a picture shows does not matter."""

from functools import cache

import torch

from models.networks.pocket import PocketConfig, PocketNetworks


@cache
def small_networks() -> PocketNetworks:
    """Return them ready to run; the same ones every time."""
    torch.manual_seed(0)
    config = PocketConfig(widths=(32, 32, 32), painter_widths=(32, 16, 16))
    return PocketNetworks(config).eval().requires_grad_(requires_grad=False)
