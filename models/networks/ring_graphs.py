"""Networks with rings of keys and values as graphs with flat, named inputs: what a runtime loads (Live2Diff).

A graph never writes its inputs: the rings are read where they lie, and the newest keys and values, one frame
of sixteen, are outputs that the caller writes (``engine.denoise.ring_denoiser``). Inputs: ``latents``,
``levels``, ``depth`` (features that are added after ``conv_in``), by name what ``project_prompt`` gives, and
when streaming the rings and the tables ``ring.position_index`` and ``ring.bias``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from models.networks.attention import NewKv, RingSlots
from models.networks.looks import BesideRing
from models.networks.pocket import LATENT_STRIDE, PocketNetworks
from models.networks.pocket_graphs import Graph, denoiser_graph
from models.networks.unet import UNet, UNetInputs
from models.networks.unet_graphs import UNetShape, constant_inputs

PREDICTION = "prediction"
_WRITE_INDEX = "ring.write_index"  # the caller's, who writes


@dataclass(frozen=True, slots=True, kw_only=True)
class RingShape:
    """What decides the shapes of a graph.

    Attributes:
        frames: Frames at once: N * c of a stream, all frames of a warm-up.
        height, width: Of the latents, in cells.
        prompt_tokens: Tokens of the prompt.
        ring: Names, shapes and types of the rings' tensors for these frames; empty for a warm-up.
    """

    frames: int
    height: int
    width: int
    prompt_tokens: int = 77
    ring: Mapping[str, Tensor] = field(default_factory=dict)


def new_names(layer: str) -> tuple[str, str]:
    """Return the names of the outputs that hold a layer's newest keys and values."""
    return f"{layer}.new_keys", f"{layer}.new_values"


def of_layer(outputs: Mapping[str, Tensor], layer: str) -> NewKv:
    """Return a layer's newest keys and values from a graph's outputs."""
    keys, values = new_names(layer)
    return NewKv(outputs[keys], outputs[values])


class _RingUNet(nn.Module):
    """Calls a UNet by names; with rings it streams, without it warms up."""

    def __init__(self, unet: UNet, layers: tuple[str, ...], *, has_past: bool) -> None:
        super().__init__()
        self.unet = unet
        self.layers = layers
        self.has_past = has_past

    def forward(self, latents: Tensor, levels: Tensor, depth: Tensor, **others: Tensor) -> tuple[Tensor, ...]:
        newest: dict[str, NewKv] = {}
        dtype = self.unet.conv_in.weight.dtype  # the buffer holds float32, the rings what the weights are
        latents, depth = latents.to(dtype), depth.to(dtype)
        if self.has_past:
            across = BesideRing(others, RingSlots.from_tensors(others), newest)
        else:
            across = BesideRing(None, RingSlots.without_past(latents.shape[0], latents), newest)
        inputs = UNetInputs(prompt=others, across=across, control=depth)
        prediction: Tensor = self.unet(latents, levels, inputs)
        return prediction, *_in_order(newest, self.layers)


class _RingPocket(nn.Module):
    def __init__(self, networks: PocketNetworks, layers: tuple[str, ...]) -> None:
        super().__init__()
        self.denoiser = networks.denoiser
        self.layers = layers

    def forward(
        self, latents: Tensor, levels: Tensor, heat: Tensor, warped: Tensor, **others: Tensor
    ) -> tuple[Tensor, ...]:
        newest: dict[str, NewKv] = {}
        across = BesideRing(others, RingSlots.from_tensors(others), newest)
        x0: Tensor = self.denoiser(latents, levels, {"heat": heat, "warped": warped}, others, across)
        return x0, *_in_order(newest, self.layers)


def _in_order(newest: Mapping[str, NewKv], layers: tuple[str, ...]) -> list[Tensor]:
    return [kv for layer in layers for kv in (newest[layer].keys, newest[layer].values)]


def pocket_ring_graph(networks: PocketNetworks, frames: int, size: int, ring: Mapping[str, Tensor]) -> Graph:
    """The pocket denoiser whose levels each look back into a ring.

    Args:
        networks: The pocket networks.
        frames: N * c.
        size: Side of the picture in pixels.
        ring: Names and shapes of the rings' tensors for these frames.

    Returns:
        ``prediction (F, 8, h, w)`` and the newest keys and values, as of ``ring_graph``.
    """
    cells = size // LATENT_STRIDE
    layers = tuple(networks.denoiser.temporal_layers(cells, cells))
    inputs = denoiser_graph(networks, frames, size).inputs | _without_write_index(ring)
    return Graph(_RingPocket(networks, layers).eval(), inputs, _outputs(layers))


def _without_write_index(ring: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.zeros_like(value) for name, value in ring.items() if name != _WRITE_INDEX}


def _outputs(layers: tuple[str, ...]) -> tuple[str, ...]:
    return (PREDICTION, *(name for layer in layers for name in new_names(layer)))


def ring_graph(unet: UNet, shape: RingShape) -> Graph:
    """A UNet that looks back into rings, or warms up when ``shape`` has none.

    Returns:
        ``prediction (F, C, h, w)``, and for each attention ``"{layer}.new_keys"`` and
        ``"{layer}.new_values"``, ``(N, heads, L, c, d)``; N is 1 and c all frames in a warm-up.
    """
    weight = unet.conv_in.weight
    size = (shape.height, shape.width)
    inputs = {
        "latents": weight.new_zeros(shape.frames, unet.config.in_channels, *size),
        "levels": torch.zeros(shape.frames, device=weight.device),
        "depth": weight.new_zeros(shape.frames, unet.config.widths[0], *size),
    }
    constants = constant_inputs(
        unet,
        UNetShape(
            frames=shape.frames,
            height=shape.height,
            width=shape.width,
            prompt_tokens=shape.prompt_tokens,
            has_reference=False,
        ),
    )
    inputs |= {name: value.to(weight) for name, value in constants.items()}
    inputs |= _without_write_index(shape.ring)
    layers = tuple(unet.temporal_layers(*size))
    flat = _RingUNet(unet, layers, has_past=bool(shape.ring)).eval()
    return Graph(flat, inputs, _outputs(layers))
