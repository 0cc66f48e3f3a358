"""Low-rank updates (LoRA, arXiv:2106.09685) fused into a UNet and a text encoder.

``W' = W + scale * (alpha / rank) * up @ down`` for linear layers and convolutions. Three published ways of
naming the layers are read: one word with underscores (``lora_unet_down_blocks_0_...lora_down``), diffusers'
(``unet.down_blocks.0...lora.down`` or ``...processor.to_q_lora.down``) and PEFT's (``...lora_A``).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoints.published import CheckpointError, read_published

_DOWN = re.compile(
    r"(?P<layer>.+?)(?:\.lora_down|\.lora_A(?:\.default)?|[._]lora\.down|\.lora_linear_layer\.down)\.weight"
)
_UP_OF = {
    ".lora_down.": ".lora_up.",
    ".lora_A.": ".lora_B.",
    "lora.down.": "lora.up.",
    ".lora_linear_layer.down.": ".lora_linear_layer.up.",
}
_KNOWN = re.compile(
    r"(lora_down|lora_up|lora_A(\.default)?|lora_B(\.default)?|lora\.down|lora\.up"
    r"|lora_linear_layer\.down|lora_linear_layer\.up)\.weight$|\.alpha$"
)
_NAMES_SHOWN = 3
_CONVOLUTION_DIMS = 4


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
    layers = tuple(_layers(tensors, source))
    strange = sorted(name for name in tensors if not _KNOWN.search(name))
    if strange or not layers:
        raise CheckpointError(f"{source} is no LoRA that we know: it holds {(strange or ['nothing'])[0]}")
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
    placed = [(layer, weights.get(_plain_name(layer.name))) for layer in lora.layers]
    unknown = [layer.name for layer, weight in placed if weight is None]
    if unknown:
        more = f" and {len(unknown) - _NAMES_SHOWN} more" if len(unknown) > _NAMES_SHOWN else ""
        names = ", ".join(unknown[:_NAMES_SHOWN])
        raise CheckpointError(f"{lora.source} is for another base: the model has no layer {names}{more}")
    fitting = [(layer, weight) for layer, weight in placed if weight is not None]
    for layer, weight in fitting:
        shape = _delta_shape(layer)
        if shape != tuple(weight.shape) and shape != (*weight.shape, 1, 1):
            raise CheckpointError(
                f"{lora.source} is for another base: {layer.name} is {shape}, "
                f"the model has {tuple(weight.shape)}"
            )
    return tuple(
        FittedLayer(layer=layer, weight=weight, is_text=_plain_name(layer.name).startswith("te_"))
        for layer, weight in fitting
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


def _layers(tensors: Mapping[str, Tensor], source: str) -> Iterator[LoraLayer]:
    for name, down in tensors.items():
        match = _DOWN.fullmatch(name)
        if match is None:
            continue
        up_name = next(name.replace(old, new) for old, new in _UP_OF.items() if old in name)
        if up_name not in tensors:
            raise CheckpointError(f"{source} is incomplete: {name} has no {up_name}")
        alpha = tensors.get(f"{match['layer']}.alpha")
        yield LoraLayer(
            name=match["layer"],
            down=down,
            up=tensors[up_name],
            alpha=float(down.shape[0]) if alpha is None else float(alpha),
        )


def _delta_shape(layer: LoraLayer) -> tuple[int, ...]:
    if layer.down.ndim == _CONVOLUTION_DIMS:
        return (int(layer.up.shape[0]), *map(int, layer.down.shape[1:]))
    return int(layer.up.shape[0]), int(layer.down.shape[1])


def _weights_by_name(unet: nn.Module, text_encoder: nn.Module) -> dict[str, Tensor]:
    """Return every weight that may be updated by its one-word name: "unet" or "te", and no dots."""
    weights = {f"unet_{_word(name)}": part.weight for name, part in _updatable(unet)}
    for name, part in _updatable(text_encoder):
        weights[f"te_{_word(name.removeprefix('text_model.'))}"] = part.weight
    return weights


def _updatable(network: nn.Module) -> Iterator[tuple[str, nn.Linear | nn.Conv2d]]:
    for name, part in network.named_modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            yield name, part


def _word(name: str) -> str:
    return name.replace(".", "_")


def _plain_name(layer: str) -> str:
    """Return the one-word name of a layer, whichever way the file has it."""
    name = _word(layer.removeprefix("lora_").removeprefix("base_model.model."))
    name = name.replace("text_encoder_", "te_", 1) if name.startswith("text_encoder_") else name
    if not name.startswith(("unet_", "te_")):
        name = f"unet_{name}"
    name = name.replace("te_text_model_", "te_", 1) if name.startswith("te_text_model_") else name
    # diffusers' older files name the attention's processor, and the output projection without its place.
    name = name.replace("_processor_", "_")
    return re.sub(r"_to_out$", "_to_out_0", name)
