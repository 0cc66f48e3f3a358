"""The avatar on its stage, against exact arithmetic."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.post.compose import Composer
from engine.post.stage import KEY_GREEN, BackdropKind, StageSettings

NAVY = (20, 40, 90)


def soft_disc(size: int = 64, radius: float = 0.35, softness: float = 0.08) -> np.ndarray:
    """An orange disc with a soft edge whose transparent pixels hide bright blue."""
    axis = (np.arange(size) + 0.5) / size - 0.5
    distance = np.hypot(axis[:, None], axis[None, :])
    alpha = np.clip((radius - distance) / softness + 0.5, 0, 1)
    rgba = np.empty((size, size, 4), np.float32)
    rgba[..., :3] = np.where(alpha[..., None] > 0, (0.9, 0.5, 0.1), (0.0, 0.0, 1.0))
    rgba[..., 3] = alpha
    return rgba


def plain(colour: tuple[int, int, int] = NAVY) -> StageSettings:
    return StageSettings(kind=BackdropKind.COLOUR, colour=colour)


def plate(size: int = 64) -> np.ndarray:
    """A background with a horizontal gradient."""
    ramp = np.linspace(60, 180, size).astype(np.uint8)
    return np.repeat(np.tile(ramp, (size, 1))[..., None], 3, axis=2)


def composer(stage: StageSettings, size: tuple[int, int]) -> Composer:
    return Composer(stage, size, plate())


def compose(rgba: np.ndarray, stage: StageSettings) -> np.ndarray:
    return composer(stage, (rgba.shape[1], rgba.shape[0]))(rgba)


def test_blend_equals_the_over_operator() -> None:
    rgba = soft_disc()
    alpha = rgba[..., 3:]
    expected = rgba[..., :3] * 255 * alpha + np.array(NAVY) * (1 - alpha)
    assert np.abs(compose(rgba, plain()) - expected).max() <= 2


@given(alpha=st.integers(0, 255), fore=st.integers(0, 255), back=st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_blend_of_any_level_stays_within_two_of_exact(alpha: int, fore: int, back: int) -> None:
    rgba = np.full((4, 4, 4), fore, np.uint8)
    rgba[..., 3] = alpha
    exact = (fore * alpha + back * (255 - alpha)) / 255
    assert abs(float(compose(rgba, plain((back, back, back)))[0, 0, 0]) - exact) <= 2


def test_uint8_and_float_give_the_same_picture() -> None:
    rgba = soft_disc()
    as_bytes = np.rint(rgba * 255).astype(np.uint8)
    np.testing.assert_array_equal(compose(rgba, plain()), compose(as_bytes, plain()))


def test_transparent_is_exactly_the_backdrop_and_opaque_exactly_the_avatar() -> None:
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:, 4:] = (11, 222, 133, 255)
    out = compose(rgba, plain())
    assert (out[:, :4] == NAVY).all()
    assert (out[:, 4:] == (11, 222, 133)).all()


def test_hidden_colour_of_transparent_pixels_does_not_bleed_when_scaled() -> None:
    out = composer(plain((0, 0, 0)), (200, 200))(soft_disc()).astype(int)
    # Orange on black has next to no blue; straight interpolation would draw a blue rim.
    assert (out[..., 2] - out[..., 0]).max() <= 2


def test_not_a_number_becomes_transparent() -> None:
    rgba = soft_disc()
    rgba[30:34, 30:34] = np.nan
    assert (compose(rgba, plain())[31, 31] == NAVY).all()


def test_key_colour_is_pure_outside_and_absent_inside() -> None:
    out = compose(soft_disc(), StageSettings(kind=BackdropKind.KEY_COLOUR))
    alpha = soft_disc()[..., 3]
    assert (out[alpha < 0.3] == KEY_GREEN).all()
    inside = out[alpha > 0.7].astype(int)
    assert np.abs(inside - np.array([230, 128, 26])).max() <= 3


def test_key_colour_mixes_with_fewer_pixels_than_a_soft_edge() -> None:
    def mixed(stage: StageSettings) -> int:
        out = composer(stage, (256, 256))(soft_disc()).astype(int)
        is_backdrop = (np.abs(out - np.array(KEY_GREEN)) <= 2).all(axis=-1)
        is_avatar = (np.abs(out - np.array([230, 128, 26])) <= 3).all(axis=-1)
        return int((~is_backdrop & ~is_avatar).sum())

    crisp = mixed(StageSettings(kind=BackdropKind.KEY_COLOUR))
    assert 0 < crisp < 0.4 * mixed(plain(KEY_GREEN))


def test_avatar_stands_at_the_bottom_centre_of_a_wide_stage() -> None:
    rgba = np.full((32, 32, 4), 255, np.uint8)
    out = composer(plain(), (160, 90))(rgba)
    assert out.shape == (90, 160, 3)
    assert (out[:, 35:125] == 255).all()
    assert (out[:, :35] == NAVY).all()
    assert (out[:, 125:] == NAVY).all()
    tall = composer(plain(), (32, 64))(rgba)
    assert (tall[:32] == NAVY).all()
    assert (tall[32:] == 255).all()


def test_as_drawn_shows_the_avatars_own_background_and_goes_on_beside_it() -> None:
    nothing = np.zeros((64, 64, 4), np.uint8)
    np.testing.assert_array_equal(compose(nothing, StageSettings()), plate())
    wide = composer(StageSettings(), (160, 90))(nothing).astype(int)
    # Next to the square the surround has the colour of its edge, and further out the mirrored gradient.
    assert abs(wide[45, 33, 0] - wide[45, 36, 0]) < 8
    assert abs(wide[45, 126, 0] - wide[45, 123, 0]) < 8
    assert wide[45, 2, 0] > wide[45, 30, 0] + 10
    tall = composer(StageSettings(), (64, 100))(nothing)
    np.testing.assert_array_equal(tall[36:], plate())


def test_no_seam_shows_beside_a_background_with_a_pattern() -> None:
    dots = np.full((90, 90, 3), 60, np.uint8)
    dots[::6] = dots[1::6] = 200  # lines that a blurred surround would end abruptly
    wide = Composer(StageSettings(), (160, 90), dots)(np.zeros((90, 90, 4), np.uint8)).astype(int)
    for inner, outer in ((35, 34), (124, 125)):
        assert np.abs(wide[:, inner] - wide[:, outer]).max() <= 4
    steps = np.abs(np.diff(wide, axis=1)).max()
    assert steps <= 4, "and it softens without a step"
    assert wide[:, 0, 0].std() < wide[:, 34, 0].std(), "far out it is soft"


def test_as_drawn_blends_the_avatar_over_its_background() -> None:
    rgba = soft_disc()
    alpha = rgba[..., 3:]
    expected = rgba[..., :3] * 255 * alpha + plate() * (1 - alpha)
    assert np.abs(compose(rgba, StageSettings()) - expected).max() <= 2


def test_result_is_not_written_by_the_next_call() -> None:
    for stage in (StageSettings(), plain(), StageSettings(kind=BackdropKind.KEY_COLOUR)):
        one = composer(stage, (64, 64))
        first = one(soft_disc())
        kept = first.copy()
        one(np.zeros((64, 64, 4), np.uint8))
        np.testing.assert_array_equal(first, kept)


def test_input_is_not_written() -> None:
    rgba = np.rint(soft_disc() * 255).astype(np.uint8)
    kept = rgba.copy()
    for stage in (StageSettings(), plain(), StageSettings(kind=BackdropKind.KEY_COLOUR)):
        out = compose(rgba, stage)
        out[:] = 7
    np.testing.assert_array_equal(rgba, kept)


@pytest.mark.parametrize("shape", [(8, 8, 3), (8, 8), (4, 8, 8, 4)])
def test_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        compose(np.zeros(shape, np.uint8), plain())


def test_wrong_type_is_refused() -> None:
    with pytest.raises(ValueError, match="uint8 or float"):
        compose(np.zeros((8, 8, 4), np.int32), plain())


def write_stripes(path: Path, width: int = 300, height: int = 200) -> Path:
    bgr = np.zeros((height, width, 3), np.uint8)
    bgr[:, ::2] = (10, 120, 240)
    cv2.imwrite(str(path), bgr)
    return path


def test_picture_backdrop_is_read_once_fills_the_stage_and_is_blurred(tmp_path: Path) -> None:
    path = write_stripes(tmp_path / "ünïcode wall.png")
    nothing = np.zeros((8, 8, 4), np.uint8)
    sharp = composer(StageSettings(kind=BackdropKind.PICTURE, picture=path), (300, 200))
    soft = composer(StageSettings(kind=BackdropKind.PICTURE, picture=path, blur=0.5), (300, 200))
    path.unlink()
    assert (sharp(nothing)[:, ::2] == (240, 120, 10)).all()
    assert soft(nothing).std(axis=(0, 1)).max() < 3
    assert np.abs(soft(nothing).mean(axis=(0, 1)) - (120, 60, 5)).max() < 3


def test_picture_backdrop_is_cut_not_stretched(tmp_path: Path) -> None:
    bgr = np.zeros((100, 100, 3), np.uint8)
    cv2.circle(bgr, (50, 50), 20, (255, 255, 255), -1)
    cv2.imwrite(str(tmp_path / "disc.png"), bgr)
    stage = StageSettings(kind=BackdropKind.PICTURE, picture=tmp_path / "disc.png")
    out = composer(stage, (200, 100))(np.zeros((4, 4, 4), np.uint8))
    rows, columns = np.nonzero(out[..., 0] > 127)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 2
    assert abs(columns.mean() - 100.5) < 1


@pytest.mark.parametrize("content", [None, b"", b"no picture at all", b"\x89PNG\r\n\x1a\n broken"])
def test_unreadable_picture_is_said(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "wall.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"wall\.png"):
        composer(StageSettings(kind=BackdropKind.PICTURE, picture=path), (64, 64))


def test_settings_refuse_nonsense() -> None:
    with pytest.raises(SettingsError, match="none was chosen"):
        StageSettings(kind=BackdropKind.PICTURE)
    with pytest.raises(SettingsError, match=r"blur is 1\.5"):
        StageSettings(blur=1.5)
    with pytest.raises(SettingsError, match="colour"):
        StageSettings(colour=(0, 0, 300))


def test_no_backdrop_is_the_camera() -> None:
    assert {kind.value for kind in BackdropKind} == {"as_drawn", "key_colour", "colour", "picture"}
