"""A camera through its life: newest frame only, busy, unplugged, back again, closed."""

import threading
from collections.abc import Callable, Iterator

import pytest

from engine.capture.camera import CameraSource, CameraState, RetrySettings
from engine.clock import FakeClock
from engine.errors import SourceError
from engine.settings import CameraSettings
from engine.types import Frame
from tests.engine.capture.fake_camera import FakeCamera

PATIENCE_S = 60.0
QUICK = RetrySettings(first_s=0.001, longest_s=0.004)
Build = Callable[..., CameraSource]


@pytest.fixture
def build() -> Iterator[Build]:
    built: list[tuple[CameraSource, FakeCamera]] = []

    def build_one(camera: FakeCamera, clock: FakeClock | None = None) -> CameraSource:
        built.append((CameraSource(0, CameraSettings(), clock or FakeClock(), camera.open, QUICK), camera))
        return built[-1][0]

    yield build_one
    for source, camera in built:
        camera.is_plugged = False
        camera.expose()
        source.close()


def next_frame(source: CameraSource) -> Frame:
    frame = source.read(PATIENCE_S)
    assert frame is not None
    return frame


def wait_for(source: CameraSource, state: CameraState) -> None:
    waiter = threading.Event()
    for _ in range(12_000):
        if source.state is state:
            return
        waiter.wait(0.005)
    raise AssertionError(f"the camera never became {state}")


def test_frames_are_rgb_numbered_and_timed(build: Build) -> None:
    camera, clock = FakeCamera(), FakeClock(10.0)
    source = build(camera, clock)
    source.open()
    assert source.state is CameraState.LIVE
    assert source.fps == 15.0
    assert source.num_frames is None
    first = next_frame(source)
    assert first.rgb[0, 0].tolist() == [0, 0, 7]  # red, green, blue
    assert (first.index, first.captured_at_s, first.media_s) == (0, 10.0, 0.0)
    clock.sleep_s(0.5)
    camera.expose()
    second = next_frame(source)
    assert (second.index, second.captured_at_s, second.media_s) == (1, 10.5, 0.5)


def test_only_the_newest_frame_is_kept(build: Build) -> None:
    camera = FakeCamera()
    source = build(camera)
    source.open()
    camera.expose(9)
    for _ in range(12_000):
        if source.dropped == 9:
            break
        threading.Event().wait(0.005)
    assert next_frame(source).index == 9
    assert source.dropped == 9


def test_no_frame_in_time_gives_none(build: Build) -> None:
    source = build(FakeCamera())
    source.open()
    next_frame(source)
    assert source.read(0.01) is None
    assert source.state is CameraState.LIVE


def test_a_missing_camera_is_refused(build: Build) -> None:
    camera = FakeCamera(is_plugged=False)
    source = build(camera)
    with pytest.raises(SourceError, match="camera 0") as caught:
        source.open()
    assert caught.value.hint
    assert source.state is CameraState.CLOSED


def test_a_camera_that_gives_no_picture_is_refused_and_let_go(build: Build) -> None:
    camera = FakeCamera(gives_pictures=False)
    with pytest.raises(SourceError):
        build(camera).open()
    assert camera.released == camera.opened == 1


def test_a_skipped_picture_is_no_loss(build: Build) -> None:
    camera = FakeCamera()
    source = build(camera)
    source.open()
    next_frame(source)
    camera.bad_grabs = 2
    camera.expose()  # one for the read that is under way, one for the next good picture
    camera.expose()
    assert next_frame(source).index == 1
    assert camera.opened == 1


def test_unplugged_it_waits_and_back_it_goes_on(build: Build) -> None:
    camera = FakeCamera()
    source = build(camera)
    source.open()
    assert next_frame(source).index == 0
    camera.is_plugged = False
    camera.expose()
    wait_for(source, CameraState.WAITING)
    assert camera.released == 1  # the device is free for the system to remove
    assert source.read(0.01) is None
    for _ in range(3):  # it tries again and again
        assert camera.attempts.acquire(timeout=PATIENCE_S)
    camera.is_plugged = True
    frame = next_frame(source)
    assert frame.index == 1
    wait_for(source, CameraState.LIVE)
    camera.expose()
    assert next_frame(source).index == 2


def test_closing_while_it_waits_ends_the_thread(build: Build) -> None:
    camera = FakeCamera()
    source = build(camera)
    source.open()
    camera.is_plugged = False
    camera.expose()
    wait_for(source, CameraState.WAITING)
    source.close()
    assert source.state is CameraState.CLOSED
    assert not [thread for thread in threading.enumerate() if thread.name == "camera"]
    with pytest.raises(EOFError):
        source.read(0.0)


def test_closing_releases_the_device_once(build: Build) -> None:
    camera = FakeCamera()
    source = build(camera)
    source.open()
    camera.expose()
    source.close()
    source.close()
    assert camera.released == 1


def test_a_driver_that_raises_is_told_to_the_reader(build: Build) -> None:
    camera = FakeCamera()
    source = build(camera)
    source.open()
    next_frame(source)
    camera.error = RuntimeError("no such ioctl")
    camera.expose()
    with pytest.raises(SourceError, match="no such ioctl"):
        source.read(PATIENCE_S)
    assert camera.released == 1


def test_it_can_be_opened_again(build: Build) -> None:
    camera = FakeCamera()
    source = build(camera)
    for _ in range(2):
        source.open()
        assert next_frame(source).index == 0
        camera.expose()
        source.close()
    assert camera.opened == 2


def test_a_camera_that_promises_no_rate_has_the_one_asked_for(build: Build) -> None:
    source = build(FakeCamera(fps=0.0))
    source.open()
    assert source.fps == CameraSettings().fps
