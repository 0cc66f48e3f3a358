"""The eight things that must always hold (design, section 2), on tiny networks in float64.

Properties 5 and 7 are in ``test_hot_changes.py``, 6 in ``tests/models/networks/test_memory.py`` and 8 in
``test_kv_ring.py``. Tolerance where sums run in another order: 1e-12 absolute on values of order one.
"""

from dataclasses import replace

import pytest
import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler, LCMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.presets import POCKET
from engine.denoise.settings import (
    Attend,
    Boot,
    BufferSettings,
    DiffusionSettings,
    Drain,
    Entry,
    NoiseKind,
)
from models.diffusion.consistency import Boundary
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import DiscreteSchedule, FlowSchedule
from models.diffusion.solvers import Solver
from models.diffusion.timesteps import FlowTimesteps, LcmTimesteps, TrailingTimesteps
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

LCM = DiffusionSettings(
    schedule=DiscreteSchedule(),
    timesteps=LcmTimesteps(),
    prediction=Prediction.EPSILON,
    solver=Solver.RENOISE,
    boundary=Boundary(),
)
LCM_WITHOUT_NOISE = replace(LCM, solver=Solver.RESCALE)
DDIM = DiffusionSettings(
    schedule=DiscreteSchedule(),
    timesteps=TrailingTimesteps(),
    prediction=Prediction.V,
    solver=Solver.DDIM,
)
EULER = DiffusionSettings(
    schedule=FlowSchedule(),
    timesteps=FlowTimesteps(),
    prediction=Prediction.VELOCITY,
    solver=Solver.EULER,
)
SIZES = {"levels": st.integers(1, 5), "chunk": st.integers(1, 4), "micro": st.integers(1, 3)}


def systems(**choices: st.SearchStrategy[object]) -> st.SearchStrategy[BufferSettings]:
    """Return systems without attention, of any N, c, s and whatever else is to vary."""
    return st.builds(lambda **chosen: replace(ALONE, **chosen), **SIZES, **choices)


few = settings(max_examples=25, deadline=None, derandomize=True)


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


# 1. With nobody attending, the buffer equals denoising each frame alone with the same noise.


@few
@given(
    system=systems(
        diffusion=st.sampled_from([POCKET.diffusion, LCM, LCM_WITHOUT_NOISE, DDIM, EULER]),
        entry=st.sampled_from(Entry),
        boot=st.sampled_from([Boot.GROW, Boot.DROP]),
        drain=st.sampled_from(Drain),
    ),
    num_chunks=st.integers(1, 9),
)
def test_rows_alone_equal_frames_alone(system: BufferSettings, num_chunks: int) -> None:
    draw, network = RecordedDraw(), TinyNetwork()
    pose = poses(num_chunks, system.chunk)
    latents = None if system.entry is Entry.NOISE else pictures(num_chunks, system.chunk)
    came_out = run(buffer_of(system, network, draw), pose, latents)
    assert [popped.tag for popped in came_out] == list(range(num_chunks))
    for index, popped in enumerate(came_out):
        entering = None if latents is None else latents[index]
        noises = [draw.drawn[index]]
        expected = denoise_alone(system, network.alone(), pose[index], noises, latents=entering)
        assert_equal(popped.latents, expected)


@few
@given(**SIZES, num_chunks=st.integers(1, 7))
def test_fixed_noise_of_each_level_serves_all_rows(
    levels: int, chunk: int, micro: int, num_chunks: int
) -> None:
    system = replace(ALONE, levels=levels, chunk=chunk, micro=micro, diffusion=LCM, noise=NoiseKind.PER_LEVEL)
    draw, network, pose = RecordedDraw(), TinyNetwork(), poses(num_chunks, chunk)
    came_out = run(buffer_of(system, network, draw), pose)
    noises = [noise.expand(chunk, -1, -1, -1) for noise in draw.drawn]
    assert len(noises) == levels * micro
    for popped, of_chunk in zip(came_out, pose, strict=True):
        assert_equal(popped.latents, denoise_alone(system, network.alone(), of_chunk, noises))


def test_shared_noise_is_one_noise_for_all_frames() -> None:
    system = replace(ALONE, levels=3, chunk=2, noise=NoiseKind.SHARED)
    draw, network, pose = RecordedDraw(), TinyNetwork(), poses(5, 2)
    came_out = run(buffer_of(system, network, draw), pose)
    assert [len(noise) for noise in draw.drawn] == [1]
    noise = draw.drawn[0].expand(2, -1, -1, -1)
    for popped, of_chunk in zip(came_out, pose, strict=True):
        assert_equal(popped.latents, denoise_alone(system, network.alone(), of_chunk, [noise]))


# 2. One row with s = S evaluations equals S steps of diffusers' own sampler.


@pytest.mark.parametrize("num_steps", [1, 2, 4, 8])
def test_one_row_equals_the_lcm_scheduler(num_steps: int) -> None:
    # diffusers keeps its tables in float32, and an epsilon at timestep 999 is divided by alpha = 0.07.
    theirs = LCMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    theirs.set_timesteps(num_steps, original_inference_steps=50)
    assert_equals_scheduler(theirs, LCM, NoiseKind.FRESH, num_steps, tolerance=2e-5)


