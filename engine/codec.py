"""Pictures to latents and back, on a runtime: StreamDiffusion's two ends. Thread: the worker's."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.networks.pocket_graphs import Graph
from models.networks.stable_diffusion import LATENT_STRIDE, decoder_graph, encoder_graph
from models.runtimes.load import load_network
from models.runtimes.protocol import Network, RuntimeSettings


class PictureCodec:
    """An autoencoder (TAESD or KL) for c pictures of one size.

    Args:
        vae: ``diffusers.AutoencoderTiny`` or ``AutoencoderKL``.
        runtime: Runtime, precision, threads.
        size: ``(height, width)`` in pixels, multiples of 8.
        chunk: Pictures at once, c >= 1.

    Raises:
        ValueError: The size is not a positive multiple of 8.
    """

    def __init__(
        self, vae: nn.Module, runtime: RuntimeSettings, size: tuple[int, int], chunk: int = 1
    ) -> None:
        height, width = size
        for name, side in (("height", height), ("width", width)):
            if side <= 0 or side % LATENT_STRIDE:
                raise ValueError(
                    f"expected a {name} that is a positive multiple of {LATENT_STRIDE}, got {side}"
                )
        cells = height // LATENT_STRIDE, width // LATENT_STRIDE
        self._encoder = _Lazily(lambda: encoder_graph(vae, chunk, height, width), runtime)
        self._decoder = _Lazily(lambda: decoder_graph(vae, chunk, *cells), runtime)

    def encode(self, pixels: Tensor) -> Tensor:
        """Return latents, ``(c, C, H/8, W/8)``, scaled for the denoiser.

        Args:
            pixels: ``(c, 3, H, W)`` float32, -1..1.

        Returns:
            Memory that the next call may overwrite.
        """
        return self._encoder.run({"pixels": pixels})["latents"]

    def decode(self, latents: Tensor) -> Tensor:
        """Return pictures, ``(c, 3, H, W)``, about -1..1, not clamped; the next call may overwrite them."""
        return self._decoder.run({"latents": latents})["pixels"]


class _Lazily:
    """A network that is loaded at its first call: text to picture never encodes."""

    def __init__(self, graph: Callable[[], Graph], runtime: RuntimeSettings) -> None:
        self._graph = graph
        self._runtime = runtime
        self._network: Network | None = None

    def run(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        if self._network is None:
            graph = self._graph()
            self._network = load_network(graph.module, graph.inputs, graph.outputs, self._runtime)
        with torch.no_grad():
            return dict(self._network.run(inputs))
