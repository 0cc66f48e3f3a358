"""A compiled denoiser of any system, as the rolling buffer calls it."""

from collections.abc import Callable, Mapping

from torch import Tensor

from models.networks.looks import TemporalLook
from models.networks.pocket import BOTH_WAYS, PocketNetworks
from models.networks.pocket_graphs import Graph, denoiser_graph
from models.runtimes.load import NetworkPool, in_passing, load_network
from models.runtimes.protocol import Network, RuntimeSettings


class RuntimeDenoiser:
    """A ``Denoiser`` that runs compiled networks of static shape, one per number of frames in the buffer.

    Each input of the graph is taken by its name from ``latents``, ``levels``, the conditions and the
    reference; conditions that the network does not know (they are the decoder's) are left alone.

    Args:
        graph_of: The graph over a number of frames; its one output is the prediction.
        runtime: Runtime, precision, threads.
        max_frames: Frames of the full buffer, N * c. The shorter ones of boot and drain are kept, too.
    """

    def __init__(self, graph_of: Callable[[int], Graph], runtime: RuntimeSettings, max_frames: int) -> None:
        def build(frames: int) -> Network:
            graph = graph_of(frames)
            is_full = frames == max_frames
            chosen = runtime if is_full else in_passing(graph.module, runtime)
            return load_network(graph.module, graph.inputs, graph.outputs, chosen)

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
        """Predict, ``(F, C, h, w)``; memory that the next call overwrites. See ``Denoiser``."""
        network = self._pool.get(latents.shape[0])
        offered = {"latents": latents, "levels": levels, **conditions, **reference}
        outputs = network.run({name: offered[name] for name in network.input_shapes})
        self._remember(outputs, reference)
        return outputs[network.output_names[0]]

    def _remember(self, outputs: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> None:
        """Keep what a network gives besides its prediction; nothing here."""


class PocketRuntimeDenoiser(RuntimeDenoiser):
    """The pocket denoiser at one size.

    Args:
        networks: The pocket networks.
        runtime: Runtime, precision, threads.
        size: Side of the picture in pixels.
        max_frames: Frames of the full buffer.
        across: Who sees whom across frames; the shipped weights are trained for ``BothWays``.
    """

    def __init__(
        self,
        networks: PocketNetworks,
        runtime: RuntimeSettings,
        size: int,
        max_frames: int,
        across: TemporalLook = BOTH_WAYS,
    ) -> None:
        super().__init__(lambda frames: denoiser_graph(networks, frames, size, across), runtime, max_frames)
