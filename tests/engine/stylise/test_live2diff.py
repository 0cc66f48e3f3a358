"""Live2Diff in a session's rooms: clips, live changes, the card, depth, memory, and what is missing."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.clock import SystemClock
from engine.errors import MemoryTooSmallError, WeightsError
from engine.latency import StageTimes
from engine.live2diff.stream import Live2Diff
from engine.pipeline import STAGES, Pipeline, Ticket
from engine.post.standby import standby_card
from engine.staging import Staging
from engine.stylise.live2diff import Live2DiffModel
from engine.stylise.parts import LikenessConditioner, LikenessControl, LikenessDriver, LikenessTracker
from engine.stylise.rooms import StyliseRooms
from engine.stylise.settings import Closeness, StyliseSettings
from engine.types import Frame, Performance, Picture
from models.checkpoints.live2diff import base_config
from tests.engine.live2diff.kit import motion_weights, write_files, write_motion
from tests.engine.live2diff.test_stream import WhenTold
from tests.engine.stylise.kit import SIDE, SlopingEye, live2diff_settings, session_settings
from tests.models.checkpoints import published_layouts as layouts

CARD = standby_card(SIDE, SIDE).rgb


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("live2diff"))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("models.runtimes.choose.MAX_THREADS", 1)
    monkeypatch.setattr("engine.settings.SIZES", (SIDE,))  # no user has so small a picture
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path / "models"))


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> WhenTold:
    """Warm-ups run when the test says so."""
    executor = WhenTold()
    opened: Callable[..., Executor] = lambda *_, **__: executor  # noqa: E731
    monkeypatch.setattr("engine.stylise.live2diff.OneAtATime", opened)
    return executor


def built(stylise: StyliseSettings) -> tuple[Pipeline, StyliseRooms]:
    rooms = StyliseRooms(stylise)
    return Staging(rooms, StageTimes(STAGES, SystemClock())).build(session_settings(), None), rooms


def seen(index: int, *, eye: SlopingEye | None = None, scene: int = 0) -> Performance:
    """A scene that drifts slowly."""
    generator = np.random.default_rng(scene)
    rgb = generator.integers(0, 200, (6, 8, 3)).repeat(8, 0).repeat(8, 1) + min(index, 50)
    frame = Frame(rgb.astype(np.uint8), index, index / 30.0, index / 30.0)
    return LikenessTracker(eye or SlopingEye()).track(frame)


def show(pipeline: Pipeline, indices: range, **how: object) -> list[list[Picture]]:
    return [
        pipeline.step(Ticket(i, 10 + i / 30, i / 30), seen(i, **how))  # type: ignore[arg-type]
        for i in indices
    ]


def joined(pictures: list[list[Picture]]) -> list[Picture]:
    return [picture for of_step in pictures for picture in of_step]


def stream_of(rooms: StyliseRooms) -> Live2Diff:
    assert rooms._studio is not None
    assert rooms._studio.buffer is not None
    return rooms._studio.buffer._painter._stream  # type: ignore[attr-defined,no-any-return]


def test_each_picture_is_its_own_frame_s_and_a_clip_loses_none(files: Path) -> None:
    pipeline, _ = built(live2diff_settings(files))
    steps = show(pipeline, range(11))
    assert [len(pictures) for pictures in steps] == [0] * 7 + [8, 0, 1, 1]
    pictures = joined(steps) + pipeline.finish()
    assert [picture.frame_index for picture in pictures] == list(range(11))
    assert [picture.media_s for picture in pictures] == [i / 30 for i in range(11)]
    assert [picture.captured_at_s for picture in pictures] == [10 + i / 30 for i in range(11)]
    assert not any(np.array_equal(picture.rgb, CARD) for picture in pictures)
    assert len({picture.rgb.tobytes() for picture in pictures}) == 11
    again = joined(show(pipeline, range(9))) + pipeline.finish()
    assert [picture.frame_index for picture in again] == list(range(9))


def test_a_clip_of_three_frames_gives_three_pictures(files: Path) -> None:
    pipeline, _ = built(live2diff_settings(files))
    assert joined(show(pipeline, range(3))) == []
    assert [picture.frame_index for picture in pipeline.finish()] == [0, 1, 2]


def test_prompt_and_strength_change_in_mid_stream_without_a_pause_or_junk(
    files: Path, executor: WhenTold
) -> None:
    pipeline, rooms = built(live2diff_settings(files))
    unchanged, _ = built(live2diff_settings(files))
    show(pipeline, range(10))
    before = joined(show(unchanged, range(10)))
    executor.is_holding = True
    rooms.set_prompt("a robot")
    rooms.set_closeness(Closeness.FREE)
    during = show(pipeline, range(10, 12))
    expected = show(unchanged, range(10, 12))
    assert [len(pictures) for pictures in during] == [1, 1]  # the old look goes on meanwhile
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in zip(joined(during), joined(expected), strict=True))
    executor.run()  # the prompt's, which the strength's has overtaken
    show(pipeline, range(12, 13))
    executor.run()
    after = joined(show(pipeline, range(13, 17)))
    assert [picture.frame_index for picture in after] == [12, 13, 14, 15]
    assert (stream_of(rooms).settings.prompt, stream_of(rooms).settings.strength) == ("a robot", 0.7)
    assert not stream_of(rooms).is_changing
    newest = joined(show(unchanged, range(12, 17)))[-1]
    assert np.abs(after[-1].rgb.astype(int) - newest.rgb).mean() > 1.0
    # junk, such as frames of noise or of zeros, would be far from all that was painted before
    levels = [picture.rgb.mean() for picture in before]
    assert all(abs(picture.rgb.mean() - np.mean(levels)) < 60.0 for picture in after)


def test_the_card_is_not_painted_and_who_comes_back_begins_another_scene(
    files: Path, executor: WhenTold
) -> None:
    pipeline, rooms = built(live2diff_settings(files))
    show(pipeline, range(10))
    stream = stream_of(rooms)
    rings = {name: ring.clone() for name, ring in stream._ring.tensors(0, 0, 2).items()}
    gone = [pipeline.step(Ticket(-1, t, t), None) for t in (5.0, 5.1)]
    assert all(np.array_equal(picture.rgb, CARD) for [picture] in gone)
    now = stream._ring.tensors(0, 0, 2)
    assert all(torch.equal(ring, now[name]) for name, ring in rings.items())
    executor.is_holding = True
    back = show(pipeline, range(160, 162))
    # the frame that was under way when they went is not shown after the card, and nobody waits for eight
    assert [[picture.frame_index for picture in pictures] for pictures in back] == [[], [160]]
    assert not stream.is_changing  # a hiccup of the camera
    for turn in range(20):
        pipeline.step(Ticket(-1, 6.0 + turn / 15, 6.0 + turn / 15), None)
    back = show(pipeline, range(300, 303))
    assert [[picture.frame_index for picture in pictures] for pictures in back] == [[], [300], [301]]
    assert stream.is_changing  # sinks of the one who came
    assert len(executor.held) == 1


@pytest.mark.parametrize(("num_cards", "first"), [(3, 5), (20, 0)])
def test_a_hiccup_in_the_warm_up_costs_its_frames_and_a_pause_all_of_it(
    files: Path, num_cards: int, first: int
) -> None:
    pipeline, _ = built(live2diff_settings(files))
    assert joined(show(pipeline, range(5))) == []
    for turn in range(num_cards):
        [card] = pipeline.step(Ticket(-1, 5.0 + turn / 15, 5.0 + turn / 15), None)
        assert np.array_equal(card.rgb, CARD)
    steps = show(pipeline, range(200, 208))
    # those from before the card warm up the sinks, but are not shown after it
    assert [len(pictures) for pictures in steps[: 8 - first]] == [0] * (7 - first) + [8 - first]
    assert joined(steps)[0].frame_index == 200
    shown = [picture.frame_index for picture in joined(steps) + pipeline.finish()]
    assert shown == list(range(200, 208))


def test_constant_depth_gives_pictures(files: Path) -> None:
    pipeline, _ = built(live2diff_settings(files))
    pictures = joined(show(pipeline, range(8), eye=SlopingEye(is_flat=True)))
    assert len({picture.rgb.tobytes() for picture in pictures}) == 8


def test_depth_follows_the_frame_through_mirror_and_middle_square() -> None:
    for mirror, first in ((False, 8), (True, 55)):
        control = LikenessDriver(mirror=mirror).control(seen(0))
        assert isinstance(control, LikenessControl)
        depth = LikenessConditioner(CARD).row(control)["depth"]
        assert depth.shape == (1, 48, 48)  # of 48 x 64
        assert float(depth[0, 0, 0]) == pytest.approx(first / 63, abs=1e-6)


@pytest.mark.usefixtures("executor")
def test_loras_change_in_mid_stream(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    lora = {f"{name}.lora_down.weight": torch.ones(2, 32), f"{name}.lora_up.weight": torch.ones(32, 2)}
    save_file(lora, tmp_path / "style.safetensors")
    pipeline, rooms = built(live2diff_settings(files))
    show(pipeline, range(10))
    before = stream_of(rooms)._style.networks
    with pytest.raises(WeightsError, match="nowhere"):
        rooms.set_style("", ((str(tmp_path / "nowhere.safetensors"), 1.0),))
    rooms.set_style("", ((str(tmp_path / "style.safetensors"), 0.5),))
    pictures = show(pipeline, range(10, 13))
    assert [[picture.frame_index for picture in each] for each in pictures] == [[9], [10], [11]]
    after = stream_of(rooms)._style.networks
    assert after is not before
    weight = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    added = after.unet.get_parameter(weight) - before.unet.get_parameter(weight)
    torch.testing.assert_close(added, torch.full((32, 32), 0.5 * 2.0))
    monkeypatch.setattr("engine.stylise.live2diff.free_memory", lambda _device: 1_000)
    with pytest.raises(MemoryTooSmallError, match="second style"):
        rooms.set_style("")


def test_eight_bits_are_what_the_rings_hold(files: Path) -> None:
    _, rooms = built(live2diff_settings(files, has_small_memory=True))
    kinds = {t.dtype for name, t in stream_of(rooms)._ring.tensors(0, 0, 1).items() if name.endswith(".keys")}
    assert kinds == {torch.int8}


def test_what_does_not_fit_is_refused_before_and_at_the_start(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = StyliseRooms(live2diff_settings(files))
    assert "64 x 64 at 2 levels needs" in rooms.memory_text(session_settings())
    monkeypatch.setattr("engine.stylise.live2diff.free_memory", lambda _device: 1_000)
    for start in (lambda: rooms.memory_text(session_settings()), lambda: built(live2diff_settings(files))):
        with pytest.raises(MemoryTooSmallError, match=r"64 x 64 at 2 levels needs .* are free"):
            start()


def test_it_says_how_it_runs_who_tells_of_depth_and_what_it_takes(files: Path) -> None:
    _, rooms = built(live2diff_settings(files))
    assert rooms._studio is not None
    said = rooms._studio.runtime_text
    for words in ("torch", "your face and outline (approximate)", "64 x 64 at 2 levels needs"):
        assert words in said


def test_a_missing_file_says_what_it_is(files: Path, tmp_path: Path) -> None:
    missing = replace(live2diff_settings(files), motion=str(tmp_path / "live2diff.ckpt"))
    for start in (lambda: StyliseRooms(missing).memory_text(session_settings()), lambda: built(missing)):
        with pytest.raises(WeightsError) as caught:
            start()
        for words in ("live2diff.ckpt", "1.68 GB", "Apache-2.0", "huggingface.co/Leoxing/Live2Diff"):
            assert words in str(caught.value)
    unfetched = replace(missing, motion="")
    with pytest.raises(WeightsError, match=r"models.live2diff.live2diff\.ckpt"):
        built(unfetched)


def test_wrong_files_are_told_apart(files: Path, tmp_path: Path) -> None:
    whole = (files / "live2diff.ckpt").read_bytes()
    (tmp_path / "half.ckpt").write_bytes(whole[: len(whole) // 2])
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.ckpt")
    weights = motion_weights(base_config(layouts.tiny_unet()))
    narrow = {name: value[:-1] if "proj_in.weight" in name else value for name, value in weights.items()}
    write_motion(tmp_path / "narrow.ckpt", narrow)
    for name, said in (("half", "half a download"), ("other", "missing"), ("narrow", "of another shape")):
        with pytest.raises(WeightsError, match=said) as caught:
            built(replace(live2diff_settings(files), motion=str(tmp_path / f"{name}.ckpt")))
        assert f"{name}.ckpt" in str(caught.value)
        assert "1.68 GB" in caught.value.hint
    second = layouts.write_folder(tmp_path / "second", unet=layouts.tiny_unet(use_linear_projection=True))
    with pytest.raises(WeightsError, match=r"the 2\.x family"):
        StyliseRooms(replace(live2diff_settings(files), model=str(second))).memory_text(session_settings())


def test_a_depth_network_that_cannot_be_read_is_told(files: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="depth network cannot be loaded") as caught:
        built(live2diff_settings(files, depth=str(tmp_path / "nowhere")))
    assert "models fetch dpt-hybrid" in caught.value.hint
    assert "points" in caught.value.hint


def test_a_model_keeps_its_thread_for_all_its_streams(files: Path, executor: WhenTold) -> None:
    pipeline, rooms = built(live2diff_settings(files))
    assert rooms._studio is not None
    model = rooms._studio._model
    assert isinstance(model, Live2DiffModel)
    assert model._executor is executor
    assert pipeline.finish() == []
