"""What scripts read of a stream, by its published names, before and after changes."""

from pathlib import Path

import pytest
import torch

from engine.streamdiffusion.stream import StreamDiffusion
from models.checkpoints.stable_diffusion import StableDiffusionSource, load_stable_diffusion
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.checkpoints import published_layouts as layouts

ONE_THREAD = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)


def stream_in(folder: Path, cfg_type: str) -> StreamDiffusion:
    model = load_stable_diffusion(StableDiffusionSource(model=str(layouts.write_folder(folder / "model"))))
    return StreamDiffusion(model, [32, 45], width=24, height=16, cfg_type=cfg_type, runtime=ONE_THREAD)


def test_what_a_script_reads_is_what_the_stream_does(tmp_path: Path) -> None:
    stream = stream_in(tmp_path, "self")
    for name in ("guidance_scale", "delta", "prompt_embeds"):
        with pytest.raises(ValueError, match=r"expected prepare\(\)"):
            getattr(stream, name)
    stream.prepare("a cat", guidance_scale=1.4, delta=0.5)
    assert (stream.latent_height, stream.latent_width) == (2, 3)
    assert (stream.cfg_type, stream.guidance_scale, stream.delta) == ("self", 1.4, 0.5)
    assert (stream.do_add_noise, stream.use_denoising_batch, stream.frame_bff_size) == (True, True, 1)
    assert (stream.denoising_steps_num, stream.t_list, stream.sub_timesteps) == (2, [32, 45], [359, 99])
    assert stream.timesteps.tolist() == list(range(999, 0, -20))
    cat = stream.prompt_embeds
    assert cat.shape == (1, 77, 32)
    stream.update_stream_params(
        prompt_list=[("a dog", 1.0)], guidance_scale=2.0, t_index_list=[0, 1, 3], num_inference_steps=4
    )
    assert (stream.guidance_scale, stream.denoising_steps_num) == (2.0, 3)
    assert (stream.timesteps.tolist(), stream.sub_timesteps) == ([999, 759, 499, 259], [999, 759, 259])
    assert not torch.equal(stream.prompt_embeds, cat)
    with pytest.raises(AttributeError):
        stream.guidance_scale = 3.0  # type: ignore[misc]


def test_without_guidance_the_scale_is_one(tmp_path: Path) -> None:
    stream = stream_in(tmp_path, "none")
    stream.prepare("a cat", guidance_scale=7.5)
    assert stream.guidance_scale == 1.0


@torch.no_grad()
def test_latents_are_decoded(tmp_path: Path) -> None:
    stream = stream_in(tmp_path, "none")
    stream.prepare("a cat")
    latents = torch.randn(1, 4, 2, 3, generator=torch.Generator().manual_seed(0))
    vae = stream.vae
    torch.testing.assert_close(stream.decode_image(latents), vae.decode(latents).sample)  # type: ignore[operator]
    with pytest.raises(ValueError, match=r"\(1, 4, 2, 3\), got \(2, 4, 2, 3\)"):
        stream.decode_image(torch.zeros(2, 4, 2, 3))
