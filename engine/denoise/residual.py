"""The noise that a frame holds beside a picture, for guidance without a second evaluation.

With ``X = alpha * z + sigma * r``, a frame whose picture is z holds the residual noise
``r = (X - alpha * z) / sigma`` (arXiv:2312.12491, Eq. 5). Kept of each row, in ``Rows.anchor``: z. Computed
from it at every step, r needs no recursion, so it is right for one step, for steps without added noise, and
after any hot change. The recursion of the published code is here, too, for comparisons.
"""

from typing import Protocol

import torch
from torch import Tensor

from engine.denoise.denoiser import Entering
from engine.denoise.plan import StepTables
from engine.denoise.rows import Rows
from engine.denoise.settings import LatentSpec, Residual


class ResidualNoise(Protocol):
    """What the guidance asks. Thread: the buffer's."""

    def enter(self, row: Rows, entering: Entering) -> None:
        """Begin with a row, its latents and noise being there."""
        ...

    def take_negative(self, rows: Rows, epsilon: Tensor, alpha: Tensor, sigma: Tensor) -> None:
        """Go on, for rows at their first step, from the noise that the negative reference sees in them."""
        ...

    def read(self, rows: Rows, tables: StepTables, out: Tensor) -> None:
        """Write r of every frame before a step."""
        ...

    def follow(self, rows: Rows, tables: StepTables, guided: Tensor) -> None:
        """Learn what the step will do: the guided noise."""
        ...

    def restart(self) -> None:
        """Forget what outlives a row."""
        ...


class ExactResidual:
    """r from the frame's picture, by its definition."""

    def enter(self, row: Rows, entering: Entering) -> None:
        """Keep the picture: the row's latents without its noise."""
        level = entering.level
        row.anchor.copy_(row.latents).sub_(row.noise, alpha=level.sigma).div_(level.alpha)

    def take_negative(self, rows: Rows, epsilon: Tensor, alpha: Tensor, sigma: Tensor) -> None:
        """Keep ``(X - sigma * epsilon) / alpha``, the picture that the negative reference sees (Eq. 7)."""
        torch.mul(epsilon, sigma, out=rows.anchor)
        torch.sub(rows.latents, rows.anchor, out=rows.anchor).div_(alpha)

    def read(self, rows: Rows, tables: StepTables, out: Tensor) -> None:
        """Write ``(X - alpha * z) / sigma``."""
        torch.mul(rows.anchor, tables.alpha, out=out)
        torch.sub(rows.latents, out, out=out).div_(tables.sigma)

    def follow(self, rows: Rows, tables: StepTables, guided: Tensor) -> None:
        """Nothing to learn."""

    def restart(self) -> None:
        """Nothing outlives a row."""


class PublishedResidual:
    """r by the published code's recursion; ``Rows.anchor`` holds r itself.

    After a step with the guided noise e, ``r' = n' + (alpha' / sigma') * dx``, where n' is the next level's
    noise and dx the step applied to ``sigma * r``. That equals the definition while noise n' is what the
    latents are re-noised with, and with more than one step; a frame of one step starts from what the frame
    in its place of the row before left, and in a row of several frames takes its neighbour's noise
    (``plan.batch_goes_on``).

    Args:
        spec: Of the latents.
        chunk: Frames c of a row.
    """

    def __init__(self, spec: LatentSpec, chunk: int) -> None:
        self._left_over = torch.zeros(chunk, *spec.shape, dtype=spec.dtype, device=spec.device)

    def enter(self, row: Rows, entering: Entering) -> None:
        """Begin with the level's noise; in one step, with what the frame before left."""
        row.anchor.copy_(self._left_over if entering.num_steps == 1 else row.noise)

    def take_negative(
        self,
        rows: Rows,
        epsilon: Tensor,
        alpha: Tensor,  # noqa: ARG002 - protocol
        sigma: Tensor,  # noqa: ARG002 - protocol
    ) -> None:
        """Take the noise itself."""
        rows.anchor.copy_(epsilon)

    def read(self, rows: Rows, tables: StepTables, out: Tensor) -> None:  # noqa: ARG002 - protocol
        """Write what is kept."""
        out.copy_(rows.anchor)

    def follow(self, rows: Rows, tables: StepTables, guided: Tensor) -> None:
        """Move r to where the tables lead; ``rows.noise`` is already the one there."""
        rows.anchor.mul_(tables.sigma).mul_(tables.of_x).addcmul_(guided, tables.of_output)
        rows.anchor.mul_(tables.of_residual).add_(rows.noise)
        self._left_over.copy_(rows.anchor[: len(self._left_over)])

    def restart(self) -> None:
        """Start from nothing."""
        self._left_over.zero_()


def build_residual(residual: Residual, spec: LatentSpec, chunk: int) -> ResidualNoise:
    """Return the strategy for ``residual``."""
    match residual:
        case Residual.EXACT:
            return ExactResidual()
        case Residual.PUBLISHED:
            return PublishedResidual(spec, chunk)
