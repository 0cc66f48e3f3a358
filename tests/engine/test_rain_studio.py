"""RAIN from files to pictures on tiny networks, and another avatar in mid-stream."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from engine.clock import FakeClock
from engine.denoise.buffer import RollingBuffer
from engine.errors import RuntimeMissingError, WeightsError
from engine.latency import StageTimes
from engine.pipeline import STAGES, Cast, Pipeline
from engine.post.compose import Composer
from engine.rain_studio import RainStudio, open_rain_studio, rain_control_canvas
from engine.retarget.idle import IdleActor, ease
from engine.retarget.rain_canvas import SliceEdit
from engine.settings import LossSettings, RuntimeChoice, StageSettings
from engine.stand_in import StandIn
from engine.standard_rooms import load_avatar
from engine.types import Avatar, Control, Picture
from models.checkpoints.rain import MOTION_UNET
from models.networks.unet import UNet
from models.runtimes.traced import trace_model
from tests.engine.rain_kit import QUALITY, SETTINGS, studio_of, write_files
from tests.fakes import make_ticket
from tests.models.checkpoints.rain_files import TINY


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("rain"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def studio(weights: Path, home: None) -> RainStudio:  # noqa: ARG001 - where caches go
    return studio_of(weights)


class Resting:
    """The avatar by itself, as somebody's performance."""

    def __init__(self, avatar: Avatar) -> None:
        self._actor = IdleActor(avatar)

    def control(self, time_s: object) -> Control:
        return self._actor.control(float(time_s) if isinstance(time_s, float) else 0.0)


def cast_of(studio: RainStudio, name: str) -> Cast:
    avatar = load_avatar(name)
    conditioner = studio.conditioner(avatar, QUALITY.size)
    size = (QUALITY.size, QUALITY.size)
    return Cast(
        performer=Resting(avatar),
        resting=Resting(avatar),
        conditioner=conditioner,
        composer=Composer(StageSettings(), size, conditioner.plate),
    )


def pipeline_of(studio: RainStudio, cast: Cast, fade_s: float = 0.0) -> Pipeline:
    stand_in = StandIn(cast.performer, cast.resting, ease, LossSettings())
    machinery = studio.machinery(QUALITY, seed=1)
    pipeline = Pipeline(stand_in, machinery, cast, StageTimes(STAGES, FakeClock()), fade_s=fade_s)
    pipeline.set_guidance(2.5)
    return pipeline


def play(pipeline: Pipeline, frames: range) -> list[Picture]:
    return [picture for frame in frames for picture in pipeline.step(make_ticket(frame), None)]


@pytest.fixture(scope="module")
def luna(studio: RainStudio) -> Cast:
    return cast_of(studio, "luna")


