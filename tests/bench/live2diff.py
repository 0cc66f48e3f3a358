"""Speed of one streaming call of Live2Diff: ``python -m tests.bench.live2diff``.

In one run, on random weights: the network in torch (float32, the reference of every ratio) and on the CPU
runtime, each with the rings read where they lie, and each with whole caches copied in and out, as the
published TensorRT engines have it. On the CPU runtime the rings in place are float16, as in the product; the
copied ones are what the network's numbers are. "tiny" is the size of the published goldens. The contenders
take turns, a second each, so that whatever else the machine does is shared. ``--gpu`` times the full network
at 512 x 512 in float16. Prints a table, then one JSON line; ratios are the result, milliseconds belong to the
machine.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.denoise.memory import LIVE2DIFF_RING, KvFormat, KvRing
from engine.denoise.ring_denoiser import RingDenoiser
from models.networks.ring_graphs import RingShape, ring_graph
from models.networks.unet import TemporalConfig, UNet, UNetConfig
from models.runtimes.choose import probe_machine
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.bench.machine import describe, is_busy, measure_reference
from tests.bench.options import parser_of

LEVELS = 2
_SETTLE_S = 0.3  # threads of the library before spin for a while after their last call
_TURN_S = 1.0
TEMPORAL = TemporalConfig(max_frames=24, in_mid_block=False)
Call = Callable[[], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A network and its latents."""

    config: UNetConfig
    cells: int
    tokens: int


