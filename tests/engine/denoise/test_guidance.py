"""What must hold of every guidance, for any N, c and cfg_type: the invariants of StreamDiffusion.

I1 the residual noise and the picture make up the latents; I2 with delta 0, self guidance scales the
prediction; I3 a network that knows the noise gives the pictures back; I4 the buffer equals each frame alone;
I5 at scale 1 nothing guides; I6 the delay is N - 1; I7 a change of prompt or scale touches neither latents
nor noise.
"""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.guidance import SelfPredictor
from engine.denoise.presets import STREAM_DIFFUSION
from engine.denoise.settings import NEEDS_NEGATIVE, BufferSettings, Entry, Guidance
from models.diffusion.prediction import Prediction
from models.diffusion.timesteps import ListedTimesteps
from tests.engine.denoise.guided import (
    NEGATIVE,
    OTHER,
    SCALED,
    STYLE,
    Moment,
    Oracle,
    buffer_of,
    close,
    few,
    frame_alone,
    systems,
)
from tests.engine.denoise.tiny import (
    SPEC,
    RecordedDraw,
    TinyNetwork,
    kept,
    levels_alone,
    pictures,
    poses,
    push_all,
    run,
    stacked,
)

NUM_PUSHED = 12


@few
@given(system=systems(), scale=st.floats(1.0, 3.0), delta=st.floats(0.0, 1.0), num_chunks=st.integers(1, 6))
def test_rows_equal_frames_alone(system: BufferSettings, scale: float, delta: float, num_chunks: int) -> None:
    """I4 and I6, and none is lost at the end."""
    draw, network = RecordedDraw(), TinyNetwork()
    buffer = buffer_of(system, network, draw)
    buffer.set_guidance(scale, None if system.guidance is Guidance.FULL else delta)
    pose, latents = poses(num_chunks, system.chunk), pictures(num_chunks, system.chunk)
    came_out = run(buffer, pose, latents)
    assert [popped.tag for popped in came_out] == list(range(num_chunks))
    moment = Moment(scale=scale, delta=delta, noises=draw.drawn)
    for popped, of_chunk, entering in zip(came_out, pose, latents, strict=True):
        close(popped.latents, frame_alone(system, network, [moment] * system.levels, entering, of_chunk))


@few
@given(system=systems(), num_chunks=st.integers(1, 7))
def test_the_delay_is_one_tick_less_than_the_levels(system: BufferSettings, num_chunks: int) -> None:
    pose, latents = poses(num_chunks, system.chunk), pictures(num_chunks, system.chunk)
    given_back = push_all(buffer_of(system, TinyNetwork()), pose, latents)
    tags = [None if popped is None else popped.tag for popped in given_back]
    assert tags == [None] * min(system.levels - 1, num_chunks) + list(range(num_chunks - system.levels + 1))


@few
@given(system=systems(st.sampled_from([Guidance.SELF, Guidance.INITIALIZE])), num_chunks=st.integers(2, 6))
def test_residual_and_picture_make_up_the_latents(system: BufferSettings, num_chunks: int) -> None:
    """I1: ``sigma * r + alpha * z == X``; of self guidance, z is what the frame entered with."""
    seen: list[Tensor] = []

    class Watched(TinyNetwork):
        def __call__(self, latents: Tensor, *others: object) -> Tensor:
            seen.append(latents.clone())
            return super().__call__(latents, *others)  # type: ignore[arg-type]

    draw = RecordedDraw()
    buffer = buffer_of(system, Watched(), draw)
    latents = pictures(num_chunks, system.chunk)
    push_all(buffer, poses(num_chunks, system.chunk), latents)
    predictor = buffer._predict
    assert isinstance(predictor, SelfPredictor)
    rows = buffer._store.leading(system.levels)
    levels = list(reversed(levels_alone(system)[:-1]))
    for index, level in enumerate(levels):
        frames = slice(index * system.chunk, (index + 1) * system.chunk)
        x = seen[-1][frames]
        close(level.sigma * predictor.residual_noise[frames] + level.alpha * rows.anchor[frames], x)
        entered = num_chunks - system.levels + index
        if system.guidance is Guidance.SELF and entered >= 0:
            z = latents[entered]
            if system.entry is Entry.GIVEN:
                z = (z - levels[-1].sigma * draw.drawn[0][0]) / levels[-1].alpha
            close(rows.anchor[frames], z, 20.0)


@few
@given(system=systems(st.just(Guidance.SELF)), scale=st.floats(1.0, 3.0))
def test_without_delta_the_prediction_is_scaled(system: BufferSettings, scale: float) -> None:
    """I2: ``epsilon = scale * cond``."""

    class Scaled(TinyNetwork):
        def __call__(self, *inputs: object) -> Tensor:
            return scale * super().__call__(*inputs)  # type: ignore[arg-type]

    buffer = buffer_of(system, TinyNetwork())
    buffer.set_guidance(scale, 0.0)
    plain = buffer_of(replace(system, guidance=Guidance.NONE), Scaled())
    pose, latents = poses(5, system.chunk), pictures(5, system.chunk)
    close(stacked(run(buffer, pose, latents)), stacked(run(plain, pose, latents)))


