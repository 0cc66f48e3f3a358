"""Compare Live2Diff's network, sampler and stream with goldens: ``python -m tests.parity.live2diff DIR``.

``DIR`` is any folder of the goldens' layout (``cases.json``, ``config.json``, ``weights/``, one file per
case). Streams run with the published start (``Boot.ZEROS``, ``RingStart.PUBLISHED``), which the product does
not use. Prints the error of each tensor, then one line of JSON; the exit code is 1 when one is out of
tolerance or a case cannot be computed, 2 when the folder is none of goldens. Tables that a case hands in are
compared with our own, too.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.denoise.memory import KvRing
from models.diffusion.schedules import CLEAN
from models.diffusion.solvers import step, step_weights
from models.networks.attention import RingSlots, TemporalAttention
from models.networks.depth import depth_picture, extremes, network_input
from models.networks.looks import BesideRing, IntoRing
from models.networks.pose_guider import PoseGuider
from models.networks.unet import UNet, UNetInputs
from models.networks.unet_parts import TemporalTransformer
from tests.parity.goldens import Check, attempted, exit_code, report
from tests.parity.live2diff_goldens import (
    Live2Diff,
    Live2DiffGoldens,
    Notes,
    Tensors,
    both,
    indices,
    rows_first,
    tables,
    warmed_ring,
)
from tests.parity.live2diff_stream import Stream

CORE_DIR = Path(__file__).parent / "live2diff"
_NET_INPUT = "net_input_every"
_TIMESTEPS = "timesteps_"


def temporal_attention(live: Live2Diff, case: str) -> Tensors:
    given, sizes = live.goldens.tensors(case), live.goldens.cases[case]["parameters"]
    attention = live.part(
        TemporalAttention(sizes["channels"], sizes["heads"], live.temporal.max_frames), sizes["weight_prefix"]
    )
    size = (sizes["heads"], sizes["locations"], sizes["channels"] // sizes["heads"])
    ring = KvRing({"a": size}, live.ring, sizes["rows"])
    outputs, sinks = [], []
    for frames in given["warmup_input"]:
        branch, newest = attention.look_back(frames, None, RingSlots.without_past(len(frames), frames))
        outputs.append(branch)
        sinks.append({"a.keys": newest.keys, "a.values": newest.values})
    warmed_ring(ring, sinks)
    got = {"warmup_output": torch.stack(outputs), "cache_after_warmup": both(_all(ring, sizes), "a")}
    notes = Notes()
    for x in given["input"]:
        tensors = _all(ring, sizes)
        notes.add(**tables(tensors, live.ring.window))
        branch = IntoRing(tensors)(attention, rows_first(x), "a")
        notes.add(output=rows_first(branch), cache_after=both(tensors, "a"))
        ring.advance(0, sizes["rows"])
    return got | notes.stacked()


def _all(ring: KvRing, sizes: dict[str, Any]) -> Tensors:
    return dict(ring.tensors(0, 0, sizes["rows"]))


def temporal_module(live: Live2Diff, case: str) -> Tensors:
    given, sizes = live.goldens.tensors(case), live.goldens.cases[case]["parameters"]
    module = live.part(
        TemporalTransformer(
            width=sizes["channels"],
            heads=sizes["heads"],
            max_frames=live.temporal.max_frames,
            groups=live.temporal.groups,
            num_attentions=live.temporal.num_attentions,
            layer="a",
        ),
        sizes["weight_prefix"],
    )
    names = [f"a.{index}" for index in range(live.temporal.num_attentions)]
    size = (sizes["heads"], sizes["height"] * sizes["width"], sizes["channels"] // sizes["heads"])
    ring = KvRing(dict.fromkeys(names, size), live.ring, sizes["rows"])
    outputs, sinks = [], []
    for frames in given["warmup_input"][:, 0].transpose(1, 2):
        shown: Any = {}
        look = BesideRing(None, RingSlots.without_past(len(frames), frames), shown)
        outputs.append(module(frames, look).transpose(0, 1)[None])
        sinks.append(_sinks(shown))
    warmed_ring(ring, sinks)
    notes, snapshots = Notes(), [_stacked_caches(ring, sizes, names)]
    for x in given["input"]:
        tensors = _all(ring, sizes)
        slots = tensors["ring.write_index"].flip(0)[:, 0]
        notes.add(**tables(tensors, live.ring.window))
        notes.add(output=rows_first(module(rows_first(x[:, :, 0]), IntoRing(tensors)))[:, :, None])
        caches = _stacked_caches(ring, sizes, names)
        snapshots.append(caches)
        rows = torch.arange(sizes["rows"])
        notes.add(written=caches[:, rows, :, :, slots].transpose(0, 1))
        ring.advance(0, sizes["rows"])
    kept = torch.stack([snapshots[call] for call in sizes["cache_snapshots_after_call"]])
    return {"warmup_output": torch.stack(outputs), "cache_snapshots": kept} | notes.stacked()


def _stacked_caches(ring: KvRing, sizes: dict[str, Any], names: Sequence[str]) -> Tensor:
    return torch.stack([both(_all(ring, sizes), name) for name in names])


def _sinks(shown: Any) -> Tensors:
    keys = {f"{layer}.keys": newest.keys for layer, newest in shown.items()}
    return keys | {f"{layer}.values": newest.values for layer, newest in shown.items()}


class UnetCase:
    """The whole network called directly, with rings of its own."""

    def __init__(self, live: Live2Diff, case: str) -> None:
        self.live, self.given = live, live.goldens.tensors(case)
        self.sizes = live.goldens.cases[case]["parameters"]
        self.unet, self.mapper = live.networks()
        self.prompt = self.unet.project_prompt(self.given["text"])
        height, width = self.given["sample"].shape[-2:]
        self.layers = self.unet.temporal_layers(height, width)
        self.ring = KvRing(self.layers, live.ring, self.sizes["rows"])

    def run(self) -> Tensors:
        notes, got = Notes(), self.warm_up()
        norms = [self.norms()]
        got |= self.caches("after_warmup")
        wanted = {name.removeprefix("call0.") for name in self.given if name.startswith("call0.")}
        for call, (sample, depth) in enumerate(zip(self.given["sample"], self.given["depth"], strict=True)):
            tensors = _all(self.ring, self.sizes)
            notes.add(**tables(tensors, self.live.ring.window))
            with _Watched(self.unet, self.mapper, wanted if call == 0 else set()) as seen:
                eps = self(rows_first(sample[:, :, 0]), rows_first(depth[:, :, 0]), IntoRing(tensors))
            got |= {f"call0.{name}": value for name, value in seen.items()}
            notes.add(eps=rows_first(eps)[:, :, None])
            norms.append(self.norms())
            self.ring.advance(0, self.sizes["rows"])
        return got | self.caches("after_last") | notes.stacked() | {"cache_norm": torch.stack(norms)}

    def __call__(self, latents: Tensor, depth: Tensor, look: Any) -> Tensor:
        timesteps = rows_first(self.given["timesteps"]).repeat_interleave(len(latents) // self.sizes["rows"])
        inputs = UNetInputs(prompt=self.prompt, across=look, control=self.mapper(depth))
        return self.unet(latents, timesteps, inputs)

    def warm_up(self) -> Tensors:
        outputs, sinks = [], []
        for row, timestep in enumerate(self.given["timesteps"]):
            latents, depth = (
                self.given[name][row].transpose(0, 1) for name in ("warmup_sample", "warmup_depth")
            )
            shown: Any = {}
            look = BesideRing(None, RingSlots.without_past(len(latents), latents), shown)
            inputs = UNetInputs(prompt=self.prompt, across=look, control=self.mapper(depth))
            outputs.append(self.unet(latents, timestep.expand(len(latents)), inputs).transpose(0, 1)[None])
            sinks.append(_sinks(shown))
        warmed_ring(self.ring, sinks)
        return {"warmup_eps": torch.stack(outputs)}

    def norms(self) -> Tensor:
        tensors = _all(self.ring, self.sizes)
        return torch.stack([both(tensors, layer).pow(2).sum(dim=(2, 4)).sqrt() for layer in self.layers])

    def caches(self, when: str) -> Tensors:
        names, tensors = list(self.layers), _all(self.ring, self.sizes)
        wanted = self.sizes["cache_snapshot_indices"]
        return {f"cache{index}_{when}": both(tensors, names[index]) for index in wanted}


class _Watched:
    """Notes what named parts give, rows first and with the frame axis of the goldens."""

    def __init__(self, unet: UNet, mapper: PoseGuider, wanted: set[str]) -> None:
        parts = dict(unet.named_modules()) | {"flow_conv_in": mapper}
        self.seen: Tensors = {}
        self._hooks = [parts[name].register_forward_hook(self._note(name)) for name in wanted]

    def _note(self, name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def note(_part: nn.Module, _given: Any, out: Tensor) -> None:
            rows = rows_first(out).clone()
            self.seen[name] = rows[:, :, None] if rows.ndim > 2 else rows

        return note

    def __enter__(self) -> Tensors:
        return self.seen

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()


def unet(live: Live2Diff, case: str) -> Tensors:
    return UnetCase(live, case).run()


def scheduler(live: Live2Diff, case: str) -> Tensors:
    entry, given = live.goldens.cases[case], live.goldens.tensors(case)
    diffusion = live.system([0]).diffusion
    timesteps = range(diffusion.schedule.num_train_timesteps)
    got = {
        "alphas_cumprod": torch.tensor([diffusion.schedule.level(float(t)).alpha ** 2 for t in timesteps]),
    }
    for name in entry["tensors"]:
        if name.startswith(_TIMESTEPS):
            got[name] = torch.tensor(live.grid(int(name.removeprefix(_TIMESTEPS))))
    for listed in entry["parameters"]["lists"]:
        got |= _of_list(live, listed, given)
    return got


def _of_list(live: Live2Diff, listed: dict[str, Any], given: Tensors) -> Tensors:
    prefix, places = listed["prefix"], indices(listed)
    diffusion = live.system(places, listed["steps"]).diffusion
    levels = [diffusion.schedule.level(t) for t in diffusion.timesteps(len(places))]
    boundary = diffusion.boundary
    got = {
        "timesteps": torch.tensor([level.timestep for level in levels]),
        "a": torch.tensor([level.alpha for level in levels]),
        "b": torch.tensor([level.sigma for level in levels]),
        "c_skip": torch.tensor([boundary.c_skip(level.timestep) for level in levels]),
        "c_out": torch.tensor([boundary.c_out(level.timestep) for level in levels]),
    }
    z, noise, renoise = (given[f"{prefix}{name}"] for name in ("z", "noise", "renoise"))
    noised = (level.alpha * z[row] + level.sigma * noise[row] for row, level in enumerate(levels))
    x = torch.stack(list(noised))
    x0, following = [], []
    for row, (level, eps) in enumerate(zip(levels, given[f"{prefix}eps"], strict=True)):
        for_row = (diffusion.solver, diffusion.prediction, level)
        x0.append(step(x[row], eps, eps, step_weights(*for_row, CLEAN, boundary)))
        if row + 1 < len(levels):
            to_next = step_weights(*for_row, levels[row + 1], boundary)
            following.append(step(x[row], eps, renoise[row], to_next))
    got |= {"x_t": x, "x0": torch.stack(x0), "x_next": torch.stack(following) if following else x[:0]}
    return {f"{prefix}{name}": value for name, value in got.items()}


def depth(live: Live2Diff, case: str) -> Tensors:
    entry, given = live.goldens.cases[case], live.goldens.tensors(case)
    got = {}
    for name, size in entry["parameters"].items():
        warm, maps = given["warmup_maps"], given["maps"]
        got[f"warmup_{name}"] = depth_picture(warm, *extremes(warm), tuple(size))
        alone = [depth_picture(each[None], *extremes(each[None]), tuple(size)) for each in maps]
        got[f"stream_{name}"] = torch.cat(alone)
    for name in entry["tensors"]:
        if name.startswith(_NET_INPUT):
            every = int(name.removeprefix(_NET_INPUT))
            got[name] = network_input(given["image"])[..., ::every, ::every]
    return got


def stream(live: Live2Diff, case: str) -> Tensors:
    return Stream(live, case).run()


KINDS: dict[str, Callable[[Live2Diff, str], Tensors]] = {
    "temporal_attention": temporal_attention,
    "temporal_module": temporal_module,
    "unet": unet,
    "scheduler": scheduler,
    "depth": depth,
    "stream": stream,
}
"""What a case is follows from how its name begins."""


def run(directory: Path) -> list[Check]:
    """Compare every case of a folder; one that cannot be computed is a miss.

    Raises:
        NoGoldensError: The folder is none of Live2Diff's goldens.
    """
    live = Live2Diff(Live2DiffGoldens(directory))
    checks = []
    with torch.inference_mode():
        for case in live.goldens.cases:
            checks += attempted(case, partial(_checks_of, live, case))
    return checks


def _checks_of(live: Live2Diff, case: str) -> list[Check]:
    kind = next((kind for kind in KINDS if case.startswith(kind)), None)
    if kind is None:
        raise ValueError(f"a case of a kind that is not known here, expected {tuple(KINDS)}")
    got, given = KINDS[kind](live, case), live.goldens.tensors(case)
    of_tables = [
        Check(
            case=case,
            name=f"{name} (ours)",
            metric="exact",
            error=float(torch.count_nonzero(got[name] != given[name])),
            tolerance=0.0,
        )
        for name in sorted(live.goldens.tables(case))
    ]
    return live.goldens.compare(case, got) + of_tables


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Live2Diff against golden tensors.")
    parser.add_argument("directory", type=Path, nargs="?", default=CORE_DIR)
    directory = parser.parse_args(arguments).directory
    return exit_code(lambda: report("live2diff", run(directory)))


if __name__ == "__main__":
    sys.exit(main())
