"""The training loop: save and continue, averages over time and over processes, the log."""

import json
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from engine.denoise.settings import Attend
from models.checkpoints.pocket import load_pocket, save_pocket
from models.networks.pocket import PocketConfig, PocketNetworks
from models.training.characters import training_rng
from models.training.pocket import train as training
from models.training.pocket.data import Batch, DataSettings, draw_clip, make_batch
from models.training.pocket.patterns import Pattern, buffer_levels
from models.training.pocket.train import (
    Averaged,
    Part,
    Report,
    Trainer,
    TrainSettings,
    average_over_processes,
    jitter,
    learning_rate,
    parse_points,
)

SIZE = 64
CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))
PATTERN = Pattern(levels=buffer_levels(2, 1), sequences=1, frames=2)


@pytest.fixture(scope="module")
def batch() -> Batch:
    clip = draw_clip(training_rng(9, 0), SIZE)
    return make_batch([(clip, 0)], 2, torch.device("cpu"))


def trainer_in(folder: Path, **changes: object) -> Trainer:
    torch.manual_seed(1)
    return Trainer(TrainSettings(folder=folder, crop_cells=6, processes=1, **changes), CONFIG)


def test_a_saved_run_goes_on_where_it_was(tmp_path: Path, batch: Batch) -> None:
    first = trainer_in(tmp_path)
    for _ in range(3):
        first.update(batch, PATTERN)
    first.save()
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob("*.partial"))

    second = trainer_in(tmp_path)
    second.restore()
    assert second.count == 3
    assert second.elapsed_s == first.elapsed_s
    for name, weight in first.networks.state_dict().items():
        assert torch.equal(weight, second.networks.state_dict()[name]), name
    saved, restored = first.optimizer.state_dict(), second.optimizer.state_dict()
    assert saved["state"].keys() == restored["state"].keys()
    for key, state in saved["state"].items():
        assert torch.equal(state["exp_avg_sq"], restored["state"][key]["exp_avg_sq"])
    for name, weight in first.averaged.networks.state_dict().items():
        # Float16 on disk.
        torch.testing.assert_close(second.averaged.networks.state_dict()[name], weight, atol=1e-3, rtol=1e-3)
    second.update(batch, PATTERN)
    assert second.count == 4
    assert second.elapsed_s > first.elapsed_s


def test_an_empty_folder_starts_a_new_run(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    trainer.restore()
    assert trainer.count == 0


def test_published_weights_can_be_trained_further(tmp_path: Path, batch: Batch) -> None:
    published = PocketNetworks(CONFIG)
    save_pocket(published, tmp_path / "published.safetensors")
    trainer = trainer_in(tmp_path, resume=tmp_path / "published.safetensors")
    before = {name: weight.clone() for name, weight in trainer.networks.state_dict().items()}
    for name, weight in published.state_dict().items():
        torch.testing.assert_close(before[name], weight, atol=1e-3, rtol=1e-3)
    trainer.update(batch, PATTERN)
    assert not torch.equal(trainer.networks.painter.out.weight, before["painter.out.weight"])


def test_the_denoiser_alone_can_be_trained(tmp_path: Path, batch: Batch) -> None:
    trainer = trainer_in(tmp_path, part=Part.DENOISER, attend=Attend.NOBODY)
    before = {name: weight.clone() for name, weight in trainer.networks.state_dict().items()}
    for _ in range(2):
        trainer.update(batch, PATTERN)
    trainer.save()
    after = trainer.networks.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"denoiser"}


def test_a_run_of_so_many_steps_takes_no_notice_of_the_clock(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path, steps=10)
    trainer.elapsed_s = 1e6
    assert trainer.progress == 0.0
    trainer.count = 10
    assert trainer.progress == 1.0


def test_points_are_read_from_text() -> None:
    assert parse_points("4x1,1x2") == ((4, 1), (1, 2))
    with pytest.raises(ValueError, match="invalid literal"):
        parse_points("fourx1")


def test_what_is_saved_is_the_average_over_time(tmp_path: Path, batch: Batch) -> None:
    trainer = trainer_in(tmp_path)
    for _ in range(2):
        trainer.update(batch, PATTERN)
    trainer.save()
    published = load_pocket(tmp_path / "pocket.safetensors").painter.out.weight
    averaged = trainer.averaged.networks.painter.out.weight
    torch.testing.assert_close(published, averaged, atol=1e-4, rtol=1e-3)
    assert not torch.equal(averaged, trainer.networks.painter.out.weight.contiguous())


