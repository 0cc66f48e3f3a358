"""From one picture to the next over a time of the show."""

import numpy as np

from engine.post.dissolve import Dissolve


def flat(level: int, side: int = 2) -> np.ndarray:
    return np.full((side, side, 3), level, np.uint8)


def test_nothing_changes_before_it_begins() -> None:
    dissolve = Dissolve(1.0)
    picture = flat(7)
    assert dissolve(picture, 0.0) is picture


def test_it_runs_from_the_last_picture_to_the_new_ones() -> None:
    dissolve = Dissolve(1.0)
    dissolve(flat(200), 4.9)
    dissolve.begin()
    shown = [int(dissolve(flat(100), at_s)[0, 0, 0]) for at_s in (5.0, 5.25, 5.5, 5.4, 6.0, 6.5)]
    assert shown == [200, 175, 150, 160, 100, 100]


def test_a_cut_is_a_cut() -> None:
    dissolve = Dissolve(0.0)
    dissolve(flat(200), 0.0)
    dissolve.begin()
    assert int(dissolve(flat(100), 0.1)[0, 0, 0]) == 100


def test_a_second_change_starts_from_what_is_seen() -> None:
    dissolve = Dissolve(1.0)
    dissolve(flat(200), 0.0)
    dissolve.begin()
    dissolve(flat(100), 1.0)
    dissolve(flat(100), 1.5)
    dissolve.begin()
    assert int(dissolve(flat(50), 1.6)[0, 0, 0]) == 150


def test_another_size_cuts() -> None:
    dissolve = Dissolve(1.0)
    dissolve(flat(200), 0.0)
    dissolve.begin()
    assert dissolve(flat(100, side=3), 0.1).shape == (3, 3, 3)


def test_the_pictures_given_are_not_written() -> None:
    dissolve = Dissolve(1.0)
    dissolve(flat(200), 0.0)
    dissolve.begin()
    given = flat(100)
    dissolve(given, 0.5)
    assert int(given[0, 0, 0]) == 100
