"""One evaluation of the network for frames under the prompt and, again, under the negative one.

On a device that is not full, one batch of F + n frames is cheaper than two of F and n; and a compiled network
has one shape instead of two. Frames must not see each other (``Attend.NOBODY``).
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.denoise.denoiser import Context, Denoiser, Tensors
from engine.denoise.plan import StepTables
from engine.denoise.rows import Rows


class JointBatch:
    """Memory for F frames and the last n of them again, and the references of both.

    Args:
        rows: F frames; only their shapes count.
        num_again: How many of the last ones are evaluated again, n >= 1.
        context: The two references, each tensor with a leading dimension of 1.
    """

    def __init__(self, rows: Rows, num_again: int, context: Context) -> None:
        self._num_frames = len(rows.latents)
        self._num_again = num_again
        self._latents = self._longer(rows.latents)
        self._conditions = {name: self._longer(values) for name, values in rows.conditions.items()}
        self._reference = {
            name: values.repeat(len(self._latents), *[1] * (values.ndim - 1))
            for name, values in context.reference.items()
        }
        self._timesteps = rows.latents.new_empty(len(self._latents))
        self.read(context)

    def read(self, context: Context) -> None:
        """Copy the references, which have changed.

        Raises:
            ValueError: The negative reference has other names or shapes.
        """
        _check(context)
        for name, values in self._reference.items():
            values[: self._num_frames].copy_(context.reference[name])
            values[self._num_frames :].copy_(context.negative[name])

    def evaluate(self, denoiser: Denoiser, rows: Rows, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the network predicts for the F frames, and for the last n under the negative one."""
        self._fill(self._latents, rows.latents)
        self._fill(self._timesteps, timesteps)
        for name, values in rows.conditions.items():
            self._fill(self._conditions[name], values)
        output = denoiser(self._latents, self._timesteps, self._conditions, self._reference)
        return output[: self._num_frames], output[self._num_frames :]

    def _longer(self, values: Tensor) -> Tensor:
        return values.new_empty(self._num_frames + self._num_again, *values.shape[1:])

    def _fill(self, batch: Tensor, values: Tensor) -> None:
        batch[: self._num_frames].copy_(values)
        batch[self._num_frames :].copy_(values[self._num_frames - self._num_again :])


class JointEvaluation:
    """The network on joint batches; keeps one batch for each context and number of frames.

    Args:
        denoiser: The network; takes references with a leading dimension of F.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self._denoiser = denoiser
        self._batches: dict[tuple[int, int], tuple[Context, JointBatch]] = {}

    def reference_changed(self) -> None:
        """Copy the references of every batch again."""
        for context, batch in self._batches.values():
            batch.read(context)

    def clear(self) -> None:
        """Forget the batches: contexts or conditions have other shapes."""
        self._batches.clear()

    def __call__(
        self, rows: Rows, tables: StepTables, context: Context, num_again: int
    ) -> tuple[Tensor, Tensor]:
        """Return predictions for all frames, and for the last ``num_again`` under the negative reference.

        Both are valid until the network's next call.
        """
        key = (len(rows.latents), num_again)
        known, batch = self._batches.get(key, (None, None))
        if batch is None or known is not context:
            batch = JointBatch(rows, num_again, context)
            self._batches[key] = (context, batch)
        return batch.evaluate(self._denoiser, rows, tables.timesteps)


def _shapes(tensors: Tensors) -> Mapping[str, torch.Size]:
    return {name: values.shape for name, values in tensors.items()}


def _check(context: Context) -> None:
    reference, negative = _shapes(context.reference), _shapes(context.negative)
    if reference != negative:
        raise ValueError(f"expected a negative reference of shapes {reference}, got {negative}")
