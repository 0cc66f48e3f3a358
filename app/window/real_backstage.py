"""The real engine behind the window. Its libraries are loaded when the first call is made, not before."""

from collections.abc import Callable, Sequence
from pathlib import Path

from app.window.ports import Backstage, Camera, Fetchable, FetchState, SessionPort, StylingPort
from engine.settings import Settings
from engine.stylise.settings import StyliseSettings
from engine.types import Avatar


def real_backstage() -> Backstage:
    """Return the engine's calls. Cheap: nothing heavy is imported here."""
    return Backstage(
        check_start=_check_start,
        build_session=_build_session,
        build_stylise=_build_stylise,
        load_avatar=_load_avatar,
        avatar_to_place=_avatar_to_place,
        avatar_names=_avatar_names,
        list_cameras=_list_cameras,
        fetchable_models=_fetchable_models,
        fetch=_fetch,
    )


# The imports below take seconds (torch, OpenVINO, MediaPipe): they run on the command thread, with the window
# on the screen already.


def _check_start(settings: Settings, stylise: StyliseSettings | None) -> None:
    from engine.session import check_start  # noqa: PLC0415 - see above
    from engine.stylise.files import check_files  # noqa: PLC0415 - see above

    if stylise is not None:
        check_files(stylise)
    check_start(settings)


def _build_session(settings: Settings) -> SessionPort:
    from engine.session import Session  # noqa: PLC0415 - see above

    return Session(settings)


def _build_stylise(settings: Settings, stylise: StyliseSettings) -> tuple[SessionPort, StylingPort]:
    from engine.session import Session  # noqa: PLC0415 - see above
    from engine.stylise.rooms import StyliseRooms  # noqa: PLC0415 - see above

    rooms = StyliseRooms(stylise)
    return Session(settings, rooms=rooms), rooms


def _load_avatar(spec: str) -> Avatar:
    from engine.session import load_avatar  # noqa: PLC0415 - see above

    return load_avatar(spec)


def _avatar_to_place(path: Path) -> Avatar:
    from engine.session import avatar_to_place  # noqa: PLC0415 - see above

    return avatar_to_place(path)


def _avatar_names() -> Sequence[str]:
    from engine.session import avatar_names  # noqa: PLC0415 - see above

    return avatar_names()


def _list_cameras() -> Sequence[Camera]:
    from engine.session import list_cameras  # noqa: PLC0415 - see above

    return list_cameras()


def _fetchable_models() -> Sequence[Fetchable]:
    from engine.fetching import fetchable_models  # noqa: PLC0415 - see above

    return fetchable_models()


def _fetch(name: str, on_progress: Callable[[FetchState], None], should_stop: Callable[[], bool]) -> Path:
    from engine.fetching import fetch  # noqa: PLC0415 - see above

    return fetch(name, on_progress, should_stop)
