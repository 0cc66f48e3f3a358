"""Temporal and reference attention: what sees what, and the same numbers from ONNX."""

import pytest
import torch
from diffusers.models.embeddings import get_1d_sincos_pos_embed_from_grid
from torch import Tensor, nn

from models.networks.attention import (
    KvCache,
    ReferenceAttention,
    RingSlots,
    TemporalAttention,
    sinusoidal_positions,
)
from models.runtimes.load import load_network
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings

WIDTH, HEADS, PLACES = 8, 2, 3


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def temporal(max_frames: int = 6) -> TemporalAttention:
    torch.manual_seed(1)
    attention = TemporalAttention(WIDTH, HEADS, max_frames).double()
    nn.init.normal_(attention.to_out.weight)
    return attention.requires_grad_(False)


def reference(own_tokens: bool = False) -> ReferenceAttention:
    torch.manual_seed(2)
    attention = ReferenceAttention(WIDTH, HEADS, WIDTH if own_tokens else 5, own_tokens=own_tokens)
    return attention.double().requires_grad_(False)


def dense_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """``(n, D)`` by ``(m, D)``, head by head, by the textbook."""
    size = WIDTH // HEADS
    heads = [slice(head * size, (head + 1) * size) for head in range(HEADS)]
    return torch.cat([(q[:, h] @ k[:, h].T / size**0.5).softmax(1) @ v[:, h] for h in heads], dim=1)


def test_temporal_attention_is_attention_over_frames_at_each_place() -> None:
    attention, x = temporal(), randn(5, PLACES, WIDTH)
    out = attention(x)
    for place in range(PLACES):
        tokens = x[:, place] + sinusoidal_positions(5, WIDTH)
        q, k, v = (project(tokens) for project in (attention.to_q, attention.to_k, attention.to_v))
        expected = attention.to_out(dense_attention(q, k, v))
        torch.testing.assert_close(out[:, place], expected)


def test_temporal_attention_starts_as_if_it_were_not_there() -> None:
    x = torch.randn(4, PLACES, WIDTH)
    assert torch.count_nonzero(TemporalAttention(WIDTH, HEADS, 4)(x)) == 0


def test_every_frame_sees_every_other_and_no_other_place() -> None:
    attention, x = temporal(), randn(4, PLACES, WIDTH)
    changed = x.clone()
    changed[2, 1] += 1.0
    moved = (attention(x) - attention(changed)).abs().amax(dim=2) > 1e-9
    assert moved.tolist() == [[False, True, False]] * 4


def test_position_belongs_to_the_slot() -> None:
    attention, x = temporal(), randn(4, PLACES, WIDTH)
    assert float((attention(x.flip(0)).flip(0) - attention(x)).abs().max()) > 1e-3
    attention.positions.zero_()
    torch.testing.assert_close(attention(x.flip(0)).flip(0), attention(x))


