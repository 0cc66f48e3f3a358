"""A UNet, its pose guider and its decoder as graphs with flat, named inputs: what a runtime loads.

Inputs of the UNet: ``latents``, ``levels``, ``pose`` and ``depth`` (features, where it takes any; both are
added to the output of ``conv_in``), ``guidance_scale`` (where it takes one), and by name what
``project_reference`` and ``project_prompt`` give.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.networks.looks import OwnTokens, WithReference
from models.networks.pocket_graphs import Graph
from models.networks.pose_guider import PoseGuider
from models.networks.taesdv import LATENT_CHANNELS, Taesdv
from models.networks.unet import UNet, UNetInputs


@dataclass(frozen=True, slots=True, kw_only=True)
class UNetShape:
    """What decides the shapes of a UNet's graph.

    Attributes:
        frames: F = N * c.
        height, width: Of the latents, in cells.
        prompt_tokens: Tokens of the prompt; 1 for the embedding of a picture.
        has_reference: Whether it looks at a reference as large as the picture.
        has_pose: Whether features of a pose are added after ``conv_in``.
        has_depth: Whether features of a depth map are, beside or in place of the pose's.
    """

    frames: int
    height: int
    width: int
    prompt_tokens: int = 1
    has_reference: bool = True
    has_pose: bool = True
    has_depth: bool = False


class _FlatUNet(nn.Module):
    """Calls a UNet by names; frames see each other both ways if it has motion modules."""

    def __init__(self, unet: UNet, *, has_reference: bool) -> None:
        super().__init__()
        self.unet = unet
        self.has_reference = has_reference

    def forward(
        self,
        latents: Tensor,
        levels: Tensor,
        pose: Tensor | None = None,
        depth: Tensor | None = None,
        guidance_scale: Tensor | None = None,
        **constant: Tensor,
    ) -> Tensor:
        inputs = UNetInputs(
            prompt=constant,
            look=WithReference(constant) if self.has_reference else OwnTokens(),
            control=_sum(pose, depth),
            guidance_scale=guidance_scale,
        )
        out: Tensor = self.unet(latents, levels, inputs)
        return out


def _sum(pose: Tensor | None, depth: Tensor | None) -> Tensor | None:
    if pose is None or depth is None:
        return depth if pose is None else pose
    return pose + depth


def constant_inputs(unet: UNet, shape: UNetShape) -> dict[str, Tensor]:
    """Return zeros of the shapes that ``project_prompt`` and ``project_reference`` give, by name."""
    heads, cells = unet.config.heads, unet.cells(shape.height, shape.width)
    inputs: dict[str, Tensor] = {}
    for part in unet.spatial_transformers():
        level = unet.level_of(part.layer)
        dim = unet.config.widths[level]
        tokens = {"reference": cells[level]} if shape.has_reference else {}
        if shape.prompt_tokens > 1:
            tokens["prompt"] = shape.prompt_tokens
        else:
            inputs[f"{part.layer}.prompt_out"] = torch.zeros(1, 1, dim)
        for name, count in tokens.items():
            for kind in ("k", "v"):
                inputs[f"{part.layer}.{name}_{kind}"] = torch.zeros(1, heads, count, dim // heads)
    return inputs


def unet_graph(unet: UNet, shape: UNetShape) -> Graph:
    """A UNet over all frames of the buffer; ``prediction (F, C, h, w)``."""
    config = unet.config
    size = (shape.height, shape.width)
    inputs = {
        "latents": torch.zeros(shape.frames, config.in_channels, *size),
        "levels": torch.zeros(shape.frames),
    }
    for name, is_there in (("pose", shape.has_pose), ("depth", shape.has_depth)):
        if is_there:
            inputs[name] = torch.zeros(shape.frames, config.widths[0], *size)
    if config.guidance_dim:
        inputs["guidance_scale"] = torch.ones(1)
    flat = _FlatUNet(unet, has_reference=shape.has_reference).eval()
    return Graph(flat, inputs | constant_inputs(unet, shape), ("prediction",))


def pose_guider_graph(guider: PoseGuider, frames: int, height: int, width: int) -> Graph:
    """A guider of poses or of depth for ``frames`` canvases of ``height`` x ``width`` pixels; ``pose``."""
    canvas = torch.zeros(frames, guider.config.in_channels, height, width)
    return Graph(guider, {"condition": canvas}, ("pose",))


class _FlatDecoder(nn.Module):
    """Takes its memories by name, and clamps the pictures."""

    def __init__(self, codec: Taesdv) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, latents: Tensor, **memories: Tensor) -> tuple[Tensor, ...]:
        pictures, following = self.codec(latents, list(memories.values()))
        # A new tensor each: a runtime that returned a view of its own activations would lose it.
        return pictures.clamp(0.0, 1.0), *(memory.clone() for memory in following)


def taesdv_graph(codec: Taesdv, frames: int, height: int, width: int) -> Graph:
    """The decoder for ``frames`` latents of ``height`` x ``width`` cells.

    Returns:
        ``pictures (T, 3, 8h, 8w)`` 0..1, and ``memory_0_next`` ... beside the inputs ``memory_0`` ...
    """
    memories = {f"memory_{i}": memory for i, memory in enumerate(codec.initial_memories(height, width))}
    latents = torch.zeros(frames, LATENT_CHANNELS, height, width)
    outputs = ("pictures", *(f"{name}_next" for name in memories))
    return Graph(_FlatDecoder(codec).eval(), {"latents": latents} | memories, outputs)
