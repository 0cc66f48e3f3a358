"""What the window needs of the engine, as protocols, and the real thing behind them.

Everything heavy is imported inside the calls, which run on the command thread: the window is on the screen
before torch is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from app.own_avatars import OwnAvatars
from engine.settings import Quality, Settings, StageSettings
from engine.status import Status
from engine.stylise.settings import Closeness, StyliseSettings
from engine.types import Avatar, Performance, Picture


class Report(Protocol):
    """What the window shows of a finished recording."""

    @property
    def path(self) -> Path:
        """Where the file is."""
        ...

    @property
    def frames(self) -> int:
        """How many pictures it holds; 0: there is no file."""
        ...

    @property
    def seconds(self) -> float:
        """How long it plays, in seconds."""
        ...


class Camera(Protocol):
    """A camera of this machine."""

    @property
    def index(self) -> int:
        """Its number."""
        ...

    @property
    def name(self) -> str:
        """Its name for people."""
        ...


class SessionPort(Protocol):
    """``engine.session.Session``, as far as the window uses it. Thread: any."""

    @property
    def runtime_text(self) -> str:
        """Which library runs the networks, how, and why in parentheses; empty before they are loaded."""
        ...

    def start(self) -> None:
        """Start; returns at once (state ``STARTING``)."""
        ...

    def stop(self) -> None:
        """End threads and outputs; closes a recording."""
        ...

    def restart(self) -> None:
        """Stop and start, after an error."""
        ...

    def latest(self) -> Picture | None:
        """Return the newest picture."""
        ...

    def performance(self) -> Performance | None:
        """Return the newest performance; it holds no pixels."""
        ...

    def status(self) -> Status:
        """Return what the session says about itself."""
        ...

    def set_source(self, spec: str) -> None:
        """Take frames from another source."""
        ...

    def set_avatar(self, avatar: Avatar | str) -> None:
        """Put another avatar on stage."""
        ...

    def set_stage(self, stage: StageSettings) -> None:
        """Change the backdrop. Raises ``SettingsError`` when its picture cannot be read."""
        ...

    def set_quality(self, quality: Quality) -> None:
        """Change quality against latency."""
        ...

    def set_guidance(self, guidance: float) -> None:
        """Change how closely RAIN keeps to its conditions. Raises ``SettingsError``."""
        ...

    def set_mirror(self, is_mirrored: bool) -> None:
        """Mirror the movements or not."""
        ...

    def calibrate(self) -> None:
        """Take the face of the next second as neutral."""
        ...

    def panic(self, on: bool) -> None:
        """Show the standby card before this returns, or come back."""
        ...

    def start_recording(self, path: Path) -> None:
        """Record to a file. Raises ``SinkError``."""
        ...

    def stop_recording(self) -> Report:
        """Finish the file."""
        ...

    def go_live(self) -> None:
        """Feed the virtual camera. Raises ``SinkError``."""
        ...

    def stop_live(self) -> None:
        """Stop feeding the virtual camera."""
        ...

    def snapshot(self, path: Path) -> None:
        """Write the newest picture as PNG. Raises ``SinkError``."""
        ...


class StylingPort(Protocol):
    """``engine.stylise.rooms.StyliseRooms``, as far as the window uses it. Thread: any."""

    def memory_text(self, settings: Settings) -> str:
        """Return what a start takes of the memory; empty where that is little.

        Raises ``MemoryTooSmallError`` or ``WeightsError``.
        """
        ...

    def set_prompt(self, prompt: str) -> None:
        """Paint something else. Raises ``SettingsError``."""
        ...

    def set_closeness(self, closeness: Closeness) -> None:
        """Keep closer to the picture, or less close."""
        ...

    def set_guidance_scale(self, guidance_scale: float) -> None:
        """Go further towards the prompt, or less. Raises ``SettingsError``."""
        ...

    def set_style(self, style: str, loras: tuple[tuple[str, float], ...] = ()) -> None:
        """Paint in another style; its files are read before this returns, while the show goes on.

        Raises ``WeightsError`` or ``MemoryTooSmallError``, and ``SettingsError`` where the painter cannot.
        """
        ...

    def set_similarity(self, similarity: float | None) -> None:
        """Skip frames more alike than this, or none. Raises ``SettingsError``."""
        ...

    def set_seed(self, seed: int) -> None:
        """Take other noise."""
        ...


class FetchPart(Protocol):
    """One repository of what is fetched: ``engine.fetching.ModelPart``."""

    @property
    def title(self) -> str:
        """Its name for people."""
        ...

    @property
    def gigabytes(self) -> float:
        """Its size."""
        ...

    @property
    def licence(self) -> str:
        """Name of its licence."""
        ...

    @property
    def licence_url(self) -> str:
        """Where the licence can be read."""
        ...

    @property
    def is_licence_verified(self) -> bool:
        """Whether the publisher's own page was seen to say so."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether it has been fetched."""
        ...


