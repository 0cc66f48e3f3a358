"""Clips: exact rates and times, bad files, rotation, and live pacing on a clock that waits for nobody."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from engine.capture.file import FileSource
from engine.clock import FakeClock
from engine.errors import SourceError
from engine.types import Frame
from tests.engine.capture.clips import ClipSpec, index_of, write_clip, write_sound

NTSC = Fraction(30_000, 1001)


def opened(
    path: Path, *, live: bool = False, loop: bool = False, clock: FakeClock | None = None
) -> FileSource:
    source = FileSource(path, clock or FakeClock(), live=live, loop=loop)
    source.open()
    return source


def read_all(source: FileSource) -> list[Frame]:
    frames = []
    try:
        while True:
            frame = source.read(1.0)
            assert frame is not None
            frames.append(frame)
    except EOFError:
        return frames
    finally:
        source.close()


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(25), NTSC, Fraction(30), Fraction(60_000, 1001)])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_rates_stay_exact(tmp_path: Path, rate: Fraction, kind: str) -> None:
    source = opened(write_clip(tmp_path / f"clip.{kind}", ClipSpec(rate=rate, num_frames=20)))
    assert source.rate == rate
    assert source.num_frames == 20
    frames = read_all(source)
    assert [frame.index for frame in frames] == list(range(20))
    assert [index_of(frame.rgb) for frame in frames] == list(range(20))
    tolerance = 1e-9 if kind == "mp4" else 6e-4  # Matroska keeps milliseconds
    assert [frame.media_s for frame in frames] == pytest.approx(
        [float(index / rate) for index in range(20)], abs=tolerance
    )
    assert not source.truncated


def test_variable_rate_keeps_each_frame_s_time(tmp_path: Path) -> None:
    ticks = [0, 3000, 6000, 15_000, 18_000, 45_000]
    source = opened(write_clip(tmp_path / "vfr.mp4", ClipSpec(rate=Fraction(30), ticks=ticks)))
    frames = read_all(source)
    assert [frame.media_s for frame in frames] == pytest.approx([tick / 90_000 for tick in ticks], abs=1e-4)
    assert source.num_frames is None  # closed: nothing is known any more


def test_a_stream_that_starts_late_keeps_its_times(tmp_path: Path) -> None:
    """The sound starts at 0 and the picture later: both keep the file's clock."""
    ticks = [9000 + 3600 * index for index in range(5)]
    path = write_clip(tmp_path / "late.mkv", ClipSpec(ticks=ticks, has_audio=True))
    assert read_all(opened(path))[0].media_s == pytest.approx(0.1, abs=1e-3)


def test_frames_are_rgb_and_own_their_pixels(tmp_path: Path) -> None:
    first, second = read_all(opened(write_clip(tmp_path / "clip.mp4", ClipSpec(num_frames=2))))
    assert first.rgb.shape == (48, 64, 3)
    assert first.rgb.dtype == np.uint8
    assert first.rgb.flags.c_contiguous
    before = second.rgb.copy()
    first.rgb[:] = 0
    assert np.array_equal(second.rgb, before)


def test_sound_is_announced_and_not_read(tmp_path: Path) -> None:
    with_sound = opened(write_clip(tmp_path / "loud.mp4", ClipSpec(has_audio=True)))
    assert with_sound.has_audio
    assert with_sound.audio_codec == "aac"
    assert len(read_all(with_sound)) == 10
    silent = opened(write_clip(tmp_path / "quiet.mp4", ClipSpec()))
    assert not silent.has_audio
    assert silent.audio_codec is None
    silent.close()


@pytest.mark.parametrize(
    ("degrees", "shape", "bright"),
    [(0, (48, 64), (0, 0)), (90, (64, 48), (-1, 0)), (180, (48, 64), (-1, -1)), (270, (64, 48), (0, -1))],
)
def test_rotated_phone_clips_come_out_upright(
    tmp_path: Path, degrees: int, shape: tuple[int, int], bright: tuple[int, int]
) -> None:
    path = write_clip(tmp_path / "turned.mp4", ClipSpec(num_frames=1, rotation_deg=degrees))
    rgb = read_all(opened(path))[0].rgb
    assert rgb.shape[:2] == shape
    row, column = (3 if side == 0 else -4 for side in bright)
    assert rgb[row, column].mean() > 200
    assert rgb[row, -column - 1].mean() < 100


def test_anamorphic_pixels_are_made_square(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "wide.mp4", ClipSpec(num_frames=1, pixel_aspect=Fraction(4, 3)))
    assert read_all(opened(path))[0].rgb.shape == (48, 85, 3)


