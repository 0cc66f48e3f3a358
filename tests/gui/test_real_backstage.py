"""The real engine has what the window calls, under the names by which it calls it."""

import inspect

import pytest

from app.preferences import Preferences
from app.window.desks.engine_desk import DWPOSE, RAIN
from app.window.desks.fetch_desk import question_about
from app.window.painters import PAINTERS
from app.window.ports import Fetchable, FetchPart, SessionPort, StylingPort
from app.window.real_backstage import real_backstage
from app.window.wishes import plan_from, settings_from
from engine.errors import FetchError, SettingsError
from engine.settings import DEFAULT_AVATAR_NAME
from engine.status import SessionState
from engine.stylise.settings import PUBLISHED_MODELS
from tests.gui.fakes import FakeSession, FakeStyling, published_models


def methods_of(kind: type) -> dict[str, list[str]]:
    """Return the public methods and their parameters' names, without ``self``."""
    return {
        name: list(inspect.signature(member).parameters)[1:]
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_sessions_real_and_fake_have_every_method() -> None:
    session = real_backstage().build_session(settings_from(Preferences()))
    wanted = {name: len(parameters) for name, parameters in methods_of(SessionPort).items()}
    assert len(wanted) > 15
    for kind in (type(session), FakeSession):
        offered = {name: len(parameters) for name, parameters in methods_of(kind).items()}
        assert {name: offered.get(name) for name in wanted} == wanted
    assert session.status().state is SessionState.STOPPED
    assert session.runtime_text == ""
    session.stop()


AGREED = Preferences(mode="stylise", is_likeness_confirmed=True)


def test_the_painting_real_and_fake_can_be_changed_in_every_way() -> None:
    plan = plan_from(AGREED)
    session, styling = real_backstage().build_stylise(plan.settings, plan.stylise)
    wanted = methods_of(StylingPort)
    assert len(wanted) == 7
    for kind in (type(styling), FakeStyling):
        offered = methods_of(kind)
        assert {name: offered[name][: len(names)] for name, names in wanted.items()} == wanted
    assert session.status().state is SessionState.STOPPED
    assert styling.memory_text(plan.settings) == ""
    styling.set_prompt("a fox")  # before there is anything that paints
    with pytest.raises(SettingsError):
        styling.set_prompt(" ")
    session.stop()


def test_the_models_that_the_window_asks_for_can_be_fetched() -> None:
    models = {model.name: model for model in real_backstage().fetchable_models()}
    assert {"sd15", "sd-turbo", RAIN, DWPOSE} <= set(models)
    assert {facts.own_model for facts in PAINTERS.values()} - {""} <= set(models)
    for name in PUBLISHED_MODELS:
        assert any(model.address.endswith(f"/{name}") for model in models.values())
    for model in models.values():
        question = question_about(model)
        assert len(question.facts) == len([part for part in model.parts if not part.is_here]) + 2
    for port, fake in ((Fetchable, published_models()[0]), (FetchPart, published_models()[0].parts[0])):
        names = [name for name in vars(port) if not name.startswith("_")]
        real = models["sd15"] if port is Fetchable else models["sd15"].parts[0]
        assert [name for name in names if not (hasattr(real, name) and hasattr(fake, name))] == []


def test_a_fetch_of_something_unknown_is_refused_without_a_network() -> None:
    with pytest.raises(FetchError):
        real_backstage().fetch("no such model", lambda _state: None, lambda: False)


def test_the_built_in_avatars_can_be_shown() -> None:
    backstage = real_backstage()
    names = backstage.avatar_names()
    assert len(names) >= 12
    assert backstage.load_avatar(DEFAULT_AVATAR_NAME).name == names[0]


def test_cameras_are_listed_with_number_and_name() -> None:
    for camera in real_backstage().list_cameras():
        assert camera.index >= 0
        assert camera.name