def test_the_average_follows_fast_at_first_and_slowly_after_a_restart() -> None:
    old, new = PocketNetworks(CONFIG), PocketNetworks(CONFIG)
    weight = old.painter.out.weight.detach().clone()
    target = new.painter.out.weight.detach()
    averaged = Averaged(old, 0.999)
    averaged.update(new)
    torch.testing.assert_close(averaged.networks.painter.out.weight, weight.lerp(target, 9 / 11))
    averaged.restore(old, step=100_000)
    averaged.update(new)
    torch.testing.assert_close(averaged.networks.painter.out.weight, weight.lerp(target, 0.001))


def test_the_learning_rate_warms_up_and_falls() -> None:
    settings = TrainSettings(learning_rate=1.0)
    assert learning_rate(settings, 0, 0.0) == pytest.approx(0.01)
    assert learning_rate(settings, 99, 0.0) == pytest.approx(1.0)
    assert learning_rate(settings, 5000, 0.5) == pytest.approx(0.51)
    assert learning_rate(settings, 5000, 1.0) == pytest.approx(0.02)
    assert learning_rate(settings, 5000, 1.3) == pytest.approx(0.02)


def test_jitter_is_an_unsteady_tracker_of_at_most_half_a_pixel() -> None:
    points = torch.zeros(200, 4, 61, 2)
    moved = jitter(points, torch.Generator().manual_seed(0)) * 256
    deviation = moved.flatten(1).std(1)
    assert deviation.max() < 0.55
    assert deviation.min() < 0.05
    assert 0.2 < deviation.mean() < 0.3
    assert torch.equal(moved, jitter(points, torch.Generator().manual_seed(0)) * 256)


def test_processes_take_the_mean_of_their_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [torch.randn(3, 2), torch.randn(2, 4, 3, 3).to(memory_format=torch.channels_last), torch.ones(1)]
    theirs = [torch.randn(3, 2), torch.randn(2, 4, 3, 3), torch.full((1,), 3.0)]
    expected = [(a + b) / 2 for a, b in zip(mine, theirs, strict=True)]

    def all_reduce(joined: Tensor) -> None:
        joined += torch.cat([one.flatten() for one in theirs])

    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    average_over_processes(mine)
    for one, mean in zip(mine, expected, strict=True):
        torch.testing.assert_close(one, mean)


def _gradient(network: torch.nn.Module, rows: Tensor) -> list[Tensor]:
    network.zero_grad()
    network(rows).square().mean().backward()
    return [one.grad for one in network.parameters() if one.grad is not None]


def _small_network() -> torch.nn.Module:
    torch.manual_seed(2)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))


def _train_half(rank: int, meeting: str, folder: str) -> None:
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    rows = torch.load(Path(folder) / "rows.pt")
    gradients = _gradient(_small_network(), rows[4 * rank : 4 * rank + 4])
    average_over_processes(gradients)
    torch.save(gradients, Path(folder) / f"gradients_{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_equal_one_on_the_joined_batch(tmp_path: Path) -> None:
    rows = torch.randn(8, 4)
    torch.save(rows, tmp_path / "rows.pt")
    spawn(_train_half, ((tmp_path / "meeting").as_uri(), str(tmp_path)), nprocs=2)
    expected = _gradient(_small_network(), rows)
    for rank in range(2):
        for got, want in zip(torch.load(tmp_path / f"gradients_{rank}.pt"), expected, strict=True):
            torch.testing.assert_close(got, want)


def test_a_run_logs_saves_and_scores_when_it_is_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "quick_scores", lambda _, sheet: {"sheet_step": int(sheet.stem[6:])})
    trainer = trainer_in(tmp_path, save_minutes=1.0, score_minutes=2.0)
    report = Report(trainer)
    for trainer.count in range(48, 52):
        trainer.elapsed_s = (trainer.count - 47) * 45.0
        report.after_step({"picture": 0.5})
        assert (tmp_path / "last.pt").exists() == (trainer.count >= 49)
    report.finish()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == [
        {"step": 50, "s": 135, "picture": 0.5},
        {"step": 50, "s": 135, "sheet_step": 50},
        {"step": 51, "s": 180, "sheet_step": 51},
    ]


@pytest.mark.slow
def test_a_whole_run_and_its_continuation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "quick_scores", lambda *_: {"picture_error_ratio": 1.0})
    monkeypatch.setattr(training, "Trainer", lambda settings, rank: Trainer(settings, CONFIG, rank))
    data = DataSettings(size=SIZE, pool_clips=2)
    settings = TrainSettings(minutes=0.5, batch_frames=4, folder=tmp_path, processes=1, crop_cells=6)
    training.train(settings, data)
    first = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()][-1]
    assert first["step"] > 0
    training.train(TrainSettings(**{**vars_of(settings), "minutes": first["s"] / 60 + 0.3}), data)
    second = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()][-1]
    assert second["step"] > first["step"]


def vars_of(settings: TrainSettings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__dataclass_fields__}
