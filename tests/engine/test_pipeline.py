"""Frames in, pictures out: order, tickets, ends, and hot changes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import FakeClock
from engine.latency import StageTimes
from engine.pipeline import STAGES, Cast, Machinery, Pipeline
from engine.settings import LossSettings
from engine.stand_in import StandIn
from engine.types import Origin, Picture, TrackState
from tests.fakes import (
    FakeBuffer,
    FakeDecoder,
    FakeRow,
    fake_ease,
    make_avatar,
    make_cast,
    make_frame,
    make_machinery,
    make_performance,
    make_ticket,
)


def build(machinery: Machinery | None = None, cast: Cast | None = None) -> Pipeline:
    cast = cast or make_cast()
    stand_in = StandIn(cast.performer, cast.resting, fake_ease, LossSettings())
    return Pipeline(stand_in, machinery or make_machinery(), cast, StageTimes(STAGES, FakeClock()))


def play(pipeline: Pipeline, indices: range) -> list[Picture]:
    pictures = []
    for index in indices:
        pictures += pipeline.step(make_ticket(index), make_performance(make_frame(index)))
    return pictures


@settings(deadline=None)  # a busy machine is no defect
@given(count=st.integers(0, 20), levels=st.sampled_from([1, 2, 4]), chunk=st.sampled_from([1, 2, 4]))
def test_every_frame_comes_out_once_in_order_with_its_own_times_and_pose(
    count: int, levels: int, chunk: int
) -> None:
    pipeline = build(make_machinery(levels, chunk))
    pictures = play(pipeline, range(count))
    assert len(pictures) == max(0, count // chunk - levels + 1) * chunk, "rows held back"
    pictures += pipeline.finish()
    assert [picture.frame_index for picture in pictures] == list(range(count))
    assert [picture.media_s for picture in pictures] == [index / 25 for index in range(count)]
    assert [picture.rgb[0, 0, 0] for picture in pictures] == list(range(count)), "the pose of that frame"


def test_pictures_say_on_whose_behalf_they_were_painted() -> None:
    pipeline = build()
    lost = make_performance(make_frame(0), TrackState.SEARCHING)
    [idle] = pipeline.step(make_ticket(0), lost)
    [avatar] = play(pipeline, range(1, 2))
    assert (idle.origin, avatar.origin) == (Origin.IDLE, Origin.AVATAR)


def test_after_finishing_it_is_as_new() -> None:
    machinery = make_machinery(2, 2)
    pipeline = build(machinery)
    play(pipeline, range(5))
    pipeline.finish()
    pictures = play(pipeline, range(4))
    assert [picture.frame_index for picture in pictures] == [0, 1]
    assert isinstance(machinery.decoder, FakeDecoder)
    assert machinery.decoder.resets == 1


def test_another_avatar_keeps_the_machinery_and_shows_no_mixture() -> None:
    machinery = make_machinery(levels=2)
    pipeline = build(machinery)
    play(pipeline, range(3))
    again = pipeline.recast(make_cast(make_avatar("bob")))
    assert again == 1, "the frame under way was in the old avatar's proportions"
    pictures = play(pipeline, range(3, 5))
    assert [picture.frame_index for picture in pictures] == [2, 3], "it starts again; none is lost"
    assert [picture.rgb[0, 0, 0] for picture in pictures] == [2, 3]
    buffer, decoder = machinery.buffer, machinery.decoder
    assert isinstance(buffer, FakeBuffer)
    assert isinstance(decoder, FakeDecoder)
    assert buffer.reference == {"name": "bob"}
    assert decoder.pictures == ["ada", "ada", "bob", "bob"]


@settings(deadline=None)  # a busy machine is no defect
@given(count=st.integers(0, 20), levels=st.sampled_from([1, 2, 4]), chunk=st.sampled_from([1, 2, 4]))
def test_another_avatar_loses_no_frame(count: int, levels: int, chunk: int) -> None:
    pipeline = build(make_machinery(levels, chunk))
    pictures = play(pipeline, range(count))
    under_way = count - len(pictures)
    assert pipeline.recast(make_cast(make_avatar("bob"))) == under_way
    pictures += play(pipeline, range(count, count + 3)) + pipeline.finish()
    assert [picture.frame_index for picture in pictures] == list(range(count + 3))


def test_another_avatar_fades_in_when_asked_to() -> None:
    cast = make_cast()
    stand_in = StandIn(cast.performer, cast.resting, fake_ease, LossSettings())
    times = StageTimes(STAGES, FakeClock())
    pipeline = Pipeline(stand_in, make_machinery(), cast, times, fade_s=0.16)
    play(pipeline, range(101))
    pipeline.recast(make_cast(make_avatar("bob")))
    pictures = play(pipeline, range(0, 6))
    leaving = [100 + (index - 100) * index / 4 for index in range(4)]
    assert [picture.rgb[0, 0, 0] for picture in pictures] == [round(value) for value in leaving] + [4, 5]


def test_another_stage_drops_nothing() -> None:
    pipeline = build(make_machinery(levels=2))
    play(pipeline, range(2))
    assert pipeline.recast(replace(pipeline.cast, composer=lambda rgba: rgba[:, :, :3] * 0 + 7)) == 0
    [picture] = play(pipeline, range(2, 3))
    assert picture.frame_index == 1
    assert picture.rgb.max() == 7


def test_another_source_forgets_person_and_frames_under_way() -> None:
    pipeline = build(make_machinery(levels=2))
    play(pipeline, range(2))
    assert pipeline.forget_person() == 1
    assert pipeline.finish() == []


def test_every_stage_is_timed() -> None:
    cast, times = make_cast(), StageTimes(STAGES, FakeClock())
    stand_in = StandIn(cast.performer, cast.resting, fake_ease, LossSettings())
    play(Pipeline(stand_in, make_machinery(), cast, times), range(1))
    assert list(times.summary()) == ["retarget", "condition", "denoise", "decode", "compose"]


def test_an_error_of_the_network_is_not_swallowed() -> None:
    machinery = make_machinery()
    assert isinstance(machinery.buffer, FakeBuffer)
    machinery.buffer.error = RuntimeError("boom")
    with pytest.raises(RuntimeError, match="boom"):
        play(build(machinery), range(1))


class Hoarder(FakeBuffer):
    """Gives nothing of the first three frames and all of them at the fourth; drops the newest when told."""

    def __init__(self) -> None:
        super().__init__()
        self.num_first = 4
        self.is_dropping = False

    def push(self, conditions: Mapping[str, Any], latents: Any = None, tag: object = None) -> FakeRow | None:
        del latents
        if not self.is_dropping:
            self.rows.append(FakeRow(conditions["x"], conditions, tag))
        if len(self.rows) < self.num_first:
            return None
        rows, self.num_first = [self.rows.popleft() for _ in range(self.num_first)], 1
        marks = tuple(mark for row in rows for mark in row.tag)  # type: ignore[attr-defined]
        return FakeRow(np.concatenate([row.latents for row in rows]), rows[-1].conditions, marks)


def test_frames_that_become_clean_together_keep_their_own_times_and_poses() -> None:
    pipeline = build(replace(make_machinery(), buffer=Hoarder()))
    counts = [len(play(pipeline, range(index, index + 1))) for index in range(3)]
    pictures = play(pipeline, range(3, 6))
    assert counts == [0, 0, 0]
    assert [picture.frame_index for picture in pictures] == list(range(6))
    assert [picture.media_s for picture in pictures] == [index / 25 for index in range(6)]
    assert [picture.rgb[0, 0, 0] for picture in pictures] == list(range(6)), "the pose of that frame"


def test_a_frame_that_the_buffer_drops_is_missing_and_nothing_else() -> None:
    buffer = Hoarder()
    buffer.num_first = 1
    pipeline = build(replace(make_machinery(), buffer=buffer))
    play(pipeline, range(2))
    buffer.is_dropping = True
    play(pipeline, range(2, 4))
    buffer.is_dropping = False
    pictures = play(pipeline, range(4, 6))
    assert [picture.frame_index for picture in pictures] == [4, 5]
    assert pipeline.reset() == 0, "nobody waits for a picture any more"
