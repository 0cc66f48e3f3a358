"""Clean latents and the conditions of their row to RGBA; carries the decoder's memory.

In: what ``RollingBuffer`` pops. Out: straight (not premultiplied) RGBA, ``(c, S, S, 4)`` uint8. Thread: the
worker's.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.pocket import LATENT_STRIDE, PocketNetworks
from models.networks.pocket_graphs import composite_graph, painter_graph, props_graph
from models.runtimes.load import load_network
from models.runtimes.protocol import Precision, RuntimeSettings


class PocketDecoder:
    """The pocket painter between its two float32 ends, run by any runtime.

    Args:
        networks: The pocket networks.
        runtime: Runtime, precision and threads of the painter; its two ends always run in float32.
        chunk: Frames decoded at once (c), >= 1.
        size: Side of the picture in pixels.
    """

    def __init__(self, networks: PocketNetworks, runtime: RuntimeSettings, chunk: int, size: int) -> None:
        exact = replace(runtime, precision=Precision.F32)
        graphs = props_graph(chunk, size), painter_graph(networks, chunk, size), composite_graph(chunk, size)
        self._props, self._painter, self._composite = (
            load_network(graph.module, graph.inputs, graph.outputs, exact if graph.needs_float32 else runtime)
            for graph in graphs
        )
        cells = size // LATENT_STRIDE
        self._memory = torch.zeros(1, networks.config.painter_widths[0], cells, cells)

    def reset(self) -> None:
        """Forget the frame before: a new clip, another avatar."""
        self._memory.zero_()

    @torch.inference_mode()
    def decode(self, latents: Tensor, conditions: Mapping[str, Tensor], picture: Tensor) -> NDArray[np.uint8]:
        """Decode c successive frames.

        Args:
            latents: ``(c, 8, S/8, S/8)`` float32.
            conditions: Of the same row: ``points``, ``flows``, ``lids``, ``skin``
                (``PocketConditioner.row``).
            picture: The avatar, ``(1, 4, S, S)`` (``PocketConditioner.picture``).

        Returns:
            ``(c, S, S, 4)`` uint8, new memory.
        """
        pose = {name: conditions[name] for name in ("points", "flows", "lids", "skin")}
        props = self._props.run({**pose, "reference": picture})
        painted = self._painter.run({"latents": latents, **props, "memory": self._memory})
        self._memory.copy_(painted["memory_next"])
        layers = {"layers": painted["layers"], "flow": painted["flow"], "layered": props["layered"]}
        rgba = self._composite.run({**layers, "flows": pose["flows"], "reference": picture})["rgba"]
        return _pixels(rgba)


def _pixels(rgba: Tensor) -> NDArray[np.uint8]:
    """Return ``rgba (c, 4, S, S)``, 0..1, as bytes ``(c, S, S, 4)``, new memory; writes ``rgba``.

    Cost: 0.15 ms of one core at 256x256, half of what the obvious line of tensor functions takes: numpy's
    conversion and torch's interleaving are the quicker ones, and no large memory comes and goes.
    """
    levels = rgba.mul_(255.0).add_(0.5).numpy().astype(np.uint8)
    pixels: NDArray[np.uint8] = torch.stack(torch.from_numpy(levels).unbind(1), dim=-1).numpy()
    return pixels
