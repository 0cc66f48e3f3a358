"""A cut is a cut; hands, turns, noise and lamps are none."""

import torch

from engine.condition.scene import SceneCut, SceneSettings


def scene(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 6, generator=generator) * 2 - 1
    return torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bilinear")


def test_a_cut_is_seen_once() -> None:
    cut = SceneCut()
    answers = [cut(scene(1))] + [cut(scene(1)) for _ in range(5)] + [cut(scene(2)) for _ in range(5)]
    assert answers == [False] * 6 + [True] + [False] * 4


def test_noise_a_hand_a_pan_and_a_lamp_are_no_cuts() -> None:
    cut, still = SceneCut(), scene(1)
    generator = torch.Generator().manual_seed(3)
    for index in range(40):
        shown = still + 0.1 * torch.randn(still.shape, generator=generator)
        if index % 3 == 1:
            shown[:, :, 30:60, 30:60] = 1.0
        if index % 2:
            shown = shown + 0.5
        assert not cut(torch.roll(shown, index, dims=3))


def test_a_reset_and_a_share_of_everything_see_no_cut() -> None:
    cut = SceneCut()
    cut(scene(1))
    cut.reset()
    assert not cut(scene(2))
    never = SceneCut(SceneSettings(share=1.0))
    never(scene(1))
    assert not never(scene(2))