def test_positions_are_the_usual_sinusoids() -> None:
    theirs = get_1d_sincos_pos_embed_from_grid(WIDTH, torch.arange(32), output_type="pt").float()
    ours = sinusoidal_positions(32, WIDTH)
    torch.testing.assert_close(ours[:, 0::2], theirs[:, : WIDTH // 2])
    torch.testing.assert_close(ours[:, 1::2], theirs[:, WIDTH // 2 :])
    assert "positions" not in TemporalAttention(WIDTH, HEADS, 4).state_dict()


def test_a_mask_hides_frames() -> None:
    attention, x = temporal(), randn(4, PLACES, WIDTH)
    causal = torch.full((4, 4), float("-inf"), dtype=torch.float64).triu(1)
    out = attention(x, causal)
    for frames in range(1, 5):
        torch.testing.assert_close(out[frames - 1], attention(x[:frames])[-1])


def slots(write: list[int], positions: list[list[int]], num_open: list[int]) -> tuple[RingSlots, Tensor]:
    """One new frame; ``num_open`` slots are seen, the one that it is written to among them."""
    index, position = torch.tensor(write)[:, None], torch.tensor(positions)
    is_open = torch.arange(position.shape[1]) < torch.tensor(num_open)[:, None]
    is_open = torch.cat([is_open.scatter(1, index, value=False), is_open.gather(1, index)], dim=1)
    tables = RingSlots(
        position_index=torch.cat([position, position.gather(1, index)], dim=1),
        bias=torch.zeros(is_open.shape).double().masked_fill(~is_open, float("-inf")),
    )
    return tables, index


def cache_of(levels: int, num_slots: int, seed: int | None = None) -> KvCache:
    shape = (levels, HEADS, PLACES, num_slots, WIDTH // HEADS)
    if seed is None:
        return KvCache(keys=torch.zeros(shape).double(), values=torch.zeros(shape).double())
    return KvCache(keys=randn(*shape, seed=seed), values=randn(*shape, seed=seed + 1))


def by_head(x: Tensor) -> Tensor:
    """``(L, D)`` -> ``(heads, L, d)``."""
    return x.unflatten(1, (HEADS, -1)).transpose(0, 1)


def test_a_stream_sees_its_own_level_in_the_order_of_positions() -> None:
    """Two levels, three slots: the fourth frame overwrites slot 1, and slot 0 is a sink."""
    attention, frames = temporal(), randn(4, 2, PLACES, WIDTH)
    cache = cache_of(2, 3)
    for index in range(3):
        out = attention.stream(frames[index], cache, *slots([index] * 2, [[0, 1, 2]] * 2, [index + 1] * 2))
        for level in range(2):
            torch.testing.assert_close(out[level], attention(frames[: index + 1, level])[-1])
    out = attention.stream(frames[3], cache, *slots([1, 1], [[0, 2, 1]] * 2, [3, 3]))
    for level in range(2):
        torch.testing.assert_close(out[level], attention(frames[[0, 2, 3], level])[-1])


def test_a_frame_whose_slot_is_closed_does_not_see_itself() -> None:
    attention, frames = temporal(), randn(3, 1, PLACES, WIDTH)
    cache = cache_of(1, 3)
    for index in range(2):
        attention.stream(frames[index], cache, *slots([index], [[0, 1, 2]], [index + 1]))
    out = attention.stream(frames[2], cache, *slots([2], [[0, 1, 2]], [2]))
    mask = torch.zeros(3, 3).double()
    mask[2, 2] = float("-inf")
    torch.testing.assert_close(out[0], attention(frames[:, 0], mask)[-1])


def test_a_stream_writes_only_its_slot_and_where_it_lies() -> None:
    attention, cache = temporal(), cache_of(1, 3, seed=0)
    before, address = cache.keys.clone(), cache.keys.data_ptr()
    x = randn(1, PLACES, WIDTH)
    attention.stream(x, cache, *slots([1], [[0, 1, 2]], [3]))
    assert cache.keys.data_ptr() == address
    torch.testing.assert_close(cache.keys[0, :, :, [0, 2]], before[0, :, :, [0, 2]], rtol=0, atol=0)
    torch.testing.assert_close(cache.keys[0, :, :, 1], by_head(attention.to_k(x)[0]))
    torch.testing.assert_close(cache.values[0, :, :, 1], by_head(attention.to_v(x)[0]))


def test_a_warm_up_is_bidirectional_attention_and_hands_out_keys_and_values() -> None:
    attention, x = temporal(), randn(5, PLACES, WIDTH)
    branch, newest = attention.look_back(x, None, RingSlots.without_past(5, x))
    torch.testing.assert_close(branch, attention(x))
    for frame in range(5):
        torch.testing.assert_close(newest.keys[0, :, :, frame], by_head(attention.to_k(x)[frame]))


def test_eight_bits_keep_keys_and_values_within_half_a_step_of_their_largest_number() -> None:
    attention, cache = temporal(), cache_of(1, 4)
    small = KvCache(
        keys=torch.zeros_like(cache.keys, dtype=torch.int8),
        values=torch.zeros_like(cache.values, dtype=torch.int8),
        key_scales=cache.keys[..., :1].clone(),
        value_scales=cache.keys[..., :1].clone(),
    )
    frames = randn(4, 1, PLACES, WIDTH)
    for index in range(4):
        table = slots([index], [[0, 1, 2, 3]], [index + 1])
        exact, rounded = (attention.stream(frames[index], each, *table) for each in (cache, small))
        assert float((exact - rounded).norm() / exact.norm()) < 0.02
    step = cache.keys.abs().amax(dim=-1, keepdim=True) / 127
    assert bool(((small.keys * small.key_scales - cache.keys).abs() <= step * 0.5001).all())
    assert float((exact - rounded).abs().max()) > 0.0


@pytest.mark.parametrize("own_tokens", [False, True])
def test_reference_attention_looks_at_the_reference(own_tokens: bool) -> None:
    attention, x = reference(own_tokens), randn(4, PLACES, WIDTH)
    features = randn(1, 7, attention.to_k.in_features, seed=1)
    out = attention(x, *attention.project(features))
    for frame in range(4):
        seen = torch.cat([x[frame], features[0]]) if own_tokens else features[0]
        weighed = dense_attention(attention.to_q(x[frame]), attention.to_k(seen), attention.to_v(seen))
        torch.testing.assert_close(out[frame], attention.to_out(weighed))


@pytest.mark.parametrize("own_tokens", [False, True])
def test_reference_attention_of_several_sequences_keeps_them_apart(own_tokens: bool) -> None:
    attention, x = reference(own_tokens), randn(6, PLACES, WIDTH)
    features = randn(2, 7, attention.to_k.in_features, seed=1)
    together = attention(x, *attention.project(features))
    first, second = (
        attention(x[3 * index : 3 * index + 3], *attention.project(features[index : index + 1]))
        for index in range(2)
    )
    torch.testing.assert_close(together, torch.cat([first, second]))


def test_several_references_are_joined_along_their_tokens() -> None:
    attention, x = reference(), randn(2, PLACES, WIDTH)
    one, other = randn(1, 4, 5, seed=1), randn(1, 3, 5, seed=2)
    keys, values = attention.project(torch.cat([one, other], dim=1))
    joined = [
        torch.cat(parts, dim=2)
        for parts in zip(attention.project(one), attention.project(other), strict=True)
    ]
    torch.testing.assert_close(attention(x, keys, values), attention(x, *joined))
    assert keys.is_contiguous()
    assert values.is_contiguous()


class Block(nn.Module):
    """Both ways of looking at a reference and across frames, as a network would use them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.temporal = TemporalAttention(WIDTH, HEADS, 6)
        self.reference = ReferenceAttention(WIDTH, HEADS, 5)
        self.both = ReferenceAttention(WIDTH, HEADS, WIDTH, own_tokens=True)
        nn.init.normal_(self.temporal.to_out.weight)

    def forward(self, x: Tensor, k: Tensor, v: Tensor) -> Tensor:
        x = x + self.temporal(x)
        x = x + self.reference(x, k, v)
        return x + self.both(x, k, v)


@pytest.mark.parametrize("frames", [1, 4])
def test_onnx_gives_the_same_numbers(frames: int) -> None:
    block = Block().eval().requires_grad_(False)
    x, features = randn(frames, PLACES, WIDTH).float(), randn(1, 7, 5).float()
    k, v = block.reference.project(features)
    inputs = {"x": x, "k": k, "v": v}
    runtime = RuntimeSettings(kind=RuntimeKind.OPENVINO, precision=Precision.F32, num_threads=1)
    got = load_network(block, inputs, ("out",), runtime).run(inputs)["out"]
    torch.testing.assert_close(got, block(x, k, v), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("dim", "heads", "max_frames"), [(8, 3, 4), (7, 7, 4), (8, 2, 0), (8, 0, 4)])
def test_sizes_that_do_not_divide_are_refused(dim: int, heads: int, max_frames: int) -> None:
    with pytest.raises(ValueError, match=str(dim)):
        TemporalAttention(dim, heads, max_frames)


def test_own_tokens_need_one_width() -> None:
    with pytest.raises(ValueError, match="5"):
        ReferenceAttention(8, 2, 5, own_tokens=True)
