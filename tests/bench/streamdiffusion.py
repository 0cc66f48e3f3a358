"""Speed of the stream against two loops over the same networks: ``python -m tests.bench.streamdiffusion``.

In one run, on random weights, for T = 1, 2, 4 steps and each guidance: frames per second of the rolling
buffer (torch in float32; the CPU runtime in bf16; on a GPU the captured graphs in float16), of the sequential
loop (a frame takes its T steps one after the other, in torch), and of diffusers' pipeline. The contenders
take turns, frame by frame, so that whatever else the machine does is shared. Prints a table, then one JSON
line. Ratios are the result; frames per second belong to the machine.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderTiny, LCMScheduler, StableDiffusionImg2ImgPipeline, UNet2DConditionModel
from torch import Tensor, nn

from engine.denoise.settings import NEEDS_NEGATIVE, Guidance
from engine.streamdiffusion.settings import StreamSettings
from engine.streamdiffusion.stylist import Stylist
from models.checkpoints.stable_diffusion import StableDiffusion
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import DiscreteSchedule
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.bench.machine import describe, is_busy, measure_reference
from tests.bench.options import parser_of

INDICES = {1: (32,), 2: (32, 45), 4: (18, 26, 35, 45)}
PROMPT_DIM, TOKENS, SCALE, DELTA = 768, 77, 1.4, 0.7
LOOP, PIPELINE = "loop torch f32", "diffusers pipeline"
OF_DIFFUSERS = (Guidance.NONE, Guidance.FULL)
Paint = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Networks and pictures of one size."""

    widths: tuple[int, ...]
    pixels: int


SIZES = {
    "tiny": Size(widths=(32, 64), pixels=64),
    "middle": Size(widths=(64, 128, 256, 256), pixels=256),
    "full": Size(widths=(320, 640, 1280, 1280), pixels=512),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    size: str
    steps: int
    guidance: str
    contender: str
    fps: float
    of_loop: float
    error: float | None


def networks(size: Size, device: str) -> StableDiffusion:
    torch.manual_seed(0)
    last = len(size.widths) - 1
    unet = UNet2DConditionModel(
        block_out_channels=size.widths,
        down_block_types=("CrossAttnDownBlock2D",) * last + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * last,
        cross_attention_dim=PROMPT_DIM,
        sample_size=size.pixels // 8,
    )
    return StableDiffusion(
        unet=unet.eval().requires_grad_(requires_grad=False).to(device),
        vae=AutoencoderTiny().eval().requires_grad_(requires_grad=False).to(device),
        text_encoder=nn.Identity(),
        tokenizer=None,
        schedule=DiscreteSchedule(),
        prediction=Prediction.EPSILON,
    )


class Loop:
    """The sequential loop: encode, T evaluations of one frame, decode; guidance as usual."""

    def __init__(self, model: StableDiffusion, steps: int, guidance: Guidance, prompts: Tensor) -> None:
        self.unet: Any = model.unet
        self.vae: Any = model.vae
        self.guidance = guidance
        self.prompts = prompts  # (2, L, D): negative, positive
        self.levels = [model.schedule.level(999.0 - 20.0 * index) for index in INDICES[steps]]
        side = self.unet.config.sample_size
        noise = torch.randn(steps, 4, side, side, generator=torch.Generator().manual_seed(2))
        self.noise = noise.to(prompts.device)

    def __call__(self, pixels: Tensor) -> Tensor:
        z = x0 = self.vae.encode(pixels, return_dict=False)[0]
        for index, level in enumerate(self.levels):
            x = level.alpha * x0 + level.sigma * self.noise[index : index + 1]
            epsilon, z = self.predict(x, z, index)
            x0 = (x - level.sigma * epsilon) / level.alpha
        picture: Tensor = self.vae.decode(x0, return_dict=False)[0]
        return picture

    def predict(self, x: Tensor, z: Tensor, index: int) -> tuple[Tensor, Tensor]:
        level = self.levels[index]
        runs_twice = self.guidance is Guidance.FULL or (self.guidance is Guidance.INITIALIZE and index == 0)
        batch = 2 if runs_twice else 1
        output = self.unet(
            x.expand(batch, -1, -1, -1), level.timestep, self.prompts[-batch:], return_dict=False
        )[0]
        cond = output[-1:]
        if self.guidance is Guidance.NONE:
            return cond, z
        if self.guidance is Guidance.FULL:
            return output[:1] + SCALE * (cond - output[:1]), z
        if runs_twice:
            z = (x - level.sigma * output[:1]) / level.alpha
        base = DELTA * (x - level.alpha * z) / level.sigma
        return base + SCALE * (cond - base), z


def pipeline(model: StableDiffusion, steps: int, guidance: Guidance, prompts: Tensor) -> Paint:
    """diffusers' own pipeline with as many evaluations; it knows no guidance but the full one."""
    scheduler = LCMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
    )
    pipe = StableDiffusionImg2ImgPipeline(
        vae=model.vae,
        text_encoder=None,
        tokenizer=None,
        unet=model.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)

    def paint(pixels: Tensor) -> Tensor:
        return pipe(
            image=(pixels + 1.0) / 2.0,
            strength=1.0,
            num_inference_steps=steps,
            guidance_scale=SCALE if guidance is Guidance.FULL else 1.0,
            prompt_embeds=prompts[1:],
            negative_prompt_embeds=prompts[:1],
            output_type="pt",
            return_dict=False,
        )[0]

    return paint


