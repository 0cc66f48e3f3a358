"""Compare RAIN's networks, sampler and stream with golden tensors: ``python -m tests.parity.rain DIR``.

``DIR`` is any folder of the goldens' layout (``cases.json``, ``weights/``, one file per case). Every expected
tensor is compared: reference banks, the denoiser at every number of frames, the sampler, the pose guider, the
remembering decoder, the stream through the rolling buffer, and retargeting with its drawings. Prints the
error of each, then one line of JSON; the exit code is 1 when one is out of tolerance. ``--half`` rounds what
every layer gives to float16, as a GPU does that multiplies in float16 and sums in float32, and allows
``HALF_TOLERANCE``; buffer and sampler stay float32.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from engine.denoise.buffer import RollingBuffer
from engine.denoise.presets import RAIN
from engine.denoise.runtime_denoiser import RuntimeDenoiser
from engine.denoise.settings import BufferSettings, LatentSpec
from models.checkpoints.published import own_state
from models.diffusion.schedules import BetaSchedule, DiscreteSchedule
from models.diffusion.solvers import step, step_weights
from models.diffusion.timesteps import TrailingTimesteps
from models.networks.embeddings import guidance_sinusoid, timestep_sinusoid
from models.networks.looks import WithReference
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.reference_net import read_banks
from models.networks.taesdv import Taesdv
from models.networks.unet import TemporalConfig, UNet, UNetConfig, UNetInputs
from models.networks.unet_graphs import UNetShape, unet_graph
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.parity import rain_retarget
from tests.parity.goldens import Check, Goldens, report

CORE_DIR = Path(__file__).parent / "rain"
HALF_TOLERANCE = 2e-2
"""Relative L2 of float16 networks; measured: 3.5e-3 in one forward pass, 1.2e-2 after eight calls."""

Tensors = dict[str, Tensor]
N = TypeVar("N", bound=nn.Module)


class Rain:
    """The networks of a folder of goldens."""

    def __init__(self, goldens: Goldens, *, half: bool = False) -> None:
        self.goldens = goldens
        self.half = half
        self.configs: Mapping[str, Any] = goldens.document["configs"]

    def unet(self) -> UNet:
        return self._loaded(UNet(unet_config(self.configs["denoising_unet"])), "motion_unet")

    def reference(self) -> UNet:
        config = replace(unet_config(self.configs["reference_unet"]), has_output=False)
        return self._loaded(UNet(config), "reference_unet")

    def pose_guider(self, name: str) -> PoseGuider:
        config = self.configs[name]
        widths, out = tuple(config["block_channels"]), config["out_channels"]
        return self._loaded(PoseGuider(PoseGuiderConfig(widths=widths, out_channels=out)), name)

    def codec(self) -> Taesdv:
        return self._loaded(Taesdv(), "taesdv")

    def _loaded(self, network: N, name: str) -> N:
        file = f"{name}.safetensors"
        network.load_state_dict(own_state(network, self.goldens.weights(file), file))
        if self.half:
            for part in network.modules():
                part.register_forward_hook(_rounded)
        return network.eval().requires_grad_(requires_grad=False)


def _rounded(_part: nn.Module, _given: object, out: object) -> object:
    return out.half().float() if isinstance(out, Tensor) else out


def unet_config(config: Mapping[str, Any]) -> UNetConfig:
    temporal = None
    if config.get("use_motion_module"):
        motion = config["motion_module_kwargs"]
        temporal = TemporalConfig(
            heads=motion["num_attention_heads"],
            max_frames=motion["temporal_position_encoding_max_len"],
            num_attentions=len(motion["attention_block_types"]),
            in_mid_block=config["motion_module_mid_block"],
        )
    return UNetConfig(
        in_channels=config["in_channels"],
        widths=tuple(config["block_out_channels"]),
        layers=config["layers_per_block"],
        heads=config["attention_head_dim"],
        prompt_dim=config["cross_attention_dim"],
        groups=config["norm_num_groups"],
        guidance_dim=config.get("cond_proj_dim") or 0,
        temporal=temporal,
    )


def system(goldens: Goldens) -> BufferSettings:
    """The preset with the goldens' own numbers of groups, frames and steps."""
    configs = goldens.document["configs"]
    scheduler = configs["scheduler"]
    schedule = DiscreteSchedule(
        betas=BetaSchedule(scheduler["beta_schedule"]),
        beta_start=scheduler["beta_start"],
        beta_end=scheduler["beta_end"],
        num_train_timesteps=scheduler["num_train_timesteps"],
        zero_terminal_snr=scheduler["rescale_betas_zero_snr"],
    )
    diffusion = replace(RAIN.diffusion, schedule=schedule)
    return replace(
        RAIN,
        diffusion=diffusion,
        levels=configs["groups"],
        chunk=configs["frames_per_group"],
        micro=configs["inference_steps"] // configs["groups"],
    )


