"""What OpenCV is asked for, and a real stream through it."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from engine.capture.camera import CameraSource
from engine.capture.video_capture import open_video_capture
from engine.clock import SystemClock
from engine.errors import SourceError
from engine.quiet import drop_opencv_qt_paths
from engine.settings import CameraSettings

MJPG = cv2.VideoWriter.fourcc(*"MJPG")


class RecordingCapture:
    """Stands for ``cv2.VideoCapture``: refuses any wish in ``refused``."""

    asked: list[tuple[int | str, int, dict[int, int]]]
    refused: tuple[int, ...]

    def __init__(self, device: int | str, api: int, parameters: list[int]) -> None:
        wishes = dict(zip(parameters[::2], parameters[1::2], strict=True))
        type(self).asked.append((device, api, wishes))
        self._is_open = not set(wishes) & set(self.refused)

    def isOpened(self) -> bool:
        return self._is_open

    def release(self) -> None:
        self._is_open = False


def ask(monkeypatch: pytest.MonkeyPatch, device: int | str, *refused: int) -> list[dict[int, int]]:
    recorder = type("Recorder", (RecordingCapture,), {"asked": [], "refused": refused})
    monkeypatch.setattr(cv2, "VideoCapture", recorder)
    capture = open_video_capture(device, CameraSettings(width=1280, height=720, fps=25))
    assert (capture is not None) == recorder("", 0, [])._is_open
    return [wishes for _device, _api, wishes in recorder.asked[:-1]]


def test_format_size_and_rate_are_asked_for_in_the_open_call(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(monkeypatch, 0) == [
        {
            cv2.CAP_PROP_FOURCC: MJPG,
            cv2.CAP_PROP_FRAME_WIDTH: 1280,
            cv2.CAP_PROP_FRAME_HEIGHT: 720,
            cv2.CAP_PROP_FPS: 25,
        }
    ]


def test_a_camera_that_refuses_a_wish_is_asked_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    without_mjpg = ask(monkeypatch, 0, cv2.CAP_PROP_FOURCC)
    assert cv2.CAP_PROP_FOURCC not in without_mjpg[-1]
    assert without_mjpg[-1][cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert ask(monkeypatch, 0, cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_FPS)[-1] == {}


def test_a_stream_is_asked_for_nothing_but_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    (wishes,) = ask(monkeypatch, "http://127.0.0.1:1/")
    assert set(wishes) == {cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC}


class MjpegServer(BaseHTTPRequestHandler):
    """Sends 40 JPEG pictures, as network cameras do."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
        self.end_headers()
        for index in range(40):
            bgr = np.full((48, 64, 3), 5 * index, np.uint8)
            data = cv2.imencode(".jpg", bgr)[1].tobytes()
            head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def stream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), MjpegServer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_network_camera_is_read_by_opencv(stream: str) -> None:
    source = CameraSource(stream, CameraSettings(), SystemClock())
    source.open()
    try:
        frame = source.read(20.0)
        assert frame is not None
        assert frame.rgb.shape == (48, 64, 3)
        assert abs(int(frame.rgb[24, 32, 0]) - 5 * frame.index) < 6
    finally:
        source.close()


def test_a_stream_that_is_not_there_is_refused() -> None:
    source = CameraSource("http://127.0.0.1:1/nothing", CameraSettings(), SystemClock())
    with pytest.raises(SourceError, match="stream") as caught:
        source.open()
    assert "address" in caught.value.hint


def test_importing_opencv_leaves_no_qt_paths() -> None:
    assert "cv2" not in os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", "")
    assert "cv2" not in os.environ.get("QT_QPA_FONTDIR", "")


def test_only_opencv_s_own_qt_paths_are_dropped() -> None:
    environment = {
        "QT_QPA_PLATFORM_PLUGIN_PATH": "/venv/site-packages/cv2/qt/plugins",
        "QT_QPA_FONTDIR": "/home/ada/fonts",
    }
    drop_opencv_qt_paths(environment)
    assert environment == {"QT_QPA_FONTDIR": "/home/ada/fonts"}
