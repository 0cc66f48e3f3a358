"""RAIN's denoising tick with random weights: ``python -m tests.bench.rain``.

A tick is one push into the full rolling buffer: 16 frames, four noise levels, one forward. Compared in the
same run: the tick as it is, the same with the reference projected in every tick (as the published program
does), and the processor's runtime. A table, then one line of JSON. Weights are random: nothing here says
anything about pictures.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.denoise.buffer import RollingBuffer
from engine.denoise.presets import RAIN
from engine.denoise.runtime_denoiser import RuntimeDenoiser
from engine.denoise.settings import LatentSpec
from models.networks.looks import WithReference
from models.networks.reference_net import read_banks
from models.networks.unet import TemporalConfig, UNet, UNetConfig, UNetInputs
from models.networks.unet_graphs import UNetShape, unet_graph
from models.runtimes.choose import choose_runtime, probe_machine
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.bench import machine
from tests.bench.options import parser_of

Tensors = Mapping[str, Tensor]
FRAMES, CHUNK = 16, 4
FRAME_MS = 50.0  # at 20 fps


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    name: str
    height: int
    width: int
    config: UNetConfig


_TINY = UNetConfig(
    widths=(32, 32, 64, 64), prompt_dim=16, guidance_dim=32, temporal=TemporalConfig(), groups=32
)
_MIDDLE = replace(_TINY, widths=(64, 128, 256, 256), prompt_dim=64)
SIZES = (
    Size(name="tiny 8x8", height=8, width=8, config=_TINY),
    Size(name="tiny 8x16", height=8, width=16, config=_TINY),
    Size(name="tiny 16x16", height=16, width=16, config=_TINY),
    Size(name="middle 16x16", height=16, width=16, config=_MIDDLE),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """One size: a denoiser with random weights, and what an avatar gives it."""

    size: Size
    unet: UNet
    banks: Tensors
    constant: Tensors


def scene_of(size: Size, avatar: int = 0) -> Scene:
    torch.manual_seed(0)
    unet = UNet(size.config).eval().requires_grad_(requires_grad=False)
    plain = replace(size.config, guidance_dim=0, temporal=None, has_output=False)
    reference = UNet(plain).eval().requires_grad_(requires_grad=False)
    for network in (unet, reference):
        for name, weight in network.named_parameters():
            if weight.ndim > 1:
                torch.nn.init.normal_(weight, std=0.8 / weight[0].numel() ** 0.5)
            elif "norm" not in name:
                torch.nn.init.zeros_(weight)
    torch.manual_seed(1 + avatar)
    token = torch.randn(1, 1, size.config.prompt_dim)
    banks = read_banks(reference, torch.randn(1, 4, size.height, size.width), token)
    constant = unet.project_reference(banks) | unet.project_prompt(token)
    return Scene(size=size, unet=unet, banks=banks, constant=constant)


def compiled(scene: Scene, runtime: RuntimeSettings) -> RuntimeDenoiser:
    size = scene.size
    return RuntimeDenoiser(
        lambda frames: unet_graph(scene.unet, UNetShape(frames=frames, height=size.height, width=size.width)),
        runtime,
        FRAMES,
    )


class ProjectsEachTick:
    """The denoiser as the published program runs it: the bank is projected in every tick."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __call__(self, latents: Tensor, levels: Tensor, conditions: Tensors, reference: Tensors) -> Tensor:
        repeated = {name: bank.expand(len(latents), -1, -1) for name, bank in self._scene.banks.items()}
        look = WithReference(self._scene.unet.project_reference(repeated))
        inputs = UNetInputs(
            prompt=reference,
            look=look,
            control=conditions["pose"],
            guidance_scale=reference["guidance_scale"],
        )
        out: Tensor = self._scene.unet(latents, levels, inputs)
        return out


class AfterBoot:
    """Predicts nothing until it is switched on: the shorter graphs of the boot need not be compiled."""

    def __init__(self, denoiser: Callable[..., Tensor]) -> None:
        self._denoiser = denoiser
        self.is_on = False

    def __call__(self, latents: Tensor, *rest: object) -> Tensor:
        return self._denoiser(latents, *rest) if self.is_on else torch.zeros_like(latents)


