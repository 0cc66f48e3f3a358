"""Train the pocket avatar model: ``python -m models.training.pocket.train --minutes 60``.

One stage for everything: encoder, reference network, denoiser and painter learn together, on characters drawn
as the training goes. Resumes from ``--resume`` (a published weights file) or from the run's own last
checkpoint. Uses a GPU when there is one. The learning rate follows the share of ``--minutes`` that has
passed, so that a run on a busy machine still ends with small steps; or that of ``--steps``, for runs that are
to be compared. ``--attend`` and ``--part denoiser`` train what ``tests.bench.attention`` compares.
"""

import argparse
import json
import logging
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from engine.denoise.attending import look_of
from engine.denoise.settings import Attend
from models.checkpoints.pocket import load_pocket, save_pocket
from models.networks.pocket import PocketConfig, PocketNetworks
from models.training.characters import training_rng
from models.training.device import training_device
from models.training.pocket.data import Batch, ClipPool, DataSettings
from models.training.pocket.evaluate import quick_scores
from models.training.pocket.patterns import Pattern, on_one_level, sample_pattern
from models.training.pocket.step import LossWeights, TrainingStep

logger = logging.getLogger(__name__)

RETARGETED = 0.25  # share of the sequences that see retargeted points; the others see the true ones
# Points that miss the picture they are scored on teach the network to blur, so both shares are kept small.
JITTER_PX = 0.5


class Part(Enum):
    """What a run changes."""

    ALL = "all"
    """Encoder, reference network, denoiser and painter."""
    DENOISER = "denoiser"
    """The denoiser alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """A training run.

    Attributes:
        minutes: Length of the run; sets the learning-rate schedule.
        steps: Length in steps instead; 0: by ``minutes``.
        attend: Who sees whom across frames.
        points: Operating points ``(N, c)`` that the steps show; none: the mix of the shipped model.
        part: What is trained.
        batch_frames: Frames per step and process.
        learning_rate: Peak of AdamW's rate.
        seed: Seed of data, patterns and noise.
        ema: Decay of the averaged weights that are published.
        folder: Where checkpoints, log and contact sheets go.
        resume: Weights file to start from, or None.
        save_minutes: Time between checkpoints.
        score_minutes: Time between scores on held-out characters.
        processes: Trainers that average their gradients, one thread each; on a processor that other programs
            use, too, they lose far less than the threads of one trainer, which wait for each other in every
            layer. 1 on a GPU.
        crop_cells: Side of the part of each picture that the painter paints, in latent cells.
    """

    minutes: float = 60.0
    steps: int = 0
    attend: Attend = Attend.ALL_ROWS
    points: tuple[tuple[int, int], ...] = ()
    part: Part = Part.ALL
    batch_frames: int = 8
    learning_rate: float = 1.2e-3
    seed: int = 1
    ema: float = 0.999
    folder: Path = Path("runs/pocket")
    resume: Path | None = None
    save_minutes: float = 5.0
    score_minutes: float = 10.0
    processes: int = 2
    crop_cells: int = 20


def learning_rate(settings: TrainSettings, step: int, progress: float) -> float:
    """Cosine from the peak to 2 % of it over ``progress`` 0..1, after 100 steps of warm-up."""
    cosine = 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    return settings.learning_rate * cosine * min(1.0, (step + 1) / 100)


class Averaged:
    """Exponential moving average of a network's weights."""

    def __init__(self, networks: PocketNetworks, decay: float) -> None:
        self.networks = PocketNetworks(networks.config)
        self.networks.load_state_dict(networks.state_dict())
        self.networks.requires_grad_(requires_grad=False)
        self._decay = decay
        self._step = 0

    def restore(self, networks: PocketNetworks, step: int) -> None:
        """Go on from averaged weights that ``step`` steps have gone into."""
        self.networks.load_state_dict(networks.state_dict())
        self._step = step

    @torch.no_grad()
    def update(self, networks: PocketNetworks) -> None:
        """Move towards ``networks``; faster in the first steps."""
        self._step += 1
        decay = min(self._decay, (1 + self._step) / (10 + self._step))
        pairs = zip(self.networks.parameters(), networks.parameters(), strict=True)
        for averaged, current in pairs:
            averaged.lerp_(current.detach().float().to(averaged.device), 1.0 - decay)


