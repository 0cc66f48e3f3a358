"""The ring of keys and values: streaming equals one masked dense pass over the whole clip (property 8)."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from engine.denoise.buffer import RollingBuffer
from engine.denoise.memory import KvRing, RingSettings
from engine.denoise.presets import POCKET
from engine.denoise.settings import Attend, BufferSettings
from models.networks.attention import TemporalAttention
from tests.engine.denoise.tiny import (
    LAYER,
    SPEC,
    RecordedDraw,
    TinyNetwork,
    levels_alone,
    poses,
    run,
    stacked,
    step_alone,
)

RINGED = replace(POCKET, attend=Attend.OWN_LEVEL)
few = settings(max_examples=15, deadline=None, derandomize=True)


class DenseNetwork(TinyNetwork):
    """Sees a whole clip at one noise level under a mask; never more than the ring would hold."""

    def __init__(self, ring: RingSettings, num_layers: int) -> None:
        super().__init__(Attend.ALL_ROWS, num_layers)
        self.ring = ring

    def look_around(
        self, hidden: Tensor, _index: int, layer: TemporalAttention, _reference: object
    ) -> Tensor:
        ring, frames = self.ring, len(hidden)
        if frames <= ring.window:
            chunk_of = torch.arange(frames) // ring.chunk
            is_hidden = chunk_of[None] > chunk_of[:, None]
            return layer(hidden, torch.zeros(frames, frames).double().masked_fill(is_hidden, float("-inf")))
        return torch.cat([self.chunk_in_window(hidden, layer, end) for end in self.ends(frames)])

    def ends(self, frames: int) -> range:
        return range(self.ring.chunk, frames + 1, self.ring.chunk)

    def chunk_in_window(self, hidden: Tensor, layer: TemporalAttention, end: int) -> Tensor:
        """Attend from the chunk that ends at ``end`` to sinks and latest frames, in positions 0..W-1."""
        ring = self.ring
        latest = max(ring.sinks, end - (ring.window - ring.sinks))
        window = torch.cat([hidden[: min(ring.sinks, end)], hidden[latest:end]])
        return layer(window)[-ring.chunk :]


def dense(system: BufferSettings, network: DenseNetwork, pose: list[Tensor], noises: list[Tensor]) -> Tensor:
    """Denoise the whole clip level by level, each frame with its own noise."""
    x = own = torch.cat(noises)
    conditions = {"pose": torch.cat(pose)}
    levels = levels_alone(system)
    for level, following in pairwise(levels):
        timesteps = torch.full((len(x),), level.timestep, dtype=torch.float64)
        x = step_alone(system, x, network(x, timesteps, conditions, {}), (level, following), own)
    return torch.stack(x.split(system.chunk))


def streamed_and_dense(
    system: BufferSettings, sizes: RingSettings, num_chunks: int, num_layers: int
) -> tuple[Tensor, Tensor]:
    draw, pose = RecordedDraw(), poses(num_chunks, system.chunk)
    layers = {f"layer{index}": LAYER for index in range(num_layers)}
    memory = KvRing(layers, sizes, system.levels, dtype=torch.float64)
    network = TinyNetwork(Attend.OWN_LEVEL, num_layers)
    buffer = RollingBuffer(network, system, SPEC, draw=draw, memory=memory)
    ours = stacked(run(buffer, pose))
    return ours, dense(system, DenseNetwork(sizes, num_layers), pose, draw.drawn[:num_chunks])


@few
@given(
    levels=st.integers(1, 4),
    chunk=st.integers(1, 3),
    micro=st.integers(1, 2),
    num_sinks=st.integers(0, 2),
    num_turning=st.integers(1, 4),
    num_chunks=st.integers(1, 6),
)
def test_streaming_equals_one_masked_dense_pass(**sizes: int) -> None:
    """While the clip fits the ring, the mask is block-lower-triangular and nothing else."""
    chunk = sizes["chunk"]
    num_chunks = min(sizes["num_chunks"], sizes["num_sinks"] + sizes["num_turning"])
    system = replace(RINGED, levels=sizes["levels"], chunk=chunk, micro=sizes["micro"])
    ring = RingSettings(
        window=(sizes["num_sinks"] + sizes["num_turning"]) * chunk,
        sinks=sizes["num_sinks"] * chunk,
        chunk=chunk,
        micro=sizes["micro"],
    )
    ours, theirs = streamed_and_dense(system, ring, num_chunks, num_layers=2)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("chunk", [1, 2])
@pytest.mark.parametrize("sinks", [0, 4])
@pytest.mark.parametrize("levels", [1, 3])
def test_a_turning_ring_equals_a_dense_pass_over_its_window(chunk: int, sinks: int, levels: int) -> None:
    """One layer, many turns: each frame sees the sinks and the latest frames, in order, and nothing else."""
    system = replace(RINGED, levels=levels, chunk=chunk)
    ring = RingSettings(window=8, sinks=sinks, chunk=chunk)
    ours, theirs = streamed_and_dense(system, ring, num_chunks=30, num_layers=1)
    # The dense pass gives the window's bidirectional attention of the newest chunk: for one layer the same.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_a_turning_ring_keeps_what_each_frame_was_when_it_was_new() -> None:
    """Two layers: what the second layer remembers was computed when its frame was the newest."""
    system, ring = RINGED, RingSettings(window=6, sinks=2)
    ours, theirs = streamed_and_dense(system, ring, num_chunks=25, num_layers=2)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_memory_is_fixed() -> None:
    memory = KvRing({"layer0": LAYER}, RingSettings(window=6, sinks=2), 2)
    before = {name: tensor.data_ptr() for name, tensor in memory.tensors(0, 0, 2).items()}
    for _ in range(20):
        memory.advance(0, 2)
    assert {name: tensor.data_ptr() for name, tensor in memory.tensors(0, 0, 2).items()} == before


def test_slots_are_written_in_turn_and_sinks_stay() -> None:
    memory = KvRing({}, RingSettings(window=5, sinks=2), 1)
    written, positions, num_open = [], [], []
    for _ in range(10):
        tables = memory.tensors(0, 0, 1)
        written.append(int(tables["ring.write_index"]))
        positions.append(tables["ring.position_index"][0, :-1].tolist())
        assert tables["ring.position_index"][0, -1] == positions[-1][written[-1]]
        assert tables["ring.bias"][0, written[-1]] == float("-inf")  # what is overwritten is not seen
        num_open.append(int((tables["ring.bias"] == 0).sum()))
        memory.advance(0, 1)
    assert written == [0, 1, 2, 3, 4, 2, 3, 4, 2, 3]
    assert num_open == [1, 2, 3, 4, 5, 5, 5, 5, 5, 5]
    assert positions[4:8] == [[0, 1, 2, 3, 4], [0, 1, 4, 2, 3], [0, 1, 3, 4, 2], [0, 1, 2, 3, 4]]


@pytest.mark.parametrize(
    "sizes",
    [
        {"window": 4, "sinks": 4},
        {"window": 4, "sinks": -1},
        {"window": 4, "sinks": 0, "chunk": 3},
        {"window": 4, "sinks": 1, "chunk": 2},
        {"window": 4, "sinks": 0, "micro": 0},
    ],
)
def test_impossible_sizes_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=str(sizes["window"])):
        RingSettings(**sizes)


def test_a_closed_slot_weighs_nothing_whatever_it_holds() -> None:
    scores = functional.scaled_dot_product_attention(
        torch.ones(1, 1, 2), torch.full((1, 3, 2), 7.0), torch.tensor([[[1.0, 1], [9, 9], [9, 9]]]),
        attn_mask=torch.tensor([[0.0, float("-inf"), float("-inf")]]),
    )  # fmt: skip
    torch.testing.assert_close(scores, torch.ones(1, 1, 2))
