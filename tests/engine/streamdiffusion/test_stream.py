"""The names that StreamDiffusion's users know, on tiny checkpoints in the published layout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import PNDMScheduler, StableDiffusionPipeline
from PIL import Image
from torch import Tensor

from engine.streamdiffusion.image_utils import pil2tensor, pixels_from, postprocess_image
from engine.streamdiffusion.stream import StreamDiffusion, accelerate_with_tensorrt
from engine.streamdiffusion.wrapper import StreamDiffusionWrapper
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import (
    LCM_LORA,
    TAESD,
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.checkpoints import published_layouts as layouts

SIZE = 16
ONE_THREAD = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = layouts.write_folder(tmp_path_factory.mktemp("stream") / "model")
    controlnet = layouts.tiny_controlnet(layouts.tiny_unet())
    weights = "diffusion_pytorch_model.safetensors"
    layouts.write_part(folder.parent / "controlnet", controlnet, layouts.config_of(controlnet), weights)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> StableDiffusion:
    return load_stable_diffusion(StableDiffusionSource(model=str(folder)))


def stream_of(model: StableDiffusion, t_index_list: list[int], **more: Any) -> StreamDiffusion:
    return StreamDiffusion(model, t_index_list, width=SIZE, height=SIZE, runtime=ONE_THREAD, **more)


def pictures(count: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return list(torch.rand(count, 1, 3, SIZE, SIZE, generator=generator))


@torch.no_grad()
def painted_alone(
    model: StableDiffusion, prompt: str, image: Tensor, seed: int, indices: list[int]
) -> Tensor:
    """One picture by the formulas, without guidance, through diffusers' networks."""
    unet: Any = model.unet
    vae: Any = model.vae
    text_encoder: Any = model.text_encoder
    ids = model.tokenizer(prompt, padding="max_length", max_length=77, return_tensors="pt").input_ids  # type: ignore[misc]
    states = text_encoder(ids).last_hidden_state
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alphas = torch.cumprod(1.0 - betas, dim=0)
    noise = torch.randn(len(indices), 4, 2, 2, generator=torch.Generator().manual_seed(seed))
    x0 = vae.encode(image * 2.0 - 1.0).latents
    for index, of_level in zip(indices, noise, strict=True):
        timestep = 999 - 20 * index
        a, b = float(alphas[timestep] ** 0.5), float((1.0 - alphas[timestep]) ** 0.5)
        x = a * x0 + b * of_level
        epsilon = unet(x, timestep, states).sample
        scaled = 10.0 * timestep
        x0 = scaled / (scaled**2 + 0.25) ** 0.5 * (x - b * epsilon) / a + 0.25 / (scaled**2 + 0.25) * x
    picture: Tensor = vae.decode(x0).sample
    return picture


@pytest.mark.parametrize("is_batch", [True, False])
def test_pictures_are_those_of_the_formulas(model: StableDiffusion, is_batch: bool) -> None:
    indices = [22, 32, 45]
    stream = stream_of(model, indices, cfg_type="none", use_denoising_batch=is_batch)
    stream.prepare("a cat", seed=11)
    images = pictures(4)
    outputs = [stream(image).clone() for image in images]
    delay = 2 if is_batch else 0
    assert all(bool((output == 0).all()) for output in outputs[:delay])
    for output, image in zip(outputs[delay:], images, strict=False):
        expected = painted_alone(model, "a cat", image, 11, indices)
        torch.testing.assert_close(output, expected, rtol=1e-4, atol=1e-4)
        other = painted_alone(model, "a cat", image, 12, indices)
        assert float((output - other).abs().max()) > 1e-2


