"""Seeds and blends of seeds: the same numbers each time, on every device the same."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.noise import LevelNoise, SeedBlend, SeededDraw
from engine.denoise.presets import STREAM_DIFFUSION
from engine.denoise.settings import LatentSpec
from models.diffusion.blending import Interpolation
from tests.engine.denoise.tiny import SPEC, TinyNetwork, pictures, poses, run, stacked


def drawn(seed: int | SeedBlend, shape: tuple[int, ...] = (2, 4, 8, 8)) -> torch.Tensor:
    draw, out = SeededDraw(), torch.empty(shape)
    draw.reseed(seed)
    draw(out)
    return out


def test_one_seed_is_torchs_own_sequence() -> None:
    """As the original draws it: float32, on the CPU, all levels at once."""
    torch.testing.assert_close(drawn(7), torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(7)))


def test_a_levels_noise_does_not_depend_on_how_many_there_are() -> None:
    """Torch fills blocks of 16 numbers, and 4 * 9 * 5 is no multiple of it: 72 x 40 pixels."""
    spec = LatentSpec(shape=(4, 9, 5))

    def noises(counts: tuple[int, ...], *, is_restarted: bool, **more: bool) -> Tensor:
        draw = SeededDraw()
        draw.reseed(7)
        strategy = LevelNoise(draw, spec, **more)
        for count in counts:
            strategy.set_num_noises(count)
        if is_restarted:
            draw.reseed(7)
            strategy.restart()
        return strategy._noise

    expected = noises((3,), is_restarted=False)
    for counts in ((3,), (1, 3), (2, 3), (1, 2, 3)):
        for is_restarted in (False, True):
            assert torch.equal(noises(counts, is_restarted=is_restarted), expected)
    assert torch.equal(noises((5,), is_restarted=True)[:3], expected)
    published = torch.randn(3, 4, 9, 5, generator=torch.Generator().manual_seed(7))
    assert torch.equal(noises((3,), is_restarted=True, at_once=True), published)
    assert not torch.equal(noises((5,), is_restarted=True, at_once=True)[:3], published)


def test_a_blend_lies_between_its_seeds() -> None:
    for interpolation in Interpolation:
        ends = [SeedBlend(seeds=(1, 2), weights=w, interpolation=interpolation) for w in ((1, 0), (0, 1))]
        for seed, end in zip((1, 2), ends, strict=True):
            torch.testing.assert_close(drawn(end), drawn(seed), rtol=1e-4, atol=1e-5)
        middle = drawn(SeedBlend(seeds=(1, 2), weights=(1, 1), interpolation=interpolation))
        assert float(middle.std()) == pytest.approx(1.0, abs=0.1)
        assert float((middle - drawn(1)).norm()) == pytest.approx(float((middle - drawn(2)).norm()), rel=0.05)


def test_a_blend_gives_way_to_a_seed_again() -> None:
    draw, out = SeededDraw(), torch.empty(1, 4, 8, 8)
    draw.reseed(SeedBlend(seeds=(1, 2, 3), weights=(1, 1, 1)))
    draw(out)
    draw.reseed(9)
    draw(out)
    torch.testing.assert_close(out, drawn(9, (1, 4, 8, 8)), rtol=0, atol=0)


def test_the_buffer_takes_a_blend_in_mid_stream() -> None:
    blend = SeedBlend(seeds=(1, 2), weights=(3, 1))
    system = replace(STREAM_DIFFUSION, levels=2)
    pose, latents = poses(5, 1), pictures(5, 1)
    changed = RollingBuffer(TinyNetwork(), system, SPEC, seed=1)
    run(changed, pose, latents)
    changed.set_seed(blend)
    fresh = RollingBuffer(TinyNetwork(), system, SPEC, seed=blend)
    torch.testing.assert_close(stacked(run(changed, pose, latents)), stacked(run(fresh, pose, latents)))


@pytest.mark.parametrize(
    ("seeds", "weights", "said"), [((1,), (1, 2), "1 seeds, got 2"), ((1, 2), (0, 0), "not all")]
)
def test_blends_that_mean_nothing_are_refused(
    seeds: tuple[int, ...], weights: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        SeedBlend(seeds=seeds, weights=weights)
