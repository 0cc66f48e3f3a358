"""The tracker with the real models, on a photograph in motion."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.track.mediapipe_tracker import MediaPipeTracker, open_tracker
from engine.track.settings import TrackSettings
from engine.types import Frame, Performance, RgbImage, TrackState

FPS = 30.0
FACE_ONLY = TrackSettings(use_body=False)
Build = Callable[..., MediaPipeTracker]


@pytest.fixture
def build() -> Iterator[Build]:
    built: list[MediaPipeTracker] = []

    def build_one(settings: TrackSettings = FACE_ONLY) -> MediaPipeTracker:
        built.append(MediaPipeTracker(settings))
        return built[-1]

    yield build_one
    for tracker in built:
        tracker.close()


def run(tracker: MediaPipeTracker, pictures: list[RgbImage], start: int = 0) -> list[Performance]:
    return [
        tracker.track(Frame(rgb, start + index, 100 + (start + index) / FPS, (start + index) / FPS))
        for index, rgb in enumerate(pictures)
    ]


def test_finds_the_face_from_the_first_frame_on(build: Build, photo: RgbImage) -> None:
    first, second = run(build(), [photo, photo])
    assert first.state is TrackState.FOUND
    assert second.state is TrackState.FOUND
    assert (second.frame_index, second.captured_at_s) == (1, 100 + 1 / FPS)
    assert second.face_score > 0.9
    assert second.aspect == 1.0
    assert second.face.shape == (68, 2)
    assert 0.2 < second.expression.eye_open_left < 0.4
    assert second.face[36:42].mean(axis=0) * 512 == pytest.approx((203, 100), abs=5)


def test_nobody_is_searched_for(build: Build) -> None:
    blank = np.full((240, 320, 3), 128, np.uint8)
    last = run(build(), [blank] * 5)[-1]
    assert last.state is TrackState.SEARCHING
    assert last.face_score == 0
    assert np.isfinite(last.face).all()


def test_lost_after_150_ms_and_found_again(build: Build, photo: RgbImage) -> None:
    tracker = build()
    blank = np.zeros_like(photo)
    seen = run(tracker, [photo] * 3 + [blank] * 8 + [photo] * 4)
    states = [performance.state for performance in seen]
    assert states[1:3] == [TrackState.FOUND] * 2
    last_good_s = 2 / FPS
    for index in range(3, 11):
        is_held = index / FPS - last_good_s < 0.15 - 1e-6
        assert states[index] is (TrackState.FOUND if is_held else TrackState.LOST), index
    assert states[-1] is TrackState.FOUND
    assert seen[4].face == pytest.approx(seen[2].face)  # held


def test_a_mirrored_picture_swaps_the_sides(build: Build, photo: RgbImage) -> None:
    settings = TrackSettings(body_hz=30)
    plain = run(build(settings), [photo] * 3)[-1]
    mirror = run(build(settings), [np.ascontiguousarray(photo[:, ::-1])] * 3)[-1]
    assert mirror.face[36:42].mean(axis=0) == pytest.approx(
        (1, 0) + plain.face[42:48].mean(axis=0) * (-1, 1), abs=0.01
    )
    assert mirror.shoulders[0] == pytest.approx((1, 0) + plain.shoulders[1] * (-1, 1), abs=0.03)
    assert mirror.head.yaw_deg == pytest.approx(-plain.head.yaw_deg, abs=3)
    assert mirror.head.roll_deg == pytest.approx(-plain.head.roll_deg, abs=2)
    assert mirror.expression.eye_open_left == pytest.approx(plain.expression.eye_open_right, abs=0.06)


def test_body_hands_and_matte_are_filled_in_turn(build: Build, photo: RgbImage) -> None:
    tracker = build(TrackSettings(use_hands=True, use_matte=True))
    seen = run(tracker, [photo] * 20)
    last = seen[-1]
    assert last.shoulders[:, 0] * 512 == pytest.approx((110, 304), abs=20)
    assert last.body_score > 0.8
    assert last.arm_scores.shape == (4,)
    assert last.matte is not None
    assert last.matte[60, 112] > 0.9
    rates = tracker.rates_hz()
    assert rates["face"] == pytest.approx(FPS)
    assert rates["body"] == pytest.approx(6, abs=1.5)
    assert rates["hands"] == pytest.approx(6, abs=1.5)
    assert rates["matte"] == pytest.approx(5, abs=1.5)


def test_what_is_off_is_not_there(build: Build, photo: RgbImage) -> None:
    tracker = build(FACE_ONLY)
    last = run(tracker, [photo] * 3)[-1]
    assert set(tracker.rates_hz()) == {"face"}
    assert last.matte is None
    assert last.body_score == 0


def test_a_wide_picture_gives_the_same_head(build: Build, photo: RgbImage) -> None:
    """The photograph on a wider canvas: pixels stay where they are, fractions of the width shrink."""
    wide = np.full((512, 1024, 3), 200, np.uint8)
    wide[:, 256:768] = photo
    narrow, padded = run(build(), [photo] * 4)[-1], run(build(), [wide] * 4)[-1]
    assert padded.aspect == 2.0
    assert padded.face * (1024, 512) - (256, 0) == pytest.approx(narrow.face * 512, abs=3)
    assert padded.head.scale == pytest.approx(narrow.head.scale, rel=0.04)
    assert padded.head.yaw_deg == pytest.approx(narrow.head.yaw_deg, abs=2)


def test_body_in_a_wide_picture(build: Build, photo: RgbImage) -> None:
    """The same place and shape as in the photograph alone, in a wide and in a tall picture."""
    plain = run(build(TrackSettings(body_hz=30)), [photo] * 3)[-1].shoulders * 512
    for width, height in ((910, 512), (512, 768)):
        canvas = np.full((height, width, 3), 200, np.uint8)
        corner = ((width - 512) // 2, (height - 512) // 2)
        canvas[corner[1] : corner[1] + 512, corner[0] : corner[0] + 512] = photo
        last = run(build(TrackSettings(body_hz=30)), [canvas] * 3)[-1]
        assert last.shoulders * (width, height) - corner == pytest.approx(plain, abs=16)


def test_a_small_face_at_the_side_of_a_wide_picture(build: Build, photo: RgbImage) -> None:
    """720p with a face of 90 pixels, 7 % of the width: the detector alone needs 10 %."""
    wide = np.full((720, 1280, 3), 200, np.uint8)
    wide[208:, 0:512] = photo
    last = run(build(), [wide] * 8)[-1]
    assert last.state is TrackState.FOUND
    assert last.head.x * 1280 == pytest.approx(225, abs=6)


def test_reset_and_going_back_in_time_search_anew(build: Build, photo: RgbImage) -> None:
    tracker = build()
    run(tracker, [photo] * 3)
    tracker.reset()
    assert run(tracker, [np.zeros_like(photo)])[0].state is TrackState.SEARCHING
    run(tracker, [photo] * 3)
    again = run(tracker, [np.zeros_like(photo), photo, photo])  # the same times once more: from the start
    states = [performance.state for performance in again]
    assert states == [TrackState.SEARCHING, TrackState.SEARCHING, TrackState.FOUND]


def test_the_same_frames_give_the_same_numbers(build: Build, photo: RgbImage) -> None:
    pictures = [np.roll(photo, 3 * index, axis=1) for index in range(5)]
    first, second = (run(build(), pictures)[-1] for _ in range(2))
    assert np.array_equal(first.face, second.face)


def test_warm_up_leaves_no_trace(build: Build, photo: RgbImage) -> None:
    tracker = build(TrackSettings())
    tracker.warm_up(512, 512)
    states = [performance.state for performance in run(tracker, [np.zeros_like(photo), photo, photo])]
    assert states == [TrackState.SEARCHING, TrackState.SEARCHING, TrackState.FOUND]


def test_close_is_idempotent(build: Build, photo: RgbImage) -> None:
    tracker = build()
    tracker.close()
    run(tracker, [photo])
    tracker.close()
    tracker.close()


def test_the_factory_gives_a_tracker() -> None:
    tracker = open_tracker(TrackSettings())
    assert isinstance(tracker, MediaPipeTracker)
    tracker.close()


@pytest.mark.parametrize(
    "wrong", [{"body_hz": 0.0}, {"hands_hz": 1000.0}, {"found_after": 0}, {"lost_after_s": -1.0}]
)
def test_settings_out_of_range_say_so(wrong: dict[str, float]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(SettingsError, match=name) as caught:
        TrackSettings(**wrong)
    assert str(value) in caught.value.message
