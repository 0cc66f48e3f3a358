"""`understudy stylise` says whose likeness it shows, what is missing, and what works without it."""

import argparse
from pathlib import Path

import pytest

from app.cli.arguments import CLOSENESS, parse
from app.cli.stylise import settings_from, stylise_from
from app.main import main
from engine.errors import SettingsError, WeightsError
from engine.settings import Pace
from engine.stylise_settings import Closeness


def parsed(*more: str) -> argparse.Namespace:
    return parse(["stylise", "--prompt", "a pirate", *more])


def test_words_and_closeness_agree() -> None:
    assert [closeness.name.lower() for closeness in Closeness] == list(CLOSENESS)


def test_arguments_become_settings() -> None:
    stylise = stylise_from(
        parsed("--closeness", "free", "--lora", "a.safetensors=0.5", "--lora", "b", "--model", "mine")
    )
    assert stylise.closeness is Closeness.FREE
    assert stylise.all_loras == {"a.safetensors": 0.5, "b": 1.0}
    settings = settings_from(parsed("--size", "256", "--seed", "7", "--mirror"), Pace.LIVE)
    assert (settings.quality.size, settings.seed, settings.mirror) == (256, 7, True)
    assert list(stylise_from(parsed()).all_loras) == ["latent-consistency/lcm-lora-sdv1-5"]
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
    for word in ("likeness", "not on this machine", "4.4 GB", "OpenRAIL-M", "understudy live"):
        assert word in said
    assert not (tmp_path / "out.mp4").exists()


def test_an_empty_prompt_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stylise", "--prompt", " "]) == SettingsError.exit_code
    assert "prompt is empty" in capsys.readouterr().err
