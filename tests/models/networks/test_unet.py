"""The UNet: plain SD1.5 against diffusers, its parts, and that projecting once changes nothing."""

from dataclasses import replace

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from models.checkpoints.unet_keys import own_name, published_name
from models.networks.looks import IntoRing, Recording, WithReference
from models.networks.unet import TemporalConfig, UNet, UNetConfig, UNetInputs

TINY = UNetConfig(widths=(8, 16, 24, 24), heads=2, prompt_dim=12, groups=4)
TEMPORAL = TemporalConfig(heads=2, max_frames=16, groups=8)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network(config: UNetConfig, seed: int = 1) -> UNet:
    """A network in which nothing is zero, so that every part shows in the output."""
    torch.manual_seed(seed)
    unet = UNet(config).eval().requires_grad_(False)
    for name, parameter in unet.named_parameters():
        if "norm" not in name:
            nn.init.normal_(parameter, std=0.5 / max(parameter[0].numel(), 1) ** 0.5)
    return unet


def diffusers_unet(config: UNetConfig, **more: object) -> UNet2DConditionModel:
    torch.manual_seed(2)
    return UNet2DConditionModel(
        block_out_channels=config.widths,
        layers_per_block=config.layers,
        attention_head_dim=config.heads,
        cross_attention_dim=config.prompt_dim,
        norm_num_groups=config.groups,
        **more,
    ).eval()


@pytest.mark.parametrize("size", [(8, 16), (10, 12)])
@pytest.mark.parametrize("tokens", [1, 5])
def test_plain_unet_equals_diffusers(size: tuple[int, int], tokens: int) -> None:
    theirs = diffusers_unet(TINY)
    ours = UNet(TINY).eval()
    ours.load_state_dict({own_name(name): value for name, value in theirs.state_dict().items()})
    latents, timesteps = randn(3, 4, *size), torch.tensor([1.0, 500.0, 999.0])
    prompt = randn(1, tokens, 12, seed=1)
    with torch.no_grad():
        expected = theirs(latents, timesteps, prompt.expand(3, -1, -1)).sample
        got = ours(latents, timesteps, UNetInputs(prompt=ours.project_prompt(prompt)))
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_full_size_names_and_shapes_are_those_of_diffusers() -> None:
    with torch.device("meta"):
        theirs = diffusers_unet(UNetConfig(), sample_size=64)
        ours = UNet(UNetConfig())
    expected = {name: value.shape for name, value in theirs.state_dict().items()}
    assert {published_name(name): value.shape for name, value in ours.state_dict().items()} == expected
    assert all(own_name(published_name(name)) == name for name in ours.state_dict())


def test_guidance_embedding_is_added_before_the_first_layer() -> None:
    config = replace(TINY, guidance_dim=8)
    unet, latents, timesteps = network(config), randn(2, 4, 8, 8), torch.tensor([249.0, 499.0])
    prompt = unet.project_prompt(randn(1, 1, 12))
    one, other = (
        unet(latents, timesteps, UNetInputs(prompt=prompt, guidance_scale=torch.tensor([scale])))
        for scale in (1.0, 2.5)
    )
    assert float((one - other).abs().max()) > 1e-4
    with pytest.raises(ValueError, match="guidance_dim is 8"):
        unet(latents, timesteps, UNetInputs(prompt=prompt))
    with pytest.raises(ValueError, match="guidance_dim is 0"):
        network(TINY)(latents, timesteps, UNetInputs(prompt=prompt, guidance_scale=torch.ones(1)))


def test_control_is_added_to_what_conv_in_gives() -> None:
    unet, latents, timesteps = network(TINY), randn(2, 4, 8, 8), torch.tensor([249.0, 499.0])
    prompt, control = unet.project_prompt(randn(1, 3, 12)), randn(2, 8, 8, 8, seed=3)
    got = unet(latents, timesteps, UNetInputs(prompt=prompt, control=control))
    unet.conv_in.register_forward_hook(lambda _module, _given, out: out + control)
    torch.testing.assert_close(got, unet(latents, timesteps, UNetInputs(prompt=prompt)))


