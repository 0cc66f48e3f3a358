"""The standby card within 300 ms of silence, on an injected clock."""

import threading

from engine.clock import FakeClock, SystemClock
from engine.watchdog import POLL_S, SILENCE_S, Watchdog


class Bell:
    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> None:
        self.rung += 1


def test_the_card_comes_within_300_ms_of_the_last_beat_wherever_the_poll_falls() -> None:
    for offset_ms in range(51):
        clock, bell = FakeClock(), Bell()
        watchdog = Watchdog(clock, bell)
        clock.sleep_s(offset_ms / 1000)
        watchdog.beat()
        beat_at_s = clock.now_s()
        next_poll_s = POLL_S
        while not bell.rung:
            clock.sleep_s(max(0.0, next_poll_s - clock.now_s()))
            watchdog.check()
            next_poll_s += POLL_S
        assert clock.now_s() - beat_at_s <= 0.3 + 1e-9


def test_a_beating_engine_is_left_alone() -> None:
    clock, bell = FakeClock(), Bell()
    watchdog = Watchdog(clock, bell)
    for _ in range(100):
        watchdog.beat()
        clock.sleep_s(SILENCE_S - 0.01)
        watchdog.check()
    assert bell.rung == 0


def test_one_silence_rings_once_and_the_next_one_again() -> None:
    clock, bell = FakeClock(), Bell()
    watchdog = Watchdog(clock, bell)
    for _ in range(2):
        watchdog.beat()
        clock.sleep_s(1.0)
        watchdog.check()
        watchdog.check()
        assert watchdog.is_silent
    assert bell.rung == 2


def test_before_the_first_beat_and_at_rest_it_is_quiet() -> None:
    clock, bell = FakeClock(), Bell()
    watchdog = Watchdog(clock, bell)
    clock.sleep_s(10.0)
    watchdog.check()
    watchdog.beat()
    watchdog.rest()
    clock.sleep_s(10.0)
    watchdog.check()
    assert bell.rung == 0


def test_its_own_thread_watches_and_ends() -> None:
    rung = threading.Event()
    watchdog = Watchdog(SystemClock(), rung.set, silence_s=0.0)
    watchdog.start()
    watchdog.beat()
    assert rung.wait(10.0)
    watchdog.stop()
    watchdog.stop()
    assert "understudy-watchdog" not in [thread.name for thread in threading.enumerate()]
