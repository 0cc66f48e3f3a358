"""The fetched networks that two of the measures of a painted clip look through."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.checkpoints.depth import load_depth
from models.checkpoints.rain_encoders import clip_pixels, load_image_encoder
from models.training.metrics import Embed, Floats, ReadDepth


def embed_with(folder: Path) -> Embed:
    """Return a CLIP image encoder as what reads embeddings.

    Args:
        folder: A ``CLIPVisionModelWithProjection`` in transformers' layout.

    Raises:
        CheckpointError: A file is missing, damaged, or of another model.
    """
    network = load_image_encoder(folder).eval()
    size = int(network.config.image_size)

    @torch.inference_mode()
    def embed(picture: NDArray[np.uint8]) -> Tensor:
        embedding: Tensor = network(clip_pixels(_rgb(picture), size)).image_embeds[0]
        return embedding

    return embed


def depth_with(source: str) -> ReadDepth:
    """Return a depth network as what reads depth; ``source`` and errors as ``load_depth``."""
    network = load_depth(source)

    @torch.inference_mode()
    def read_depth(picture: NDArray[np.uint8]) -> Floats:
        depth: Floats = network(_rgb(picture) * 2.0 - 1.0)[0].numpy()
        return depth

    return read_depth


def _rgb(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 255.0
