"""What is refused: in one sentence with what came, at once, and without half an effect."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.streamdiffusion.image_utils import pixels_from
from engine.streamdiffusion.stream import StreamDiffusion
from engine.streamdiffusion.wrapper import StreamDiffusionWrapper
from models.checkpoints.stable_diffusion import (
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.checkpoints import published_layouts as layouts

SIZE = 16
ONE_THREAD = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
INF, NAN = float("inf"), float("nan")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.write_folder(tmp_path_factory.mktemp("stream") / "model")


@pytest.fixture(scope="module")
def model(folder: Path) -> StableDiffusion:
    return load_stable_diffusion(StableDiffusionSource(model=str(folder)))


def stream_of(model: StableDiffusion, t_index_list: Any, **more: Any) -> StreamDiffusion:
    return StreamDiffusion(model, t_index_list, width=SIZE, height=SIZE, runtime=ONE_THREAD, **more)


def begun(model: StableDiffusion, **more: Any) -> StreamDiffusion:
    stream = stream_of(model, [32, 45], **more)
    stream.prepare("a cat", "ugly", guidance_scale=1.4, seed=3)
    return stream


def images(count: int) -> list[Tensor]:
    return list(torch.rand(count, 1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0)))


def both(stream: StreamDiffusion) -> Tensor:
    """The newest of pictures painted over, and of pictures from text: two streams in one."""
    return torch.cat([*(stream(image).clone() for image in images(3)), stream.txt2img(1), stream.txt2img(1)])


@pytest.mark.parametrize(
    "refused",
    [
        {"guidance_scale": 0.2, "prompt_list": [("a dog", 1.0)], "seed": 9},
        {"guidance_scale": INF, "seed": 9},
        {"t_index_list": [50], "guidance_scale": 3.0},
        {"t_index_list": []},
        {"t_index_list": [20, 30], "prompt_list": [(" ", 1.0)], "seed": 9},
        {"t_index_list": [20, 30], "prompt_list": [("a dog", 0.0)]},
        {"num_inference_steps": 51, "delta": 0.1},
        {"num_inference_steps": 40, "guidance_scale": 3.0},
        {"delta": NAN, "t_index_list": [20, 30]},
        {"seed": 2**32, "t_index_list": [20, 30]},
        {"seed": -2, "guidance_scale": 2.0},
        {"seed_list": [(1, 0.0)], "guidance_scale": 2.0},
        {"prompt_interpolation_method": "curved", "guidance_scale": 2.0},
    ],
)
def test_a_change_that_is_refused_changes_nothing(model: StableDiffusion, refused: dict[str, Any]) -> None:
    asked, plain = begun(model, cfg_type="initialize"), begun(model, cfg_type="initialize")
    for stream in (asked, plain):
        both(stream)
    before = asked.settings
    with pytest.raises(ValueError, match="expected"):
        asked.update_stream_params(**refused)
    assert asked.settings == before
    assert torch.equal(both(asked), both(plain))
    for stream in (asked, plain):  # nothing was kept for a stream that begins later
        stream.run_on(ONE_THREAD)
    assert torch.equal(both(asked), both(plain))


def test_a_prepare_that_is_refused_changes_nothing(model: StableDiffusion) -> None:
    asked, plain = begun(model), begun(model)
    for wrong in ({"guidance_scale": 0.5}, {"prompt": " "}, {"num_inference_steps": 20}):
        with pytest.raises(ValueError, match="expected"):
            asked.prepare(**{"prompt": "a dog", "num_inference_steps": 49, **wrong})
    assert asked.settings == plain.settings
    assert torch.equal(both(asked), both(plain))


def test_the_present_seed_starts_the_noise_again(model: StableDiffusion) -> None:
    stream = stream_of(model, [0], cfg_type="none")
    stream.prepare("a cat", seed=3)
    first, second = stream.txt2img(1).clone(), stream.txt2img(1).clone()
    assert not torch.equal(first, second)
    stream.update_stream_params(guidance_scale=1.3)
    assert not torch.equal(stream.txt2img(1), first)
    stream.update_stream_params(seed=3)
    assert torch.equal(stream.txt2img(1), first)


def test_minus_one_is_any_seed(model: StableDiffusion) -> None:
    stream = stream_of(model, [0], cfg_type="none")
    stream.prepare("a cat", seed=-1)
    pictures = [stream.txt2img(1).clone()]
    for _ in range(3):
        stream.update_stream_params(seed=-1)
        pictures.append(stream.txt2img(1).clone())
    assert all(not torch.equal(a, b) for i, a in enumerate(pictures) for b in pictures[:i])


def test_arguments_by_place_are_those_of_the_published_signatures(model: StableDiffusion) -> None:
    runtime = {"runtime": ONE_THREAD}
    placed = StreamDiffusion(model, [32], torch.float32, SIZE, 24, False, False, 2, "none", **runtime)
    named = StreamDiffusion(
        model,
        [32],
        torch_dtype=torch.float32,
        width=SIZE,
        height=24,
        do_add_noise=False,
        use_denoising_batch=False,
        frame_buffer_size=2,
        cfg_type="none",
        **runtime,
    )
    assert placed.settings == named.settings
    placed.prepare("a cat", "", 50, 1.2, 1.0, torch.Generator(), 7)
    named.prepare(
        prompt="a cat",
        negative_prompt="",
        num_inference_steps=50,
        guidance_scale=1.2,
        delta=1.0,
        generator=torch.Generator(),
        seed=7,
    )
    pixels = torch.cat(images(2))
    assert torch.equal(placed(pixels), named(pixels))
    with pytest.raises(TypeError, match="'seed' by place and by name"):
        placed.prepare("a cat", "", 50, 1.2, 1.0, None, 7, seed=8)
    with pytest.raises(TypeError, match=r"do_add_noise, .*, cfg_type by place, got 5"):
        StreamDiffusion(model, [32], torch.float32, SIZE, SIZE, True, True, 1, "none", 3)


def test_the_wrapper_takes_its_arguments_by_place(folder: Path) -> None:
    wrapper = StreamDiffusionWrapper(
        str(folder),
        [32],
        None,
        "txt2img",
        "np",
        None,
        None,
        "cpu",
        torch.float32,
        1,
        SIZE,
        24,
        10,
        "none",
        True,
        None,
        False,
        False,
        False,
        0.98,
        10,
        True,
        "none",
        5,
        False,
        "engines",
        runtime=ONE_THREAD,
    )
    wrapper.prepare("a cat")
    assert wrapper().shape == (24, SIZE, 3)
    with pytest.raises(TypeError, match="'sead'"):
        StreamDiffusionWrapper(str(folder), [32], sead=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: stream_of(m, [1.5, 30]), r"whole numbers from 0 to 49, got \[1\.5, 30\]"),
        (lambda m: stream_of(m, ["1"]), r"whole numbers from 0 to 49, got \['1'\]"),
        (lambda m: stream_of(m, [None]), r"whole numbers from 0 to 49, got \[None\]"),
        (lambda m: stream_of(m, None), "whole numbers, got None"),
        (lambda m: stream_of(m, "32"), "whole numbers, got '32'"),
        (lambda m: StreamDiffusion(m, [32], width=64.0), r"multiple of 8, got 64\.0"),
        (lambda m: StreamDiffusion(m, [32], height=True), "multiple of 8, got True"),
        (lambda m: stream_of(m, [32], frame_buffer_size=1.0), r"at least 1, got 1\.0"),
        (lambda m: stream_of(m, [3]).prepare("x", num_inference_steps=4.0), r"from 1 to 50, got 4\.0"),
        (lambda m: stream_of(m, [3]).prepare("x", guidance_scale=INF), "of at least 0, got inf"),
        (lambda m: stream_of(m, [3]).prepare("x", guidance_scale="2"), "of at least 0, got '2'"),
        (lambda m: stream_of(m, [3]).prepare("x", delta=NAN), "delta of at least 0, got nan"),
        (lambda m: stream_of(m, [3]).prepare("x", delta=INF), "delta of at least 0, got inf"),
        (
            lambda m: stream_of(m, [3]).prepare("x", seed=1.5),
            r"from 0 to 4294967295, or -1 for any, got 1\.5",
        ),
        (lambda m: stream_of(m, [3]).prepare("x", seed=2**32), "any, got 4294967296"),
        (lambda m: stream_of(m, [3]).prepare("x", seed=None), "any, got None"),
        (lambda m: stream_of(m, [3]).prepare(None), "one text, got None"),
        (lambda m: stream_of(m, [3]).prepare(["x"]), r"one text, got \['x'\]"),
        (lambda m: stream_of(m, [3]).prepare("x", None), "one text, got None"),
        (lambda m: begun(m).update_prompt(None), "one text, got None"),
    ],
)
def test_values_of_another_kind_are_said(
    model: StableDiffusion, make: Callable[[StableDiffusion], object], said: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=said):
        make(model)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((8, 8), np.uint8), r"\(H, W, 3\), got \(8, 8\)"),
        (torch.zeros(8, 8), r"got \(8, 8\)"),
        (torch.zeros(0, 3, 8, 8), r"none of them 0, got \(0, 3, 8, 8\)"),
        (torch.zeros(3, 0, 8), r"got \(3, 0, 8\)"),
        (torch.full((3, 8, 8), NAN), "finite pixels, got 192 of 192"),
        (torch.full((3, 8, 8), INF), "finite pixels, got 192 of 192"),
    ],
)
def test_bad_pictures_are_said(image: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        pixels_from(image, 8, 8)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"output_type": "jpg"}, "pil, np, pt, latent, got 'jpg'"),
        ({"warmup": -1}, "warmup of at least 0, got -1"),
        ({"similar_image_filter_threshold": 2}, "from 0 to 1, got 2"),
        ({"similar_image_filter_threshold": NAN}, "threshold of at least 0, got nan"),
        ({"similar_image_filter_max_skip_frame": -1}, "max_skip_frame of at least 0, got -1"),
        ({"dtype": torch.float16}, r"bfloat16 on the CPU, got torch\.float16"),
        ({"device": "cuda:99"}, "this machine and its torch have, got 'cuda:99'"),
        ({"device": "gpu"}, "this machine and its torch have, got 'gpu'"),
        ({"seed": 2.5}, r"any, got 2\.5"),
        ({"width": 64.0}, r"multiple of 8, got 64\.0"),
    ],
)
def test_the_wrapper_says_before_it_loads_what_it_cannot_do(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        StreamDiffusionWrapper("maker/tiny", [45], **options)
