"""Clean latents to pictures by a decoder that remembers the frame before (TAESDV).

In: what ``RollingBuffer`` pops. Out: opaque RGBA, ``(c, S, S, 4)`` uint8. Thread: the worker's.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.taesdv import LATENT_STRIDE, Taesdv
from models.networks.unet_graphs import taesdv_graph
from models.runtimes.load import load_network
from models.runtimes.protocol import RuntimeSettings

_OPAQUE = 255


class VideoDecoder:
    """The remembering decoder on a runtime.

    Args:
        codec: TAESDV.
        runtime: Runtime, precision and threads.
        chunk: Frames decoded at once (c), >= 1.
        size: Side of the picture in pixels, a multiple of 8.
    """

    def __init__(self, codec: Taesdv, runtime: RuntimeSettings, chunk: int, size: int) -> None:
        cells = size // LATENT_STRIDE
        graph = taesdv_graph(codec, chunk, cells, cells)
        self._network = load_network(graph.module, graph.inputs, graph.outputs, runtime)
        self._memories = {
            name: torch.zeros(shape, device=next(codec.parameters()).device)
            for name, shape in self._network.input_shapes.items()
            if name.startswith("memory_")
        }

    def reset(self) -> None:
        """Forget the frame before: a new clip, another avatar."""
        for memory in self._memories.values():
            memory.zero_()

    @torch.inference_mode()
    def decode(
        self,
        latents: Tensor,
        conditions: Mapping[str, Tensor],  # noqa: ARG002 - as every decoder
        picture: Tensor,  # noqa: ARG002 - as every decoder
    ) -> NDArray[np.uint8]:
        """Decode c successive frames.

        Args:
            latents: ``(c, 4, S/8, S/8)`` float32, not rescaled.
            conditions: Of the same row; not needed.
            picture: The avatar; not needed.

        Returns:
            ``(c, S, S, 4)`` uint8, opaque, new memory.
        """
        decoded = self._network.run({"latents": latents, **self._memories})
        for name, memory in self._memories.items():
            memory.copy_(decoded[f"{name}_next"])
        pictures = decoded["pictures"]
        rgba = np.full((len(pictures), *pictures.shape[2:], 4), _OPAQUE, np.uint8)
        rgba[..., :3] = (pictures * 255.0 + 0.5).byte().permute(0, 2, 3, 1).cpu().numpy()
        return rgba
