"""An engine that is too slow to be shown live says so, with what a picture takes, and only for as long."""

import threading
import time
from typing import Any

from engine.clock import FakeClock
from engine.errors import TooSlowError
from engine.session import Session
from engine.settings import Quality
from engine.stopwatch import Stopwatch
from engine.types import Origin
from tests.engine.test_session import SETTINGS, give, wait_until
from tests.fakes import FakeBuffer, FakeRooms, FakeSource


class Engine:
    """Turns of three stages."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.way_out = "Choose a smaller size."
        self.stopwatch = Stopwatch(self.clock, lambda: self.way_out)

    def turn(self, denoise_s: float, pictures: int = 1) -> None:
        for stage_s in (0.01, denoise_s, 0.01):
            self.clock.sleep_s(stage_s)
            self.stopwatch.beat()
        self.stopwatch.end_turn(pictures)

    def turns(self, count: int, denoise_s: float, pictures: int = 1) -> None:
        for _ in range(count):
            self.turn(denoise_s, pictures)


def test_a_slow_painter_is_told_once_with_both_numbers_and_a_way_out() -> None:
    engine = Engine()
    engine.turns(5, 2.1)
    assert engine.stopwatch.notice is None, "the first turn began before anybody looked"
    engine.turn(2.1)
    notice = engine.stopwatch.notice
    assert notice is not None
    assert "A picture takes 2.1 s here" in notice.message
    assert "at most 0.25 s" in notice.message
    assert "standby card" in notice.message
    assert notice.hint == "Choose a smaller size."
    engine.turns(10, 1.7)
    assert engine.stopwatch.notice is notice, "told once"


def test_an_engine_that_got_quick_takes_it_back_and_one_of_another_pace_is_told_anew() -> None:
    engine = Engine()
    engine.turns(8, 2.0)
    first = engine.stopwatch.notice
    engine.way_out = "Fewer steps."
    engine.turns(5, 0.4)
    second = engine.stopwatch.notice
    assert second is not None
    assert second is not first
    assert ("0.4 s" in second.message, second.hint) == (True, "Fewer steps.")
    engine.turns(3, 0.1)
    assert engine.stopwatch.notice is None


def test_one_slow_turn_or_stages_that_beat_in_time_are_no_reason() -> None:
    engine = Engine()
    engine.turns(6, 0.1)
    engine.turns(2, 3.0)
    engine.turns(6, 0.1)
    assert engine.stopwatch.notice is None
    engine.turns(10, 0.24)
    assert engine.stopwatch.notice is None


def test_turns_that_only_wait_for_frames_count_for_nothing_and_a_row_is_told_as_a_row() -> None:
    engine = Engine()
    for _ in range(7):
        engine.turns(3, 0.02, pictures=0)
        engine.turn(0.9, pictures=4)
    assert engine.stopwatch.notice is not None
    assert "A row of 4 pictures takes 1.0 s here" in engine.stopwatch.notice.message


def test_a_session_that_paints_too_slowly_shows_the_card_and_says_why_until_it_is_quick() -> None:
    clock, source = FakeClock(), FakeSource(count=None, gate=threading.Semaphore(0))
    rooms = FakeRooms(source)
    session = Session(SETTINGS, rooms=rooms, clock=clock)
    session.go_live()
    session.start()
    wait_until(lambda: bool(rooms.studio.made), "the engine")
    slow_down(rooms, clock, 1.5)
    give(source, 10_000)
    wait_until(lambda: session.status().notice is not None, "a notice")
    notice = session.status().notice
    assert isinstance(notice, TooSlowError)
    assert "A picture takes 1.5 s here" in notice.message
    assert notice.hint == "Buy another machine."
    assert Origin.AVATAR not in rooms.camera.origins, "the privacy rule is what it was"
    session.set_quality(Quality(size=256, levels=2))
    wait_until(lambda: session.status().notice is None, "quick again")
    session.stop()


def slow_down(rooms: FakeRooms, clock: FakeClock, seconds: float) -> None:
    """Have each push take so long, and look after the engine meanwhile as the watchdog's thread does."""
    buffer = rooms.studio.made[0].buffer
    assert isinstance(buffer, FakeBuffer)
    push = buffer.push

    def slow(*args: Any, **kwargs: Any) -> Any:
        clock.sleep_s(seconds)
        time.sleep(0.06)  # the watchdog looks every 50 ms
        return push(*args, **kwargs)

    buffer.push = slow  # type: ignore[method-assign]
