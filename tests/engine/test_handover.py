"""Newest wins and is counted; in order waits; both end cleanly."""

import threading

import pytest

from engine.handover import InOrder, Newest


def test_the_newest_item_wins_and_the_others_are_counted() -> None:
    slot: Newest[int] = Newest()
    for item in range(5):
        assert slot.put(item)
    assert slot.take(0.0) == 4
    assert slot.dropped == 4
    assert slot.take(0.0) is None


def test_in_order_loses_nothing_between_two_threads() -> None:
    slot: InOrder[int] = InOrder()

    def write() -> None:
        for item in range(200):
            slot.put(item)
        slot.finish()

    writer = threading.Thread(target=write)
    writer.start()
    taken = [slot.take(5.0) for _ in range(200)]
    with pytest.raises(EOFError):
        slot.take(5.0)
    writer.join()
    assert taken == list(range(200))
    assert slot.dropped == 0


@pytest.mark.parametrize("kind", [Newest, InOrder])
def test_what_lies_in_the_slot_can_be_taken_after_the_writer_has_finished(
    kind: type[Newest[int]] | type[InOrder[int]],
) -> None:
    slot = kind()
    slot.put(1)
    slot.finish()
    assert slot.take(0.0) == 1
    with pytest.raises(EOFError):
        slot.take(0.0)


def test_closing_frees_a_writer_that_waits() -> None:
    slot: InOrder[int] = InOrder()
    slot.put(1)
    results: list[bool] = []
    writer = threading.Thread(target=lambda: results.append(slot.put(2)))
    writer.start()
    slot.close()
    writer.join(60.0)
    assert results == [False]
    with pytest.raises(EOFError):
        slot.take(0.0)


def test_taking_wakes_up_at_once_when_an_item_comes() -> None:
    slot: Newest[int] = Newest()
    taken: list[int | None] = []
    reader = threading.Thread(target=lambda: taken.append(slot.take(60.0)))
    reader.start()
    slot.put(7)
    reader.join(60.0)
    assert taken == [7]
