"""Screenshots of every state of the window: ``python -m tests.gui.screenshots FOLDER [PART_OF_NAME]``."""

import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import torch
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.preferences import PreferencesFile
from app.window.desks.avatar_desk import _UNSURE
from app.window.desks.fetch_desk import question_about
from app.window.desks.mode_desk import LIKENESS
from app.window.dialogs.keys import HelpSheet
from app.window.dialogs.points_editor import PointsEditor
from app.window.dialogs.question import QuestionSheet
from app.window.director import Dialogs, Director
from app.window.main_window import MainWindow
from app.window.panels.banner import News, Offer, Tone
from app.window.widgets.theme import apply_theme
from app.window.wishes import PICTURE_SIZE, Mode, with_stage
from engine.errors import CameraBusyError, VirtualCameraMissingError, WeightsError
from engine.post.compose import Composer
from engine.post.standby import standby_card
from engine.session import avatar_names, load_avatar
from engine.settings import BackdropKind, Model, StageSettings
from engine.status import SessionState
from engine.types import Avatar, Origin, Picture, TrackState
from models.networks.fill import background_plate
from tests.gui.fakes import (
    STAGE_MS,
    FakeCamera,
    FakeEngine,
    FakeFetchState,
    FakePicker,
    make_performance,
    published_models,
)


class Set:
    """One window with a fake session, in a folder of its own."""

    def __init__(self, size: tuple[int, int], cameras: int = 1) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name)
        names = ("HD Webcam C920", "Front camera")
        avatars = {name: load_avatar(name) for name in avatar_names()}
        self.engine = FakeEngine(
            folder, [FakeCamera(k, names[k]) for k in range(cameras)], avatars=dict(avatars)
        )
        first = next(iter(avatars.values()))
        self.picture = on_own_background(first)
        self.window = MainWindow()
        self.picker = FakePicker()
        dialogs = Dialogs(picker=self.picker, ask=lambda _question, _parent: True)
        file = PreferencesFile(folder / "p.json")
        self.director = Director(self.window, self.engine.backstage(), file, dialogs)
        self.director.open()
        self.window.resize(*size)
        self.window.show()
        self.window.activateWindow()
        self.settle()

    def settle(self) -> None:
        for _ in range(60):
            QTest.qWait(10)
            if not self.director.show.commands.is_busy and self.engine.sessions:
                break
        self.director.look()
        self.director.pull()
        QTest.qWait(30)

    def live(self) -> None:
        self.engine.session.be_live()
        self.engine.session.picture = self.picture
        for k in range(60):
            times = {n: ms * (1 + 0.25 * ((k * 7 + len(n) * 3) % 9) / 9) for n, ms in STAGE_MS.items()}
            self.window.engine.plot.add(times)
        self.settle()

    def close(self) -> None:
        self.window.close()
        self.window.deleteLater()
        QApplication.processEvents()
        self._folder.cleanup()


def on_own_background(avatar: Avatar) -> Picture:
    """Return the avatar as the engine would compose it at rest."""
    rgb = torch.from_numpy(avatar.rgb).permute(2, 0, 1)[None].float() / 255
    alpha = torch.from_numpy(avatar.matte)[None, None]
    plate = (background_plate(rgb, alpha)[0].permute(1, 2, 0) * 255).byte().numpy()
    rgba = np.dstack([avatar.rgb, np.uint8(255 * avatar.matte)])
    composed = Composer(StageSettings(), PICTURE_SIZE, plate)(rgba)
    return Picture(rgb=composed, origin=Origin.AVATAR)


def starting(stage: Set) -> QWidget:
    return stage.window


def searching(stage: Set) -> QWidget:
    stage.live()
    session = stage.engine.session
    session.now = replace(session.now, state=SessionState.SEARCHING, tracking_quality=0.0)
    session.picture = replace(session.picture, origin=Origin.IDLE)
    session.tracked = replace(make_performance(), state=TrackState.SEARCHING)
    stage.settle()
    return stage.window


def live(stage: Set) -> QWidget:
    stage.live()
    return stage.window


def on_air(stage: Set) -> QWidget:
    stage.live()
    session = stage.engine.session
    session.now = replace(session.now, is_live=True, is_recording=True)
    stage.settle()
    return stage.window


