"""Live2Diff's whole sampler, with the noise of the goldens."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.memory import KvRing
from engine.denoise.ring_denoiser import RingDenoiser, WarmUpDenoiser
from engine.denoise.settings import LatentSpec
from engine.denoise.warm_up import WarmFrames, warm_up
from models.diffusion.schedules import CLEAN
from models.diffusion.solvers import step, step_weights
from models.networks.ring_graphs import RingShape, ring_graph
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.parity.live2diff_goldens import Live2Diff, Notes, Tensors, indices, rows_first, tables


class Recorded:
    """Plays recorded noise back in the order in which it is drawn."""

    def __init__(self, noises: Iterator[Tensor]) -> None:
        self._noises = noises

    def __call__(self, out: Tensor) -> None:
        out.copy_(next(self._noises))

    def reseed(self, _seed: object) -> None:
        """Stay where it is."""


class Stream:
    """The whole sampler: warm-up, rings and rolling buffer, with the noise of the goldens."""

    def __init__(self, live: Live2Diff, case: str) -> None:
        self.given, self.window = live.goldens.tensors(case), live.ring.window
        params = live.goldens.cases[case]["parameters"]
        self.system = live.system(indices(params), params["steps"])
        ours = list(self.system.diffusion.timesteps(self.system.levels))
        if "timesteps" in self.given and ours != self.given["timesteps"].tolist():
            raise ValueError(f"timesteps {self.given['timesteps'].tolist()}, and ours are {ours}")
        self.unet, self.mapper = live.networks()
        size = self.given["latent"].shape[-2:]
        self.layers = self.unet.temporal_layers(*size)
        self.ring = KvRing(self.layers, live.ring, self.system.levels)
        tokens = self.given["text"].shape[1]
        shape = RingShape(frames=0, height=size[0], width=size[1], prompt_tokens=tokens)
        runtime = RuntimeSettings(
            kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=torch.get_num_threads()
        )
        names = tuple(self.layers)
        rows = self.ring.tensors(0, 0, self.system.levels)
        self.denoise = RingDenoiser(
            lambda frames: ring_graph(self.unet, replace(shape, frames=frames, ring=rows)),
            names,
            runtime,
            self.system.levels,
        )
        self.warm = WarmUpDenoiser(
            lambda frames: ring_graph(self.unet, replace(shape, frames=frames)), names, runtime
        )
        spec = LatentSpec(shape=(self.unet.config.in_channels, *size))
        draw = Recorded(self.noises())
        self.buffer = RollingBuffer(self.watched, self.system, spec, draw=draw, memory=self.ring)
        self.prompt = self.unet.project_prompt(self.given["text"])
        self.buffer.set_reference(self.prompt)
        self.notes = Notes()

    def noises(self) -> Iterator[Tensor]:
        for call, noise in enumerate(self.given["noise"]):
            yield noise[None]
            # oldest first; the oldest becomes clean and takes none
            renoise = self.given["renoise"][call, :, :, 0].flip(0) if self.system.levels > 1 else noise[:0]
            yield torch.cat([torch.zeros_like(noise[None]), renoise.reshape(-1, *noise.shape)])

    def watched(self, latents: Tensor, levels: Tensor, conditions: Tensors, reference: Tensors) -> Tensor:
        self.notes.add(**tables(reference, self.window))
        depth = {"depth": self.mapper(conditions["depth"])}
        before = latents.clone()
        eps = self.denoise(latents, levels, depth, reference)
        x0 = self.x0(before, levels, eps)
        self.notes.add(eps=rows_first(eps)[:, :, None], x0_rows=rows_first(x0)[:, :, None], x0_out=x0[0])
        self.under_way = latents  # the buffer's own memory, so it shows the step afterwards
        return eps

    def x0(self, x: Tensor, levels: Tensor, eps: Tensor) -> Tensor:
        diffusion = self.system.diffusion
        weights = (
            step_weights(diffusion.solver, diffusion.prediction, level, CLEAN, diffusion.boundary)
            for level in map(diffusion.schedule.level, levels.tolist())
        )
        rows = zip(x, eps, weights, strict=True)
        return torch.stack([step(x_row, eps_row, x_row, weight) for x_row, eps_row, weight in rows])

    def run(self) -> Tensors:
        got = self.warmed_up()
        for latent, depth in zip(self.given["latent"], self.given["depth"], strict=True):
            popped = self.buffer.push({"depth": depth[None]}, latent[None])
            self.notes.add(buffer_after=rows_first(self.under_way[1:])[:, :, None])
            if popped is not None:
                torch.testing.assert_close(popped.latents[0], self.notes.stacked()["x0_out"][-1])
        return got | self.notes.stacked()

    def warmed_up(self) -> Tensors:
        given, seen = self.given, []
        noises = [given["warmup_noise"]]
        if self.system.levels > 1:
            noises += [*given["warmup_renoise"].transpose(1, 2)]

        class Watching:
            def __call__(_, latents: Tensor, levels: Tensor, *others: Tensors) -> Tensor:
                eps = self.warm(latents, levels, *others)
                seen.append(self.x0(latents, levels, eps).transpose(0, 1))
                return eps

            def sinks(_) -> Tensors:
                return self.warm.sinks()

        frames = WarmFrames(
            latents=given["warmup_latent"],
            conditions={"depth": self.mapper(given["warmup_depth"])},
            reference=self.prompt,
        )
        warmed = warm_up(Watching(), self.system, frames, Recorded(iter(noises)))
        warmed.install(self.ring)
        return {"warmup_x0": torch.stack(seen)}
