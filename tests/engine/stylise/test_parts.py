"""The stylise mode in a session: frames come out repainted, the standby card where there is none."""

from collections.abc import Mapping
from dataclasses import replace
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
from engine.stylise.parts import (
    LikenessConditioner,
    LikenessControl,
    LikenessDecoder,
    LikenessDriver,
    LikenessTracker,
    StylistBuffer,
)
from engine.stylise.rooms import StyliseRooms
from engine.stylise.settings import Closeness, StyliseSettings
from engine.stylise.stream_diffusion import load_base
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
    gone = [pipeline.step(Ticket(-1, t, t), None) for t in (5.0, 5.1, 5.2)]
    assert all(np.array_equal(picture.rgb, card) for [picture] in gone)  # at once, and nothing older after it
    rooms.set_prompt("a robot")
    rooms.set_closeness(Closeness.CLOSE)
    rooms.set_seed(4)
    later = show(pipeline, range(200, 203))
    assert [picture.frame_index for picture in later][-1] == 202  # one step: no delay any more
    with pytest.raises(SettingsError, match="empty"):
        rooms.set_prompt("  ")
    with pytest.raises(SettingsError, match="while it runs"):
        rooms.set_style("other.safetensors")
    assert rooms.stylise.style == ""
    assert [picture.frame_index for picture in pipeline.finish()] == []


def test_a_clip_gives_a_picture_for_every_frame_also_when_frames_are_skipped(folder: Path) -> None:
    stylise = StyliseSettings(prompt="a pirate", model=str(folder), similarity=0.9)
    pipeline, _ = built(stylise)
    same = likeness(1)
    pictures = [pipeline.step(Ticket(i, i / 30, i / 30), same) for i in range(6)]
    shown = [picture for of_step in pictures for picture in of_step] + pipeline.finish()
    assert [picture.frame_index for picture in shown] == list(range(6))


