"""The whole life of a session, over fakes: start, hot changes, outlets, errors, and what the world sees."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from engine.clock import FakeClock, SystemClock
from engine.errors import AvatarError, EngineFailedError, SettingsError, SinkError, SourceError, WeightsError
from engine.session import Session
from engine.settings import LossSettings, Model, Quality, Settings
from engine.status import SessionState
from engine.types import Frame, Origin, Performance
from tests.fakes import (
    CAMERA_PIXEL,
    FakeBuffer,
    FakeDecoder,
    FakeRooms,
    FakeSource,
    FakeTracker,
    all_pixels,
    make_avatar,
)

PATIENCE_S = 120.0
"""Only a broken test waits for so long; a busy machine is no defect."""

SETTINGS = Settings(source="0", loss=LossSettings(hold_s=0.0, ease_s=0.05))


class SlowClock(SystemClock):
    """A tenth of the speed, so that a busy machine does not look like an engine that hangs."""

    def now_s(self) -> float:
        return super().now_s() / 10


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Give threads time."""
    limit_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit_s, f"never: {what}"
        time.sleep(0.005)


@pytest.fixture
def source() -> FakeSource:
    """A camera that gives a frame for each permit."""
    return FakeSource(count=None, gate=threading.Semaphore(0))


@pytest.fixture
def rooms(source: FakeSource) -> FakeRooms:
    return FakeRooms(source)


@pytest.fixture
def session(rooms: FakeRooms) -> Iterator[Session]:
    session = Session(SETTINGS, rooms=rooms, clock=SlowClock())
    yield session
    session.stop()
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("understudy")]
    assert left == [], "threads outlive the session"


def give(source: FakeSource, count: int = 1) -> None:
    assert source.gate is not None
    source.gate.release(count)


def show(session: Session, source: FakeSource, count: int = 1) -> None:
    """Let ``count`` frames through one by one, each until it is on the air."""
    for _ in range(count):
        out = session.status().frames_out
        give(source)
        wait_until(lambda out=out: session.status().frames_out > out, "a picture of the frame")  # type: ignore[misc]


def state_is(session: Session, state: SessionState) -> Callable[[], bool]:
    return lambda: session.status().state is state


def test_from_start_to_stop(session: Session, source: FakeSource, rooms: FakeRooms) -> None:
    assert session.status().state is SessionState.STOPPED
    assert session.latest() is None
    session.start()
    first = session.latest()
    assert first is not None
    assert first.origin is Origin.STANDBY
    wait_until(state_is(session, SessionState.STARTING), "starting")
    show(session, source, 3)
    status = session.status()
    assert status.state is SessionState.LIVE
    assert (status.frames_in, status.frames_out, status.dropped) == (3, 3, 0)
    assert list(status.stage_ms) == ["track", "retarget", "condition", "denoise", "decode", "compose", "send"]
    assert status.tracking_quality == pytest.approx(0.9)
    assert status.progress is None
    performance = session.performance()
    assert performance is not None
    assert performance.frame_index == 2
    session.stop()
    assert session.status().state is SessionState.STOPPED
    assert source.is_closed
    assert rooms.tracker.is_closed
    last = session.latest()
    assert last is not None
    assert last.origin is Origin.STANDBY


def test_starting_and_stopping_twice_is_harmless_and_it_can_start_again(
    session: Session, source: FakeSource
) -> None:
    session.start()
    session.start()
    show(session, source)
    session.stop()
    session.stop()
    session.start()
    show(session, source)
    assert session.status().state is SessionState.LIVE


