"""One style of Live2Diff at work: its networks on a runtime, and what is made of a prompt for them."""

from dataclasses import replace

import torch
from torch import Tensor

from engine.condition.prompt import PromptEncoder
from engine.denoise.memory import KvRing
from engine.denoise.noise import SeededDraw
from engine.denoise.ring_denoiser import RingDenoiser, WarmUpDenoiser
from engine.denoise.settings import BufferSettings
from engine.denoise.warm_up import WarmedUp, WarmFrames, warm_up
from models.checkpoints.live2diff import Live2DiffNetworks
from models.networks.pocket_graphs import Graph
from models.networks.ring_graphs import RingShape, ring_graph
from models.runtimes.load import load_network
from models.runtimes.protocol import RuntimeSettings


class Style:
    """A checkpoint, LoRAs fused, and everything that depends on it.

    Its denoiser and ``features`` belong to the stream's thread, ``warm_up`` to the one that runs warm-ups,
    and ``reference`` to any.

    Args:
        networks: UNet, depth mapper, text encoder.
        runtime: How they are run.
        cells: ``(h, w)`` of the latents.
        clip_skip: Last layers of the text encoder that are left out.
    """

    def __init__(
        self, networks: Live2DiffNetworks, runtime: RuntimeSettings, cells: tuple[int, int], clip_skip: int
    ) -> None:
        self.networks = networks
        self._runtime = runtime
        self._cells = cells
        self._clip_skip = clip_skip
        self.layers = networks.unet.temporal_layers(*cells)
        weight = networks.unet.conv_in.weight
        self.dtype, self.device = weight.dtype, str(weight.device)
        shape = RingShape(frames=0, height=cells[0], width=cells[1], prompt_tokens=self._prompts().num_tokens)
        self._shape = shape
        self._warm = WarmUpDenoiser(
            lambda frames: ring_graph(networks.unet, replace(shape, frames=frames)),
            tuple(self.layers),
            runtime,
        )
        mapper, like = networks.depth_mapper, weight.new_zeros(1, networks.unet.config.in_channels, *cells)
        graph = Graph(mapper, {"condition": like}, ("depth",))
        self._mapper = load_network(graph.module, graph.inputs, graph.outputs, runtime)

    def denoiser(self, ring: KvRing, levels: int) -> RingDenoiser:
        """Return the denoiser for a ring of up to ``levels`` levels, compiled when first called."""

        def graph_of(frames: int) -> Graph:
            rows = ring.tensors(0, 0, frames)
            return ring_graph(self.networks.unet, replace(self._shape, frames=frames, ring=rows))

        return RingDenoiser(graph_of, tuple(self.layers), self._runtime, levels)

    def reference(self, prompt: str) -> dict[str, Tensor]:
        """Return what the denoiser is told of a prompt. Raises ``ValueError`` without a tokenizer."""
        embeds = self._prompts().encode(prompt)
        with torch.no_grad():
            return self.networks.unet.project_prompt(embeds.to(self.device, self.dtype))

    def features(self, depth_latents: Tensor) -> Tensor:
        """Return the features of a frame's depth latents ``(1, C, h, w)``; new memory."""
        with torch.no_grad():
            return self._mapper.run({"condition": depth_latents.to(self.dtype)})["depth"].clone()

    def warm_up(self, settings: BufferSettings, frames: WarmFrames, seed: int) -> WarmedUp:
        """Take frames through all levels; see ``warm_up.warm_up``."""
        draw = SeededDraw(self.device)
        draw.reseed(seed)
        return warm_up(self._warm, settings, frames, draw)

    def _prompts(self) -> PromptEncoder:
        # a new one each time: two threads may ask, and it remembers
        base = self.networks.base
        return PromptEncoder(base.text_encoder, base.tokenizer, self._clip_skip)
