"""In the steady state a stream makes no tensor and waits for no device; feedback mixes what came out in."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from engine.denoise.feedback import LatentFeedback
from engine.denoise.settings import NEEDS_NEGATIVE, Guidance
from engine.streamdiffusion.settings import StreamSettings
from engine.streamdiffusion.stylist import Stylist
from models.checkpoints.stable_diffusion import StableDiffusion
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import DiscreteSchedule
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.checkpoints import published_layouts as layouts

SIZE = 32
WAITS = ("_local_scalar_dense", "is_nonzero", "item", "nonzero")


class Watch(TorchDispatchMode):
    """Notes operations that return new memory, and those that would wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.allocations: list[str] = []
        self.waits: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = {storage(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **kwargs)
        name = str(func)
        if any(wait in name for wait in WAITS):
            self.waits.append(name)
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and storage(leaf) not in given:
                self.allocations.append(name)
        return result


def storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def model() -> StableDiffusion:
    return StableDiffusion(
        unet=layouts.tiny_unet(),
        vae=layouts.tiny_taesd(),
        text_encoder=torch.nn.Identity(),
        tokenizer=None,
        schedule=DiscreteSchedule(),
        prediction=Prediction.EPSILON,
    )


def stylist_of(kind: RuntimeKind, **settings: Any) -> Stylist:
    runtime = RuntimeSettings(kind=kind, precision=Precision.F32, num_threads=1)
    chosen = StreamSettings(width=SIZE, height=SIZE, **settings)
    stylist = Stylist(model(), chosen, runtime)
    prompt, negative = torch.randn(2, 1, 77, 32, generator=torch.Generator().manual_seed(1))
    stylist.set_prompt_embeds(prompt, negative if chosen.cfg_type in NEEDS_NEGATIVE else None)
    stylist.set_guidance(1.4, 0.7)
    return stylist


@pytest.mark.parametrize("guidance", [Guidance.NONE, Guidance.FULL, Guidance.SELF, Guidance.INITIALIZE])
def test_the_steady_state_allocates_nothing_and_waits_for_nothing(guidance: Guidance) -> None:
    stylist = stylist_of(RuntimeKind.OPENVINO, cfg_type=guidance)
    pixels = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    for _ in range(3):
        popped = stylist.paint(pixels)
        if popped is not None:
            stylist.decode(popped)
    with Watch() as watch:
        for _ in range(20):
            popped = stylist.paint(pixels)
            assert popped is not None
            stylist.decode(popped)
    assert watch.allocations == []
    assert watch.waits == []


def test_the_watch_sees_both() -> None:
    value = torch.ones(2)
    with Watch() as watch:
        (value + 1.0).sum().item()
    assert watch.allocations
    assert watch.waits


def test_both_runtimes_paint_the_same() -> None:
    pixels = torch.rand(3, 1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(4)) * 2 - 1
    outputs = []
    for kind in (RuntimeKind.TORCH, RuntimeKind.OPENVINO):
        stylist = stylist_of(kind, cfg_type=Guidance.SELF)
        popped = [stylist.paint(each) for each in pixels][-1]
        assert popped is not None
        outputs.append(popped.latents.clone())
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-3, atol=1e-3)


def test_feedback_mixes_the_newest_picture_in() -> None:
    feedback = LatentFeedback(0.25)
    entering, left = (
        torch.full((2, 4, 2, 2), 4.0),
        torch.stack([torch.full((4, 2, 2), v) for v in (1.0, 8.0)]),
    )
    assert feedback.enter(entering) is entering
    feedback.leave(left)
    torch.testing.assert_close(feedback.enter(entering), torch.full((2, 4, 2, 2), 5.0))
    feedback.leave(torch.zeros(2, 4, 2, 2))
    torch.testing.assert_close(feedback.enter(entering), torch.full((2, 4, 2, 2), 3.0))
    feedback.reset()
    assert feedback.enter(entering) is entering
    with pytest.raises(ValueError, match=r"from 0 to 0\.4, got 0\.5"):
        LatentFeedback(0.5)


def test_a_stream_with_feedback_remembers_until_it_is_reset() -> None:
    pixels = torch.rand(4, 1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(4)) * 2 - 1
    stylist = stylist_of(RuntimeKind.TORCH, cfg_type=Guidance.NONE, t_index_list=(40,), feedback=0.3)

    def last(frames: Tensor) -> Tensor:
        popped = [stylist.paint(each) for each in frames][-1]
        assert popped is not None
        return popped.latents.clone()

    alone = last(pixels[3:])
    assert not torch.allclose(last(pixels), alone, atol=1e-3)
    stylist.reset()
    torch.testing.assert_close(last(pixels[3:]), alone, rtol=0, atol=0)
