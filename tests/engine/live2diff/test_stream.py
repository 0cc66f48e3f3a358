"""Live2Diff's stream on tiny networks: its start, its life, and changes without a pause."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.denoise.memory import KvFormat
from engine.live2diff.settings import Live2DiffSettings
from engine.live2diff.stream import Live2Diff
from models.checkpoints.live2diff import Live2DiffNetworks, base_config, joined
from models.checkpoints.stable_diffusion import StableDiffusionSource, load_stable_diffusion
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.models.checkpoints import published_layouts as layouts
from tests.models.checkpoints.test_live2diff import SIZES, added_weights, with_motion

RUNTIME = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
SIDE = 16
SETTINGS = Live2DiffSettings(width=SIDE, height=SIDE, prompt="hi there")


class WhenTold(Executor):
    """Runs jobs at once, or holds them until it is told."""

    def __init__(self) -> None:
        self.is_holding = False
        self.held: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, job: Callable[[], Any], /, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.held.append((future, job))
        if not self.is_holding:
            self.run()
        return future

    def run(self) -> None:
        held, self.held = self.held, []
        for future, job in held:
            future.set_result(job())


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Live2DiffNetworks:
    folder = layouts.write_folder(tmp_path_factory.mktemp("base") / "model")
    base = load_stable_diffusion(StableDiffusionSource(model=str(folder)))
    weights = added_weights(with_motion(base_config(base.unet)))
    return joined(weights, base, SIZES, "tiny")


def still_depth_of(pixels: Tensor) -> Tensor:
    return torch.linspace(0.0, 1.0, SIDE * SIDE).reshape(1, SIDE, SIDE).expand(len(pixels), -1, -1)


def depth_of(pixels: Tensor) -> Tensor:
    return pixels.mean(1)


def stream(networks: Live2DiffNetworks, executor: Executor | None = None, **changes: Any) -> Live2Diff:
    return Live2Diff(networks, replace(SETTINGS, **changes), RUNTIME, depth_of, executor or WhenTold())


def frames(count: int, seed: int = 0, bright: float = 0.0) -> list[Tensor]:
    """A scene that drifts slowly, ``(1, 3, 16, 16)`` each."""
    generator = torch.Generator().manual_seed(seed)
    scene = torch.rand(1, 3, SIDE, SIDE, generator=generator) * 2 - 1
    drift = torch.rand(1, 3, SIDE, SIDE, generator=generator) * 0.02
    return [(scene + bright + index * drift).clamp(-1, 1) for index in range(count)]


def painted(live: Live2Diff, clip: list[Tensor], first: int = 0) -> list[tuple[object, Tensor]]:
    return [
        (popped.tag, popped.latents.clone())
        for index, pixels in enumerate(clip)
        for popped in live.paint(pixels, first + index)
    ]


def drained(live: Live2Diff) -> list[tuple[object, Tensor]]:
    return [(popped.tag, popped.latents.clone()) for popped in live.drain()]


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_every_frame_comes_out_once_and_in_order(networks: Live2DiffNetworks, levels: int) -> None:
    live = stream(networks, levels=levels)
    given = []
    for index, pixels in enumerate(frames(14)):
        popped = live.paint(pixels, index)
        # seven frames are gathered, eight come at once, and N - 1 calls later one comes with each
        wanted = [0] * 7 + [8] + [0] * (levels - 1) + [1] * 14
        assert len(popped) == wanted[index]
        given += [(each.tag, live.decode(each).clone()) for each in popped]
    given += [(each.tag, live.decode(each).clone()) for each in live.drain()]
    assert [tag for tag, _ in given] == list(range(14))
    assert all(picture.shape == (1, 3, SIDE, SIDE) and bool(picture.isfinite().all()) for _, picture in given)


@pytest.mark.parametrize("count", [1, 5, 8])
def test_a_clip_shorter_than_the_warm_up_gives_as_many_pictures(
    networks: Live2DiffNetworks, count: int
) -> None:
    live = stream(networks)
    given = painted(live, frames(count)) + drained(live)
    assert [tag for tag, _ in given] == list(range(count))


def test_a_drained_stream_is_as_new(networks: Live2DiffNetworks) -> None:
    live = stream(networks)
    first = painted(live, frames(10)) + drained(live)
    again = painted(live, frames(10)) + drained(live)
    for (_, one), (_, other) in zip(first, again, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_constant_pictures_give_numbers(networks: Live2DiffNetworks) -> None:
    live = stream(networks)
    given = painted(live, [torch.full((1, 3, SIDE, SIDE), 0.3)] * 10)
    assert given
    assert all(bool(latents.isfinite().all()) for _, latents in given)


def change_prompt(live: Live2Diff) -> None:
    live.set_prompt("low hi")


def change_strength(live: Live2Diff) -> None:
    live.set_strength(0.8)


@pytest.mark.parametrize("change", [change_prompt, change_strength])
def test_a_change_comes_without_a_pause(
    networks: Live2DiffNetworks, change: Callable[[Live2Diff], None]
) -> None:
    executor, clip = WhenTold(), frames(30)
    live, still = stream(networks, executor), stream(networks)
    before = painted(live, clip[:12]) + painted(still, clip[:0])
    expected = painted(still, clip)
    executor.is_holding = True
    change(live)
    assert live.is_changing
    during = [live.paint(pixels, 12 + index) for index, pixels in enumerate(clip[12:18])]
    assert [len(popped) for popped in during] == [1] * 6  # a picture a call while it is warmed up
    torch.testing.assert_close(during[-1][0].latents, expected[16][1], rtol=0, atol=0)  # and the old look
    executor.run()
    after = painted(live, clip[18:], 18)
    assert not live.is_changing
    assert [tag for tag, _ in before + after] == [*range(11), *range(17, 29)]
    for (_, ours), (_, theirs) in zip(after[2:], expected[19:], strict=True):
        assert float((ours - theirs).abs().mean()) > 1e-3
        assert bool(ours.isfinite().all())


def test_a_change_is_that_of_a_stream_begun_with_it(networks: Live2DiffNetworks) -> None:
    """Sinks of the last eight frames: as if the stream had begun with them, in the new prompt."""
    clip = frames(13)
    live, fresh = (
        Live2Diff(networks, replace(SETTINGS, prompt=prompt), RUNTIME, still_depth_of, WhenTold())
        for prompt in ("hi there", "low hi")
    )
    painted(live, clip[:12])
    live.set_prompt("low hi")
    live.paint(clip[12])
    painted(fresh, clip[4:12])
    ours, theirs = (each._ring.tensors(0, 0, 2) for each in (live, fresh))
    sinks = [name for name in ours if name.endswith((".keys", ".values"))]
    for name in sinks:
        torch.testing.assert_close(ours[name][:, :, :, :8], theirs[name][:, :, :, :8], rtol=1e-3, atol=1e-4)


def test_only_the_newest_wish_is_taken_over(networks: Live2DiffNetworks) -> None:
    executor, clip = WhenTold(), frames(20)
    live = stream(networks, executor)
    painted(live, clip[:10])
    executor.is_holding = True
    for prompt in ("low", "low low", "hi"):
        live.set_prompt(prompt)
    assert live.settings.prompt == "hi"
    executor.run()
    painted(live, clip[10:12], 10)
    executor.run()
    painted(live, clip[12:14], 12)
    assert not live.is_changing
    reference = live._style.reference("hi")
    name = next(iter(reference))
    torch.testing.assert_close(live._buffer._reference[name], reference[name])


def test_a_change_that_fails_is_told_and_the_stream_keeps_its_look(networks: Live2DiffNetworks) -> None:
    with ThreadPoolExecutor(1) as executor:
        live, clip = stream(networks, executor), frames(14)
        painted(live, clip[:10])
        without_words = replace(networks, base=replace(networks.base, tokenizer=None))
        live._style, kept = live._build_style(networks), live._style
        live._wanted = live._style, live.settings
        live._style.networks = without_words
        live.set_prompt("low hi")
    with pytest.raises(ValueError, match="no tokenizer"):
        live.paint(clip[10], 10)
    assert live.settings.prompt == "hi there"
    assert [popped.tag for popped in live.paint(clip[10], 10)] == [9]
    assert kept.layers == live._style.layers


def test_another_style_comes_the_same_way(networks: Live2DiffNetworks) -> None:
    live, clip = stream(networks), frames(16)
    painted(live, clip[:10])
    base = layouts.tiny_unet()
    with torch.no_grad():
        base.conv_in.weight.mul_(1.5)
    restyled = joined(
        added_weights(with_motion(base_config(base))),
        replace(networks.base, unet=base.requires_grad_(requires_grad=False)),
        SIZES,
        "tiny",
    )
    live.set_style(restyled)
    given = painted(live, clip[10:], 10)
    assert [tag for tag, _ in given] == [*range(9, 15)]
    assert live._style.networks is restyled


def test_a_cut_renews_the_sinks_and_a_lamp_does_not(networks: Live2DiffNetworks) -> None:
    executor = WhenTold()
    live = stream(networks, executor)
    painted(live, frames(12))
    executor.is_holding = True
    painted(live, frames(2, bright=0.4), 12)
    assert not live.is_changing
    given = painted(live, frames(1, seed=9), 14)
    assert live.is_changing
    executor.run()
    given += painted(live, frames(12, seed=9)[1:], 15)
    executor.run()
    assert [tag for tag, _ in given] == list(range(13, 25))  # no pause either


@pytest.mark.parametrize(("kv_format", "largest"), [(KvFormat.HALF, 1e-3), (KvFormat.INT8, 0.02)])
def test_smaller_rings_stay_close(networks: Live2DiffNetworks, kv_format: KvFormat, largest: float) -> None:
    kinds = (KvFormat.NATIVE, kv_format)
    exact, small = (painted(stream(networks, kv_format=kind), frames(20)) for kind in kinds)
    errors = [float((a - b).norm() / a.norm()) for (_, a), (_, b) in zip(exact, small, strict=True)]
    assert 0.0 < max(errors[8:]) < largest


def test_who_comes_after_a_pause_begins_another_scene(networks: Live2DiffNetworks) -> None:
    executor, clip = WhenTold(), frames(14)
    live = stream(networks, executor)
    painted(live, clip[:10])
    executor.is_holding = True
    live.pause()
    assert painted(live, clip[10:11], 10) == []  # what came out went in before
    assert not live.is_changing
    for _ in range(20):
        live.pause()
    assert painted(live, clip[11:12], 11) == []
    assert live.is_changing
    assert [tag for tag, _ in painted(live, clip[12:14], 12)] == [11, 12]


def test_depth_may_come_with_the_frames(networks: Live2DiffNetworks) -> None:
    clip = frames(10)
    read = stream(networks)
    told = Live2Diff(networks, SETTINGS, RUNTIME, None, WhenTold())
    expected = painted(read, clip)
    given = [
        popped.latents.clone() for pixels in clip for popped in told.paint(pixels, depth=depth_of(pixels))
    ]
    for (_, one), other in zip(expected, given, strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(ValueError, match="nothing reads depth"):
        told.paint(clip[0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 500}, "500"),
        ({"height": 0}, "height"),
        ({"levels": 0}, "0"),
        ({"strength": 0.0}, r"0\.0"),
        ({"strength": 0.02, "levels": 2}, "2"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(SETTINGS, **changes)


def test_an_impossible_change_changes_nothing(networks: Live2DiffNetworks) -> None:
    live = stream(networks)
    painted(live, frames(9))
    for wish in (lambda: live.set_prompt("  "), lambda: live.set_strength(1.5)):
        with pytest.raises(ValueError, match="expected"):
            wish()
    assert live.settings == SETTINGS
    assert not live.is_changing
