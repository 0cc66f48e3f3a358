"""The virtual camera without a device: its loop with a fake clock, its real process with a fake device."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.clock import FakeClock
from engine.errors import SinkError, VirtualCameraMissingError
from engine.post.letterbox import letterbox
from engine.post.standby import standby_card
from engine.sinks import virtual_camera
from engine.sinks.camera_devices import find_linux_devices, installation_hint, virtual_camera_available
from engine.sinks.camera_owner import CameraOwner
from engine.sinks.shared_frames import SharedFrames
from engine.sinks.virtual_camera import VirtualCamera
from engine.sinks.virtual_camera_process import CameraLoop, CameraSettings, OpenOutput
from engine.types import Frame, Origin, Picture
from tests.engine.sinks.fake_camera import (
    levels,
    moments,
    open_exclusive_camera,
    open_file_camera,
    open_fragile_camera,
    open_nothing,
)

WIDTH, HEIGHT = 64, 36


def avatar(level: int) -> Picture:
    return Picture(rgb=np.full((HEIGHT, WIDTH, 3), level, np.uint8), origin=Origin.AVATAR)


class Recording:
    """A device that remembers."""

    device = "memory"

    def __init__(self) -> None:
        self.sent: list[int] = []

    def send(self, frame: np.ndarray) -> None:
        self.sent.append(int(frame[0, 0, 0]))

    def close(self) -> None:
        pass


class Family:
    """Kin that the test decides about."""

    parent_alive = True
    successor = False

    def is_parent_alive(self) -> bool:
        return self.parent_alive

    def has_successor(self) -> bool:
        return self.successor


class Stage:
    """A loop in this process, stepped by hand."""

    CARD = 250

    def __init__(self) -> None:
        self.clock = FakeClock(1000.0)
        self.frames = SharedFrames.create(np.full((HEIGHT, WIDTH, 3), self.CARD, np.uint8))
        self.output = Recording()
        self.family = Family()
        settings = CameraSettings(width=WIDTH, height=HEIGHT, fps=25.0)
        self.loop = CameraLoop(self.frames, self.output, settings, self.family, self.clock)

    def write(self, level: int) -> None:
        self.frames.write(np.full((HEIGHT, WIDTH, 3), level, np.uint8))
        self.frames.heartbeat_at_s = self.clock.now_s()

    def steps(self, count: int) -> list[int]:
        before = len(self.output.sent)
        for _ in range(count):
            assert self.loop.step()
            self.clock.sleep_s(0.04)
        return self.output.sent[before:]


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    yield made
    made.frames.close()


def test_card_first_then_the_newest_picture_then_the_same_again_then_the_card(stage: Stage) -> None:
    assert stage.steps(2) == [250, 250]
    stage.write(1)
    stage.write(2)
    # 0.3 s hold seven whole periods of 40 ms.
    assert stage.steps(9) == [2, 2, 2, 2, 2, 2, 2, 250, 250]
    stage.write(3)
    assert stage.steps(1) == [3]


def test_heartbeat_alone_holds_the_last_picture(stage: Stage) -> None:
    stage.write(5)
    for _ in range(30):
        assert stage.steps(1) == [5]
        stage.frames.heartbeat_at_s = stage.clock.now_s()


def test_panic_shows_the_card_at_the_next_tick_and_lets_nothing_through(stage: Stage) -> None:
    stage.write(5)
    assert stage.steps(1) == [5]
    stage.frames.is_panicked = True
    for level in (6, 7, 8):
        stage.write(level)
        assert stage.steps(1) == [250]
    stage.frames.is_panicked = False
    stage.write(9)
    assert stage.steps(1) == [9]


def test_dead_program_shows_the_card_at_once_and_ends_after_the_linger(stage: Stage) -> None:
    stage.write(5)
    stage.family.parent_alive = False
    assert stage.steps(1) == [250]
    assert set(stage.steps(1499)) == {250}
    stage.clock.sleep_s(0.04)
    assert not stage.loop.step()


def test_successor_ends_the_orphan(stage: Stage) -> None:
    stage.family.parent_alive = False
    assert stage.steps(1) == [250]
    stage.family.successor = True
    assert not stage.loop.step()


def test_stop_ends_the_loop_without_another_picture(stage: Stage) -> None:
    stage.write(5)
    stage.frames.stop()
    assert not stage.loop.step()
    assert stage.output.sent == []


def test_run_keeps_the_rate(stage: Stage) -> None:
    class Stops(FakeClock):
        def sleep_s(self, seconds: float) -> None:
            super().sleep_s(seconds)
            if self.now_s() > 1001.99:
                stage.frames.stop()

    clock = Stops(1000.0)
    settings = CameraSettings(width=WIDTH, height=HEIGHT, fps=25.0)
    CameraLoop(stage.frames, stage.output, settings, stage.family, clock).run()
    assert len(stage.output.sent) == 50


# The real process from here on.


def make_camera(
    folder: Path, open_output: OpenOutput = open_file_camera, linger_s: float = 0.5
) -> VirtualCamera:
    settings = CameraSettings(
        width=WIDTH, height=HEIGHT, fps=50.0, device=str(folder / "sent.log"), linger_s=linger_s
    )
    return VirtualCamera(
        standby_card(WIDTH, HEIGHT), fit=letterbox, folder=folder, settings=settings, open_output=open_output
    )


def wait_until(is_done: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_process_shows_card_avatar_card_and_closes(tmp_path: Path) -> None:
    log = tmp_path / "sent.log"
    camera = make_camera(tmp_path)
    camera.open()
    try:
        assert camera.device == str(log)
        wait_until(lambda: "card" in levels(log))

        def is_shown() -> bool:
            camera.send(avatar(77))
            return "77" in levels(log)

        wait_until(is_shown)
        wait_until(lambda: levels(log)[-1] == "card")  # nobody sends any more: silence

        def is_held_back() -> bool:
            camera.send(avatar(88))
            return levels(log).count("card") > 40

        camera.panic(True)
        camera.send(avatar(88))
        wait_until(is_held_back)
        assert "88" not in levels(log)
    finally:
        camera.close()
        camera.close()
    assert levels(log)[-1] == "closed"
    assert "torn" not in levels(log)
    assert not list(tmp_path.glob("*.owner"))
    camera.send(avatar(99))
    camera.heartbeat()
    camera.panic(False)


def test_pictures_of_other_shapes_are_letterboxed(tmp_path: Path) -> None:
    camera = make_camera(tmp_path)
    camera.open()
    try:
        camera.send(Picture(rgb=np.zeros((200, 200, 3), np.uint8), origin=Origin.IDLE))

        def is_shown() -> bool:
            camera.send(Picture(rgb=np.zeros((200, 200, 3), np.uint8), origin=Origin.IDLE))
            return "0" in levels(tmp_path / "sent.log")

        wait_until(is_shown)
    finally:
        camera.close()


@pytest.mark.parametrize(
    "intruder",
    [
        Frame(rgb=np.zeros((HEIGHT, WIDTH, 3), np.uint8), index=0, captured_at_s=0.0),
        np.zeros((4, 4, 3), np.uint8),
    ],
)
def test_only_pictures_are_taken(tmp_path: Path, intruder: object) -> None:
    with pytest.raises(TypeError, match="Picture"):
        make_camera(tmp_path).send(intruder)  # type: ignore[arg-type]


def test_only_a_standby_card_of_the_right_size_is_a_card(tmp_path: Path) -> None:
    for card in (avatar(1), standby_card(WIDTH * 2, HEIGHT)):
        with pytest.raises(ValueError, match="standby card"):
            VirtualCamera(
                card, fit=letterbox, folder=tmp_path, settings=CameraSettings(width=WIDTH, height=HEIGHT)
            )


def test_missing_device_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        virtual_camera, "virtual_camera_available", lambda: (False, installation_hint("linux"))
    )
    with pytest.raises(VirtualCameraMissingError, match="v4l2loopback") as caught:
        make_camera(tmp_path, open_nothing).open()
    assert "modprobe" in caught.value.hint
    assert not list(tmp_path.glob("*.owner"))


def test_busy_device_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_camera, "virtual_camera_available", lambda: (True, "/dev/video7"))
    with pytest.raises(SinkError, match=r"/dev/video7 could not be opened.*no device here"):
        make_camera(tmp_path, open_nothing).open()


def test_lost_device_reaches_the_sender(tmp_path: Path) -> None:
    camera = make_camera(tmp_path, open_fragile_camera)
    camera.open()

    def send_until_it_fails() -> None:
        wait_until(lambda: camera.send(avatar(1)) is not None)

    try:
        with pytest.raises(SinkError, match="device went away"):
            send_until_it_fails()
    finally:
        camera.close()


def a_program_with_a_camera(folder: Path, opener: str, linger_s: float) -> str:
    """A program that sends level 77 for ever, as an engine does, until it is killed."""
    return f"""
