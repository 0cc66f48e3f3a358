"""A session and its surroundings for the window's tests: no camera, no network, no thread."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.own_avatars import OwnAvatars
from app.window.ports import Backstage
from engine.errors import FetchError, UnderstudyError
from engine.settings import Quality, Settings, StageSettings
from engine.status import SessionState, StageTime, Status
from engine.stylise.settings import Closeness, StyliseSettings
from engine.types import Avatar, HeadPose, Origin, Performance, Picture, TrackState
from tests.gui.placeholder import LOOKS, draw_character, make_avatar, widened

STAGE_MS = {
    "track": 6.2,
    "retarget": 0.4,
    "condition": 1.1,
    "denoise": 14.3,
    "decode": 7.9,
    "compose": 1.6,
    "send": 0.3,
}


@dataclass(frozen=True)
class FakeReport:
    path: Path
    frames: int = 310
    seconds: float = 12.4


@dataclass(frozen=True)
class FakeCamera:
    index: int
    name: str


def make_picture(index: int = 0) -> Picture:
    rgb = widened(draw_character("mira", np.sin(index / 9), abs(np.sin(index / 3)), 0.0))
    return Picture(rgb=rgb, origin=Origin.AVATAR, frame_index=index)


def make_performance(index: int = 0) -> Performance:
    t = index / 9
    turn = 0.02 * np.sin(t)
    face = _face_68()
    face = ((face - 0.5) * [0.34 * 9 / 16, 0.46] + [0.5 + turn, 0.42]).astype(np.float32)
    eyes = np.stack([face[36:42].mean(axis=0), face[42:48].mean(axis=0)])
    return Performance(
        frame_index=index,
        captured_at_s=index / 30,
        state=TrackState.FOUND,
        head=HeadPose(yaw_deg=8 * np.sin(t), x=0.5, y=0.4, scale=0.16),
        face=face,
        pupils=eyes.astype(np.float32),
        shoulders=np.array([[0.3, 0.82], [0.7, 0.82]], np.float32),
        elbows=np.array([[0.24, 1.08], [0.76, 1.08]], np.float32),
        wrists=np.zeros((2, 2), np.float32),
        face_score=0.97,
        body_score=0.9,
        arm_scores=np.array([0.8, 0.8, 0.1, 0.1], np.float32),
        aspect=16 / 9,
    )


class FakeSession:
    """Keeps every call; its status, picture and failures are set by the test."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls: list[tuple[str, Any]] = []
        self.now = Status(state=SessionState.STARTING)
        self.picture: Picture | None = None
        self.tracked: Performance | None = None
        self.failures: dict[str, UnderstudyError] = {}
        self.runtime_text = ""

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def _call(self, name: str, value: Any = None) -> None:
        self.calls.append((name, value))
        if name in self.failures:
            raise self.failures[name]

    def be_live(self) -> None:
        self.now = replace(
            self.now,
            state=SessionState.LIVE,
            fps=24.6,
            motion_to_photon_p50_ms=86.0,
            motion_to_photon_p95_ms=131.0,
            stage_ms={name: StageTime(p50=ms, p95=ms * 1.4, last=ms) for name, ms in STAGE_MS.items()},
            tracking_quality=0.95,
        )
        self.runtime_text = "openvino, bf16, 2 threads (the fastest here: this CPU computes bf16 natively)"
        self.picture = make_picture()
        self.tracked = make_performance()

    def start(self) -> None:
        self._call("start")

    def stop(self) -> None:
        self._call("stop")

    def restart(self) -> None:
        self._call("restart")

    def latest(self) -> Picture | None:
        return self.picture

    def performance(self) -> Performance | None:
        return self.tracked

    def status(self) -> Status:
        return self.now

    def set_source(self, spec: str) -> None:
        self._call("set_source", spec)

    def set_avatar(self, avatar: Avatar | str) -> None:
        self._call("set_avatar", avatar)

    def set_stage(self, stage: StageSettings) -> None:
        self._call("set_stage", stage)

    def set_quality(self, quality: Quality) -> None:
        self._call("set_quality", quality)

    def set_guidance(self, guidance: float) -> None:
        self._call("set_guidance", guidance)

    def set_mirror(self, is_mirrored: bool) -> None:
        self._call("set_mirror", is_mirrored)

    def calibrate(self) -> None:
        self._call("calibrate")

    def panic(self, on: bool) -> None:
        self._call("panic", on)
        self.now = replace(self.now, is_panicked=on)

    def start_recording(self, path: Path) -> None:
        self._call("start_recording", path)
        self.now = replace(self.now, is_recording=True)
        self.recorded_to = path

    def stop_recording(self) -> FakeReport:
        self._call("stop_recording")
        self.now = replace(self.now, is_recording=False)
        return FakeReport(self.recorded_to)

    def go_live(self) -> None:
        self._call("go_live")
        self.now = replace(self.now, is_live=True)

    def stop_live(self) -> None:
        self._call("stop_live")
        self.now = replace(self.now, is_live=False)

    def snapshot(self, path: Path) -> None:
        self._call("snapshot", path)