def standby(stage: Set) -> QWidget:
    stage.live()
    stage.engine.session.picture = standby_card(1280, 720)
    stage.window.controls.press_panic()
    stage.settle()
    return stage.window


def error(stage: Set) -> QWidget:
    stage.live()
    session = stage.engine.session
    session.picture = standby_card(1280, 720)
    problem = CameraBusyError(
        "Camera 0 is used by another program.", hint="Close the other program, or choose another camera."
    )
    session.now = replace(session.now, state=SessionState.ERROR, error=problem, tracking_quality=0, fps=0)
    stage.settle()
    return stage.window


def no_virtual_camera(stage: Set) -> QWidget:
    stage.live()
    stage.director.show.tell_error(
        VirtualCameraMissingError(
            "There is no virtual camera on this computer.",
            hint="Install v4l2loopback (sudo apt install v4l2loopback-dkms), load it, then press Go live.",
        )
    )
    stage.settle()
    return stage.window


def folded(stage: Set) -> QWidget:
    stage.live()
    stage.window.show_fold(True)
    stage.settle()
    return stage.window


def unfolded(stage: Set) -> QWidget:
    stage.live()
    stage.window.show_fold(False)
    stage.settle()
    return stage.window


def recorded(stage: Set) -> QWidget:
    stage.live()
    message = "Recorded 0:12 to Understudy 2026-11-21 14-03-22.mp4."
    offers = (Offer("Show in folder", lambda: None),)
    stage.director.show.tell(News(Tone.GOOD, message, "/home/mira/Videos/Understudy", offers))
    stage.settle()
    return stage.window


def stage_colours(stage: Set) -> QWidget:
    stage.live()
    chosen = StageSettings(kind=BackdropKind.COLOUR, colour=(38, 52, 82))
    stage.director.show.remember_all(with_stage(stage.director.show.preferences, chosen))
    stage.window.stage.show_stage(chosen)
    stage.window.stage.colours.swatches()[2].setFocus()
    stage.settle()
    return stage.window


def stage_picture(stage: Set) -> QWidget:
    stage.live()
    chosen = StageSettings(kind=BackdropKind.PICTURE, picture=Path("holiday by the sea.jpg"), blur=0.5)
    stage.window.stage.show_stage(chosen)
    stage.window.controls.live.setFocus()
    stage.settle()
    return stage.window


def gallery_focus(stage: Set) -> QWidget:
    stage.live()
    stage.window.avatars.gallery.setFocus()
    stage.window.avatars.gallery.setCurrentRow(1)
    stage.settle()
    return stage.window


def points(stage: Set) -> QWidget:
    editor = PointsEditor(list(stage.engine.avatars.values())[3], _UNSURE, stage.window)
    editor.resize(960, 680)
    editor.show()
    editor.canvas.select(16)
    QTest.qWait(50)
    return editor


def keys(stage: Set) -> QWidget:
    sheet = HelpSheet(stage.window)
    sheet.show()
    QTest.qWait(50)
    return sheet


def stylise(stage: Set) -> QWidget:
    stage.engine.models = published_models(are_here=True)
    stage.director.fetches.look()
    stage.director.modes.choose(Mode.STYLISE)
    stage.settle()
    stage.live()
    return stage.window


def stylise_more(stage: Set) -> QWidget:
    stylise(stage)
    more = stage.window.painting.more
    more.line.click()
    for name in ("ink wash of the northern school.safetensors", "fox.safetensors"):
        stage.picker.model_answer = Path("/home/mira/loras") / name
        more.loras.add.click()
        stage.settle()
    stage.live()
    return stage.window


def live2diff(stage: Set) -> QWidget:
    stylise_more(stage)
    stage.window.painting.painter.buttons()[1].click()
    stage.settle()
    stage.live()
    return stage.window


def stylise_refused(stage: Set) -> QWidget:
    stylise(stage)
    stage.window.painting.prompt.setPlainText("")
    stage.window.painting.prompt.settle()
    stage.window.painting.prompt.setFocus()
    stage.settle()
    return stage.window


def stylise_missing(stage: Set) -> QWidget:
    stage.director.modes.choose(Mode.STYLISE)
    stage.settle()
    return fail(stage, _NOT_FETCHED)


_NOT_FETCHED = f"The model {'/'.join(['stable-diffusion-v1-5'] * 2)} is not on this machine."