def test_a_reference_seen_through_the_networks_own_projections() -> None:
    """Reading a bank that holds a frame's own tokens doubles each key: the softmax gives the same."""
    unet, latents, timesteps = network(TINY), randn(1, 4, 8, 8), torch.tensor([499.0])
    prompt = unet.project_prompt(randn(1, 1, 12))
    banks: dict[str, Tensor] = {}
    expected = unet(latents, timesteps, UNetInputs(prompt=prompt, look=Recording(banks)))
    assert list(banks) == [part.layer for part in unet.spatial_transformers()]
    look = WithReference(unet.project_reference(banks))
    torch.testing.assert_close(unet(latents, timesteps, UNetInputs(prompt=prompt, look=look)), expected)
    other = WithReference(unet.project_reference({name: bank.flip(1) * 2 for name, bank in banks.items()}))
    changed = unet(latents, timesteps, UNetInputs(prompt=prompt, look=other))
    assert float((changed - expected).abs().max()) > 1e-4


def test_motion_modules_let_frames_see_each_other_and_nothing_else_does() -> None:
    latents, timesteps = randn(3, 4, 8, 8), torch.tensor([249.0, 499.0, 749.0])
    changed = latents.clone()
    changed[2] += 1.0
    for config, sees in ((TINY, False), (replace(TINY, temporal=TEMPORAL), True)):
        unet = network(config)
        inputs = UNetInputs(prompt=unet.project_prompt(randn(1, 1, 12)))
        moved = (unet(latents, timesteps, inputs) - unet(changed, timesteps, inputs))[:2].abs().max()
        assert (float(moved) > 1e-4) is sees


@pytest.mark.parametrize(("in_mid", "count"), [(True, 2 * 21), (False, 2 * 20)])
def test_temporal_layers_are_named_and_sized_in_the_order_of_the_pass(in_mid: bool, count: int) -> None:
    unet = network(replace(TINY, temporal=replace(TEMPORAL, in_mid_block=in_mid)))
    layers = unet.temporal_layers(10, 12)
    seen: dict[str, tuple[int, int, int]] = {}

    class Note:
        def __call__(self, attention: nn.Module, x: Tensor, layer: str) -> Tensor:
            seen[layer] = (attention.heads, x.shape[1], x.shape[2] // attention.heads)
            return torch.zeros_like(x)

    prompt = unet.project_prompt(randn(1, 1, 12))
    unet(randn(1, 4, 10, 12), torch.zeros(1), UNetInputs(prompt=prompt, across=Note()))
    assert list(seen.items()) == list(layers.items())
    assert len(layers) == count


def test_streaming_through_a_ring_equals_one_pass_with_a_mask() -> None:
    """One level, eight warm-up frames as one chunk, then one frame at a time (Live2Diff), in float64."""
    unet = network(replace(TINY, temporal=replace(TEMPORAL, in_mid_block=False))).double()
    frames, warm, size = 12, 8, (4, 4)
    latents, timesteps = randn(frames, 4, *size).double(), torch.full((frames,), 399.0)
    prompt = {name: v.double() for name, v in unet.project_prompt(randn(1, 3, 12).double()).items()}
    mask = torch.zeros(frames, frames, dtype=torch.float64)
    for row in range(frames):
        mask[row, max(row + 1, warm) :] = float("-inf")

    class Masked:
        def __call__(self, attention: nn.Module, x: Tensor, _layer: str) -> Tensor:
            return attention(x, mask)

    expected = unet(latents, timesteps, UNetInputs(prompt=prompt, across=Masked()))
    caches = {
        f"{layer}.{kind}": torch.zeros(1, heads, cells, 16, width, dtype=torch.float64)
        for layer, (heads, cells, width) in unet.temporal_layers(*size).items()
        for kind in ("keys", "values")
    }
    done = 0
    while done < frames:
        chunk = warm if done == 0 else 1
        newest = torch.arange(done, done + chunk)
        closed = torch.cat([torch.arange(16) >= done, torch.zeros(chunk, dtype=torch.bool)])
        tables = {
            "ring.write_index": newest[None],
            "ring.position_index": torch.cat([torch.arange(16), newest])[None],
            "ring.bias": torch.zeros(1, 16 + chunk).double().masked_fill(closed, float("-inf")),
        }
        rows = slice(done, done + chunk)
        across = IntoRing(caches | tables)
        got = unet(latents[rows], timesteps[rows], UNetInputs(prompt=prompt, across=across))
        torch.testing.assert_close(got, expected[rows], rtol=0, atol=1e-10)
        done += chunk