class Fetchable(Protocol):
    """A published model with all that it needs: ``engine.fetching.FetchableModel``."""

    @property
    def name(self) -> str:
        """How it is asked for."""
        ...

    @property
    def title(self) -> str:
        """Its name for people."""
        ...

    @property
    def purpose(self) -> str:
        """What it is needed for."""
        ...

    @property
    def gigabytes(self) -> float:
        """Its size, with all that it needs."""
        ...

    @property
    def licence(self) -> str:
        """Names of the licences."""
        ...

    @property
    def address(self) -> str:
        """Where it comes from."""
        ...

    @property
    def is_here(self) -> bool:
        """Whether it lies on this computer with all that it needs."""
        ...

    @property
    def folder(self) -> Path:
        """Where its own files lie, or will."""
        ...

    @property
    def parts(self) -> Sequence[FetchPart]:
        """Itself first, then what it needs."""
        ...


class FetchState(Protocol):
    """How far a model has come: ``engine.fetching.FetchProgress``."""

    @property
    def done_bytes(self) -> int:
        """What is here."""
        ...

    @property
    def total_bytes(self) -> int:
        """What there is to fetch; 0 while it is not known."""
        ...

    @property
    def file(self) -> str:
        """Which file is under way."""
        ...


Fetch = Callable[[str, Callable[[FetchState], None], Callable[[], bool]], Path]
"""Name, what is told of the progress, and what says when to stop -> folder. Raises ``FetchError``."""


@dataclass(frozen=True, slots=True)
class Backstage:
    """Everything behind the window, as calls that may take long.

    Attributes:
        check_start: Settings, and the stylise mode's or None. Raises at once what can be seen to fail before
            anything heavy is loaded: a file that is missing, a clip or a stage that cannot be read.
        build_session: Settings -> session with an avatar, not started.
        build_stylise: Settings and the stylise mode's -> session that paints over the user's own picture, not
            started, and what changes the painting.
        load_avatar: Built-in name or picture file -> avatar.
        avatar_to_place: Picture file without a face that is found -> avatar whose points have to be placed.
        avatar_names: Built-in avatars in gallery order.
        list_cameras: The cameras of this machine.
        fetchable_models: The published models that can be fetched.
        fetch: Fetches one of them; takes minutes.
        own_avatars: The avatars that the user added.
    """

    check_start: Callable[[Settings, StyliseSettings | None], None]
    build_session: Callable[[Settings], SessionPort]
    build_stylise: Callable[[Settings, StyliseSettings], tuple[SessionPort, StylingPort]]
    load_avatar: Callable[[str], Avatar]
    avatar_to_place: Callable[[Path], Avatar]
    avatar_names: Callable[[], Sequence[str]]
    list_cameras: Callable[[], Sequence[Camera]]
    fetchable_models: Callable[[], Sequence[Fetchable]]
    fetch: Fetch
    own_avatars: OwnAvatars = field(default_factory=OwnAvatars)