def jitter(points: Tensor, generator: torch.Generator) -> Tensor:
    """Move ``points (B, F, 61, 2)`` as an unsteady tracker would: 0 to ``JITTER_PX`` of 256 per sequence."""
    amount = torch.rand(points.shape[0], 1, 1, 1, generator=generator) * (JITTER_PX / 256.0)
    return points + (amount * torch.randn(points.shape, generator=generator)).to(points.device)


def average_over_processes(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor, in place, by its mean over all processes of the group; one message in all."""
    joined = torch.cat([one.flatten() for one in tensors])
    dist.all_reduce(joined)
    joined /= dist.get_world_size()
    for one, averaged in zip(tensors, torch.split(joined, [one.numel() for one in tensors]), strict=True):
        one.copy_(averaged.view_as(one))


class Trainer:
    """Holds what a run changes: networks, averaged weights, optimiser, step.

    Args:
        settings: The run.
        config: Sizes of new networks; a ``resume`` file brings its own.
        rank: Which of the run's processes this is; each draws patterns and noise of its own.
    """

    def __init__(self, settings: TrainSettings, config: PocketConfig | None = None, rank: int = 0) -> None:
        self.settings = settings
        self.device = training_device()
        torch.manual_seed(settings.seed)
        self.generator = torch.Generator().manual_seed(settings.seed + rank)
        networks = (
            load_pocket(settings.resume) if settings.resume else PocketNetworks(config or PocketConfig())
        )
        trained = networks.denoiser if settings.part is Part.DENOISER else networks
        networks.train().requires_grad_(requires_grad=False)
        trained.requires_grad_(requires_grad=True)
        self.averaged = Averaged(networks, settings.ema)
        networks.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # no stub
        self.networks = networks
        self.step = TrainingStep(self.networks, LossWeights(), settings.crop_cells).to(self.device)
        self.optimizer = torch.optim.AdamW(
            trained.parameters(), lr=settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3
        )
        self.count = 0
        self.elapsed_s = 0.0
        self._ticked_at_s = time.monotonic()

    def tick(self) -> None:
        """Count the time since the last call as trained."""
        now_s = time.monotonic()
        self.elapsed_s += now_s - self._ticked_at_s
        self._ticked_at_s = now_s

    @property
    def progress(self) -> float:
        """Share of the run that is over, 0..1 and a little more."""
        if self.settings.steps:
            return self.count / self.settings.steps
        return self.elapsed_s / (self.settings.minutes * 60)

    def update(self, batch: Batch, pattern: Pattern) -> Mapping[str, float]:
        """Take one step and return the parts of the loss."""
        rate = learning_rate(self.settings, self.count, self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        through = (
            torch.rand(batch.points.shape[0], 1, 1, 1, generator=self.generator).to(self.device) < RETARGETED
        )
        driven = jitter(torch.where(through, batch.driven, batch.points), self.generator)
        levels = torch.tensor(pattern.levels, device=self.device)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            loss, parts = self.step.forward(
                batch, levels, driven, look_of(self.settings.attend, pattern.chunk)
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
        self._average_over_processes()
        norm = nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        if torch.isfinite(norm):  # one bad step would spoil all weights, for good
            self.optimizer.step()
            self.averaged.update(self.networks)
        self.count += 1
        return parts

    def _average_over_processes(self) -> None:
        self.tick()
        if dist.is_initialized():
            # The time travels along, so that all processes take the same learning rate and stop together.
            elapsed = torch.tensor([self.elapsed_s])
            gradients = [one.grad for one in self.networks.parameters() if one.grad is not None]
            average_over_processes([*gradients, elapsed])
            self.elapsed_s = float(elapsed)

    def save(self) -> None:
        """Write the averaged weights, and what a continued run needs, atomically."""
        folder = self.settings.folder
        save_pocket(self.averaged.networks, folder / "pocket.safetensors")
        state = {
            "networks": self.networks.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "count": self.count,
            "elapsed_s": self.elapsed_s,
        }
        torch.save(state, folder / "last.tmp")
        (folder / "last.tmp").replace(folder / "last.pt")

    def restore(self) -> None:
        """Continue the run in the folder, if there is one."""
        path = self.settings.folder / "last.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.networks.load_state_dict(state["networks"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.count = state["count"]
        self.averaged.restore(load_pocket(self.settings.folder / "pocket.safetensors"), self.count)
        self.elapsed_s = state["elapsed_s"]
        logger.info("continuing at step %d", self.count)


def train(settings: TrainSettings, data: DataSettings, rank: int = 0) -> None:
    """Run until ``settings.minutes`` are over; process 0 writes checkpoints and scores on the way."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(settings, rank=rank)
    trainer.restore()
    rng = training_rng(settings.seed, 1000 + rank, trainer.count)
    torch.manual_seed(settings.seed + 7919 * rank + trainer.count)
    # Another generator: every kind of attention draws the same patterns, characters and noise.
    rng_of_levels = training_rng(settings.seed, 2000 + rank, trainer.count)
    current: list[Pattern] = []

    def shapes() -> Iterator[tuple[int, int]]:
        while trainer.progress < 1.0:
            pattern = sample_pattern(rng, settings.batch_frames, settings.points)
            if settings.attend is Attend.OWN_LEVEL:
                pattern = on_one_level(pattern, rng_of_levels)
            current[:] = [pattern]
            yield current[0].sequences, current[0].frames

    report = Report(trainer) if rank == 0 else None
    with ClipPool(replace(data, start=trainer.count, first_worker=rank * data.num_workers)) as pool:
        for batch in pool.batches(trainer.device, shapes()):
            parts = trainer.update(batch, current[0])
            if report is not None:
                report.after_step(parts)
    if report is not None:
        report.finish()


class Report:
    """Log, checkpoints and scores of a run."""

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._saved_s = self._scored_s = trainer.elapsed_s
        self._means: dict[str, float] = {}

    def after_step(self, parts: Mapping[str, float]) -> None:
        """Log every 50 steps, save and score when it is time."""
        trainer, settings = self._trainer, self._trainer.settings
        for name, value in parts.items():
            self._means[name] = 0.98 * self._means.get(name, value) + 0.02 * value
        if trainer.count % 50 == 0:
            self._write({name: round(value, 4) for name, value in self._means.items()})
        if trainer.elapsed_s - self._saved_s > settings.save_minutes * 60:
            trainer.save()
            self._saved_s = trainer.elapsed_s
        if trainer.elapsed_s - self._scored_s > settings.score_minutes * 60:
            self._score()
            self._scored_s = trainer.elapsed_s

    def finish(self) -> None:
        """Save and score at the end."""
        self._trainer.save()
        self._score()

    def _score(self) -> None:
        trainer = self._trainer
        sheet = trainer.settings.folder / f"sheet_{trainer.count}.png"
        self._write(quick_scores(trainer.averaged.networks, sheet))

    def _write(self, values: dict[str, float]) -> None:
        trainer = self._trainer
        line = {"step": trainer.count, "s": round(trainer.elapsed_s), **values}
        with (trainer.settings.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")


def _run(rank: int, settings: TrainSettings, data: DataSettings, meeting: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=settings.processes)
    train(settings, data, rank)
    dist.destroy_process_group()


def launch(settings: TrainSettings, data: DataSettings) -> None:
    """Train in one process on a GPU, in ``settings.processes`` on a CPU."""
    if training_device().type != "cpu" or settings.processes == 1:
        train(settings, data)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        spawn(_run, (settings, data, meeting), nprocs=settings.processes)  # type: ignore[no-untyped-call]


def parse_points(text: str) -> tuple[tuple[int, int], ...]:
    """Read operating points, "4x1,2x1" for (4, 1) and (2, 1). Raises ``ValueError``."""
    return tuple((int(levels), int(chunk)) for levels, chunk in (one.split("x") for one in text.split(",")))


def _add_option(parser: argparse.ArgumentParser, name: str, default: object) -> None:
    flag = f"--{name}".replace("_", "-")
    if isinstance(default, bool):
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=default)
        return
    readers: dict[str, Callable[[str], object]] = {
        "folder": Path,
        "resume": Path,
        "points": parse_points,
    }
    parser.add_argument(flag, type=readers.get(name, type(default)), default=default)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    names: set[str] = {"start", "first_worker"}
    for group in (TrainSettings, DataSettings):
        for one in fields(group):
            if one.name not in names:
                _add_option(parser, one.name, one.default)
                names.add(one.name)
    values = vars(parser.parse_args())
    logging.basicConfig(level=logging.INFO)

    def filled(group: type) -> dict[str, Any]:
        return {one.name: values[one.name] for one in fields(group) if one.name in values}

    launch(TrainSettings(**filled(TrainSettings)), DataSettings(**filled(DataSettings)))


if __name__ == "__main__":
    main()
