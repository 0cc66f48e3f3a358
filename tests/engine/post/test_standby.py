"""The standby card: readable, dark, and nobody's face."""

import numpy as np
import pytest

from engine.post.standby import standby_card
from engine.types import Origin


@pytest.mark.parametrize("size", [(1280, 720), (256, 256), (90, 160), (16, 16)])
def test_card_has_the_size_and_the_origin(size: tuple[int, int]) -> None:
    card = standby_card(*size)
    assert card.rgb.shape == (size[1], size[0], 3)
    assert card.rgb.dtype == np.uint8
    assert card.origin is Origin.STANDBY
    assert card.frame_index == -1


def test_card_is_dark_and_carries_light_letters() -> None:
    rgb = standby_card(640, 360).rgb
    assert rgb.mean() < 60
    assert rgb.max() > 200
    letters = np.argwhere(rgb.min(axis=2) > 180)
    assert len(letters) > 500
    assert abs(letters[:, 1].mean() - 320) < 6


def test_card_is_the_same_every_time() -> None:
    np.testing.assert_array_equal(standby_card(160, 90).rgb, standby_card(160, 90).rgb)


def test_tiny_card_is_refused() -> None:
    with pytest.raises(ValueError, match="8x8"):
        standby_card(8, 8)