def frames_first(values: Tensor) -> Tensor:
    """``(1, C, F, h, w)`` -> ``(F, C, h, w)``."""
    return values[0].transpose(0, 1)


def frames_third(values: Tensor) -> Tensor:
    """``(F, C, h, w)`` -> ``(1, C, F, h, w)``."""
    return values.transpose(0, 1)[None]


def _canvases(pictures: Tensor) -> Tensor:
    """``(F, H, W, 3)`` bytes -> ``(F, 3, H, W)`` 0..1."""
    return pictures.permute(0, 3, 1, 2).float() / 255.0


def _sets(tensors: Tensors) -> list[str]:
    prefix = "in.ref_latents_"
    return [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]


def reference_net(rain: Rain) -> Tensors:
    given, network = rain.goldens.tensors("reference_net"), rain.reference()
    got = {}
    for each in _sets(given):
        latents, token = (given[f"in.{name}_{each}"] for name in ("ref_latents", "clip_token"))
        banks = read_banks(network, latents, token)
        got.update({f"out.{each}.{layer}": bank for layer, bank in banks.items()})
    return got


def denoiser(rain: Rain) -> Tensors:
    given, unet = rain.goldens.tensors("denoiser"), rain.unet()
    references = rain.goldens.tensors("reference_net")
    constants = {}
    for each in _sets(references):
        prefix = f"out.{each}."
        banks = {
            name.removeprefix(prefix): bank for name, bank in references.items() if name.startswith(prefix)
        }
        prompt = unet.project_prompt(references[f"in.clip_token_{each}"])
        constants[each] = (unet.project_reference(banks), prompt)
    got = {}
    for run in rain.goldens.cases["denoiser"]["runs"]:
        projected, prompt = constants[run["reference_set"]]
        count = run["frames"]
        inputs = UNetInputs(
            prompt=prompt,
            look=WithReference(projected),
            control=frames_first(given["in.pose_features"])[:count],
            guidance_scale=torch.tensor([run["guidance"]]),
        )
        latents = frames_first(given["in.sample"])[:count]
        got[run["output"]] = frames_third(unet(latents, given[run["timesteps"]][0], inputs))
    return got


def scheduler(rain: Rain) -> Tensors:
    case, given = rain.goldens.cases["scheduler"], rain.goldens.tensors("scheduler")
    diffusion = system(rain.goldens).diffusion
    levels = [diffusion.schedule.level(float(t)) for t in range(diffusion.schedule.num_train_timesteps)]
    got = {"out.alphas_cumprod": torch.tensor([level.alpha**2 for level in levels])}
    for run in case["runs"]:
        previous, denoised = zip(*_steps(run, given, diffusion, levels), strict=True)
        got[run["outputs"][0]] = frames_third(torch.stack(previous))
        got[run["outputs"][1]] = frames_third(torch.stack(denoised))
    for name in case["tensors"]:
        if name.startswith("out.timesteps_"):
            got[name] = torch.tensor(TrailingTimesteps()(int(name.rsplit("_", 1)[1])))
        elif name.startswith("out.w_embedding_w"):
            scale, dim = name.removeprefix("out.w_embedding_w").split("_dim")
            got[name] = guidance_sinusoid(torch.tensor([float(scale)]), int(dim))
    sinusoid = "out.time_sinusoid"
    got[sinusoid] = timestep_sinusoid(given["in.time_values"], given[sinusoid].shape[1])
    boundary, ascending = diffusion.boundary, sorted(TrailingTimesteps()(given["out.c_skip"].numel()))
    got["out.c_skip"] = torch.tensor([boundary.c_skip(t) for t in ascending])
    got["out.c_out"] = torch.tensor([boundary.c_out(t) for t in ascending])
    return got