@few
@given(system=systems(st.sampled_from(Guidance).filter(lambda guidance: guidance is not Guidance.EMBEDDED)))
def test_a_network_that_knows_the_noise_gives_the_pictures_back(system: BufferSettings) -> None:
    """I3, for every N, with and without added noise; the boundary scalings are 1e-6 away from it."""
    system = replace(system, entry=Entry.NOISED)
    if system.guidance is Guidance.SELF or system.guidance is Guidance.NONE:
        system = replace(system, diffusion=replace(system.diffusion, boundary=None))
    buffer = buffer_of(system, Oracle(levels_alone(system)))
    latents = pictures(6, system.chunk)
    given_back = [
        popped.latents.clone()
        for picture in latents
        if (popped := buffer.push({"picture": picture}, picture)) is not None
    ]
    assert len(given_back) == 6 - (system.levels - 1)
    for ours, theirs in zip(given_back, latents, strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@few
@given(system=systems())
def test_at_scale_one_nothing_guides(system: BufferSettings) -> None:
    """I5."""
    guiding = buffer_of(system, TinyNetwork())
    guiding.set_guidance(1.0)
    plain = buffer_of(replace(system, guidance=Guidance.NONE), TinyNetwork())
    pose, latents = poses(5, system.chunk), pictures(5, system.chunk)
    close(stacked(run(guiding, pose, latents)), stacked(run(plain, pose, latents)))


@few
@given(system=systems())
def test_a_change_of_prompt_or_scale_touches_nothing_else(system: BufferSettings) -> None:
    """I7: latents, noise and what is kept of each frame are bit for bit those without the change."""
    pose, latents = poses(6, system.chunk), pictures(6, system.chunk)
    states = []
    for changes in (False, True):
        draw = RecordedDraw()
        buffer = buffer_of(system, TinyNetwork(), draw)
        push_all(buffer, pose[:4], latents[:4])
        if changes:
            buffer.set_reference(OTHER, NEGATIVE if system.guidance in NEEDS_NEGATIVE else None)
            buffer.set_guidance(2.5)
        rows = buffer._store.leading(system.levels)
        states.append([rows.latents.clone(), rows.noise.clone(), rows.anchor.clone(), *draw.drawn])
    for before, after in zip(*states, strict=True):
        assert torch.equal(before, after)


@few
@given(system=systems(st.sampled_from([Guidance.NONE, *SCALED])), data=st.data())
def test_any_changes_in_mid_stream_give_no_junk(system: BufferSettings, data: st.DataObject) -> None:
    """Prompt, scale, seed, N and timesteps change at will: no frame is lost to it but those that a smaller N
    overtakes, and every picture is finite and bounded."""
    network = TinyNetwork()
    grids = ListedTimesteps(lists=((99.0,), (359.0, 99.0), (639.0, 359.0, 99.0), (639.0, 479.0, 299.0, 99.0)))
    system = replace(system, diffusion=replace(system.diffusion, timesteps=grids))
    buffer = buffer_of(system, network)
    negative = NEGATIVE if system.guidance in NEEDS_NEGATIVE else None
    scale = [] if system.guidance is Guidance.NONE else ["scale"]
    changes = ["none", "prompt", "seed", "levels", "timesteps", *scale]
    dropped, came_out = 0, []
    for index in range(NUM_PUSHED):
        match data.draw(st.sampled_from(changes)):
            case "prompt":
                buffer.set_reference(data.draw(st.sampled_from([STYLE, OTHER])), negative)
            case "scale":
                buffer.set_guidance(data.draw(st.floats(1.0, 2.0)))
            case "seed":
                buffer.set_seed(data.draw(st.integers(0, 99)))
            case "levels":
                dropped += buffer.set_levels(data.draw(st.integers(1, 4)))
            case "timesteps":
                shifted = tuple(tuple(t - 10.0 for t in listed) for listed in grids.lists)
                lists = data.draw(st.sampled_from([grids.lists, shifted]))
                dropped += buffer.set_timesteps(ListedTimesteps(lists=lists))
        given_back = push_all(buffer, poses(1, system.chunk, index), pictures(1, system.chunk, index), index)
        came_out += [popped for popped in given_back if popped is not None]
    came_out += [kept(popped) for popped in buffer.drain()]
    tags = [popped.tag for popped in came_out]
    assert len(tags) == NUM_PUSHED - dropped
    assert tags == sorted(set(tags))
    assert bool(torch.isfinite(stacked(came_out)).all())
    # Four steps at scale 2 may make 100 of 1 with this network; what feeds on itself passes every bound.
    assert float(stacked(came_out).abs().max()) < 1e4


@pytest.mark.parametrize("guidance", [Guidance.NONE, *SCALED])
def test_new_timesteps_equal_a_new_buffer(guidance: Guidance) -> None:
    """Frames that enter after the change are those of a buffer that was built with it, and those before it
    are those of one without the change."""
    lists = ((99.0,), (499.0, 139.0))
    system = replace(STREAM_DIFFUSION, levels=2, guidance=guidance)
    later = replace(system, diffusion=replace(system.diffusion, timesteps=ListedTimesteps(lists=lists)))
    pose, latents = poses(7, 1), pictures(7, 1)
    buffer = buffer_of(system, TinyNetwork())
    push_all(buffer, pose[:3], latents[:3])
    assert buffer.set_timesteps(ListedTimesteps(lists=lists)) == 0
    changed = push_all(buffer, pose[3:], latents[3:])
    fresh = push_all(buffer_of(later, TinyNetwork()), pose[3:], latents[3:])
    unchanged = push_all(buffer_of(system, TinyNetwork()), pose, latents)[3]
    assert changed[0] is not None
    assert unchanged is not None
    close(changed[0].latents, unchanged.latents)  # the one that was under way finishes on its own levels
    close(stacked(p for p in changed[1:] if p is not None), stacked(p for p in fresh[1:] if p is not None))


def test_timesteps_that_cannot_be_change_nothing() -> None:
    buffer = buffer_of(STREAM_DIFFUSION, TinyNetwork())
    with pytest.raises(ValueError, match="must fall"):
        buffer.set_timesteps(ListedTimesteps(lists=((99.0, 499.0),)))
    assert push_all(buffer, poses(2, 1), pictures(2, 1))[1] is not None


@pytest.mark.parametrize("prediction", [Prediction.V, Prediction.X0])
@pytest.mark.parametrize("guidance", [Guidance.NONE, *SCALED])
def test_what_the_network_predicts_makes_no_difference(prediction: Prediction, guidance: Guidance) -> None:
    """The same network, asked for noise, for v, or for the picture, gives the same frames at any delta."""
    system = replace(STREAM_DIFFUSION, levels=3, chunk=2, guidance=guidance)
    levels = {level.timestep: level for level in levels_alone(system)}

    class Translated(TinyNetwork):
        def __call__(self, latents: Tensor, timesteps: Tensor, *others: object) -> Tensor:
            epsilon = super().__call__(latents, timesteps, *others)  # type: ignore[arg-type]
            points = [levels[t] for t in timesteps.tolist()]
            alpha = torch.tensor([p.alpha for p in points], dtype=torch.float64)[:, None, None, None]
            sigma = torch.tensor([p.sigma for p in points], dtype=torch.float64)[:, None, None, None]
            x0 = (latents - sigma * epsilon) / alpha
            return x0 if prediction is Prediction.X0 else alpha * epsilon - sigma * x0

    translated = replace(system, diffusion=replace(system.diffusion, prediction=prediction))
    pose, latents, outputs = poses(6, 2), pictures(6, 2), []
    for chosen, network in ((system, TinyNetwork()), (translated, Translated())):
        buffer = buffer_of(chosen, network)
        if guidance is not Guidance.NONE:
            buffer.set_guidance(1.7, None if guidance is Guidance.FULL else 0.6)
        outputs.append(stacked(run(buffer, pose, latents)))
    close(outputs[1], outputs[0])


@pytest.mark.parametrize("guidance", SCALED)
def test_one_evaluation_a_tick(guidance: Guidance) -> None:
    """Full guidance evaluates each frame twice, initialize the entering ones, self none, all in one call."""
    network = TinyNetwork()
    system = replace(STREAM_DIFFUSION, levels=4, chunk=2, guidance=guidance)
    push_all(buffer_of(system, network), poses(6, 2), pictures(6, 2))
    frames = {Guidance.FULL: 16, Guidance.SELF: 8, Guidance.INITIALIZE: 10}[guidance]
    assert network.calls == [frames] * 6


@pytest.mark.parametrize(("scale", "delta"), [(0.99, 1.0), (float("nan"), 1.0), (1.5, -0.1)])
def test_scales_out_of_range_are_refused(scale: float, delta: float) -> None:
    buffer = buffer_of(replace(STREAM_DIFFUSION, guidance=Guidance.SELF), TinyNetwork())
    with pytest.raises(ValueError, match=f"got {delta if scale > 1 else scale}"):
        buffer.set_guidance(scale, delta)


def test_delta_goes_with_guidance_by_residual() -> None:
    with pytest.raises(ValueError, match=r"0\.5"):
        buffer_of(replace(STREAM_DIFFUSION, guidance=Guidance.FULL), TinyNetwork()).set_guidance(1.2, 0.5)


def test_a_negative_reference_of_another_shape_is_refused() -> None:
    buffer = RollingBuffer(TinyNetwork(), replace(STREAM_DIFFUSION, guidance=Guidance.FULL), SPEC)
    buffer.set_reference(STYLE, {"other": torch.zeros(1, 2)})
    with pytest.raises(ValueError, match="expected a negative reference of shapes"):
        push_all(buffer, poses(1, 1), pictures(1, 1))
