"""Guidance with a scale: classifier-free, and StreamDiffusion's two without a second evaluation.

``delta * r`` stands for the prediction without the prompt, where r is the noise that a frame holds
(``residual.py``): beside its own picture ("self"), or beside what the negative prompt sees in the frame when
it enters ("initialize", the onetime negative of arXiv:2312.12491).
"""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from engine.denoise.denoiser import (
    Context,
    Denoiser,
    EmbeddedPredictor,
    Entering,
    PlainPredictor,
    Predictor,
)
from engine.denoise.joint import JointEvaluation
from engine.denoise.plan import StepTables
from engine.denoise.residual import ResidualNoise, build_residual
from engine.denoise.rows import Rows
from engine.denoise.settings import Attend, BufferSettings, Guidance, LatentSpec
from models.diffusion.prediction import Prediction


class ScaledPredictor(PlainPredictor):
    """What all guidance with a scale has in common: the scale, and memory for the guided prediction."""

    def __init__(self, denoiser: Denoiser, spec: LatentSpec) -> None:
        super().__init__(denoiser)
        self._spec = spec
        self._scale = torch.ones((), dtype=spec.dtype, device=spec.device)
        self._guided = self._empty(0)

    def set_scale(self, guidance_scale: float) -> None:
        """Write the scale in place.

        Raises:
            ValueError: It is below 1, which would push away from the prompt, or not finite.
        """
        if not 1.0 <= guidance_scale < math.inf:
            raise ValueError(f"expected a finite guidance scale of at least 1, got {guidance_scale}")
        self._scale.fill_(guidance_scale)

    def _empty(self, num_frames: int) -> Tensor:
        return torch.empty(num_frames, *self._spec.shape, dtype=self._spec.dtype, device=self._spec.device)

    def _uncond(self, num_frames: int) -> Tensor:
        """Return memory for the prediction without the prompt, which becomes the guided one."""
        if len(self._guided) < num_frames:
            self._guided = self._empty(num_frames)
        return self._guided[:num_frames]


class FullPredictor(ScaledPredictor):
    """Classifier-free guidance (arXiv:2207.12598) in two calls, for frames that see each other."""

    def __call__(self, rows: Rows, tables: StepTables, context: Context) -> Tensor:
        """Return ``uncond + scale * (cond - uncond)`` in memory of its own."""
        guided = self._uncond(len(rows.latents))
        guided.copy_(self._denoiser(rows.latents, tables.timesteps, rows.conditions, context.negative))
        return guided.lerp_(super().__call__(rows, tables, context), self._scale)


class JointFullPredictor(ScaledPredictor):
    """Classifier-free guidance in one call of twice the frames."""

    def __init__(self, denoiser: Denoiser, spec: LatentSpec) -> None:
        super().__init__(denoiser, spec)
        self._evaluate = JointEvaluation(denoiser)

    def reference_changed(self) -> None:
        """Read both references again."""
        self._evaluate.reference_changed()

    def restart(self) -> None:
        """Forget the batches, since conditions may come with other shapes."""
        self._evaluate.clear()

    def __call__(self, rows: Rows, tables: StepTables, context: Context) -> Tensor:
        """Return ``uncond + scale * (cond - uncond)`` in memory of its own."""
        num_frames = len(rows.latents)
        cond, uncond = self._evaluate(rows, tables, context, num_frames)
        return self._uncond(num_frames).copy_(uncond).lerp_(cond, self._scale)


class SelfPredictor(ScaledPredictor):
    """Away from ``delta * r``, the residual noise beside the frame's own picture.

    Everything here is in terms of noise; the plan's weights are those of an epsilon prediction.

    Args:
        denoiser: The network.
        spec: Of the latents.
        residual: What knows r.
        prediction: What the network predicts; turned into noise.

    Attributes:
        residual_noise: r of each frame in the last step, ``(F, C, h, w)``; valid until the next one.
    """

    def __init__(
        self, denoiser: Denoiser, spec: LatentSpec, residual: ResidualNoise, prediction: Prediction
    ) -> None:
        super().__init__(denoiser, spec)
        self._residual = residual
        self._to_epsilon = _TO_EPSILON[prediction]
        self._delta = torch.ones((), dtype=spec.dtype, device=spec.device)
        self._epsilon = self._empty(0)
        self.residual_noise = self._empty(0)

    def set_delta(self, delta: float) -> None:
        """Write the weight of the residual noise in place. Raises ``ValueError`` below 0 and for infinity."""
        if not 0.0 <= delta < math.inf:
            raise ValueError(f"expected a finite delta of at least 0, got {delta}")
        self._delta.fill_(delta)

    def enter(self, row: Rows, entering: Entering) -> None:
        """Begin to follow a row's noise."""
        self._residual.enter(row, entering)

    def restart(self) -> None:
        """Forget what outlives a row."""
        self._residual.restart()

    def __call__(self, rows: Rows, tables: StepTables, context: Context) -> Tensor:
        """Return ``delta * r + scale * (epsilon - delta * r)``."""
        return self._guide(rows, tables, super().__call__(rows, tables, context))

    def _guide(self, rows: Rows, tables: StepTables, output: Tensor) -> Tensor:
        guided = self._uncond(len(rows.latents))
        epsilon = self._to_epsilon(rows.latents, output, (tables.alpha, tables.sigma), self._scratch(rows))
        self._residual.read(rows, tables, self.residual_noise)
        torch.mul(self.residual_noise, self._delta, out=guided).lerp_(epsilon, self._scale)
        self._residual.follow(rows, tables, guided)
        return guided

    def _scratch(self, rows: Rows) -> Tensor:
        if len(self._epsilon) != len(rows.latents):
            self._epsilon = torch.empty_like(rows.latents)
            self.residual_noise = torch.empty_like(rows.latents)
        return self._epsilon


