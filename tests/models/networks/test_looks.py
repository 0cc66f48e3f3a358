"""Who sees whom across frames: each kind of look is the attention under its own mask, and nothing else."""

import pytest
import torch
from torch import Tensor

from models.networks.attention import TemporalAttention
from models.networks.looks import BothWays, EachAlone, OlderRows, TemporalLook

FRAMES, PLACES, WIDTH = 6, 3, 8


@pytest.fixture
def attention() -> TemporalAttention:
    torch.manual_seed(2)
    layer = TemporalAttention(WIDTH, heads=2, max_frames=8).requires_grad_(requires_grad=False)
    torch.nn.init.normal_(layer.to_out.weight)
    return layer


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(FRAMES, PLACES, WIDTH, generator=torch.Generator().manual_seed(3))


def seen_by(look: TemporalLook, attention: TemporalAttention, tokens: Tensor) -> list[set[int]]:
    """Whose change each frame notices."""
    before = look(attention, tokens, "layer")
    seen: list[set[int]] = [set() for _ in range(FRAMES)]
    for changed in range(FRAMES):
        other = tokens.clone()
        other[changed] += 1.0
        moved = (look(attention, other, "layer") - before).flatten(1).abs().amax(dim=1) > 1e-4
        for frame in torch.nonzero(moved).flatten().tolist():
            seen[frame].add(changed)
    return seen


def test_each_kind_sees_whom_it_says(attention: TemporalAttention, tokens: Tensor) -> None:
    everyone = set(range(FRAMES))
    assert seen_by(BothWays(), attention, tokens) == [everyone] * FRAMES
    assert seen_by(EachAlone(), attention, tokens) == [{frame} for frame in range(FRAMES)]
    assert seen_by(OlderRows(), attention, tokens) == [set(range(frame + 1)) for frame in range(FRAMES)]


def test_frames_of_one_row_see_each_other_both_ways(attention: TemporalAttention, tokens: Tensor) -> None:
    rows = [{0, 1}, {0, 1}, {0, 1, 2, 3}, {0, 1, 2, 3}, set(range(6)), set(range(6))]
    assert seen_by(OlderRows(chunk=2), attention, tokens) == rows


def test_a_frame_alone_is_the_attention_under_a_diagonal_mask(
    attention: TemporalAttention, tokens: Tensor
) -> None:
    bias = torch.full((FRAMES, FRAMES), float("-inf")).fill_diagonal_(0.0)
    torch.testing.assert_close(EachAlone()(attention, tokens, "layer"), attention(tokens, bias))


def test_looks_tell_themselves_apart() -> None:
    texts = {repr(look) for look in (BothWays(), EachAlone(), OlderRows(), OlderRows(chunk=2))}
    assert len(texts) == 4
    assert repr(BothWays()) == repr(BothWays())
