"""The switch between the avatar and the painting: who agrees to it, and what ends before it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest

from app.preferences import Preferences
from app.window.desks.mode_desk import LIKENESS
from app.window.dialogs.question import QuestionSheet, ask_question
from app.window.panels.banner import Tone
from app.window.wishes import Mode
from engine.errors import MemoryTooSmallError, SinkError, WeightsError
from engine.status import SessionState
from tests.gui.conftest import Theatre
from tests.gui.fakes import published_models

AGREED = Preferences(mode="stylise", is_likeness_confirmed=True)


def switch_to(theatre: Theatre, mode: Mode) -> None:
    button = theatre.window.mode.buttons()[list(Mode).index(mode)]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    theatre.settle()


def test_the_likeness_must_be_agreed_to_and_that_is_remembered(theatre: Theatre) -> None:
    switch_to(theatre, Mode.STYLISE)
    assert theatre.questions == [LIKENESS]
    assert "recognised" in theatre.questions[0].texts[0]
    assert len(theatre.engine.stylings) == 1
    assert theatre.session.names() == ["start"]
    switch_to(theatre, Mode.AVATAR)
    switch_to(theatre, Mode.STYLISE)
    assert len(theatre.questions) == 1
    assert len(theatre.engine.stylings) == 2
    theatre.director.show.save_preferences()
    assert theatre.file.load()[0].is_likeness_confirmed


def test_who_declines_stays_with_the_avatar(theatre: Theatre) -> None:
    theatre.answer = False
    theatre.live()
    before = theatre.session
    switch_to(theatre, Mode.STYLISE)
    assert theatre.window.mode.value is Mode.AVATAR
    assert theatre.window.avatars.isVisible()
    assert not theatre.window.painting.isVisible()
    assert theatre.engine.stylings == []
    assert theatre.session is before
    assert "stop" not in before.names()
    assert not theatre.director.show.preferences.is_likeness_confirmed
    theatre.answer = True
    switch_to(theatre, Mode.STYLISE)
    assert len(theatre.questions) == 2


def test_the_sheet_says_no_unless_yes_is_pressed(theatre: Theatre) -> None:
    def answered(answer: Callable[[QuestionSheet], object]) -> bool:
        def find() -> None:
            (sheet,) = [s for s in theatre.window.findChildren(QuestionSheet) if s.isVisible()]
            answer(sheet)

        QTimer.singleShot(20, find)
        return ask_question(LIKENESS, theatre.window)

    assert not answered(lambda sheet: QTest.keyClick(sheet.focusWidget() or sheet, Qt.Key.Key_Return))
    assert not answered(lambda sheet: QTest.keyClick(sheet.focusWidget() or sheet, Qt.Key.Key_Escape))
    assert answered(lambda sheet: sheet.yes.click())


@pytest.mark.parametrize("start", list(Mode))
def test_a_switch_takes_the_outputs_down_before_the_other_session_begins(
    make_theatre, start: Mode, tmp_path: Path
) -> None:
    theatre = make_theatre()
    theatre.engine.models = published_models(are_here=True)
    theatre.file.save(replace(AGREED, mode=start.value, output_folder=str(tmp_path / "out")))
    theatre.open()
    theatre.live()
    theatre.director.outputs.go_live(True)
    theatre.director.outputs.record(True)
    theatre.settle()
    old = theatre.session
    order: list[str] = []
    old.calls = Noting(old.calls, lambda call: order.append(call[0]))
    theatre.engine.sessions = Noting(theatre.engine.sessions, lambda _session: order.append("build"))
    other = Mode.AVATAR if start is Mode.STYLISE else Mode.STYLISE
    switch_to(theatre, other)
    hidden = ["panic"] if start is Mode.STYLISE else []  # the likeness is gone with the click
    assert order == [*hidden, "stop_live", "stop_recording", "stop", "build"]
    assert theatre.session is not old
    assert theatre.session.names() == ["start"]
    assert not theatre.session.now.is_live
    assert not theatre.window.status_line.on_air.isVisible()
    news = theatre.window.banner.news
    assert news.message == "The virtual camera and the recording were stopped."
    assert ("likeness" in news.hint) is (other is Mode.STYLISE)
    assert ".mp4" in news.hint


class Noting(list):
    """A list that says what is added to it."""

    def __init__(self, items: list, note: Callable[[Any], None]) -> None:
        super().__init__(items)
        self._note = note

    def append(self, item: Any) -> None:
        super().append(item)
        self._note(item)


def test_a_recording_that_cannot_be_finished_is_told_and_the_session_still_ends(
    theatre: Theatre, tmp_path: Path
) -> None:
    theatre.director.show.remember(output_folder=str(tmp_path))
    theatre.live()
    theatre.director.outputs.record(True)
    theatre.settle()
    old = theatre.session
    old.failures["stop_recording"] = SinkError("The disk is full.", hint="Free some space.")
    switch_to(theatre, Mode.STYLISE)
    assert theatre.window.banner.message.text() == "The disk is full."
    assert old.names()[-1] == "stop"
    assert theatre.session is not old


def test_a_switch_with_nothing_going_out_is_silent(theatre: Theatre) -> None:
    switch_to(theatre, Mode.STYLISE)
    assert theatre.window.banner.news is None


def test_the_window_says_whose_picture_it_shows(theatre: Theatre) -> None:
    window = theatre.window
    assert not window.status_line.likeness.isVisible()
    switch_to(theatre, Mode.STYLISE)
    assert not window.status_line.likeness.isVisible(), "only the standby card is shown"
    theatre.live()
    assert window.status_line.likeness.isVisible()
    assert window.status_line.likeness.accessibleName() == "Shows your likeness"
    assert "painting of you" in window.controls.live.toolTip()
    assert window.view.accessibleName() == "Painting of you"
    assert not window.avatars.isVisible()
    assert not window.stage.isVisible()
    assert window.painting.isVisible()
    theatre.session.now = replace(theatre.session.now, state=SessionState.ERROR)
    theatre.settle()
    assert not window.status_line.likeness.isVisible()
    theatre.live()
    switch_to(theatre, Mode.AVATAR)
    assert not window.status_line.likeness.isVisible()
    assert "the avatar" in window.controls.live.toolTip()
    assert window.avatars.isVisible()


def test_what_is_missing_is_said_before_anything_is_loaded(theatre: Theatre) -> None:
    theatre.engine.check_error = WeightsError("There is no file model.bin.", hint="Fetch it.")
    switch_to(theatre, Mode.STYLISE)
    assert len(theatre.engine.sessions) == 1, "nothing was built"
    assert theatre.window.status_line.state.whole_text == "Stopped by an error"
    assert theatre.window.banner.message.text() == "There is no file model.bin."
    assert theatre.window.banner.offers[0].text().startswith("Fetch it")
    theatre.engine.check_error = None
    theatre.window.banner.offers[1].click()
    theatre.settle()
    assert theatre.director.show.mode is Mode.AVATAR
    assert theatre.session.names() == ["start"]


def test_only_the_newest_wish_is_built(theatre: Theatre) -> None:
    gate_open = []
    theatre.director.show.remember(is_likeness_confirmed=True)
    theatre.director.show.commands.submit(lambda: QTest.qWait(0) or gate_open.append(True))
    for mode in (Mode.STYLISE, Mode.AVATAR, Mode.STYLISE, Mode.AVATAR):
        theatre.director.modes.choose(mode)
    theatre.settle()
    assert theatre.window.mode.value is Mode.AVATAR
    shown = theatre.director.show.session
    assert shown is theatre.session
    assert all("stop" in session.names() for session in theatre.engine.sessions if session is not shown)
    painted = {styling.session for styling in theatre.engine.stylings}
    assert shown not in painted


def test_no_session_is_shown_or_asked_between_two(theatre: Theatre) -> None:
    theatre.live()
    theatre.director.show.remember(is_likeness_confirmed=True)
    old = theatre.session
    theatre.director.modes.choose(Mode.STYLISE)
    assert theatre.director.show.session is None or theatre.director.show.session is not old
    theatre.director.outputs.go_live(True)  # asked of the session to come, never of the old one
    theatre.settle()
    assert "go_live" not in old.names()
    assert theatre.session.names() == ["start", "go_live"]


def test_panic_holds_through_a_switch(theatre: Theatre) -> None:
    theatre.live()
    theatre.window.controls.press_panic()
    switch_to(theatre, Mode.STYLISE)
    assert ("panic", True) in theatre.session.calls
    assert theatre.window.controls.panic.isChecked()


def test_the_mode_is_remembered(make_theatre) -> None:
    first = make_theatre()
    first.engine.models = published_models(are_here=True)
    first.open()
    switch_to(first, Mode.STYLISE)
    first.window.close()
    second = make_theatre()
    second.engine.models = published_models(are_here=True)
    second.open()
    assert second.window.mode.value is Mode.STYLISE
    assert len(second.engine.stylings) == 1
    assert second.questions == []


def test_without_its_model_the_window_starts_with_the_avatar_and_says_so(make_theatre) -> None:
    theatre = make_theatre()
    theatre.file.save(AGREED)
    theatre.open()
    assert theatre.window.mode.value is Mode.AVATAR
    assert theatre.engine.stylings == []
    assert theatre.session.names() == ["start"]
    news = theatre.window.banner.news
    assert news.tone is Tone.INFO
    assert "not on this computer" in news.message
    assert [offer.text for offer in news.offers] == ["Fetch it (4.4 GB)"]


@pytest.mark.parametrize("model", ["gone.safetensors", "gone"])
def test_a_model_of_the_users_that_is_gone_starts_with_the_avatar(
    make_theatre, tmp_path: Path, model: str
) -> None:
    theatre = make_theatre()
    theatre.engine.models = published_models(are_here=True)
    theatre.file.save(replace(AGREED, style_model=str(tmp_path / model)))
    theatre.open()
    assert theatre.window.mode.value is Mode.AVATAR
    assert theatre.engine.stylings == []


def test_a_likeness_that_was_never_agreed_to_does_not_start(make_theatre) -> None:
    theatre = make_theatre()
    theatre.engine.models = published_models(are_here=True)
    theatre.file.save(Preferences(mode="stylise"))
    theatre.open()
    assert theatre.window.mode.value is Mode.AVATAR
    assert theatre.engine.stylings == []


def test_the_avatars_controls_do_nothing_to_a_painting(theatre: Theatre, tmp_path: Path) -> None:
    switch_to(theatre, Mode.STYLISE)
    theatre.window.centralWidget().setFocus()
    for key in ("2", "C", "A"):
        QTest.keySequence(theatre.window, key)
        theatre.settle()
    theatre.window.picture_dropped.emit(tmp_path / "cat.png")
    theatre.settle()
    assert theatre.session.names() == ["start"]
    assert theatre.picker.asked == []
    assert "Avatar" in theatre.window.banner.hint.text()
    QTest.keySequence(theatre.window, "M")
    theatre.settle()
    assert theatre.session.names()[-1] == "set_mirror"


def test_an_own_avatar_is_on_stage_again_after_a_painting(theatre: Theatre, tmp_path: Path) -> None:
    theatre.director.avatars.add_picture(tmp_path / "cat.png")
    theatre.settle()
    switch_to(theatre, Mode.STYLISE)
    assert "set_avatar" not in theatre.session.names()
    switch_to(theatre, Mode.AVATAR)
    name, avatar = theatre.session.calls[-1]
    assert (name, avatar.name) == ("set_avatar", "cat")
    assert theatre.window.avatars.gallery.chosen == "own:cat"


def test_a_key_switches(theatre: Theatre) -> None:
    QTest.keySequence(theatre.window, "Ctrl+M")
    theatre.settle()
    assert theatre.questions == [LIKENESS]
    assert theatre.window.mode.value is Mode.STYLISE
    QTest.keySequence(theatre.window, "Ctrl+M")
    theatre.settle()
    assert theatre.window.mode.value is Mode.AVATAR


def fail_for_weights(theatre: Theatre) -> None:
    error = WeightsError("There is no such model here.", hint="add --download")
    theatre.session.now = replace(theatre.session.now, state=SessionState.ERROR, error=error)
    theatre.settle()


def test_missing_weights_offer_to_fetch_them_or_to_go_back(theatre: Theatre) -> None:
    switch_to(theatre, Mode.STYLISE)
    fail_for_weights(theatre)
    news = theatre.window.banner.news
    assert [offer.text for offer in news.offers] == ["Fetch it (4.4 GB)", "Back to the avatar"]
    assert "Stable Diffusion 1.5" in news.hint
    assert "CreativeML OpenRAIL-M" in news.hint
    theatre.window.banner.offers[1].click()
    theatre.settle()
    assert theatre.window.mode.value is Mode.AVATAR
    assert theatre.session.names() == ["start"]


def test_the_memory_that_a_painting_takes_is_told_before_it_begins(theatre: Theatre) -> None:
    theatre.engine.memory = "Its memory takes 3.0 of 16 GB."
    switch_to(theatre, Mode.STYLISE)
    assert theatre.window.banner.news.tone is Tone.INFO
    assert theatre.window.banner.message.text() == "Its memory takes 3.0 of 16 GB."


def test_a_painting_that_does_not_fit_is_not_begun(theatre: Theatre) -> None:
    theatre.engine.memory = MemoryTooSmallError("It needs 6 GB.", hint="Take a smaller picture.")
    switch_to(theatre, Mode.STYLISE)
    assert theatre.session.names() == []
    assert theatre.window.banner.message.text() == "It needs 6 GB."
    assert theatre.window.view.accessibleDescription().startswith("Nothing is running")
    assert [offer.text for offer in theatre.window.banner.news.offers] == ["Retry", "Back to the avatar"]
    theatre.engine.memory = ""
    theatre.window.banner.offers[0].click()
    theatre.settle()
    assert theatre.session.names() == ["start"]
    assert theatre.window.banner.news is None


def test_a_model_of_the_users_that_fails_can_be_tried_again_but_not_fetched(
    theatre: Theatre, tmp_path: Path
) -> None:
    theatre.director.show.remember(style_model=str(tmp_path))
    switch_to(theatre, Mode.STYLISE)
    fail_for_weights(theatre)
    news = theatre.window.banner.news
    assert [offer.text for offer in news.offers] == ["Retry", "Back to the avatar"]
    assert "--" not in news.hint