def stream(
    model: StableDiffusion,
    size: Size,
    steps: int,
    guidance: Guidance,
    prompts: Tensor,
    runtime: RuntimeSettings,
) -> Paint:
    """The rolling buffer; its pictures belong to the frame of T - 1 calls ago."""
    settings = StreamSettings(
        t_index_list=INDICES[steps], width=size.pixels, height=size.pixels, cfg_type=guidance
    )
    stylist = Stylist(model, settings, runtime)
    stylist.set_prompt_embeds(prompts[1:], prompts[:1] if guidance in NEEDS_NEGATIVE else None)
    stylist.set_guidance(SCALE, DELTA)

    def paint(pixels: Tensor) -> Tensor:
        popped = stylist.paint(pixels)
        return torch.zeros(0) if popped is None else stylist.decode(popped)

    return paint


def contenders(
    model: StableDiffusion, size: Size, steps: int, guidance: Guidance, threads: int
) -> dict[str, Paint]:
    device = next(model.unet.parameters()).device
    prompts = torch.randn(2, TOKENS, PROMPT_DIM, generator=torch.Generator().manual_seed(1)).to(device)
    runtimes = {"buffer torch f32": (RuntimeKind.TORCH, Precision.F32)}
    if device.type == "cuda":
        runtimes["buffer graphs f16"] = (RuntimeKind.CUDA, Precision.F16)
    else:
        runtimes["buffer openvino bf16"] = (RuntimeKind.OPENVINO, Precision.BF16)
    found: dict[str, Paint] = {LOOP: Loop(model, steps, guidance, prompts)}
    if guidance in OF_DIFFUSERS:
        found[PIPELINE] = pipeline(model, steps, guidance, prompts)
    for name, (kind, precision) in runtimes.items():
        runtime = RuntimeSettings(kind=kind, precision=precision, num_threads=threads)
        found[name] = stream(model, size, steps, guidance, prompts, runtime)
    return found


def race(
    found: Mapping[str, Paint], size: Size, frames: int, delay: int, device: str
) -> dict[str, list[float]]:
    """Return seconds per frame: all contenders take turns on the same frames, after filling and one more."""
    pixels = torch.rand(1, 3, size.pixels, size.pixels, generator=torch.Generator().manual_seed(3)) * 2 - 1
    pixels = pixels.to(device)
    seconds: dict[str, list[float]] = {name: [] for name in found}
    with torch.inference_mode():
        for frame in range(delay + 1 + frames):
            for name, paint in found.items():
                if frame < delay and not name.startswith("buffer"):
                    continue  # only the buffers have to fill
                started = time.perf_counter()
                paint(pixels)
                if device == "cuda":
                    torch.cuda.synchronize()
                if frame > delay:
                    seconds[name].append(time.perf_counter() - started)
    return seconds


