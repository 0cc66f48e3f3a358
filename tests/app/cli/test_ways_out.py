"""Where a movie goes, what is refused there, and what is said about an older file of its name."""

import json
import re
import threading
import time
from pathlib import Path

import pytest

from app.main import main
from engine.errors import SourceError
from engine.types import Frame
from tests.fakes import FakeRooms, FakeSource, FakeTracker


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return code, captured.out, captured.err


@pytest.mark.parametrize("empty", ["", "  "])
@pytest.mark.parametrize(
    "command", [("animate", "--output"), ("live", "--record"), ("stylise", "--prompt=x", "--output")]
)
def test_an_empty_output_is_refused(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], empty: str
) -> None:
    code, _, err = run(capsys, *command, empty)
    assert code == 9
    assert "The output is empty." in err
    assert rooms.recorders == []


def test_an_odd_frame_is_refused_with_an_even_one(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "animate", "--source", "clip.mp4", "--frame", "641x361")
    assert code == 9
    assert "641x361" in err
    assert "640x360" in err
    assert rooms.drivers == [], "nothing was loaded for it"


@pytest.mark.parametrize(
    ("source", "name"),
    [("walk.mov", "understudy-walk.mp4"), ("0", r"understudy-\d{4}(-\d\d){5}.mp4"), ("camera:0", None)],
)
def test_live_records_into_a_folder(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], source: str, name: str | None
) -> None:
    Path("clips").mkdir()
    rooms.source = FakeSource(count=None, gate=threading.Semaphore(1))
    code, _, err = run(capsys, "live", "--source", source, "--record", "clips/", "--seconds", "0.3")
    assert code == 0, err
    path = rooms.recorders[0][0]
    assert path.parent == Path("clips")
    assert re.fullmatch(name or r"understudy-\d{4}(-\d\d){5}.mp4", path.name)


def test_a_stopped_run_says_which_file_holds_what(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.sink.spares = True
    rooms.source = FakeSource(count=None)
    monkeypatch.setattr(
        "app.cli.interrupt.Interrupt.is_asked", lambda _interrupt: len(rooms.sink.pictures) >= 3
    )
    code, out, err = run(capsys, "animate", "--source", "clip.mp4", "--output", "out.mp4", "--json")
    assert code == 130
    assert "out.mp4 is the one from before; the new one is out (stopped).mp4." in err
    assert json.loads(out)["file"].endswith("out (stopped).mp4")


@pytest.mark.parametrize(
    ("source", "tracker", "label"),
    [
        (FakeSource(count=3, truncated=True), FakeTracker(), "unfinished"),
        (FakeSource(count=3), FakeTracker(sees=lambda _index: False), "no face"),
    ],
)
def test_a_run_that_is_not_as_it_should_be_says_which_file_holds_what(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], source: FakeSource, tracker: FakeTracker, label: str
) -> None:
    rooms.sink.spares = True
    rooms.source, rooms.tracker = source, tracker
    code, _, err = run(capsys, "animate", "--source", "clip.mp4", "--output", "out.mp4")
    assert code in (2, 3)
    assert f"out.mp4 is the one from before; the new one is out ({label}).mp4." in err


def test_a_defect_says_where_the_part_is(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    class Breaks(FakeTracker):
        def track(self, frame):  # type: ignore[no-untyped-def]
            if frame.index == 4:
                raise ValueError("odd")
            return super().track(frame)

    rooms.sink.spares = True
    rooms.tracker = Breaks()
    code, _, err = run(capsys, "animate", "--source", "clip.mp4", "--output", "out.mp4")
    assert code not in (0, 130)
    assert "plays, in out (unfinished).mp4. out.mp4 is the one from before" in err


def test_a_live_recording_that_breaks_off_says_where_it_is(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    class Breaks(FakeSource):
        def read(self, timeout_s: float) -> Frame | None:
            time.sleep(0.005)  # the recording gets some of its frames
            return super().read(timeout_s)

    rooms.sink.spares = True
    gate = threading.Semaphore(5)
    rooms.source = Breaks(count=50, gate=gate, error=SourceError("It was unplugged.", hint="Plug it in."))
    start = rooms.sink.open

    def open_and_go_on() -> None:
        start()
        gate.release(10_000)

    rooms.sink.open = open_and_go_on  # type: ignore[method-assign]
    code, _, err = run(capsys, "live", "--source", "clip.mp4", "--record", "out.mp4")
    assert code == 2
    assert "It was unplugged." in err
    assert "plays, in out (unfinished).mp4. out.mp4 is the one from before" in err
