"""Tiny networks and the plain, one-frame-at-a-time mathematics that the buffer is compared with.

``denoise_alone`` and its helpers are written out from the papers' formulas on purpose: they share no code
with the buffer's folded weights.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from engine.denoise.buffer import Popped, RollingBuffer
from engine.denoise.memory import KvRing, RingSettings
from engine.denoise.noise import Draw, SeededDraw
from engine.denoise.presets import POCKET
from engine.denoise.settings import Attend, BufferSettings, Entry, LatentSpec
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import NoiseLevel
from models.diffusion.solvers import Solver
from models.networks.attention import KvCache, RingSlots, TemporalAttention
from models.networks.looks import OlderRows

SPEC = LatentSpec(shape=(3, 2, 2), dtype=torch.float64)
WIDTH, PLACES, MAX_FRAMES = 4, 4, 32
HEADS = 2
LAYER = (HEADS, PLACES, WIDTH // HEADS)
"""Size of an attention as a ring has it."""
ALONE = replace(POCKET, attend=Attend.NOBODY)
"""The pocket system with frames that do not see each other."""

Predict = Callable[[Tensor, float, Tensor], Tensor]
"""``(latents (c, C, h, w), timestep, condition (c, 2)) -> prediction``."""


class TinyNetwork(nn.Module):
    """Depends on everything that it is given; sees other frames as ``attend`` says.

    Conditions: ``pose (F, 2)``. Reference: ``style (1, 2)``, and ``guidance_scale (1,)`` if there is one.
    """

    def __init__(self, attend: Attend = Attend.NOBODY, num_layers: int = 1, chunk: int = 1) -> None:
        super().__init__()
        self.older_rows = OlderRows(chunk=chunk)
        torch.manual_seed(5)
        channels = SPEC.shape[0]
        self.attend = attend
        self.inward = nn.Linear(channels, WIDTH)
        self.pose = nn.Linear(2, WIDTH)
        self.style = nn.Linear(2, WIDTH)
        self.layers = nn.ModuleList(TemporalAttention(WIDTH, HEADS, MAX_FRAMES) for _ in range(num_layers))
        self.outward = nn.Linear(WIDTH, channels)
        self.double().requires_grad_(False)
        for layer in self.layers:
            nn.init.normal_(layer.to_out.weight, std=1.0)
        self.calls: list[int] = []
        self.timesteps: list[list[float]] = []
        self.addresses: set[tuple[str, int]] = set()

    def __call__(
        self,
        latents: Tensor,
        levels: Tensor,
        conditions: Mapping[str, Tensor],
        reference: Mapping[str, Tensor],
    ) -> Tensor:
        self.calls.append(len(latents))
        self.timesteps.append(levels.tolist())
        for name, tensor in {"latents": latents, **conditions, **reference}.items():
            self.addresses.add((name, tensor.untyped_storage().data_ptr()))
        hidden = self.embed(latents, levels, conditions["pose"], reference)
        for index, layer in enumerate(self.layers):
            hidden = hidden + self.look_around(hidden, index, layer, reference)
        return self.project(hidden, latents)

    def embed(self, latents: Tensor, levels: Tensor, pose: Tensor, reference: Mapping[str, Tensor]) -> Tensor:
        hidden = self.inward(latents.flatten(2).transpose(1, 2)) + self.pose(pose)[:, None]  # (F, L, D)
        hidden = hidden + torch.sin(levels.double() * 3.0)[:, None, None]
        if "style" in reference:
            hidden = hidden + self.style(reference["style"])[:, None]
        if "guidance_scale" in reference:
            hidden = hidden * reference["guidance_scale"]
        return torch.tanh(hidden)

    def look_around(
        self, hidden: Tensor, index: int, layer: TemporalAttention, reference: Mapping[str, Tensor]
    ) -> Tensor:
        match self.attend:
            case Attend.NOBODY:
                return torch.zeros_like(hidden)
            case Attend.ALL_ROWS:
                return layer(hidden)
            case Attend.OLDER_ROWS:
                return self.older_rows(layer, hidden, f"layer{index}")
            case Attend.OWN_LEVEL:
                cache = KvCache.from_tensors(reference, f"layer{index}")
                slots = RingSlots.from_tensors(reference)
                return layer.stream(hidden, cache, slots, reference["ring.write_index"])

    def project(self, hidden: Tensor, latents: Tensor) -> Tensor:
        return torch.tanh(self.outward(hidden)).transpose(1, 2).reshape(latents.shape)

    def alone(self, reference: Mapping[str, Tensor] | None = None) -> Predict:
        """Return the network on frames that share a timestep, without the buffer's bookkeeping."""

        def predict(latents: Tensor, timestep: float, pose: Tensor) -> Tensor:
            levels = torch.full((len(latents),), timestep, dtype=torch.float64)
            return self.project(self.embed(latents, levels, pose, reference or {}), latents)

        return predict


class RecordedDraw:
    """A seeded draw that keeps a copy of everything it drew since it was first seeded."""

    def __init__(self) -> None:
        self._draw = SeededDraw()
        self._by_seeding: list[list[Tensor]] = [[]]

    @property
    def drawn(self) -> list[Tensor]:
        """What was drawn between the buffer's construction and the next reseeding."""
        return self._by_seeding[1]

    def __call__(self, out: Tensor) -> None:
        self._draw(out)
        self._by_seeding[-1].append(out.clone())

    def reseed(self, seed: int) -> None:
        self._draw.reseed(seed)
        self._by_seeding.append([])