@pytest.mark.parametrize("num_steps", [1, 2, 4, 8])
def test_one_row_equals_the_ddim_scheduler(num_steps: int) -> None:
    theirs = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
    )
    theirs.set_timesteps(num_steps)
    assert_equals_scheduler(theirs, DDIM, NoiseKind.OWN, num_steps, tolerance=2e-5)


@pytest.mark.parametrize("num_steps", [1, 2, 4, 8])
def test_one_row_equals_the_flow_match_scheduler(num_steps: int) -> None:
    theirs = FlowMatchEulerDiscreteScheduler()
    theirs.set_timesteps(sigmas=list(FlowTimesteps()(num_steps)))
    in_thousands = replace(
        EULER,
        schedule=FlowSchedule(timestep_scale=1000.0),
        timesteps=FlowTimesteps(timestep_scale=1000.0),
    )
    # Theirs keeps the latents in float32 between the steps.
    assert_equals_scheduler(theirs, in_thousands, NoiseKind.OWN, num_steps, tolerance=2e-6)


def assert_equals_scheduler(
    theirs: LCMScheduler | DDIMScheduler | FlowMatchEulerDiscreteScheduler,
    diffusion: DiffusionSettings,
    noise: NoiseKind,
    num_steps: int,
    tolerance: float,
) -> None:
    system = replace(ALONE, micro=num_steps, chunk=2, diffusion=diffusion, noise=noise)
    network, pose = TinyNetwork(), poses(1, 2)[0]
    popped = buffer_of(system, network, seed=3).push({"pose": pose})
    assert popped is not None
    generator = torch.Generator().manual_seed(3)
    expected = torch.randn(popped.latents.shape, dtype=torch.float64, generator=generator)
    predict = network.alone()
    extra = {"generator": generator} if isinstance(theirs, LCMScheduler) else {}
    for timestep in theirs.timesteps:
        output = predict(expected, float(timestep), pose)
        expected = theirs.step(output, timestep, expected, **extra)[0].double()
    assert float((popped.latents - expected).norm() / expected.norm()) < tolerance


# 3. Popping gives c frames per s forwards, each after N * s evaluations.


@few
@given(system=systems(boot=st.sampled_from([Boot.GROW, Boot.DROP])), num_chunks=st.integers(1, 9))
def test_every_frame_is_evaluated_n_times_s(system: BufferSettings, num_chunks: int) -> None:
    levels, chunk, micro = system.levels, system.chunk, system.micro
    network = TinyNetwork()
    buffer = buffer_of(system, network)
    given_back = push_all(buffer, poses(num_chunks, chunk))
    assert len(network.calls) == num_chunks * micro
    assert [popped is None for popped in given_back] == [tick < levels - 1 for tick in range(num_chunks)]
    assert all(len(popped.latents) == chunk for popped in given_back if popped is not None)
    full = [levels * chunk] * (num_chunks * micro)
    growing = [min(tick + 1, levels) * chunk for tick in range(num_chunks) for _ in range(micro)]
    assert network.calls == (full if system.boot is Boot.DROP else growing)
    # The newest row meets the grid's first s timesteps in each tick, the oldest its last.
    grid = system.diffusion.timesteps(levels * micro)
    for tick in range(num_chunks):
        for micro_index in range(micro):
            timesteps = network.timesteps[tick * micro + micro_index]
            assert timesteps[-chunk:] == [grid[micro_index]] * chunk
            num_rows = len(timesteps) // chunk
            assert timesteps[:chunk] == [grid[(num_rows - 1) * micro + micro_index]] * chunk


# 4. A condition comes out N-1 ticks after its push; what has come out never changes.


@few
@given(system=systems(attend=st.sampled_from([Attend.NOBODY, Attend.ALL_ROWS])))
def test_conditions_travel_with_their_frames(system: BufferSettings) -> None:
    levels, chunk = system.levels, system.chunk
    pose = poses(levels + 5, chunk)
    buffer = buffer_of(system)
    given_back = push_all(buffer, pose)
    for tick, popped in enumerate(given_back):
        if tick < levels - 1:
            assert popped is None
            continue
        assert popped is not None
        assert popped.tag == tick - (levels - 1)
        torch.testing.assert_close(popped.conditions["pose"], pose[tick - (levels - 1)], rtol=0, atol=0)
    rest = [popped.conditions["pose"].clone() for popped in buffer.drain()]
    assert len(rest) == levels - 1
    for got, expected in zip(rest, pose[len(pose) - len(rest) :], strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.parametrize("attend", Attend)
@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize("chunk", [1, 2])
def test_earlier_frames_do_not_change(attend: Attend, levels: int, chunk: int) -> None:
    """Two streams that differ from chunk 6 on; under ``ALL_ROWS`` chunks still in the buffer may differ."""
    system = replace(POCKET, levels=levels, chunk=chunk, attend=attend)
    pose = poses(10, chunk)
    other = pose[:6] + poses(4, chunk, seed=1)
    first, second = (stacked(run(buffer_of(system), stream)) for stream in (pose, other))
    in_buffer = levels - 1 if attend is Attend.ALL_ROWS else 0
    untouched = 6 - in_buffer
    torch.testing.assert_close(first[:untouched], second[:untouched], rtol=0, atol=0)
    changed = (first[untouched:] - second[untouched:]).abs().flatten(1).amax(dim=1)
    assert bool((changed > 1e-6).all())
