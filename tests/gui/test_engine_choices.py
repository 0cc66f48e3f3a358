"""The right panel's choices: the avatar's networks, RAIN's guidance and weights, and the quality of each."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtTest import QTest

from app.window.stops import POCKET_STOPS, RAIN_STOPS
from app.window.wishes import Mode
from engine.errors import MemoryTooSmallError, WeightsError
from engine.settings import DEFAULT_QUALITY, QUALITIES, Model, TrackerChoice
from engine.status import SessionState
from tests.gui.conftest import Theatre
from tests.gui.fakes import published_models


def choose(theatre: Theatre, model: Model) -> None:
    picker = theatre.window.engine.card.model
    row = picker.findData(model)
    picker.setCurrentIndex(row)
    picker.activated.emit(row)
    theatre.settle()


def test_rain_is_built_with_what_it_was_published_with(theatre: Theatre) -> None:
    first = theatre.session
    choose(theatre, Model.RAIN)
    assert first.names()[-1] == "stop"
    settings = theatre.session.settings
    assert (settings.model, settings.quality) == (Model.RAIN, DEFAULT_QUALITY[Model.RAIN])
    assert theatre.window.engine.slider.maximum() == len(RAIN_STOPS) - 1
    assert theatre.window.engine.card.guidance.isVisible()
    choose(theatre, Model.RAIN)
    assert len(theatre.engine.sessions) == 2  # the same again is no change


def test_what_goes_out_ends_and_is_told_when_the_networks_change(theatre: Theatre) -> None:
    theatre.live()
    old = theatre.session
    theatre.director.outputs.go_live(True)
    theatre.settle()
    choose(theatre, Model.RAIN)
    assert old.names()[-2:] == ["stop_live", "stop"]
    assert "panic" not in old.names()  # an avatar before and after: nobody has to be hidden
    assert "The virtual camera was stopped." in theatre.window.banner.message.text()


def test_guidance_changes_while_it_runs(theatre: Theatre) -> None:
    choose(theatre, Model.RAIN)
    theatre.window.engine.card.guidance.slider.setValue(9)
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_guidance", 4.5)
    assert theatre.director.show.preferences.rain_guidance == 4.5


def test_pocket_has_no_guidance(theatre: Theatre) -> None:
    assert not theatre.window.engine.card.guidance.isVisible()
    assert not theatre.window.engine.card.weights.isVisible()


def test_each_model_keeps_its_own_quality(theatre: Theatre) -> None:
    theatre.window.engine.slider.setValue(2)
    choose(theatre, Model.RAIN)
    theatre.window.engine.slider.setValue(0)
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_quality", RAIN_STOPS[0].quality)
    choose(theatre, Model.POCKET)
    assert theatre.session.settings.quality == POCKET_STOPS[2].quality == list(QUALITIES.values())[2]
    assert theatre.window.engine.slider.value() == 2


def test_the_weights_of_the_users_own_folder(theatre: Theatre, tmp_path: Path) -> None:
    choose(theatre, Model.RAIN)
    card = theatre.window.engine.card
    theatre.picker.folder_answer = None
    card.weights.click()
    theatre.settle()
    assert len(theatre.engine.sessions) == 2
    theatre.picker.folder_answer = tmp_path
    card.weights.click()
    theatre.settle()
    assert theatre.session.settings.weights == str(tmp_path)
    assert card.default_weights.isVisible()
    card.default_weights.click()
    theatre.settle()
    assert theatre.session.settings.weights == ""
    assert not card.default_weights.isVisible()


def test_an_own_avatar_is_on_stage_again_with_other_networks(theatre: Theatre, tmp_path: Path) -> None:
    theatre.director.avatars.add_picture(tmp_path / "cat.png")
    theatre.settle()
    choose(theatre, Model.RAIN)
    name, avatar = theatre.session.calls[-1]
    assert (name, avatar.name) == ("set_avatar", "cat")


def fail(theatre: Theatre, error: Exception) -> list[str]:
    theatre.session.now = replace(theatre.session.now, state=SessionState.ERROR, error=error)
    theatre.settle()
    return [offer.text for offer in theatre.window.banner.news.offers]


def test_missing_weights_offer_to_fetch_them_or_pocket(theatre: Theatre) -> None:
    choose(theatre, Model.RAIN)
    assert fail(theatre, WeightsError("No RAIN.", hint="x")) == ["Fetch it (8.7 GB)", "Back to Pocket"]
    assert "Apache-2.0" in theatre.window.banner.hint.text()
    theatre.window.banner.offers[1].click()
    theatre.settle()
    assert theatre.session.settings.model is Model.POCKET
    assert theatre.window.engine.card.model.currentData() is Model.POCKET
    assert theatre.window.banner.news is None


def test_a_folder_of_the_users_is_not_fetched_into(theatre: Theatre, tmp_path: Path) -> None:
    theatre.director.show.remember(rain_weights=str(tmp_path))
    choose(theatre, Model.RAIN)
    assert fail(theatre, WeightsError("No RAIN.", hint="Put them there.")) == ["Retry", "Back to Pocket"]
    assert theatre.window.banner.hint.text() == "Put them there."


def test_damaged_pocket_weights_can_only_be_tried_again(theatre: Theatre) -> None:
    assert fail(theatre, WeightsError("Damaged.", hint="Install again.")) == ["Retry"]


def test_what_does_not_fit_offers_what_does(theatre: Theatre) -> None:
    error = MemoryTooSmallError("It needs 8 GB.", hint="Take a smaller picture.")
    choose(theatre, Model.RAIN)
    assert fail(theatre, error) == ["Retry", "Back to Pocket"]
    theatre.director.modes.choose(Mode.STYLISE)
    theatre.settle()
    assert fail(theatre, MemoryTooSmallError("More.", hint="Less.")) == ["Retry", "Back to the avatar"]


def test_the_painting_is_named_with_nothing_to_choose(theatre: Theatre) -> None:
    card = theatre.window.engine.card
    choose(theatre, Model.RAIN)
    theatre.director.modes.choose(Mode.STYLISE)
    theatre.settle()
    assert not card.model.isVisible()
    assert not card.guidance.isVisible()
    assert card._facts["Model"].whole_text == "StreamDiffusion"
    theatre.director.modes.choose(Mode.AVATAR)
    theatre.settle()
    assert card.model.isVisible()
    assert card.guidance.isVisible()


def choose_dwpose(theatre: Theatre) -> None:
    theatre.window.engine.card.tracker.buttons()[1].click()
    theatre.settle()


def test_rain_may_have_another_tracker(theatre: Theatre) -> None:
    theatre.engine.models = published_models(are_here=True)
    theatre.director.fetches.look()
    assert not theatre.window.engine.card.tracker.isVisible()
    choose(theatre, Model.RAIN)
    assert theatre.window.engine.card.tracker.value is TrackerChoice.MEDIAPIPE
    choose_dwpose(theatre)
    assert theatre.session.settings.tracker is TrackerChoice.DWPOSE
    choose(theatre, Model.POCKET)
    assert theatre.session.settings.tracker is TrackerChoice.MEDIAPIPE
    choose(theatre, Model.RAIN)
    assert theatre.session.settings.tracker is TrackerChoice.DWPOSE


def test_a_tracker_that_is_not_here_is_offered_and_taken_once_it_is(theatre: Theatre) -> None:
    choose(theatre, Model.RAIN)
    built = len(theatre.engine.sessions)
    choose_dwpose(theatre)
    assert theatre.window.engine.card.tracker.value is TrackerChoice.MEDIAPIPE
    assert "not on this computer" in theatre.window.banner.message.text()
    assert theatre.window.banner.offers[0].text() == "Fetch it (0.3 GB)"
    assert len(theatre.engine.sessions) == built
    theatre.window.banner.offers[0].click()
    for _ in range(500):
        theatre.settle()
        if len(theatre.engine.sessions) > built:
            break
        QTest.qWait(5)
    assert theatre.engine.fetched == ["dwpose"]
    assert theatre.session.settings.tracker is TrackerChoice.DWPOSE
    assert theatre.window.engine.card.tracker.value is TrackerChoice.DWPOSE


def test_a_tracker_that_has_gone_can_be_fetched_or_left(theatre: Theatre) -> None:
    theatre.engine.models = [model for model in published_models(are_here=True) if model.name != "dwpose"] + [
        model for model in published_models() if model.name == "dwpose"
    ]
    theatre.director.fetches.look()
    theatre.director.show.remember(rain_tracker="dwpose")
    choose(theatre, Model.RAIN)
    assert fail(theatre, WeightsError("DWPose is not there.", hint="x")) == [
        "Fetch it (0.3 GB)",
        "Back to MediaPipe",
    ]
    theatre.window.banner.offers[1].click()
    theatre.settle()
    assert theatre.session.settings.tracker is TrackerChoice.MEDIAPIPE
    assert theatre.session.settings.model is Model.RAIN


def test_who_keeps_going_out_keeps_the_networks(theatre: Theatre, tmp_path: Path) -> None:
    theatre.live()
    theatre.director.show.remember(output_folder=str(tmp_path))
    theatre.director.outputs.record(True)
    theatre.settle()
    theatre.answer = False
    choose(theatre, Model.RAIN)
    assert theatre.questions[-1].title == "Stop the recording?"
    assert "is kept" in theatre.questions[-1].texts[0]
    assert len(theatre.engine.sessions) == 1
    assert theatre.window.engine.card.model.currentData() is Model.POCKET