def ring(settings: BufferSettings, window: int = 8, sinks: int = 4, num_layers: int = 1) -> KvRing:
    sizes = RingSettings(window=window, sinks=sinks, chunk=settings.chunk, micro=settings.micro)
    layers = {f"layer{index}": LAYER for index in range(num_layers)}
    return KvRing(layers, sizes, settings.levels, dtype=torch.float64)


def buffer_of(
    settings: BufferSettings, network: TinyNetwork | None = None, draw: Draw | None = None, seed: int = 0
) -> RollingBuffer:
    network = TinyNetwork(settings.attend, chunk=settings.chunk) if network is None else network
    memory = ring(settings, num_layers=len(network.layers)) if settings.attend is Attend.OWN_LEVEL else None
    return RollingBuffer(network, settings, SPEC, draw=draw, seed=seed, memory=memory)


def poses(num_chunks: int, chunk: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(100 + seed)
    return list(torch.randn(num_chunks, chunk, 2, dtype=torch.float64, generator=generator))


def pictures(num_chunks: int, chunk: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(200 + seed)
    return list(torch.randn(num_chunks, chunk, *SPEC.shape, dtype=torch.float64, generator=generator))


def kept(popped: Popped) -> Popped:
    """Return a copy that outlives the buffer's next call."""
    conditions = {name: values.clone() for name, values in popped.conditions.items()}
    return Popped(popped.latents.clone(), conditions, popped.tag)


def push_all(
    buffer: RollingBuffer, pose: Sequence[Tensor], latents: Sequence[Tensor] | None = None, first_tag: int = 0
) -> list[Popped | None]:
    """Push chunk after chunk, tagged by number; return what each push gave."""
    given: list[Popped | None] = []
    for index, of_chunk in enumerate(pose):
        entering = None if latents is None else latents[index]
        popped = buffer.push({"pose": of_chunk}, entering, first_tag + index)
        given.append(None if popped is None else kept(popped))
    return given


def run(
    buffer: RollingBuffer, pose: Sequence[Tensor], latents: Sequence[Tensor] | None = None
) -> list[Popped]:
    """Push all, drain, and return all rows that came out."""
    pushed = [popped for popped in push_all(buffer, pose, latents) if popped is not None]
    return pushed + [kept(popped) for popped in buffer.drain()]


def stacked(popped: Iterable[Popped]) -> Tensor:
    return torch.stack([row.latents for row in popped])


def x0_of(prediction: Prediction, x: Tensor, output: Tensor, level: NoiseLevel) -> Tensor:
    alpha, sigma = level.alpha, level.sigma
    return {
        Prediction.EPSILON: lambda: (x - sigma * output) / alpha,
        Prediction.V: lambda: alpha * x - sigma * output,
        Prediction.X0: lambda: output,
        Prediction.VELOCITY: lambda: x - sigma * output,
    }[prediction]()


def step_alone(
    settings: BufferSettings, x: Tensor, output: Tensor, levels: tuple[NoiseLevel, NoiseLevel], noise: Tensor
) -> Tensor:
    """One solver step by the textbook."""
    level, following = levels
    diffusion = settings.diffusion
    x0 = x0_of(diffusion.prediction, x, output, level)
    if diffusion.boundary is not None:
        s = 10.0 * level.timestep
        x0 = s / (s**2 + 0.25) ** 0.5 * x0 + 0.25 / (s**2 + 0.25) * x
    if diffusion.solver is Solver.RENOISE:
        return following.alpha * x0 + following.sigma * noise
    if diffusion.solver is Solver.RESCALE:
        return following.alpha * x0
    if diffusion.solver is Solver.DDIM:
        epsilon = (x - level.alpha * x0) / level.sigma
        return following.alpha * x0 + following.sigma * epsilon
    return x + (following.sigma - level.sigma) * (x - x0) / level.sigma


def levels_alone(settings: BufferSettings) -> list[NoiseLevel]:
    """All levels of a frame, the clean one last."""
    num_steps = settings.levels * settings.micro
    levels = [settings.diffusion.schedule.level(t) for t in settings.diffusion.timesteps(num_steps)]
    return [*levels, NoiseLevel(timestep=0.0, alpha=1.0, sigma=0.0)]


def denoise_alone(
    settings: BufferSettings,
    predict: Predict,
    pose: Tensor,
    noises: Sequence[Tensor],
    *,
    latents: Tensor | None = None,
    first_step: int = 0,
) -> Tensor:
    """Denoise one chunk by itself, step by step.

    Args:
        settings: The system.
        predict: The network for frames that share a timestep.
        pose: ``(c, 2)``.
        noises: The noise of each level, the first level first; the last is used for all further ones.
        latents: The picture that enters noised, or None for noise.
        first_step: Step at which it enters.
    """
    levels = levels_alone(settings)
    noise_at = [noises[min(index, len(noises) - 1)] for index in range(len(levels))]
    x = noise_at[first_step]
    if latents is not None:
        is_given = settings.entry is Entry.GIVEN
        x = latents if is_given else levels[first_step].alpha * latents + levels[first_step].sigma * x
    for index in range(first_step, len(levels) - 1):
        output = predict(x, levels[index].timestep, pose)
        x = step_alone(settings, x, output, (levels[index], levels[index + 1]), noise_at[index + 1])
    return x
