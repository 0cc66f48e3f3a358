"""Found and lost, with hysteresis, on injected time."""

from engine.track.presence import Presence
from engine.types import TrackState

SEARCHING, FOUND, LOST = TrackState.SEARCHING, TrackState.FOUND, TrackState.LOST


def states(marks: str, fps: float = 100.0) -> list[TrackState]:
    presence = Presence(found_after=2, lost_after_s=0.15)
    return [presence.update(mark == "+", index / fps) for index, mark in enumerate(marks)]


def test_one_good_frame_is_not_enough() -> None:
    assert states("-+-+-+-") == [SEARCHING] * 7


def test_a_face_in_the_first_frame_was_there_from_the_start() -> None:
    assert states("+++") == [FOUND] * 3


def test_two_in_a_row_are() -> None:
    assert states("-++") == [SEARCHING, SEARCHING, FOUND]


def test_a_short_gap_is_held() -> None:
    assert states("++" + "-" * 14 + "+")[1:] == [FOUND] * 16


def test_lost_after_the_time_without() -> None:
    seen = states("++" + "-" * 20)
    assert seen.index(LOST) == 1 + 15  # 150 ms after the last good frame, at 100 a second
    assert set(seen[16:]) == {LOST}


def test_found_again_after_two() -> None:
    assert states("++" + "-" * 20 + "+-++")[-4:] == [LOST, LOST, LOST, FOUND]


def test_time_decides_not_frames() -> None:
    assert states("++---", fps=5.0) == [FOUND, FOUND, LOST, LOST, LOST]


def test_reset_searches_anew() -> None:
    presence = Presence()
    for at_s in (0.0, 0.1):
        presence.update(True, at_s)
    presence.reset()
    assert presence.state is SEARCHING
    assert presence.update(False, 0.2) is SEARCHING
    assert presence.update(True, 0.3) is SEARCHING
    presence.reset()
    assert presence.update(True, 0.4) is FOUND, "as before the first frame"
