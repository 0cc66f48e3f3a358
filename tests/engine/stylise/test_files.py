"""What a painting is made of is looked for where the loaders look, before anything heavy is loaded."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

from engine.errors import WeightsError
from engine.settings import Quality, Settings
from engine.stylise.files import check_files, depth_network, motion_file
from engine.stylise.rooms import StyliseRooms
from engine.stylise.settings import Closeness, Painter, StyliseSettings
from models.checkpoints.catalogue import read_catalogue, with_needs
from tests.models.checkpoints.hub_cache import lay_in_cache
from tests.models.checkpoints.small_weights import LAYER, write_safetensors, write_small

PIRATE = StyliseSettings(prompt="a pirate")
LIVE2DIFF = replace(PIRATE, painter=Painter.LIVE2DIFF)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "models"


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_small(path)
    return path


def fetched(name: str, models: Path) -> None:
    for entry in with_needs(name, read_catalogue()):
        for file in entry.files:
            touch(models / entry.folder / file.path)


def said(stylise: StyliseSettings) -> tuple[str, str]:
    with pytest.raises(WeightsError) as caught:
        check_files(stylise)
    return caught.value.message, caught.value.hint


def test_what_was_fetched_passes(models: Path) -> None:
    fetched("live2diff", models)
    check_files(PIRATE)
    check_files(LIVE2DIFF)
    assert motion_file(LIVE2DIFF) == models / "live2diff" / "live2diff.ckpt"
    assert depth_network(LIVE2DIFF) == str(models / "Intel/dpt-hybrid-midas")


def test_what_another_program_fetched_passes(tmp_path: Path) -> None:
    for name in ("sd15", "lcm-lora", "taesd", "depth-anything-small"):
        entry = read_catalogue()[name]
        lay_in_cache(tmp_path / "cache", entry.repository, [file.path for file in entry.files])
    check_files(PIRATE)
    assert str(tmp_path / "cache") in str(depth_network(LIVE2DIFF)), "the loader finds it there, too"


def test_what_is_missing_is_named_with_what_it_costs(models: Path) -> None:
    message, hint = said(LIVE2DIFF)
    assert f"{models / 'live2diff' / 'live2diff.ckpt'}" in message
    assert "1.68 GB, licence Apache-2.0" in hint
    message, hint = said(PIRATE)
    assert message == f"The model {PIRATE.model} is not on this machine."
    assert "4.4 GB" in hint
    fetched("sd15", models)
    (models / "madebyollin/taesd/config.json").unlink()
    (models / "madebyollin/taesd/diffusion_pytorch_model.safetensors").unlink()
    (models / "madebyollin/taesd").rmdir()
    assert "madebyollin/taesd is not on this machine" in said(PIRATE)[0]


def test_a_file_that_is_never_read_or_not_there_is_named(tmp_path: Path, models: Path) -> None:
    fetched("sd15", models)
    base = touch(tmp_path / "base.safetensors")
    checkpoint = touch(tmp_path / "base.ckpt")
    message, hint = said(replace(PIRATE, model=str(checkpoint)))
    assert message.startswith("The model cannot be loaded: ")
    assert "base.ckpt is a .ckpt, expected .safetensors" in message
    assert "leave --model out, and add --download to fetch stable-diffusion-v1-5" in hint
    assert "no file" in said(replace(PIRATE, style=str(tmp_path / "no.safetensors")))[0]
    message, hint = said(replace(PIRATE, loras=((str(tmp_path / "no.safetensors"), 1.0),)))
    assert message == f"There is no file {tmp_path / 'no.safetensors'}."
    assert "Leave that LoRA out" in hint
    message, hint = said(replace(PIRATE, model=str(base)))
    assert f"no tokenizer beside {base}" in message
    assert "--tokenizer" in hint
    touch(tmp_path / "words" / "vocab.json")
    check_files(replace(PIRATE, model=str(base), tokenizer=str(tmp_path / "words")))


@pytest.mark.parametrize(
    "content", [bytes(5000), b"hello\n" * 800, b"PK\x03\x04" + bytes(5000), b""], ids=len
)
def test_a_damaged_motion_file_is_told_with_both_sizes_and_in_our_words(
    content: bytes, tmp_path: Path, models: Path
) -> None:
    fetched("live2diff", models)
    damaged = tmp_path / "z.ckpt"
    damaged.write_bytes(content)
    message, hint = said(replace(LIVE2DIFF, motion=str(damaged)))
    told = f"half a download? ({len(content):,} bytes, expected 1,676,502,737)."
    assert message == f"Live2Diff cannot be loaded: {damaged} cannot be read: {told}"
    assert "Apache-2.0" in hint


def truncated(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-3])
    return path


def test_a_truncated_lora_or_one_that_is_none_is_refused_before_anything_is_loaded(
    tmp_path: Path, models: Path
) -> None:
    fetched("sd15", models)
    lora = touch(tmp_path / "lora.safetensors")
    with_lora = replace(PIRATE, loras=((str(lora), 1.0),))
    check_files(with_lora)
    size = lora.stat().st_size
    message, hint = said(replace(PIRATE, loras=((str(truncated(lora)), 1.0),)))
    sizes = f"({size - 3:,} bytes, expected {size:,})"
    assert message == f"The LoRA cannot be loaded: {lora} cannot be read: half a download? {sizes}."
    assert "Leave that LoRA out" in hint
    write_safetensors(lora, LAYER)
    assert "is no LoRA that we know: it holds conv_in.weight" in said(with_lora)[0]


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        ("mid", r"the model has no layer unet.mid"),
        ("conv_in", "unet.conv_in is (4, 6), the model has (4, 4)"),
    ],
)
def test_a_lora_for_another_base_is_one_short_sentence_and_its_shapes_come_after_the_way_out(
    tmp_path: Path, models: Path, layer: str, reason: str
) -> None:
    fetched("sd15", models)
    shapes = {f"unet.{layer}.lora_A.weight": (2, 6), f"unet.{layer}.lora_B.weight": (4, 2)}
    lora = write_safetensors(tmp_path / "pirate.safetensors", shapes)
    message, hint = said(replace(PIRATE, loras=((str(lora), 1.0),)))
    assert message == "pirate.safetensors is for another base model."
    assert hint.startswith("Leave that LoRA out")
    assert hint.endswith(f" ({reason}.)")


@pytest.mark.parametrize(
    "part", ["unet/diffusion_pytorch_model", "text_encoder/model", "vae/diffusion_pytorch_model"]
)
def test_a_truncated_or_missing_part_of_the_base_is_refused_before_anything_is_loaded(
    tmp_path: Path, models: Path, part: str
) -> None:
    fetched("sd15", models)
    base = (models / PIRATE.model).rename(tmp_path / "base")
    whole = replace(PIRATE, model=str(base))
    check_files(whole)
    file = truncated(base / f"{part}.safetensors")
    assert f"The model cannot be loaded: {file} cannot be read: half a download?" in said(whole)[0]
    file.unlink()
    assert said(whole)[0].startswith(f"There are no weights in {file.parent}")


def test_a_truncated_style_autoencoder_or_depth_network_is_refused(tmp_path: Path, models: Path) -> None:
    fetched("live2diff", models)
    style = truncated(touch(tmp_path / "style.safetensors"))
    assert f"{style} cannot be read: half a download?" in said(replace(PIRATE, style=str(style)))[0]
    depth = models / "Intel/dpt-hybrid-midas"
    truncated(next(file for file in depth.iterdir() if file.suffix in (".bin", ".safetensors")))
    assert "The depth network cannot be loaded: " in said(LIVE2DIFF)[0]
    check_files(PIRATE)
    truncated(models / "madebyollin/taesd/diffusion_pytorch_model.safetensors")
    assert "taesd/diffusion_pytorch_model.safetensors cannot be read: half a" in said(PIRATE)[0]


def test_looking_at_all_of_it_loads_no_torch(models: Path) -> None:
    fetched("live2diff", models)
    code = (
        "import sys; from engine.stylise.files import check_files; from engine.stylise.settings import *;"
        "check_files(StyliseSettings(prompt='a pirate', painter=Painter.LIVE2DIFF));"
        "assert not {'torch', 'safetensors'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_style_with_its_own_tokenizer_needs_no_model(tmp_path: Path, models: Path) -> None:
    for name in ("lcm-lora", "taesd"):
        fetched(name, models)
    style = touch(tmp_path / "style.safetensors")
    words = touch(tmp_path / "words" / "vocab.json").parent
    check_files(replace(PIRATE, style=str(style), tokenizer=str(words)))
    assert "is not on this machine" in said(replace(PIRATE, style=str(style)))[0]


def test_a_depth_network_that_is_not_here_is_told_and_points_need_none(models: Path) -> None:
    fetched("live2diff", models)
    message, hint = said(replace(LIVE2DIFF, depth="maker/deep"))
    assert message == "The model maker/deep is not on this machine."
    assert "choose points" in hint
    check_files(replace(LIVE2DIFF, depth="points"))


def test_the_way_out_of_a_slow_painter_names_only_what_is_left() -> None:
    def way_out(stylise: StyliseSettings, quality: Quality) -> str:
        return StyliseRooms(stylise).way_out_when_slow(Settings(quality=quality))

    large, small = Quality(size=512, levels=2), Quality(size=256)
    assert "a smaller size or fewer steps (close), or paint a clip" in way_out(PIRATE, large)
    assert "smaller" not in way_out(PIRATE, small)
    fewest = replace(PIRATE, closeness=Closeness.CLOSE)
    assert way_out(fewest, small).startswith("Use a computer with a graphics card, or paint a clip")
    assert "fewer levels or a quicker painter (streamdiffusion)" in way_out(LIVE2DIFF, large)
    assert "fewer levels" not in way_out(LIVE2DIFF, small)