def error_of(found: Mapping[str, Paint], name: str, pixels: Tensor) -> float | None:
    """Relative L2 distance of a contender's picture of a still scene from the loop's."""
    if name == PIPELINE:  # other noise and timesteps
        return None
    with torch.inference_mode():
        expected = found[LOOP](pixels)
        got = found[name](pixels)
    return float((got.cpu() - expected.cpu()).norm() / expected.cpu().norm())


def rows_of(arguments: argparse.Namespace, name: str) -> Iterator[Row]:
    size = SIZES[name]
    model = networks(size, arguments.device)
    pixels = torch.rand(1, 3, size.pixels, size.pixels, generator=torch.Generator().manual_seed(3)) * 2 - 1
    for steps in arguments.steps:
        for guidance in map(Guidance, arguments.cfg):
            found = contenders(model, size, steps, guidance, arguments.threads)
            seconds = race(found, size, arguments.frames, steps - 1, arguments.device)
            fps = {each: 1.0 / statistics.median(times) for each, times in seconds.items()}
            for each, value in fps.items():
                yield Row(
                    size=name,
                    steps=steps,
                    guidance=guidance.value,
                    contender=each,
                    fps=value,
                    of_loop=value / fps[LOOP],
                    error=error_of(found, each, pixels.to(arguments.device)),
                )


def text_of(row: Row) -> str:
    """Return a row's line of the table; after the loop's, why there is no line of diffusers."""
    begin = f"{row.size:7} {row.steps}  {row.guidance:10}"
    error = "" if row.error is None else f"{row.error:9.2g}"
    line = f"{begin} {row.contender:22} {row.fps:8.2f} {row.of_loop:7.2f} {error}"
    if row.contender != LOOP or Guidance(row.guidance) in OF_DIFFUSERS:
        return line
    return f"{line}\n{begin} {PIPELINE:22} none: diffusers knows no guidance of the kind {row.guidance}"


DESCRIPTION = """
Times the rolling buffer of StreamDiffusion with random weights, for each number of steps and kind of
guidance: in torch in float32 and by the fastest runtime (OpenVINO in bf16; on a GPU captured graphs in
float16), against a sequential loop over the same networks and against diffusers' pipeline. All take turns,
frame by frame. Takes minutes for each size on a processor of two cores.
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_of("streamdiffusion", DESCRIPTION)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    default_sizes = ["tiny", "middle", "full"] if device == "cuda" else ["tiny", "middle"]
    parser.add_argument(
        "--size",
        nargs="+",
        choices=SIZES,
        default=default_sizes,
        help="of networks and pictures; full is Stable Diffusion 1.5 at 512 x 512, left out without a GPU",
    )
    parser.add_argument(
        "--steps", nargs="+", type=int, choices=INDICES, default=list(INDICES), help="steps of each frame"
    )
    names = [kind.value for kind in Guidance if kind is not Guidance.EMBEDDED]
    parser.add_argument("--cfg", nargs="+", choices=names, default=names, help="kinds of guidance")
    parser.add_argument("--frames", type=int, default=5, help="timed frames of each contender")
    parser.add_argument("--threads", type=int, default=2, help="of the processor, for each contender")
    parser.add_argument("--device", choices=("cpu", "cuda"), default=device, help="where all of it runs")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    before = measure_reference(arguments.threads)
    rows = []
    print(f"{'size':7} T  {'guidance':10} {'contender':22} {'fps':>8} {'x loop':>7} {'error':>9}")
    for name in arguments.size:
        for row in rows_of(arguments, name):
            rows.append(row)
            print(text_of(row), flush=True)
    after = measure_reference(arguments.threads)
    fields = ("size", "steps", "guidance", "contender", "fps", "of_loop", "error")
    results = [{field: getattr(row, field) for field in fields} for row in rows]
    print(json.dumps({**describe(), "is_busy": is_busy(before, after), "rows": results}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