class Allocated(TorchDispatchMode):
    """Adds up the memory of tensors that operations return and were not given."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = {_storage(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **kwargs)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and _storage(leaf) not in given:
                self.bytes += leaf.untyped_storage().nbytes()
        return result


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def full_buffer(
    scene: Scene, denoiser: Callable[..., Tensor], levels: int = FRAMES // CHUNK, chunk: int = CHUNK
) -> RollingBuffer:
    """Return a buffer that has booted, so that each push is a whole tick."""
    size, network = scene.size, AfterBoot(denoiser)
    settings = replace(RAIN, levels=levels, chunk=chunk)
    buffer = RollingBuffer(network, settings, LatentSpec(shape=(4, size.height, size.width)), seed=3)
    buffer.set_guidance(2.5)
    buffer.set_reference(scene.constant)
    for _ in range(levels):
        buffer.push(pose_of(scene, chunk))
    network.is_on = True
    return buffer


def pose_of(scene: Scene, chunk: int = CHUNK) -> dict[str, Tensor]:
    size = scene.size
    return {"pose": torch.full((chunk, size.config.widths[0], size.height, size.width), 0.1)}


def tick_ms(buffers: Mapping[str, RollingBuffer], scene: Scene, ticks: int) -> dict[str, float]:
    """Return each buffer's median tick; they take turns, so that all meet the same machine."""
    pose, times = pose_of(scene), {name: [] for name in buffers}
    for tick in range(ticks + 1):
        for name, buffer in buffers.items():
            started = time.perf_counter()
            buffer.push(pose)
            if tick:  # the first is warm-up
                times[name].append((time.perf_counter() - started) * 1e3)
    return {name: statistics.median(values) for name, values in times.items()}


def allocated_bytes(buffer: RollingBuffer, scene: Scene) -> int:
    """Return the bytes of tensors that one tick makes, beside what a runtime keeps for itself."""
    pose = pose_of(scene)
    with Allocated() as made:
        buffer.push(pose)
    return made.bytes


def measure(size: Size, ticks: int, threads: int) -> dict[str, object]:
    scene = scene_of(size)
    torch_f32 = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=threads)
    denoisers: dict[str, Callable[..., Tensor]] = {
        "torch f32": compiled(scene, torch_f32),
        "projected each tick": ProjectsEachTick(scene),
    }
    for precision in sorted(probe_machine().openvino_precisions or (), key=lambda p: p.value):
        runtime = replace(torch_f32, kind=RuntimeKind.OPENVINO, precision=precision)
        denoisers[f"openvino {precision.value}"] = compiled(scene, runtime)
    with torch.inference_mode():
        errors = deviations(scene, denoisers)
        buffers = {name: full_buffer(scene, denoiser) for name, denoiser in denoisers.items()}
        times = tick_ms(buffers, scene, ticks)
        allocated = {
            name: allocated_bytes(buffer, scene)
            for name, buffer in buffers.items()
            if name.startswith("openvino")
        }
    base = times["torch f32"]
    return {
        "size": size.name,
        "tick_ms": {name: round(value, 1) for name, value in times.items()},
        "speed_against_torch_f32": {name: round(base / value, 2) for name, value in times.items()},
        "relative_error": errors,
        "allocated_bytes": allocated,
    }


