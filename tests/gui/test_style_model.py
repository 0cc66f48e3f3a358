"""What the painting is made with: LoRAs, style, guidance, memory; what is hot, and what ends for it."""

from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.window.panels.banner import Tone
from app.window.panels.style_panel import CHOOSE_FILE, CHOOSE_FOLDER
from app.window.wishes import Mode
from engine.errors import MemoryTooSmallError, WeightsError
from engine.settings import TrackerChoice
from engine.status import SessionState
from engine.stylise.settings import Closeness, Painter
from tests.gui.conftest import Theatre
from tests.gui.fakes import published_models

INK, FOX = Path("/loras/ink.safetensors"), Path("/loras/fox.safetensors")


def begin(theatre: Theatre, painter: Painter = Painter.STREAM_DIFFUSION) -> Theatre:
    theatre.engine.models = published_models(are_here=True)
    theatre.director.show.remember(is_likeness_confirmed=True, painter=painter.value)
    theatre.director.fetches.look()
    theatre.director.modes.choose(Mode.STYLISE)
    theatre.settle()
    theatre.live()
    theatre.window.painting.more.line.click()
    return theatre


@pytest.fixture
def painting(theatre: Theatre) -> Theatre:
    return begin(theatre)


@pytest.fixture
def live2diff(theatre: Theatre) -> Theatre:
    return begin(theatre, Painter.LIVE2DIFF)


def add(theatre: Theatre, path: Path) -> None:
    theatre.picker.model_answer = path
    theatre.window.painting.more.loras.add.click()
    theatre.settle()


def loras_of(theatre: Theatre) -> dict[str, float]:
    return dict(theatre.engine.stylings[-1].stylise.loras)


def styles(theatre: Theatre) -> list[object]:
    return [value for name, value in theatre.session.calls if name == "set_style"]


def type_scale(theatre: Theatre, row: int, text: str) -> None:
    box = theatre.window.painting.more.loras.scales[row]
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)
    theatre.settle()


def test_loras_are_added_weighed_and_removed(painting: Theatre) -> None:
    more = painting.window.painting.more
    add(painting, INK)
    add(painting, FOX)
    assert loras_of(painting) == {str(INK): 1.0, str(FOX): 1.0}
    assert more.line.text() == "M&ore: 2 LoRAs"
    type_scale(painting, 1, "0.6")
    assert loras_of(painting) == {str(INK): 1.0, str(FOX): 0.6}
    more.loras.removes[0].click()
    painting.settle()
    assert loras_of(painting) == {str(FOX): 0.6}
    assert more.loras.scales[0].text() == "0.6"
    assert more.line.accessibleName() == "More: 1 LoRA"
    assert painting.director.show.preferences.style_loras == ((str(FOX), 0.6),)


def test_a_lora_that_is_there_already_or_none_changes_nothing(painting: Theatre) -> None:
    add(painting, INK)
    built = len(painting.engine.stylings)
    painting.picker.model_answer = None
    painting.window.painting.more.loras.add.click()
    add(painting, INK)
    type_scale(painting, 0, "1")
    type_scale(painting, 0, "")
    assert len(painting.engine.stylings) == built
    assert "ink is among the LoRAs already" in painting.window.banner.message.text()


@pytest.mark.parametrize(
    ("typed", "scale"), [("0", 0.0), (".5", 0.5), ("0,25", 0.25), ("1.9", 1.0), ("7", 1.0)]
)
def test_a_weight_is_between_0_and_1(painting: Theatre, typed: str, scale: float) -> None:
    painting.director.show.remember(style_loras=((str(INK), 0.75),))
    painting.director.style_model.refresh()
    type_scale(painting, 0, typed)
    expected = 0.75 if typed == "7" else scale  # 7 cannot be typed
    assert painting.director.show.preferences.style_loras == ((str(INK), expected),)


def test_up_and_down_change_a_weight_which_is_taken_by_going_elsewhere(painting: Theatre) -> None:
    add(painting, INK)
    built = len(painting.engine.stylings)
    loras = painting.window.painting.more.loras
    loras.scales[0].setFocus()
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(loras.scales[0], key)
    painting.settle()
    assert len(painting.engine.stylings) == built
    QTest.mouseClick(loras.removes[0], Qt.MouseButton.LeftButton)  # takes the weight, then the row away
    painting.settle()
    assert loras_of(painting) == {}
    assert painting.window.focusWidget() is loras.add


