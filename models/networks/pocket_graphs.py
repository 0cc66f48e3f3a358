"""The pocket networks as graphs with flat, named inputs: what a runtime loads.

Names are fixed here once, so that torch and a compiled runtime are called alike.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.networks.geometry import NUM_CURVE_MAPS, NUM_POINTS
from models.networks.layered_warp import FLOW_GRID
from models.networks.looks import TemporalLook
from models.networks.pocket import BOTH_WAYS, LATENT_STRIDE, RGBA, PocketNetworks
from models.networks.pocket_decoder import PocketComposite, PocketProps


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A module with the names and shapes of its inputs.

    Attributes:
        module: Takes its inputs in the order of ``inputs``.
        inputs: Example tensors by name; their shapes are the graph's.
        outputs: Names of what it returns, in order.
        needs_float32: Whether half precision would spoil it (it works on coordinates).
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    needs_float32: bool = False


class _FlatDenoiser(nn.Module):
    def __init__(self, networks: PocketNetworks, across: TemporalLook) -> None:
        super().__init__()
        self.denoiser = networks.denoiser
        self.across = across
        self.across_text = repr(across)  # plain, so that cached graphs differ where looks do

    def forward(
        self, latents: Tensor, levels: Tensor, heat: Tensor, warped: Tensor, **reference: Tensor
    ) -> Tensor:
        out: Tensor = self.denoiser(latents, levels, {"heat": heat, "warped": warped}, reference, self.across)
        return out


def denoiser_graph(
    networks: PocketNetworks, frames: int, size: int, across: TemporalLook = BOTH_WAYS
) -> Graph:
    """The denoiser over ``frames`` = N * c frames of ``size`` pixels a side; ``across``: who sees whom."""
    config, cells = networks.config, size // LATENT_STRIDE
    fine, middle, coarse = config.widths
    heads = config.heads
    inputs = {
        "latents": torch.zeros(frames, config.latent_channels, cells, cells),
        "levels": torch.ones(frames),
        "heat": torch.zeros(frames, NUM_POINTS, cells, cells),
        "warped": torch.zeros(frames, config.latent_channels + fine, cells, cells),
        "middle_k": torch.zeros(1, heads, (cells // 2) ** 2, middle // heads),
        "middle_v": torch.zeros(1, heads, (cells // 2) ** 2, middle // heads),
        "coarse_k": torch.zeros(1, heads, (cells // 4) ** 2, coarse // heads),
        "coarse_v": torch.zeros(1, heads, (cells // 4) ** 2, coarse // heads),
    }
    return Graph(_FlatDenoiser(networks, across).eval(), inputs, ("x0",))


def props_graph(frames: int, size: int) -> Graph:
    """``PocketProps`` for ``frames`` decoded at once."""
    inputs = {
        "points": torch.zeros(frames, NUM_POINTS, 2),
        "flows": torch.zeros(frames, 6, FLOW_GRID, FLOW_GRID),
        "lids": torch.zeros(frames, 4, 5, 2),
        "skin": torch.zeros(frames, RGBA),
        "reference": torch.zeros(1, RGBA, size, size),
    }
    return Graph(PocketProps().eval(), inputs, ("curves", "layered", "inner"), needs_float32=True)


def painter_graph(networks: PocketNetworks, frames: int, size: int) -> Graph:
    """The painter for ``frames`` decoded at once."""
    config, cells = networks.config, size // LATENT_STRIDE
    inputs = {
        "latents": torch.zeros(frames, config.latent_channels, cells, cells),
        "curves": torch.zeros(frames, NUM_CURVE_MAPS, size // 2, size // 2),
        "layered": torch.zeros(frames, RGBA, size, size),
        "inner": torch.zeros(frames, RGBA, size // 2, size // 2),
        "memory": torch.zeros(1, config.painter_widths[0], cells, cells),
    }
    return Graph(networks.painter, inputs, ("layers", "flow", "memory_next"))


def composite_graph(frames: int, size: int) -> Graph:
    """``PocketComposite`` for ``frames`` decoded at once."""
    inputs = {
        "layers": torch.zeros(frames, 3 + RGBA, size, size),
        "flow": torch.zeros(frames, 2, size // 4, size // 4),
        "layered": torch.zeros(frames, RGBA, size, size),
        "flows": torch.zeros(frames, 6, FLOW_GRID, FLOW_GRID),
        "reference": torch.zeros(1, RGBA, size, size),
    }
    return Graph(PocketComposite().eval(), inputs, ("rgba",), needs_float32=True)
