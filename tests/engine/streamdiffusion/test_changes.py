"""A stream's prompts, seeds, ControlNets, filter and feedback, over N, c and guidance, in mid-stream."""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.noise import SeedBlend
from engine.denoise.settings import NEEDS_NEGATIVE, Guidance
from engine.streamdiffusion.settings import StreamSettings
from engine.streamdiffusion.stream import StreamDiffusion
from engine.streamdiffusion.stylist import Stylist
from models.checkpoints.stable_diffusion import (
    StableDiffusion,
    StableDiffusionSource,
    load_stable_diffusion,
)
from models.diffusion.blending import Interpolation, blend
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.checkpoints import published_layouts as layouts

SIZE = 16
INDICES = {1: (40,), 2: (32, 45), 3: (22, 32, 45)}
GUIDANCE = (Guidance.NONE, Guidance.FULL, Guidance.SELF, Guidance.INITIALIZE)
ONE_THREAD = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> StableDiffusion:
    """With one ControlNet."""
    folder = layouts.write_folder(tmp_path_factory.mktemp("stream") / "model")
    controlnet = layouts.tiny_controlnet(layouts.tiny_unet())
    weights = "diffusion_pytorch_model.safetensors"
    layouts.write_part(folder.parent / "controlnet", controlnet, layouts.config_of(controlnet), weights)
    controlnets = (str(folder.parent / "controlnet"),)
    return load_stable_diffusion(StableDiffusionSource(model=str(folder), controlnets=controlnets))


def stylist_of(model: StableDiffusion, levels: int, chunk: int, cfg_type: Guidance, **more: Any) -> Stylist:
    chosen = StreamSettings(
        width=SIZE,
        height=SIZE,
        t_index_list=INDICES[levels],
        frame_buffer_size=chunk,
        cfg_type=cfg_type,
        **more,
    )
    stylist = Stylist(model, chosen, ONE_THREAD, seed=3)
    stylist.set_prompt("a cat", "ugly")
    stylist.set_guidance(1.4, 0.7)
    return stylist


def images(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))


def painted(stylist: Stylist, chunk: int, first: int, last: int) -> list[Tensor]:
    """Frames ``first..last`` of a clip, each with a control picture of its own; latents frame by frame."""
    frames, control = images(12) * 2.0 - 1.0, images(12, seed=9)
    given_back = []
    for start in range(first, last, chunk):
        of_call = slice(start, start + chunk)
        popped = stylist.paint(frames[of_call], control[of_call])
        given_back += [] if popped is None else list(popped.latents.clone())
    return given_back


@pytest.mark.parametrize("cfg_type", GUIDANCE)
@pytest.mark.parametrize(("levels", "chunk"), [(1, 2), (2, 2), (3, 3)])
def test_each_frame_of_a_row_has_its_own_control(
    model: StableDiffusion, levels: int, chunk: int, cfg_type: Guidance
) -> None:
    """c frames with ControlNet equal each with c = 1, and none is as it would be without."""
    rows = painted(stylist_of(model, levels, chunk, cfg_type), chunk, 0, 12)
    ones = painted(stylist_of(model, levels, 1, cfg_type), 1, 0, 12)
    assert len(rows) == 12 - (levels - 1) * chunk
    torch.testing.assert_close(torch.stack(rows), torch.stack(ones[: len(rows)]), rtol=1e-3, atol=1e-3)
    stylist = stylist_of(model, levels, chunk, cfg_type)
    stylist.set_control_scales([0.0])
    uncontrolled = painted(stylist, chunk, 0, 12)
    apart = (torch.stack(rows) - torch.stack(uncontrolled)).abs().flatten(1).amax(dim=1)
    assert float(apart.min()) > 1e-3


