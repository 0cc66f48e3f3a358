"""The UNet of Stable Diffusion 1.5, with the parts that streaming systems add to it.

One class serves plain SD1.5 (arXiv:2112.10752), RAIN's denoiser (arXiv:2412.19489: reference attention in
every block, motion modules at every level, a guidance embedding, a pose added after ``conv_in``), its
reference network (no output layers) and Live2Diff (arXiv:2407.08701: motion modules with a ring of keys and
values, a depth map added after ``conv_in``). Which parts it has is in ``UNetConfig``; what its attentions
look at beyond one frame comes with the call, as looks (``looks.py``).

    latents (F, C, h, w), timesteps (F,) ──> conv_in (+ control) ──> down ──> mid ──> up ──> prediction

Frames lead and each has its own timestep. What belongs to an avatar or a prompt is projected once by
``project_reference`` and ``project_prompt`` and handed in as tensors afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.embeddings import TimeEmbedding
from models.networks.looks import BothWays, OwnTokens, SpatialLook, TemporalLook
from models.networks.unet_parts import (
    Downsample,
    ResnetBlock,
    SpatialTransformer,
    TemporalTransformer,
    Upsample,
)

_EMBED_RATIO = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalConfig:
    """Motion modules: one after every layer.

    Attributes:
        heads: Heads of their attentions.
        max_frames: Slots of the buffer or ring at most (length of the table of positions).
        groups: Groups of their norms.
        num_attentions: Attentions in each.
        in_mid_block: Whether the middle has one, too (RAIN: yes, Live2Diff: no).
    """

    heads: int = 8
    max_frames: int = 32
    groups: int = 32
    num_attentions: int = 2
    in_mid_block: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UNetConfig:
    """Sizes and parts; the defaults are Stable Diffusion 1.5.

    Attributes:
        in_channels: Channels of the latents, and of the prediction.
        widths: Channels at each level; the last level has no spatial transformers.
        layers: Layers of a down block; an up block has one more.
        heads: Heads of the spatial attentions at every level (diffusers calls it ``attention_head_dim``).
        prompt_dim: Width of the prompt's tokens.
        groups: Groups of the norms.
        guidance_dim: Width of the guidance embedding; 0: none.
        temporal: Motion modules, or None.
        has_output: Whether it predicts; a reference network is read inside and has no output layers.
    """

    in_channels: int = 4
    widths: tuple[int, ...] = (320, 640, 1280, 1280)
    layers: int = 2
    heads: int = 8
    prompt_dim: int = 768
    groups: int = 32
    guidance_dim: int = 0
    temporal: TemporalConfig | None = None
    has_output: bool = True

    @property
    def embed_dim(self) -> int:
        """Width of the time embedding."""
        return _EMBED_RATIO * self.widths[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UNetInputs:
    """What a forward pass is given besides latents and timesteps.

    Attributes:
        prompt: From ``UNet.project_prompt``.
        look: What the self-attention of a frame sees.
        across: What the motion modules see; unused without them.
        control: ``(F, widths[0], h, w)`` added to the output of ``conv_in`` (pose or depth features).
        guidance_scale: ``(1,)`` for a network with a guidance embedding.
    """

    prompt: Mapping[str, Tensor]
    look: SpatialLook = field(default_factory=OwnTokens)
    across: TemporalLook = field(default_factory=BothWays)
    control: Tensor | None = None
    guidance_scale: Tensor | None = None


class _Block(nn.Module):
    """Layers of one level: resnet, spatial transformer, motion module; the latter two where there are any.

    Args:
        config: Sizes and parts.
        in_widths: Channels that go into each resnet.
        width: Channels that come out of each.
        name: "d0", "m", "u1": layers are named after it.
        attends: Whether it has spatial transformers.
    """

    def __init__(
        self, config: UNetConfig, in_widths: list[int], width: int, name: str, *, attends: bool
    ) -> None:
        super().__init__()
        count, temporal = len(in_widths), config.temporal
        self.resnets = nn.ModuleList(
            ResnetBlock(in_width, width, config.embed_dim, config.groups) for in_width in in_widths
        )
        if attends:
            self.attentions = nn.ModuleList(
                SpatialTransformer(width, config.heads, config.prompt_dim, config.groups, f"{name}{index}")
                for index in range(count)
            )
        if temporal is not None:
            self.motion_modules = nn.ModuleList(
                _motion_module(temporal, width, f"{name}{index}") for index in range(count)
            )
        self._attends, self._moves = attends, temporal is not None

    def layer(self, index: int, x: Tensor, embedding: Tensor, inputs: UNetInputs) -> Tensor:
        """Return ``x`` after one layer."""
        x = self.resnets[index](x, embedding)
        if self._attends:
            x = self.attentions[index](x, inputs.look, inputs.prompt)
        if self._moves:
            x = self.motion_modules[index](x, inputs.across)
        return x


def _motion_module(temporal: TemporalConfig, width: int, layer: str) -> TemporalTransformer:
    return TemporalTransformer(
        width=width,
        heads=temporal.heads,
        max_frames=temporal.max_frames,
        groups=temporal.groups,
        num_attentions=temporal.num_attentions,
        layer=layer,
    )


class _DownBlock(_Block):
    def __init__(self, config: UNetConfig, level: int) -> None:
        widths, is_last = config.widths, level == len(config.widths) - 1
        below = widths[max(level - 1, 0)]
        in_widths = [below] + [widths[level]] * (config.layers - 1)
        super().__init__(config, in_widths, widths[level], f"d{level}", attends=not is_last)
        if not is_last:
            self.downsamplers = nn.ModuleList([Downsample(widths[level])])
        self._goes_down = not is_last

    def forward(self, x: Tensor, embedding: Tensor, inputs: UNetInputs, skips: list[Tensor]) -> Tensor:
        for index in range(len(self.resnets)):
            x = self.layer(index, x, embedding, inputs)
            skips.append(x)
        if self._goes_down:
            x = self.downsamplers[0](x)
            skips.append(x)
        return x


class _MidBlock(nn.Module):
    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        width, temporal = config.widths[-1], config.temporal
        self.resnets = nn.ModuleList(
            ResnetBlock(width, width, config.embed_dim, config.groups) for _ in range(2)
        )
        spatial = SpatialTransformer(width, config.heads, config.prompt_dim, config.groups, "m")
        self.attentions = nn.ModuleList([spatial])
        self._moves = temporal is not None and temporal.in_mid_block
        if temporal is not None and temporal.in_mid_block:
            self.motion_modules = nn.ModuleList([_motion_module(temporal, width, "m")])

    def forward(self, x: Tensor, embedding: Tensor, inputs: UNetInputs) -> Tensor:
        x = self.resnets[0](x, embedding)
        x = self.attentions[0](x, inputs.look, inputs.prompt)
        if self._moves:
            x = self.motion_modules[0](x, inputs.across)
        out: Tensor = self.resnets[1](x, embedding)
        return out


class _UpBlock(_Block):
    def __init__(self, config: UNetConfig, index: int) -> None:
        rising = config.widths[::-1]
        last = len(rising) - 1
        width, below, skip = rising[index], rising[max(index - 1, 0)], rising[min(index + 1, last)]
        count = config.layers + 1
        in_widths = [
            (below if layer == 0 else width) + (skip if layer == count - 1 else width)
            for layer in range(count)
        ]
        super().__init__(config, in_widths, width, f"u{index}", attends=index > 0)
        if index < last:
            self.upsamplers = nn.ModuleList([Upsample(width)])
        self._goes_up = index < last

    def forward(self, x: Tensor, embedding: Tensor, inputs: UNetInputs, skips: list[Tensor]) -> Tensor:
        for index in range(len(self.resnets)):
            x = self.layer(index, torch.cat([x, skips.pop()], dim=1), embedding, inputs)
        return self.upsamplers[0](x, skips[-1].shape[2:]) if self._goes_up else x


class UNet(nn.Module):
    """A denoiser, or a reference network, as ``config`` says.

    Raises:
        ValueError: widths are not multiples of the groups or heads (from the layers).
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        width, levels = config.widths[0], range(len(config.widths))
        self.conv_in = nn.Conv2d(config.in_channels, width, 3, padding=1)
        self.time_embedding = TimeEmbedding(width, config.embed_dim, config.guidance_dim)
        self.down_blocks = nn.ModuleList(_DownBlock(config, level) for level in levels)
        self.mid_block = _MidBlock(config)
        self.up_blocks = nn.ModuleList(_UpBlock(config, index) for index in levels)
        if config.has_output:
            self.conv_norm_out = nn.GroupNorm(config.groups, width)
            self.conv_out = nn.Conv2d(width, config.in_channels, 3, padding=1)

    def forward(self, latents: Tensor, timesteps: Tensor, inputs: UNetInputs) -> Tensor:
        """Predict, or run up to the output layers.

        Args:
            latents: ``(F, C, h, w)``, oldest frame first where frames see each other.
            timesteps: ``(F,)``, one for each frame.
            inputs: Prompt, looks, control, guidance.

        Returns:
            The prediction ``(F, C, h, w)``; without output layers the features ``(F, widths[0], h, w)``.
        """
        embedding = functional.silu(self.time_embedding(timesteps, inputs.guidance_scale))
        x = self.conv_in(latents)
        if inputs.control is not None:
            x = x + inputs.control
        skips = [x]
        for block in self.down_blocks:
            x = block(x, embedding, inputs, skips)
        x = self.mid_block(x, embedding, inputs)
        for block in self.up_blocks:
            x = block(x, embedding, inputs, skips)
        out: Tensor = x
        if self.config.has_output:
            out = self.conv_out(functional.silu(self.conv_norm_out(x)))
        return out

    def project_prompt(self, embeds: Tensor) -> dict[str, Tensor]:
        """Project a prompt once; the result serves until it changes.

        Args:
            embeds: ``(1, L, prompt_dim)``: text tokens, or RAIN's one token of the reference picture.

        Returns:
            ``"{layer}.prompt_k"`` and ``"{layer}.prompt_v"``, or ``"{layer}.prompt_out"`` for one token.
        """
        return {
            f"{part.layer}.{name}": value
            for part in self.spatial_transformers()
            for name, value in part.block.project_prompt(embeds).items()
        }

    def project_reference(self, banks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Project a reference once per avatar, through this network's own keys and values.

        Args:
            banks: Layer -> ``(1, Lr, D)``, from ``reference_net.read_banks``; several references are joined
                along Lr.

        Returns:
            ``"{layer}.reference_k"`` and ``"{layer}.reference_v"``, ``(1, heads, Lr, D / heads)``.

        Raises:
            KeyError: a layer's bank is missing.
        """
        projected = {}
        for part in self.spatial_transformers():
            k, v = part.block.attn1.project(banks[part.layer])
            projected[f"{part.layer}.reference_k"] = k
            projected[f"{part.layer}.reference_v"] = v
        return projected

    def spatial_transformers(self) -> Iterator[SpatialTransformer]:
        """Yield the spatial transformers, down to up."""
        return (part for part in self.modules() if isinstance(part, SpatialTransformer))

    def temporal_layers(self, height: int, width: int) -> dict[str, tuple[int, int, int]]:
        """Return each temporal attention's heads, tokens and width of a head, in the order of the pass.

        ``engine.denoise.memory.KvRing`` is built from it.
        """
        cells = self.cells(height, width)
        return {
            f"{part.layer}.{index}": (part.heads, cells[self.level_of(part.layer)], part.width // part.heads)
            for part in self.modules()
            if isinstance(part, TemporalTransformer)
            for index in range(part.num_attentions)
        }

    def cells(self, height: int, width: int) -> list[int]:
        """Return the number of cells at each level for latents of a size."""
        counts = []
        for _ in self.config.widths:
            counts.append(height * width)
            height, width = (height + 1) // 2, (width + 1) // 2
        return counts

    def level_of(self, layer: str) -> int:
        """Return the level of a layer by its name: "d10" -> 1, "m" -> the last, "u10" -> the last but one."""
        last = len(self.config.widths) - 1
        if layer == "m":
            return last
        index = int(layer[1])
        return index if layer[0] == "d" else last - index