SIZES = {
    "tiny": Size(
        config=UNetConfig(widths=(32, 64, 96, 96), heads=4, prompt_dim=32, groups=16, temporal=TEMPORAL),
        cells=16,
        tokens=9,
    ),
    "middle": Size(
        config=UNetConfig(widths=(64, 128, 256, 256), heads=8, prompt_dim=768, temporal=TEMPORAL),
        cells=32,
        tokens=77,
    ),
    "full": Size(config=UNetConfig(temporal=TEMPORAL), cells=64, tokens=77),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        size, contender: What was timed.
        p50_ms: Of a call.
        speed: Times the speed of torch in float32 with the rings in place.
        moved_mb: Bytes of keys and values read and written in a call.
        error: Relative L2 of the prediction against the reference, after several calls.
    """

    size: str
    contender: str
    p50_ms: float
    speed: float
    moved_mb: float
    error: float


class Bench:
    """One network at one size with as many rings as contenders.

    Args:
        size: Sizes.
        device: Where it runs.
        dtype: Of weights and rings.
    """

    def __init__(self, size: Size, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(0)
        with torch.device(device):
            self.unet = UNet(size.config).to(dtype).eval().requires_grad_(requires_grad=False)
            for name, parameter in self.unet.named_parameters():
                if name.endswith(("proj_out.weight", "to_out.weight")):
                    nn.init.normal_(parameter, std=0.02)  # branches that start at zero would cost less
            self.latents = torch.randn(LEVELS, size.config.in_channels, size.cells, size.cells)
            self.timesteps = torch.tensor([199.0, 399.0])
            features = torch.randn(LEVELS, size.config.widths[0], size.cells, size.cells)
            embeds = torch.randn(1, size.tokens, size.config.prompt_dim, dtype=dtype)
        self.conditions = {"depth": features}
        self.prompt = self.unet.project_prompt(embeds)
        self.layers = self.unet.temporal_layers(size.cells, size.cells)
        self.size, self.device, self.dtype = size, device, dtype

    def ring(self, kv_format: KvFormat = KvFormat.NATIVE) -> KvRing:
        sizes = replace(LIVE2DIFF_RING, format=kv_format)
        ring = KvRing(self.layers, sizes, LEVELS, self.dtype, self.device)
        ring.begin_after_sinks()
        return ring

    def in_place(self, runtime: RuntimeSettings, kv_format: KvFormat = KvFormat.NATIVE) -> Call:
        """The product's call: rings read where they lie, one slot written."""
        ring = self.ring(kv_format)
        denoise = self._denoiser(ring, runtime)
        reference = {**self.prompt, **ring.tensors(0, 0, LEVELS)}

        def call() -> Tensor:
            out = denoise(self.latents, self.timesteps, self.conditions, reference)
            ring.advance(0, LEVELS)
            return out

        return call

    def copied(self, runtime: RuntimeSettings) -> Call:
        """The same, with every cache copied into the network's memory before and out of it afterwards."""
        ring = self.ring()
        denoise = self._denoiser(ring, runtime)
        own = ring.tensors(0, 0, LEVELS)
        inner = {name: value.clone() for name, value in own.items()}
        reference = {**self.prompt, **inner}

        def call() -> Tensor:
            for name, value in own.items():
                inner[name].copy_(value)
            out = denoise(self.latents, self.timesteps, self.conditions, reference)
            for name, value in own.items():
                value.copy_(inner[name])
            ring.advance(0, LEVELS)
            return out

        return call

    def moved(self, kv_format: KvFormat = KvFormat.NATIVE, *, is_copied: bool) -> float:
        """Bytes of keys and values that a call reads and writes, in MB."""
        ring = self.ring(kv_format).num_bytes
        window = LIVE2DIFF_RING.window
        in_place = ring + ring / window  # read once; one slot of each written
        return (in_place + 4 * ring * is_copied) / 1e6  # each copy reads and writes all of it

    def _denoiser(self, ring: KvRing, runtime: RuntimeSettings) -> RingDenoiser:
        cells = self.size.cells
        shape = RingShape(frames=LEVELS, height=cells, width=cells, prompt_tokens=self.size.tokens)
        rows = ring.tensors(0, 0, LEVELS)
        return RingDenoiser(
            lambda frames: ring_graph(self.unet, replace(shape, frames=frames, ring=rows)),
            tuple(self.layers),
            runtime,
            LEVELS,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A call to be timed.

    Attributes:
        call: One streaming call.
        moved_mb: Bytes of keys and values that it reads and writes.
        torch_threads: Of torch meanwhile: beside another runtime one, as in the product.
    """

    call: Call
    moved_mb: float
    torch_threads: int = 1

    def run(self, seconds: float, device: str) -> tuple[list[float], Tensor]:
        """Call for a while; return the times in seconds and the last prediction."""
        torch.set_num_threads(self.torch_threads)
        times: list[float] = []
        stop_at_s = time.perf_counter() + seconds
        while not times or time.perf_counter() < stop_at_s:
            before_s = time.perf_counter()
            out = self.call()
            if device != "cpu":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - before_s)
        assert isinstance(out, Tensor)
        return times, out.clone()


def contenders(bench: Bench, threads: int, cache: Path | None) -> dict[str, Contender]:
    """The calls to be timed; the first is the reference."""
    torch_f32 = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=threads)
    in_place, copied = bench.moved(is_copied=False), bench.moved(is_copied=True)
    calls = {
        "torch f32": Contender(call=bench.in_place(torch_f32), moved_mb=in_place, torch_threads=threads),
        "torch f32, copied": Contender(call=bench.copied(torch_f32), moved_mb=copied, torch_threads=threads),
    }
    native = probe_machine().openvino_precisions
    if native is not None:
        precision = Precision.BF16 if Precision.BF16 in native else Precision.F32
        compiled = replace(torch_f32, kind=RuntimeKind.OPENVINO, precision=precision, cache_folder=cache)
        half = KvFormat.HALF
        calls[f"openvino {precision.value}"] = Contender(
            call=bench.in_place(compiled, half), moved_mb=bench.moved(half, is_copied=False)
        )
        calls[f"openvino {precision.value}, copied"] = Contender(call=bench.copied(compiled), moved_mb=copied)
    return calls


def measure(size: str, bench: Bench, calls: Mapping[str, Contender], seconds: float) -> list[Row]:
    """Time all contenders in turn for a while."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    last: dict[str, Tensor] = {}
    for contender in calls.values():
        contender.run(0.0, bench.device)  # loads it
    stop_at_s = time.perf_counter() + seconds
    while not last or time.perf_counter() < stop_at_s:
        for name, contender in calls.items():
            contender.run(_SETTLE_S, bench.device)
            newest, last[name] = contender.run(_TURN_S, bench.device)
            times[name] += newest
    first = next(iter(calls))
    reference_ms = 1000.0 * statistics.median(times[first])
    return [
        Row(
            size=size,
            contender=name,
            p50_ms=1000.0 * statistics.median(times[name]),
            speed=reference_ms / (1000.0 * statistics.median(times[name])),
            moved_mb=contender.moved_mb,
            error=float((last[name] - last[first]).norm() / last[first].norm()),
        )
        for name, contender in calls.items()
    ]


def on_cpu(threads: int, seconds: float, sizes: Sequence[str], cache: Path | None) -> list[Row]:
    """Time the sizes that a CPU can run."""
    rows = []
    for size in sizes:
        bench = Bench(SIZES[size])
        rows += measure(size, bench, contenders(bench, threads, cache), seconds)
    return rows


def on_gpu(seconds: float) -> list[Row]:
    """Time the full network at 512 x 512 in float16, rings in place and copied."""
    bench = Bench(SIZES["full"], "cuda", torch.float16)
    runtime = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F16, num_threads=1)
    calls = {
        "torch f16": Contender(call=bench.in_place(runtime), moved_mb=bench.moved(is_copied=False)),
        "torch f16, copied": Contender(call=bench.copied(runtime), moved_mb=bench.moved(is_copied=True)),
    }
    return measure("full", bench, calls, seconds)


DESCRIPTION = """
Times one streaming call of Live2Diff's network with random weights: keys and values read where they lie,
against whole caches copied in and out (as the published engines have it), each in torch in float32 and on
the processor's runtime, in turns. Takes about the --seconds of each size, and some minutes to compile the
graphs the first time.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("live2diff", DESCRIPTION)
    parser.add_argument("--threads", type=int, default=2, help="of the processor, for each contender")
    parser.add_argument("--seconds", type=float, default=8.0, help="of timing, for each size")
    parser.add_argument(
        "--sizes",
        nargs="+",
        choices=("tiny", "middle"),
        default=["tiny", "middle"],
        help="of networks and latents, on the processor",
    )
    parser.add_argument(
        "--gpu",
        action="store_true",
        help="time the full network at 512 x 512 in float16 on the GPU instead; needs an NVIDIA GPU",
    )
    parser.add_argument(
        "--cache", type=Path, help="keeps compiled graphs, so that the next run starts at once"
    )
    options = parser.parse_args(arguments)
    before = measure_reference(options.threads)
    seconds = options.seconds
    on_machine = partial(on_cpu, options.threads, sizes=options.sizes, cache=options.cache)
    rows = on_gpu(seconds) if options.gpu else on_machine(seconds)
    after = measure_reference(options.threads)
    for row in rows:
        sys.stdout.write(
            f"{row.size:7} {row.contender:22} {row.p50_ms:8.1f} ms  {row.speed:5.2f} x  "
            f"{row.moved_mb:8.1f} MB moved  error {row.error:.1e}\n"
        )
    document = {
        "title": "live2diff",
        "machine": describe(),
        "levels": LEVELS,
        "threads": options.threads,
        "is_busy": is_busy(before, after),
        "rows": [asdict(row) for row in rows],
    }
    sys.stdout.write(json.dumps(document) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