@few
@given(
    levels=st.integers(1, 3),
    chunk=st.integers(1, 2),
    cfg_type=st.sampled_from(GUIDANCE),
    weights=st.tuples(st.floats(0.0, 4.0), st.floats(0.0, 4.0), st.floats(0.1, 4.0)),
    interpolation=st.sampled_from(Interpolation),
)
def test_a_mix_of_prompts_in_mid_stream_is_the_mix_of_their_states(
    model: StableDiffusion,
    levels: int,
    chunk: int,
    cfg_type: Guidance,
    weights: tuple[float, float, float],
    interpolation: Interpolation,
) -> None:
    """Set as texts or as states, by weights or by their double: the same pictures, and no frame is lost."""
    texts = ("a cat", "a dog", "a bird")
    streams = []
    for factor in (1.0, 2.0, None):
        stylist = stylist_of(model, levels, chunk, cfg_type)
        before = painted(stylist, chunk, 0, 6)
        if factor is None:
            states = [stylist._encoder.encode(text) for text in texts]
            negative = stylist._encoder.encode("ugly") if cfg_type in NEEDS_NEGATIVE else None
            stylist.set_prompt_embeds(blend(states, weights, interpolation), negative)
        else:
            mix = [(text, factor * weight) for text, weight in zip(texts, weights, strict=True)]
            stylist.set_prompt(mix, interpolation=interpolation)
        streams.append(before + painted(stylist, chunk, 6, 12))
    assert len(streams[0]) == 12 - (levels - 1) * chunk
    for stream in streams[1:]:
        torch.testing.assert_close(torch.stack(stream), torch.stack(streams[0]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("interpolation", Interpolation)
def test_the_ends_of_a_mix_are_its_prompts(model: StableDiffusion, interpolation: Interpolation) -> None:
    last = {}
    for name, prompts in {
        "cat": "a cat",
        "only cat": (("a cat", 2.0), ("a dog", 0.0)),
        "dog": "a dog",
        "only dog": (("a cat", 0.0), ("a dog", 0.3)),
        "both": (("a cat", 1.0), ("a dog", 1.0)),
    }.items():
        stylist = stylist_of(model, 2, 1, Guidance.SELF)
        stylist.set_prompt(prompts, interpolation=interpolation)
        last[name] = painted(stylist, 1, 0, 4)[-1]
    torch.testing.assert_close(last["only cat"], last["cat"], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(last["only dog"], last["dog"], rtol=1e-4, atol=1e-4)
    for name in ("cat", "dog"):
        assert float((last["both"] - last[name]).abs().max()) > 1e-4


@pytest.mark.parametrize("refused", ["", (("a cat", 0.0),), (("a cat", -1.0), ("a dog", 2.0)), ()])
def test_a_prompt_that_is_refused_changes_nothing_now_or_later(model: StableDiffusion, refused: Any) -> None:
    streams = []
    for is_asked in (False, True):
        stylist = stylist_of(model, 2, 1, Guidance.FULL)
        before = painted(stylist, 1, 0, 3)
        if is_asked:
            with pytest.raises(ValueError, match="expected"):
                stylist.set_prompt(refused, negative="other", interpolation=Interpolation.SLERP)
        stylist.set_control_scales([0.5])  # reads the prompts again
        streams.append(torch.stack(before + painted(stylist, 1, 3, 8)))
    assert torch.equal(streams[0], streams[1])


@pytest.mark.parametrize("cfg_type", GUIDANCE)
def test_a_blend_of_seeds_in_mid_stream_serves_every_row(model: StableDiffusion, cfg_type: Guidance) -> None:
    """Frames that enter after the change are those of a stream that began with it, for N = 2 and c = 2."""
    seed = SeedBlend(seeds=(1, 2), weights=(1.0, 3.0))
    changed, fresh = (stylist_of(model, 2, 2, cfg_type) for _ in range(2))
    painted(changed, 2, 0, 4)
    for stylist in (changed, fresh):
        stylist.set_seed(seed)
    ours, theirs = painted(changed, 2, 4, 12)[2:], painted(fresh, 2, 4, 12)
    torch.testing.assert_close(torch.stack(ours), torch.stack(theirs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("levels", "chunk"), [(1, 1), (2, 2), (3, 1)])
def test_feedback_survives_every_change_and_ends_with_the_drain(
    model: StableDiffusion, levels: int, chunk: int
) -> None:
    stylist = stylist_of(model, levels, chunk, Guidance.SELF, feedback=0.4)
    first = painted(stylist, chunk, 0, 6)
    stylist.set_prompt("a dog")
    stylist.set_seed(8)
    stylist.set_guidance(1.8, 0.2)
    during = painted(stylist, chunk, 6, 12)
    assert bool(torch.isfinite(torch.stack(during)).all())
    assert len(list(stylist.drain())) == levels - 1
    stylist.set_prompt("a cat")
    stylist.set_seed(3)
    stylist.set_guidance(1.4, 0.7)
    torch.testing.assert_close(
        torch.stack(painted(stylist, chunk, 0, 6)), torch.stack(first), rtol=1e-4, atol=1e-4
    )


def stream_of(model: StableDiffusion, levels: int, chunk: int) -> StreamDiffusion:
    stream = StreamDiffusion(
        model, INDICES[levels], width=SIZE, height=SIZE, runtime=ONE_THREAD, frame_buffer_size=chunk
    )
    stream.prepare("a cat", guidance_scale=1.4)
    stream.update_control_image(0, images(1, seed=9))
    return stream


def test_a_control_picture_that_is_missing_is_said(model: StableDiffusion) -> None:
    stream = StreamDiffusion(model, INDICES[1], width=SIZE, height=SIZE, runtime=ONE_THREAD)
    stream.prepare("a cat")
    with pytest.raises(ValueError, match="control pictures for 1 ControlNets, got none"):
        stream(images(1))
    without = StableDiffusion(
        unet=model.unet,
        vae=model.vae,
        text_encoder=model.text_encoder,
        tokenizer=model.tokenizer,
        schedule=model.schedule,
        prediction=model.prediction,
    )
    with pytest.raises(ValueError, match="for 0 ControlNets, got some of shape"):
        stylist_of(without, 1, 1, Guidance.NONE).paint(images(1), images(1))


@pytest.mark.parametrize(("levels", "chunk"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1)])
def test_frames_that_are_skipped_leave_the_stream_as_it_is(
    model: StableDiffusion, levels: int, chunk: int
) -> None:
    """The pictures are those of a stream of the frames that passed; a skip shows the newest once more."""
    scenes = images(3 * chunk).split(chunk)
    shown = [0, 0, 0, 1, 1, 2, 2, 2, 0, 1, 1, 1, 2]  # three scenes, cuts between them
    filtered, plain = stream_of(model, levels, chunk), stream_of(model, levels, chunk)
    filtered.enable_similar_image_filter(0.98, 2)
    newest, num_skipped = None, 0
    for scene in shown:
        before = filtered.prev_image_result
        picture = filtered(scenes[scene])
        if before is not None and picture is before:
            num_skipped += 1
            assert newest is not None
            assert torch.equal(picture, newest)
        else:
            newest = plain(scenes[scene]).clone()
            torch.testing.assert_close(picture, newest, rtol=1e-5, atol=1e-5)
    assert num_skipped >= 4


def test_like_frames_are_skipped_and_the_last_picture_stays(model: StableDiffusion) -> None:
    stream = stream_of(model, 1, 1)
    stream.enable_similar_image_filter(0.5, 2)
    image = images(1)
    first = stream(image)
    assert stream(image) is first
    stream.disable_similar_image_filter()
    assert stream(image) is not first
