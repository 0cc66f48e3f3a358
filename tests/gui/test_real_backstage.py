"""The real engine has what the window calls, under the names by which it calls it."""

import inspect

from app.preferences import Preferences
from app.window.ports import SessionPort
from app.window.real_backstage import real_backstage
from app.window.wishes import settings_from
from engine.settings import DEFAULT_AVATAR_NAME
from engine.status import SessionState
from tests.gui.fakes import FakeSession


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


def test_the_built_in_avatars_can_be_shown() -> None:
    backstage = real_backstage()
    names = backstage.avatar_names()
    assert len(names) >= 12
    assert backstage.load_avatar(DEFAULT_AVATAR_NAME).name == names[0]


def test_cameras_are_listed_with_number_and_name() -> None:
    for camera in real_backstage().list_cameras():
        assert camera.index >= 0
        assert camera.name
