"""Renewals: one at a time, the newest wish next, nothing waits."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from engine.denoise.renewal import Renewal


class Held(Executor):
    """Does what it is given when it is told."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, job: Callable[[], Any], /, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.jobs.append((future, job))
        return future

    def run(self) -> None:
        future, job = self.jobs.pop(0)
        try:
            future.set_result(job())
        except ValueError as error:
            future.set_exception(error)


def test_what_was_asked_for_is_taken_once() -> None:
    held = Held()
    renewal: Renewal[str] = Renewal(held)
    assert renewal.take() is None
    renewal.ask(lambda: "done")
    assert renewal.take() is None
    assert renewal.is_under_way
    held.run()
    assert renewal.take() == "done"
    assert renewal.take() is None
    assert not renewal.is_under_way


def test_only_the_newest_wish_counts_and_those_between_are_never_done() -> None:
    held, done = Held(), []
    renewal: Renewal[int] = Renewal(held)
    for wish in range(4):
        renewal.ask(lambda wish=wish: done.append(wish) or wish)
    held.run()
    assert renewal.take() is None
    held.run()
    assert renewal.take() == 3
    assert done == [0, 3]


def test_a_failure_is_told_once_and_the_next_wish_works() -> None:
    held = Held()
    renewal: Renewal[int] = Renewal(held)

    def fail() -> int:
        raise ValueError("no tokenizer")

    renewal.ask(fail)
    held.run()
    with pytest.raises(ValueError, match="no tokenizer"):
        renewal.take()
    renewal.ask(lambda: 1)
    held.run()
    assert renewal.take() == 1


def test_what_is_forgotten_does_not_come_back() -> None:
    held = Held()
    renewal: Renewal[int] = Renewal(held)
    renewal.ask(lambda: 1)
    renewal.forget()
    held.run()
    assert renewal.take() is None


def test_a_thread_does_it() -> None:
    with ThreadPoolExecutor(1) as executor:
        renewal: Renewal[int] = Renewal(executor)
        renewal.ask(lambda: 7)
    assert renewal.take() == 7