class FakeStyling:
    """Keeps every change of the painting in its session's calls."""

    def __init__(self, session: FakeSession, stylise: StyliseSettings) -> None:
        self.session = session
        self.stylise = stylise
        self.memory: str | UnderstudyError = ""

    def memory_text(self, settings: Settings) -> str:
        del settings
        if isinstance(self.memory, UnderstudyError):
            raise self.memory
        return self.memory

    def set_prompt(self, prompt: str) -> None:
        self.session._call("set_prompt", prompt)

    def set_closeness(self, closeness: Closeness) -> None:
        self.session._call("set_closeness", closeness)

    def set_guidance_scale(self, guidance_scale: float) -> None:
        self.session._call("set_guidance_scale", guidance_scale)

    def set_style(self, style: str, loras: tuple[tuple[str, float], ...] = ()) -> None:
        self.session._call("set_style", (style, loras))

    def set_similarity(self, similarity: float | None) -> None:
        self.session._call("set_similarity", similarity)

    def set_seed(self, seed: int) -> None:
        self.session._call("set_seed", seed)


@dataclass(frozen=True)
class FakePart:
    title: str
    gigabytes: float
    licence: str = "CreativeML OpenRAIL-M"
    is_licence_verified: bool = True
    is_here: bool = False

    @property
    def licence_url(self) -> str:
        return f"https://example.org/{self.title.replace(' ', '-')}/licence"


@dataclass(frozen=True)
class FakeModel:
    name: str
    title: str
    address: str
    purpose: str
    parts: tuple[FakePart, ...]
    folder: Path = Path("/home/mira/.local/share/understudy/models")

    @property
    def gigabytes(self) -> float:
        return sum(part.gigabytes for part in self.parts)

    @property
    def licence(self) -> str:
        return self.parts[0].licence

    @property
    def is_here(self) -> bool:
        return all(part.is_here for part in self.parts)


@dataclass(frozen=True)
class FakeFetchState:
    done_bytes: int
    total_bytes: int
    file: str


def published_models(*, are_here: bool = False) -> list[FakeModel]:
    sd15 = FakePart("Stable Diffusion 1.5", 4.27, is_here=are_here)
    lora = FakePart("LCM-LoRA for Stable Diffusion 1.5", 0.135, "OpenRAIL++", is_here=are_here)
    taesd = FakePart("TAESD", 0.0098, "MIT", is_here=are_here)
    turbo = FakePart("SD-Turbo", 5.16, "Stability AI Community License", False, is_here=are_here)
    live2diff = FakePart("Live2Diff", 1.68, "Apache-2.0", is_here=are_here)
    rain = FakePart("RAIN v0.1", 8.7, "Apache-2.0", is_here=are_here)
    dwpose = FakePart("DWPose", 0.35, "Apache-2.0", is_here=are_here)
    hub = "https://huggingface.co"
    return [
        FakeModel(
            "sd15",
            sd15.title,
            f"{hub}/stable-diffusion-v1-5/stable-diffusion-v1-5",
            "paints over your picture (stylise); the base that most styles are made for",
            (sd15, lora, taesd),
        ),
        FakeModel(
            "sd-turbo", turbo.title, f"{hub}/stabilityai/sd-turbo", "paints in a step or two", (turbo, taesd)
        ),
        FakeModel(
            "live2diff",
            live2diff.title,
            f"{hub}/Leoxing/Live2Diff",
            "remembers the frames before",
            (live2diff, sd15),
        ),
        FakeModel("dwpose", dwpose.title, f"{hub}/yzd-v/DWPose", "tracks the whole body", (dwpose,)),
        FakeModel("rain", rain.title, f"{hub}/Pscgylotti/RAIN-v0.1", "paints anime avatars", (rain,)),
    ]


