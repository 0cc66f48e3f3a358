"""The pocket denoiser on a runtime, as the rolling buffer calls it."""

from collections.abc import Mapping

from torch import Tensor

from models.networks.pocket import PocketNetworks
from models.networks.pocket_graphs import denoiser_graph
from models.runtimes.load import NetworkPool, load_network
from models.runtimes.protocol import Network, RuntimeSettings


class PocketRuntimeDenoiser:
    """A ``Denoiser`` that runs compiled networks of static shape, one per number of frames in the buffer.

    Args:
        networks: The pocket networks.
        runtime: Runtime, precision, threads.
        size: Side of the picture in pixels.
        max_frames: Frames of the full buffer, N * c. The shorter ones of boot and drain are kept, too.
    """

    def __init__(
        self, networks: PocketNetworks, runtime: RuntimeSettings, size: int, max_frames: int
    ) -> None:
        def build(frames: int) -> Network:
            graph = denoiser_graph(networks, frames, size)
            return load_network(graph.module, graph.inputs, graph.outputs, runtime)

        self._pool: NetworkPool[int] = NetworkPool(build, capacity=max(4, max_frames))

    def prepare(self, frames: int) -> None:
        """Compile for ``frames`` frames now rather than at the first call."""
        self._pool.get(frames)

    def __call__(
        self,
        latents: Tensor,
        levels: Tensor,
        conditions: Mapping[str, Tensor],
        reference: Mapping[str, Tensor],
    ) -> Tensor:
        """Predict x0, ``(F, 8, h, w)``; memory that the next call overwrites. See ``Denoiser``."""
        network = self._pool.get(latents.shape[0])
        pose = {"heat": conditions["heat"], "warped": conditions["warped"]}
        return network.run({"latents": latents, "levels": levels, **pose, **reference})["x0"]
