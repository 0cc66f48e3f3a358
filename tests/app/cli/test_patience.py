"""What takes long is said: a model that warms up, a machine that is too slow for a live show."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.cli.live import status_line
from engine.errors import TooSlowError
from engine.session import Session
from engine.status import SessionState, Status
from tests.app.cli.test_main import run
from tests.fakes import FakeRooms, FakeSource


def test_a_model_that_warms_up_says_so_and_its_time_is_in_the_report(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    rooms.studio.warm_up_frames = 8
    _, out, err = run(capsys, "animate")
    assert "Warming up on the first 8 frames" in err
    assert "of them on the first 8 frames, painted together" in out
    rooms.source = FakeSource()
    _, out, _ = run(capsys, "animate", "--json")
    report = json.loads(out)
    assert report["warm_up_frames"] == 8
    assert 0 <= report["warm_up_s"] <= report["seconds"] + 0.01
    rooms.studio.warm_up_frames, rooms.source = 0, FakeSource()
    _, out, err = run(capsys, "animate")
    assert "warm-up" not in out
    assert "Warming" not in err


def test_a_line_while_live2diff_warms_up() -> None:
    status = Status(state=SessionState.LIVE, warm_up_frames=8)
    assert status_line(status) == "warming up on the first 8 frames"
    assert status_line(replace(status, warm_up_frames=0)) == "live"


def test_live_that_is_too_slow_for_a_recording_to_begin_ends_and_says_why(
    rooms: FakeRooms, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms.source = FakeSource(count=None, gate=threading.Semaphore(10_000))
    monkeypatch.setattr(Session, "status", too_slow_from_the_start(Session.status))
    code, _, err = run(capsys, "live", "--record", "mine.mp4", "--seconds", "1")
    assert code == 12
    assert err.count("A picture takes 2.0 s here") == 1
    assert "Buy another machine." in err


def too_slow_from_the_start(look: Callable[[Session], Status]) -> object:
    notice = TooSlowError("A picture takes 2.0 s here.", hint="Buy another machine.")
    return lambda session: replace(look(session), notice=notice, frames_out=0)
