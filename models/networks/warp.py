"""Thin-plate splines on control points: where in the reference each output pixel comes from.

The spline interpolates the displacement from the driven points to the reference's points and bends as
little as it can in between (Bookstein 1989, "Principal Warps", Eqs. 1 to 9). Pure tensor functions, no
gradient is needed through the solution; used once per frame, on any thread.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

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


def _kernel(squared: Tensor) -> Tensor:
    # U(r) = r^2 log r^2, with U(0) = 0
    return squared * torch.log(squared.clamp_min(1e-9))


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    # (B, n, 2), (B, m, 2) -> (B, n, m); direct differences, since the expanded form loses near-zero distances
    return ((a[:, :, None, 0] - b[:, None, :, 0]) ** 2).add_((a[:, :, None, 1] - b[:, None, :, 1]) ** 2)


def _kernel_on_grid(cells: Tensor, points: Tensor) -> Tensor:
    """Return the kernel between all cells of a square grid and ``points (B, K, 2)``: ``(B, size * size, K)``.

    Squares of the differences are taken along each axis alone, and the rest is done in place: this is most of
    a warp's cost.
    """
    across = (cells[None, :, None] - points[:, None, :, 0]).square_()
    down = (cells[None, :, None] - points[:, None, :, 1]).square_()
    squared = (down[:, :, None] + across[:, None]).flatten(1, 2)
    return squared.clamp_min(1e-9).log_().mul_(squared)


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
    kernel = _kernel(_squared_distances(driven, driven))[:, None]
    diagonal = torch.where(scores < KNOWN, IGNORED_POINT_STIFFNESS, stiffness)
    affine = torch.cat([torch.ones_like(driven[..., :1]), driven], dim=-1)[:, None]  # (B, 1, K, 3)
    system = driven.new_zeros(batch, variants, count + 3, count + 3)
    system[..., :count, :count] = kernel + torch.diag_embed(diagonal.to(driven.dtype))
    system[..., :count, count:] = affine
    system[..., count:, :count] = affine.transpose(2, 3)
    target = driven.new_zeros(batch, variants, count + 3, 2)
    target[..., :count, :] = torch.where(scores[..., None] < KNOWN, 0.0, (reference - driven)[:, None])
    solution = torch.linalg.solve(system.double(), target.double()).to(driven.dtype)
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
    batch, variants, _ = scores.shape
    weights, affine = solve_thin_plate(driven, reference, scores)
    cells = (torch.arange(size, dtype=driven.dtype, device=driven.device) + 0.5) / size
    pixels = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1).reshape(1, -1, 2)
    kernel = _kernel_on_grid(cells, driven)
    side_by_side = weights.permute(0, 2, 1, 3).flatten(2)  # (B, K, V * 2)
    bent = (kernel @ side_by_side).reshape(batch, size * size, variants, 2).transpose(1, 2)
    moved = bent + affine[:, :, None, 0] + pixels[:, None] @ affine[:, :, 1:]
    return (moved * 2.0).transpose(2, 3).reshape(batch, variants, 2, size, size)


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


def sample(picture: Tensor, flow: Tensor, size: int) -> Tensor:
    """Sample ``picture (B or 1, C, H, W)`` displaced by ``flow (B, 2, g, g)`` at ``size`` pixels a side.

    Outside the picture its border repeats. Returns ``(B, C, size, size)``, new memory.
    """
    frames = flow.shape[0]
    picture = picture if picture.shape[0] == frames else picture.expand(frames, -1, -1, -1)
    grid = sampling_grid(flow, size)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)
