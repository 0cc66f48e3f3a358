"""Training clips: shapes, ranges, determinism, and a pool that says when nobody draws any more."""

import queue
import threading
from dataclasses import fields, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from models.networks.fill import background_plate
from models.training.characters import training_rng
from models.training.pocket import data
from models.training.pocket.data import CLIP_FRAMES, Clip, ClipPool, DataSettings, draw_clip, make_batch

SIZE = 64


@pytest.fixture(scope="module")
def clip() -> Clip:
    return draw_clip(training_rng(7, 1), SIZE)


def test_a_clip_has_the_stated_shapes_and_ranges(clip: Clip) -> None:
    shapes = {one.name: getattr(clip, one.name).shape for one in fields(Clip)}
    assert shapes == {
        "reference": (4, SIZE, SIZE),
        "reference_points": (61, 2),
        "reference_scores": (61,),
        "depth": (61,),
        "rgb": (CLIP_FRAMES, 3, SIZE, SIZE),
        "alpha": (CLIP_FRAMES, 1, SIZE, SIZE),
        "points": (CLIP_FRAMES, 61, 2),
        "driven": (CLIP_FRAMES, 61, 2),
        "scores": (CLIP_FRAMES, 61),
    }
    for name in ("reference", "rgb", "alpha"):
        assert getattr(clip, name).dtype == np.uint8
    for name in ("reference_points", "reference_scores", "depth", "points", "driven", "scores"):
        assert getattr(clip, name).dtype == np.float32
        assert np.isfinite(getattr(clip, name)).all()
    assert 0.2 < (clip.alpha == 255).mean() < 0.95
    assert set(np.unique(clip.scores)) <= {0.0, 1.0}
    seen = clip.scores > 0
    assert ((clip.points[seen] > -0.01) & (clip.points[seen] < 1.01)).all()


def test_something_moves_and_retargeting_meets_it(clip: Clip) -> None:
    seen = clip.scores[:, :51] > 0
    moved = np.linalg.norm(clip.points - clip.reference_points, axis=2)[:, :51][seen].mean()
    missed = np.linalg.norm(clip.points - clip.driven, axis=2)[:, :51][seen].mean()
    assert 0 < missed < 0.3 * moved
    assert np.abs(np.diff(clip.rgb.astype(np.int16), axis=0)).mean() > 0.1


def test_the_seed_decides_everything(clip: Clip) -> None:
    again, other = draw_clip(training_rng(7, 1), SIZE), draw_clip(training_rng(7, 2), SIZE)
    for one in fields(Clip):
        np.testing.assert_array_equal(getattr(again, one.name), getattr(clip, one.name))
    assert not np.array_equal(other.reference, clip.reference)


def test_a_batch_is_the_window_of_its_clip(clip: Clip) -> None:
    batch = make_batch([(clip, 3), (clip, 5)], 2, torch.device("cpu"))
    assert batch.rgb.shape == (2, 2, 3, SIZE, SIZE)
    assert batch.reference.shape == (2, 4, SIZE, SIZE)
    torch.testing.assert_close(batch.rgb[1, 1], torch.from_numpy(clip.rgb[6]) / 255.0)
    torch.testing.assert_close(batch.points[0], torch.from_numpy(clip.points[3:5]))
    torch.testing.assert_close(batch.driven[1], torch.from_numpy(clip.driven[5:7]))
    for pictures in (batch.rgb, batch.alpha, batch.reference, batch.plate):
        assert pictures.dtype == torch.float32
        assert pictures.min() >= 0
        assert pictures.max() <= 1


def test_the_reference_keeps_its_colour_and_the_plate_shows_nobody(clip: Clip) -> None:
    batch = make_batch([(clip, 0)], 1, torch.device("cpu"))
    reference = torch.from_numpy(clip.reference)[None] / 255.0
    rgb, alpha = reference[:, :3], reference[:, 3:]
    torch.testing.assert_close(batch.reference[:, 3:], alpha)
    inside = (torch.nn.functional.max_pool2d(1.0 - alpha, 5, 1, 2) == 0).expand(-1, 3, -1, -1)
    torch.testing.assert_close(batch.reference[:, :3][inside], rgb[inside])
    torch.testing.assert_close(batch.plate, background_plate(rgb, alpha))
    outside = (torch.nn.functional.max_pool2d(alpha, 7, 1, 3) == 0).expand(-1, 3, -1, -1)
    torch.testing.assert_close(batch.plate[outside], rgb[outside])


