"""Whole pictures through shared memory."""

import multiprocessing
from multiprocessing.connection import Connection

import numpy as np
import pytest

from engine.sinks.shared_frames import SharedFrames

SHAPE = (36, 64, 3)


@pytest.fixture
def ends() -> tuple[SharedFrames, SharedFrames]:
    writer = SharedFrames.create(np.full(SHAPE, 250, np.uint8))
    reader = SharedFrames.attach(writer.name, SHAPE[1], SHAPE[0])
    yield writer, reader
    reader.close()
    writer.close()


def plain(level: int) -> np.ndarray:
    return np.full(SHAPE, level, np.uint8)


def test_pictures_arrive_newest_first_and_once(ends: tuple[SharedFrames, SharedFrames]) -> None:
    writer, reader = ends
    out = plain(0)
    assert not reader.read_into(out)
    for level in range(1, 12):
        writer.write(plain(level))
    assert reader.read_into(out)
    assert (out == 11).all()
    assert not reader.read_into(out)
    writer.write(plain(12))
    assert reader.read_into(out)
    assert (out == 12).all()


def test_card_and_flags_travel(ends: tuple[SharedFrames, SharedFrames]) -> None:
    writer, reader = ends
    assert (reader.card() == 250).all()
    assert (reader.heartbeat_at_s, reader.is_panicked, reader.is_stopped) == (0.0, False, False)
    writer.heartbeat_at_s = 12345.678
    writer.is_panicked = True
    writer.stop()
    assert (reader.heartbeat_at_s, reader.is_panicked, reader.is_stopped) == (12345.678, True, True)
    writer.is_panicked = False
    assert not reader.is_panicked


def test_writing_pictures_leaves_the_card_alone(ends: tuple[SharedFrames, SharedFrames]) -> None:
    writer, reader = ends
    for level in range(10):
        writer.write(plain(level))
    assert (reader.card() == 250).all()


def test_picture_that_was_never_finished_is_not_shown(ends: tuple[SharedFrames, SharedFrames]) -> None:
    writer, reader = ends
    writer.write(plain(7))

    class HalfWritten:
        """Fails in mid-copy, as a killed writer would stop."""

        def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writer.write(HalfWritten())  # type: ignore[arg-type]
    out = plain(0)
    assert reader.read_into(out)
    assert (out == 7).all()
    writer.write(plain(8))
    assert reader.read_into(out)
    assert (out == 8).all()


def test_slot_overwritten_while_it_is_read_is_noticed(
    ends: tuple[SharedFrames, SharedFrames], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = ends
    writer.write(plain(1))
    copy = np.copyto
    laps = iter([9, 0])

    def slow_copy(target: np.ndarray, source: np.ndarray) -> None:
        copy(target, source)
        monkeypatch.setattr(np, "copyto", copy)
        for level in range(2, 2 + next(laps)):  # the writer laps the reader three times
            writer.write(plain(level))
        monkeypatch.setattr(np, "copyto", slow_copy)

    monkeypatch.setattr(np, "copyto", slow_copy)
    out = plain(0)
    assert reader.read_into(out)
    assert (out == 10).all()


def test_reader_that_is_always_lapped_gives_up(
    ends: tuple[SharedFrames, SharedFrames], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = ends
    writer.write(plain(1))
    copy = np.copyto

    def hopeless_copy(target: np.ndarray, source: np.ndarray) -> None:
        copy(target, source)
        monkeypatch.setattr(np, "copyto", copy)
        for level in range(6):
            writer.write(plain(level))
        monkeypatch.setattr(np, "copyto", hopeless_copy)

    monkeypatch.setattr(np, "copyto", hopeless_copy)
    assert not reader.read_into(plain(0))


def write_many(name: str, count: int, done: Connection) -> None:
    frames = SharedFrames.attach(name, SHAPE[1], SHAPE[0])
    for number in range(count):
        frames.write(plain(number % 200))
    frames.close()
    done.send(True)


def test_no_picture_is_torn_with_a_writer_at_full_speed_in_another_process(
    ends: tuple[SharedFrames, SharedFrames],
) -> None:
    _, reader = ends
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=write_many, args=(reader.name, 20_000, there))
    process.start()
    out, seen = plain(0), 0
    while not here.poll():
        if reader.read_into(out):
            seen += 1
            assert out.min() == out.max()
    process.join()
    assert reader.read_into(out) in {True, False}
    assert seen > 10
