"""Clips, frame by frame: as many out as in, whatever happens, and the file is always finished."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from engine.clock import FakeClock
from engine.errors import EngineFailedError, SinkError, SourceError, WeightsError
from engine.offline import AnimateHooks, Ending, animate, check_clip
from engine.settings import Pace, Quality, Settings
from engine.types import Origin
from tests.fakes import CAMERA_PIXEL, FakeBuffer, FakeRooms, FakeSource, FakeTracker, all_pixels, make_avatar

SETTINGS = Settings(source="clip.mp4", pace=Pace.OFFLINE)
OUTPUT = Path("out.mp4")


@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize("chunk", [1, 2, 4])
def test_as_many_frames_come_out_as_went_in(levels: int, chunk: int) -> None:
    rooms = FakeRooms(FakeSource(count=11))
    report = animate(replace(SETTINGS, quality=Quality(levels=levels, chunk=chunk)), OUTPUT, rooms=rooms)
    assert rooms.sink.indices == list(range(11))
    assert [picture.media_s for picture in rooms.sink.pictures] == [index / 25 for index in range(11)]
    assert (report.frames_in, report.frames_out, report.frames_found) == (11, 11, 11)
    assert report.ending is Ending.COMPLETE
    assert rooms.sink.is_finished, "the sound is copied to its end"
    assert CAMERA_PIXEL not in all_pixels(rooms.sink.pictures)


def test_the_recorder_gets_the_clip_s_exact_rate_and_waits_for_every_picture() -> None:
    rooms = FakeRooms(FakeSource(count=2, rate=Fraction(30000, 1001)))
    animate(replace(SETTINGS, picture_size=(640, 360)), OUTPUT, rooms=rooms)
    assert rooms.recorders == [(OUTPUT, (640, 360), Fraction(30000, 1001), None, False)]


def test_a_clip_without_a_face_gives_the_resting_avatar() -> None:
    rooms = FakeRooms(FakeSource(count=5), FakeTracker(sees=lambda _index: False))
    report = animate(SETTINGS, OUTPUT, rooms=rooms)
    assert report.frames_found == 0
    assert rooms.sink.origins == [Origin.IDLE] * 5


def test_progress_is_told_and_rises() -> None:
    told: list[tuple[int, int | None]] = []
    hooks = AnimateHooks(on_progress=lambda done, total: told.append((done, total)))
    animate(SETTINGS, OUTPUT, hooks, rooms=FakeRooms(FakeSource(count=4)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    told.clear()
    held_back = replace(SETTINGS, quality=Quality(levels=3))
    animate(held_back, OUTPUT, hooks, rooms=FakeRooms(FakeSource(count=4)))
    assert told == [(0, 4), (0, 4), (1, 4), (2, 4), (4, 4)], "to the end, with what was under way"


def test_stopping_writes_what_was_painted() -> None:
    rooms = FakeRooms(FakeSource(count=None))
    hooks = AnimateHooks(should_stop=lambda: len(rooms.sink.pictures) >= 3)
    report = animate(replace(SETTINGS, quality=Quality(levels=4)), OUTPUT, hooks, rooms=rooms)
    assert report.ending is Ending.INTERRUPTED
    assert report.frames_out == len(rooms.sink.pictures) >= 3
    assert rooms.sink.indices == list(range(report.frames_out))
    assert rooms.sink.is_closed
    assert not rooms.sink.is_finished, "the sound ends with the picture"


def test_stopping_before_the_first_frame_writes_nothing() -> None:
    rooms = FakeRooms()
    with pytest.raises(KeyboardInterrupt):
        animate(SETTINGS, OUTPUT, AnimateHooks(should_stop=lambda: True), rooms=rooms)
    assert rooms.recorders == [] or rooms.sink.is_closed


@pytest.mark.parametrize(
    "source",
    [
        FakeSource(count=3, truncated=True),
        FakeSource(count=3, error=SourceError("It broke off.", hint="Try another.")),
    ],
)
def test_a_clip_that_breaks_off_is_written_as_far_as_it_goes(source: FakeSource) -> None:
    rooms = FakeRooms(source)
    report = animate(SETTINGS, OUTPUT, rooms=rooms)
    assert report.ending is Ending.TRUNCATED
    assert rooms.sink.indices == [0, 1, 2]
    assert rooms.sink.is_finished


def test_a_clip_that_cannot_be_opened_leaves_no_file() -> None:
    rooms = FakeRooms()
    rooms.errors["source"] = SourceError("There is no file clip.mp4.", hint="Check the path.")
    with pytest.raises(SourceError, match=r"clip\.mp4"):
        animate(SETTINGS, OUTPUT, rooms=rooms)
    assert rooms.recorders == []


def test_a_clip_with_no_picture_is_an_error() -> None:
    with pytest.raises(SourceError, match="no picture"):
        animate(SETTINGS, OUTPUT, rooms=FakeRooms(FakeSource(count=0)))


def test_a_camera_is_not_a_clip() -> None:
    with pytest.raises(SourceError, match="live"):
        animate(Settings(source="0"), OUTPUT, rooms=FakeRooms())


def test_a_full_disk_is_raised_and_the_file_closed() -> None:
    rooms = FakeRooms(FakeSource(count=9))
    rooms.sink.fails_at = 2
    rooms.sink.error = SinkError("The disk is full.", hint="Make room.")
    with pytest.raises(SinkError, match="disk is full"):
        animate(SETTINGS, OUTPUT, rooms=rooms)
    assert rooms.sink.is_closed
    assert rooms.source.is_closed


def test_missing_weights_are_raised_and_the_source_is_let_go() -> None:
    rooms = FakeRooms()
    rooms.errors["studio"] = WeightsError("No weights.", hint="Install again.")
    with pytest.raises(WeightsError):
        animate(SETTINGS, OUTPUT, rooms=rooms)
    assert rooms.tracker.is_closed


def test_a_defect_of_the_tracker_is_raised_after_the_file_is_finished() -> None:
    class Breaks(FakeTracker):
        def track(self, frame):  # type: ignore[no-untyped-def]
            if frame.index == 2:
                raise ValueError("odd")
            return super().track(frame)

    rooms = FakeRooms(FakeSource(count=9), Breaks())
    with pytest.raises(EngineFailedError, match="odd"):
        animate(SETTINGS, OUTPUT, rooms=rooms)
    assert rooms.sink.indices == [0, 1]
    assert rooms.sink.is_finished


def test_a_defect_of_the_network_closes_everything() -> None:
    rooms = FakeRooms()
    machinery = rooms.studio.machinery

    def broken(quality: Quality, seed: int):  # type: ignore[no-untyped-def]
        made = machinery(quality, seed)
        assert isinstance(made.buffer, FakeBuffer)
        made.buffer.error = RuntimeError("boom")
        return made

    rooms.studio.machinery = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="boom"):
        animate(SETTINGS, OUTPUT, rooms=rooms)
    assert rooms.source.is_closed
    assert rooms.sink.is_closed, "what was written plays"


def test_an_avatar_of_the_user_s_own_can_be_handed_in() -> None:
    rooms = FakeRooms(FakeSource(count=1))
    animate(replace(SETTINGS, avatar="mine"), OUTPUT, rooms=rooms, avatar=make_avatar("mine"))
    assert rooms.drivers[0].avatar is not None
    assert rooms.drivers[0].avatar.name == "mine"


def test_a_warm_up_is_said_and_its_time_counts() -> None:
    clock, said = FakeClock(), []
    rooms = FakeRooms(FakeSource(count=11, clock=clock))
    rooms.studio.warm_up_frames = 8

    def look(done: int, _total: int | None) -> None:
        clock.sleep_s(0.5 if done else 0.0)

    def begin(frames: int) -> None:
        said.append(frames)
        clock.sleep_s(3.0)

    report = animate(
        SETTINGS, OUTPUT, AnimateHooks(on_progress=look, on_warm_up=begin), rooms=rooms, clock=clock
    )
    assert said == [8]
    assert (report.warm_up_frames, report.warm_up_s) == (8, pytest.approx(3.0))
    assert report.seconds == pytest.approx(3.0 + 11 * 0.5)


def test_what_can_be_seen_to_fail_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    rooms = FakeRooms()
    rooms.errors["check"] = WeightsError("RAIN is not here.", hint="Fetch it.")
    with pytest.raises(WeightsError, match="not here"):
        animate(SETTINGS, OUTPUT, rooms=rooms)
    with pytest.raises(SinkError, match=r"does not end in \.mp4"):
        check_clip(SETTINGS, tmp_path / "out.avi", rooms)
    for camera in ("0", "camera:0"):
        with pytest.raises(SourceError, match="Camera 0 has no end"):
            check_clip(replace(SETTINGS, source=camera), OUTPUT, rooms)
    assert rooms.studio.made == []


def over_an_old_file(rooms: FakeRooms) -> FakeRooms:
    rooms.sink.spares = True
    return rooms


def test_a_whole_movie_replaces_the_old_one() -> None:
    rooms = over_an_old_file(FakeRooms(FakeSource(count=3)))
    assert animate(SETTINGS, OUTPUT, rooms=rooms).recording.spared is None
    assert rooms.sink.label is None


@pytest.mark.parametrize(
    ("source", "tracker", "label"),
    [
        (FakeSource(count=3, truncated=True), FakeTracker(), "unfinished"),
        (FakeSource(count=3, error=SourceError("It broke off.", hint="x")), FakeTracker(), "unfinished"),
        (FakeSource(count=3), FakeTracker(sees=lambda _index: False), "no face"),
    ],
)
def test_what_is_not_a_movie_of_the_whole_clip_with_a_face_spares_the_old_one(
    source: FakeSource, tracker: FakeTracker, label: str
) -> None:
    rooms = over_an_old_file(FakeRooms(source, tracker))
    recording = animate(SETTINGS, OUTPUT, rooms=rooms).recording
    assert rooms.sink.label == label
    assert (recording.path, recording.spared) == (Path(f"out ({label}).mp4"), OUTPUT)


def test_a_stopped_movie_spares_the_old_one() -> None:
    rooms = over_an_old_file(FakeRooms(FakeSource(count=None)))
    hooks = AnimateHooks(should_stop=lambda: len(rooms.sink.pictures) >= 3)
    assert animate(SETTINGS, OUTPUT, hooks, rooms=rooms).recording.spared == OUTPUT
    assert rooms.sink.label == "stopped"


@pytest.mark.parametrize("broken", ["tracker", "network"])
def test_a_defect_spares_the_old_movie_and_says_where_the_part_is(broken: str) -> None:
    class Breaks(FakeTracker):
        def track(self, frame):  # type: ignore[no-untyped-def]
            if frame.index == 4:
                raise ValueError("odd")
            return super().track(frame)

    rooms = over_an_old_file(FakeRooms(FakeSource(count=9), Breaks() if broken == "tracker" else None))

    def look(done: int, _total: int | None) -> None:
        if done == 3 and broken == "network":
            raise RuntimeError("boom")

    parts = []
    with pytest.raises((EngineFailedError, RuntimeError)):
        animate(SETTINGS, OUTPUT, AnimateHooks(on_progress=look, on_part=parts.append), rooms=rooms)
    (part,) = parts
    assert (part.path, part.spared) == (Path("out (unfinished).mp4"), OUTPUT)
    assert part.frames >= 3