def test_frames_in_pictures_out_and_nothing_is_projected_again(
    studio: RainStudio, luna: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> object:
        raise AssertionError("the reference is projected once per avatar")

    monkeypatch.setattr(UNet, "project_reference", refuse)
    monkeypatch.setattr(UNet, "project_prompt", refuse)
    pipeline = pipeline_of(studio, luna)
    pictures = play(pipeline, range(6)) + pipeline.finish()
    assert [picture.frame_index for picture in pictures] == list(range(6))
    assert {picture.rgb.shape for picture in pictures} == {(64, 64, 3)}
    assert float(np.std([picture.rgb for picture in pictures])) > 1.0
    assert not np.array_equal(pictures[0].rgb, pictures[-1].rgb)


def test_guidance_changes_the_picture_live(studio: RainStudio, luna: Cast) -> None:
    shown = []
    for guidance in (2.5, 6.0):
        pipeline = pipeline_of(studio, luna)
        play(pipeline, range(2))
        pipeline.set_guidance(guidance)
        shown.append(play(pipeline, range(2, 4))[-1].rgb)
    assert not np.array_equal(*shown)


def test_after_a_cut_no_picture_depends_on_the_old_avatar_and_none_is_lost(
    studio: RainStudio, luna: Cast
) -> None:
    yuki, new = cast_of(studio, "yuki"), cast_of(studio, "rex")
    shown, after = [], []
    for old in (luna, yuki):
        pipeline = pipeline_of(studio, old)
        before = play(pipeline, range(5))
        assert pipeline.recast(new) == 3, "one row under way and a frame that waits for its second"
        pictures = play(pipeline, range(5, 8))
        shown.append([picture.rgb for picture in before])
        assert [picture.frame_index for picture in before + pictures] == list(range(6))
        after.append([picture.rgb for picture in pictures])
    assert not np.array_equal(*shown), "the old avatars can be told apart"
    for one, other in zip(*after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_canvas_shows_the_avatars_own_points() -> None:
    avatar = load_avatar("luna")
    control = Control(avatar.points, avatar.scores, 0, 0.0)
    canvas = rain_control_canvas(control, 256)
    ys, xs = np.nonzero(canvas.any(axis=2))
    face = avatar.points[:9] * 256
    assert abs(xs.mean() - face[:, 0].mean()) < 16
    assert ys.max() <= face[:, 1].max() + 8
    up = rain_control_canvas(control, 256, (SliceEdit(start=0, stop=68, shift_y=-0.1),))
    assert abs(np.nonzero(up.any(axis=2))[0].mean() - (ys.mean() - 25.6)) < 2


@pytest.mark.usefixtures("home")
def test_missing_weights_say_what_belongs_where(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="lacks motion_unet") as caught:
        open_rain_studio(replace(SETTINGS, weights=str(tmp_path)), TINY)
    assert str(tmp_path) in caught.value.hint
    assert "image_encoder/" in caught.value.hint
    assert "understudy models fetch rain" in caught.value.hint


@pytest.mark.usefixtures("home")
def test_half_a_download_is_said(weights: Path, tmp_path: Path) -> None:
    for path in weights.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / MOTION_UNET).unlink()
    (tmp_path / MOTION_UNET).write_bytes((weights / MOTION_UNET).read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"motion_unet\.pth"):
        open_rain_studio(replace(SETTINGS, weights=str(tmp_path)), TINY)


@pytest.mark.usefixtures("home")
def test_the_published_sizes_are_refused_for_tiny_files(weights: Path) -> None:
    with pytest.raises(WeightsError, match="instead of"):
        open_rain_studio(replace(SETTINGS, weights=str(weights)))


@pytest.mark.usefixtures("home")
def test_without_room_for_compiled_networks_torch_runs_them(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SETTINGS, weights=str(weights), runtime=RuntimeChoice.AUTO)
    assert open_rain_studio(settings, TINY).runtime_text.startswith("openvino")
    monkeypatch.setattr("models.runtimes.choose.free_memory", lambda _device: 1000)
    text = open_rain_studio(settings, TINY).runtime_text
    assert text.startswith("torch")
    assert "free memory" in text
    with pytest.raises(RuntimeMissingError, match="GB are free"):
        open_rain_studio(replace(settings, runtime=RuntimeChoice.OPENVINO), TINY)


@pytest.mark.usefixtures("home")
def test_large_networks_are_compiled_once_and_paint_the_same(
    weights: Path, studio: RainStudio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.runtimes.export._LARGEST_FILE_BYTES", 0)
    traced: list[int] = []

    def counted(module: nn.Module, inputs: Mapping[str, Tensor], *others: Any) -> Any:
        traced.append(len(inputs["latents"]) if "levels" in inputs else 0)
        return trace_model(module, inputs, *others)

    monkeypatch.setattr("models.runtimes.load.trace_model", counted)
    settings = replace(SETTINGS, weights=str(weights), runtime=RuntimeChoice.OPENVINO)
    large = open_rain_studio(settings, TINY)
    shown = []
    for each in (studio, large):
        pipeline = pipeline_of(each, cast_of(each, "luna"))
        pictures = play(pipeline, range(6)) + pipeline.finish()
        shown.append(np.stack([picture.rgb for picture in pictures]).astype(int))
    assert [frames for frames in traced if frames] == [QUALITY.levels * QUALITY.chunk]
    assert np.abs(shown[0] - shown[1]).max() <= 2  # of 255: rounding


def test_it_is_the_one_buffer(studio: RainStudio) -> None:
    assert type(studio.machinery(QUALITY, seed=0).buffer) is RollingBuffer
