"""The standby card within 300 ms of silence, and held until the engine is steady; on an injected clock."""

import threading

from engine.clock import FakeClock, SystemClock
from engine.watchdog import POLL_S, SILENCE_S, STEADY_S, Watchdog


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


def beat_steadily(watchdog: Watchdog, clock: FakeClock, seconds: float, period_s: float = 0.05) -> None:
    for _ in range(round(seconds / period_s)):
        clock.sleep_s(period_s)
        watchdog.beat()
        watchdog.check()


def test_one_silence_rings_once_and_the_next_one_again() -> None:
    clock, silent, steady = FakeClock(), Bell(), Bell()
    watchdog = Watchdog(clock, silent, steady)
    for _ in range(2):
        watchdog.beat()
        clock.sleep_s(2.0)
        watchdog.check()
        watchdog.check()
        assert watchdog.is_silent
        watchdog.beat()
        beat_steadily(watchdog, clock, STEADY_S + 0.1)
        assert not watchdog.is_silent
    assert (silent.rung, steady.rung) == (2, 2)


def test_an_engine_that_comes_back_is_not_trusted_before_it_was_steady_for_a_while() -> None:
    clock, steady = FakeClock(), Bell()
    watchdog = Watchdog(clock, Bell(), steady)
    watchdog.beat()
    clock.sleep_s(2.0)
    watchdog.check()
    watchdog.beat()
    beat_steadily(watchdog, clock, STEADY_S - 0.1)
    assert watchdog.is_silent
    assert steady.rung == 0


def test_an_engine_that_gasps_does_not_make_card_and_avatar_alternate() -> None:
    # 3.3 pictures a second, each of them one long stage: silent each time, back each time.
    clock, silent, steady = FakeClock(), Bell(), Bell()
    watchdog = Watchdog(clock, silent, steady)
    for _ in range(100):
        watchdog.beat()
        for _ in range(6):
            clock.sleep_s(POLL_S)
            watchdog.check()
    assert (silent.rung, steady.rung) == (1, 0)
    assert watchdog.is_silent


def test_rest_lets_go_of_a_silence() -> None:
    clock, steady = FakeClock(), Bell()
    watchdog = Watchdog(clock, Bell(), steady)
    watchdog.beat()
    clock.sleep_s(2.0)
    watchdog.check()
    watchdog.rest()
    watchdog.rest()
    assert not watchdog.is_silent
    assert steady.rung == 1


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
    assert rung.wait(60.0)
    watchdog.stop()
    watchdog.stop()
    assert "understudy-watchdog" not in [thread.name for thread in threading.enumerate()]