def deviations(scene: Scene, denoisers: Mapping[str, Callable[..., Tensor]]) -> dict[str, float]:
    """Return each denoiser's relative L2 distance from torch in float32, for one forward."""
    size = scene.size
    torch.manual_seed(5)
    latents = torch.randn(FRAMES, 4, size.height, size.width)
    levels = torch.tensor([249.0, 499.0, 749.0, 999.0]).repeat_interleave(CHUNK)
    conditions = {"pose": pose_of(scene)["pose"].repeat(FRAMES // CHUNK, 1, 1, 1)}
    reference = {**scene.constant, "guidance_scale": torch.tensor([2.5])}
    expected = denoisers["torch f32"](latents, levels, conditions, reference).clone()
    return {
        name: float(f"{_distance(denoiser(latents, levels, conditions, reference), expected):.2g}")
        for name, denoiser in denoisers.items()
    }


def _distance(got: Tensor, expected: Tensor) -> float:
    return float((got - expected).norm() / expected.norm())


_SETTLE, _AFTER = 2, 12  # ticks before and after another avatar comes


def old_avatar_frames(size: Size, threads: int) -> dict[str, int]:
    """Return how many frames still depend on the old avatar after another one has been put in.

    The same stream runs with either of two old avatars and the same new one. A frame that differs between the
    two by more than a hundredth (relative L2 of its latents) has something of the old avatar left in it.
    """
    new = scene_of(size, avatar=9)
    counts = {}
    for name, change in (("reference only", _swap), ("cut", _cut)):
        with torch.inference_mode():
            one, other = (_frames_after(scene_of(size, old), new, change, threads) for old in (0, 1))
        apart = (one - other).flatten(1).norm(dim=1) / other.flatten(1).norm(dim=1)
        counts[name] = int((apart > 0.01).sum())
    return counts


def _frames_after(
    old: Scene, new: Scene, change: Callable[[RollingBuffer, Scene], None], threads: int
) -> Tensor:
    runtime = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=threads)
    size = old.size
    buffer = RollingBuffer(
        compiled(old, runtime), RAIN, LatentSpec(shape=(4, size.height, size.width)), seed=3
    )
    buffer.set_guidance(2.5)
    buffer.set_reference(old.constant)
    for _ in range(FRAMES // CHUNK - 1 + _SETTLE):
        buffer.push(pose_of(old))
    change(buffer, new)
    popped = (buffer.push(pose_of(old)) for _ in range(_AFTER))
    return torch.cat([row.latents.clone() for row in popped if row is not None])


def _swap(buffer: RollingBuffer, new: Scene) -> None:
    """Change the reference, as the published program does."""
    buffer.set_reference(new.constant)


def _cut(buffer: RollingBuffer, new: Scene) -> None:
    """Start the frames under way again, as ``Pipeline.recast`` does."""
    buffer.reset()
    buffer.set_reference(new.constant)
    for _ in range(FRAMES // CHUNK - 1):
        buffer.push(pose_of(new))


def operating_points(size: Size, ticks: int, threads: int) -> list[dict[str, float]]:
    """Return what each N and c costs by the processor's best runtime: tick, frames held back, delay.

    The delay is that of a 20 fps stream: the frames held back, and the tick. Flicker under random weights
    means nothing; the pocket model's table in the README has it for the same N and c.
    """
    scene = scene_of(size)
    runtime = replace(choose_runtime(probe_machine()).settings, num_threads=threads)
    points = []
    for levels in (2, 3, 4):
        for chunk in (1, 2, 4):
            pose = pose_of(scene, chunk)
            with torch.inference_mode():
                buffer = full_buffer(scene, compiled(scene, runtime), levels, chunk)
                took = [_timed(buffer, pose) for _ in range(ticks + 1)][1:]  # the first is warm-up
            tick, held_back = statistics.median(took), levels * chunk - 1
            points.append(
                {
                    "levels": levels,
                    "chunk": chunk,
                    "tick_ms": round(tick, 1),
                    "ms_a_frame": round(tick / chunk, 1),
                    "frames_held_back": held_back,
                    "delay_ms_at_20_fps": round(held_back * FRAME_MS + tick),
                }
            )
    return points


def _timed(buffer: RollingBuffer, pose: Tensors) -> float:
    started = time.perf_counter()
    buffer.push(pose)
    return (time.perf_counter() - started) * 1e3


DESCRIPTION = """
Times one tick of RAIN's denoiser (16 frames at four noise levels, one forward), with small networks of
random weights: torch in float32 as it is, against the reference projected in every tick (as the published
program does) and against the processor's runtime. Then counts the frames that show something of an old
avatar, and times other numbers of levels and frames. All of it runs on the processor, also where there is a
GPU, and at the small sizes below: no GPU and no full-size network is used here. One call of the full-size
denoiser on the processor is timed by `python -m tests.bench.large --model rain`. Takes minutes on two
cores; "tiny 8x8" with --no-table takes less than one.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of("rain", DESCRIPTION)
    parser.add_argument("--ticks", type=int, default=7, help="timed ticks of each contender")
    parser.add_argument("--threads", type=int, default=2, help="of the processor, for each contender")
    parser.add_argument(
        "--no-table", action="store_true", help="leave avatar changes and the N x c table out"
    )
    names = [size.name for size in SIZES]
    parser.add_argument(
        "--size", nargs="+", choices=names, default=names, help="width of the networks, cells of the latents"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    before = machine.measure_reference(options.threads)
    results = []
    for size in SIZES:
        if size.name in options.size:
            result = measure(size, options.ticks, options.threads)
            results.append(result)
            show(result)
    extra = {} if options.no_table else tables(options)
    after = machine.measure_reference(options.threads)
    document = {
        "bench": "rain",
        **machine.describe(),
        "threads": options.threads,
        "busy": machine.is_busy(before, after),
        "results": results,
        **extra,
    }
    print(json.dumps(document))


def tables(options: argparse.Namespace) -> dict[str, object]:
    size = SIZES[0]
    old = old_avatar_frames(size, options.threads)
    print("frames with something of the old avatar:", ", ".join(f"{name} {n}" for name, n in old.items()))
    points = operating_points(size, options.ticks, options.threads)
    print("| N | c | tick ms | ms a frame | frames held back | delay ms at 20 fps |")
    print("| --- | --- | --- | --- | --- | --- |")
    for point in points:
        print(f"| {' | '.join(str(value) for value in point.values())} |")
    return {"old_avatar_frames": old, "operating_points": points}


def show(result: Mapping[str, object]) -> None:
    print(result["size"])
    for name, value in result["tick_ms"].items():
        print(
            f"  {name:22} {value:8.1f} ms a tick   {result['speed_against_torch_f32'][name]:5.2f} x"
            f"   error {result['relative_error'][name]:.2g}"
            f"   {result['allocated_bytes'].get(name, '-')} bytes"
        )


if __name__ == "__main__":
    main()