def pool_without_processes(settings: DataSettings, clips: list[Clip], *, is_alive: bool) -> ClipPool:
    """A pool whose drawing process has handed in ``clips`` and is then alive or not."""
    pool = ClipPool(settings)
    pool._queue = queue.Queue()
    for one in clips:
        pool._queue.put(one)
    pool._workers = [
        SimpleNamespace(
            start=lambda: None, terminate=lambda: None, join=lambda: None, is_alive=lambda: is_alive
        )
    ]
    return pool


def test_a_dead_worker_is_reported_at_the_start(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    monkeypatch.setattr(data, "CHECK_S", 0.01)
    pool = pool_without_processes(DataSettings(size=SIZE), [clip], is_alive=False)
    with pytest.raises(RuntimeError, match="has died"), pool:
        pass


def test_a_worker_that_dies_later_is_reported_too(clip: Clip) -> None:
    settings = DataSettings(size=SIZE, pool_clips=2)
    device = torch.device("cpu")
    with pool_without_processes(settings, [clip, clip], is_alive=True) as pool:
        next(pool.batches(device, iter([(4, 4)])))
        next(pool.batches(device, iter([(4, 16)])))  # nothing new is there, but somebody draws
        pool._workers[0].is_alive = lambda: False
        with pytest.raises(RuntimeError, match="has died"):
            next(pool.batches(device, iter([(4, 16)])))


def test_new_clips_take_the_place_of_the_oldest(clip: Clip) -> None:
    settings = DataSettings(size=SIZE, pool_clips=2, reuse=1.0)
    numbered = [replace(clip, depth=np.full(61, number, np.float32)) for number in range(4)]
    with pool_without_processes(settings, numbered, is_alive=True) as pool:
        before = {one.depth[0] for one in pool.clips(64)}  # 64 frames' worth: the other two come in as well
        assert before == {2.0, 3.0}


def test_a_pool_in_step_waits_for_the_clip_that_is_due(monkeypatch: pytest.MonkeyPatch, clip: Clip) -> None:
    monkeypatch.setattr(data, "CHECK_S", 0.01)
    settings = DataSettings(size=SIZE, pool_clips=1, reuse=1.0, in_step=True)
    late = replace(clip, depth=np.full(61, 7.0, np.float32))
    with pool_without_processes(settings, [clip], is_alive=True) as pool:
        timer = threading.Timer(0.05, pool._queue.put, (late,))
        timer.start()
        assert pool.clips(16)[0].depth[0] == 7.0
        timer.join()


def test_batches_follow_the_seed(clip: Clip) -> None:
    clips = [replace(clip, depth=np.full(61, number, np.float32)) for number in range(2)]
    device = torch.device("cpu")

    def windows(seed: int) -> list[torch.Tensor]:
        settings = DataSettings(size=SIZE, pool_clips=2, seed=seed)
        with pool_without_processes(settings, clips, is_alive=True) as pool:
            return [batch.points for batch in pool.batches(device, iter([(2, 2)] * 4))]

    first, again, other = windows(1), windows(1), windows(2)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.slow
def test_a_drawing_process_that_cannot_draw_is_reported() -> None:
    pool = ClipPool(DataSettings(size=0))
    with pytest.raises(RuntimeError, match="has died"), pool:
        pass


@pytest.mark.slow
def test_a_drawing_process_draws() -> None:
    with ClipPool(DataSettings(size=SIZE, pool_clips=1)) as pool:
        (drawn,) = pool.clips(1)
        assert drawn.rgb.shape == (CLIP_FRAMES, 3, SIZE, SIZE)
