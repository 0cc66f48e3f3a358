"""Changes while it runs reuse every buffer and give no junk (property 5); reset equals new (property 7)."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.denoise.presets import PERSONA_LIVE, POCKET, RAIN, STREAM_DIFFUSION
from engine.denoise.settings import (
    NEEDS_NEGATIVE,
    Attend,
    Boot,
    BufferSettings,
    Drain,
    Entry,
    Guidance,
    NoiseKind,
)
from tests.engine.denoise.tiny import (
    ALONE,
    RecordedDraw,
    TinyNetwork,
    buffer_of,
    denoise_alone,
    pictures,
    poses,
    push_all,
    run,
    stacked,
)

SYSTEMS = {
    "pocket": replace(POCKET, levels=4, chunk=2),
    "shared noise": replace(ALONE, levels=2, noise=NoiseKind.SHARED),
    "streamdiffusion": STREAM_DIFFUSION,
    "full guidance": replace(STREAM_DIFFUSION, guidance=Guidance.FULL, boot=Boot.GROW, drain=Drain.SHRINK),
    "self guidance": replace(STREAM_DIFFUSION, levels=4, guidance=Guidance.SELF),
    "initialize guidance": replace(STREAM_DIFFUSION, levels=2, chunk=2, guidance=Guidance.INITIALIZE),
    "rain": replace(RAIN, chunk=2),
    "micro": replace(POCKET, levels=2, micro=3),
    "ring": replace(POCKET, levels=3, attend=Attend.OWN_LEVEL),
}


def style(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(300 + seed)
    return {"style": torch.randn(1, 2, dtype=torch.float64, generator=generator)}


def entering(system: BufferSettings, num_chunks: int, seed: int = 0) -> list[Tensor] | None:
    return pictures(num_chunks, system.chunk, seed) if system.entry is Entry.NOISED else None


def negative(system: BufferSettings) -> dict[str, Tensor] | None:
    return style(9) if system.guidance in NEEDS_NEGATIVE else None


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_changes_reuse_every_buffer_and_lose_no_frame(system: BufferSettings) -> None:
    network = TinyNetwork(system.attend)
    buffer = buffer_of(system, network)
    buffer.set_reference(style(0), negative(system))
    latents = entering(system, system.levels)
    push_all(buffer, poses(system.levels, system.chunk), latents)
    addresses = set(network.addresses)
    for seed in range(1, 6):
        buffer.set_reference(style(seed), negative(system))
        buffer.set_seed(seed)
        if system.guidance is not Guidance.NONE:
            buffer.set_guidance(1.0 + seed)
        (popped,) = push_all(buffer, poses(1, system.chunk, seed), entering(system, 1, seed))
        assert popped is not None
        assert bool(torch.isfinite(popped.latents).all())
    assert network.addresses == addresses


def test_a_new_reference_serves_all_rows_from_the_next_tick() -> None:
    """Each step of a frame uses the reference that was in force in its tick."""
    system = replace(ALONE, levels=3)
    draw, network, pose = RecordedDraw(), TinyNetwork(), poses(6, 1)
    buffer = buffer_of(system, network, draw)
    buffer.set_reference(style(0))
    before = push_all(buffer, pose[:3])
    buffer.set_reference(style(1))
    after = push_all(buffer, pose[3:], first_tag=3)
    came_out = [popped for popped in before + after if popped is not None]
    assert len(came_out) == 4
    for popped in came_out:
        index = popped.tag
        assert isinstance(index, int)
        ticks = iter(range(index, index + 3))

        def predict(x: Tensor, timestep: float, of_chunk: Tensor, ticks: object = ticks) -> Tensor:
            return network.alone(style(0) if next(ticks) < 3 else style(1))(x, timestep, of_chunk)

        expected = denoise_alone(system, predict, pose[index], [draw.drawn[index]])
        torch.testing.assert_close(popped.latents, expected, rtol=0, atol=1e-12)


def test_the_buffer_keeps_its_own_copy_of_the_reference() -> None:
    given = style(0)
    outputs = []
    for change in (0.0, 5.0):
        buffer = buffer_of(ALONE)
        buffer.set_reference(given)
        given["style"].add_(change)
        outputs.append(stacked(push_all(buffer, poses(1, 1))))
        given["style"].sub_(change)
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0)


def test_a_reference_with_other_names_is_taken_over() -> None:
    network = TinyNetwork()
    buffer = buffer_of(ALONE, network)
    outputs = []
    for reference in ({}, style(0), {**style(0), "unused": torch.ones(3)}, style(1)):
        buffer.set_reference(reference)
        buffer.reset()
        network.addresses.clear()
        outputs.append(stacked(push_all(buffer, poses(1, 1))))
        assert {name for name, _ in network.addresses} == {"latents", "pose", *reference}
    torch.testing.assert_close(outputs[1], outputs[2], rtol=0, atol=0)
    assert float((outputs[0] - outputs[1]).abs().max()) > 1e-3
    assert float((outputs[3] - outputs[1]).abs().max()) > 1e-3


def test_a_new_seed_gives_the_frames_of_that_seed() -> None:
    system = replace(ALONE, levels=2)
    pose = poses(6, 1)
    buffer = buffer_of(system, seed=1)
    push_all(buffer, pose[:3])
    buffer.set_seed(8)
    changed = push_all(buffer, pose[3:])[1:]  # the first to come out entered before
    fresh = push_all(buffer_of(system, seed=8), pose[3:])[1:]
    other = push_all(buffer_of(system, seed=1), pose[3:])[1:]
    torch.testing.assert_close(stacked(changed), stacked(fresh), rtol=0, atol=1e-12)
    assert float((stacked(changed) - stacked(other)).abs().max()) > 1e-3


def test_guidance_takes_effect_at_once() -> None:
    """One row: the prediction is linear in the scale, so the result of full guidance is, too."""
    system = replace(ALONE, guidance=Guidance.FULL)
    buffer = buffer_of(system)
    buffer.set_reference(style(0), style(1))
    results = []
    for scale in (1.0, 2.0, 3.0):
        buffer.set_seed(0)
        buffer.set_guidance(scale)
        results.append(stacked(push_all(buffer, poses(1, 1))))
    assert float((results[1] - results[0]).abs().max()) > 1e-3
    torch.testing.assert_close(results[2] - results[1], results[1] - results[0], rtol=0, atol=1e-12)


def test_there_is_no_scale_without_guidance() -> None:
    with pytest.raises(ValueError, match=r"2\.5"):
        buffer_of(POCKET).set_guidance(2.5)


def test_a_negative_reference_goes_with_full_guidance_only() -> None:
    with pytest.raises(ValueError, match="FULL"):
        buffer_of(POCKET).set_reference(style(0), style(1))
    with pytest.raises(ValueError, match="FULL"):
        buffer_of(SYSTEMS["full guidance"]).set_reference(style(0))


@pytest.mark.parametrize("end", ["reset", "drain", "half a drain and reset"])
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_reset_equals_new(system: BufferSettings, end: str) -> None:
    """Bit for bit, for every kind of noise, after a stream of other frames."""
    used = buffer_of(system, seed=4)
    used.set_reference(style(0), negative(system))
    push_all(used, poses(7, system.chunk, seed=1), entering(system, 7, seed=1))
    if end == "drain":
        list(used.drain())
    else:
        if end != "reset":
            next(used.drain(), None)
        used.reset()
    new = buffer_of(system, seed=4)
    new.set_reference(style(0), negative(system))
    assert used.num_rows == new.num_rows == 0
    pose, latents = poses(8, system.chunk), entering(system, 8)
    first, second = run(used, pose, latents), run(new, pose, latents)
    assert len(first) == 8
    torch.testing.assert_close(stacked(first), stacked(second), rtol=0, atol=0)


def test_reset_after_fill_equals_new() -> None:
    system = replace(PERSONA_LIVE, chunk=2)
    buffer, results = buffer_of(system), []
    reference, pose = pictures(1, 1)[0], poses(6, 2)
    for _ in range(2):
        buffer.fill({"pose": torch.cat(pose[:3])}, reference)
        results.append(stacked(run(buffer, pose[3:], [reference] * 3)))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)


def test_conditions_may_change_their_shape_only_while_no_row_is_under_way() -> None:
    class Any(TinyNetwork):
        def __call__(self, latents: Tensor, *_: object) -> Tensor:
            return torch.zeros_like(latents)

    buffer = buffer_of(replace(ALONE, levels=2), Any())
    buffer.push({"pose": torch.zeros(1, 2)})
    with pytest.raises(ValueError, match=r"\(1, 3\)"):
        buffer.push({"pose": torch.zeros(1, 3)})
    with pytest.raises(ValueError, match="depth"):
        buffer.push({"depth": torch.zeros(1, 2)})
    buffer.reset()
    buffer.push({"pose": torch.zeros(1, 3)})
    popped = buffer.push({"pose": torch.ones(1, 3)})
    assert popped is not None
    assert popped.conditions["pose"].tolist() == [[0.0, 0.0, 0.0]]
