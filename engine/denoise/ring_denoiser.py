"""A compiled denoiser with rings of keys and values (Live2Diff), as the rolling buffer calls it."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from engine.denoise.runtime_denoiser import RuntimeDenoiser
from models.networks.attention import KvCache
from models.networks.pocket_graphs import Graph
from models.networks.ring_graphs import of_layer
from models.runtimes.protocol import RuntimeSettings


class RingDenoiser(RuntimeDenoiser):
    """Writes the newest keys and values, which the network gives, into the rings, in place.

    Bytes moved per call: the rings are read once, one slot of each is written.

    Args:
        graph_of: The graph over a number of frames (``ring_graphs.ring_graph``).
        layers: Names of the attentions with a ring.
        runtime: Runtime, precision, threads.
        max_frames: Frames of the full buffer, N * c.
    """

    def __init__(
        self,
        graph_of: Callable[[int], Graph],
        layers: tuple[str, ...],
        runtime: RuntimeSettings,
        max_frames: int,
    ) -> None:
        super().__init__(graph_of, runtime, max_frames)
        self._layers = layers

    @torch.no_grad()
    def _remember(self, outputs: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> None:
        write_index = reference["ring.write_index"]
        for layer in self._layers:
            KvCache.from_tensors(reference, layer).write(write_index, of_layer(outputs, layer))


class WarmUpDenoiser(RuntimeDenoiser):
    """The denoiser over all warm-up frames at once; see ``warm_up.WarmUpNetwork``.

    Args:
        graph: Without rings, over the warm-up's frames.
        layers: Names of the attentions with a ring.
        runtime: Runtime, precision, threads.
    """

    def __init__(
        self, graph: Callable[[int], Graph], layers: tuple[str, ...], runtime: RuntimeSettings
    ) -> None:
        super().__init__(graph, runtime, max_frames=1)
        self._layers = layers
        self._sinks: dict[str, Tensor] = {}

    def sinks(self) -> dict[str, Tensor]:
        """Return what the attentions were shown in the newest call, ``(1, heads, L, S, d)`` each; copies."""
        return dict(self._sinks)

    @torch.no_grad()
    def _remember(self, outputs: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> None:  # noqa: ARG002 - the hook's signature
        self._sinks = {}
        for layer in self._layers:
            newest = of_layer(outputs, layer)
            self._sinks[f"{layer}.keys"] = newest.keys.clone()
            self._sinks[f"{layer}.values"] = newest.values.clone()
