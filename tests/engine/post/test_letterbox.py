"""Fitting without stretching or cutting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.post.letterbox import fitted_size, letterbox


@pytest.mark.parametrize(
    ("shape", "box"),
    [((100, 100), (0, 720, 280, 1000)), ((90, 160), (0, 720, 0, 1280)), ((50, 200), (200, 520, 0, 1280))],
)
def test_bars_are_black_and_the_picture_is_whole(
    shape: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    out = letterbox(np.full((*shape, 3), 200, np.uint8), 1280, 720)
    top, bottom, left, right = box
    assert (out[top:bottom, left:right] == 200).all()
    assert out.astype(np.int64).sum() == 200 * 3 * (bottom - top) * (right - left)


def test_writes_into_out_and_clears_what_was_there() -> None:
    out = np.full((72, 128, 3), 99, np.uint8)
    result = letterbox(np.full((10, 10, 3), 200, np.uint8), 128, 72, out)
    assert result is out
    assert set(np.unique(out)) == {0, 200}


def test_wrong_out_is_refused() -> None:
    with pytest.raises(ValueError, match="out is"):
        letterbox(np.zeros((4, 4, 3), np.uint8), 8, 8, np.zeros((8, 9, 3), np.uint8))


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 2000), st.integers(1, 2000))
@settings(max_examples=80, deadline=None)
def test_fits_and_touches_one_border(width: int, height: int, target_width: int, target_height: int) -> None:
    fitted = fitted_size((width, height), (target_width, target_height))
    assert 1 <= fitted[0] <= target_width
    assert 1 <= fitted[1] <= target_height
    assert fitted[0] == target_width or fitted[1] == target_height
