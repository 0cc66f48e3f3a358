"""The queue of one."""

import threading

import numpy as np
import pytest

from engine.sinks.guard import require_picture
from engine.sinks.mailbox import Mailbox, PreviewMailbox
from engine.types import Frame, Origin, Picture


def picture(index: int = 0) -> Picture:
    return Picture(rgb=np.full((4, 4, 3), index, np.uint8), origin=Origin.AVATAR, frame_index=index)


def test_newest_wins_and_drops_are_counted() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.take() is None
    for item in range(5):
        box.put(item)
    assert box.take() == 4
    assert box.take() is None
    assert box.latest() == 4
    assert box.dropped == 4


def test_looking_counts_as_seeing() -> None:
    box: Mailbox[int] = Mailbox()
    box.put(1)
    box.latest()
    box.put(2)
    assert box.dropped == 0


def test_take_waits_for_another_thread() -> None:
    box: Mailbox[int] = Mailbox()
    got: list[int | None] = []
    reader = threading.Thread(target=lambda: got.append(box.take(timeout_s=30)))
    reader.start()
    box.put(7)
    reader.join(30)
    assert got == [7]


def test_close_wakes_a_waiting_reader_and_refuses_more() -> None:
    box: Mailbox[int] = Mailbox()
    got: list[int | None] = []
    reader = threading.Thread(target=lambda: got.append(box.take(timeout_s=30)))
    reader.start()
    box.close()
    reader.join(30)
    box.put(3)
    assert got == [None]
    assert box.latest() is None
    assert box.is_closed


def test_preview_shows_the_newest_and_stays_readable_when_closed() -> None:
    preview = PreviewMailbox()
    preview.open()
    preview.send(picture(1))
    preview.send(picture(2))
    assert preview.dropped == 1
    preview.close()
    preview.close()
    preview.send(picture(3))
    newest = preview.latest()
    assert newest is not None
    assert newest.frame_index == 2
    preview.open()
    assert preview.latest() is None
    assert preview.dropped == 0


class LooksLikeAPicture:
    """Every attribute of a picture, but none of its guarantees."""

    rgb = np.zeros((4, 4, 3), np.uint8)
    origin = Origin.AVATAR
    frame_index = 0
    captured_at_s = 0.0
    media_s = 0.0


@pytest.mark.parametrize(
    "intruder",
    [
        Frame(rgb=np.zeros((4, 4, 3), np.uint8), index=0, captured_at_s=0.0),
        np.zeros((4, 4, 3), np.uint8),
        LooksLikeAPicture(),
        None,
        Picture(rgb=np.zeros((4, 4, 3), np.uint8), origin="camera"),  # type: ignore[arg-type]
    ],
)
def test_guard_refuses_everything_but_a_picture(intruder: object) -> None:
    with pytest.raises(TypeError):
        require_picture(intruder)


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_guard_refuses_malformed_pixels(rgb: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        require_picture(Picture(rgb=rgb, origin=Origin.AVATAR))