def _steps(
    run: Mapping[str, Any], given: Tensors, diffusion: Any, levels: list[Any]
) -> Iterator[tuple[Tensor, Tensor]]:
    clean = replace(levels[0], timestep=0.0, alpha=1.0, sigma=0.0)
    spacing = len(levels) // run["inference_steps"]
    x, v, noise = (frames_first(given[f"in.{name}"]) for name in ("x", "v", "noise"))
    for frame, timestep in enumerate(given[run["timesteps"]][0].tolist()):
        following = levels[timestep - spacing] if timestep >= spacing else clean
        for_frame = (diffusion.solver, diffusion.prediction, levels[timestep])
        previous, denoised = (
            step(x[frame], v[frame], noise[frame], step_weights(*for_frame, target, diffusion.boundary))
            for target in (following, clean)
        )
        yield previous, denoised


def pose_guider(rain: Rain, case: str) -> Tensors:
    given, guider = rain.goldens.tensors(case), rain.pose_guider(case)
    canvases = {"out.features": frames_first(given["in.canvas"])}
    if "in.canvas_u8" in given:
        canvases["out.features_u8"] = _canvases(given["in.canvas_u8"])
    return {name: frames_third(guider(canvas)) for name, canvas in canvases.items()}


def taesdv(rain: Rain) -> Tensors:
    given, codec = rain.goldens.tensors("taesdv"), rain.codec()
    calls = sorted(int(name.rsplit("_", 1)[1]) for name in given if name.startswith("in.latents_"))
    memories = codec.initial_memories(*given["in.latents_1"].shape[-2:])
    got = {}
    for call in calls:
        pictures, memories = codec(given[f"in.latents_{call}"][0], memories)
        got[f"out.images_{call}"] = pictures[None]
        got.update({f"out.memory_{call}_{index}": memory for index, memory in enumerate(memories)})
    got["out.encoded"] = codec.encode(given["in.frames"][0])[None]
    return got


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

    def __init__(self, rain: Rain) -> None:
        self.rain, self.given = rain, rain.goldens.tensors("streaming")
        self.case = rain.goldens.cases["streaming"]
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
            canvases = _canvases(self.given[f"in.pose_u8_{number}"])
            popped = self.buffer.push({"pose": self.guider(canvases)})
            if not torch.equal(self.timesteps.long(), self.given[f"in.timesteps_{number}"][0]):
                raise ValueError(f"call {number}: other timesteps, {self.timesteps.tolist()}")
            got[f"out.latents_{number}"] = frames_third(self.under_way.clone())
            if popped is None:
                continue
            got[f"out.popped_{number}"] = frames_third(popped.latents.clone())
            pictures, self.memories = self.codec(popped.latents, self.memories)
            got[f"out.images_{number}"] = pictures[call["image_frames"]].clamp(0, 1)[None]
        return got

    def _show(self, reference_set: str) -> None:
        if reference_set == self.shown:
            return
        latents, token = (self.given[f"in.{name}_{reference_set}"] for name in ("ref_latents", "clip_token"))
        banks = read_banks(self.reference_net, latents, token)
        self.buffer.set_reference(self.unet.project_reference(banks) | self.unet.project_prompt(token))
        self.shown = reference_set


def streaming(rain: Rain) -> Tensors:
    return Stream(rain).run()


CASES: dict[str, Callable[[Rain], Tensors]] = {
    "reference_net": reference_net,
    "denoiser": denoiser,
    "scheduler": scheduler,
    "taesdv": taesdv,
    "streaming": streaming,
}


def answers(rain: Rain, case: str) -> Tensors:
    if case.startswith("pose_guider"):
        return pose_guider(rain, case)
    return CASES[case](rain)


def run(directory: Path, *, half: bool = False) -> list[Check]:
    """Compare every case of a folder. Raises ``KeyError`` for a case that is not known here."""
    goldens = Goldens(directory)
    rain = Rain(goldens, half=half)
    least = HALF_TOLERANCE if half else 0.0
    checks = []
    with torch.inference_mode():
        for case in goldens.cases:
            if case == "retarget":
                checks += [
                    Check(case=case, name=c.name, metric=c.metric, error=c.error, tolerance=c.tolerance)
                    for c in rain_retarget.run(directory)
                ]
            else:
                # the sampler has no network: it stays as exact as it is
                widened = 0.0 if case == "scheduler" else least
                checks += goldens.compare(case, answers(rain, case), widened)
    return checks


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="RAIN against golden tensors.")
    parser.add_argument("directory", type=Path, nargs="?", default=CORE_DIR)
    parser.add_argument("--half", action="store_true", help="layers rounded to float16, wider tolerance")
    options = parser.parse_args(arguments)
    return report("rain", run(options.directory, half=options.half))


if __name__ == "__main__":
    sys.exit(main())
