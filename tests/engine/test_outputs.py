"""Order at the door to the sinks, the standby card, panic, and sinks that fail."""

from collections.abc import Callable

import numpy as np
import pytest

from engine.clock import FakeClock
from engine.errors import SinkError, UnderstudyError
from engine.outputs import Outputs
from engine.types import Origin, Picture, Sink
from tests.fakes import FakeSink, make_card


def picture(index: int, media_s: float = 0.0) -> Picture:
    return Picture(np.zeros((2, 2, 3), np.uint8), Origin.AVATAR, index, 0.0, media_s)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(100.0)


@pytest.fixture
def failures() -> list[tuple[Sink, UnderstudyError]]:
    return []


@pytest.fixture
def outputs(clock: FakeClock, failures: list[tuple[Sink, UnderstudyError]]) -> Outputs:
    return Outputs(make_card(), clock, lambda sink, error: failures.append((sink, error)))


def test_every_sink_gets_every_picture_in_order(outputs: Outputs) -> None:
    sinks = [FakeSink(), FakeSink()]
    for sink in sinks:
        outputs.add(sink)
    for index in range(3):
        assert outputs.send(picture(index))
    assert [sink.indices for sink in sinks] == [[0, 1, 2], [0, 1, 2]]


def test_a_sink_that_was_removed_gets_nothing_more(outputs: Outputs) -> None:
    sink = FakeSink()
    outputs.add(sink)
    assert outputs.remove(sink)
    assert not outputs.remove(sink)
    outputs.send(picture(0))
    assert sink.pictures == []


def test_panic_shows_the_card_at_once_and_holds_it(outputs: Outputs) -> None:
    sink = FakeSink()
    outputs.add(sink)
    outputs.send(picture(0))
    outputs.panic(True)
    assert sink.origins == [Origin.AVATAR, Origin.STANDBY]
    assert not outputs.send(picture(1))
    assert sink.origins == [Origin.AVATAR, Origin.STANDBY]
    outputs.panic(False)
    assert outputs.send(picture(2))
    assert sink.indices == [0, 2]


def test_a_held_card_lets_no_picture_through_until_it_is_released(outputs: Outputs) -> None:
    sink = FakeSink()
    outputs.add(sink)
    outputs.hold_standby()
    assert not outputs.send(picture(0))
    assert sink.origins == [Origin.STANDBY]
    outputs.release()
    assert sink.origins == [Origin.STANDBY]
    assert outputs.send(picture(1))
    assert sink.indices[-1] == 1


def test_releasing_a_held_card_does_not_lift_the_panic(outputs: Outputs) -> None:
    outputs.panic(True)
    outputs.hold_standby()
    outputs.release()
    assert not outputs.send(picture(0))


def test_a_sink_that_comes_while_the_card_is_shown_gets_the_card(outputs: Outputs) -> None:
    outputs.show_standby()
    sink = FakeSink()
    outputs.add(sink)
    assert sink.origins == [Origin.STANDBY]


@pytest.fixture
def times(outputs: Outputs) -> Callable[[], list[float]]:
    sink = FakeSink()
    outputs.add(sink)
    return lambda: [sent.media_s for sent in sink.pictures]


def test_card_and_resting_avatar_lie_at_now_so_that_a_recording_shows_them_as_long(
    outputs: Outputs, clock: FakeClock, times: Callable[[], list[float]]
) -> None:
    outputs.send(picture(0, media_s=3.0))
    clock.sleep_s(0.5)
    outputs.show_standby()
    clock.sleep_s(0.5)
    outputs.send(picture(-1, media_s=77.0))
    clock.sleep_s(0.5)
    outputs.send(picture(1, media_s=4.5))
    assert times() == pytest.approx([0.0, 0.5, 1.0, 1.5])


def test_frames_keep_their_distances_however_late_they_come(
    outputs: Outputs, clock: FakeClock, times: Callable[[], list[float]]
) -> None:
    for index, late_s in enumerate((0.0, 0.3, 0.01, 0.2)):
        clock.sleep_s(late_s)
        outputs.send(picture(index, media_s=index / 25))
    assert times() == pytest.approx([0.0, 0.04, 0.08, 0.12])


def test_time_goes_on_when_another_source_begins_at_zero(
    outputs: Outputs, clock: FakeClock, times: Callable[[], list[float]]
) -> None:
    for index in range(3):
        outputs.send(picture(index, media_s=60 + index / 25))
    outputs.expect_new_source()
    clock.sleep_s(0.5)
    outputs.send(picture(-1, media_s=0.0))
    clock.sleep_s(0.2)
    for index in range(3):
        outputs.send(picture(index, media_s=index / 25))
    assert times() == pytest.approx([0.0, 0.04, 0.08, 0.58, 0.78, 0.82, 0.86])


def test_what_was_shown_while_a_camera_opened_does_not_swallow_its_first_seconds(
    outputs: Outputs, clock: FakeClock, times: Callable[[], list[float]]
) -> None:
    outputs.show_standby()
    clock.sleep_s(10.0)
    outputs.show_standby()
    outputs.send(picture(0, media_s=0.0))
    outputs.send(picture(1, media_s=0.04))
    assert times() == pytest.approx([0.0, 10.0, 10.0, 10.04])


def test_a_recording_begins_with_the_source_s_own_times(
    outputs: Outputs, clock: FakeClock, times: Callable[[], list[float]]
) -> None:
    clock.sleep_s(10.0)
    outputs.send(picture(0, media_s=2.0))
    outputs.begin_time_line()
    outputs.send(picture(1, media_s=2.04))
    clock.sleep_s(0.04)
    outputs.show_standby()
    assert times() == pytest.approx([10.0, 2.04, 2.08])


def test_a_sink_that_fails_is_taken_off_and_the_others_go_on(
    outputs: Outputs, failures: list[tuple[Sink, UnderstudyError]]
) -> None:
    error = SinkError("The disk is full.", hint="Make room.")
    bad, good = FakeSink(fails_at=1, error=error), FakeSink()
    outputs.add(bad)
    outputs.add(good)
    for index in range(3):
        outputs.send(picture(index))
    assert bad.indices == [0]
    assert good.indices == [0, 1, 2]
    assert failures == [(bad, error)]


def test_a_programming_mistake_of_a_sink_is_not_swallowed(outputs: Outputs) -> None:
    class Broken(FakeSink):
        def send(self, picture: Picture) -> None:
            raise TypeError(f"{picture} is no picture")

    outputs.add(Broken())
    with pytest.raises(TypeError):
        outputs.send(picture(0))
