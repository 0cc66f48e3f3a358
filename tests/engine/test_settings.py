"""Settings are checked when they are built, and every field that a user meets has a tip."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest

from engine.errors import SettingsError
from engine.settings import (
    QUALITIES,
    CameraSettings,
    LossSettings,
    Quality,
    Settings,
    tips,
)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Quality(size=300), "The size is 300"),
        (lambda: Quality(levels=5), "The number of levels is 5"),
        (lambda: Quality(chunk=8), "The chunk is 8"),
        (lambda: CameraSettings(width=10), "The camera's width is 10"),
        (lambda: CameraSettings(height=10_000), "The camera's height is 10000"),
        (lambda: CameraSettings(fps=1000), "The camera's rate is 1000"),
        (lambda: LossSettings(hold_s=0.5), "The hold is 0.5"),
        (lambda: LossSettings(ease_s=0), "The easing time is 0"),
        (lambda: Settings(source=""), "The source is empty"),
        (lambda: Settings(avatar=""), "The avatar is empty"),
        (lambda: Settings(seed=-1), "The seed is -1"),
        (lambda: Settings(picture_size=(1280, 10)), "A side of the picture is 10"),
        (lambda: Settings(picture_size=(640, 361)), "The picture is 640x361"),
        (lambda: Settings(picture_size=(641, 360)), "The picture is 641x360"),
    ],
)
def test_what_is_out_of_range_is_refused_with_its_value_and_a_way_out(build, sentence: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SettingsError) as refused:
        build()
    assert sentence in refused.value.message
    assert refused.value.hint


def test_settings_cannot_be_changed_but_replaced() -> None:
    settings = Settings()
    with pytest.raises(FrozenInstanceError):
        settings.source = "0"  # type: ignore[misc]
    assert replace(settings, source="0").source == "0"
    with pytest.raises(SettingsError):
        replace(settings, source="")


@pytest.mark.parametrize("kind", [Quality, CameraSettings, LossSettings])
def test_every_field_has_a_tip(kind: type) -> None:
    assert tips(kind).keys() == {f.name for f in fields(kind)}


def test_every_plain_field_of_the_session_has_a_tip() -> None:
    rooms = {"quality", "stage", "camera", "loss"}
    assert tips(Settings).keys() == {f.name for f in fields(Settings)} - rooms


def test_the_picture_is_square_unless_told_otherwise() -> None:
    assert Settings(quality=Quality(size=384)).composed_size == (384, 384)
    assert Settings(picture_size=(1280, 720)).composed_size == (1280, 720)


def test_the_delay_of_the_buffer_is_stated() -> None:
    assert Quality(levels=4, chunk=4).delay_frames == 15
    assert Quality().delay_frames == 0
    assert next(iter(QUALITIES)) == "fastest"


def test_a_lost_face_is_held_for_300_ms_at_most_with_the_tracker_s_own_patience() -> None:
    from engine.track.settings import TrackSettings  # noqa: PLC0415 - the tracker's room

    assert LossSettings().hold_s + TrackSettings().lost_after_s <= 0.3
