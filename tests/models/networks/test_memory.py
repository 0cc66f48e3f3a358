"""The decoder's memory block: by frames, by chunks and at once give the same pictures (property 6)."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from models.networks.memory import MemBlock


class TinyDecoder(nn.Module):
    """Two blocks with a doubling of size between them, each with its own memory."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = MemBlock(4), MemBlock(4)
        self.double().requires_grad_(False)

    def initial(self) -> tuple[Tensor, Tensor]:
        return self.first.initial_memory(3, 3), self.second.initial_memory(6, 6)

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        x, first = self.first(x, memory[0])
        x, second = self.second(x.repeat_interleave(2, 2).repeat_interleave(2, 3), memory[1])
        return x, (first, second)


def clip(frames: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(frames, 4, 3, 3, dtype=torch.float64, generator=generator)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(1, 4), min_size=1, max_size=6))
def test_streaming_decode_equals_decoding_the_whole_clip(lengths: list[int]) -> None:
    decoder, latents = TinyDecoder(), clip(sum(lengths))
    whole, end = decoder(latents, decoder.initial())
    memory, pieces = decoder.initial(), []
    for chunk in latents.split(lengths):
        piece, memory = decoder(chunk, memory)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=0, atol=1e-12)
    for ours, theirs in zip(memory, end, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_a_frame_depends_on_itself_and_the_one_before() -> None:
    block, latents = MemBlock(4).double().requires_grad_(False), clip(5)
    changed = latents.clone()
    changed[2] += 1.0
    first, second = (block(x, block.initial_memory(3, 3))[0] for x in (latents, changed))
    moved = (first - second).abs().flatten(1).amax(dim=1) > 1e-9
    assert moved.tolist() == [False, False, True, True, False]


def test_the_memory_is_the_input_of_the_last_frame() -> None:
    block, latents = MemBlock(4).double().requires_grad_(False), clip(3)
    _, memory = block(latents, block.initial_memory(3, 3))
    torch.testing.assert_close(memory, latents[-1:], rtol=0, atol=0)


def test_sequences_of_a_batch_have_their_own_memory() -> None:
    block, latents = MemBlock(4).double().requires_grad_(False), clip(6)
    memories = clip(8)[6:]
    together, end = block(latents, memories)
    for index in range(2):
        alone, last = block(latents[3 * index : 3 * index + 3], memories[index : index + 1])
        torch.testing.assert_close(together[3 * index : 3 * index + 3], alone, rtol=0, atol=1e-12)
        torch.testing.assert_close(end[index : index + 1], last, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_first_memory_is_of_the_weights_kind(dtype: torch.dtype) -> None:
    memory = MemBlock(4).to(dtype).initial_memory(5, 7)
    assert memory.dtype is dtype
    assert memory.shape == (1, 4, 5, 7)
    assert torch.count_nonzero(memory) == 0