def test_what_goes_out_is_asked_about_before_it_ends(painting: Theatre) -> None:
    painting.director.outputs.go_live(True)
    painting.settle()
    before = painting.session
    painting.answer = False
    add(painting, INK)
    assert painting.questions[-1].title == "Stop the virtual camera?"
    assert painting.session is before
    assert painting.window.painting.more.loras.scales == []
    painting.window.painting.painter.buttons()[1].click()
    painting.settle()
    assert painting.window.painting.painter.value is Painter.STREAM_DIFFUSION
    painting.answer = True
    add(painting, INK)
    assert before.names()[-2:] == ["stop_live", "stop"]
    assert loras_of(painting) == {str(INK): 1.0}


def test_nothing_is_asked_where_nothing_goes_out(painting: Theatre) -> None:
    asked = len(painting.questions)
    add(painting, INK)
    assert len(painting.questions) == asked
    assert len(painting.engine.stylings) == 2


def test_a_lora_for_another_base_is_one_sentence_and_a_way_out(painting: Theatre) -> None:
    add(painting, INK)
    add(painting, FOX)
    message = f"{FOX} is for another base: mid_block.to_q is (4, 4), the model has (8, 8)."
    status = painting.session.now
    painting.session.now = type(status)(
        state=SessionState.ERROR, error=WeightsError(message, hint="--lora and so on")
    )
    painting.settle()
    banner = painting.window.banner
    assert (banner.news.tone, banner.message.text()) == (Tone.ERROR, message)
    assert "--" not in banner.hint.text()
    assert [offer.text for offer in banner.news.offers] == ["Leave it out", "Back to the avatar"]
    banner.offers[0].click()
    painting.settle()
    assert loras_of(painting) == {str(INK): 1.0}


def test_guidance_changes_while_it_paints(painting: Theatre) -> None:
    more = painting.window.painting.more
    assert more.guidance.isVisible()
    assert not more.memory.isVisible()
    more.guidance.slider.setFocus()
    QTest.keyClick(more.guidance.slider, Qt.Key.Key_Right)
    painting.settle()
    assert painting.session.calls[-1] == ("set_guidance_scale", 1.3)
    assert painting.director.show.preferences.style_guidance == 1.3


def test_live2diff_has_a_memory_and_no_guidance(live2diff: Theatre) -> None:
    panel = live2diff.window.painting
    assert panel.more.memory.isVisible()
    assert not panel.more.guidance.isVisible()
    assert panel._closeness_word.text() == Closeness.BALANCED.name.capitalize()
    panel.more.memory.buttons()[1].click()
    live2diff.settle()
    assert live2diff.engine.stylings[-1].stylise.has_small_memory
    panel.painter.buttons()[0].click()
    live2diff.settle()
    assert not live2diff.engine.stylings[-1].stylise.has_small_memory
    assert panel._closeness_word.text() == "Balanced, 2 steps"


def test_live2diff_changes_its_loras_and_its_style_while_it_paints(
    live2diff: Theatre, tmp_path: Path
) -> None:
    live2diff.director.outputs.go_live(True)
    live2diff.settle()
    asked = len(live2diff.questions)
    add(live2diff, INK)
    style = tmp_path / "dreams.safetensors"
    live2diff.picker.model_answer = style
    picker = live2diff.window.painting.model
    picker.activated.emit(picker.findData(CHOOSE_FILE))
    live2diff.settle()
    assert styles(live2diff) == [("", ((str(INK), 1.0),)), (str(style), ((str(INK), 1.0),))]
    assert len(live2diff.engine.stylings) == 1
    assert len(live2diff.questions) == asked
    assert live2diff.window.banner.news.tone is Tone.GOOD
    assert picker.currentData() == str(style)


