"""What is remembered comes back; what is damaged does no harm."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from app.preferences import FILE_NAME, Preferences, PreferencesFile, config_folder
from app.window.painters import DEFAULT_STYLE_MODEL
from app.window.stops import POCKET_STOPS, RAIN_STOPS, STYLE_STOPS
from app.window.wishes import (
    DEFAULT_PROMPT,
    Mode,
    chosen_stop,
    mode_from,
    model_from,
    plan_from,
    settings_from,
    stage_from,
    stylise_from,
    title_of,
    with_stage,
)
from engine.settings import (
    DEFAULT_AVATAR_NAME,
    DEFAULT_QUALITY,
    QUALITIES,
    BackdropKind,
    Model,
    StageSettings,
)
from engine.stylise.settings import PUBLISHED_MODELS, Closeness, Painter

CHANGED = Preferences(
    source="camera:1",
    clip="/films/me.mp4",
    avatar="suki",
    mirror=False,
    stage="colour",
    stage_key="#0000ff",
    stage_colour="#264052",
    stage_picture="/pictures/sea.jpg",
    stage_blur=0.5,
    quality="fine",
    is_readout_shown=False,
    is_panel_folded=True,
    output_folder="/films",
    window=(10, 20, 1200, 800),
    mode="stylise",
    is_likeness_confirmed=True,
    model="rain",
    rain_weights="/weights/rain",
    rain_guidance=4.5,
    rain_quality="quick",
    prompt="a watercolour of a fox",
    closeness="near",
    painter="live2diff",
    style_model="/models/dreams.safetensors",
    style_quality="middle",
    is_skipping_alike=True,
    style_seed=77,
    rain_tracker="dwpose",
    style_base="/models/sd15",
    style_loras=(("/loras/ink.safetensors", 0.8), ("/loras/fox.safetensors", 1.0)),
    style_guidance=2.0,
    has_small_memory=True,
    is_style_unfolded=True,
)


def test_every_field_survives_a_round_trip(tmp_path: Path) -> None:
    defaults = Preferences()
    assert all(getattr(CHANGED, f.name) != getattr(defaults, f.name) for f in fields(Preferences))
    file = PreferencesFile(tmp_path / "deep" / FILE_NAME)
    file.save(CHANGED)
    assert file.load() == (CHANGED, "")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == [FILE_NAME]  # no temporary left


def test_a_first_start_is_silent(tmp_path: Path) -> None:
    assert PreferencesFile(tmp_path / FILE_NAME).load() == (Preferences(), "")


@pytest.mark.parametrize("damage", ["", "{", "[1, 2]", "null", '"text"', "\x00\x01"])
def test_a_damaged_file_is_set_aside_and_told(tmp_path: Path, damage: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(damage)
    preferences, message = PreferencesFile(path).load()
    assert preferences == Preferences()
    assert "damaged" in message
    assert path.with_suffix(".damaged").read_text() == damage
    assert PreferencesFile(path).load() == (Preferences(), "")


def test_bytes_that_are_no_text_are_damage(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"\xff\xfe\xfa")
    assert "damaged" in PreferencesFile(path).load()[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mirror", "yes"),
        ("stage_colour", "red"),
        ("stage_key", 7),
        ("stage_blur", 3.0),
        ("stage_blur", True),
        ("window", [1, 2, 3]),
        ("window", "wide"),
        ("is_panel_folded", 1),
        ("avatar", None),
        ("mode", 3),
        ("is_likeness_confirmed", "yes"),
        ("is_likeness_confirmed", 1),
        ("prompt", ["a fox"]),
        ("style_seed", -1),
        ("style_seed", 2**32),
        ("style_seed", True),
        ("style_seed", 1.5),
        ("rain_guidance", 0.5),
        ("rain_guidance", "much"),
        ("rain_guidance", True),
        ("is_skipping_alike", None),
        ("style_guidance", 5.5),
        ("has_small_memory", "yes"),
        ("rain_tracker", None),
        ("style_loras", "ink"),
        ("style_loras", [["ink"]]),
        ("style_loras", [["ink", 2.0]]),
        ("style_loras", [["", 1.0]]),
        ("style_loras", [[3, 1.0]]),
        ("style_loras", [["ink", 1.0], ["ink", 0.5]]),
    ],
)
def test_one_senseless_field_costs_only_itself(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(json.dumps({"source": "camera:1", name: value, "from_the_future": 1}))
    preferences, message = PreferencesFile(path).load()
    assert preferences == Preferences(source="camera:1")
    assert name in message


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = PreferencesFile(tmp_path / FILE_NAME)
    file.save(CHANGED)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        file.save(Preferences())
    assert file.load() == (CHANGED, "")
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_the_home_variable_moves_the_folder() -> None:
    assert config_folder({"UNDERSTUDY_HOME": "/elsewhere"}) == Path("/elsewhere/config")
    assert "understudy" in str(config_folder({}))


def test_settings_are_built_from_what_was_remembered() -> None:
    settings = settings_from(CHANGED)
    assert (settings.source, settings.avatar, settings.mirror) == ("camera:1", "suki", False)
    assert settings.quality == next(stop for stop in RAIN_STOPS if stop.name == "quick").quality
    assert (settings.model, settings.weights, settings.guidance) == (Model.RAIN, "/weights/rain", 4.5)
    pocket = settings_from(replace(CHANGED, model=""))
    assert (pocket.model, pocket.weights, pocket.quality) == (Model.POCKET, "", QUALITIES["fine"])
    assert settings.stage.kind is BackdropKind.COLOUR
    assert settings.stage.colour == (0x26, 0x40, 0x52)
    assert settings_from(replace(CHANGED, avatar="own:cat")).avatar == DEFAULT_AVATAR_NAME
    assert settings_from(Preferences()).source == "sample"


def test_the_painting_is_built_from_what_was_remembered() -> None:
    plan = plan_from(CHANGED)
    assert plan.stylise == stylise_from(CHANGED)
    assert plan.stylise.prompt == "a watercolour of a fox"
    assert plan.stylise.closeness is Closeness.NEAR
    assert plan.stylise.painter is Painter.LIVE2DIFF
    assert (plan.stylise.style, plan.stylise.model) == ("/models/dreams.safetensors", "/models/sd15")
    assert plan.stylise.similarity is not None
    assert (plan.settings.source, plan.settings.mirror, plan.settings.seed) == ("camera:1", False, 77)
    assert (plan.settings.quality.size, plan.settings.quality.levels) == (384, 2)
    assert (plan.settings.loss.hold_s, plan.settings.loop) == (0.0, True)
    assert plan_from(replace(CHANGED, mode="avatar")).stylise is None


def test_a_model_of_the_users_is_a_whole_one_or_a_style_of_the_published_one(tmp_path: Path) -> None:
    file = tmp_path / "dreams.safetensors"
    lone = stylise_from(replace(CHANGED, style_model=str(file), style_base=""))
    assert (lone.style, lone.model) == (str(file), DEFAULT_STYLE_MODEL)
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "vocab.json").write_text("{}")
    whole = stylise_from(replace(CHANGED, style_model=str(file)))
    assert (whole.style, whole.model) == ("", str(file))
    folder = stylise_from(replace(CHANGED, style_model=str(tmp_path)))
    assert (folder.style, folder.model) == ("", str(tmp_path))


def test_a_likeness_that_nobody_agreed_to_is_not_shown() -> None:
    assert mode_from(CHANGED) is Mode.STYLISE
    assert mode_from(replace(CHANGED, is_likeness_confirmed=False)) is Mode.AVATAR
    assert plan_from(replace(CHANGED, is_likeness_confirmed=False)).stylise is None
    assert mode_from(replace(CHANGED, mode="hologram")) is Mode.AVATAR
    assert mode_from(Preferences()) is Mode.AVATAR


def test_a_painting_of_damaged_choices_is_the_default_one() -> None:
    damaged = Preferences(
        mode="stylise", is_likeness_confirmed=True, closeness="?", painter="?", prompt="  ", style_quality="?"
    )
    stylise = stylise_from(damaged)
    assert stylise.prompt == DEFAULT_PROMPT
    assert (stylise.closeness, stylise.painter) == (Closeness.BALANCED, Painter.STREAM_DIFFUSION)
    assert (stylise.model, stylise.similarity) == (next(iter(PUBLISHED_MODELS)), None)
    assert chosen_stop(damaged) == STYLE_STOPS[Painter.STREAM_DIFFUSION][-1]


def test_what_is_gone_gives_the_default() -> None:
    assert chosen_stop(Preferences(quality="ultra")) == POCKET_STOPS[0]
    assert chosen_stop(Preferences(model="rain", rain_quality="?")).quality == DEFAULT_QUALITY[Model.RAIN]
    assert model_from(Preferences(model="sora")) is Model.POCKET
    assert stage_from(Preferences(stage="hologram")).kind is BackdropKind.AS_DRAWN
    gone = Preferences(stage="picture", stage_picture="/nowhere.png")
    assert stage_from(gone).kind is BackdropKind.AS_DRAWN


def test_a_stage_survives_a_round_trip(tmp_path: Path) -> None:
    picture = tmp_path / "sea.jpg"
    picture.write_bytes(b"")
    stage = StageSettings(
        kind=BackdropKind.PICTURE, picture=picture, blur=0.5, colour=(1, 2, 3), key_colour=(255, 0, 255)
    )
    assert stage_from(with_stage(Preferences(), stage)) == stage


def test_names_are_read_by_people() -> None:
    assert title_of("own:my_old_cat") == "My old cat"
    assert title_of("mira") == "Mira"
