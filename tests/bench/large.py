"""A network beyond one ONNX file on the CPU: ``python -m tests.bench.large``.

Stable Diffusion 1.5's UNet at full size (860 million weights, 3.4 GB in float32) or RAIN's denoiser (1313
million) with random weights: one call of torch in float32 and of OpenVINO, in turns, how long the way there
takes, how the process's memory grows, and how far the two predictions are apart. Prints a line for each
picture size, then one JSON line.
"""

import argparse
import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from models.checkpoints.rain import RainConfig
from models.networks.pocket_graphs import Graph
from models.networks.stable_diffusion import LATENT_STRIDE, TextUnet, TextUnetShape, text_unet_graph
from models.networks.unet import UNet
from models.networks.unet_graphs import UNetShape, unet_graph
from models.runtimes.export import fits_one_file
from models.runtimes.load import load_network
from models.runtimes.protocol import Network, Precision, RuntimeKind, RuntimeSettings
from tests.bench.machine import describe, is_busy, measure_reference
from tests.bench.options import parser_of
from tests.bench.streamdiffusion import SIZES, TOKENS, networks


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One picture size."""

    pixels: int
    frames: int
    torch_s: float
    openvino_s: float
    ready_s: float
    torch_gb: float
    peak_gb: float
    error: float


def memory_gb(field: str) -> float:
    """Return a field of this process's memory: ``VmRSS`` now, ``VmHWM`` at most so far."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) * 1024 / 1e9


def loaded(graph: Graph, kind: RuntimeKind, precision: Precision, threads: int) -> Network:
    settings = RuntimeSettings(kind=kind, precision=precision, num_threads=threads)
    return load_network(graph.module, graph.inputs, graph.outputs, settings)


def call(network: Network, inputs: dict[str, Tensor]) -> tuple[float, Tensor]:
    started = time.perf_counter()
    out = network.run(inputs)["prediction"]
    return time.perf_counter() - started, out


def network_of(model: str, size: str) -> UNet | TextUnet:
    torch.manual_seed(0)
    if model == "rain":
        return UNet(RainConfig().denoiser).eval().requires_grad_(requires_grad=False)
    return TextUnet(networks(SIZES[size], "cpu").unet)


def graph_of(unet: UNet | TextUnet, frames: int, cells: int) -> Graph:
    if isinstance(unet, UNet):
        return unet_graph(unet, UNetShape(frames=frames, height=cells, width=cells))
    shape = TextUnetShape(frames=frames, height=cells, width=cells, prompt_tokens=TOKENS)
    return text_unet_graph(unet, shape)


def measure(unet: UNet | TextUnet, pixels: int, arguments: argparse.Namespace) -> Row:
    frames, threads = arguments.frames, arguments.threads
    graph = graph_of(unet, frames, pixels // LATENT_STRIDE)
    generator = torch.Generator().manual_seed(0)
    inputs = {name: torch.randn(value.shape, generator=generator) for name, value in graph.inputs.items()}
    inputs["levels"] = torch.linspace(299.0, 799.0, frames)
    reference = loaded(graph, RuntimeKind.TORCH, Precision.F32, threads)
    _, expected = call(reference, inputs)
    torch_gb = memory_gb("VmHWM")
    Path("/proc/self/clear_refs").write_text(
        "5", encoding="ascii"
    )  # the peak starts again at what is held now
    started = time.perf_counter()
    compiled = loaded(graph, RuntimeKind.OPENVINO, Precision(arguments.precision), threads)
    ready_s = time.perf_counter() - started
    _, got = call(compiled, inputs)
    error = float((got - expected).norm() / expected.norm())
    times = [(call(reference, inputs)[0], call(compiled, inputs)[0]) for _ in range(arguments.calls)]
    return Row(
        pixels=pixels,
        frames=frames,
        torch_s=statistics.median(one for one, _ in times),
        openvino_s=statistics.median(other for _, other in times),
        ready_s=ready_s,
        torch_gb=torch_gb,
        peak_gb=memory_gb("VmHWM"),
        error=error,
    )


DESCRIPTION = """
Times one call of a full-size network with random weights (Stable Diffusion 1.5's UNet, or RAIN's denoiser)
on the processor: torch in float32 against OpenVINO, in turns; and says how long the way to OpenVINO takes,
how much memory both need, and how far their predictions are apart. No GPU is used. Needs gigabytes of
memory; takes minutes for each picture size on two cores.
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of("large", DESCRIPTION)
    parser.add_argument("--model", choices=("sd15", "rain"), default="sd15", help="whose network")
    parser.add_argument("--size", choices=SIZES, default="full", help="width of Stable Diffusion's UNet")
    parser.add_argument(
        "--pixels",
        nargs="+",
        type=int,
        default=[256, 512],
        help="sides of the square pictures, one after another",
    )
    precisions = (Precision.BF16.value, Precision.F32.value)
    parser.add_argument("--precision", choices=precisions, default=Precision.BF16.value, help="of OpenVINO")
    parser.add_argument("--frames", type=int, default=1, help="frames of one call")
    parser.add_argument("--calls", type=int, default=3, help="timed calls of each")
    parser.add_argument("--threads", type=int, default=2, help="of the processor, for both")
    arguments = parser.parse_args(argv)
    before = measure_reference(arguments.threads)
    unet = network_of(arguments.model, arguments.size)
    weights = sum(weight.numel() for weight in unet.parameters())
    print(f"{weights / 1e6:.0f} million weights, fits one ONNX file: {fits_one_file(unet)}", flush=True)
    rows = []
    for pixels in arguments.pixels:
        row = measure(unet, pixels, arguments)
        rows.append(asdict(row))
        print(
            f"{pixels} pixels: torch f32 {row.torch_s:.2f} s, OpenVINO {arguments.precision} "
            f"{row.openvino_s:.2f} s ({row.torch_s / row.openvino_s:.2f} x) a call; "
            f"ready after {row.ready_s:.1f} s; "
            f"memory {row.torch_gb:.2f} GB, then at most {row.peak_gb:.2f} GB; error {100 * row.error:.2g} %",
            flush=True,
        )
    after = measure_reference(arguments.threads)
    print(json.dumps({**describe(), "is_busy": is_busy(before, after), "rows": rows}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
