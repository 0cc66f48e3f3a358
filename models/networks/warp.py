"""Thin-plate splines on control points: where in the reference each output pixel comes from.

The spline interpolates the displacement from the driven points to the reference's points and bends as
little as it can in between (Bookstein 1989, "Principal Warps", Eqs. 1 to 9). Pure tensor functions, no
gradient is needed through the solution; used once per frame, on any thread.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from models.networks.resize import bilinear_matrix

KNOWN = 0.5
"""Least score of a point that counts."""

IGNORED_POINT_STIFFNESS = 1.0e4
"""Added to the kernel's diagonal for a point of score 0: it then pulls at nothing."""


def border_points(per_side: int = 4) -> Tensor:
    """Return the fixed points on the picture's border, ``(4 * (per_side - 1), 2)`` in 0..1."""
    steps = torch.linspace(0.0, 1.0, per_side)
    inner = steps[1:-1]
    rows = [torch.stack([steps, torch.full_like(steps, edge)], dim=1) for edge in (0.0, 1.0)]
    columns = [torch.stack([torch.full_like(inner, edge), inner], dim=1) for edge in (0.0, 1.0)]
    return torch.cat([*rows, *columns])


_BAND = 16
"""Rows of cells whose kernel is held at once: it stays in the cache, and its memory is not given back."""

_LEAST_SQUARED = 1e-9  # distance, below which the kernel counts as 0


def _kernel(across: Tensor, down: Tensor) -> Tensor:
    """Return ``U(r) = r^2 log r^2``, U(0) = 0, of the sums of two squares that broadcast; writes ``down``.

    ``down`` is the smaller tensor: keeping it from 0 saves a pass over the sum. Most of a warp's cost.
    """
    squared = across + down.clamp_min_(_LEAST_SQUARED)
    return torch.log(squared).mul_(squared)


def _systems(driven: Tensor, scores: Tensor, stiffness: float) -> Tensor:
    """Return the matrices of Bookstein's Eq. 8, smoothed on the diagonal, ``(B, V, K + 3, K + 3)`` double."""
    batch, variants, count = scores.shape
    difference = driven.mT[..., None] - driven.mT[:, :, None]  # (B, 2, K, K)
    across, down = difference.square_().unbind(1)
    system = driven.new_zeros(batch, variants, count + 3, count + 3, dtype=torch.float64)
    system[..., :count, :count] = _kernel(across, down)[:, None]
    ones = torch.where(scores < KNOWN, IGNORED_POINT_STIFFNESS, stiffness)
    system.diagonal(dim1=-2, dim2=-1)[..., :count] = ones  # the kernel itself is 0 there
    affine = torch.cat([torch.ones_like(driven[..., :1]), driven], dim=-1)[:, None]  # (B, 1, K, 3)
    system[..., :count, count:] = affine
    system[..., count:, :count] = affine.mT
    return system


def solve_thin_plate(
    driven: Tensor, reference: Tensor, scores: Tensor, stiffness: float = 1e-4
) -> tuple[Tensor, Tensor]:
    """Fit splines that take each driven point to its reference point.

    Args:
        driven: Points in the output picture, ``(B, K, 2)``, fractions.
        reference: The same points in the reference, ``(B, K, 2)`` or ``(1, K, 2)``.
        scores: ``(B, V, K)``, 0..1: V splines through the same points, each ignoring those below 0.5.
        stiffness: Smoothing added to the kernel's diagonal (0 interpolates exactly).

    Returns:
        Weights ``(B, V, K, 2)`` and the affine parts ``(B, V, 3, 2)`` of the displacement fields.
    """
    batch, variants, count = scores.shape
    target = driven.new_zeros(batch, variants, count + 3, 2, dtype=torch.float64)
    target[..., :count, :] = (reference - driven)[:, None] * (scores >= KNOWN)[..., None]
    solution = torch.linalg.solve(_systems(driven, scores, stiffness), target).to(driven.dtype)
    return solution[..., :count, :], solution[..., count:, :]


