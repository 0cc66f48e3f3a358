"""Compare RAIN's networks, sampler and stream with golden tensors: ``python -m tests.parity.rain DIR``.

``DIR`` is any folder of the goldens' layout (``cases.json``, ``weights/``, one file per case). Every expected
tensor is compared: reference banks, the denoiser at every number of frames, the sampler, the pose guider, the
remembering decoder, the stream through the rolling buffer, and retargeting with its drawings. Prints the
error of each, then one line of JSON; the exit code is 1 when one is out of tolerance or a case cannot be
computed, 2 when the folder is none of goldens. ``--half`` rounds what
every layer gives to float16, as a GPU does that multiplies in float16 and sums in float32, and allows
``HALF_TOLERANCE``; buffer and sampler stay float32.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.diffusion.consistency import Boundary
from models.diffusion.solvers import step, step_weights
from models.networks.embeddings import guidance_sinusoid, timestep_sinusoid
from models.networks.looks import WithReference
from models.networks.reference_net import read_banks
from models.networks.unet import UNetInputs
from tests.parity import rain_retarget
from tests.parity.goldens import Check, Goldens, attempted, exit_code, report
from tests.parity.rain_goldens import (
    Rain,
    Tensors,
    canvases_of,
    frames_first,
    frames_third,
    sets_in,
    system,
)
from tests.parity.rain_stream import Stream

CORE_DIR = Path(__file__).parent / "rain"
HALF_TOLERANCE = 2e-2
"""Relative L2 of float16 networks; measured: 3.5e-3 in one forward pass, 1.2e-2 after eight calls."""
_BOUNDARY = {"out.c_skip": Boundary.c_skip, "out.c_out": Boundary.c_out}


def reference_net(rain: Rain, case: str) -> Tensors:
    given, network = rain.goldens.tensors(case), rain.reference()
    got = {}
    for each in sets_in(given):
        latents, token = (given[f"in.{name}_{each}"] for name in ("ref_latents", "clip_token"))
        banks = read_banks(network, latents, token)
        got.update({f"out.{each}.{layer}": bank for layer, bank in banks.items()})
    return got


def denoiser(rain: Rain, case: str) -> Tensors:
    given, unet = rain.goldens.tensors(case), rain.unet()
    references = rain.goldens.tensors("reference_net")
    constants = {}
    for each in sets_in(references):
        prefix = f"out.{each}."
        banks = {
            name.removeprefix(prefix): bank for name, bank in references.items() if name.startswith(prefix)
        }
        prompt = unet.project_prompt(references[f"in.clip_token_{each}"])
        constants[each] = (unet.project_reference(banks), prompt)
    got = {}
    for run in rain.goldens.cases[case]["runs"]:
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


def scheduler(rain: Rain, case: str) -> Tensors:
    entry, given = rain.goldens.cases[case], rain.goldens.tensors(case)
    diffusion = system(rain.goldens).diffusion
    grid = diffusion.timesteps
    levels = [diffusion.schedule.level(float(t)) for t in range(diffusion.schedule.num_train_timesteps)]
    got = {"out.alphas_cumprod": torch.tensor([level.alpha**2 for level in levels])}
    for run in entry["runs"]:
        previous, denoised = zip(*_steps(run, given, diffusion, levels), strict=True)
        got[run["outputs"][0]] = frames_third(torch.stack(previous))
        got[run["outputs"][1]] = frames_third(torch.stack(denoised))
    for name in entry["tensors"]:
        if name.startswith("out.timesteps_"):
            got[name] = torch.tensor(grid(int(name.rsplit("_", 1)[1])))
        elif name.startswith("out.w_embedding_w"):
            scale, dim = name.removeprefix("out.w_embedding_w").split("_dim")
            got[name] = guidance_sinusoid(torch.tensor([float(scale)]), int(dim))
        elif name == "out.time_sinusoid":
            got[name] = timestep_sinusoid(given["in.time_values"], given[name].shape[1])
        elif name in _BOUNDARY:
            ascending = sorted(grid(given[name].numel()))
            got[name] = torch.tensor([_BOUNDARY[name](diffusion.boundary, t) for t in ascending])
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
    entry, given = rain.goldens.cases[case], rain.goldens.tensors(case)
    guider = rain.pose_guider(Path(entry["weights"][0]).stem, entry.get("config"))
    canvases = {}
    if "in.canvas" in given:
        canvases["out.features"] = frames_first(given["in.canvas"])
    if "in.canvas_u8" in given:
        canvases["out.features_u8"] = canvases_of(given["in.canvas_u8"])
    return {name: frames_third(guider(canvas)) for name, canvas in canvases.items()}


def taesdv(rain: Rain, case: str) -> Tensors:
    given, codec = rain.goldens.tensors(case), rain.codec()
    calls = sorted(int(name.rsplit("_", 1)[1]) for name in given if name.startswith("in.latents_"))
    got, memories = {}, []
    for call in calls:
        memories = memories or codec.initial_memories(*given[f"in.latents_{call}"].shape[-2:])
        pictures, memories = codec(given[f"in.latents_{call}"][0], memories)
        got[f"out.images_{call}"] = pictures[None]
        got.update({f"out.memory_{call}_{index}": memory for index, memory in enumerate(memories)})
    if "in.frames" in given:
        got["out.encoded"] = codec.encode(given["in.frames"][0])[None]
    return got


def streaming(rain: Rain, case: str) -> Tensors:
    return Stream(rain, case).run()


KINDS: dict[str, Callable[[Rain, str], Tensors]] = {
    "reference_net": reference_net,
    "denoiser": denoiser,
    "scheduler": scheduler,
    "pose_guider": pose_guider,
    "taesdv": taesdv,
    "streaming": streaming,
}
"""What a case is follows from how its name begins."""
_RETARGET = "retarget"


def run(directory: Path, *, half: bool = False) -> list[Check]:
    """Compare every case of a folder; one that cannot be computed is a miss.

    Raises:
        NoGoldensError: The folder is none of goldens.
    """
    goldens = Goldens(directory)
    rain = Rain(goldens, half=half)
    checks = []
    with torch.inference_mode():
        for case in goldens.cases:
            checks += attempted(case, partial(_checks_of, rain, case))
    return checks


def _checks_of(rain: Rain, case: str) -> list[Check]:
    kind = next((kind for kind in (*KINDS, _RETARGET) if case.startswith(kind)), None)
    if kind is None:
        raise ValueError(f"a case of a kind that is not known here, expected {(*KINDS, _RETARGET)}")
    if kind == _RETARGET:
        return rain_retarget.run(rain.goldens.directory, case)
    # the sampler has no network: it stays as exact as it is
    least = HALF_TOLERANCE if rain.half and kind != "scheduler" else 0.0
    return rain.goldens.compare(case, KINDS[kind](rain, case), least)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="RAIN against golden tensors.")
    parser.add_argument("directory", type=Path, nargs="?", default=CORE_DIR)
    parser.add_argument("--half", action="store_true", help="layers rounded to float16, wider tolerance")
    options = parser.parse_args(arguments)
    return exit_code(lambda: report("rain", run(options.directory, half=options.half)))


if __name__ == "__main__":
    sys.exit(main())
