"""The remembering decoder at work: row by row equals the whole clip, and it can forget."""

import numpy as np
import pytest
import torch

from engine.decode_video import VideoDecoder
from models.networks.taesdv import Taesdv
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings

RUNTIME = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
PICTURE = torch.zeros(1, 4, 16, 16)


@pytest.fixture
def codec() -> Taesdv:
    torch.manual_seed(0)
    return Taesdv(width=8).eval().requires_grad_(requires_grad=False)


def decoded(decoder: VideoDecoder, latents: torch.Tensor, chunk: int) -> np.ndarray:
    rows = [decoder.decode(row, {}, PICTURE) for row in latents.split(chunk)]
    return np.concatenate(rows)


def test_rows_of_any_length_give_the_same_pictures_and_forgetting_starts_again(codec: Taesdv) -> None:
    latents = torch.randn(4, 4, 2, 2, generator=torch.Generator().manual_seed(1))
    exact, _ = codec(latents, codec.initial_memories(2, 2))
    expected = (exact.clamp(0, 1) * 255 + 0.5).byte().permute(0, 2, 3, 1).numpy()
    for chunk in (1, 2, 4):
        decoder = VideoDecoder(codec, RUNTIME, chunk, size=16)
        first = decoded(decoder, latents, chunk)
        assert first.shape == (4, 16, 16, 4)
        assert (first[..., 3] == 255).all()
        assert int(np.abs(first[..., :3].astype(int) - expected).max()) <= 1
        decoder.reset()
        np.testing.assert_array_equal(decoded(decoder, latents, chunk), first)


def test_what_was_shown_is_not_written_again(codec: Taesdv) -> None:
    decoder = VideoDecoder(codec, RUNTIME, 1, size=16)
    shown = decoder.decode(torch.ones(1, 4, 2, 2), {}, PICTURE)
    kept = shown.copy()
    decoder.decode(-torch.ones(1, 4, 2, 2), {}, PICTURE)
    np.testing.assert_array_equal(shown, kept)
