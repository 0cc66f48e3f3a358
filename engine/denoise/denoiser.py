"""The network as the rolling buffer sees it, and the three ways of guiding it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.denoise.rows import Rows
from engine.denoise.settings import Guidance, LatentSpec

Tensors = Mapping[str, Tensor]


class Denoiser(Protocol):
    """A network at work: torch, OpenVINO or TensorRT behind one call. Thread: the buffer's."""

    def __call__(self, latents: Tensor, levels: Tensor, conditions: Tensors, reference: Tensors, /) -> Tensor:
        """Predict.

        Args:
            latents: ``(F, C, h, w)``, oldest frame first; not to be written.
            levels: ``(F,)``, the timestep of each frame in the network's units.
            conditions: Name -> ``(F, ...)``, what travels with the frames.
            reference: Name -> tensor, what stays between changes of avatar or prompt; the memory's tensors
                and the guidance scale come among them, where there are any.

        Returns:
            ``(F, C, h, w)`` in the type of ``latents``; read before the next call, so it may be reused.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What the frames of one tick have in common: the reference, and the negative one."""

    reference: Tensors
    negative: Tensors


class Predictor(Protocol):
    """The network with its guidance. Thread: the buffer's."""

    def set_scale(self, guidance_scale: float) -> None:
        """Set the guidance scale. Raises ``ValueError`` when there is no guidance."""
        ...

    @property
    def tensors(self) -> Tensors:
        """What the network has to be given for the guidance."""
        ...

    def __call__(self, rows: Rows, timesteps: Tensor, context: Context, /) -> Tensor:
        """Return the guided prediction, ``(F, C, h, w)``, valid until the next call."""
        ...


class PlainPredictor:
    """The network as it is."""

    def __init__(self, denoiser: Denoiser) -> None:
        self._denoiser = denoiser

    @property
    def tensors(self) -> Tensors:
        """Nothing."""
        return {}

    def set_scale(self, guidance_scale: float) -> None:
        """Refuse: there is nothing to scale. Raises ``ValueError``."""
        raise ValueError(f"guidance is {Guidance.NONE}: there is no scale to set to {guidance_scale}")

    def __call__(self, rows: Rows, timesteps: Tensor, context: Context) -> Tensor:
        """Return the network's prediction."""
        return self._denoiser(rows.latents, timesteps, rows.conditions, context.reference)


class EmbeddedPredictor(PlainPredictor):
    """The network takes the scale as an input (distilled guidance: LCM, arXiv:2310.04378)."""

    def __init__(self, denoiser: Denoiser, spec: LatentSpec) -> None:
        super().__init__(denoiser)
        self._scale = torch.ones(1, dtype=spec.dtype, device=spec.device)

    @property
    def tensors(self) -> Tensors:
        """The scale, always the same tensor."""
        return {"guidance_scale": self._scale}

    def set_scale(self, guidance_scale: float) -> None:
        """Write the scale in place."""
        self._scale.fill_(guidance_scale)


class FullPredictor(PlainPredictor):
    """Classifier-free guidance (Ho and Salimans, arXiv:2207.12598): two evaluations a step."""

    def __init__(self, denoiser: Denoiser, spec: LatentSpec) -> None:
        super().__init__(denoiser)
        self._scale = torch.ones((), dtype=spec.dtype, device=spec.device)
        self._uncond = torch.empty(0, *spec.shape, dtype=spec.dtype, device=spec.device)

    def set_scale(self, guidance_scale: float) -> None:
        """Write the scale in place."""
        self._scale.fill_(guidance_scale)

    def __call__(self, rows: Rows, timesteps: Tensor, context: Context) -> Tensor:
        """Return ``uncond + scale * (cond - uncond)`` in memory of its own."""
        if len(self._uncond) < len(rows.latents):
            self._uncond = torch.empty_like(rows.latents)
        guided = self._uncond[: len(rows.latents)]
        guided.copy_(self._denoiser(rows.latents, timesteps, rows.conditions, context.negative))
        cond = super().__call__(rows, timesteps, context)
        return guided.lerp_(cond, self._scale)


def build_predictor(guidance: Guidance, denoiser: Denoiser, spec: LatentSpec) -> Predictor:
    """Return the strategy for ``guidance``."""
    match guidance:
        case Guidance.NONE:
            return PlainPredictor(denoiser)
        case Guidance.EMBEDDED:
            return EmbeddedPredictor(denoiser, spec)
        case Guidance.FULL:
            return FullPredictor(denoiser, spec)
