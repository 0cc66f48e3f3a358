"""How published checkpoints of the Stable Diffusion 1.5 family name what ``models.networks.unet`` holds.

Our names follow diffusers but for two things: an output projection is one layer here (``to_out``) where it
stands in a list with a dropout there (``to_out.0``), and a motion module is not wrapped again
(``temporal_transformer``). Tables of positions are published beside the weights; here they are computed, and
the published ones are compared with the formula when they are loaded.
"""

import re

import torch
from torch import Tensor

from models.networks.attention import sinusoidal_positions

POSITIONS_SUFFIX = ".pos_encoder.pe"
_MOTION = re.compile(r"(motion_modules\.\d+)\.(?!temporal_transformer)")
_POSITIONS_TOLERANCE = 2e-3  # half precision of numbers between -1 and 1


def published_name(name: str) -> str:
    """Return the published name of one of our parameters."""
    return _MOTION.sub(r"\1.temporal_transformer.", name.replace(".to_out.", ".to_out.0."))


def own_name(published: str) -> str:
    """Return our name of a published parameter; the inverse of ``published_name``."""
    return published.replace(".to_out.0.", ".to_out.").replace(".temporal_transformer.", ".")


def published_positions(name: str) -> str | None:
    """Return the published name of the table of positions beside a temporal attention's ``to_q``, or None."""
    if "motion_modules." not in name or not name.endswith(".to_q.weight"):
        return None
    return published_name(name).removesuffix(".to_q.weight") + POSITIONS_SUFFIX


def is_sinusoidal(table: Tensor) -> bool:
    """Whether a published table of positions ``(1, P, D)`` equals the formula that we compute."""
    num_positions, dim = table.shape[-2:]
    difference = table.detach().float().cpu().reshape(num_positions, dim) - sinusoidal_positions(
        num_positions, dim
    )
    return bool(torch.isfinite(difference).all()) and float(difference.abs().max()) <= _POSITIONS_TOLERANCE