def thin_plate_flows(driven: Tensor, reference: Tensor, scores: Tensor, size: int) -> Tensor:
    """Return displacements from each output cell to its place in the reference, of V splines.

    The splines share their points, so that the costly part, the kernel at every cell, is computed once.

    Args:
        driven: Points in the output picture, ``(B, K, 2)``, fractions.
        reference: The same points in the reference, ``(B, K, 2)`` or ``(1, K, 2)``.
        scores: ``(B, V, K)``; points below 0.5 are ignored.
        size: Cells a side.

    Returns:
        ``(B, V, 2, size, size)``, x then y, in half pictures (the unit of ``grid_sample``), new memory.
    """
    variants = scores.shape[1]
    parts = solve_thin_plate(driven, reference, scores)
    # (B, V * 2, K) and (B, V * 2, 3): few rows, so that the products run along the many cells
    weights, affine = (part.mT.flatten(1, 2) * 2.0 for part in parts)
    cells = (torch.arange(size, dtype=driven.dtype, device=driven.device) + 0.5) / size
    across = (cells - driven[..., :1]).square_()[:, :, None]  # (B, K, 1, size)
    down = (cells - driven[..., 1:]).square_()[..., None]  # (B, K, size, 1)
    bent = [weights @ _kernel(across, band).flatten(2) for band in torch.split(down, _BAND, dim=2)]
    x, y = cells.repeat(size), cells.repeat_interleave(size)
    moved = torch.cat(bent, dim=2) + affine @ torch.stack([torch.ones_like(x), x, y])
    return moved.reshape(-1, variants, 2, size, size)


def thin_plate_flow(driven: Tensor, reference: Tensor, scores: Tensor, size: int) -> Tensor:
    """Return one spline's displacement ``(B, 2, size, size)``, the picture's border held in place.

    Args:
        driven: As in ``thin_plate_flows``.
        reference: The same.
        scores: ``(B, K)``.
        size: The same.
    """
    batch = driven.shape[0]
    border = border_points().to(driven).expand(batch, -1, -1)
    centres = torch.cat([driven, border], dim=1)
    targets = torch.cat([reference.expand(batch, -1, -1), border], dim=1)
    certain = torch.cat([scores, scores.new_ones(batch, border.shape[1])], dim=1)
    return thin_plate_flows(centres, targets, certain[:, None], size)[:, 0]


def sampling_grid(flow: Tensor, size: int) -> Tensor:
    """Bring ``flow (B, 2, g, g)`` to ``size`` and add every pixel's own place: ``(B, size, size, 2)``, -1..1.

    Displacements are interpolated, not places: at the border a place would be cut off by half a cell.
    """
    centres = (torch.arange(size, dtype=flow.dtype, device=flow.device) + 0.5) * (2.0 / size) - 1.0
    dense = F.interpolate(flow, size=(size, size), mode="bilinear", align_corners=False)
    places = torch.stack([centres.expand(size, size), centres[:, None].expand(size, size)])
    return (dense + places).permute(0, 2, 3, 1)


def sampling_grids(flows: Tensor, size: int) -> Tensor:
    """Return ``sampling_grid`` of V flows, ``(F, V, size, size, 2)``, made of products: for compiled graphs.

    Places are laid out x beside y from the start, so that nothing of full size is turned round. For full
    precision only (``resize.py``): autocast would round the products, and move a warp by pixels.

    Args:
        flows: ``(F, V * 2, g, g)``, x then y.
        size: Pixels a side.
    """
    cells = flows.shape[-1]
    along = bilinear_matrix(cells, size, flows)  # (size, g)
    pairs = torch.stack([along.T, torch.zeros_like(along.T)], dim=-1).flatten(1)  # x of one line of cells
    both = torch.stack([pairs, pairs.roll(1, dims=1)], dim=1).flatten(0, 1)  # (g * 2, size * 2)
    side_by_side = torch.unflatten(flows, 1, (-1, 2)).permute(0, 1, 3, 4, 2).flatten(3)  # (F, V, g, g * 2)
    centres = (torch.arange(size, dtype=flows.dtype, device=flows.device) + 0.5) * (2.0 / size) - 1.0
    places = torch.stack([centres.expand(size, size), centres[:, None].expand(size, size)], dim=-1)
    dense = along @ (side_by_side @ both) + places.flatten(1)
    return torch.unflatten(dense, 3, (size, 2))


def sample_at(picture: Tensor, grid: Tensor) -> Tensor:
    """Sample ``picture (B or 1, C, H, W)`` at ``grid (B, S, S, 2)``; its border repeats outside."""
    picture = picture.expand(grid.shape[0], -1, -1, -1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)


def sample(picture: Tensor, flow: Tensor, size: int) -> Tensor:
    """Sample ``picture (B or 1, C, H, W)`` displaced by ``flow (B, 2, g, g)`` at ``size`` pixels a side.

    Outside the picture its border repeats. Returns ``(B, C, size, size)``, new memory.
    """
    return sample_at(picture, sampling_grid(flow, size))
