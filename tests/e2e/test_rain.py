"""RAIN on a tiny checkpoint in the published layout: every N and c, the command line, bad input."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import engine.rain_studio
from engine.clock import Clock
from engine.offline import animate
from engine.rain_studio import RainStudio
from engine.settings import Model, Pace, Quality, Settings
from engine.standard_rooms import StandardRooms
from models.checkpoints.rain import MOTION_UNET, POSE_GUIDER, REFERENCE_UNET
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from tests.e2e.clip_kit import faces, pictures_of, times_of, truncate, wall, write_clip
from tests.e2e.conftest import Understudy
from tests.e2e.small_networks import offer_small_sizes
from tests.engine.rain_kit import studio_of, write_files
from tests.fakes import FakeSink, FakeSource, FakeTracker
from tests.models.checkpoints.rain_files import TINY, published_weights

SIDE = 64


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("rain"))


@pytest.fixture(scope="module")
def studio(weights: Path) -> RainStudio:
    return studio_of(weights)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer_small_sizes(monkeypatch, tmp_path, (SIDE, 96, 256, 512))
    monkeypatch.setattr(engine.rain_studio, "_published", lambda _folder: TINY)


class Rooms(StandardRooms):
    """The real rooms, but for capture, tracking and recording."""

    def __init__(self, studio: RainStudio, source: FakeSource) -> None:
        self.studio, self.source, self.sink = studio, source, FakeSink()

    def open_source(self, _settings: Settings, _clock: Clock) -> FakeSource:
        return self.source

    def open_tracker(self, _settings: Settings) -> FakeTracker:
        return FakeTracker(sees=lambda _index: False)

    def open_studio(self, _settings: Settings) -> RainStudio:
        return self.studio

    def recorder(self, path: Path, *_rest: object, **_more: object) -> FakeSink:  # type: ignore[override]
        self.sink.path = path
        return self.sink


def settings_of(levels: int, chunk: int, weights: Path) -> Settings:
    quality = Quality(size=SIDE, levels=levels, chunk=chunk)
    return Settings(
        source="clip.mp4", model=Model.RAIN, weights=str(weights), quality=quality, pace=Pace.OFFLINE
    )


@pytest.mark.parametrize("levels", [2, 3, 4])
@pytest.mark.parametrize("chunk", [1, 2, 4])
def test_every_n_and_c_gives_as_many_pictures_as_frames(
    studio: RainStudio, weights: Path, levels: int, chunk: int
) -> None:
    rooms = Rooms(studio, FakeSource(count=6))
    report = animate(settings_of(levels, chunk, weights), Path("out.mp4"), rooms=rooms)
    assert (report.frames_in, report.frames_out) == (6, 6)
    assert rooms.sink.indices == list(range(6))
    assert {picture.rgb.shape for picture in rooms.sink.pictures} == {(SIDE, SIDE, 3)}
    assert float(np.std(rooms.sink.pictures[0].rgb)) > 1.0


def rain(understudy: Understudy, weights: Path, *more: str | Path) -> tuple[int, str, str]:
    how = ("--model", "rain", "--size", str(SIDE), "--levels", "2", "--chunk", "1", "--runtime", "torch")
    return understudy("animate", *how, "--weights", weights, *more)


def test_a_clip_becomes_a_clip(understudy: Understudy, weights: Path, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", faces(5))
    code, out, _ = rain(understudy, weights, "--source", source, "--output", "out.mp4", "--json")
    assert code == 0
    assert times_of(tmp_path / "out.mp4") == times_of(source)
    report = json.loads(out.splitlines()[-1])
    assert (report["frames_in"], report["frames_out"]) == (5, 5)


def test_a_driver_without_a_face_at_the_start_leaves_the_avatar_at_rest_till_then(
    understudy: Understudy, weights: Path, tmp_path: Path
) -> None:
    source = write_clip(tmp_path / "clip.mp4", [wall()] * 3 + faces(4))
    code, out, _ = rain(understudy, weights, "--source", source, "--output", "out.mp4", "--json")
    assert code == 0
    report = json.loads(out.splitlines()[-1])
    assert report["frames_out"] == 7
    assert 1 <= report["frames_found"] <= 4
    assert len(pictures_of(tmp_path / "out.mp4")) == 7


def test_a_picture_without_a_face_is_no_avatar(understudy: Understudy, weights: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), wall())
    source = write_clip(tmp_path / "clip.mp4", faces(2))
    code, _, err = rain(understudy, weights, "--source", source, "--avatar", tmp_path / "wall.png")
    assert code != 0
    assert "face" in err
    assert "wall" in err
    assert not list(tmp_path.glob("understudy-*"))


def copied(weights: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in weights.iterdir():
        if path.name != "cache":
            (folder / path.name).symlink_to(path)
    return folder


def of_another_model(folder: Path) -> None:
    path = folder / MOTION_UNET
    content = (folder / REFERENCE_UNET).read_bytes()
    path.unlink()
    path.write_bytes(content)


def half_a_download(folder: Path) -> None:
    path = folder / REFERENCE_UNET
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    truncate(path, 0.5)


def wrong_shapes(folder: Path) -> None:
    path = folder / POSE_GUIDER
    path.unlink()
    other = PoseGuider(PoseGuiderConfig(widths=(4, 6, 8, 12), out_channels=8))
    torch.save(published_weights(other, 1), path)


def an_empty_folder(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (of_another_model, (MOTION_UNET, "does not fit: missing")),
        (half_a_download, (REFERENCE_UNET,)),
        (wrong_shapes, (POSE_GUIDER, "instead of")),
        (an_empty_folder, (MOTION_UNET, "lacks")),
    ],
)
def test_weights_that_do_not_fit_are_one_sentence(
    understudy: Understudy, weights: Path, tmp_path: Path, spoil: object, said: tuple[str, ...]
) -> None:
    folder = copied(weights, tmp_path / "spoilt")
    assert callable(spoil)
    spoil(folder)
    source = write_clip(tmp_path / "clip.mp4", faces(2))
    code, _, err = rain(understudy, folder, "--source", source)
    assert code != 0
    assert "RAIN cannot be loaded" in err
    for word in said:
        assert word in err, word
    assert not list(tmp_path.glob("understudy-*"))
