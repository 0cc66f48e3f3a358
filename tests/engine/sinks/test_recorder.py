"""What the recorder writes, read back."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from engine.errors import SettingsError, SinkError
from engine.post.letterbox import letterbox
from engine.sinks import movie
from engine.sinks.growing_file import GrowingFile
from engine.sinks.movie import cut_torn_tail
from engine.sinks.output_file import OutputClaim, check_output
from engine.sinks.recorder import Recorder, _PictureQueue
from engine.sinks.recorder_settings import Backlog, MovieSettings, SoundKind
from engine.types import Frame
from tests.engine.sinks.clips import (
    CLICK_S,
    click_time_s,
    picture,
    sound_packets,
    top_boxes,
    video_pictures,
    video_times,
    write_clip,
)

NTSC = Fraction(30000, 1001)
SMALL = MovieSettings(size=(64, 48), rate=Fraction(25), preset="ultrafast")


def recorder(path: Path, settings: MovieSettings = SMALL, sound: Path | None = None) -> Recorder:
    return Recorder(path, settings, fit=letterbox, backlog=Backlog.WAIT, sound=sound)


def record(path: Path, times: list[float], settings: MovieSettings = SMALL) -> Recorder:
    made = recorder(path, settings)
    made.open()
    for index, media_s in enumerate(times):
        made.send(picture(index % 200, media_s, index, settings.size))
    made.finish()
    return made


@pytest.mark.parametrize("rate", [NTSC, Fraction(25), Fraction(24000, 1001), Fraction(60)])
def test_constant_rate_stays_exact(tmp_path: Path, rate: Fraction) -> None:
    settings = MovieSettings(size=(64, 48), rate=rate, preset="ultrafast")
    path = tmp_path / "out.mp4"
    made = record(path, [float(index / rate) for index in range(50)], settings)
    assert video_times(path) == [index / rate for index in range(50)]
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == rate
        assert stream.frames == 50
        assert stream.duration * stream.time_base == 50 / rate
    assert made.report is not None
    assert made.report.frames == 50
    assert made.report.seconds == pytest.approx(float(50 / rate))
    assert made.report.num_bytes == path.stat().st_size


def test_times_rounded_to_milliseconds_are_put_back_on_the_grid(tmp_path: Path) -> None:
    settings = MovieSettings(size=(64, 48), rate=NTSC, preset="ultrafast")
    path = tmp_path / "out.mp4"
    record(path, [round(float(index / NTSC), 3) for index in range(60)], settings)
    assert video_times(path) == [index / NTSC for index in range(60)]


def test_variable_rate_keeps_every_time(tmp_path: Path) -> None:
    ticks = [0, 400, 1300, 1390, 5000, 5100, 9000]
    settings = MovieSettings(size=(64, 48), rate=Fraction(30), tick=Fraction(1, 12800), preset="ultrafast")
    path = tmp_path / "out.mp4"
    record(path, [tick / 12800 for tick in ticks], settings)
    assert video_times(path) == [Fraction(tick, 12800) for tick in ticks]


def test_doubled_times_of_a_clip_lose_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    record(path, [0.0, 0.04, 0.04, 0.04, 0.12])
    times = video_times(path)
    assert len(times) == 5
    assert all(later > earlier for earlier, later in pairwise(times))


def test_live_recording_begins_at_zero_and_drops_what_does_not_advance(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    made = Recorder(path, SMALL, fit=letterbox)
    made.open()
    for media_s in (100.0, 100.04, 100.04, 0.0, 100.2):
        made.send(picture(9, media_s))
    made.close()
    assert video_times(path) == [0, Fraction(1, 25), Fraction(5, 25)]
    assert made.report is not None
    assert (made.report.frames, made.report.dropped) == (3, 2)


def test_clean_file_is_fast_start_and_not_fragmented(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    made = record(path, [index / 25 for index in range(60)])
    boxes = top_boxes(path)
    assert "moof" not in boxes
    assert boxes.index("moov") < boxes.index("mdat")
    assert made.report is not None
    assert made.report.is_fast_start
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


def test_no_room_for_the_second_copy_keeps_the_fragmented_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(movie, "_copy_packets", no_room)
    path = tmp_path / "out.mp4"
    made = record(path, [index / 25 for index in range(60)])
    assert made.report is not None
    assert not made.report.is_fast_start
    assert "moof" in top_boxes(path)
    assert video_times(path) == [Fraction(index, 25) for index in range(60)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.mp4"]


def test_colours_come_back(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    settings = MovieSettings(size=(64, 64), rate=Fraction(25), preset="ultrafast", crf=4)
    rgb = np.zeros((64, 64, 3), np.uint8)
    colours = [(230, 40, 50), (40, 200, 60), (30, 60, 220), (128, 128, 128)]
    for (row, column), colour in zip([(0, 0), (0, 32), (32, 0), (32, 32)], colours, strict=True):
        rgb[row : row + 32, column : column + 32] = colour
    made = recorder(path, settings)
    made.open()
    made.send(type(picture(0, 0.0))(rgb=rgb, origin=picture(0, 0.0).origin))
    made.finish()
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, limited
        back = frame.reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    for (row, column), colour in zip([(16, 16), (16, 48), (48, 16), (48, 48)], colours, strict=True):
        assert np.abs(back[row, column].astype(int) - colour).max() <= 6


def test_odd_size_is_padded(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    settings = MovieSettings(size=(65, 47), rate=Fraction(25), preset="ultrafast")
    record(path, [0.0, 0.04], settings)
    assert video_pictures(path)[0].shape == (48, 66, 3)


def test_another_size_on_the_way_is_fitted(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    made = recorder(path)
    made.open()
    made.send(picture(200, 0.0))
    made.send(picture(200, 0.04, size=(96, 96)))
    made.finish()
    first, second = video_pictures(path)
    assert first.min() > 180
    assert second.shape == first.shape
    assert second[:, 32].min() > 180
    assert second[:, 2].max() < 30


def test_existing_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old" * 100_000)
    record(path, [0.0, 0.04])
    assert len(video_times(path)) == 2


def test_colon_in_a_relative_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "12:00.mp4")
    made = recorder(Path("12:30.mp4"), sound=Path("12:00.mp4"))
    made.open()
    made.send(picture(0, 0.0))
    assert made.finish().sound is SoundKind.COPIED
    assert len(video_times(tmp_path / "12:30.mp4")) == 1


def test_aac_sound_is_copied_bit_for_bit_with_its_times(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    made = recorder(tmp_path / "out.mp4", sound=clip)
    made.open()
    for index, due in enumerate(video_times(clip)):
        made.send(picture(255 if due >= CLICK_S else 0, float(due), index))
    report = made.finish()
    assert report.sound is SoundKind.COPIED
    assert report.is_sound_complete
    assert sound_packets(tmp_path / "out.mp4") == sound_packets(clip)
    assert click_time_s(tmp_path / "out.mp4") == pytest.approx(click_time_s(clip), abs=1e-6)
    assert video_times(tmp_path / "out.mp4") == video_times(clip)


@pytest.mark.parametrize(
    ("codec", "name"), [("pcm_s16le", "clip.mkv"), ("libopus", "clip.mkv"), ("mp3", "clip.mp4")]
)
def test_other_sound_is_converted_and_in_step_with_the_picture(tmp_path: Path, codec: str, name: str) -> None:
    clip = write_clip(tmp_path / name, codec=codec)
    out = tmp_path / "out.mp4"
    made = recorder(out, sound=clip)
    made.open()
    for index, due in enumerate(video_times(clip)):
        made.send(picture(255 if due >= CLICK_S else 0, float(due), index))
    report = made.finish()
    assert report.sound is SoundKind.CONVERTED
    assert click_time_s(out) == pytest.approx(click_time_s(clip), abs=0.002)
    first_of_clip = next(due for due in video_times(clip) if due >= CLICK_S)
    assert flash_time_s(out) == pytest.approx(float(first_of_clip), abs=0.002)
    with av.open(str(out)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_stopping_early_ends_the_sound_with_the_picture_and_finishing_keeps_it(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", seconds=3.0)
    ends = {}
    for name in ("close", "finish"):
        made = recorder(tmp_path / f"{name}.mp4", sound=clip)
        made.open()
        for index in range(25):
            made.send(picture(0, index / 25, index))
        getattr(made, name)()
        ends[name] = float(sound_packets(tmp_path / f"{name}.mp4")[-1][0])
    assert 0.95 < ends["close"] < 1.01
    assert ends["finish"] > 2.9


def flash_time_s(path: Path) -> float:
    times, pictures = video_times(path), video_pictures(path)
    return float(next(due for due, rgb in zip(times, pictures, strict=True) if rgb.mean() > 128))


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_clip_that_begins_late_begins_at_zero_and_in_step(tmp_path: Path, codec: str) -> None:
    clip = write_clip(tmp_path / "clip.ts", codec=codec, start_s=7)
    times = video_times(clip)
    assert times[0] > 6.9
    flash = next(index for index, due in enumerate(times) if due - times[0] >= CLICK_S)
    made = recorder(tmp_path / "out.mp4", sound=clip)
    made.open()
    for index, due in enumerate(times):
        made.send(picture(255 if index >= flash else 0, float(due), index))
    made.finish()
    lag_of_clip = click_time_s(clip) - float(times[flash])
    assert click_time_s(tmp_path / "out.mp4") - flash_time_s(tmp_path / "out.mp4") == pytest.approx(
        lag_of_clip, abs=0.002
    )
    assert video_times(tmp_path / "out.mp4")[0] < 0.2


@pytest.mark.parametrize(("codec", "name"), [("aac", "clip.mp4"), ("pcm_s16le", "clip.mkv")])
def test_live_recording_from_the_middle_of_a_clip_is_in_step(tmp_path: Path, codec: str, name: str) -> None:
    clip = write_clip(tmp_path / name, codec=codec, seconds=2.0)
    made = Recorder(tmp_path / "out.mp4", SMALL, fit=letterbox, backlog=Backlog.DROP, sound=clip)
    made.open()
    for index in range(8, 40):
        made.send(picture(255 if index / 25 >= CLICK_S else 0, index / 25, index))
        wait_until(lambda: len(made._queue._pictures) < 4)  # let the encoder keep up: live drops
    made.close()
    assert video_times(tmp_path / "out.mp4")[0] == 0
    assert click_time_s(tmp_path / "out.mp4") == pytest.approx(click_time_s(clip) - 8 / 25, abs=0.002)
    assert flash_time_s(tmp_path / "out.mp4") == pytest.approx(13 / 25 - 8 / 25, abs=0.001)


def test_clip_without_sound_and_damaged_sound_do_not_stop_the_recording(tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    record(silent, [0.0, 0.04])
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"nothing that plays")
    for clip, is_complete in ((silent, True), (damaged, False)):
        made = recorder(tmp_path / "out.mp4", sound=clip)
        made.open()
        made.send(picture(0, 0.0))
        report = made.finish()
        assert report.sound is SoundKind.NONE
        assert report.is_sound_complete is is_complete
        assert len(video_times(tmp_path / "out.mp4")) == 1


def test_waiting_backlog_loses_nothing(tmp_path: Path) -> None:
    made = record(tmp_path / "out.mp4", [index / 25 for index in range(150)])
    assert made.report is not None
    assert (made.report.frames, made.report.dropped) == (150, 0)
    assert len(video_times(tmp_path / "out.mp4")) == 150


def test_live_backlog_never_waits_and_keeps_the_newest() -> None:
    queue = _PictureQueue(Backlog.DROP)
    for index in range(20):
        queue.put(picture(0, 0.0, index))
    queue.close()
    taken = []
    while (one := queue.take()) is not None:
        taken.append(one.frame_index)
    assert taken == list(range(12, 20))
    assert queue.dropped == 12


def test_waiting_sender_is_released_by_close() -> None:
    queue = _PictureQueue(Backlog.WAIT)
    for index in range(8):
        queue.put(picture(0, 0.0, index))
    sender = threading.Thread(target=queue.put, args=(picture(0, 0.0, 8),))
    sender.start()
    queue.close()
    sender.join(30)
    assert not sender.is_alive()


def test_only_pictures_are_recorded(tmp_path: Path) -> None:
    made = recorder(tmp_path / "out.mp4")
    made.open()
    with pytest.raises(TypeError, match="Picture"):
        made.send(Frame(rgb=np.zeros((48, 64, 3), np.uint8), index=0, captured_at_s=0.0))  # type: ignore[arg-type]
    made.close()
    made.close()


def test_finish_without_open_is_said(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="never opened"):
        recorder(tmp_path / "out.mp4").finish()


def test_unwritable_outputs_are_said_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    cases = {
        tmp_path / "out.avi": r"does not end in \.mp4",
        tmp_path / "missing" / "out.mp4": "does not exist",
        tmp_path / "folder.mp4": "is a folder",
        Path("/proc/out.mp4"): "cannot be written",
    }
    for path, message in cases.items():
        with pytest.raises(SinkError, match=message) as caught:
            recorder(path).open()
        assert str(path.parent) in str(caught.value)
        assert caught.value.hint


def test_check_leaves_no_file_and_harms_none(tmp_path: Path) -> None:
    check_output(tmp_path / "new.mp4")
    assert not (tmp_path / "new.mp4").exists()
    (tmp_path / "old.mp4").write_bytes(b"precious")
    check_output(tmp_path / "old.mp4")
    assert (tmp_path / "old.mp4").read_bytes() == b"precious"


def test_source_is_never_overwritten(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    before = clip.read_bytes()
    with pytest.raises(SinkError, match="source itself"):
        recorder(clip, sound=clip).open()
    assert clip.read_bytes() == before


def noise_recording(path: Path, count: int) -> str:
    """A program that records noise until it is stopped, at about 10 kB a frame."""
    return f"""
import sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from engine.errors import SinkError
from engine.post.letterbox import letterbox
from engine.sinks.recorder import Recorder
from engine.sinks.recorder_settings import Backlog, MovieSettings
from engine.types import Origin, Picture

settings = MovieSettings(size=(96, 96), rate=Fraction(25), preset="ultrafast", crf=10)
recorder = Recorder(Path({str(path)!r}), settings, fit=letterbox, backlog=Backlog.WAIT)
recorder.open()
rng = np.random.default_rng(0)
try:
    for index in range({count}):
        rgb = rng.integers(0, 256, (96, 96, 3), np.uint8)
        recorder.send(Picture(rgb=rgb, origin=Origin.AVATAR, frame_index=index, media_s=index / 25))
    recorder.finish()
except SinkError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def wait_until(is_done: object, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_done():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def assert_plays_gaplessly(path: Path, at_least: int) -> None:
    times = []
    # A torn last piece may end in an error; what came before counts.
    with av.open(str(path)) as container, contextlib.suppress(av.error.InvalidDataError):
        times.extend(frame.pts * frame.time_base for frame in container.decode(video=0))
    assert len(times) >= at_least
    assert times == [Fraction(index, 25) for index in range(len(times))]


def test_killed_recording_plays(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    process = subprocess.Popen([sys.executable, "-c", noise_recording(path, 1_000_000)])
    try:
        wait_until(lambda: path.exists() and top_boxes(path).count("moof") >= 3)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert_plays_gaplessly(path, at_least=50)


def test_slow_pictures_are_in_the_file_after_a_second_of_their_time(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    made = recorder(path)
    made.open()
    for index in range(8):  # four a second at a nominal 25
        made.send(picture(index * 20, index / 4, index))
    wait_until(lambda: path.exists() and "moof" in top_boxes(path))
    copy = tmp_path / "crash.mp4"
    copy.write_bytes(path.read_bytes())
    assert video_times(copy) == [Fraction(index, 4) for index in range(4)]
    made.finish()
    assert len(video_times(path)) == 8


def run_with_limit(path: Path, limit: int) -> subprocess.CompletedProcess[str]:
    def limit_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-c", noise_recording(path, 2000)],
        preexec_fn=limit_files,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_full_disk_is_said_and_what_was_written_plays(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    result = run_with_limit(path, 1_500_000)
    assert result.returncode == SinkError.exit_code, result.stderr
    assert "no room left" in result.stdout
    assert path.stat().st_size <= 1_500_000
    assert top_boxes(path)[-1] == "mdat"
    assert len(video_pictures(path)) >= 50
    assert_plays_gaplessly(path, at_least=50)


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="mounting a small disk needs root on Linux"
)
def test_really_full_disk_is_said_and_what_was_written_plays(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount a file system")
    try:
        path = disk / "out.mp4"
        result = subprocess.run(
            [sys.executable, "-c", noise_recording(path, 2000)],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert result.returncode == SinkError.exit_code, result.stderr
        assert "no room left" in result.stdout
        assert_plays_gaplessly(path, at_least=50)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_the_file_is_mended_before_the_sender_hears_of_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder(tmp_path / "out.mp4")
    knew: list[bool] = []

    def full(*_: object) -> None:
        raise SinkError("no room left", hint="Make room.")

    def mend(_writer: movie.MovieWriter) -> None:
        knew.append(made._error is not None)

    monkeypatch.setattr(movie.MovieWriter, "write", full)
    monkeypatch.setattr(movie.MovieWriter, "abandon", mend)
    made.open()
    made.send(picture(10, 0.0, 0))
    with pytest.raises(SinkError, match="no room left"):
        made.close()
    assert knew == [False]


def recorder_on_fire(path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """An open recorder with a picture in it, whose encoder fails."""

    def broken(*_: object) -> None:
        raise RuntimeError("encoder on fire")

    monkeypatch.setattr(movie.MovieWriter, "write", broken)
    made = recorder(path)
    made.open()
    made.send(picture(0, 0.0))
    return made


def test_failure_inside_the_thread_reaches_the_sender(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder_on_fire(tmp_path / "out.mp4", monkeypatch)

    def send_on() -> None:
        for index in range(1, 100):
            made.send(picture(0, index / 25))

    with pytest.raises(SinkError, match="encoder on fire"):
        send_on()
    with pytest.raises(SinkError, match="encoder on fire"):
        made.close()
    made.close()


def test_torn_tail_is_cut_to_whole_pieces(tmp_path: Path) -> None:
    def box(name: bytes, size: int) -> bytes:
        return (8 + size).to_bytes(4, "big") + name + bytes(size)

    whole = box(b"ftyp", 8) + box(b"moov", 40) + box(b"moof", 20) + box(b"mdat", 100)
    path = tmp_path / "torn.mp4"
    for tail in (b"", box(b"moof", 20), box(b"moof", 20) + box(b"mdat", 100)[:50], b"\0\0\0"):
        path.write_bytes(whole + tail)
        assert cut_torn_tail(path) == 1
        assert path.read_bytes() == whole
    header = box(b"ftyp", 8) + box(b"moov", 40)
    path.write_bytes(header + box(b"moof", 20))
    assert cut_torn_tail(path) == 0, "a header alone does not play"
    assert path.read_bytes() == header


def test_settings_refuse_nonsense() -> None:
    for bad in (
        {"size": (0, 4)},
        {"size": (4, 4), "rate": Fraction(0)},
        {"size": (4, 4), "crf": 99},
        {"size": (4, 4), "tick": Fraction(3)},
    ):
        with pytest.raises(SettingsError):
            MovieSettings(**bad)


def test_two_runs_never_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    first = recorder(path)
    first.open()
    first.send(picture(10, 0.0, 0))
    with pytest.raises(SinkError, match="written by another run") as caught:
        recorder(path).open()
    assert "another name" in caught.value.hint
    first.finish()
    assert video_times(path) == [0]
    record(path, [0.0, 0.04])
    assert video_times(path) == [0, Fraction(1, 25)]
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]


def test_a_claim_of_a_program_that_was_killed_is_void(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    code = (
        "import os, sys; from pathlib import Path; from engine.sinks.output_file import OutputClaim; "
        "claim = OutputClaim(Path(sys.argv[1])); print('taken', flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "taken\n"
    claim = OutputClaim(path)
    claim.release()
    claim.release()
    assert list(tmp_path.iterdir()) == []


def test_a_claim_that_cannot_be_had_stops_nobody(tmp_path: Path) -> None:
    OutputClaim(tmp_path / "missing" / "out.mp4").release()


def test_a_recording_without_a_picture_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    made = recorder(path)
    made.open()
    made.close()
    assert made.report is not None
    assert (made.report.frames, made.report.num_bytes) == (0, 0)
    assert list(tmp_path.iterdir()) == []


OLD = b"a good old movie"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.mp4"
    path.write_bytes(OLD)
    return path


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_the_old_file_is_there_until_the_new_one_is_whole(old: Path) -> None:
    made = recorder(old)
    made.open()
    for index in range(60):
        made.send(picture(index, index / 25, index))
    wait_until(lambda: top_boxes(old.with_name("old (unfinished).mp4")).count("moof") >= 1)
    assert old.read_bytes() == OLD
    report = made.finish()
    assert (report.path, report.spared) == (old, None)
    assert len(video_times(old)) == 60
    assert names(old.parent) == ["old.mp4"]


@pytest.mark.parametrize("ending", ["close", "finish"])
def test_a_recording_that_was_told_to_keep_the_old_file_stays_beside_it(old: Path, ending: str) -> None:
    for number in ("", " 2"):
        made = recorder(old)
        made.open()
        made.send(picture(9, 0.0))
        made.keep_old("stopped")
        getattr(made, ending)()
        beside = old.with_name(f"old (stopped{number}).mp4")
        assert made.report is not None
        assert (made.report.path, made.report.spared) == (beside, old)
        assert made.report.num_bytes == beside.stat().st_size
        assert len(video_times(beside)) == 1
    assert old.read_bytes() == OLD
    assert names(old.parent) == ["old (stopped 2).mp4", "old (stopped).mp4", "old.mp4"]


def test_without_an_old_file_what_was_stopped_gets_the_name(tmp_path: Path) -> None:
    made = recorder(tmp_path / "out.mp4")
    made.open()
    made.send(picture(9, 0.0))
    made.keep_old("stopped")
    made.close()
    assert made.report is not None
    assert (made.report.path, made.report.spared) == (tmp_path / "out.mp4", None)
    assert names(tmp_path) == ["out.mp4"]


def test_a_recording_without_a_picture_leaves_the_old_file(old: Path) -> None:
    made = recorder(old)
    made.open()
    made.close()
    assert made.report is not None
    assert (made.report.path, made.report.frames, made.report.num_bytes) == (old, 0, 0)
    assert old.read_bytes() == OLD
    assert names(old.parent) == ["old.mp4"]


def test_a_full_disk_leaves_the_old_file_and_says_which_is_which(old: Path) -> None:
    result = run_with_limit(old, 1_500_000)
    assert result.returncode == SinkError.exit_code, result.stderr
    beside = old.with_name("old (unfinished).mp4")
    assert f"plays, in {beside}; old.mp4 is the one from before" in result.stdout
    assert "ree some space" in result.stdout
    assert old.read_bytes() == OLD
    assert_plays_gaplessly(beside, at_least=50)
    assert names(old.parent) == ["old (unfinished).mp4", "old.mp4"]


def test_a_killed_recording_over_an_old_file_leaves_both_and_the_next_one_harms_neither(old: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", noise_recording(old, 1_000_000)])
    beside = old.with_name("old (unfinished).mp4")
    try:
        wait_until(lambda: beside.exists() and top_boxes(beside).count("moof") >= 3)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert old.read_bytes() == OLD
    assert_plays_gaplessly(beside, at_least=50)
    part = beside.read_bytes()
    record(old, [0.0, 0.04])
    assert len(video_times(old)) == 2
    assert beside.read_bytes() == part


@pytest.mark.parametrize("limit", [0, 700])
@pytest.mark.parametrize("has_old", [False, True])
def test_a_disk_without_room_for_anything_is_said_so(tmp_path: Path, limit: int, has_old: bool) -> None:
    path = tmp_path / "out.mp4"
    if has_old:
        path.write_bytes(OLD)
    result = run_with_limit(path, limit)
    assert result.returncode == SinkError.exit_code, result.stderr
    assert "no room left" in result.stdout
    assert "Nothing was written" in result.stdout
    assert ("out.mp4 is the one from before" in result.stdout) is has_old
    assert "plays" not in result.stdout
    assert names(tmp_path) == (["out.mp4"] if has_old else [])
    assert not has_old or path.read_bytes() == OLD


def test_a_failure_before_the_first_picture_says_that_nothing_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recorder_on_fire(tmp_path / "out.mp4", monkeypatch)
    with pytest.raises(SinkError, match=r"encoder on fire.*Nothing was written"):
        made.close()
    assert made.report is not None
    assert (made.report.frames, made.report.num_bytes) == (0, 0)
    assert names(tmp_path) == []


def test_an_old_file_that_cannot_be_replaced_keeps_both(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def held(self: Path, target: Path) -> Path:
        if target == old:
            raise PermissionError(13, "another program has it open")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held)
    made = recorder(old)
    made.open()
    made.send(picture(0, 0.0))
    with pytest.raises(SinkError, match="another program has it open") as caught:
        made.close()
    beside = old.with_name("old (unfinished).mp4")
    assert str(beside) in caught.value.hint
    assert len(video_times(beside)) == 1
    assert old.read_bytes() == OLD


def test_two_runs_over_an_old_file_are_kept_apart(old: Path) -> None:
    first = GrowingFile(old)
    assert first.place == old.with_name("old (unfinished).mp4")
    for taken in (old, first.place):
        with pytest.raises(SinkError, match="written by another run"):
            GrowingFile(taken)
    first.release()
    first.discard()
    assert names(old.parent) == ["old.mp4"]


def test_a_place_that_another_run_writes_is_left_to_it(old: Path) -> None:
    other = OutputClaim(old.with_name("old (unfinished).mp4"))
    made = GrowingFile(old)
    assert made.place == old.with_name("old (unfinished 2).mp4")
    made.release()
    other.release()


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="is a folder"):
        check_output(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_old_file_in_a_read_only_folder_is_refused_at_once(old: Path) -> None:
    old.parent.chmod(0o500)
    with pytest.raises(SinkError, match="read-only"):
        check_output(old)