def test_a_style_that_is_refused_leaves_the_old_one(live2diff: Theatre) -> None:
    add(live2diff, INK)
    live2diff.session.failures["set_style"] = WeightsError(f"{FOX} is for another base.", hint="x")
    add(live2diff, FOX)
    banner = live2diff.window.banner
    assert banner.message.text() == f"{FOX} is for another base."
    assert banner.hint.text() == "The painting goes on as before."
    assert live2diff.director.show.preferences.style_loras == ((str(INK), 1.0),)
    assert len(live2diff.window.painting.more.loras.scales) == 1


def test_what_is_refused_late_does_not_undo_what_was_chosen_since(live2diff: Theatre) -> None:
    live2diff.session.failures["set_style"] = WeightsError("It is for another base.", hint="x")
    loras = live2diff.window.painting.more.loras
    live2diff.picker.model_answer = INK
    loras.add.click()
    while live2diff.director.show.commands.is_busy:  # it fails, and nobody is told: no timer gets its turn
        sleep(0.001)
    live2diff.session.failures.clear()
    add(live2diff, FOX)
    both = ((str(INK), 1.0), (str(FOX), 1.0))
    assert styles(live2diff)[-1] == ("", both)
    assert live2diff.director.show.preferences.style_loras == both


def test_two_styles_that_do_not_fit_can_follow_each_other(live2diff: Theatre) -> None:
    live2diff.session.failures["set_style"] = MemoryTooSmallError("Two need 9 GB.", hint="x")
    add(live2diff, INK)
    assert live2diff.window.banner.offers[0].text() == "Begin anew with it"
    live2diff.window.banner.offers[0].click()
    live2diff.settle()
    assert len(live2diff.engine.stylings) == 2
    assert loras_of(live2diff) == {str(INK): 1.0}


def test_after_an_error_another_style_is_built_anew(live2diff: Theatre) -> None:
    status = live2diff.session.now
    live2diff.session.now = type(status)(state=SessionState.ERROR, error=WeightsError("No.", hint="x"))
    live2diff.settle()
    add(live2diff, INK)
    assert len(live2diff.engine.stylings) == 2


def test_every_choice_is_there_again(make_theatre, painting: Theatre) -> None:
    add(painting, INK)
    type_scale(painting, 0, "0.4")
    painting.window.painting.more.guidance.slider.setValue(20)
    painting.settle()
    painting.window.close()
    second = make_theatre()
    second.engine.models = published_models(are_here=True)
    second.open()
    stylise = second.engine.stylings[-1].stylise
    assert (stylise.loras, stylise.guidance_scale) == (((str(INK), 0.4),), 2.0)
    more = second.window.painting.more
    assert more.line.isChecked()
    assert more.loras.scales[0].isVisible()
    assert more.guidance.number == 2.0
    more.line.click()
    assert not more.loras.isVisible()
    assert more.line.text() == "M&ore: 1 LoRA"
    assert second.session.settings.tracker is TrackerChoice.MEDIAPIPE


def test_a_style_is_painted_over_the_users_own_model(live2diff: Theatre, tmp_path: Path) -> None:
    panel, desk = live2diff.window.painting, live2diff.director.style_model
    live2diff.picker.folder_answer = tmp_path
    live2diff.picker.model_answer = style = tmp_path / "dreams.safetensors"
    style.touch()
    for kind in (CHOOSE_FOLDER, CHOOSE_FILE):
        panel.model.activated.emit(panel.model.findData(kind))
        live2diff.settle()
    assert live2diff.engine.stylings[-1].stylise.model == str(tmp_path)  # another model: built anew
    assert styles(live2diff) == [(str(style), ())]  # its style: while it paints
    assert panel.about_model.text() == f"Your own, over {tmp_path.name}"
    live2diff.engine.models = [
        replace(model, parts=(model.parts[0], *published_models()[0].parts))
        for model in live2diff.engine.models
    ]
    live2diff.director.fetches.look()
    live2diff.settle()
    assert desk.is_model_here()  # Stable Diffusion itself need not be
    style.unlink()
    assert not desk.is_model_here()
    panel.model.activated.emit(panel.model.findData(str(tmp_path)))  # the model without the style
    live2diff.settle()
    assert styles(live2diff)[-1] == ("", ())
    assert desk.is_model_here()
