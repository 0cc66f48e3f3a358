"""The pocket model's buffer under each kind of attention: who moves whom; training sees what live shows."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.denoise.attending import look_of, pocket_buffer
from engine.denoise.buffer import RollingBuffer
from engine.denoise.noise import SeededDraw
from engine.denoise.presets import POCKET
from engine.denoise.settings import Attend
from models.networks.geometry import NUM_POINTS
from models.networks.pocket import LATENT_STRIDE, PocketConfig, PocketNetworks
from models.networks.pocket_graphs import denoiser_graph
from models.runtimes.export import export_key
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings

SIZE = 64
CELLS = SIZE // LATENT_STRIDE
CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))
RUNTIME = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
FRAMES, CHANGED = 8, 5


@pytest.fixture(scope="module")
def networks() -> PocketNetworks:
    torch.manual_seed(6)
    made = PocketNetworks(CONFIG).eval().requires_grad_(requires_grad=False)
    for cross in (made.denoiser.middle_cross, made.denoiser.coarse_cross):
        torch.nn.init.normal_(cross.temporal.to_out.weight, std=0.3)
    torch.nn.init.normal_(made.denoiser.out.weight, std=0.1)
    return made


@pytest.fixture(scope="module")
def reference(networks: PocketNetworks) -> dict[str, Tensor]:
    drawn = torch.Generator().manual_seed(7)
    middle = torch.randn(1, 32, CELLS // 2, CELLS // 2, generator=drawn)
    coarse = torch.randn(1, 32, CELLS // 4, CELLS // 4, generator=drawn)
    return networks.denoiser.project(middle, coarse)


def conditions(frames: int = FRAMES) -> list[dict[str, Tensor]]:
    drawn = torch.Generator().manual_seed(8)
    return [
        {
            "heat": torch.rand(1, NUM_POINTS, CELLS, CELLS, generator=drawn),
            "warped": torch.randn(1, 8 + 32, CELLS, CELLS, generator=drawn),
        }
        for _ in range(frames)
    ]


def buffer_of(networks: PocketNetworks, attend: Attend, levels: int = 3, chunk: int = 1) -> RollingBuffer:
    system = replace(POCKET, levels=levels, chunk=chunk, attend=attend)
    return pocket_buffer(networks, RUNTIME, SIZE, system, seed=4)


def clean(buffer: RollingBuffer, reference: dict[str, Tensor], stream: list[dict[str, Tensor]]) -> Tensor:
    """All latents of a stream, boot and drain included."""

    def rows() -> Iterator[Tensor]:
        for one in stream:
            popped = buffer.push(one)
            if popped is not None:
                yield popped.latents.clone()
        for popped in buffer.drain():
            yield popped.latents.clone()

    buffer.reset()
    buffer.set_reference(reference)
    return torch.cat(list(rows()))


@pytest.mark.parametrize(
    ("attend", "first", "last"),
    [
        (Attend.NOBODY, CHANGED, CHANGED),
        (Attend.OLDER_ROWS, CHANGED, FRAMES - 1),
        (Attend.OWN_LEVEL, CHANGED, FRAMES - 1),
        (Attend.ALL_ROWS, CHANGED - 2, FRAMES - 1),
    ],
)
def test_one_frame_moves_whom_its_kind_lets_see_it(
    networks: PocketNetworks, reference: dict[str, Tensor], attend: Attend, first: int, last: int
) -> None:
    buffer, stream = buffer_of(networks, attend), conditions()
    before = clean(buffer, reference, stream)
    stream[CHANGED] = conditions(FRAMES + 1)[-1]
    after = clean(buffer, reference, stream)
    assert len(before) == FRAMES
    moved = torch.nonzero((after - before).flatten(1).abs().amax(dim=1) > 1e-7).flatten().tolist()
    assert moved == list(range(first, last + 1))


@pytest.mark.parametrize("chunk", [1, 2])
def test_a_ring_shows_live_what_training_shows_on_one_level(
    networks: PocketNetworks, reference: dict[str, Tensor], chunk: int
) -> None:
    """Successive frames on one level under the causal look: while the ring is not full, exactly the same."""
    levels = 3
    buffer, own = buffer_of(networks, Attend.OWN_LEVEL, levels, chunk), conditions(levels * chunk)
    rows = [
        {name: torch.cat([one[name] for one in own[start : start + chunk]]) for name in own[0]}
        for start in range(0, len(own), chunk)
    ]
    live = clean(buffer, reference, rows)
    draw, noise = SeededDraw(), torch.empty(levels * chunk, 8, CELLS, CELLS)
    draw.reseed(4)
    for row in noise.split(chunk):
        draw(row)
    together = {name: torch.cat([one[name] for one in own]) for name in own[0]}
    x = noise
    for level in (3, 2, 1):
        at = torch.full((len(x),), level / levels)
        x0 = networks.denoiser(x, at, together, reference, look_of(Attend.OWN_LEVEL, chunk))
        x = x0 + (level - 1) / levels * (noise - x0)
    torch.testing.assert_close(live, x, atol=1e-4, rtol=1e-4)


def test_cached_graphs_differ_where_looks_do(networks: PocketNetworks) -> None:
    keys = set()
    for attend in (Attend.NOBODY, Attend.OLDER_ROWS, Attend.ALL_ROWS, Attend.ALL_ROWS):
        graph = denoiser_graph(networks, 2, SIZE, look_of(attend, 1))
        keys.add(export_key(graph.module, graph.inputs, graph.outputs))
    assert len(keys) == 3


@pytest.mark.parametrize("attend", [Attend.NOBODY, Attend.OLDER_ROWS, Attend.OWN_LEVEL])
def test_compiled_and_plain_agree(
    networks: PocketNetworks, reference: dict[str, Tensor], attend: Attend
) -> None:
    pytest.importorskip("openvino")
    system = replace(POCKET, levels=2, attend=attend)
    compiled = replace(RUNTIME, kind=RuntimeKind.OPENVINO)
    ours = clean(pocket_buffer(networks, compiled, SIZE, system), reference, conditions(4))
    plain = clean(pocket_buffer(networks, RUNTIME, SIZE, system), reference, conditions(4))
    torch.testing.assert_close(ours, plain, atol=2e-3, rtol=2e-3)
