"""The bench compares like with like: the loop and the buffer give the same pictures under every guidance."""

import pytest
import torch

from engine.denoise.settings import Guidance
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.bench.streamdiffusion import SIZES, Loop, error_of, networks, race, stream

SIZE = SIZES["tiny"]
RUNTIME = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)


@pytest.mark.parametrize("guidance", [Guidance.NONE, Guidance.FULL, Guidance.SELF, Guidance.INITIALIZE])
def test_loop_and_buffer_paint_the_same(guidance: Guidance) -> None:
    model = networks(SIZE, "cpu")
    prompts = torch.randn(2, 77, 768, generator=torch.Generator().manual_seed(1))
    found = {
        "loop torch f32": Loop(model, 2, guidance, prompts),
        "buffer": stream(model, SIZE, 2, guidance, prompts, RUNTIME),
    }
    seconds = race(found, SIZE, 1, 1, "cpu")
    assert {name: len(times) for name, times in seconds.items()} == {"loop torch f32": 1, "buffer": 1}
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1
    error = error_of(found, "buffer", pixels)
    assert error is not None
    assert error < 1e-5
    assert (
        float(
            error_of({**found, "buffer": lambda x: 1.01 * found["loop torch f32"](x)}, "buffer", pixels) or 0
        )
        > 5e-3
    )
