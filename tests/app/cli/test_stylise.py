"""`understudy stylise` says whose likeness it shows, what is missing, and what works without it."""

import argparse
from pathlib import Path

import pytest

import app.cli.models
from app.cli.animate import chosen_output
from app.cli.arguments import CLOSENESS, parse
from app.cli.stylise import _parts_of, settings_from, stylise_from
from app.main import main
from engine.errors import SettingsError, WeightsError
from engine.fetching import missing_of
from engine.settings import Pace
from engine.stylise.settings import Closeness, Painter, StyliseSettings


def parsed(*more: str) -> argparse.Namespace:
    return parse(["stylise", "--prompt", "a pirate", *more])


def test_words_and_closeness_agree() -> None:
    assert [closeness.name.lower() for closeness in Closeness] == list(CLOSENESS)


def test_arguments_become_settings() -> None:
    stylise = stylise_from(
        parsed("--closeness", "free", "--lora", "a.safetensors=0.5", "--lora", "b", "--model", "mine")
    )
    assert stylise.closeness is Closeness.FREE
    assert stylise_from(parsed("--tokenizer", "words")).tokenizer == "words"
    assert stylise.all_loras == {"a.safetensors": 0.5, "b": 1.0}
    settings = settings_from(parsed("--size", "256", "--seed", "7", "--mirror"), Pace.LIVE)
    assert (settings.quality.size, settings.seed, settings.mirror) == (256, 7, True)
    assert list(stylise_from(parsed()).all_loras) == ["latent-consistency/lcm-lora-sdv1-5"]
    for nameless in ("", " ", "=0.5"):
        with pytest.raises(SettingsError, match="has no name"):
            stylise_from(parsed("--lora", nameless))
    with pytest.raises(SettingsError, match="'much'"):
        stylise_from(parsed("--lora", "a=much"))


def test_without_a_model_it_says_what_is_needed_and_what_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path / "models"))
    code = main(["stylise", "--prompt", "a pirate", "--output", str(tmp_path / "out.mp4")])
    said = capsys.readouterr().err
    assert code == WeightsError.exit_code
    for word in ("not on this machine", "4.4 GB", "OpenRAIL-M", "understudy live"):
        assert word in said
    assert "Painting" not in said
    assert not (tmp_path / "out.mp4").exists()


def test_what_is_missing_is_fetched_when_asked_and_paths_stay_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def fetch(name: str, _on_progress: object, _should_stop: object) -> Path:
        asked.append(name)
        return tmp_path

    monkeypatch.setattr(app.cli.models, "fetch", fetch)
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path / "models"))
    command = ["stylise", "--prompt", "a pirate", "--output", str(tmp_path / "out.mp4")]
    assert main([*command, "--download"]) == WeightsError.exit_code
    assert asked == ["stable-diffusion-v1-5/stable-diffusion-v1-5"]
    assert "TAESD, 10 MB, licence MIT" in capsys.readouterr().err
    asked.clear()
    assert main([*command, "--model", "styles/mine.safetensors", "--download"]) == WeightsError.exit_code
    assert asked == [], "the name of a file is told to nobody"


def test_live2diff_is_fetched_with_its_painter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path))
    parts = _parts_of(StyliseSettings(prompt="a pirate", painter=Painter.LIVE2DIFF, depth="points"))
    assert missing_of(parts) == ["stable-diffusion-v1-5/stable-diffusion-v1-5", "live2diff"]


def test_an_empty_prompt_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stylise", "--prompt", " "]) == SettingsError.exit_code
    assert "prompt is empty" in capsys.readouterr().err


def test_a_model_may_be_called_as_the_list_calls_it() -> None:
    assert stylise_from(parsed("--model", "sd-turbo")).model == "stabilityai/sd-turbo"
    assert stylise_from(parsed("--model", "mine")).model == "mine"


def test_a_lora_s_file_may_have_an_equals_sign_in_its_name(tmp_path: Path) -> None:
    file = tmp_path / "look=2.safetensors"
    file.touch()
    assert stylise_from(parsed("--lora", str(file), "--lora", f"{file}=0.5")).loras == (
        (str(file), 1.0),
        (str(file), 0.5),
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--seconds", "2"), "--seconds counts for nothing"),
        (("--loop",), "--loop counts for nothing"),
        (("--record", "a.mp4", "--seconds", "-3"), "--seconds is -3"),
        (("--record", "a.mp4", "--source", "0", "--loop"), "The camera 0 has no end to start again from"),
        (("--levels", "2"), "--levels counts for nothing with streamdiffusion"),
        (
            ("--painter", "live2diff", "--guidance-scale", "2"),
            "--guidance-scale counts for nothing with live2diff",
        ),
        (("--record", "a.mp4", "--output", "b.mp4"), "--output counts for nothing live"),
    ],
)
def test_an_option_that_would_count_for_nothing_is_refused(
    options: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stylise", "--prompt", "a pirate", *options]) == SettingsError.exit_code
    assert sentence in capsys.readouterr().err


def test_a_clip_goes_into_the_folder_that_is_named_and_not_by_the_avatar_clip_s_name(tmp_path: Path) -> None:
    name = Path("understudy-a-stylised.mp4")
    assert chosen_output(str(tmp_path), name) == tmp_path / name
    assert chosen_output(str(tmp_path / "b.mp4"), Path("x.mp4")) == tmp_path / "b.mp4"
    assert chosen_output(None, Path("x.mp4")) == Path("x.mp4")
