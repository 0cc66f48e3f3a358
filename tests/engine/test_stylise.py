"""The stylise mode in a session: frames come out repainted, the standby card where there is none."""

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.clock import SystemClock
from engine.denoise.similarity import SimilarityFilter, SimilaritySettings
from engine.errors import SettingsError, WeightsError
from engine.latency import StageTimes
from engine.pipeline import STAGES, Pipeline, Ticket
from engine.post.standby import standby_card
from engine.settings import LossSettings, Precision, Quality, RuntimeChoice, Settings
from engine.staging import Staging
from engine.stylise import (
    LikenessConditioner,
    LikenessControl,
    LikenessDriver,
    LikenessTracker,
    StylistBuffer,
)
from engine.stylise_rooms import StyliseRooms
from engine.stylise_settings import Closeness, StyliseSettings
from engine.types import Frame, Performance, Picture
from tests.models.checkpoints import published_layouts as layouts

SETTINGS = Settings(
    quality=Quality(size=256),
    runtime=RuntimeChoice.TORCH,
    precision=Precision.F32,
    loss=LossSettings(hold_s=0.0, ease_s=0.05),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.write_folder(tmp_path_factory.mktemp("stylise") / "model")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.runtimes.choose.MAX_THREADS", 1)


def built(stylise: StyliseSettings) -> tuple[Pipeline, StyliseRooms]:
    rooms = StyliseRooms(stylise)
    return Staging(rooms, StageTimes(STAGES, SystemClock())).build(SETTINGS, None), rooms


def likeness(index: int) -> Performance:
    rgb = np.random.default_rng(index).integers(0, 256, (48, 64, 3), np.uint8)
    return LikenessTracker().track(Frame(rgb, index, index / 30.0, index / 30.0))


def show(pipeline: Pipeline, indices: range) -> list[Picture]:
    pictures = [pipeline.step(Ticket(i, i / 30.0, i / 30.0), likeness(i)) for i in indices]
    return [picture for of_step in pictures for picture in of_step]


def test_frames_come_out_painted_in_order_and_the_card_where_there_is_none(folder: Path) -> None:
    pipeline, rooms = built(StyliseSettings(prompt="a pirate", model=str(folder)))
    pictures = show(pipeline, range(3))
    assert [picture.frame_index for picture in pictures] == [0, 1]  # two steps: one frame of delay
    assert all(picture.rgb.shape == (256, 256, 3) for picture in pictures)
    card = standby_card(256, 256).rgb
    assert not any(np.array_equal(picture.rgb, card) for picture in pictures)
    gone = [pipeline.step(Ticket(-1, t, t), None)[0] for t in (5.0, 5.1, 5.2)]
    assert np.array_equal(gone[2].rgb, card)
    rooms.set_prompt("a robot")
    rooms.set_closeness(Closeness.CLOSE)
    rooms.set_seed(4)
    later = show(pipeline, range(200, 203))
    assert [picture.frame_index for picture in later][-1] == 202  # one step: no delay any more
    with pytest.raises(SettingsError, match="empty"):
        rooms.set_prompt("  ")
    assert [picture.frame_index for picture in pipeline.finish()] == []


def test_a_clip_gives_a_picture_for_every_frame_also_when_frames_are_skipped(folder: Path) -> None:
    stylise = StyliseSettings(prompt="a pirate", model=str(folder), similarity=0.9)
    pipeline, _ = built(stylise)
    same = likeness(1)
    pictures = [pipeline.step(Ticket(i, i / 30, i / 30), same) for i in range(6)]
    shown = [picture for of_step in pictures for picture in of_step] + pipeline.finish()
    assert [picture.frame_index for picture in shown] == list(range(6))


class Recorder:
    """A stylist that hands every frame on two calls later."""

    def __init__(self) -> None:
        self.painted: list[float] = []
        self.changes = 0

    def paint(self, pixels: torch.Tensor) -> object:
        self.painted.append(float(pixels.mean()))
        if len(self.painted) < 2:
            return None
        latents = torch.full((1, 4, 1, 1), self.painted[-2])
        return type("Popped", (), {"latents": latents})

    def drain(self) -> list[object]:
        return []

    def reset(self) -> None:
        self.painted.clear()


def test_a_skipped_frame_takes_its_turn_with_the_picture_before() -> None:
    stylist = Recorder()
    draws = iter([0.0] * 9)
    similarity = SimilarityFilter(SimilaritySettings(threshold=0.9), draw=lambda: next(draws))
    buffer = StylistBuffer(stylist, similarity)  # type: ignore[arg-type]
    card = torch.tensor([False])
    values = [1.0, -1.0, -1.0, 1.0]
    came_out = []
    for index, value in enumerate(values):
        row = buffer.push({"pixels": torch.full((1, 3, 2, 2), value), "is_card": card}, tag=index)
        came_out.append((row.tag, float(row.latents.mean())) if row else None)
    assert stylist.painted == [1.0, -1.0, 1.0]
    assert came_out == [None, (0, 1.0), (1, 1.0), (2, -1.0)]


def test_wishes_are_granted_before_the_next_frame() -> None:
    stylist = Recorder()
    buffer = StylistBuffer(stylist, None)  # type: ignore[arg-type]
    buffer.wish(lambda each: setattr(each, "changes", 1))
    assert stylist.changes == 0
    buffer.push({"pixels": torch.zeros(1, 3, 2, 2), "is_card": torch.tensor([False])})
    assert stylist.changes == 1


def test_a_frame_is_cut_to_its_middle_square_and_mirrored() -> None:
    rgb = np.zeros((4, 8, 3), np.uint8)
    rgb[:, 2] = 255  # the left column of the middle square
    frame = Frame(rgb, 0, 0.0)
    for mirror, column in ((False, 0), (True, 3)):
        control = LikenessDriver(mirror=mirror).control(LikenessTracker().track(frame))
        assert isinstance(control, LikenessControl)
        pixels = LikenessConditioner(np.zeros((4, 4, 3), np.uint8)).row(control)["pixels"]
        assert pixels[0, 0, 0].tolist() == [1.0 if index == column else -1.0 for index in range(4)]


def test_a_missing_model_says_what_it_is_and_what_works_without(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        built(StyliseSettings(prompt="a pirate"))
    for word in ("4.5 GB", "OpenRAIL-M", "--download", "understudy live", "not on this machine"):
        assert word in str(caught.value)
    with pytest.raises(WeightsError, match="nowhere"):
        built(StyliseSettings(prompt="a pirate", model=str(tmp_path / "nowhere")))


def test_choices_out_of_range_are_refused() -> None:
    for wrong, said in (
        ({"prompt": " "}, "empty"),
        ({"prompt": "x", "guidance_scale": 0.5}, "0.5"),
        ({"prompt": "x", "similarity": 0.2}, "0.2"),
    ):
        with pytest.raises(SettingsError, match=said):
            StyliseSettings(**wrong)  # type: ignore[arg-type]


def test_every_closeness_repaints() -> None:
    """No index reaches the end of the grid: nothing passes through unpainted."""
    assert all(max(closeness.value) <= 45 for closeness in Closeness)
    assert [closeness.value[0] for closeness in Closeness] == sorted(c.value[0] for c in Closeness)
