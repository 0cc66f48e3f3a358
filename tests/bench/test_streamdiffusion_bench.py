"""The bench compares like with like: the loop and the buffer give the same pictures under every guidance."""

from dataclasses import replace

import pytest
import torch

from engine.denoise.settings import Guidance
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.bench.streamdiffusion import SIZES, Loop, Row, error_of, networks, race, stream, text_of

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


@pytest.mark.parametrize(("guidance", "lines"), [("none", 1), ("full", 1), ("self", 2), ("initialize", 2)])
def test_a_missing_row_of_diffusers_says_why(guidance: str, lines: int) -> None:
    row = Row(
        size="tiny", steps=2, guidance=guidance, contender="loop torch f32", fps=9.0, of_loop=1.0, error=0.0
    )
    text = text_of(row).splitlines()
    assert len(text) == lines
    assert ("diffusers pipeline" in text[-1] and f"the kind {guidance}" in text[-1]) == (lines == 2)
    assert len(text_of(replace(row, contender="buffer torch f32")).splitlines()) == 1
