"""The network as the rolling buffer sees it, and its two plain ways of being guided. See ``guidance.py``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.denoise.plan import StepTables
from engine.denoise.rows import Rows
from engine.denoise.settings import Guidance, LatentSpec
from models.diffusion.schedules import NoiseLevel

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
                and the guidance scale come among them, where there are any. Where frames are evaluated
                under two references at once, each tensor has a leading dimension of F instead of 1.

        Returns:
            ``(F, C, h, w)`` in the type of ``latents``; read before the next call, so it may be reused.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What the frames of one tick have in common: the reference, and the negative one."""

    reference: Tensors
    negative: Tensors


@dataclass(frozen=True, slots=True)
class Entering:
    """A row that has just been put into the buffer.

    Attributes:
        level: Where it starts.
        num_steps: Steps of its whole way.
    """

    level: NoiseLevel
    num_steps: int


class Predictor(Protocol):
    """The network with its guidance. Thread: the buffer's."""

    def set_scale(self, guidance_scale: float) -> None:
        """Set the guidance scale. Raises ``ValueError`` when there is no guidance."""
        ...

    def set_delta(self, delta: float) -> None:
        """Set the weight of the residual noise. Raises ``ValueError`` when the guidance knows none."""
        ...

    @property
    def tensors(self) -> Tensors:
        """What the network has to be given for the guidance."""
        ...

    def enter(self, row: Rows, entering: Entering, /) -> None:
        """Keep in ``row.anchor`` what the guidance has to know of a row; its latents and noise are there."""
        ...

    def reference_changed(self) -> None:
        """Read the contexts' tensors again."""
        ...

    def restart(self) -> None:
        """Forget what outlives a row."""
        ...

    def __call__(self, rows: Rows, tables: StepTables, context: Context, /) -> Tensor:
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

    def set_delta(self, delta: float) -> None:
        """Refuse: there is no residual noise to weigh. Raises ``ValueError``."""
        raise ValueError(f"this guidance knows no residual noise: there is no delta to set to {delta}")

    def enter(self, row: Rows, entering: Entering) -> None:
        """Keep nothing."""

    def reference_changed(self) -> None:
        """Nothing was read ahead."""

    def restart(self) -> None:
        """Nothing outlives a row."""

    def __call__(self, rows: Rows, tables: StepTables, context: Context) -> Tensor:
        """Return the network's prediction."""
        return self._denoiser(rows.latents, tables.timesteps, rows.conditions, context.reference)


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
