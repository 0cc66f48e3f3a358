"""After the first ticks the buffer makes no tensor memory: every operation outside the network is watched."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.denoise.buffer import RollingBuffer
from engine.denoise.presets import LIVE2DIFF, PERSONA_LIVE, POCKET, RAIN, STREAM_DIFFUSION
from engine.denoise.settings import NEEDS_NEGATIVE, Attend, BufferSettings, Entry, Guidance, NoiseKind
from tests.engine.denoise.tiny import ALONE, SPEC, ring

SYSTEMS = {
    "pocket 1": POCKET,
    "pocket 4x4": replace(POCKET, levels=4, chunk=4),
    "shared noise": replace(ALONE, levels=2, noise=NoiseKind.SHARED),
    "streamdiffusion": STREAM_DIFFUSION,
    "full guidance": replace(STREAM_DIFFUSION, guidance=Guidance.FULL),
    "self guidance": replace(STREAM_DIFFUSION, levels=4, chunk=2, guidance=Guidance.SELF),
    "initialize guidance": replace(STREAM_DIFFUSION, levels=4, chunk=2, guidance=Guidance.INITIALIZE),
    "rain": RAIN,
    "personalive": PERSONA_LIVE,
    "live2diff": LIVE2DIFF,
    "micro steps": replace(POCKET, levels=2, micro=3),
    "ring": replace(POCKET, levels=3, micro=2, attend=Attend.OWN_LEVEL),
}


class Allocations(TorchDispatchMode):
    """Counts operations that return memory which they were not given."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = {storage(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **kwargs)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and storage(leaf) not in given:
                self.names.append(str(func))
        return result


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class StillNetwork:
    """Answers in memory of its own, so whatever is allocated is the buffer's."""

    def __init__(self) -> None:
        self.output = torch.zeros(64, *SPEC.shape, dtype=SPEC.dtype)

    def __call__(
        self, latents: Tensor, _levels: Tensor, _conditions: Mapping[str, Tensor], _reference: object
    ) -> Tensor:
        return self.output[: len(latents)]


def still_buffer(system: BufferSettings) -> RollingBuffer:
    memory = ring(system) if system.attend is Attend.OWN_LEVEL else None
    buffer = RollingBuffer(StillNetwork(), system, SPEC, memory=memory)
    style = {"style": torch.ones(1, 2)}
    buffer.set_reference(style, style if system.guidance in NEEDS_NEGATIVE else None)
    return buffer


@contextmanager
def counted() -> Iterator[list[str]]:
    with Allocations() as allocations:
        yield allocations.names


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_a_running_buffer_allocates_nothing(system: BufferSettings) -> None:
    buffer = still_buffer(system)
    conditions = {"pose": torch.zeros(system.chunk, 2), "depth": torch.zeros(system.chunk, 1, 2, 2)}
    latents = torch.zeros(system.chunk, *SPEC.shape) if system.entry is Entry.NOISED else None
    if system is PERSONA_LIVE:
        fill = {name: values.repeat(3, *[1] * (values.ndim - 1)) for name, values in conditions.items()}
        buffer.fill(fill, torch.zeros(1, *SPEC.shape))
    for _ in range(12):
        buffer.push(conditions, latents)
    with counted() as names:
        for tick in range(100):
            assert buffer.push(conditions, latents) is not None
            if tick % 10 == 0:
                buffer.set_seed(tick)
    assert names == []


def test_changes_while_it_runs_allocate_nothing() -> None:
    system = replace(RAIN, levels=4, chunk=2)
    buffer = still_buffer(system)
    conditions = {"pose": torch.zeros(2, 2)}
    reference = {"style": torch.full((1, 2), 2.0)}
    for _ in range(5):
        buffer.push(conditions)
    list(buffer.drain())
    with counted() as names:
        for tick in range(20):
            buffer.set_reference(reference)
            buffer.set_guidance(1.5)
            if tick % 10 == 9:
                list(buffer.drain())
            buffer.push(conditions)
    assert names == []


def test_the_watch_sees_an_allocation() -> None:
    held = torch.zeros(3)
    with counted() as names:
        held.add_(1.0)
        held[:2].mul_(2.0)
        assert names == []
        held + 1.0
    assert names == ["aten.add.Tensor"]
