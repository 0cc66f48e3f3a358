"""Privacy fails closed: with the real engine, no camera pixel gets out, whatever breaks.

The 300 ms themselves are tested with an injected clock (``test_output_gate.py``, ``test_watchdog.py``,
``test_stand_in.py``); here the order of events is.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from engine.clock import SystemClock
from engine.settings import StageSettings
from engine.sinks.mailbox import PreviewMailbox
from engine.status import SessionState
from engine.types import Frame, Origin, Picture
from tests.e2e.privacy_stage import (
    MagentaRooms,
    Show,
    assert_no_camera_pixels,
    camera_pixels,
    device_words,
    empty_room,
    face,
    wait_until,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's folders: one for all tests here, so that networks are compiled once."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder))
        yield folder


@pytest.fixture(scope="module")
def stage_show(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    """One session for all tests, recorded and on the virtual camera throughout."""
    assert home.is_dir()
    made = Show(MagentaRooms(tmp_path_factory.mktemp("show")))
    made.start()
    yield made
    made.session.stop()


@pytest.fixture
def show(stage_show: Show) -> Iterator[Show]:
    stage_show.recover()
    yield stage_show
    stage_show.assert_nothing_leaked()


def test_search_finds_the_camera_and_only_the_camera(tmp_path: Path) -> None:
    rooms = MagentaRooms(tmp_path)
    for camera in (face(), empty_room()):
        assert camera_pixels(camera) == camera[..., 0].size
        assert camera_pixels(camera // 2 + 64) > 0  # half blended with grey
    card = rooms.card(320, 180)
    avatar = rooms.load_avatar("default")
    assert camera_pixels(card.rgb) == 0
    assert camera_pixels(avatar.rgb) == 0
    leaky = card.rgb.copy()
    leaky[90:92, 100:102] = face()[200:202, 200:202]
    assert camera_pixels(leaky) == 4


def test_face_lost_brings_the_idle_avatar_and_no_camera_pixel(show: Show) -> None:
    show.rooms.has_person = False
    show.wait(lambda: show.session.status().state is SessionState.SEARCHING)
    lost = len(show.spy.origins)
    show.wait(lambda: show.spy.origins[lost:].count(Origin.IDLE) > 5)


def test_panic_shows_the_card_everywhere_and_lets_nothing_through(show: Show) -> None:
    show.session.panic(True)
    sent, shown = len(show.spy.origins), len(show.device())
    assert show.spy.origins[-1] is Origin.STANDBY
    assert show.session.latest().origin is Origin.STANDBY
    show.wait(lambda: len(show.device()) > shown + 30)
    assert set(show.spy.origins[sent:]) <= {Origin.STANDBY}
    # What was on its way to the device when the key went down may be the last that is no card.
    assert set(show.device()[shown + 2 :]) == {"card"}


def test_hot_changes_let_nothing_through(show: Show) -> None:
    show.session.set_source("1")
    show.session.set_avatar("theo")
    show.session.set_stage(StageSettings())
    show.wait_for_avatar()


def test_hanging_engine_brings_the_card(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: object) -> list[Picture]:
        release.wait(240)
        return []

    with monkeypatch.context() as patch:
        patch.setattr("engine.pipeline.Pipeline.step", hang)
        try:
            show.wait(lambda: show.session.status().state is SessionState.STANDBY)
            show.wait(lambda: show.session.latest().origin is Origin.STANDBY)
            show.wait_for_card()
        finally:
            release.set()


def test_raising_engine_brings_the_card_and_nothing_after_it(show: Show) -> None:
    show.rooms.fault = RuntimeError("the tracker is on fire")
    # The frames that were tracked before the fault may still be painted; then the worker's thread ends.
    show.wait(lambda: show.session._run._worker.error is not None)
    show.wait(lambda: show.spy.origins[-1] is Origin.STANDBY)
    show.wait_for_card()
    assert show.session.status().state is SessionState.ERROR
    sent, shown = len(show.spy.origins), len(show.device())
    show.wait(lambda: len(show.device()) > shown + 15)
    assert set(show.spy.origins[sent:]) <= {Origin.STANDBY}
    assert set(show.device()[shown:]) == {"card"}
    assert "on fire" in str(show.session.status().error)
    assert show.session.latest().origin is Origin.STANDBY


def test_recording_of_all_this_holds_no_camera_pixel(show: Show) -> None:
    """Last of those that share the session: it stops it."""
    show.session.stop()
    assert show.session.latest().origin is Origin.STANDBY
    assert_no_camera_pixels(show.recording)


PROGRAM = """
import sys, time
from pathlib import Path
from engine.quiet import silence

if __name__ == "__main__":
    silence()
    from tests.e2e.privacy_stage import MagentaRooms, Show

    show = Show(MagentaRooms(Path(sys.argv[1])))
    show.start()
    show.wait_for_avatar()
    print("on the air", flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_nothing_leaks_when_the_engine_is_killed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    path = os.pathsep.join([str(ROOT), *sys.path])
    environment = os.environ | {"PYTHONPATH": path}
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path)]
    log, recording = tmp_path / "device.log", tmp_path / "show.mp4"
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "on the air\n"
            wait_until(lambda: device_words(log).count("avatar") > 30, 60)
            wait_until(lambda: b"moof" in recording.read_bytes(), 60)
        finally:
            process.kill()
    wait_until(lambda: device_words(log)[-1] == "closed", 60)
    words = device_words(log)
    last_avatar = len(words) - 1 - words[::-1].index("avatar")
    assert set(words[last_avatar + 1 :]) == {"card", "closed"}
    assert words[last_avatar + 1 :].count("card") > 5
    assert "leak" not in words
    assert_no_camera_pixels(recording)


def test_every_sink_refuses_a_frame(tmp_path: Path) -> None:
    rooms = MagentaRooms(tmp_path)
    frame = Frame(face(), 0, 0.0)
    forged = Picture(rgb=face(), origin="camera")  # type: ignore[arg-type]
    recorder = rooms.recorder(tmp_path / "out.mp4", (64, 64), Fraction(30), sound=None, is_live=True)
    for sink in (PreviewMailbox(), recorder, rooms.virtual_camera(SystemClock())):
        for intruder in (frame, forged, face(), None):
            with pytest.raises(TypeError):
                sink.send(intruder)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        rooms.save_picture(frame, tmp_path / "me.png")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