def test_a_clip_cut_off_gives_what_can_be_read(tmp_path: Path) -> None:
    whole = write_clip(
        tmp_path / "whole.mp4",
        ClipSpec(num_frames=100, size=(320, 240), options=(("movflags", "+faststart"),)),
    )
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 6 // 10])
    source = opened(cut)
    frames = read_all(source)
    assert 20 < len(frames) < 80
    assert [frame.index for frame in frames] == list(range(len(frames)))
    assert source.truncated


def test_a_clip_damaged_in_the_middle_goes_on_behind_it(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv", ClipSpec(num_frames=60, size=(320, 240)))
    data = bytearray(whole.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(bytes(data))
    frames = read_all(opened(broken))
    assert frames[-1].media_s > 2.0


def test_a_clip_without_its_index_is_refused(tmp_path: Path) -> None:
    data = write_clip(tmp_path / "whole.mp4", ClipSpec(num_frames=50)).read_bytes()
    headless = tmp_path / "headless.mp4"
    headless.write_bytes(data[: data.rindex(b"moov") - 4])
    with pytest.raises(SourceError, match="headless"):
        opened(headless)


def refused(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        opened(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_bad_files_are_refused_with_a_sentence(tmp_path: Path) -> None:
    assert "no file" in refused(tmp_path / "missing.mp4")
    assert "folder" in refused(tmp_path)
    assert "no video stream" in refused(write_sound(tmp_path / "sound.mp4"))
    text, empty = tmp_path / "letter.mp4", tmp_path / "empty.mp4"
    text.write_text("Dear clip,\n" * 50)
    empty.touch()
    assert "cannot be read" in refused(text)
    assert "is empty" in refused(empty)


def test_reading_before_opening_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not open"):
        FileSource(tmp_path / "clip.mp4", FakeClock()).read(0.0)


def test_close_is_idempotent_and_open_starts_again(tmp_path: Path) -> None:
    source = FileSource(write_clip(tmp_path / "clip.mp4", ClipSpec()), FakeClock())
    source.close()
    for _ in range(2):
        source.open()
        assert [frame.index for frame in read_all(source)] == list(range(10))
    source.close()


class TestLive:
    """Frames are due at the first read plus their media time."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock(50.0)

    @pytest.fixture
    def source(self, tmp_path: Path, clock: FakeClock) -> FileSource:
        return opened(write_clip(tmp_path / "clip.mp4", ClipSpec(num_frames=20)), live=True, clock=clock)

    def test_a_prompt_reader_gets_every_frame_when_it_is_due(
        self, source: FileSource, clock: FakeClock
    ) -> None:
        clock.sleep_s(3.0)  # the time until the first read does not count
        frames = read_all(source)
        assert [frame.index for frame in frames] == list(range(20))
        assert [frame.captured_at_s for frame in frames] == pytest.approx(
            [53.0 + index / 25 for index in range(20)]
        )
        assert clock.now_s() == pytest.approx(53.0 + 19 / 25)
        assert source.dropped == 0

    def test_a_slow_reader_gets_the_newest_and_the_rest_is_counted(
        self, source: FileSource, clock: FakeClock
    ) -> None:
        indices = []
        for _ in range(4):
            frame = source.read(1.0)
            assert frame is not None
            indices.append((frame.index, index_of(frame.rgb)))
            assert frame.captured_at_s == pytest.approx(50.0 + frame.index / 25)
            clock.sleep_s(0.1)  # two and a half frames
        assert indices == [(0, 0), (2, 2), (5, 5), (7, 7)]
        assert source.dropped == 4

    def test_nothing_due_in_time_gives_none(self, source: FileSource, clock: FakeClock) -> None:
        assert source.read(0.0) is not None
        assert source.read(0.01) is None
        assert clock.now_s() == pytest.approx(50.01)
        frame = source.read(0.1)
        assert frame is not None
        assert frame.index == 1

    def test_ends_without_a_loop(self, source: FileSource, clock: FakeClock) -> None:
        source.read(0.0)
        clock.sleep_s(10.0)
        last = source.read(0.0)
        assert last is not None
        assert last.index == 19
        with pytest.raises(EOFError):
            source.read(0.0)

    def test_a_loop_goes_on_with_rising_numbers_and_times(self, tmp_path: Path, clock: FakeClock) -> None:
        path = write_clip(tmp_path / "loop.mp4", ClipSpec(num_frames=5))
        source = opened(path, live=True, loop=True, clock=clock)
        assert source.num_frames is None
        frames = [source.read(1.0) for _ in range(13)]
        assert [frame.index for frame in frames if frame] == list(range(13))
        assert [index_of(frame.rgb) for frame in frames if frame] == [0, 1, 2, 3, 4] * 2 + [0, 1, 2]
        assert [frame.media_s for frame in frames if frame] == pytest.approx([i / 25 for i in range(13)])
        source.close()
