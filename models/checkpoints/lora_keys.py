"""How LoRA files name and shape their updates, and whether they fit a base; told by names and shapes alone.

Three published ways of naming the layers are read: one word with underscores
(``lora_unet_down_blocks_0_...lora_down``), diffusers' (``unet.down_blocks.0...lora.down`` or
``...processor.to_q_lora.down``) and PEFT's (``...lora_A``). Importing this loads nothing heavy.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from models.checkpoints.errors import CheckpointError

Shape = tuple[int, ...]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerKeys:
    """Where a file has the update of one layer.

    Attributes:
        name: The layer's name, as the file has it.
        down, up, alpha: Names of tensors; not every file has alphas.
    """

    name: str
    down: str
    up: str
    alpha: str


def layer_keys(names: Collection[str], source: str) -> list[LayerKeys]:
    """Return the updates that a file holds, at least one.

    Args:
        names: Of all its tensors.
        source: What to call it in errors.

    Raises:
        CheckpointError: An update lacks its half, or the file holds something else.
    """
    layers = [_keys(match, source, names) for match in map(_DOWN.fullmatch, names) if match is not None]
    strange = sorted(name for name in names if not _KNOWN.search(name))
    if strange or not layers:
        raise CheckpointError(f"{source} is no LoRA that we know: it holds {(strange or ['nothing'])[0]}")
    return layers


def update_shape(down: Shape, up: Shape) -> Shape:
    """Return the shape of ``up @ down``: ``(out, in)``, or ``(out, in, height, width)`` of a convolution."""
    return (up[0], *down[1:]) if len(down) == _CONVOLUTION_DIMS else (up[0], down[1])


def check_fits(updates: Mapping[str, Shape], weights: Mapping[str, Shape], source: str) -> None:
    """Refuse a LoRA for another base.

    Args:
        updates: Shapes by layer, named as the file has them.
        weights: Shapes of the base's weights by their one-word names (``unet_word``, ``text_word``).
        source: Its file.

    Raises:
        CheckpointError: A layer is not there or has another size.
    """
    reason = _misfit(updates, weights)
    if reason:
        raise CheckpointError(
            f"{source} is for another base: {reason}",
            sentence=f"{Path(source).name} is for another base model.",
            detail=reason,
        )


def is_of_text(name: str) -> bool:
    """Return whether a one-word name is that of a text encoder's layer; else it is the UNet's."""
    return name.startswith("te_")


def unet_word(layer: str) -> str:
    """Return the one-word name of a UNet's layer."""
    return f"unet_{_word(layer)}"


def text_word(layer: str) -> str:
    """Return the one-word name of a text encoder's layer."""
    return f"te_{_word(layer.removeprefix('text_model.'))}"


def plain_name(layer: str) -> str:
    """Return the one-word name of a layer, whichever way the file has it."""
    name = _word(layer.removeprefix("lora_").removeprefix("base_model.model."))
    name = name.replace("text_encoder_", "te_", 1) if name.startswith("text_encoder_") else name
    if not name.startswith(("unet_", "te_")):
        name = f"unet_{name}"
    name = name.replace("te_text_model_", "te_", 1) if name.startswith("te_text_model_") else name
    # diffusers' older files name the attention's processor, and the output projection without its place.
    name = name.replace("_processor_", "_")
    return re.sub(r"_to_out$", "_to_out_0", name)


def _keys(match: re.Match[str], source: str, names: Collection[str]) -> LayerKeys:
    down, layer = match[0], match["layer"]
    up = next(down.replace(old, new) for old, new in _UP_OF.items() if old in down)
    if up not in names:
        raise CheckpointError(f"{source} is incomplete: {down} has no {up}")
    return LayerKeys(name=layer, down=down, up=up, alpha=f"{layer}.alpha")


def _misfit(updates: Mapping[str, Shape], weights: Mapping[str, Shape]) -> str:
    unknown = [name for name in updates if plain_name(name) not in weights]
    if unknown:
        more = f" and {len(unknown) - _NAMES_SHOWN} more" if len(unknown) > _NAMES_SHOWN else ""
        return f"the model has no layer {', '.join(unknown[:_NAMES_SHOWN])}{more}"
    for name, shape in updates.items():
        wanted = weights[plain_name(name)]
        if shape not in (wanted, (*wanted, 1, 1)):
            return f"{name} is {shape}, the model has {wanted}"
    return ""


def _word(name: str) -> str:
    return name.replace(".", "_")
