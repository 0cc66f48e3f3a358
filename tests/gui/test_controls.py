"""Every control reaches the session, and shows what the session answers."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.preferences import Preferences
from app.style import DARK
from app.window.panels.banner import Tone
from engine.errors import (
    CameraBusyError,
    NoFaceError,
    SinkError,
    SourceError,
    TooSlowError,
    UnderstudyError,
    VirtualCameraMissingError,
)
from engine.settings import QUALITIES, BackdropKind
from engine.status import SessionState
from engine.types import Avatar, TrackState
from tests.gui.conftest import PATIENCE_S, Theatre
from tests.gui.fakes import FakeReport, make_performance, make_picture

KEYS = {
    "S": (Qt.Key.Key_S,),
    "C": (Qt.Key.Key_C,),
    "2": (Qt.Key.Key_2,),
    "Esc": (Qt.Key.Key_Escape,),
}


def press(theatre: Theatre, key: str) -> None:
    QTest.keySequence(theatre.window, key)
    theatre.settle()


def click(theatre: Theatre, button) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    theatre.settle()


def on_stage(theatre: Theatre) -> str:
    name, avatar = theatre.session.calls[-1]
    assert name == "set_avatar"
    return avatar.name


def test_the_session_starts_with_the_first_camera(theatre: Theatre) -> None:
    assert theatre.session.settings.source == "camera:0"
    assert theatre.session.names() == ["start"]
    assert theatre.window.you.source.currentText() == "Camera 0"


def test_without_a_camera_the_sample_clip_plays_and_the_window_says_so(make_theatre) -> None:
    theatre = make_theatre(cameras=0)
    theatre.open()
    assert theatre.session.settings.source == "sample"
    assert "sample clip" in theatre.window.banner.message.text()
    theatre.picker.clip_answer = theatre.folder / "me.mp4"
    click(theatre, theatre.window.banner.offers[0])
    assert ("set_source", f"file:{theatre.folder / 'me.mp4'}") in theatre.session.calls


@pytest.mark.parametrize("with_key", [False, True])
def test_going_live_and_back(theatre: Theatre, with_key: bool) -> None:
    theatre.live()
    for call, is_live in (("go_live", True), ("stop_live", False)):
        if with_key:
            press(theatre, "G")
        else:
            click(theatre, theatre.window.controls.live)
        assert theatre.session.names()[-1] == call
        assert theatre.window.controls.live.isChecked() is is_live
        assert theatre.window.status_line.on_air.isVisible() is is_live


def test_a_missing_virtual_camera_leaves_the_button_off_and_says_what_to_do(theatre: Theatre) -> None:
    theatre.live()
    theatre.session.failures["go_live"] = VirtualCameraMissingError("There is none.", hint="Install one.")
    press(theatre, "G")
    assert not theatre.window.controls.live.isChecked()
    assert theatre.window.banner.message.text() == "There is none."
    assert theatre.window.banner.hint.text() == "Install one."


def test_another_try_takes_the_refusal_of_the_one_before_away(theatre: Theatre) -> None:
    theatre.live()
    theatre.session.failures["go_live"] = VirtualCameraMissingError("There is none.", hint="Install one.")
    press(theatre, "G")
    assert theatre.window.banner.message.text() == "There is none."
    del theatre.session.failures["go_live"]
    press(theatre, "G")
    assert not theatre.window.banner.isVisible()


def test_recording(theatre: Theatre, tmp_path: Path) -> None:
    theatre.live()
    theatre.director.show.remember(output_folder=str(tmp_path / "out"))
    press(theatre, "R")
    name, path = theatre.session.calls[-1]
    assert name == "start_recording"
    assert path.parent == tmp_path / "out"
    assert path.suffix == ".mp4"
    assert theatre.window.controls.record.text() == "Stop 00:00"
    click(theatre, theatre.window.controls.record)
    assert theatre.session.names()[-1] == "stop_recording"
    assert theatre.window.banner.message.text() == f"Recorded 0:12 to {path.name}."
    click(theatre, theatre.window.banner.offers[0])
    assert theatre.opened == [tmp_path / "out"]


def test_a_recording_without_a_picture_is_not_called_recorded(
    theatre: Theatre, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theatre.live()
    theatre.director.show.remember(output_folder=str(tmp_path))
    monkeypatch.setattr(theatre.session, "stop_recording", lambda: FakeReport(tmp_path / "x.mp4", frames=0))
    press(theatre, "R")
    theatre.session.now = replace(theatre.session.now, is_recording=True)
    theatre.director.look()
    click(theatre, theatre.window.controls.record)
    assert theatre.window.banner.message.text().startswith("Nothing was recorded")
    assert theatre.window.banner.offers == [] or not theatre.window.banner.offers[0].isVisible()


def test_a_snapshot(theatre: Theatre, tmp_path: Path) -> None:
    theatre.director.show.remember(output_folder=str(tmp_path))
    press(theatre, "S")
    name, path = theatre.session.calls[-1]
    assert (name, path.parent, path.suffix) == ("snapshot", tmp_path, ".png")
    assert theatre.window.banner.news.tone is Tone.GOOD


def test_an_unwritable_folder_is_an_error_not_a_crash(theatre: Theatre, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    theatre.director.show.remember(output_folder=str(tmp_path / "file"))
    press(theatre, "S")
    assert "cannot be made" in theatre.window.banner.message.text()


@pytest.mark.parametrize("key", ["P", "Esc"])
def test_panic_is_immediate_and_never_undone_by_the_same_key(theatre: Theatre, key: str) -> None:
    theatre.live()
    QTest.keySequence(theatre.window, key)
    assert theatre.session.calls[-1] == ("panic", True)  # with no turn of the event loop or command thread
    theatre.settle()
    assert theatre.window.status_line.state.whole_text == "Standby"
    press(theatre, key)
    assert ("panic", False) not in theatre.session.calls


def test_coming_back_takes_a_deliberate_press(theatre: Theatre) -> None:
    theatre.live()
    click(theatre, theatre.window.controls.panic)
    assert theatre.session.calls[-1] == ("panic", True)
    theatre.window.controls._since_panic.start()  # just now, however slow this machine is today
    click(theatre, theatre.window.controls.panic)  # the second half of a double click
    assert ("panic", False) not in theatre.session.calls
    theatre.window.controls._since_panic.invalidate()
    press(theatre, "Shift+P")
    assert theatre.session.calls[-1] == ("panic", False)
    assert not theatre.window.controls.panic.isChecked()


def test_panic_before_the_session_exists_holds_when_it_does(make_theatre) -> None:
    theatre = make_theatre()
    theatre.director.open()
    theatre.window.controls.press_panic()
    theatre.settle()
    assert ("panic", True) in theatre.session.calls


def test_calibrate_and_mirror(theatre: Theatre) -> None:
    press(theatre, "C")
    assert theatre.session.names()[-1] == "calibrate"
    press(theatre, "M")
    assert theatre.session.calls[-1] == ("set_mirror", False)
    click(theatre, theatre.window.you.mirror)
    assert theatre.session.calls[-1] == ("set_mirror", True)


def test_choosing_sources(make_theatre) -> None:
    theatre = make_theatre(cameras=2)
    theatre.open()
    source = theatre.window.you.source
    source.activated.emit(source.findData("camera:1"))
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_source", "camera:1")
    assert source.currentData() == "camera:1"
    theatre.picker.clip_answer = Path("/films/a day.mkv")
    source.activated.emit(source.count() - 1)
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_source", "file:/films/a day.mkv")
    assert source.currentText() == "a day.mkv"
    theatre.picker.clip_answer = None  # cancelled
    press(theatre, "O")
    assert source.currentText() == "a day.mkv"


def test_a_camera_plugged_in_later_appears_when_the_list_opens(theatre: Theatre) -> None:
    before = theatre.window.you.source.count()
    theatre.engine.cameras = [*theatre.engine.cameras, type(theatre.engine.cameras[0])(3, "New")]
    theatre.window.you.source.opening.emit()
    theatre.settle()
    assert theatre.window.you.source.count() == before + 1
    assert theatre.window.you.source.currentData() == "camera:0"


def test_choosing_avatars_by_number_click_and_keyboard(theatre: Theatre) -> None:
    gallery = theatre.window.avatars.gallery
    press(theatre, "3")
    assert on_stage(theatre) == "suki"
    QTest.mouseClick(
        gallery.viewport(), Qt.MouseButton.LeftButton, pos=gallery.visualItemRect(gallery.item(1)).center()
    )
    theatre.settle()
    assert on_stage(theatre) == "otto"
    gallery.setFocus()
    QTest.keyClick(gallery, Qt.Key.Key_Right)
    theatre.settle()
    assert on_stage(theatre) == "otto"  # walking is not choosing
    QTest.keyClick(gallery, Qt.Key.Key_Return)
    theatre.settle()
    assert on_stage(theatre) == "suki"


def test_an_avatar_that_fails_leaves_the_old_one_marked(theatre: Theatre) -> None:
    press(theatre, "2")
    theatre.session.failures["set_avatar"] = UnderstudyError("It is broken.", hint="Take another.")
    press(theatre, "3")
    assert theatre.window.avatars.gallery.chosen == "otto"
    assert theatre.window.banner.message.text() == "It is broken."


def test_the_gallery_shows_every_avatar_with_its_picture(theatre: Theatre) -> None:
    gallery = theatre.window.avatars.gallery
    assert gallery.names() == ["mira", "otto", "suki", "bruno", "lena", "kato"]
    pixmaps = [gallery.item(k).data(Qt.ItemDataRole.DecorationRole) for k in range(gallery.count())]
    assert all(not pixmap.isNull() for pixmap in pixmaps)


def test_adding_a_picture_that_is_certain(theatre: Theatre, tmp_path: Path) -> None:
    theatre.picker.picture_answer = tmp_path / "My cat.png"
    press(theatre, "A")
    assert theatre.edits == []
    name, avatar = theatre.session.calls[-1]
    assert name == "set_avatar"
    assert isinstance(avatar, Avatar)
    assert theatre.window.avatars.gallery.chosen == "own:My_cat"
    assert theatre.window.avatars.remove.isEnabled()


def test_an_uncertain_picture_asks_for_its_points(theatre: Theatre, tmp_path: Path) -> None:
    theatre.engine.picture_confidence = 0.2
    theatre.edit_answer = lambda avatar: replace(avatar, points=avatar.points + 0.01, confidence=1.0)
    theatre.director.avatars.add_picture(tmp_path / "robot.png")
    theatre.settle()
    (avatar, reason), *rest = theatre.edits
    assert rest == []
    assert "not certain" in reason
    placed = theatre.session.calls[-1][1]
    assert placed.points == pytest.approx(avatar.points + 0.01)


@pytest.mark.parametrize(("confidence", "tone"), [(0.95, Tone.GOOD), (0.7, Tone.WARNING)])
def test_a_picture_far_from_what_the_network_knows_is_told(
    theatre: Theatre, tmp_path: Path, confidence: float, tone: Tone
) -> None:
    theatre.engine.picture_confidence = confidence
    theatre.director.avatars.add_picture(tmp_path / "cat.png")
    theatre.settle()
    assert theatre.edits == []
    assert theatre.window.banner.news.tone is tone
    assert ("unlike" in theatre.window.banner.message.text()) is (tone is Tone.WARNING)


def test_a_cancelled_edit_adds_nothing(theatre: Theatre, tmp_path: Path) -> None:
    theatre.engine.picture_confidence = 0.2
    theatre.edit_answer = lambda _avatar: None
    theatre.director.avatars.add_picture(tmp_path / "robot.png")
    theatre.settle()
    assert theatre.window.avatars.gallery.count() == 6
    assert "set_avatar" not in theatre.session.names()


def test_a_picture_without_a_face_says_so(theatre: Theatre, tmp_path: Path) -> None:
    theatre.engine.load_error = UnderstudyError("There is no face in wall.png.", hint="Take another picture.")
    theatre.director.avatars.add_picture(tmp_path / "wall.png")
    theatre.settle()
    assert theatre.window.banner.message.text() == "There is no face in wall.png."


def test_points_can_be_placed_where_no_face_is_found(theatre: Theatre, tmp_path: Path) -> None:
    theatre.engine.load_error = NoFaceError("No drawn face was found in 'robot'.", hint="Choose another.")
    theatre.edit_answer = lambda avatar: replace(avatar, points=avatar.points + 0.02, confidence=1.0)
    theatre.director.avatars.add_picture(tmp_path / "robot.png")
    theatre.settle()
    assert theatre.edits == []
    click(theatre, theatre.window.banner.offers[0])
    (avatar, reason), *rest = theatre.edits
    assert rest == []
    assert avatar.confidence == 0.0
    assert "another avatar's points" in reason
    assert theatre.window.avatars.gallery.chosen == "own:robot"
    assert theatre.session.calls[-1][1].points == pytest.approx(avatar.points + 0.02)


def test_editing_removing_and_undoing(theatre: Theatre, tmp_path: Path) -> None:
    theatre.director.avatars.add_picture(tmp_path / "cat.png")
    theatre.settle()
    click(theatre, theatre.window.avatars.edit)
    assert len(theatre.edits) == 1
    click(theatre, theatre.window.avatars.remove)
    assert "own:cat" not in theatre.window.avatars.gallery.names()
    assert theatre.window.avatars.gallery.chosen == "mira"
    assert not theatre.window.avatars.remove.isEnabled()
    click(theatre, theatre.window.banner.offers[0])
    assert theatre.window.avatars.gallery.chosen == "own:cat"


def test_two_pictures_of_one_name_are_two_avatars(theatre: Theatre, tmp_path: Path) -> None:
    for _ in range(2):
        theatre.director.avatars.add_picture(tmp_path / "cat.png")
        theatre.settle()
    assert theatre.window.avatars.gallery.names()[-2:] == ["own:cat", "own:cat_2"]


def test_the_stage(theatre: Theatre, tmp_path: Path) -> None:
    stage = theatre.window.stage
    click(theatre, stage.kinds.buttons()[1])
    assert theatre.session.calls[-1][1].kind is BackdropKind.KEY_COLOUR
    click(theatre, stage.key_colours.swatches()[1])
    assert theatre.session.calls[-1][1].key_colour == (0, 0, 255)
    click(theatre, stage.kinds.buttons()[2])
    click(theatre, stage.colours.swatches()[4])
    assert theatre.session.calls[-1][1].colour == (138, 70, 54)
    theatre.picker.picture_answer = tmp_path / "sea.jpg"
    (tmp_path / "sea.jpg").write_bytes(b"")
    click(theatre, stage.kinds.buttons()[3])
    assert theatre.session.calls[-1][1].picture == tmp_path / "sea.jpg"
    click(theatre, stage.blur)
    assert theatre.session.calls[-1][1].blur > 0


def test_a_cancelled_backdrop_keeps_the_stage(theatre: Theatre) -> None:
    click(theatre, theatre.window.stage.kinds.buttons()[3])
    assert "set_stage" not in theatre.session.names()
    assert theatre.window.stage.kinds.value is BackdropKind.AS_DRAWN


def test_a_backdrop_that_cannot_be_read_returns_to_the_old_stage(theatre: Theatre, tmp_path: Path) -> None:
    theatre.session.failures["set_stage"] = UnderstudyError("No picture.", hint="Choose another.")
    theatre.window.stage.take_picture(tmp_path / "broken.png")
    theatre.settle()
    assert theatre.window.stage.stage.kind is BackdropKind.AS_DRAWN
    assert theatre.window.banner.message.text() == "No picture."


def test_quality(theatre: Theatre) -> None:
    slider = theatre.window.engine.slider
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Right)
    theatre.settle()
    second = list(QUALITIES)[1]
    assert theatre.session.calls[-1] == ("set_quality", QUALITIES[second])
    QTest.mouseClick(slider, Qt.MouseButton.LeftButton, pos=slider.rect().topRight())
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_quality", list(QUALITIES.values())[-1])


@pytest.mark.parametrize("focused", ["gallery", "picker", "slider", "segment", "button"])
def test_the_keys_work_wherever_the_focus_is(theatre: Theatre, focused: str, tmp_path: Path) -> None:
    window = theatre.window
    {
        "gallery": window.avatars.gallery,
        "picker": window.you.source,
        "slider": window.engine.slider,
        "segment": window.stage.kinds.buttons()[0],
        "button": window.controls.live,
    }[focused].setFocus()
    theatre.director.show.remember(output_folder=str(tmp_path))
    for key, call in (("S", "snapshot"), ("C", "calibrate"), ("2", "set_avatar"), ("Esc", "panic")):
        QTest.keyClick(window.focusWidget(), *KEYS[key])
        theatre.settle()
        assert theatre.session.names()[-1] == call


def test_the_states_are_told(theatre: Theatre) -> None:
    words = {}
    for state in SessionState:
        theatre.session.now = replace(theatre.session.now, state=state)
        theatre.director.look()
        words[state] = theatre.window.status_line.state.whole_text
    assert words[SessionState.SEARCHING] == "Looking for you"
    assert words[SessionState.LIVE] == "Preview"
    assert words[SessionState.STANDBY] == "Standby: this computer is too busy"
    assert words[SessionState.WAITING] == "Waiting for the camera"
    assert all(words.values())
    theatre.session.now = replace(theatre.session.now, state=SessionState.STANDBY, is_panicked=True)
    theatre.director.look()
    assert theatre.window.status_line.state.whole_text == "Standby", "panic needs no reason"
    theatre.session.now = replace(
        theatre.session.now, state=SessionState.WAITING, is_panicked=False, progress=0.5
    )
    theatre.director.look()
    assert theatre.window.status_line.state.whole_text == "Waiting for the clip"


def test_nobody_is_tracked_well_while_the_points_say_that_there_is_nobody(theatre: Theatre) -> None:
    theatre.live()
    mark = theatre.window.you.quality_label
    assert mark.text() == "Tracking: good"
    theatre.session.now = replace(theatre.session.now, state=SessionState.WAITING)
    theatre.settle()
    assert mark.text() == "No picture"
    assert theatre.window.you.points.words == "No picture"


def test_nobody_is_missed_before_anything_has_looked(theatre: Theatre) -> None:
    you = theatre.window.you
    assert (you.quality_label.text(), you.points.words) == ("Starting", "Starting")
    theatre.session.now = replace(theatre.session.now, state=SessionState.SEARCHING)
    theatre.settle()
    assert (you.quality_label.text(), you.points.words) == ("No picture", "No picture")
    theatre.session.tracked = replace(make_performance(), state=TrackState.LOST)
    theatre.settle()
    assert (you.quality_label.text(), you.points.words) == ("No face", "Nobody in view")


@pytest.mark.parametrize(
    ("is_live", "is_recording", "words"),
    [
        (False, False, "Preview"),
        (True, False, "On air"),
        (False, True, "Recording"),
        (True, True, "On air and recording"),
    ],
)
def test_the_status_says_whether_anybody_else_sees_the_picture(
    theatre: Theatre, is_live: bool, is_recording: bool, words: str
) -> None:
    theatre.live()
    line = theatre.window.status_line
    theatre.session.now = replace(theatre.session.now, is_live=is_live, is_recording=is_recording)
    theatre.director.look()
    assert line.state.whole_text == words
    assert (line._dot._colour == DARK.good) is is_live, "green means on air"
    theatre.session.now = replace(theatre.session.now, progress=0.5)
    theatre.director.look()
    assert line.state.whole_text == f"{words}, from a clip"


def test_going_live_that_failed_does_not_read_as_live(theatre: Theatre) -> None:
    theatre.live()
    theatre.session.failures["go_live"] = SinkError("There is none.", hint="Install one.")
    click(theatre, theatre.window.controls.live)
    assert theatre.window.banner.news.tone is Tone.ERROR
    assert "live" not in theatre.window.status_line.state.whole_text.lower()


def test_the_read_out_can_be_hidden(theatre: Theatre) -> None:
    theatre.live()
    assert theatre.window.status_line.readout.text() == "25 fps  ·  86 ms"
    press(theatre, "F")
    assert not theatre.window.status_line.readout.isVisible()
    press(theatre, "F")
    assert theatre.window.status_line.readout.isVisible()


def test_folding_by_key_and_button(theatre: Theatre) -> None:
    press(theatre, "D")
    assert theatre.window.is_folded
    click(theatre, theatre.window.status_line.unfold)
    assert not theatre.window.is_folded
    theatre.window.engine.fold.setFocus()
    click(theatre, theatre.window.engine.fold)
    assert theatre.window.is_folded
    assert theatre.window.status_line.unfold.hasFocus()


def test_a_narrow_window_folds_by_itself(theatre: Theatre) -> None:
    theatre.window.resize(1024, 700)
    theatre.settle()
    assert theatre.window.is_folded
    theatre.window.resize(1440, 900)
    theatre.settle()
    assert not theatre.window.is_folded


def test_an_error_is_a_banner_with_retry_and_goes_when_it_is_over(theatre: Theatre) -> None:
    theatre.live()
    error = CameraBusyError("Camera 0 is busy.", hint="Close the other program.")
    theatre.session.now = replace(theatre.session.now, state=SessionState.ERROR, error=error)
    for _ in range(5):
        theatre.director.look()
    banner = theatre.window.banner
    assert banner.isVisible()
    assert [button.text() for button in banner.offers] == ["Retry", "Play the sample clip"]
    click(theatre, banner.offers[0])
    assert theatre.session.names()[-1] == "restart"
    assert not banner.isVisible()
    theatre.session.now = replace(theatre.session.now, error=CameraBusyError("Again.", hint="Wait."))
    theatre.director.look()
    assert banner.message.text() == "Again."
    theatre.session.now = replace(theatre.session.now, state=SessionState.LIVE, error=None)
    theatre.director.look()
    assert not banner.isVisible()


def test_a_closed_error_banner_stays_closed(theatre: Theatre) -> None:
    error = CameraBusyError("Camera 0 is busy.", hint="Close the other program.")
    theatre.session.now = replace(theatre.session.now, state=SessionState.ERROR, error=error)
    theatre.director.look()
    click(theatre, theatre.window.banner.close_button)
    theatre.director.look()
    assert not theatre.window.banner.isVisible()


def test_a_notice_is_told_once(theatre: Theatre) -> None:
    notice = SinkError("The disk is full.", hint="What was written is playable.")
    theatre.session.now = replace(theatre.session.now, notice=notice)
    theatre.director.look()
    assert theatre.window.banner.news.tone is Tone.WARNING
    theatre.window.banner.clear()
    theatre.director.look()
    assert not theatre.window.banner.isVisible()


def test_a_notice_that_no_longer_holds_is_withdrawn(theatre: Theatre) -> None:
    slow = TooSlowError("A picture takes 2.0 s here.", hint="Choose a smaller size.")
    theatre.session.now = replace(theatre.session.now, notice=slow)
    theatre.director.look()
    assert theatre.window.banner.message.text() == slow.message
    theatre.session.now = replace(theatre.session.now, notice=None)
    theatre.director.look()
    assert not theatre.window.banner.isVisible()


def test_a_session_that_cannot_be_built_can_be_retried(make_theatre) -> None:
    theatre = make_theatre()
    theatre.engine.build_error = UnderstudyError("No weights.", hint="Install again.")
    theatre.open()
    assert theatre.window.banner.message.text() == "No weights."
    assert theatre.window.status_line.state.whole_text == "Stopped by an error"
    theatre.engine.build_error = None
    click(theatre, theatre.window.banner.offers[0])
    assert theatre.session.names() == ["start"]


def test_another_source_tries_again_where_the_first_could_not_be_read(make_theatre, tmp_path: Path) -> None:
    theatre = make_theatre()
    theatre.file.save(Preferences(source=f"file:{tmp_path / 'gone.mp4'}"))
    theatre.engine.check_error = SourceError("There is no clip.", hint="Choose another.")
    theatre.open()
    assert theatre.engine.sessions == []
    theatre.engine.check_error = None
    click(theatre, theatre.window.banner.offers[1])
    assert theatre.session.settings.source == "sample"
    assert theatre.session.names() == ["start"]


def test_an_unexpected_failure_is_told_and_survived(theatre: Theatre, caplog) -> None:
    theatre.session.failures["calibrate"] = ValueError("boom")
    theatre.window.you.calibrate.click()
    theatre.settle()
    assert "ValueError: boom" in theatre.window.banner.message.text()
    assert "A command of the window failed" in caplog.text
    caplog.clear()
    press(theatre, "M")
    assert theatre.session.names()[-1] == "set_mirror"


def test_the_end_of_a_clip_offers_to_play_again(theatre: Theatre) -> None:
    theatre.session.now = replace(theatre.session.now, state=SessionState.ENDED)
    theatre.settle()
    click(theatre, theatre.window.banner.offers[0])
    assert theatre.session.names()[-1] == "restart"


def test_old_points_are_not_shown_while_nobody_looks(theatre: Theatre) -> None:
    theatre.live()
    assert theatre.window.you.points._performance is theatre.session.tracked
    theatre.session.now = replace(theatre.session.now, state=SessionState.WAITING)
    theatre.settle()
    assert theatre.window.you.points._performance is None


TRACKING_WORDS = [(0.9, "good"), (0.5, "fair"), (0.1, "poor"), (0.0, "No face")]


@pytest.mark.parametrize(("quality", "words"), TRACKING_WORDS)
def test_the_tracking_mark(theatre: Theatre, quality: float, words: str) -> None:
    theatre.window.you.show_quality(quality)
    assert words in theatre.window.you.quality_label.text()


def test_pictures_are_pulled_and_only_when_they_are_new(theatre: Theatre) -> None:
    theatre.live()
    view = theatre.window.view
    assert view.picture is theatre.session.picture
    painted = view.num_painted
    theatre.director.pull()
    QTest.qWait(5)
    assert view.num_painted == painted
    theatre.session.picture = make_picture(index=4)
    assert view.picture is not theatre.session.picture
    theatre.director.pull()
    assert view.picture is theatre.session.picture
    limit_s = time.monotonic() + PATIENCE_S
    while view.num_painted == painted:
        assert time.monotonic() < limit_s, "it is never painted"
        QTest.qWait(5)
    assert view.num_painted == painted + 1


def test_a_person_out_of_view_is_a_word(theatre: Theatre) -> None:
    theatre.live()
    theatre.session.tracked = replace(make_performance(), state=TrackState.LOST)
    theatre.director.pull()
    assert not theatre.window.you.points.grab().isNull()
