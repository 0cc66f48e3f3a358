"""The command line in one process, over fakes: exit codes, sentences, reports, and no traceback ever."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import app.cli.program
import app.window
from app.main import main
from engine.errors import (
    AvatarError,
    DisplayMissingError,
    SinkError,
    SourceError,
    VirtualCameraMissingError,
)
from engine.paths import graphs_dir
from tests.fakes import FakeRooms, FakeSource, FakeTracker


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return code, captured.out, captured.err


def test_nothing_heavy_and_no_qt_is_imported_at_the_start() -> None:
    heavy = ("PySide6", "torch", "openvino", "mediapipe", "cv2", "av", "numpy")
    code = f"import app.main, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_commands_without_a_window_import_no_qt() -> None:
    code = (
        "import app.cli.animate, app.cli.live, app.cli.doctor, app.cli.avatars, sys; "
        "print([name for name in ('PySide6', 'torch', 'mediapipe', 'openvino') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_animate_reports_and_names_the_file(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    rooms.source = FakeSource(count=30)
    code, out, err = run(capsys, "animate", "--source", "clip.mp4")
    assert code == 0
    assert "30 in, 30 out, a face in 30" in out
    assert "understudy-clip.mp4" in out
    for word in ("fps", "p50", "p95", "denoise", "fake, exact"):
        assert word in out
    assert err.count("%") == 10, "a line for each tenth where nobody watches"


def test_animate_takes_a_folder_as_output(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    Path("clips").mkdir()
    code, _, _ = run(capsys, "animate", "--source", "walk.mov", "--output", "clips")
    assert code == 0
    assert rooms.recorders[0][0] == Path("clips/understudy-walk.mp4")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 2), (("--avatar", "nobody"), 4), (("--output", "no/such.mp4"), 5), (("--output", "clip.avi"), 5)],
)
def test_nothing_is_announced_before_it_was_looked_at(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int
) -> None:
    if not arguments:
        rooms.errors["check"] = SourceError("There is no file clip.mp4.", hint="Check the path.")
    got, _, err = run(capsys, "animate", *arguments)
    assert got == code
    assert "Painting" not in err
    assert rooms.drivers == [], "nothing was loaded for it"


@pytest.mark.usefixtures("rooms")
def test_animate_says_whom_it_paints_and_why_the_first_start_takes_longer(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, _, err = run(capsys, "animate")
    assert "Painting sample as mika (first start: preparing the networks" in err
    (graphs_dir()).mkdir(parents=True)
    (graphs_dir() / "0.onnx").touch()
    _, _, err = run(capsys, "animate", "--avatar", "finn")
    assert "Painting sample as finn (loading first)" in err


def test_ctrl_c_while_the_program_starts_leaves_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def impatient(_argv: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app.cli.program, "parse", impatient)
    code, _, err = run(capsys, "doctor")
    assert code == 130
    assert "Stopped." in err


@pytest.mark.usefixtures("rooms")
def test_animate_writes_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "animate", "--output", "mine.mp4", "--json", "--levels", "4", "--chunk", "2")
    report = json.loads(out)
    assert code == 0
    assert (report["frames_in"], report["frames_out"], report["ending"]) == (10, 10, "complete")
    assert report["file"] == str(Path("mine.mp4").resolve())
    assert {"fps", "motion_to_photon_p50_ms", "motion_to_photon_p95_ms", "stage_ms"} <= report.keys()


def test_the_looks_reach_the_engine(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, _ = run(capsys, "animate", "--frame", "640x360", "--size", "384", "--mirror", "--avatar", "finn")
    assert code == 0
    assert rooms.recorders[0][1] == (640, 360)
    assert rooms.drivers[0].mirror
    assert rooms.drivers[0].avatar is not None
    assert rooms.drivers[0].avatar.name == "finn"


def test_a_clip_without_a_face_is_written_and_said(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms.tracker = FakeTracker(sees=lambda _index: False)
    code, out, err = run(capsys, "animate", "--source", "wall.mp4")
    assert code == 3
    assert "No face was found in wall.mp4" in err
    assert "understudy-wall.mp4" in out
    assert len(rooms.sink.pictures) == 10


def test_a_truncated_clip_is_written_and_said(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    rooms.source = FakeSource(count=3, truncated=True)
    code, _, err = run(capsys, "animate", "--source", "clip.mp4")
    assert code == 2
    assert "broke off" in err
    assert rooms.sink.is_finished


@pytest.mark.parametrize(
    ("room", "error", "code"),
    [
        ("source", SourceError("There is no file x.mp4.", hint="Check the path."), 2),
        ("avatar", AvatarError("There is no avatar named 'eve'.", hint="Choose one."), 4),
    ],
)
def test_a_user_s_mistake_is_one_sentence_a_hint_and_its_code(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], room: str, error: AvatarError, code: int
) -> None:
    rooms.errors[room] = error
    got, out, err = run(capsys, "animate")
    assert got == code
    assert out == ""
    assert error.message in err
    assert error.hint in err


def test_a_full_disk_is_said_and_the_file_is_closed(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms.sink.fails_at = 2
    rooms.sink.error = SinkError("The disk is full.", hint="Make room.")
    code, _, err = run(capsys, "animate")
    assert code == 5
    assert "The disk is full." in err
    assert rooms.sink.is_closed


def test_a_defect_is_one_sentence_and_the_log_has_the_rest(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rooms.errors["studio"] = ZeroDivisionError("boom")
    code, _, err = run(capsys, "animate")
    log = tmp_path / "home" / "logs" / "understudy.log"
    assert code == 70
    assert "boom" in err
    assert str(log) in err
    assert "ZeroDivisionError" in log.read_text()
    assert "Traceback" in log.read_text()


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize(
    ("argument", "value", "sentence"),
    [
        ("--backdrop", "nope.png", "no colour and no file"),
        ("--frame", "big", "is no size"),
        ("--blur", "0.5", "--blur is for a picture, and the backdrop is as-drawn"),
        ("--seed", "-1", "Choose a value from 0 to 4294967295"),
        ("--frame", "9999x9999", "A side of the picture is 9999"),
        ("--seed", "-1", "The seed is -1"),
        ("--seed", "99999999999", "The seed is 99999999999"),
        ("--source", "", "The source is empty"),
        ("--guidance", "3", "--guidance counts for nothing with pocket"),
        ("--weights", "here", "--weights counts for nothing with pocket"),
    ],
)
def test_impossible_settings_are_refused(
    capsys: pytest.CaptureFixture[str], argument: str, value: str, sentence: str
) -> None:
    code, _, err = run(capsys, "animate", argument, value)
    assert code == 9
    assert sentence in err


def test_a_wrong_word_is_argparse_s_business(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["animate", "--size", "300"])
    assert stop.value.code == 2
    assert "--size" in capsys.readouterr().err


def test_ctrl_c_ends_animate_with_a_file_that_plays(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms.source = FakeSource(count=None)

    class Interrupting(FakeTracker):
        def track(self, frame):  # type: ignore[no-untyped-def]
            if frame.index == 5:
                signal.raise_signal(
                    signal.SIGINT
                ) if threading.current_thread() is threading.main_thread() else (
                    os.kill(os.getpid(), signal.SIGINT)
                )
            return super().track(frame)

    rooms.tracker = Interrupting()
    before = signal.getsignal(signal.SIGINT)  # a shell's background job ignores it
    code, out, err = run(capsys, "animate", "--source", "clip.mp4")
    assert code == 130
    assert "Stopped" in err
    assert rooms.sink.is_closed
    assert rooms.sink.indices == list(range(len(rooms.sink.indices)))
    assert "understudy-clip.mp4" in out
    assert signal.getsignal(signal.SIGINT) is before, "the signal is given back"


@pytest.mark.usefixtures("rooms")
def test_live_needs_somebody_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "live", "--source", "0")
    assert code == 9
    assert "--virtual-camera" in err


def test_live_plays_a_clip_to_its_end_and_reports(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "live", "--source", "clip.mp4", "--virtual-camera", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["frames_in"] == 10
    assert report["frames_out"] + report["dropped"] == 10
    assert "ended" in err
    assert rooms.camera.is_closed
    assert rooms.drivers[0].mirror, "like a mirror, unless told otherwise"


def test_live_records_for_as_long_as_it_is_told(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    rooms.source = FakeSource(count=None, gate=threading.Semaphore(1))
    code, out, err = run(capsys, "live", "--record", "mine.mp4", "--seconds", "0.5", "--no-mirror")
    assert code == 0
    assert "mine.mp4" in out
    assert "Recording to mine.mp4" in err
    assert rooms.sink.is_closed
    assert not rooms.drivers[0].mirror


@pytest.mark.usefixtures("rooms")
@pytest.mark.parametrize("seconds", ["0", "-3", "nan", "inf"])
def test_live_refuses_seconds_that_never_end_or_never_begin(
    capsys: pytest.CaptureFixture[str], seconds: str
) -> None:
    code, _, err = run(capsys, "live", "--record", "mine.mp4", f"--seconds={seconds}")
    assert code == 9
    assert f"--seconds is {seconds}" in err


def test_live_never_records_over_the_clip_it_plays(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = Path("clip.mp4")
    clip.write_bytes(b"precious")
    for target in ("clip.mp4", "./clip.mp4"):
        code, _, err = run(capsys, "live", "--source", "clip.mp4", "--record", target, "--loop")
        assert code == 5
        assert "is the source itself" in err
    assert clip.read_bytes() == b"precious"
    assert rooms.drivers == [], "nothing was loaded for it"


def test_live_says_when_nothing_was_recorded(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    rooms.source = FakeSource(count=0)
    code, out, err = run(capsys, "live", "--record", "mine.mp4")
    assert code == 5
    assert "Nothing was recorded to mine.mp4" in err
    assert "use `understudy animate`" in err
    assert "mine.mp4" not in out
    assert "0 ms" not in out + err, "no numbers before there is a picture"
    assert rooms.recorders == [], "an avatar at rest after the end is no recording"


@pytest.mark.parametrize("room", ["source", "studio"])
def test_live_ends_with_the_engine_s_error(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], room: str
) -> None:
    rooms.errors[room] = SourceError("There is no camera 0.", hint="Connect one.")
    code, _, err = run(capsys, "live", "--virtual-camera")
    assert code == 2
    assert "There is no camera 0." in err
    assert rooms.camera.is_closed


def test_live_ends_when_its_only_output_is_lost(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    rooms.source = FakeSource(count=None, gate=threading.Semaphore(10_000))
    rooms.sink.fails_at = 1
    rooms.sink.error = SinkError("The disk is full.", hint="Make room.")
    code, _, err = run(capsys, "live", "--record", "mine.mp4")
    assert code == 5
    assert "The disk is full." in err


def test_live_says_what_to_install_for_a_virtual_camera(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms.camera.error = VirtualCameraMissingError("There is none.", hint="Install v4l2loopback.")
    code, _, err = run(capsys, "live", "--virtual-camera")
    assert code == 5
    assert "v4l2loopback" in err
    assert rooms.drivers == [], "nothing was loaded for it"


@pytest.mark.usefixtures("rooms")
def test_the_window_without_a_display_says_what_works(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_argv: object) -> int:
        raise DisplayMissingError("There is no display.", hint="Use `understudy animate`.")

    monkeypatch.setattr(app.window, "run", refuse)
    code, _, err = run(capsys)
    assert code == 8
    assert "understudy animate" in err


@pytest.mark.usefixtures("rooms")
def test_the_avatars_are_listed_with_the_default_marked(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "avatars")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) >= 12
    assert [line for line in lines if "(default)" in line] == [lines[0]]
    _, out, _ = run(capsys, "avatars", "--json")
    listed = json.loads(out)
    assert lines[0].split()[0] == listed["default"] == listed["built_in"][0]
    assert listed["own"] == []


@pytest.mark.usefixtures("rooms")
def test_a_log_that_cannot_be_written_stops_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "file"))
    code, _, _ = run(capsys, "animate")
    assert code == 0
