"""The built-in avatars are what the cast draws."""

import json
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.capture.avatars import DEFAULT_AVATAR, built_in_names, built_in_title, load_built_in
from engine.errors import AvatarError
from models.training.characters import NEUTRAL, pose
from models.training.characters.cast import CAST, render
from models.training.characters.cast_basis import Member

_MEGABYTE = 1 << 20


def test_every_member_of_the_cast_is_built_in() -> None:
    assert sorted(member.name for member in CAST) == sorted(built_in_names())
    assert len(CAST) >= 12
    assert built_in_names()[0] == DEFAULT_AVATAR


@pytest.mark.parametrize("member", CAST, ids=lambda member: member.name)
def test_stored_avatars_match_the_design(member: Member) -> None:
    stored = load_built_in(member.name)
    posed = pose(member.character, NEUTRAL)
    np.testing.assert_allclose(stored.points, posed.points, atol=1e-5)
    np.testing.assert_allclose(stored.depth, posed.depth, atol=1e-5)
    np.testing.assert_array_equal(stored.scores, posed.scores)
    assert stored.rgb.shape == (512, 512, 3)
    assert stored.rgb.dtype == np.uint8
    assert stored.matte is not None
    assert stored.matte.max() == 1.0
    assert stored.confidence == 1.0
    assert built_in_title(member.name) == member.title
    # The whole head is in the picture, so that it may move.
    assert stored.scores[:54].all()


def test_rendering_makes_the_same_files_again(tmp_path: Path) -> None:
    for picture in render(tmp_path, CAST[:2]):
        stored = load_built_in(picture.stem)
        made = cv2.imread(str(picture))[..., ::-1].astype(int)
        assert np.abs(made - stored.rgb).mean() < 0.5
        about = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
        assert about["schema_version"] == 1


def test_the_pictures_are_small() -> None:
    folder = files("assets") / "avatars"
    sizes = [len(item.read_bytes()) for item in folder.iterdir() if item.name.endswith(".png")]
    assert len(sizes) == 2 * len(CAST)
    assert sum(sizes) < 3 * _MEGABYTE


def test_an_unknown_avatar_names_the_known_ones() -> None:
    with pytest.raises(AvatarError, match="nobody") as caught:
        load_built_in("nobody")
    assert DEFAULT_AVATAR in caught.value.hint
