"""A picture without a face that is found: whole, square, under the default avatar's points."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.capture.avatars import DEFAULT_AVATAR, load_built_in
from engine.errors import AvatarError
from engine.session import avatar_to_place


def test_the_whole_picture_comes_under_the_default_points(tmp_path: Path) -> None:
    picture = np.zeros((300, 600, 3), np.uint8)
    picture[:, 300:] = 255
    cv2.imwrite(str(tmp_path / "wall.png"), picture)
    avatar = avatar_to_place(tmp_path / "wall.png")
    template = load_built_in(DEFAULT_AVATAR)
    assert avatar.name == "wall"
    assert avatar.rgb.shape == (512, 512, 3)
    assert avatar.confidence == 0.0
    assert avatar.matte is None
    assert np.array_equal(avatar.points, template.points)
    assert avatar.rgb[256, :250].max() < 5
    assert avatar.rgb[256, 262:].min() > 250


def test_what_is_no_picture_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(AvatarError):
        avatar_to_place(tmp_path / "notes.png")
