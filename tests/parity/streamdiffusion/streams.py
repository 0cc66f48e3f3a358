"""Runs the golden streams through the rolling buffer and notes everything that the goldens hold."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from engine.codec import PictureCodec
from engine.denoise.buffer import RollingBuffer
from engine.denoise.guidance import SelfPredictor
from engine.denoise.noise import Seed
from engine.denoise.presets import STREAM_DIFFUSION
from engine.denoise.residual import PublishedResidual
from engine.denoise.settings import BufferSettings, Entry, Guidance, LatentSpec, NoiseKind, Residual
from engine.denoise.similarity import SimilarityFilter, SimilaritySettings, SkipCount
from engine.denoise.text_denoiser import TextDenoiser
from models.diffusion.consistency import Boundary
from models.diffusion.solvers import Solver
from models.diffusion.timesteps import LcmTimesteps, ListedTimesteps
from models.networks.stable_diffusion import TextUnet
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.parity.streamdiffusion.goldens import Case, Networks

RUNTIME = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)


class RecordedNoise:
    """A ``Draw`` that plays the golden noise back."""

    def __init__(self, noise: Tensor) -> None:
        self._noise = noise
        self._drawn = 0

    def __call__(self, out: Tensor) -> None:
        out.copy_(self._noise[self._drawn : self._drawn + len(out)])
        self._drawn += len(out)

    def reseed(self, _seed: Seed) -> None:
        self._drawn = 0


@dataclass(slots=True)
class Notes:
    """What was seen in each call, positions noisiest first as in the goldens."""

    calls: list[dict[str, Tensor]] = field(default_factory=list)
    x0: list[Tensor] = field(default_factory=list)

    def stacked(self, name: str) -> Tensor:
        return torch.stack([call[name] for call in self.calls])


def lcm_of(params: Mapping[str, Any]) -> tuple[LcmTimesteps, Boundary]:
    """The grid that a list of indices counts in, and the boundary, where something says what they are."""
    grid, boundary = LcmTimesteps(), Boundary()
    return (
        LcmTimesteps(
            num_train_timesteps=params.get("num_train_timesteps", grid.num_train_timesteps),
            original_steps=params.get("original_inference_steps", grid.original_steps),
        ),
        Boundary(
            sigma_data=params.get("sigma_data", boundary.sigma_data),
            timestep_scaling=params.get("timestep_scaling", boundary.timestep_scaling),
        ),
    )


def settings_of(params: Mapping[str, Any], networks: Networks, residual: Residual) -> BufferSettings:
    mode = params["mode"]
    if not params.get("use_denoising_batch", True):
        raise ValueError("use_denoising_batch is false: one frame after the other is no rolling buffer")
    grid, boundary = lcm_of({**networks.sampler, **params})
    steps = grid(params["num_inference_steps"])
    diffusion = replace(
        STREAM_DIFFUSION.diffusion,
        schedule=networks.schedule,
        timesteps=ListedTimesteps(lists=(tuple(steps[index] for index in params["t_index_list"]),)),
        prediction=networks.prediction,
        solver=Solver.RENOISE if params["do_add_noise"] else Solver.RESCALE,
        boundary=None if mode == "txt2img_one_step" else boundary,
    )
    return replace(
        STREAM_DIFFUSION,
        diffusion=diffusion,
        levels=len(params["t_index_list"]),
        chunk=params["frame_buffer_size"],
        entry=Entry.NOISED if mode == "img2img" else Entry.GIVEN,
        noise=NoiseKind.PER_LEVEL,
        guidance=Guidance(params["cfg_type"]),
        residual=residual,
    )


class Stream:
    """One golden stream, call by call.

    The state after a call is what the next call meets, so one call more than wanted is made.
    """

    def __init__(self, case: Case, networks: Networks, residual: Residual) -> None:
        self._case = case
        self._params = case.params
        self._settings = settings_of(case.params, networks, residual)
        height, width = case.params["height"], case.params["width"]
        self._chunk = self._settings.chunk
        self._codec = PictureCodec(networks.vae, RUNTIME, (height, width), self._chunk)
        self._denoiser = TextDenoiser(TextUnet(networks.unet), RUNTIME, height // 8, width // 8)
        self._seen: list[tuple[Tensor, Tensor, Tensor]] = []
        self._buffer = self._build(height // 8, width // 8)
        self.notes = Notes()

    def _build(self, cells_high: int, cells_wide: int) -> RollingBuffer:
        case, settings = self._case, self._settings
        spec = LatentSpec(shape=(4, cells_high, cells_wide))
        noise = case.tensors.get("init_noise", torch.zeros(settings.levels, *spec.shape))
        if len(noise) == settings.levels * self._chunk:
            # One noise for each level, then those that only the published recursion comes across.
            noise = torch.cat([noise[:: self._chunk], noise[1 : self._chunk]])
        buffer = RollingBuffer(self._watched, settings, spec, draw=RecordedNoise(noise))
        self._set_prompt(buffer, "prompt_embeds")
        if settings.guidance is not Guidance.NONE:
            by_residual = settings.guidance is not Guidance.FULL
            # the original guides with more than 1 only: a smaller scale is none
            scale = max(1.0, self._params["guidance_scale"])
            buffer.set_guidance(scale, self._params["delta"] if by_residual else None)
        return buffer

    def _set_prompt(self, buffer: RollingBuffer, name: str) -> None:
        tensors = self._case.tensors
        negative = tensors.get("negative_prompt_embeds")
        buffer.set_reference(
            {"prompt_embeds": tensors[name]}, None if negative is None else {"prompt_embeds": negative}
        )

    def _watched(self, latents: Tensor, levels: Tensor, *others: Mapping[str, Tensor]) -> Tensor:
        output = self._denoiser(latents, levels, *others)
        self._seen.append((latents.clone(), levels.clone(), output.clone()))
        return output

    def run(self) -> Notes:
        num_calls = self._params["num_calls"]
        for call in range(num_calls):
            self.change_prompt(call)
            self.push(self.entering(call))
        self.push(self.entering(num_calls - 1))
        return self.notes

    def change_prompt(self, call: int) -> None:
        """Take the second prompt at its call."""
        if call == self._params.get("prompt_change_at_call"):
            self._set_prompt(self._buffer, "prompt_embeds_2")

    def entering(self, call: int) -> Tensor:
        """What enters at a call: ``(c, 4, h, w)``."""
        if self._params["mode"] != "img2img":
            return self.frames("x_T", call)
        return self._codec.encode(self.pixels(call)).clone()

    def pixels(self, call: int) -> Tensor:
        """The pictures of a call, -1..1."""
        return self.frames("images", call).float() / 255.0 * 2.0 - 1.0

    def frames(self, name: str, call: int) -> Tensor:
        values = self._case.tensors[name]
        if values.ndim == 5:
            return values[call]
        return values[call * self._chunk : (call + 1) * self._chunk]

    def push(self, latents: Tensor) -> None:
        """Make one call and note it."""
        popped = self._buffer.push({}, latents)
        sample, levels, output = self._seen[-1]
        num_rows = self._settings.levels
        frames = num_rows * self._chunk
        # The buffer's rows are oldest first and the doubles follow; the goldens are the other way round.
        newest_first = torch.arange(num_rows).flip(0)[:, None] * self._chunk + torch.arange(self._chunk)
        order = torch.cat([torch.arange(frames, len(sample)), newest_first.flatten()])
        if self._settings.guidance is Guidance.FULL:
            order = torch.cat([newest_first.flatten() + frames, newest_first.flatten()])
        noted = {
            "clean_latents": latents,
            "unet_sample": sample[order],
            "unet_timestep": levels[order].long(),
            "unet_out": output[order],
            "positions": sample[newest_first.flatten()],
            "x_in": sample[newest_first[0]],
        }
        predictor = self._buffer._predict
        if isinstance(predictor, SelfPredictor):
            noted["residual"] = predictor.residual_noise[newest_first.flatten()].clone()
            if isinstance(predictor._residual, PublishedResidual):
                noted["left_over"] = predictor._residual._left_over.clone()
        self.notes.calls.append(noted)
        x0 = torch.zeros_like(latents) if popped is None else popped.latents.clone()
        self.notes.x0.append(x0)

    def decode(self, x0: Tensor) -> Tensor:
        """Decode ``(n, c, 4, h, w)``."""
        return torch.stack([self._codec.decode(latents).clone() for latents in x0])


def _state(notes: Notes, name: str, chunk: int) -> Tensor:
    """What position i+1 meets in the next call, for all calls but the last."""
    return notes.stacked(name)[1:, chunk:]


def stream_tensors(case: Case, networks: Networks, residual: Residual) -> dict[str, Tensor]:
    """Everything that a stream's golden tensors are compared with, by their names without suffix."""
    stream = Stream(case, networks, residual)
    notes = stream.run()
    num_calls, chunk = case.params["num_calls"], case.params["frame_buffer_size"]
    x0 = torch.stack(notes.x0)[:num_calls]
    tensors = {
        name: notes.stacked(name)[:num_calls]
        for name in ("clean_latents", "x_in", "unet_sample", "unet_timestep", "unet_out")
    }
    tensors |= {"x0": x0, "buffer": _state(notes, "positions", chunk)}
    if len(case.params["t_index_list"]) > 1:
        tensors |= _carried(notes, chunk)
    elif "left_over" in notes.calls[0]:
        tensors["stock_noise"] = notes.stacked("left_over")[:num_calls]
    tensors["image_out"] = stream.decode(x0)
    return tensors | _last_pictures(case, tensors["image_out"])