@pytest.mark.parametrize("cfg_type", ["full", "initialize"])
def test_a_new_prompt_keeps_the_negative_one(model: StableDiffusion, cfg_type: str) -> None:
    """With ``parity``, it is lost as in the original, and the next call cannot be."""
    fresh = stream_of(model, [32], cfg_type=cfg_type)
    fresh.prepare("a dog", "ugly", guidance_scale=1.8)
    changed = stream_of(model, [32], cfg_type=cfg_type)
    changed.prepare("a cat", "ugly", guidance_scale=1.8)
    changed.update_prompt("a dog")
    (image,) = pictures(1)
    torch.testing.assert_close(changed(image), fresh(image), rtol=0, atol=0)
    other = stream_of(model, [32], cfg_type=cfg_type, parity=True)
    other.prepare("a cat", "ugly", guidance_scale=1.8)
    other.update_prompt("a dog")
    with pytest.raises(ValueError, match="negative reference"):
        other(image)


@pytest.mark.parametrize("size", [1, 2])
def test_parity_brings_the_wrong_residual_back(model: StableDiffusion, size: int) -> None:
    calls, outputs = torch.cat(pictures(4 * size)).split(size), []
    for parity in (False, True):
        stream = stream_of(model, [20], cfg_type="self", parity=parity, frame_buffer_size=size)
        stream.prepare("a cat", guidance_scale=1.5)
        outputs.append([stream(images).clone() for images in calls])
    again = stream_of(model, [20], cfg_type="self")
    again.prepare("a cat", guidance_scale=1.5)
    torch.testing.assert_close(again(calls[3][-1:]), outputs[0][3][-1:], rtol=1e-3, atol=1e-3)
    assert float((outputs[1][3] - outputs[0][3]).abs().flatten(1).amax(dim=1).min()) > 1e-2


def test_a_frame_buffer_of_two_with_two_steps_equals_one(model: StableDiffusion) -> None:
    """What the original cannot do: c = 2 with N = 2, under every guidance."""
    images = pictures(6)
    for cfg_type in ("none", "full", "self", "initialize"):
        single, double = (
            stream_of(model, [32, 45], cfg_type=cfg_type, frame_buffer_size=size) for size in (1, 2)
        )
        for stream in (single, double):
            stream.prepare("a cat", "ugly", guidance_scale=1.4, delta=0.6)
        ones = [single(image).clone() for image in images][1:]
        twos = [double(torch.cat(images[index : index + 2])).clone() for index in (0, 2, 4)][1:]
        torch.testing.assert_close(torch.cat(twos), torch.cat(ones[:4]), rtol=1e-3, atol=1e-3)


def test_everything_changes_while_it_runs(model: StableDiffusion) -> None:
    stream = stream_of(model, [32, 45], cfg_type="self")
    stream.prepare("a cat", guidance_scale=1.2)
    images = iter(pictures(20))
    changes: list[dict[str, Any]] = [
        {"guidance_scale": 1.6, "delta": 0.5},
        {"prompt_list": [("a cat", 1.0), ("a dog", 3.0)], "prompt_interpolation_method": "slerp"},
        {"seed": 5},
        {"seed_list": [(1, 0.5), (2, 0.5)], "seed_interpolation_method": "slerp"},
        {"t_index_list": [20, 40]},
        {"t_index_list": [18, 26, 35, 45]},
        {"t_index_list": [40]},
    ]
    before = stream(next(images))
    for change in changes:
        stream.update_stream_params(**change)
        for _ in range(2):
            output = stream(next(images))
            assert bool(torch.isfinite(output).all())
        assert not torch.equal(output, before)
        before = output.clone()
    assert stream.batch_size == 1


def test_a_seed_paints_the_same_whatever_the_number_of_steps_was(model: StableDiffusion) -> None:
    """72 x 40: a level's 4 * 9 * 5 numbers are no whole blocks of torch's, and still its own."""
    image = torch.rand(1, 3, 72, 40, generator=torch.Generator().manual_seed(0))
    outputs = []
    for steps in ([32, 45], [22, 32, 45], [45]):
        stream = StreamDiffusion(model, steps, width=40, height=72, runtime=ONE_THREAD, cfg_type="none")
        stream.prepare("a cat", seed=3)
        stream.update_stream_params(t_index_list=[32, 45])
        outputs.append([stream(image).clone() for _ in range(4)][-1])
    assert torch.equal(outputs[1], outputs[0])
    assert torch.equal(outputs[2], outputs[0])


