"""Low-rank updates (LoRA, arXiv:2106.09685) fused into a UNet and a text encoder.

``W' = W + scale * (alpha / rank) * up @ down`` for linear layers and convolutions. Which names are
read is in ``lora_keys.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoints.fitting import shapes_of
from models.checkpoints.lora_keys import (
    LayerKeys,
    check_fits,
    is_of_text,
    layer_keys,
    plain_name,
    text_word,
    unet_word,
    update_shape,
)
from models.checkpoints.published import read_published


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoraLayer:
    """The update of one layer.

    Attributes:
        name: The layer's name, as the file has it.
        down: ``(rank, in, ...)``.
        up: ``(out, rank, ...)``.
        alpha: Its own alpha; the rank where the file says nothing.
    """

    name: str
    down: Tensor
    up: Tensor
    alpha: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the update."""
        return update_shape(tuple(self.down.shape), tuple(self.up.shape))

    def delta(self) -> Tensor:
        """Return ``(alpha / rank) * up @ down``, shaped like the layer's weight, float32."""
        rank = self.down.shape[0]
        product = self.up.float().flatten(1) @ self.down.float().flatten(1)
        return product.reshape(self.up.shape[0], *self.down.shape[1:]) * (self.alpha / rank)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lora:
    """A file of updates.

    Attributes:
        source: What to call it in errors.
        layers: At least one.
    """

    source: str
    layers: tuple[LoraLayer, ...]


def read_lora(path: Path) -> Lora:
    """Read a LoRA file.

    Raises:
        CheckpointError: No such file, half a download, or no LoRA in it.
    """
    return lora_of(read_published(path), str(path))


def lora_of(tensors: Mapping[str, Tensor], source: str) -> Lora:
    """Return the LoRA that tensors are, by their published names.

    Args:
        tensors: As a file holds them.
        source: What to call it in errors.

    Raises:
        CheckpointError: It is none, or incomplete.
    """
    layers = tuple(_layer(keys, tensors) for keys in layer_keys(tensors, source))
    return Lora(source=source, layers=layers)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedLayer:
    """A layer's update beside the weight that it belongs to.

    Attributes:
        layer: The update.
        weight: What it is added to.
        is_text: Whether it is the text encoder's; else the UNet's.
    """

    layer: LoraLayer
    weight: Tensor
    is_text: bool

    def fuse(self, scale: float) -> None:
        """Add the update to the weight, in place."""
        with torch.no_grad():
            self.weight.add_((self.layer.delta() * scale).reshape(self.weight.shape).to(self.weight))


def fit_lora(lora: Lora, unet: nn.Module, text_encoder: nn.Module) -> tuple[FittedLayer, ...]:
    """Find the weight of each layer of a LoRA; nothing is changed.

    Raises:
        CheckpointError: A layer is not there or has another size: the LoRA is for another base.
    """
    weights = _weights_by_name(unet, text_encoder)
    check_fits({layer.name: layer.shape for layer in lora.layers}, shapes_of(weights), lora.source)
    placed = ((layer, plain_name(layer.name)) for layer in lora.layers)
    return tuple(
        FittedLayer(layer=layer, weight=weights[name], is_text=is_of_text(name)) for layer, name in placed
    )


def fuse_lora(lora: Lora, unet: nn.Module, text_encoder: nn.Module, scale: float = 1.0) -> None:
    """Add a LoRA to the weights, in place; ``-scale`` takes it away again, but for rounding.

    Args:
        lora: What to add.
        unet: Where most of it goes.
        text_encoder: Where the rest goes.
        scale: How much, usually 0..1.

    Raises:
        CheckpointError: A layer is not there or has another size: the LoRA is for another base. Then
            nothing was changed.
    """
    for fitted in fit_lora(lora, unet, text_encoder):
        fitted.fuse(scale)


def _layer(keys: LayerKeys, tensors: Mapping[str, Tensor]) -> LoraLayer:
    down, alpha = tensors[keys.down], tensors.get(keys.alpha)
    return LoraLayer(
        name=keys.name,
        down=down,
        up=tensors[keys.up],
        alpha=float(down.shape[0]) if alpha is None else float(alpha),
    )


def _weights_by_name(unet: nn.Module, text_encoder: nn.Module) -> dict[str, Tensor]:
    """Return every weight that may be updated by its one-word name."""
    weights = {unet_word(name): part.weight for name, part in _updatable(unet)}
    return weights | {text_word(name): part.weight for name, part in _updatable(text_encoder)}


def _updatable(network: nn.Module) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    for name, part in network.named_modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            yield name, part