class InitializePredictor(SelfPredictor):
    """Away from ``delta * r``, where r is first what the negative reference sees in the entering frame."""

    def __init__(
        self, denoiser: Denoiser, spec: LatentSpec, residual: ResidualNoise, prediction: Prediction
    ) -> None:
        super().__init__(denoiser, spec, residual, prediction)
        self._evaluate = JointEvaluation(denoiser)

    def reference_changed(self) -> None:
        """Read both references again."""
        self._evaluate.reference_changed()

    def restart(self) -> None:
        """Forget what outlives a row, and the batches, since conditions may come with other shapes."""
        super().restart()
        self._evaluate.clear()

    def __call__(self, rows: Rows, tables: StepTables, context: Context) -> Tensor:
        """Return ``delta * r + scale * (epsilon - delta * r)``."""
        if tables.num_entering == 0:  # in the later of several steps per tick
            return super().__call__(rows, tables, context)
        output, negative = self._evaluate(rows, tables, context, tables.num_entering)
        newest = slice(len(output) - len(negative), None)
        alpha, sigma = tables.alpha[newest], tables.sigma[newest]
        newcomers = Rows(rows.latents[newest], rows.noise[newest], rows.anchor[newest], {})
        scratch = self._scratch(rows)[newest]
        epsilon = self._to_epsilon(newcomers.latents, negative, (alpha, sigma), scratch)
        self._residual.take_negative(newcomers, epsilon, alpha, sigma)
        return self._guide(rows, tables, output)


def _epsilon_itself(_x: Tensor, output: Tensor, _level: tuple[Tensor, Tensor], _out: Tensor) -> Tensor:
    return output


def _epsilon_from_v(x: Tensor, output: Tensor, level: tuple[Tensor, Tensor], out: Tensor) -> Tensor:
    """``sigma * x + alpha * v`` (arXiv:2202.00512)."""
    return torch.mul(x, level[1], out=out).addcmul_(output, level[0])


def _epsilon_from_x0(x: Tensor, output: Tensor, level: tuple[Tensor, Tensor], out: Tensor) -> Tensor:
    """``(x - alpha * x0) / sigma``."""
    torch.mul(output, level[0], out=out)
    return torch.sub(x, out, out=out).div_(level[1])


def _epsilon_from_velocity(x: Tensor, output: Tensor, level: tuple[Tensor, Tensor], out: Tensor) -> Tensor:
    """``x + alpha * velocity`` (straight path: alpha is 1 - t)."""
    return torch.mul(output, level[0], out=out).add_(x)


ToEpsilon = Callable[[Tensor, Tensor, tuple[Tensor, Tensor], Tensor], Tensor]
"""``(x, output, (alpha, sigma), memory to write) -> `` noise."""

_TO_EPSILON: Mapping[Prediction, ToEpsilon] = {
    Prediction.EPSILON: _epsilon_itself,
    Prediction.V: _epsilon_from_v,
    Prediction.X0: _epsilon_from_x0,
    Prediction.VELOCITY: _epsilon_from_velocity,
}


def build_predictor(settings: BufferSettings, denoiser: Denoiser, spec: LatentSpec) -> Predictor:
    """Return the strategy for the guidance of ``settings``."""
    residual = build_residual(settings.residual, spec, settings.chunk)
    prediction = settings.diffusion.prediction
    match settings.guidance:
        case Guidance.NONE:
            return PlainPredictor(denoiser)
        case Guidance.EMBEDDED:
            return EmbeddedPredictor(denoiser, spec)
        case Guidance.FULL:
            is_batch = settings.attend is Attend.NOBODY
            return JointFullPredictor(denoiser, spec) if is_batch else FullPredictor(denoiser, spec)
        case Guidance.SELF:
            return SelfPredictor(denoiser, spec, residual, prediction)
        case Guidance.INITIALIZE:
            return InitializePredictor(denoiser, spec, residual, prediction)