@dataclass
class FakeEngine:
    """Builds fake sessions and says which cameras and avatars there are."""

    folder: Path
    cameras: Sequence[FakeCamera] = ()
    sessions: list[FakeSession] = field(default_factory=list)
    picture_confidence: float = 1.0
    build_error: UnderstudyError | None = None
    check_error: UnderstudyError | None = None
    load_error: UnderstudyError | None = None
    models: list[FakeModel] = field(default_factory=published_models)
    stylings: list[FakeStyling] = field(default_factory=list)
    memory: str | UnderstudyError = ""
    fetched: list[str] = field(default_factory=list)
    fetch_error: UnderstudyError | None = None
    fetch_states: tuple[FakeFetchState, ...] = ()
    fetch_gate: threading.Event | None = None
    avatars: dict[str, Avatar] = field(default_factory=lambda: {name: make_avatar(name) for name in LOOKS})

    @property
    def session(self) -> FakeSession:
        return self.sessions[-1]

    def backstage(self) -> Backstage:
        return Backstage(
            check_start=self._check,
            build_session=self._build,
            build_stylise=self._build_stylise,
            fetchable_models=lambda: tuple(self.models),
            fetch=self._fetch,
            load_avatar=self._load,
            avatar_to_place=lambda path: replace(make_avatar("lena"), name=path.stem, confidence=0.0),
            avatar_names=lambda: tuple(self.avatars),
            list_cameras=lambda: tuple(self.cameras),
            own_avatars=OwnAvatars(self.folder),
        )

    def _check(self, _settings: Settings, _stylise: StyliseSettings | None) -> None:
        if self.check_error is not None:
            raise self.check_error

    def _build(self, settings: Settings) -> FakeSession:
        if self.build_error is not None:
            raise self.build_error
        self.sessions.append(FakeSession(settings))
        return self.session

    def _build_stylise(self, settings: Settings, stylise: StyliseSettings) -> tuple[FakeSession, FakeStyling]:
        session = self._build(settings)
        self.stylings.append(FakeStyling(session, stylise))
        self.stylings[-1].memory = self.memory
        return session, self.stylings[-1]

    def _fetch(
        self, name: str, on_progress: Callable[[FakeFetchState], None], should_stop: Callable[[], bool]
    ) -> Path:
        for state in self.fetch_states:
            on_progress(state)
        if self.fetch_gate is not None:
            while not self.fetch_gate.wait(0.01):
                if should_stop():
                    raise FetchError("It was stopped.", hint="Try again.")
        if self.fetch_error is not None:
            raise self.fetch_error
        self.fetched.append(name)
        self.models = [
            replace(model, parts=tuple(replace(part, is_here=True) for part in model.parts))
            if model.name == name
            else model
            for model in self.models
        ]
        return self.folder

    def _load(self, spec: str) -> Avatar:
        if spec in self.avatars:
            return self.avatars[spec]
        if self.load_error is not None:
            raise self.load_error
        return replace(make_avatar("lena"), name=Path(spec).stem, confidence=self.picture_confidence)


class FakePicker:
    """Answers file dialogs."""

    def __init__(self) -> None:
        self.clip_answer: Path | None = None
        self.picture_answer: Path | None = None
        self.model_answer: Path | None = None
        self.folder_answer: Path | None = None
        self.asked: list[str] = []

    def clip(self) -> Path | None:
        self.asked.append("clip")
        return self.clip_answer

    def picture(self, title: str) -> Path | None:
        self.asked.append(title)
        return self.picture_answer

    def model_file(self, title: str) -> Path | None:
        self.asked.append(title)
        return self.model_answer

    def folder(self, title: str) -> Path | None:
        self.asked.append(title)
        return self.folder_answer


def _arc(count: int, centre: tuple[float, float], radii: tuple[float, float], degrees: tuple[float, float]):
    angles = np.radians(np.linspace(*degrees, count))
    return np.stack([centre[0] + radii[0] * np.cos(angles), centre[1] + radii[1] * np.sin(angles)], axis=1)


def _face_68() -> np.ndarray:
    """Return an iBUG face that fills the unit square."""
    line = np.linspace(0, 1, 4)[:, None]
    nose = np.array([[0.5, 0.4]]) + line * np.array([[0.0, 0.2]])
    return np.concatenate(
        [
            _arc(17, (0.5, 0.35), (0.48, 0.62), (180, 0)),
            _arc(5, (0.28, 0.3), (0.15, 0.08), (190, 350)),
            _arc(5, (0.72, 0.3), (0.15, 0.08), (190, 350)),
            nose,
            _arc(5, (0.5, 0.6), (0.1, 0.05), (170, 10)),
            _arc(7, (0.29, 0.4), (0.09, 0.045), (180, 540))[:6],
            _arc(7, (0.71, 0.4), (0.09, 0.045), (180, 540))[:6],
            _arc(13, (0.5, 0.76), (0.17, 0.07), (180, 540))[:12],
            _arc(9, (0.5, 0.76), (0.12, 0.03), (180, 540))[:8],
        ]
    )
