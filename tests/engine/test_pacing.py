"""Single pictures pass straight through; rows are spread, and never after a clear."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import FakeClock, SystemClock
from engine.pacing import Pacer, due_times
from engine.types import Origin, Picture


def pictures(*indices: int) -> list[Picture]:
    return [Picture(np.zeros((1, 1, 3), np.uint8), Origin.AVATAR, index) for index in indices]


@given(
    now_s=st.floats(0, 1e4),
    last_s=st.floats(0, 1e4),
    interval_s=st.floats(0, 0.1),
    count=st.integers(1, 4),
)
def test_due_times_are_evenly_spaced_and_never_in_the_past(
    now_s: float, last_s: float, interval_s: float, count: int
) -> None:
    due = due_times(now_s, last_s, interval_s, count)
    assert len(due) == count
    assert due[0] >= now_s
    assert due[0] >= last_s
    assert np.diff(due) == pytest.approx([interval_s] * (count - 1), abs=1e-9)


def test_single_pictures_pass_straight_through_on_the_caller_s_thread() -> None:
    taken: list[tuple[int, str]] = []
    pacer = Pacer(
        lambda picture: taken.append((picture.frame_index, threading.current_thread().name)), FakeClock()
    )
    for index in range(3):
        pacer.put(pictures(index))
    assert taken == [(index, threading.current_thread().name) for index in range(3)]
    pacer.close()


def test_a_row_comes_out_whole_and_in_order() -> None:
    taken: list[int] = []
    done = threading.Event()

    def take(picture: Picture) -> None:
        taken.append(picture.frame_index)
        if picture.frame_index == 7:
            done.set()

    pacer = Pacer(take, SystemClock())
    pacer.put(pictures(0, 1, 2, 3))
    pacer.put(pictures(4, 5, 6, 7))
    assert done.wait(60.0)
    pacer.close()
    assert taken == list(range(8))


def test_nothing_that_waited_follows_a_clear() -> None:
    taken: list[int] = []
    clock = FakeClock()
    pacer = Pacer(lambda picture: taken.append(picture.frame_index), clock)
    pacer.put(pictures(0, 1))
    clock.sleep_s(0.2)
    pacer.put(pictures(2, 3))  # 0.1 s apart: the second is due later than this clock will ever say
    pacer.clear()
    count = len(taken)
    clock.sleep_s(10.0)
    pacer.put([])
    pacer.close()
    assert len(taken) == count
    assert 3 not in taken


def test_closing_ends_the_thread_and_may_be_repeated() -> None:
    pacer = Pacer(lambda _picture: None, SystemClock())
    pacer.put(pictures(0, 1))
    pacer.close()
    pacer.close()
    assert "understudy-pacer" not in [thread.name for thread in threading.enumerate()]
