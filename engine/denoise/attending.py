"""Who sees whom across the frames of the pocket denoiser: ``Attend`` as a look, and as a whole buffer.

The shipped weights are trained for ``Attend.ALL_ROWS``, and do best with ``OWN_LEVEL`` where there is more
than one row (``presets.pocket_system``). The kinds are compared at equal evaluations per frame by
``tests.bench.attention``; ``models.training.pocket.train --attend`` trains for each.
"""

from collections.abc import Mapping

from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.memory import KvRing, RingSettings
from engine.denoise.ring_denoiser import RingDenoiser
from engine.denoise.runtime_denoiser import PocketRuntimeDenoiser, RuntimeDenoiser
from engine.denoise.settings import Attend, BufferSettings, LatentSpec
from models.networks.looks import BothWays, EachAlone, OlderRows, TemporalLook
from models.networks.pocket import LATENT_STRIDE, PocketNetworks
from models.networks.pocket_graphs import Graph
from models.networks.ring_graphs import pocket_ring_graph
from models.runtimes.protocol import RuntimeSettings


def look_of(attend: Attend, chunk: int) -> TemporalLook:
    """Return who sees whom among frames that are evaluated together.

    With ``Attend.OWN_LEVEL`` they are successive frames of one level, as a ring would remember them: causal.
    """
    if attend is Attend.ALL_ROWS:
        return BothWays()
    return EachAlone() if attend is Attend.NOBODY else OlderRows(chunk=chunk)


def pocket_buffer(
    networks: PocketNetworks, runtime: RuntimeSettings, size: int, settings: BufferSettings, seed: int = 0
) -> RollingBuffer:
    """Return the pocket model's buffer, compiled for every number of rows that boot and drain meet.

    Args:
        networks: The pocket networks.
        runtime: Runtime, precision, threads.
        size: Side of the picture in pixels.
        settings: The system; with ``Attend.OWN_LEVEL`` each level remembers as many frames as the buffer
            holds, N * c, in a ring.
        seed: Of the noise.
    """
    cells = size // LATENT_STRIDE
    memory = _ring(networks, cells, settings) if settings.attend is Attend.OWN_LEVEL else None
    denoiser = _denoiser(networks, runtime, size, settings, memory)
    for rows in range(settings.levels, 0, -1):
        denoiser.prepare(rows * settings.chunk)
    spec = LatentSpec(shape=(networks.config.latent_channels, cells, cells))
    return RollingBuffer(denoiser, settings, spec, seed=seed, memory=memory)


def _ring(networks: PocketNetworks, cells: int, settings: BufferSettings) -> KvRing:
    window = settings.levels * settings.chunk
    ring = RingSettings(window=window, sinks=0, chunk=settings.chunk, micro=settings.micro)
    return KvRing(networks.denoiser.temporal_layers(cells, cells), ring, settings.levels)


def _denoiser(
    networks: PocketNetworks,
    runtime: RuntimeSettings,
    size: int,
    settings: BufferSettings,
    memory: KvRing | None,
) -> RuntimeDenoiser:
    max_frames = settings.levels * settings.chunk
    if memory is None:
        across = look_of(settings.attend, settings.chunk)
        return PocketRuntimeDenoiser(networks, runtime, size, max_frames, across)
    ring, cells = memory, size // LATENT_STRIDE

    def graph_of(frames: int) -> Graph:
        tensors: Mapping[str, Tensor] = ring.tensors(0, 0, frames // settings.chunk)
        return pocket_ring_graph(networks, frames, size, tensors)

    layers = tuple(networks.denoiser.temporal_layers(cells, cells))
    return RingDenoiser(graph_of, layers, runtime, max_frames)
