"""From arguments to settings: what a model was published with, unless something else is said."""

import pytest

from app.cli.arguments import parse
from app.cli.choices import settings_from
from engine.errors import SettingsError
from engine.settings import Model, Pace, Quality, Settings


def settings(*arguments: str) -> Settings:
    return settings_from(parse(["animate", *arguments]), Pace.OFFLINE)


def test_the_pocket_model_is_the_default() -> None:
    assert (settings().model, settings().quality) == (Model.POCKET, Quality())


def test_rain_comes_with_its_own_quality_weights_and_guidance() -> None:
    chosen = settings("--model", "rain", "--weights", "there", "--guidance", "3.5", "--levels", "3")
    assert (chosen.model, chosen.weights, chosen.guidance) == (Model.RAIN, "there", 3.5)
    assert chosen.quality == Quality(size=512, levels=3, chunk=4)


def test_a_guidance_out_of_range_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"guidance is 0\.5"):
        settings("--model", "rain", "--guidance", "0.5")
