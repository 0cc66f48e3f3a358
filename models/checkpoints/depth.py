"""Depth networks in transformers' layout: MiDaS DPT-Hybrid and Depth Anything V2.

``Intel/dpt-hybrid-midas`` (Ranftl et al., arXiv:2103.13413; what Live2Diff was trained with) and
``depth-anything/Depth-Anything-V2-Small-hf`` (arXiv:2406.09414; smaller and faster). A folder holds
``config.json`` and ``model.safetensors`` (or ``pytorch_model.bin``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    DPTConfig,
    DPTForDepthEstimation,
)

from models.checkpoints.diffusers_parts import read_config
from models.checkpoints.fitting import fitted
from models.checkpoints.hub import local_folder, weights_file
from models.checkpoints.published import CheckpointError, read_published
from models.networks.depth import DepthNetwork, PixelScale

DPT_HYBRID = "Intel/dpt-hybrid-midas"
DEPTH_ANYTHING_SMALL = "depth-anything/Depth-Anything-V2-Small-hf"

_IMAGENET = PixelScale(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
_HALF = PixelScale(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How one family is built and shown pictures.

    Attributes:
        config, network: transformers' classes.
        scale: Of its pixels.
        side: Of its square picture, a multiple of the patches.
    """

    config: type[Any]
    network: type[Any]
    scale: PixelScale
    side: int


_KINDS: Mapping[str, _Kind] = {
    # the published system stretches every picture to 384 x 384
    "dpt": _Kind(config=DPTConfig, network=DPTForDepthEstimation, scale=_HALF, side=384),
    # 518 is what it was trained with; half of it keeps what the depth picture of a 512 x 512 stream shows
    "depth_anything": _Kind(
        config=DepthAnythingConfig, network=DepthAnythingForDepthEstimation, scale=_IMAGENET, side=252
    ),
}


def load_depth(source: str, dtype: torch.dtype = torch.float32, *, side: int | None = None) -> DepthNetwork:
    """Load a depth network.

    Args:
        source: A folder or a hub id (``DPT_HYBRID``, ``DEPTH_ANYTHING_SMALL``).
        dtype: Of its weights.
        side: Of the square picture that it is shown; None: its own.

    Raises:
        CheckpointError: It is missing, damaged, metric, or of another kind.
    """
    folder = local_folder(source)
    fields = read_config(folder)
    kind = _KINDS.get(str(fields.get("model_type")))
    if kind is None:
        raise CheckpointError(f"{folder} holds {fields.get('model_type')}, expected {' or '.join(_KINDS)}")
    if fields.get("depth_estimation_type", "relative") != "relative":
        raise CheckpointError(
            f"{folder} gives metric depth (far is large), expected relative (near is large)"
        )
    with torch.device("meta"):
        network = _built(kind, fields, folder)
    loaded = fitted(network, read_published(weights_file(folder)), str(folder), dtype)
    return DepthNetwork(loaded, kind.scale, kind.side if side is None else side).eval()


def _built(kind: _Kind, fields: Mapping[str, Any], folder: Path) -> nn.Module:
    try:
        network: nn.Module = kind.network(kind.config(**fields))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(f"the configuration of {folder} is damaged or of another version") from error
    return network
