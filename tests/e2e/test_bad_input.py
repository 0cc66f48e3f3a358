"""Everything that a user can get wrong: a clear sentence, a non-zero exit, nothing lost."""

import os
import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.e2e.clip_kit import (
    faces,
    pictures_of,
    times_of,
    truncate,
    wall,
    write_clip,
    write_sound_only,
)
from tests.e2e.conftest import Understudy


def test_no_such_clip(understudy: Understudy) -> None:
    code, _, err = understudy("animate", "--source", "missing.mp4")
    assert code == 2
    assert "missing.mp4" in err


def test_a_text_file_is_no_clip(understudy: Understudy, tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a clip\n" * 100)
    code, _, err = understudy("animate", "--source", "notes.mp4")
    assert code == 2
    assert "notes.mp4" in err
    assert not (tmp_path / "understudy-notes.mp4").exists()


def test_no_video_stream(understudy: Understudy, tmp_path: Path) -> None:
    write_sound_only(tmp_path / "song.m4a")
    code, _, err = understudy("animate", "--source", "song.m4a")
    assert code == 2
    assert "no video stream" in err


def test_a_clip_without_a_face_gives_the_resting_avatar_and_says_so(
    understudy: Understudy, tmp_path: Path
) -> None:
    write_clip(tmp_path / "wall.mp4", [wall()] * 6)
    code, out, err = understudy("animate", "--source", "wall.mp4")
    assert code == 3
    assert "No face was found in wall.mp4" in err
    assert "understudy-wall.mp4" in out
    assert len(times_of(tmp_path / "understudy-wall.mp4")) == 6


def test_a_truncated_clip_is_written_as_far_as_it_can_be_read(understudy: Understudy, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "cut.mp4", faces(20), options={"movflags": "faststart"})
    truncate(source, 0.5)
    code, _, err = understudy("animate", "--source", source)
    assert code == 2
    assert "broke off" in err
    assert 2 <= len(times_of(tmp_path / "understudy-cut.mp4")) < 20


def test_a_clip_whose_index_was_cut_off_is_said_to_be_damaged(understudy: Understudy, tmp_path: Path) -> None:
    truncate(write_clip(tmp_path / "cut.mp4", faces(5)), 0.5)
    code, _, err = understudy("animate", "--source", "cut.mp4")
    assert code == 2
    assert "cut.mp4" in err
    assert "damaged" in err


def write_huge_png(path: Path, side: int) -> None:
    """A black picture of one bit a pixel: small on disk, gigabytes when decoded to RGB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    pixels = zlib.compress(bytes((side // 8 + 1) * side), 1)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def test_an_avatar_picture_of_20_by_20(understudy: Understudy, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "tiny.png"), np.zeros((20, 20, 3), np.uint8))
    code, _, err = understudy("animate", "--avatar", "tiny.png")
    assert code == 4
    assert "20 x 20" in err


def test_an_avatar_picture_of_20000_by_20000_is_refused_before_it_is_decoded(
    understudy: Understudy, tmp_path: Path
) -> None:
    write_huge_png(tmp_path / "huge.png", 20_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code, _, err = understudy("animate", "--avatar", "huge.png")
    assert code == 4
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "in kB: it was not decoded"
    assert "too large" in err
    assert "8192" in err


def test_an_avatar_picture_that_is_none(understudy: Understudy, tmp_path: Path) -> None:
    (tmp_path / "me.png").write_text("hello")
    code, _, err = understudy("animate", "--avatar", "me.png")
    assert code == 4
    assert "me.png" in err


def test_an_avatar_picture_without_a_face(understudy: Understudy, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((512, 512, 3), 128, np.uint8))
    code, _, err = understudy("animate", "--avatar", "grey.png")
    assert code == 3
    assert "face" in err


def test_no_avatar_of_that_name(understudy: Understudy) -> None:
    code, _, err = understudy("animate", "--avatar", "nobody")
    assert code == 4
    assert "'nobody'" in err
    assert "mika" in err, "it says which there are"


def test_a_backdrop_that_is_no_picture(understudy: Understudy, tmp_path: Path) -> None:
    (tmp_path / "beach.png").write_text("hello")
    write_clip(tmp_path / "me.mp4", faces(2))
    code, _, err = understudy("animate", "--source", "me.mp4", "--backdrop", "beach.png")
    assert code == 9
    assert "beach.png" in err


@pytest.mark.parametrize(
    ("output", "said"),
    [("no/such/out.mp4", "no/such"), ("me.txt", ".mp4"), ("/proc/understudy.mp4", "/proc/understudy.mp4")],
)
def test_an_output_that_cannot_be_written(
    understudy: Understudy, tmp_path: Path, output: str, said: str
) -> None:
    write_clip(tmp_path / "me.mp4", faces(2))
    code, _, err = understudy("animate", "--source", "me.mp4", "--output", output)
    assert code == 5
    assert said in err


def test_an_output_that_is_the_source_is_refused_and_the_source_kept(
    understudy: Understudy, tmp_path: Path
) -> None:
    source = write_clip(tmp_path / "me.mp4", faces(2))
    before = source.read_bytes()
    code, _, err = understudy("animate", "--source", "me.mp4", "--output", "me.mp4")
    assert code == 5
    assert "me.mp4" in err
    assert source.read_bytes() == before


def test_no_camera(understudy: Understudy) -> None:
    code, _, err = understudy("live", "--source", "97", "--record", "out.mp4")
    assert code == 2
    assert "There is no camera 97." in err


def test_no_virtual_camera_says_what_to_install(
    understudy: Understudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.sinks import camera_devices  # noqa: PLC0415 - the one test that needs it

    monkeypatch.setattr(camera_devices, "find_linux_devices", lambda: [])
    code, _, err = understudy("live", "--source", "sample", "--virtual-camera")
    assert code == 5
    assert "Install" in err


def test_no_display_says_what_works_without_one(
    understudy: Understudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    code, _, err = understudy()
    assert code == 8
    assert "understudy animate" in err
    assert "understudy live" in err


def playable_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_nothing_that_goes_wrong_costs_the_movie_of_before(understudy: Understudy, tmp_path: Path) -> None:
    old = write_clip(tmp_path / "old.mp4", faces(2))
    before = old.read_bytes()
    write_clip(tmp_path / "wall.mp4", [wall()] * 3)
    truncate(write_clip(tmp_path / "cut.mp4", faces(20), options={"movflags": "faststart"}), 0.5)
    for clip, code, name in (
        ("wall.mp4", 3, "old (no face).mp4"),
        ("cut.mp4", 2, "old (unfinished).mp4"),
    ):
        ended, out, err = understudy("animate", "--source", clip, "--output", "old.mp4")
        assert ended == code
        assert f"old.mp4 is the one from before; the new one is {name}." in err
        assert name in out
        assert playable_frames(tmp_path / name) >= 2
        assert old.read_bytes() == before
    write_clip(tmp_path / "me.mp4", faces(3))
    assert understudy("animate", "--source", "me.mp4", "--output", "old.mp4")[0] == 0
    assert playable_frames(old) == 3


def test_a_disk_that_fills_up_leaves_a_file_that_plays(understudy: Understudy, tmp_path: Path) -> None:
    write_clip(tmp_path / "me.mp4", faces(2))
    assert (
        understudy("animate", "--source", "me.mp4")[0] == 0
    )  # compiled networks are on the disk from here on
    write_clip(tmp_path / "me.mp4", faces(120))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))  # no file may grow beyond
    try:
        code, _, err = understudy("animate", "--source", "me.mp4", "--output", "out.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert code == 5
    assert "out.mp4" in err
    assert 1 <= playable_frames(tmp_path / "out.mp4") < 120


@pytest.mark.parametrize("has_old", [False, True])
def test_ctrl_c_leaves_a_file_that_plays_and_an_older_one_as_it_was(tmp_path: Path, has_old: bool) -> None:
    if has_old:
        write_clip(tmp_path / "out.mp4", faces(2))
    before = (tmp_path / "out.mp4").read_bytes() if has_old else b""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.main", "animate", "--source", "sample", "--output", "out.mp4"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    output = tmp_path / ("out (unfinished).mp4" if has_old else "out.mp4")
    limit_s = time.monotonic() + 240
    while not (output.exists() and output.stat().st_size > 4096) and process.poll() is None:
        assert time.monotonic() < limit_s, "it never began to write"
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "Stopped" in err
    left = tmp_path / ("out (stopped).mp4" if has_old else "out.mp4")
    assert left.name in out
    assert len(pictures_of(left)) >= 1
    assert not has_old or (tmp_path / "out.mp4").read_bytes() == before
