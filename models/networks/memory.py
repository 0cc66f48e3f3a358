"""The recurrent block of the tiny video decoders.

The idea is TAEHV's and TAESDV's (github.com/madebyollin): a residual block of a picture decoder that also
sees what it was given for the frame before. All state is one tensor per block, handed in and handed back, so
that decoding frame by frame, chunk by chunk or a whole clip gives the same pictures.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class MemBlock(nn.Module):
    """Residual block over ``[current frame | previous frame's input of this block]``.

    Computes ``relu(conv(cat(x_t, x_{t-1})) + x_t)`` with three 3x3 convolutions.

    Args:
        width: Channels C in and out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(2 * width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.width = width

    def initial_memory(self, height: int, width: int) -> Tensor:
        """Return what the block remembers before the first frame: ``(1, C, height, width)`` of zeros."""
        return next(self.parameters()).new_zeros(1, self.width, height, width)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Decode T successive frames.

        Args:
            x: ``(T, C, H, W)``, oldest first; B sequences (in training) follow one another, ``(B * T, ...)``.
            memory: ``(B, C, H, W)``: the last frame of the call before, or ``initial_memory``; B is 1 live.

        Returns:
            The frames, shaped as ``x``, new memory; and the memory for the next call, ``(B, C, H, W)``, a
            view of ``x``.
        """
        by_sequence = x.reshape(memory.shape[0], -1, *x.shape[1:])  # (B, T, C, H, W)
        previous = torch.cat([memory[:, None], by_sequence[:, :-1]], dim=1).flatten(0, 1)
        out = functional.relu(self.conv(torch.cat([x, previous], dim=1)) + x)
        return out, by_sequence[:, -1]
