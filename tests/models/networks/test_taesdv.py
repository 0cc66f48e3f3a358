"""The remembering decoder: chunk by chunk equals the whole clip, and memory matters."""

import pytest
import torch
from torch import Tensor

from models.networks.taesdv import Taesdv

FRAMES, CELLS = 6, (2, 3)


@pytest.fixture
def codec() -> Taesdv:
    torch.manual_seed(0)
    return Taesdv(width=8).eval().requires_grad_(False)


@pytest.fixture
def latents() -> Tensor:
    return torch.randn(FRAMES, 4, *CELLS, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_decoding_in_chunks_equals_the_whole_clip(codec: Taesdv, latents: Tensor, chunk: int) -> None:
    whole, last = codec(latents, codec.initial_memories(*CELLS))
    memories = codec.initial_memories(*CELLS)
    pictures = []
    for start in range(0, FRAMES, chunk):
        decoded, memories = codec(latents[start : start + chunk], memories)
        pictures.append(decoded)
    torch.testing.assert_close(torch.cat(pictures), whole)
    assert whole.shape == (FRAMES, 3, 16, 24)
    for got, expected in zip(memories, last, strict=True):
        torch.testing.assert_close(got, expected)


def test_a_frame_depends_on_the_one_before_and_on_no_later_one(codec: Taesdv, latents: Tensor) -> None:
    before, _ = codec(latents, codec.initial_memories(*CELLS))
    latents[3] += 1.0
    after, _ = codec(latents, codec.initial_memories(*CELLS))
    changed = (before - after).abs().amax(dim=(1, 2, 3)) > 1e-6
    assert changed.tolist() == [False] * 3 + [True] * 3


def test_memories_are_as_large_as_what_their_block_sees(codec: Taesdv) -> None:
    sizes = [tuple(memory.shape) for memory in codec.initial_memories(*CELLS)]
    expected = [(1, 8, h, w) for h, w in ((2, 3), (4, 6), (8, 12)) for _ in range(3)] + [(1, 8, 16, 24)]
    assert sizes == expected


def test_the_encoder_gives_one_latent_per_eight_pixels(codec: Taesdv) -> None:
    assert codec.encode(torch.rand(2, 3, 16, 24)).shape == (2, 4, *CELLS)
