"""What a stream needs is what it takes, and what does not fit is refused with what would."""

from dataclasses import replace

import pytest
import torch

from engine.denoise.memory import LIVE2DIFF_RING, KvFormat, KvRing
from engine.errors import MemoryTooSmallError
from engine.live2diff.memory import StreamSize, check_memory, plan_memory
from models.networks.unet import TemporalConfig, UNet, UNetConfig
from models.runtimes.free_memory import free_memory

TEMPORAL = TemporalConfig(max_frames=24, in_mid_block=False)
FULL = UNetConfig(temporal=TEMPORAL)
TINY = UNetConfig(widths=(32, 64), layers=1, heads=4, prompt_dim=32, groups=8, temporal=TEMPORAL)
SIZE = StreamSize(width=512, height=512, levels=2)
EIGHT_BITS = replace(LIVE2DIFF_RING, format=KvFormat.INT8)


@pytest.mark.parametrize(
    ("width", "height", "gigabytes"), [(512, 512, 1.520), (384, 384, 0.855), (768, 512, 2.281)]
)
def test_full_size_rings_are_as_large_as_the_published_ones(
    width: int, height: int, gigabytes: float
) -> None:
    plan = plan_memory(FULL, StreamSize(width=width, height=height, levels=2))
    assert plan.rings / 2 / 1e9 == pytest.approx(gigabytes, abs=6e-4)
    assert plan.weights / 1e9 == pytest.approx(2.55, abs=0.01)
    assert f"{plan.rings / 2e9:.2f} GB a level" in plan.text


@pytest.mark.parametrize("ring", [LIVE2DIFF_RING, replace(LIVE2DIFF_RING, format=KvFormat.HALF), EIGHT_BITS])
def test_the_plan_is_what_a_ring_takes(ring: object) -> None:
    size = replace(SIZE, width=64, height=32, levels=3, dtype=torch.float32, ring=ring)
    layers = UNet(TINY).temporal_layers(4, 8)
    assert plan_memory(TINY, size).rings == KvRing(layers, size.ring, 3).num_bytes


def test_sixteen_bits_are_half_of_a_network_s_thirty_two() -> None:
    whole = replace(SIZE, dtype=torch.float32)
    half = replace(whole, ring=replace(LIVE2DIFF_RING, format=KvFormat.HALF))
    assert 2 * plan_memory(TINY, half).rings == plan_memory(TINY, whole).rings


def test_eight_bits_take_little_more_than_half() -> None:
    small = plan_memory(FULL, replace(SIZE, ring=EIGHT_BITS)).rings / plan_memory(FULL, SIZE).rings
    assert 0.5 < small < 0.53


def test_one_level_is_one_and_little_is_said_in_megabytes() -> None:
    text = plan_memory(TINY, StreamSize(width=64, height=64, levels=1)).text
    assert text.startswith("64 x 64 at 1 level needs ")
    assert "a level" not in text
    assert "0.00 GB" not in text
    assert " MB of keys and values," in text


def test_what_does_not_fit_is_refused_with_what_does() -> None:
    size = replace(SIZE, levels=4)
    with pytest.raises(MemoryTooSmallError) as caught:
        check_memory(FULL, size, int(9e9))
    assert "512 x 512 at 4 levels needs 12.31 GB" in caught.value.message
    assert "9.00 GB are free" in caught.value.message
    assert "2 levels" in caught.value.hint
    assert "3 levels" not in caught.value.hint
    assert "256 x 256 pixels (--size 256)" in caught.value.hint
    with pytest.raises(MemoryTooSmallError) as caught:
        check_memory(FULL, size, int(10e9))
    assert "8-bit keys and values (--kv-format 8bit)" in caught.value.hint
    with pytest.raises(MemoryTooSmallError, match="no smaller stream fits"):
        check_memory(FULL, size, int(1e9))


def test_what_fits_or_cannot_be_known_passes() -> None:
    assert check_memory(FULL, SIZE, int(24e9)).total < 24e9
    assert check_memory(FULL, SIZE, None).size == SIZE
    free = free_memory("cpu")
    assert free is None or free > 0