def _carried(notes: Notes, chunk: int) -> dict[str, Tensor]:
    """The residuals after each call, where there are any; the last position's is dropped, so it stays 0."""
    if "residual" not in notes.calls[0]:
        return {}
    carried = _state(notes, "residual", chunk)
    return {"stock_noise": torch.cat([carried, torch.zeros_like(carried[:, :chunk])], dim=1)}


def _last_pictures(case: Case, pictures: Tensor) -> dict[str, Tensor]:
    return {f"image_out_last{count}": pictures[-count:] for count in case.num_last}


def right_tensors(case: Case, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors named ``_right`` and ``_reset``: calls from the first that gives a frame on."""
    first = case.params["first_valid_call"]
    right = {"x0": tensors["x0"][first:], **_last_pictures(case, tensors["image_out"][first:])}
    if "stock_noise" in tensors:
        chunk = case.params["frame_buffer_size"]
        right["stock_noise"] = tensors["stock_noise"][first:, : first * chunk]
    return {f"{name}{suffix}": value for name, value in right.items() for suffix in ("_right", "_reset")}


def all_stream_tensors(case: Case, networks: Networks) -> dict[str, Tensor]:
    exact = stream_tensors(case, networks, Residual.EXACT)
    tensors = exact | right_tensors(case, exact)
    is_one_step = len(case.params["t_index_list"]) == 1
    if any(name.endswith("_reference") for name in case.entries) or is_one_step:
        published = stream_tensors(case, networks, Residual.PUBLISHED)
        tensors |= {f"{name}_reference": value for name, value in published.items()}
        if "stock_noise" in published and is_one_step:  # the definition keeps nothing after the only step
            tensors["stock_noise"] = published["stock_noise"]
    return tensors


def filter_tensors(case: Case) -> dict[str, Tensor]:
    """Decisions of the similarity filter on frames and draws of a case."""
    noted: dict[str, list[float]] = {name: [] for name in ("cos", "skip_probability", "skip", "forced_pass")}
    reference, references = -1, []
    images, admits = case.tensors["images"], _filter(case, SkipCount.CUMULATIVE)
    for index, image in enumerate(images):
        references.append(reference)
        is_admitted = admits.admits(image)
        noted["cos"].append(admits.similarity)
        noted["skip_probability"].append(admits.skip_probability)
        noted["skip"].append(float(not is_admitted))
        noted["forced_pass"].append(float(admits.was_forced))
        reference = index if is_admitted else reference
    consecutive = _filter(case, SkipCount.CONSECUTIVE)
    tensors = {name: torch.tensor(values, dtype=torch.float64) for name, values in noted.items()}
    tensors["reference_frame"] = torch.tensor(references)
    tensors["skip_consecutive_count"] = torch.tensor([not consecutive.admits(image) for image in images])
    return tensors


def _filter(case: Case, count: SkipCount) -> SimilarityFilter:
    draws: Iterator[float] = iter(case.tensors["draws"][1:].tolist())
    draw: Callable[[], float] = lambda: next(draws)  # noqa: E731 - a typed closure
    settings = SimilaritySettings(
        threshold=case.params["threshold"], max_skip_frame=case.params["max_skip_frame"], count=count
    )
    return SimilarityFilter(settings, draw=draw)


def filtered_stream_tensors(case: Case, networks: Networks) -> dict[str, Tensor]:
    """A stream with the filter: a skipped frame leaves everything as it is and shows the last picture."""
    stream, admits = Stream(case, networks, Residual.EXACT), _filter(case, SkipCount.CUMULATIVE)
    skips, executed = [], []
    num_calls = case.params["num_calls"]
    for call in range(num_calls):
        stream.change_prompt(call)
        is_admitted = admits.admits(stream.pixels(call))
        skips.append(not is_admitted)
        if is_admitted:
            stream.push(stream.entering(call))
        executed.append(len(stream.notes.calls) - 1)
    stream.push(stream.entering(num_calls - 1))
    notes, chunk = stream.notes, case.params["frame_buffer_size"]
    x0 = torch.stack(notes.x0)[:-1]
    shown = torch.tensor(executed)
    tensors = {"buffer": _state(notes, "positions", chunk), "image_out": stream.decode(x0)}
    tensors |= _carried(notes, chunk)
    by_call = {name: values[shown] for name, values in tensors.items()}
    return by_call | _last_pictures(case, by_call["image_out"]) | {"x0": x0, "skip": torch.tensor(skips)}
