"""Jobs run one after the other, hand on what they made or raised, and leave no thread."""

import threading
import time

import pytest

from engine.one_at_a_time import OneAtATime

PATIENCE_S = 60.0


def test_jobs_hand_on_their_results_and_errors_and_leave_no_thread() -> None:
    executor = OneAtATime("understudy-job")
    assert executor.submit(lambda a, b: a + b, 1, b=2).result(PATIENCE_S) == 3
    with pytest.raises(ZeroDivisionError):
        executor.submit(lambda: 1 // 0).result(PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while any(thread.name == "understudy-job" for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_no_two_jobs_run_at_once() -> None:
    executor, running, most = OneAtATime("understudy-job"), [], []

    def job() -> None:
        running.append(1)
        most.append(len(running))
        time.sleep(0.002)
        running.pop()

    for future in [executor.submit(job) for _ in range(5)]:
        future.result(PATIENCE_S)
    assert most == [1] * 5
