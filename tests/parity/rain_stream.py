"""RAIN's stream on the rolling buffer, with the noise of the goldens."""

import torch
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.runtime_denoiser import RuntimeDenoiser
from engine.denoise.settings import LatentSpec
from models.networks.reference_net import read_banks
from models.networks.unet_graphs import UNetShape, unet_graph
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.parity.rain_goldens import Rain, Tensors, canvases_of, frames_first, frames_third, system


class Recorded:
    """Plays recorded noise back in the order in which the buffer draws."""

    def __init__(self, noises: list[Tensor]) -> None:
        self._noises = iter(noises)

    def __call__(self, out: Tensor) -> None:
        out.copy_(next(self._noises))

    def reseed(self, seed: int) -> None:
        """Stay where it is."""


class Stream:
    """RAIN's stream on the rolling buffer, with the noise of the goldens."""

    def __init__(self, rain: Rain, case: str) -> None:
        self.rain, self.given = rain, rain.goldens.tensors(case)
        self.case = rain.goldens.cases[case]
        self.unet, self.reference_net, self.codec = rain.unet(), rain.reference(), rain.codec()
        guider = next(name for name in self.case["weights"] if name.startswith("pose_guider"))
        self.guider = rain.pose_guider(guider.removesuffix(".safetensors"))
        size = self.given["in.new_noise_1"].shape[-2:]
        self.memories = self.codec.initial_memories(*size)
        self.buffer = self._buffer(size)
        self.buffer.set_guidance(self.case["guidance"])
        self.shown = ""

    def _buffer(self, size: torch.Size) -> RollingBuffer:
        settings, unet = system(self.rain.goldens), self.unet
        runtime = RuntimeSettings(
            kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=torch.get_num_threads()
        )
        denoise = RuntimeDenoiser(
            lambda frames: unet_graph(unet, UNetShape(frames=frames, height=size[0], width=size[1])),
            runtime,
            settings.levels * settings.chunk,
        )

        def watched(latents: Tensor, levels: Tensor, conditions: Tensors, reference: Tensors) -> Tensor:
            # what the network is given lies in the buffer's own memory, so it shows the step afterwards
            self.under_way, self.timesteps = latents, levels
            return denoise(latents, levels, conditions, reference)

        noises = [
            frames_first(self.given[f"in.{kind}_noise_{call['call']}"])
            for call in self.case["calls"]
            for kind in ("new", "step")
        ]
        spec = LatentSpec(shape=(unet.config.in_channels, *size))
        return RollingBuffer(watched, settings, spec, draw=Recorded(noises))

    def run(self) -> Tensors:
        got: Tensors = {}
        for call in self.case["calls"]:
            self._show(call["reference_set"])
            number = call["call"]
            canvases = canvases_of(self.given[f"in.pose_u8_{number}"])
            popped = self.buffer.push({"pose": self.guider(canvases)})
            if not torch.equal(self.timesteps.long(), self.given[f"in.timesteps_{number}"][0]):
                raise ValueError(f"call {number}: other timesteps, {self.timesteps.tolist()}")
            got[f"out.latents_{number}"] = frames_third(self.under_way.clone())
            if popped is None:
                continue
            got[f"out.popped_{number}"] = frames_third(popped.latents.clone())
            pictures, self.memories = self.codec(popped.latents, self.memories)
            shown = call.get("image_frames", list(range(len(pictures))))
            got[f"out.images_{number}"] = pictures[shown].clamp(0, 1)[None]
        return got

    def _show(self, reference_set: str) -> None:
        if reference_set == self.shown:
            return
        latents, token = (self.given[f"in.{name}_{reference_set}"] for name in ("ref_latents", "clip_token"))
        banks = read_banks(self.reference_net, latents, token)
        self.buffer.set_reference(self.unet.project_reference(banks) | self.unet.project_prompt(token))
        self.shown = reference_set
