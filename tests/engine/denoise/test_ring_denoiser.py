"""Compiled networks with rings: the same numbers and the same rings from every runtime, written in place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.denoise.memory import LIVE2DIFF_RING, KvFormat, KvRing
from engine.denoise.ring_denoiser import RingDenoiser, WarmUpDenoiser
from models.networks.ring_graphs import RingShape, ring_graph
from models.networks.unet import TemporalConfig, UNet, UNetConfig
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from models.runtimes.traced import trace_model

TEMPORAL = TemporalConfig(heads=2, groups=8, max_frames=24, in_mid_block=False)
CONFIG = UNetConfig(widths=(16, 16), layers=1, heads=2, prompt_dim=8, groups=8, temporal=TEMPORAL)
CELLS, TOKENS, LEVELS = 4, 3, 2
SHAPE = RingShape(frames=0, height=CELLS, width=CELLS, prompt_tokens=TOKENS)


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(1)
    unet = UNet(CONFIG).eval().requires_grad_(requires_grad=False)
    for name, parameter in unet.named_parameters():
        if "norm" not in name:
            nn.init.normal_(parameter, std=0.5 / max(parameter[0].numel(), 1) ** 0.5)
    return unet


def runtime(kind: RuntimeKind) -> RuntimeSettings:
    return RuntimeSettings(kind=kind, precision=Precision.F32, num_threads=1)


class Streamed:
    """A warm-up and some calls on one runtime."""

    def __init__(self, unet: UNet, kind: RuntimeKind, kv_format: KvFormat = LIVE2DIFF_RING.format) -> None:
        layers = unet.temporal_layers(CELLS, CELLS)
        self.prompt = unet.project_prompt(randn(1, TOKENS, CONFIG.prompt_dim, seed=2))
        self.ring = KvRing(layers, replace(LIVE2DIFF_RING, format=kv_format), LEVELS)
        names, rows = tuple(layers), self.ring.tensors(0, 0, LEVELS)
        self.warm = WarmUpDenoiser(
            lambda frames: ring_graph(unet, replace(SHAPE, frames=frames)), names, runtime(kind)
        )
        self.denoise = RingDenoiser(
            lambda frames: ring_graph(unet, replace(SHAPE, frames=frames, ring=rows)),
            names,
            runtime(kind),
            LEVELS,
        )

    def run(self, calls: int) -> list[Tensor]:
        outputs = []
        for level in range(LEVELS):
            outputs.append(self.call(self.warm, 8, seed=10 + level, reference=self.prompt))
            self.ring.take_sinks(level, self.warm.sinks())
        self.ring.begin_after_sinks()
        for index in range(calls):
            reference = {**self.prompt, **self.ring.tensors(0, 0, LEVELS)}
            outputs.append(self.call(self.denoise, LEVELS, seed=30 + index, reference=reference))
            self.ring.advance(0, LEVELS)
        return outputs

    def call(self, network: object, frames: int, seed: int, reference: dict[str, Tensor]) -> Tensor:
        latents = randn(frames, CONFIG.in_channels, CELLS, CELLS, seed=seed)
        depth = {"depth": randn(frames, CONFIG.widths[0], CELLS, CELLS, seed=seed + 100)}
        out: Tensor = network(latents, torch.full((frames,), 399.0), depth, reference)  # type: ignore[operator]
        return out.clone()


def test_runtimes_agree_and_so_do_their_rings(unet: UNet) -> None:
    ours, theirs = (Streamed(unet, kind) for kind in (RuntimeKind.TORCH, RuntimeKind.OPENVINO))
    for one, other in zip(ours.run(10), theirs.run(10), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    mine, others = (each.ring.tensors(0, 0, LEVELS) for each in (ours, theirs))
    for name, values in mine.items():
        torch.testing.assert_close(values, others[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kv_format", KvFormat)
def test_a_large_network_is_traced_for_its_ticks_and_warmed_up_by_torch(
    unet: UNet, kv_format: KvFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.runtimes.export._LARGEST_FILE_BYTES", 0)
    traced: list[int] = []

    def counted(module: nn.Module, inputs: Mapping[str, Tensor], *others: Any) -> Any:
        traced.append(len(inputs["latents"]))
        return trace_model(module, inputs, *others)

    monkeypatch.setattr("models.runtimes.load.trace_model", counted)
    ours, theirs = (Streamed(unet, kind, kv_format) for kind in (RuntimeKind.TORCH, RuntimeKind.OPENVINO))
    # what is kept in 8 bits may round to the neighbour in one of the two
    near = 2e-2 if kv_format is KvFormat.INT8 else 2e-3
    for one, other in zip(ours.run(4), theirs.run(4), strict=True):
        torch.testing.assert_close(one, other, rtol=near, atol=near)
    assert traced == [LEVELS]


def test_a_call_writes_one_slot_of_each_level_and_where_it_lies(unet: UNet) -> None:
    streamed = Streamed(unet, RuntimeKind.TORCH)
    streamed.run(3)
    before = {name: (v.clone(), v.data_ptr()) for name, v in streamed.ring.tensors(0, 0, LEVELS).items()}
    reference = {**streamed.prompt, **streamed.ring.tensors(0, 0, LEVELS)}
    streamed.call(streamed.denoise, LEVELS, seed=99, reference=reference)
    for name, values in streamed.ring.tensors(0, 0, LEVELS).items():
        kept, address = before[name]
        assert values.data_ptr() == address
        if not name.startswith("ring."):
            changed = (values != kept).any(dim=-1).all(dim=(0, 1, 2))  # (W,)
            assert changed.nonzero().flatten().tolist() == [11]
            assert torch.equal(values[:, :, :, :11], kept[:, :, :, :11])
            assert torch.equal(values[:, :, :, 12:], kept[:, :, :, 12:])


def test_sinks_are_copies(unet: UNet) -> None:
    streamed = Streamed(unet, RuntimeKind.OPENVINO)
    streamed.call(streamed.warm, 8, seed=1, reference=streamed.prompt)
    first = streamed.warm.sinks()
    kept = {name: values.clone() for name, values in first.items()}
    streamed.call(streamed.warm, 8, seed=2, reference=streamed.prompt)
    assert all(torch.equal(first[name], values) for name, values in kept.items())
    assert all(values.shape[3] == 8 for values in kept.values())