class Recorder:
    """A painter that hands every frame on one call later, from a certain one on all at once."""

    def __init__(self, first: int = 1) -> None:
        self.painted: list[float] = []
        self.first = first
        self.changes = 0
        self.pauses = 0
        self.under_way: list[float] = []

    def paint(self, frame: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
        self.painted.append(float(frame["pixels"].mean()))
        self.under_way.append(self.painted[-1])
        if len(self.painted) <= self.first:
            return []
        clean, self.under_way = self.under_way[:-1], self.under_way[-1:]
        return [torch.full((1, 4, 1, 1), value) for value in clean]

    def decode_latents(self, latents: torch.Tensor) -> torch.Tensor:
        return latents.mean().expand(1, 3, 2, 2)

    def drain(self) -> list[torch.Tensor]:
        return [torch.full((1, 4, 1, 1), value) for value in self.under_way]

    def pause(self) -> None:
        self.pauses += 1
        self.under_way.clear()
        self.painted.clear()

    def reset(self) -> None:
        self.painted.clear()


def a_row(value: float, *, is_card: bool = False) -> dict[str, torch.Tensor]:
    return {"pixels": torch.full((1, 3, 2, 2), value), "is_card": torch.tensor([is_card])}


def test_a_skipped_frame_takes_its_turn_with_the_picture_before() -> None:
    painter = Recorder()
    draws = iter([0.0] * 9)
    similarity = SimilarityFilter(SimilaritySettings(threshold=0.9), draw=lambda: next(draws))
    buffer = StylistBuffer(painter, similarity)  # type: ignore[arg-type]
    came_out = []
    for index, value in enumerate([1.0, -1.0, -1.0, 1.0]):
        row = buffer.push(a_row(value), tag=(index,))
        came_out.append((row.tag, float(row.latents.mean())) if row else None)
    assert painter.painted == [1.0, -1.0, 1.0]
    assert came_out == [None, ((0,), 1.0), ((1,), 1.0), ((2,), -1.0)]


def test_wishes_are_granted_before_the_next_frame() -> None:
    painter = Recorder()
    buffer = StylistBuffer(painter, None)  # type: ignore[arg-type]
    buffer.wish(lambda each: setattr(each, "changes", 1))
    assert painter.changes == 0
    buffer.push(a_row(0.0))
    assert painter.changes == 1


def test_frames_that_become_clean_together_keep_their_own_tags_and_pictures() -> None:
    painter = Recorder(first=3)
    buffer = StylistBuffer(painter, None)  # type: ignore[arg-type]
    rows = [buffer.push(a_row(index / 10), tag=(index,)) for index in range(5)]
    assert rows[:3] == [None] * 3
    assert [row.tag for row in rows[3:] if row] == [(0, 1, 2), (3,)]
    assert rows[3] is not None
    pictures = LikenessDecoder(painter, np.zeros((2, 2, 3), np.uint8)).decode(  # type: ignore[arg-type]
        rows[3].latents, rows[3].conditions, torch.zeros(1)
    )
    assert pictures.shape == (3, 2, 2, 4)
    assert [int(picture[0, 0, 0]) for picture in pictures] == [128, 140, 153]
    assert [row.tag for row in buffer.drain()] == [(4,)]


def test_the_card_is_never_painted_and_what_was_under_way_does_not_follow_it() -> None:
    painter = Recorder()
    buffer = StylistBuffer(painter, None)  # type: ignore[arg-type]
    card = np.full((2, 2, 3), 9, np.uint8)
    assert buffer.push(a_row(1.0), tag=("seen",)) is None
    for tag in ("gone", "gone still"):
        row = buffer.push(a_row(0.7, is_card=True), tag=(tag,))
        assert row is not None
        assert row.tag == (tag,)
        shown = LikenessDecoder(painter, card).decode(row.latents, row.conditions, torch.zeros(1))  # type: ignore[arg-type]
        assert np.array_equal(shown[0, ..., :3], card)
    assert painter.pauses == 2
    back = [buffer.push(a_row(value), tag=(value,)) for value in (0.2, 0.3)]
    assert [row.tag if row else None for row in back] == [None, (0.2,)]
    assert painter.painted == [pytest.approx(0.2), pytest.approx(0.3)]


def test_a_frame_is_cut_to_its_middle_square_and_mirrored() -> None:
    rgb = np.zeros((4, 8, 3), np.uint8)
    rgb[:, 2] = 255  # the left column of the middle square
    frame = Frame(rgb, 0, 0.0)
    for mirror, column in ((False, 0), (True, 3)):
        control = LikenessDriver(mirror=mirror).control(LikenessTracker().track(frame))
        assert isinstance(control, LikenessControl)
        pixels = LikenessConditioner(np.zeros((4, 4, 3), np.uint8)).row(control)["pixels"]
        assert pixels[0, 0, 0].tolist() == [1.0 if index == column else -1.0 for index in range(4)]


def test_a_seed_chosen_before_the_networks_are_loaded_holds(folder: Path) -> None:
    rooms = StyliseRooms(StyliseSettings(prompt="a pirate", model=str(folder)))
    rooms.set_seed(7)
    assert rooms.open_studio(SETTINGS).seed == 7


def test_a_negative_prompt_changes_the_picture(folder: Path) -> None:
    plain = StyliseSettings(
        prompt="a pirate", model=str(folder), guidance_scale=2.0, closeness=Closeness.CLOSE
    )
    shown = []
    for stylise in (plain, replace(plain, negative_prompt="a hat"), replace(plain, negative_prompt="a sea")):
        pipeline, _ = built(stylise)
        shown.append(show(pipeline, range(1))[0].rgb.astype(int))
    assert np.abs(shown[1] - shown[0]).max() > 0
    assert np.abs(shown[2] - shown[1]).max() > 0


def test_a_single_file_reads_prompts_with_the_tokenizer_that_is_given(folder: Path, tmp_path: Path) -> None:
    file = layouts.write_single_file(
        tmp_path / "model.safetensors", layouts.single_file_tensors(layouts.TINY_1)
    )
    base = load_base(StyliseSettings(prompt="a pirate", model=str(file), tokenizer=str(folder)))
    assert base.tokenizer is not None
    assert base.tokenizer("a pirate").input_ids
    with pytest.raises(WeightsError, match="no tokenizer beside") as caught:
        load_base(StyliseSettings(prompt="a pirate", model=str(file)))
    assert "--tokenizer" in caught.value.hint
    with pytest.raises(WeightsError, match=f"no tokenizer in {tmp_path}"):
        load_base(StyliseSettings(prompt="a pirate", model=str(file), tokenizer=str(tmp_path)))


def test_a_missing_model_says_what_it_is_and_what_works_without(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        built(StyliseSettings(prompt="a pirate"))
    for word in ("4.4 GB", "OpenRAIL-M", "--download", "understudy live", "not on this machine"):
        assert word in str(caught.value)
    with pytest.raises(WeightsError, match="nowhere"):
        built(StyliseSettings(prompt="a pirate", model=str(tmp_path / "nowhere")))


def test_a_lora_that_cannot_be_used_is_named_and_nothing_else_is_blamed(folder: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "half.safetensors"
    damaged.write_bytes(b"12345")
    for lora in (damaged, tmp_path / "missing.safetensors"):
        with pytest.raises(WeightsError, match=lora.name) as caught:
            load_base(StyliseSettings(prompt="a pirate", model=str(folder), loras=((str(lora), 1.0),)))
        assert "LoRA" in caught.value.hint
        assert "--download" not in caught.value.hint


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