def rain(stage: Set) -> QWidget:
    stage.director.engine.choose_model(Model.RAIN)
    stage.settle()
    stage.live()
    return stage.window


def rain_missing(stage: Set) -> QWidget:
    rain(stage)
    return fail(stage, "RAIN cannot be loaded: there is no motion_unet.pth in /home/mira/models/rain.")


def fail(stage: Set, message: str) -> QWidget:
    session = stage.engine.session
    session.picture = standby_card(1280, 720)
    problem = WeightsError(message, hint="Fetch it.")
    session.now = replace(session.now, state=SessionState.ERROR, error=problem, tracking_quality=0, fps=0)
    stage.settle()
    return stage.window


def fetching(stage: Set) -> QWidget:
    stylise_missing(stage)
    stage.window.banner.clear()
    stage.engine.fetch_gate = threading.Event()
    stage.engine.fetch_states = (
        FakeFetchState(1_310_000_000, 4_420_000_000, "unet/diffusion_pytorch_model.safetensors"),
    )
    stage.director.fetches.fetch(stage.engine.models[0])
    QTest.qWait(100)
    stage.settle()
    return stage.window


def likeness(stage: Set) -> QWidget:
    return ask(QuestionSheet(LIKENESS, stage.window))


def fetch_question(stage: Set) -> QWidget:
    return ask(QuestionSheet(question_about(stage.engine.models[0]), stage.window))


def ask(sheet: QuestionSheet) -> QWidget:
    sheet.show()
    sheet.activateWindow()
    QTest.qWait(50)
    return sheet


SMALL, MIDDLE, LARGE, HUGE = (1024, 700), (1280, 800), (1440, 900), (1920, 1080)
SHOTS: dict[str, tuple[Callable[[Set], QWidget], tuple[int, int], int]] = {
    "starting": (starting, MIDDLE, 1),
    "searching": (searching, MIDDLE, 1),
    "live_1024": (live, SMALL, 1),
    "live_1280": (live, MIDDLE, 1),
    "live_1440": (live, LARGE, 1),
    "first_start_without_camera": (live, MIDDLE, 0),
    "on_air_recording": (on_air, MIDDLE, 2),
    "standby": (standby, MIDDLE, 1),
    "error": (error, MIDDLE, 1),
    "error_1024": (error, SMALL, 1),
    "no_virtual_camera": (no_virtual_camera, SMALL, 1),
    "folded": (folded, LARGE, 1),
    "unfolded_1024": (unfolded, SMALL, 1),
    "recorded": (recorded, MIDDLE, 1),
    "stage_colours": (stage_colours, MIDDLE, 1),
    "stage_picture": (stage_picture, SMALL, 1),
    "gallery_focus": (gallery_focus, SMALL, 1),
    "stylise_1024": (stylise, SMALL, 1),
    "stylise_1280": (stylise, MIDDLE, 1),
    "stylise_more_1024": (stylise_more, SMALL, 1),
    "stylise_more_1280": (stylise_more, MIDDLE, 1),
    "stylise_more_1920": (stylise_more, HUGE, 1),
    "live2diff_1280": (live2diff, MIDDLE, 1),
    "stylise_refused_1024": (stylise_refused, SMALL, 1),
    "stylise_missing_1024": (stylise_missing, SMALL, 1),
    "stylise_missing_1280": (stylise_missing, MIDDLE, 1),
    "fetching_1024": (fetching, SMALL, 1),
    "fetch_question": (fetch_question, MIDDLE, 1),
    "likeness": (likeness, MIDDLE, 1),
    "rain_1440": (rain, LARGE, 1),
    "rain_1280": (rain, MIDDLE, 1),
    "rain_1920": (rain, HUGE, 1),
    "live_1920": (live, HUGE, 1),
    "rain_missing_1280": (rain_missing, MIDDLE, 1),
    "points_editor": (points, MIDDLE, 1),
    "keys": (keys, MIDDLE, 1),
}


def main(arguments: list[str]) -> int:
    """Write the screenshots whose names contain the second argument (all without one)."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication(["screenshots"])
    assert isinstance(app, QApplication)
    apply_theme(app)
    for name, (arrange, size, cameras) in SHOTS.items():
        if len(arguments) > 1 and arguments[1] not in name:
            continue
        stage = Set(size, cameras)
        arrange(stage).grab().save(str(folder / f"{name}.png"))
        stage.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