import sys, time
from pathlib import Path
from tests.engine.sinks import fake_camera
from tests.engine.sinks.test_virtual_camera import avatar, make_camera

if __name__ == "__main__":
    camera = make_camera(Path({str(folder)!r}), fake_camera.{opener}, {linger_s})
    camera.open()
    while True:
        camera.send(avatar(77))
        time.sleep(0.02)
"""


def start_program(
    folder: Path, opener: str = "open_file_camera", linger_s: float = 1.0
) -> subprocess.Popen[bytes]:
    script = folder / "program.py"
    script.write_text(a_program_with_a_camera(folder, opener, linger_s))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    wait_until(lambda: "77" in levels(folder / "sent.log"))
    return process


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_program_leaves_the_card_on_the_air_until_it_has_lingered(tmp_path: Path) -> None:
    log, linger_s = tmp_path / "sent.log", 2.0
    process = start_program(tmp_path, linger_s=linger_s)
    process.kill()
    process.wait()
    after = len(levels(log))
    wait_until(lambda: levels(log)[-1] == "closed")
    sent = levels(log)
    last_avatar = len(sent) - 1 - sent[::-1].index("77")
    *cards, end = sent[last_avatar + 1 :]
    assert (set(cards), end) == ({"card"}, "closed")
    assert len(cards) > 5  # of a hundred: a busy machine sends as many as it can
    assert moments(log)[-1] - moments(log)[last_avatar] > linger_s / 2
    assert last_avatar - after < 18  # 0.3 s of 50 a second, and what was sent between the kill and our count
    assert "torn" not in sent


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_next_program_takes_the_device_over_from_a_killed_ones_orphan(tmp_path: Path) -> None:
    log = tmp_path / "sent.log"
    process = start_program(tmp_path, "open_exclusive_camera", linger_s=40.0)
    process.kill()
    process.wait()
    camera = make_camera(tmp_path, open_exclusive_camera)
    camera.open()  # its claim sends the orphan away
    try:
        assert "closed" in levels(log)

        def is_shown() -> bool:
            camera.send(avatar(55))
            return "55" in levels(log)

        wait_until(is_shown)
    finally:
        camera.close()
    assert not list(tmp_path.glob("*.lock"))


def test_owner_note(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    first, second = CameraOwner(folder), CameraOwner(folder)
    assert first.is_mine()  # a note that cannot be read changes nothing
    assert not first.claim()
    assert first.is_mine()
    assert second.claim()
    assert not first.is_mine()
    first.release()
    assert second.is_mine()
    second.release()
    assert list(folder.iterdir()) == []


def test_unwritable_note_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match="note cannot be written"):
        make_camera(tmp_path / "file").open()


def test_linux_devices_are_found_by_name(tmp_path: Path) -> None:
    system, devices = tmp_path / "sys", tmp_path / "dev"
    (system / "video3").mkdir(parents=True)
    (system / "video3" / "name").write_text("Understudy\n")
    (system / "video4").mkdir()
    devices.mkdir()
    (devices / "video3").touch()
    assert find_linux_devices(system, devices) == [f"{devices / 'video3'} (Understudy)"]
    assert find_linux_devices(tmp_path / "nowhere", devices) == []


def test_availability_is_an_answer_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    is_available, text = virtual_camera_available()
    assert isinstance(is_available, bool)
    assert text
    assert "pyvirtualcam" not in sys.modules
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert virtual_camera_available() == (False, "Install the package pyvirtualcam.")


@pytest.mark.parametrize(
    ("platform", "word"), [("linux", "v4l2loopback"), ("win32", "OBS"), ("darwin", "OBS")]
)
def test_each_system_has_its_hint(platform: str, word: str) -> None:
    assert word in installation_hint(platform)