def test_seeds_hold_and_differ_also_from_text(model: StableDiffusion) -> None:
    outputs = []
    for seed in (3, 3, 4):
        stream = stream_of(model, [0], cfg_type="none")
        stream.prepare("a cat", num_inference_steps=1, seed=seed)
        outputs.append((stream.txt2img(2).clone(), stream.txt2img_sd_turbo(1).clone()))
    for first, second, third in zip(*outputs, strict=True):
        assert torch.equal(first, second)
        assert not torch.equal(first, third)


@pytest.mark.parametrize("index", [0, 49])
def test_pictures_in_one_step_share_no_stream_with_others(model: StableDiffusion, index: int) -> None:
    """The scalings differ by 7e-6 at most, but a shared stream would hand its next noise to the other."""
    alone, after = stream_of(model, [index], cfg_type="none"), stream_of(model, [index], cfg_type="none")
    for stream in (alone, after):
        stream.prepare("a cat", seed=3)
    after.txt2img(1)
    torch.testing.assert_close(after.txt2img_sd_turbo(1), alone.txt2img_sd_turbo(1), rtol=0, atol=0)


def test_controlnets_act_on_every_row_by_its_own_noise_level(folder: Path) -> None:
    """N = 2 rows with a ControlNet equal each frame by itself, and the control changes the picture."""
    source = StableDiffusionSource(model=str(folder), controlnets=(str(folder.parent / "controlnet"),))
    controlled = load_stable_diffusion(source)
    images = pictures(4)
    outputs = {}
    for name, is_batch in (("batch", True), ("alone", False)):
        stream = stream_of(controlled, [32, 45], cfg_type="initialize", use_denoising_batch=is_batch)
        stream.prepare("a cat", "ugly", guidance_scale=1.3)
        stream.update_control_image(0, pictures(1, seed=9)[0])
        outputs[name] = [stream(image).clone() for image in images]
    torch.testing.assert_close(outputs["batch"][3], outputs["alone"][2], rtol=1e-4, atol=1e-4)
    stream.update_control_image(0, pictures(1, seed=8)[0])
    assert float((stream(images[2]) - outputs["alone"][2]).abs().max()) > 1e-2
    with pytest.raises(ValueError, match="one of 1 ControlNets, got 1"):
        stream.update_control_image(1, images[0])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: stream_of(m, [45, 32]), r"rises, got \[45, 32\]"),
        (lambda m: stream_of(m, [32, 32]), "rises"),
        (lambda m: stream_of(m, []), "rises"),
        (lambda m: stream_of(m, [10, 50]), r"from 0 to 49, got \[10, 50\]"),
        (lambda m: stream_of(m, [-1, 5]), r"from 0 to 49, got \[-1, 5\]"),
        (lambda m: StreamDiffusion(m, [32], width=60), "multiple of 8, got 60"),
        (lambda m: StreamDiffusion(m, [32], height=0), "multiple of 8, got 0"),
        (lambda m: stream_of(m, [32], cfg_type="embedded"), "none, full, self, initialize, got 'embedded'"),
        (lambda m: stream_of(m, [32], frame_buffer_size=0), "at least 1, got 0"),
        (lambda m: stream_of(m, [32]).prepare("x", guidance_scale=0.9), "at least 1, got 0.9"),
        (lambda m: stream_of(m, [32]).prepare("x", delta=-1.0), r"at least 0, got -1\.0"),
        (lambda m: stream_of(m, [32]).prepare(" "), "expected a prompt, got an empty one"),
        (lambda m: stream_of(m, [16]).prepare("x", num_inference_steps=4), r"from 0 to 3, got \[16\]"),
        (lambda m: stream_of(m, [0]).prepare("x", num_inference_steps=51), "from 1 to 50, got 51"),
        (lambda m: stream_of(m, [32])(pictures(1)[0]), r"expected prepare\(\)"),
        (lambda m: StreamDiffusion(m, [32], torch.float64), "float64"),
    ],
)
def test_what_cannot_be_is_said(
    model: StableDiffusion, make: Callable[[StableDiffusion], object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        make(model)


def test_unknown_names_are_refused(model: StableDiffusion) -> None:
    with pytest.raises(TypeError, match="'cfg'"):
        stream_of(model, [32], cfg="self")
    stream = stream_of(model, [32])
    with pytest.raises(TypeError, match="'sede'"):
        stream.prepare("a cat", sede=3)  # type: ignore[call-arg]


def test_pictures_in_every_form_are_the_same() -> None:
    picture = Image.fromarray((pictures(1)[0][0].permute(1, 2, 0) * 255).byte().numpy())
    expected = pil2tensor(picture) * 2.0 - 1.0
    forms = [picture, torch.from_numpy(np.array(picture)).permute(2, 0, 1), pil2tensor(picture)]
    for form in [*forms, expected]:
        torch.testing.assert_close(pixels_from(form, SIZE, SIZE), expected)
    assert pixels_from(picture, 8, 24).shape == (1, 3, 8, 24)
    back = postprocess_image(expected)[0]
    assert back.tobytes() == picture.tobytes()
    assert postprocess_image(expected, "np").shape == (1, SIZE, SIZE, 3)
    with pytest.raises(ValueError, match="'jpeg'"):
        postprocess_image(expected, "jpeg")
    with pytest.raises(TypeError, match="got str"):
        pixels_from("picture.png", 8, 8)
    with pytest.raises(ValueError, match=r"\(4, 8, 8\)"):
        pixels_from(torch.zeros(4, 8, 8), 8, 8)


def test_the_wrapper_fetches_hub_ids_only_when_it_may(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    asked: list[str] = []
    monkeypatch.setattr("engine.streamdiffusion.wrapper.fetch", lambda name, *_hooks: asked.append(name))
    for options in ({}, {"may_download": True, "lora_dict": {"maker/style": 1.0, "mine.safetensors": 1.0}}):
        with pytest.raises(CheckpointError, match="maker/tiny is not on this machine"):
            StreamDiffusionWrapper("maker/tiny", [45], **options)
    assert asked == ["maker/tiny", "maker/style", TAESD, LCM_LORA]
    asked.clear()
    with pytest.raises(CheckpointError, match="madebyollin/taesd is not on this machine"):
        StreamDiffusionWrapper(str(folder), [45], may_download=True, use_lcm_lora=False)
    assert asked == [TAESD]


def test_the_wrapper_paints_from_a_folders_name(folder: Path) -> None:
    """Its seed takes effect; with ``parity`` it is lost, as in the original."""
    (image,) = pictures(1)
    picture = Image.fromarray((image[0].permute(1, 2, 0) * 255).byte().numpy())
    outputs = []
    for seed, parity in ((1, False), (2, False), (1, True)):
        wrapper = StreamDiffusionWrapper(
            str(folder),
            [45],
            width=SIZE,
            height=SIZE,
            use_tiny_vae=False,
            cfg_type="none",
            output_type="pt",
            seed=seed,
            runtime=ONE_THREAD,
            parity=parity,
        )
        wrapper.prepare("a cat")
        outputs.append(wrapper(picture))
    assert outputs[0].shape == (3, SIZE, SIZE)
    assert not torch.equal(outputs[0], outputs[1])
    assert torch.equal(outputs[2], outputs[1])  # the original's seed is 2, whatever is said
    wrapper.output_type = "pil"
    assert wrapper(picture, prompt="a dog").size == (SIZE, SIZE)


def test_networks_that_a_script_sets_are_those_that_paint(model: StableDiffusion) -> None:
    """``stream.vae = AutoencoderTiny.from_pretrained(...)``, as every published script has it."""
    (image,) = pictures(1)
    plain, other = stream_of(model, [45], cfg_type="none"), stream_of(model, [45], cfg_type="none")
    other.vae = layouts.tiny_kl()
    plain.prepare("a cat")
    other.prepare("a cat")
    first = other(image).clone()
    assert float((plain(image) - first).abs().max()) > 1e-2
    other.vae = model.vae
    other.unet, other.text_encoder = plain.unet, plain.text_encoder
    torch.testing.assert_close(other(image), plain(image), rtol=0, atol=0)
    assert other.vae is model.vae


def test_sizes_and_time_are_named_as_in_the_original(model: StableDiffusion) -> None:
    stream = stream_of(model, [32, 45])
    stream.prepare("a cat")
    assert (stream.width, stream.height, stream.dtype) == (SIZE, SIZE, torch.float32)
    assert stream.device == torch.device("cpu")
    assert stream.inference_time_ema == 0.0
    stream(pictures(1)[0].to(device=stream.device, dtype=stream.dtype))
    assert stream.inference_time_ema > 0.0


def test_acceleration_keeps_the_precision_and_the_pictures(model: StableDiffusion, tmp_path: Path) -> None:
    plain, fast = (stream_of(model, [32], cfg_type="none") for _ in range(2))
    assert accelerate_with_tensorrt(fast, tmp_path / "engines", max_batch_size=2, min_batch_size=1) is fast
    assert fast.fastest_runtime().precision is Precision.F32
    for stream in (plain, fast):
        stream.prepare("a cat")
    (image,) = pictures(1)
    torch.testing.assert_close(fast(image), plain(image), rtol=1e-3, atol=1e-3)


def test_a_diffusers_pipeline_is_taken_as_it_is(model: StableDiffusion) -> None:
    pipe = StableDiffusionPipeline(
        vae=model.vae,
        text_encoder=model.text_encoder,
        tokenizer=model.tokenizer,
        unet=model.unet,
        scheduler=PNDMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            skip_prk_steps=True,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    streams = [stream_of(each, [45], cfg_type="none") for each in (pipe, model)]
    (image,) = pictures(1)
    for stream in streams:
        stream.prepare("a cat", generator=torch.Generator(), seed=2)
    torch.testing.assert_close(streams[0](image), streams[1](image), rtol=1e-5, atol=1e-5)


def test_the_wrapper_knows_every_published_name(folder: Path) -> None:
    """As the published examples call it, with frames as their video reader gives them."""
    wrapper = StreamDiffusionWrapper(
        model_id_or_path=str(folder),
        lora_dict=None,
        t_index_list=[35, 45],
        mode="img2img",
        output_type="pt",
        lcm_lora_id=None,
        vae_id=None,
        device=torch.device("cpu"),
        dtype=torch.float32,
        frame_buffer_size=1,
        width=SIZE,
        height=SIZE,
        warmup=10,
        acceleration="xformers",
        do_add_noise=False,
        device_ids=None,
        use_lcm_lora=False,
        use_tiny_vae=False,
        enable_similar_image_filter=True,
        similar_image_filter_threshold=0.98,
        similar_image_filter_max_skip_frame=10,
        use_denoising_batch=True,
        cfg_type="self",
        seed=2,
        use_safety_checker=False,
        engine_dir="engines",
    )
    wrapper.prepare(
        prompt="a cat", negative_prompt="ugly", num_inference_steps=50, guidance_scale=1.4, delta=0.5
    )
    video = torch.stack([picture[0].permute(1, 2, 0) for picture in pictures(4)])
    for _ in range(wrapper.batch_size):
        wrapper(image=video[0].permute(2, 0, 1))
    assert wrapper(video[3].permute(2, 0, 1)).permute(1, 2, 0).shape == (SIZE, SIZE, 3)
    direct = wrapper.stream(pictures(1)[0].to(device=wrapper.device, dtype=wrapper.dtype)).cpu()
    assert direct.shape == (1, 3, SIZE, SIZE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"use_safety_checker": True}, "use_safety_checker=False, which is all that is offered, got True"),
        ({"device_ids": [0, 1]}, r"device_ids=None, which is all that is offered, got \[0, 1\]"),
        ({"acceleration": "magic"}, "none, xformers, tensorrt, sfast, got 'magic'"),
        ({"mode": "video"}, "img2img, txt2img, got 'video'"),
    ],
)
def test_what_the_wrapper_does_not_offer_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        StreamDiffusionWrapper("maker/tiny", [45], **options)
