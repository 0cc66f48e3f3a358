"""The invariants of guidance hold through changes of prompt, scale, delta, seed and N in mid-stream.

Numbers as in ``test_guidance.py``; every property is asked over N, c, the kind of guidance, with and without
added noise, and over lists of changes, one before each call.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.buffer import Popped, RollingBuffer
from engine.denoise.feedback import LatentFeedback
from engine.denoise.guidance import SelfPredictor
from engine.denoise.noise import LevelNoise, Seed, SeedBlend, SeededDraw
from engine.denoise.settings import NEEDS_NEGATIVE, BufferSettings, Entry, Guidance
from models.diffusion.blending import Interpolation
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
from tests.engine.denoise.tiny import SPEC, TinyNetwork, kept, pictures, poses, stacked

NUM_CALLS = 8
LISTS = ((159.0,), (459.0, 99.0), (639.0, 359.0, 99.0), (639.0, 479.0, 299.0, 99.0))
ALL_GUIDANCE = st.sampled_from([Guidance.NONE, *SCALED])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """What is changed before a call; None leaves it."""

    style: Mapping[str, Tensor] | None = None
    scale: float | None = None
    delta: float | None = None
    seed: Seed | None = None
    levels: int | None = None

    def apply(self, buffer: RollingBuffer, guidance: Guidance) -> int:
        """Change it; return how many rows that dropped."""
        if self.style is not None:
            buffer.set_reference(self.style, NEGATIVE if guidance in NEEDS_NEGATIVE else None)
        if self.scale is not None and guidance is not Guidance.NONE:
            buffer.set_guidance(self.scale, None if guidance is Guidance.FULL else self.delta)
        if self.seed is not None:
            buffer.set_seed(self.seed)
        return 0 if self.levels is None else buffer.set_levels(self.levels)


def blends() -> st.SearchStrategy[SeedBlend]:
    return st.builds(
        lambda seeds, weights, interpolation: SeedBlend(
            seeds=seeds, weights=(*weights, 1.0), interpolation=interpolation
        ),
        st.tuples(*[st.integers(0, 99)] * 3),
        st.tuples(*[st.floats(0.0, 3.0)] * 2),
        st.sampled_from(Interpolation),
    )


def seeds() -> st.SearchStrategy[Seed]:
    return st.one_of(st.integers(0, 99), blends())


def changes(scales: tuple[float, float] = (1.0, 2.0), max_levels: int = 4) -> st.SearchStrategy[list[Change]]:
    """One for each call; ``max_levels`` 0 leaves N alone."""
    kinds = [
        st.just(Change()),
        st.builds(Change, style=st.sampled_from([STYLE, OTHER])),
        st.builds(Change, scale=st.floats(*scales), delta=st.floats(0.0, 1.0)),
        st.builds(Change, seed=seeds()),
    ]
    if max_levels:
        kinds.append(st.builds(Change, levels=st.integers(1, max_levels)))
    return st.lists(st.one_of(kinds), min_size=NUM_CALLS, max_size=NUM_CALLS)


@st.composite
def changing(
    draw: st.DrawFn, guidance: st.SearchStrategy[Guidance] = ALL_GUIDANCE, entry: Entry | None = None
) -> BufferSettings:
    """Systems that have timesteps for every N."""
    system = draw(systems(guidance))
    diffusion = replace(system.diffusion, timesteps=ListedTimesteps(lists=LISTS))
    return replace(system, diffusion=diffusion, entry=system.entry if entry is None else entry)


def pushed(
    buffer: RollingBuffer, system: BufferSettings, planned: list[Change]
) -> Iterator[tuple[int, Popped | None]]:
    """Change and push call by call; yield how many rows the change dropped, and what came out."""
    pose, latents = poses(NUM_CALLS, system.chunk), pictures(NUM_CALLS, system.chunk)
    for call, change in enumerate(planned):
        dropped = change.apply(buffer, system.guidance)
        popped = buffer.push({"pose": pose[call]}, latents[call], call)
        yield dropped, None if popped is None else kept(popped)


def noises_of(buffer: RollingBuffer) -> list[Tensor]:
    assert isinstance(buffer._noise, LevelNoise)
    return list(buffer._noise._noise.clone().split(1))


def drawn(seed: Seed, num_noises: int) -> Tensor:
    draw, out = SeededDraw(), torch.empty(num_noises, *SPEC.shape, dtype=SPEC.dtype)
    draw.reseed(seed)
    for level in torch.split(out, 1):
        draw(level)
    return out


def after(moment: Moment, change: Change, buffer: RollingBuffer) -> Moment:
    if change.seed is not None:
        assert torch.equal(torch.cat(noises_of(buffer)), drawn(change.seed, len(noises_of(buffer))))
    return Moment(
        style=moment.style if change.style is None else change.style,
        scale=moment.scale if change.scale is None else change.scale,
        delta=moment.delta if change.delta is None else change.delta,
        noises=noises_of(buffer),
    )


def as_held(moment: Moment, guidance: Guidance) -> Moment:
    """Without guidance there is no scale."""
    return replace(moment, scale=1.0) if guidance is Guidance.NONE else moment


@few
@given(system=changing(), planned=changes())
def test_every_frame_is_the_textbooks_through_all_changes(
    system: BufferSettings, planned: list[Change]
) -> None:
    """I4: each step of each frame is the one that was asked for when it was made; none is lost but those
    that a smaller N overtakes."""
    network, moments, entered, came_out, dropped = TinyNetwork(), [], [], [], 0
    buffer = buffer_of(system, network)
    moment = Moment(noises=noises_of(buffer))
    for change, (lost, popped) in zip(planned, pushed(buffer, system, planned), strict=True):
        moment = after(moment, change, buffer)
        moments.append(as_held(moment, system.guidance))
        entered.append(buffer.num_levels)
        dropped += lost
        came_out += [] if popped is None else [popped]
    came_out += [kept(popped) for popped in buffer.drain()]
    assert len(came_out) == NUM_CALLS - dropped
    pose, latents = poses(NUM_CALLS, system.chunk), pictures(NUM_CALLS, system.chunk)
    moments += moments[-1:] * 4  # while it drains
    for popped in came_out:
        assert isinstance(popped.tag, int)
        levels = entered[popped.tag]
        held = moments[popped.tag : popped.tag + levels]
        expected = frame_alone(
            replace(system, levels=levels), network, held, latents[popped.tag], pose[popped.tag]
        )
        close(popped.latents, expected, float(expected.abs().max()))


@few
@given(system=changing(), planned=changes(max_levels=0))
def test_the_delay_stays_through_all_changes_but_of_n(system: BufferSettings, planned: list[Change]) -> None:
    """I6, and no gap and no junk row."""
    given_back = [popped for _, popped in pushed(buffer_of(system, TinyNetwork()), system, planned)]
    tags = [None if popped is None else popped.tag for popped in given_back]
    assert tags == [None] * (system.levels - 1) + list(range(NUM_CALLS - system.levels + 1))
    assert all(bool(torch.isfinite(popped.latents).all()) for popped in given_back if popped is not None)


@few
@given(
    system=changing(st.sampled_from([Guidance.SELF, Guidance.INITIALIZE]), Entry.NOISED), planned=changes()
)
def test_residual_and_picture_make_up_the_latents_through_all_changes(
    system: BufferSettings, planned: list[Change]
) -> None:
    """I1 after every call, each row at its own level; of self guidance, z stays what entered."""
    seen: list[Tensor] = []

    class Watched(TinyNetwork):
        def __call__(self, latents: Tensor, *others: object) -> Tensor:
            seen.append(latents.clone())
            return super().__call__(latents, *others)  # type: ignore[arg-type]

    buffer = buffer_of(system, Watched())
    predictor, latents = buffer._predict, pictures(NUM_CALLS, system.chunk)
    assert isinstance(predictor, SelfPredictor)
    for _ in pushed(buffer, system, planned):
        anchors = buffer._store.leading(len(buffer._rows)).anchor
        for index, row in enumerate(buffer._rows):
            level = row.plan.levels[row.step - 1]  # the one of the step that was just made
            frames = slice(index * system.chunk, (index + 1) * system.chunk)
            x = level.alpha * anchors[frames] + level.sigma * predictor.residual_noise[frames]
            close(x, seen[-1][frames], 100.0)
            if system.guidance is Guidance.SELF and row.is_real:
                assert isinstance(row.tag, int)
                close(anchors[frames], latents[row.tag], 20.0)


@few
@given(system=changing(st.just(Guidance.SELF)), scale=st.floats(1.0, 2.0), planned=changes())
def test_without_delta_the_prediction_is_scaled_through_all_changes(
    system: BufferSettings, scale: float, planned: list[Change]
) -> None:
    """I2, the scale changing with the rest."""
    scales = [scale]
    for change in planned:
        scales.append(scales[-1] if change.scale is None else change.scale)

    class Scaled(TinyNetwork):
        def __call__(self, *inputs: object) -> Tensor:
            return scales[len(self.calls) + 1] * super().__call__(*inputs)  # type: ignore[arg-type]

    buffer = buffer_of(system, TinyNetwork())
    buffer.set_guidance(scale, 0.0)
    without_delta = [replace(change, delta=0.0) for change in planned]
    plain = replace(system, guidance=Guidance.NONE)
    same(pushed(buffer, system, without_delta), pushed(buffer_of(plain, Scaled()), plain, planned))


@few
@given(system=changing(), planned=changes(scales=(1.0, 1.0)))
def test_at_scale_one_nothing_guides_through_all_changes(
    system: BufferSettings, planned: list[Change]
) -> None:
    """I5, for any delta."""
    plain = replace(system, guidance=Guidance.NONE)
    one, other = buffer_of(system, TinyNetwork()), buffer_of(plain, TinyNetwork())
    same(pushed(one, system, planned), pushed(other, plain, planned))


def same(ones: Iterator[tuple[int, Popped | None]], others: Iterator[tuple[int, Popped | None]]) -> None:
    """The same frames in the same calls."""
    for (_, one), (_, other) in zip(ones, others, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert one.tag == other.tag
            close(one.latents, other.latents, float(other.latents.abs().max()))


@few
@given(system=changing(entry=Entry.NOISED), planned=changes())
def test_a_network_that_knows_the_noise_gives_the_pictures_back_through_all_changes(
    system: BufferSettings, planned: list[Change]
) -> None:
    """I3: with delta 1, away from the noise that a frame holds is nowhere, whatever the scale."""
    diffusion = replace(system.diffusion, boundary=None)
    system = replace(system, diffusion=diffusion)
    levels = [diffusion.schedule.level(timestep) for listed in LISTS for timestep in listed]
    buffer, latents, came_out = buffer_of(system, Oracle(levels)), pictures(NUM_CALLS, system.chunk), []
    for call, change in enumerate(planned):
        replace(change, delta=1.0).apply(buffer, system.guidance)
        popped = buffer.push({"picture": latents[call]}, latents[call], call)
        came_out += [] if popped is None else [kept(popped)]
    came_out += [kept(popped) for popped in buffer.drain()]
    for popped in came_out:
        assert isinstance(popped.tag, int)
        torch.testing.assert_close(popped.latents, latents[popped.tag], rtol=1e-6, atol=1e-6)


@few
@given(system=changing(entry=Entry.NOISED), strength=st.floats(0.0, 0.4), scale=st.floats(1.0, 2.0))
def test_feedback_mixes_the_newest_frame_that_is_out(
    system: BufferSettings, strength: float, scale: float
) -> None:
    """A frame enters as ``(1 - s) * z + s * x0``, x0 the last frame that came out a call before."""
    network, feedback = TinyNetwork(), LatentFeedback(strength)
    buffer = buffer_of(system, network)
    if system.guidance is not Guidance.NONE:
        buffer.set_guidance(scale)
    moment = as_held(Moment(scale=scale, noises=noises_of(buffer)), system.guidance)
    pose, latents = poses(NUM_CALLS, system.chunk), pictures(NUM_CALLS, system.chunk)
    came_out, expected = [], []
    for call in range(NUM_CALLS):
        popped = buffer.push({"pose": pose[call]}, feedback.enter(latents[call]))
        newest = expected[call - system.levels][-1:] if call >= system.levels else latents[call]
        entering = (1.0 - strength) * latents[call] + strength * newest
        expected.append(frame_alone(system, network, [moment] * system.levels, entering, pose[call]))
        if popped is not None:
            feedback.leave(popped.latents)
            came_out.append(kept(popped))
    theirs = torch.stack(expected[: len(came_out)])
    close(stacked(came_out), theirs, float(theirs.abs().max()))


@few
@given(blend=blends(), factor=st.floats(0.1, 10.0), system=changing())
def test_a_blend_of_seeds_counts_by_the_ratios_of_its_weights(
    blend: SeedBlend, factor: float, system: BufferSettings
) -> None:
    """A stream changed to a blend is that of the blend, also with one more seed that weighs nothing."""
    weights = tuple(factor * weight for weight in blend.weights)
    same_blends = [
        blend,
        replace(blend, weights=weights),
        replace(blend, seeds=(*blend.seeds, 7), weights=(*blend.weights, 0.0)),
    ]
    streams = []
    for each in same_blends:
        planned = [Change(), Change(), Change(seed=each), *[Change()] * 5]
        given_back = pushed(buffer_of(system, TinyNetwork()), system, planned)
        streams.append(stacked(popped for _, popped in given_back if popped is not None))
    for stream in streams[1:]:
        torch.testing.assert_close(stream, streams[0], rtol=1e-5, atol=1e-5)