def test_without_a_face_the_avatar_is_at_rest_and_no_camera_pixel_gets_out(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    rooms.tracker = FakeTracker(sees=lambda index: index < 2)
    session.go_live()
    session.start()
    show(session, source, 12)
    wait_until(state_is(session, SessionState.SEARCHING), "nobody")
    assert rooms.camera.origins[-1] is Origin.IDLE
    assert CAMERA_PIXEL not in all_pixels(rooms.camera.pictures)


def test_a_camera_that_gives_nothing_is_waited_for_with_the_avatar_at_rest(
    session: Session, source: FakeSource
) -> None:
    session.start()
    show(session, source)
    wait_until(state_is(session, SessionState.WAITING), "waiting")
    wait_until(lambda: (picture := session.latest()) is not None and picture.origin is Origin.IDLE, "rest")
    show(session, source)
    wait_until(lambda: session.status().state in (SessionState.LIVE, SessionState.LOST), "back")


def test_a_network_that_raises_shows_the_card_and_offers_a_restart(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.go_live()
    session.start()
    show(session, source)
    buffer = rooms.studio.made[0].buffer
    assert isinstance(buffer, FakeBuffer)
    buffer.error = RuntimeError("boom")
    give(source)
    wait_until(state_is(session, SessionState.ERROR), "error")
    error = session.status().error
    assert isinstance(error, EngineFailedError)
    assert "boom" in error.message
    wait_until(lambda: rooms.camera.origins[-1] is Origin.STANDBY, "the card")
    assert CAMERA_PIXEL not in all_pixels(rooms.camera.pictures)
    assert session.status().is_live, "the virtual camera stays, with the card"
    give(source)
    wait_until(lambda: source.is_closed, "the camera is let go")

    session.restart()
    show(session, source)
    assert session.status().error is None
    assert rooms.camera.origins[-1] is Origin.AVATAR


@pytest.mark.parametrize(
    ("room", "error"),
    [
        ("source", SourceError("There is no camera 0.", hint="Choose another.")),
        ("studio", WeightsError("The weights are damaged.", hint="Install again.")),
        ("avatar", AvatarError("There is no avatar named 'eve'.", hint="Choose another.")),
    ],
)
def test_what_cannot_be_opened_is_the_session_s_error(
    session: Session, rooms: FakeRooms, room: str, error: Exception
) -> None:
    rooms.errors[room] = error
    session.start()
    wait_until(state_is(session, SessionState.ERROR), "error")
    assert session.status().error is error


def test_another_source_after_an_error_starts_again(session: Session, rooms: FakeRooms) -> None:
    rooms.errors["source"] = SourceError("There is no camera 0.", hint="Choose another.")
    session.start()
    wait_until(state_is(session, SessionState.ERROR), "error")
    del rooms.errors["source"]
    rooms.sources["clip.mp4"] = FakeSource(count=3)
    session.set_source("clip.mp4")
    wait_until(state_is(session, SessionState.ENDED), "the clip's end")
    assert session.settings.source == "clip.mp4"


def test_another_source_in_mid_show_keeps_the_networks_and_counts_on(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    other = rooms.sources["1"] = FakeSource(count=None, gate=threading.Semaphore(0))
    session.start()
    session.start_recording(Path("out.mp4"))
    show(session, source, 3)
    session.set_source("1")
    wait_until(lambda: source.is_closed, "the first camera is let go")
    show(session, other, 2)
    status = session.status()
    assert (status.frames_in, status.frames_out) == (5, 5)
    assert len(rooms.studio.made) == 1
    times_s = [picture.media_s for picture in rooms.sink.pictures]
    assert times_s == sorted(times_s), "the recording's time never goes back"


def test_a_clip_ends_with_every_frame_handed_on(rooms: FakeRooms, source: FakeSource) -> None:
    gated = FakeSource(count=4, gate=source.gate)
    rooms.source = gated
    session = Session(replace(SETTINGS, quality=Quality(levels=2, chunk=1)), rooms=rooms, clock=SlowClock())
    session.start_recording(Path("out.mp4"))
    session.start()
    for number in range(1, 5):
        give(gated)
        wait_until(lambda number=number: session.status().frames_in == number, "read")  # type: ignore[misc]
        wait_until(lambda number=number: session.status().frames_out >= number - 1, "out")  # type: ignore[misc]
    give(gated)
    wait_until(state_is(session, SessionState.ENDED), "the end")
    wait_until(lambda: rooms.sink.indices == [0, 1, 2, 3], "all four")
    assert session.status().progress == 1.0
    session.stop()


def test_another_avatar_is_swapped_in_and_the_person_s_calibration_is_kept(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.start()
    show(session, source, 2)
    session.set_avatar("bob")
    decoder = rooms.studio.made[0].decoder
    assert isinstance(decoder, FakeDecoder)

    def bob_is_on() -> bool:
        show(session, source)
        return decoder.pictures[-1] == "bob"

    wait_until(bob_is_on, "bob")
    assert len(rooms.drivers) == 1
    assert rooms.drivers[0].avatar is not None
    assert rooms.drivers[0].avatar.name == "bob"
    session.set_avatar(make_avatar("eve"))
    wait_until(lambda: (show(session, source), decoder.pictures[-1] == "eve")[1], "eve")
    assert session.settings.avatar == "eve"


def test_an_avatar_that_cannot_be_loaded_is_a_notice_and_the_show_goes_on(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.start()
    show(session, source)
    rooms.errors["avatar"] = AvatarError("There is no avatar named 'eve'.", hint="Choose another.")
    session.set_avatar("eve")
    wait_until(lambda: session.status().notice is not None, "a notice")
    show(session, source)
    assert session.status().state is SessionState.LIVE


def test_another_quality_is_prepared_beside_the_show(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.start()
    show(session, source)
    session.set_quality(Quality(levels=2, chunk=2))
    wait_until(lambda: len(rooms.studio.made) == 2, "the new machinery")
    old, new = (machinery.buffer for machinery in rooms.studio.made)
    assert isinstance(new, FakeBuffer)
    wait_until(lambda: (give(source), time.sleep(0.01), bool(new.rows))[2], "frames in the new buffer")
    assert old is not new
    assert session.settings.quality.levels == 2


def test_guidance_reaches_the_buffer_and_outlives_a_change_of_quality(
    source: FakeSource, rooms: FakeRooms
) -> None:
    rooms.studio.is_guided = True
    session = Session(replace(SETTINGS, model=Model.RAIN, guidance=3.0), rooms=rooms, clock=SlowClock())
    try:
        session.start()
        show(session, source)
        buffer = rooms.studio.made[0].buffer
        assert isinstance(buffer, FakeBuffer)
        assert buffer.guidance_scale == 3.0
        session.set_guidance(4.5)
        wait_until(lambda: (give(source), buffer.guidance_scale == 4.5)[1], "the new guidance")
        session.set_quality(Quality(levels=2))
        wait_until(lambda: len(rooms.studio.made) == 2, "the new machinery")
        wait_until(lambda: getattr(rooms.studio.made[1].buffer, "guidance_scale", 0) == 4.5, "its guidance")
        with pytest.raises(SettingsError, match="guidance is 11"):
            session.set_guidance(11.0)
        assert session.settings.guidance == 4.5
    finally:
        session.stop()


def test_the_pocket_model_has_no_guidance(session: Session) -> None:
    with pytest.raises(SettingsError, match="no guidance"):
        session.set_guidance(2.0)


def test_a_change_while_starting_is_made_once_the_networks_are_there(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.start()
    session.set_avatar("bob")
    show(session, source)

    def bob_is_on() -> bool:
        show(session, source)
        decoder = rooms.studio.made[0].decoder
        assert isinstance(decoder, FakeDecoder)
        return decoder.pictures[-1] == "bob"

    wait_until(bob_is_on, "bob")


def test_an_unreadable_backdrop_is_refused_at_once(session: Session, rooms: FakeRooms) -> None:
    before = session.settings.stage
    rooms.errors["stage"] = SettingsError("The backdrop cannot be read.", hint="Choose another.")
    with pytest.raises(SettingsError):
        session.set_stage(before)
    assert session.settings.stage is before


def test_mirror_and_calibration_reach_the_performer(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.calibrate()  # nobody is there yet: harmless
    session.set_mirror(True)
    session.start()
    show(session, source)
    assert rooms.drivers[0].mirror
    session.set_mirror(False)
    session.calibrate()
    assert not rooms.drivers[0].mirror
    assert rooms.drivers[0].calibrations == 1


def test_panic_holds_the_card_until_it_is_let_go(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.go_live()
    session.start()
    show(session, source)
    session.panic(True)
    shown = len(rooms.camera.pictures)
    assert rooms.camera.origins[-1] is Origin.STANDBY
    assert rooms.camera.is_panicked
    assert session.status().state is SessionState.STANDBY
    out = session.status().frames_out
    frames_in = session.status().frames_in
    give(source, 3)
    wait_until(lambda: session.status().frames_in >= frames_in + 3, "frames come")
    assert len(rooms.camera.pictures) == shown
    assert session.status().frames_out == out
    session.panic(False)
    show(session, source)
    assert rooms.camera.origins[-1] is Origin.AVATAR
    assert not rooms.camera.is_panicked


def test_a_recording_has_the_composed_size_the_source_s_rate_and_is_reported(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.start()
    show(session, source)
    session.start_recording(Path("mine.mp4"))
    with pytest.raises(SinkError, match="running"):
        session.start_recording(Path("other.mp4"))
    show(session, source, 2)
    assert session.status().is_recording
    report = session.stop_recording()
    assert report.path == Path("mine.mp4")
    assert not session.status().is_recording
    assert rooms.recorders == [(Path("mine.mp4"), (256, 256), Fraction(25), None, True)]
    with pytest.raises(SinkError, match="No recording"):
        session.stop_recording()


def test_a_full_disk_ends_the_recording_and_nothing_else(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    rooms.sink.fails_at = 1
    rooms.sink.error = SinkError("The disk is full.", hint="Make room.")
    session.start()
    show(session, source)
    session.start_recording(Path("mine.mp4"))
    show(session, source, 3)
    wait_until(lambda: not session.status().is_recording, "the recording is over")
    wait_until(lambda: rooms.sink.is_closed, "and closed")
    assert session.status().notice is rooms.sink.error
    with pytest.raises(SinkError, match="disk is full"):
        session.stop_recording()
    show(session, source)


def test_a_missing_virtual_camera_is_said_at_once(session: Session, rooms: FakeRooms) -> None:
    rooms.camera.error = SinkError("There is none.", hint="Install one.")
    with pytest.raises(SinkError, match="none"):
        session.go_live()
    assert not session.status().is_live


def test_the_virtual_camera_hears_the_engine_s_heart(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    session.go_live()
    session.go_live()
    session.start()
    show(session, source, 3)
    assert rooms.camera.beats >= 3
    session.stop_live()
    assert rooms.camera.is_closed
    assert not session.status().is_live


def test_a_snapshot_is_the_newest_picture(session: Session, source: FakeSource, rooms: FakeRooms) -> None:
    with pytest.raises(SinkError, match="no picture"):
        session.snapshot(Path("now.png"))
    session.start()
    show(session, source, 2)
    session.snapshot(Path("now.png"))
    [(picture, path)] = rooms.saved
    assert path == Path("now.png")
    assert picture.origin is not Origin.STANDBY


def test_stopping_while_the_networks_load_ends_cleanly(session: Session, rooms: FakeRooms) -> None:
    entered, leave = threading.Event(), threading.Event()
    load = rooms.load_avatar

    def slow(spec: str):  # type: ignore[no-untyped-def]
        entered.set()
        assert leave.wait(PATIENCE_S)
        return load(spec)

    rooms.load_avatar = slow  # type: ignore[method-assign]
    session.start()
    assert entered.wait(PATIENCE_S)
    threading.Timer(0.05, leave.set).start()
    session.stop()
    assert session.status().state is SessionState.STOPPED


def pass_time(rooms: FakeRooms, clock: FakeClock, seconds: float) -> None:
    """Let time pass in steps that are shorter than a silence, the engine beating after each."""
    for _ in range(round(seconds / 0.2)):
        clock.sleep_s(0.2)
        beats = rooms.camera.beats
        # The first of them may have been on its way already.
        wait_until(lambda beats=beats: rooms.camera.beats > beats + 1, "a beat")  # type: ignore[misc]


def test_a_slow_tracker_is_not_a_camera_that_is_gone(source: FakeSource, rooms: FakeRooms) -> None:
    clock = FakeClock()
    session = Session(SETTINGS, rooms=rooms, clock=clock)
    session.go_live()
    session.start()
    show(session, source)
    asked, go_on, track = threading.Event(), threading.Event(), rooms.tracker.track

    def slow(frame: Frame) -> Performance:
        asked.set()
        assert go_on.wait(PATIENCE_S)
        return track(frame)

    rooms.tracker.track = slow  # type: ignore[method-assign]
    give(source)
    assert asked.wait(PATIENCE_S)
    pass_time(rooms, clock, 0.8)
    assert session.status().state is SessionState.LIVE
    assert Origin.IDLE not in rooms.camera.origins
    pass_time(rooms, clock, 0.4)
    assert session.status().state is SessionState.WAITING
    go_on.set()
    session.stop()


def test_an_engine_that_hangs_is_answered_with_the_card_and_may_come_back(
    source: FakeSource, rooms: FakeRooms
) -> None:
    clock = FakeClock()
    session = Session(SETTINGS, rooms=rooms, clock=clock)
    session.go_live()
    session.start()
    show(session, source)
    buffer = rooms.studio.made[0].buffer
    assert isinstance(buffer, FakeBuffer)
    hung, go_on, push = threading.Event(), threading.Event(), buffer.push

    def hang(*args: Any, **kwargs: Any) -> Any:
        hung.set()
        assert go_on.wait(PATIENCE_S)
        return push(*args, **kwargs)

    buffer.push = hang  # type: ignore[method-assign]
    give(source)
    assert hung.wait(PATIENCE_S)
    assert rooms.camera.origins[-1] is Origin.AVATAR
    clock.sleep_s(0.25)
    wait_until(lambda: rooms.camera.origins[-1] is Origin.STANDBY, "the card")
    assert session.status().state is SessionState.STANDBY
    before = len(rooms.camera.pictures)
    go_on.set()
    painted = rooms.studio.made[0].decoder.pictures
    assert isinstance(painted, list)
    wait_until(lambda: len(painted) > 1, "the next frame is painted")
    pass_time(rooms, clock, 0.8)
    assert Origin.AVATAR not in rooms.camera.origins[before:], "shown before the engine was steady"
    pass_time(rooms, clock, 0.6)
    assert session.status().state is not SessionState.STANDBY
    give(source)
    wait_until(lambda: Origin.AVATAR in rooms.camera.origins[before:], "the avatar again")
    session.stop()


def test_a_recording_that_was_ended_by_its_user_replaces_an_old_file_and_another_one_does_not(
    session: Session, source: FakeSource, rooms: FakeRooms
) -> None:
    rooms.sink.spares = True
    session.start()
    show(session, source, 3)
    session.start_recording(Path("mine.mp4"))
    assert session.stop_recording().spared is None
    assert session.part is None
    session.start_recording(Path("mine.mp4"))
    session.stop()
    assert session.part is not None
    assert session.part.spared == rooms.sink.path
