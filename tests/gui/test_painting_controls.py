"""The *Style* card: what reaches the painting while it paints, what is refused, what builds it anew."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.window.panels.prompt_box import SETTLE_MS
from app.window.panels.style_panel import CHOOSE_FILE, CHOOSE_FOLDER
from app.window.wishes import ALIKE, DEFAULT_PROMPT, Mode
from engine.errors import SettingsError
from engine.stylise.settings import Closeness, Painter
from tests.gui.conftest import Theatre
from tests.gui.fakes import published_models


@pytest.fixture
def painting(theatre: Theatre) -> Theatre:
    theatre.engine.models = published_models(are_here=True)
    theatre.director.show.remember(is_likeness_confirmed=True)
    theatre.director.fetches.look()
    theatre.director.modes.choose(Mode.STYLISE)
    theatre.settle()
    theatre.live()
    return theatre


def prompts(theatre: Theatre) -> list[str]:
    return [value for name, value in theatre.session.calls if name == "set_prompt"]


def write(theatre: Theatre, text: str) -> None:
    box = theatre.window.painting.prompt
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)


def test_a_prompt_is_taken_once_the_typing_pauses(painting: Theatre) -> None:
    box = painting.window.painting.prompt
    assert box.pause.interval() == SETTLE_MS == 400
    box.pause.setInterval(600_000)  # however long this takes, the test says when the typing pauses
    write(painting, "a pirate")
    painting.settle()
    assert prompts(painting) == []
    assert box.pause.isActive()
    box.pause.timeout.emit()
    painting.settle()
    assert prompts(painting) == ["a pirate"]
    assert not box.pause.isActive()
    assert painting.director.show.preferences.prompt == "a pirate"


def test_enter_takes_a_prompt_at_once_and_once(painting: Theatre) -> None:
    write(painting, "a pirate   at sea")
    QTest.keyClick(painting.window.painting.prompt, Qt.Key.Key_Return)
    painting.settle()
    assert prompts(painting) == ["a pirate at sea"]
    QTest.keyClick(painting.window.painting.prompt, Qt.Key.Key_Return)
    painting.settle()
    assert prompts(painting) == ["a pirate at sea"]


def test_leaving_the_box_takes_what_was_typed(painting: Theatre) -> None:
    write(painting, "a knight")
    painting.window.painting.new_seed.setFocus()
    painting.settle()
    assert prompts(painting) == ["a knight"]


def test_an_empty_prompt_is_refused_in_words_and_the_old_one_goes_on(painting: Theatre) -> None:
    panel = painting.window.painting
    panel.prompt.setFocus()
    panel.prompt.selectAll()
    QTest.keyClick(panel.prompt, Qt.Key.Key_Delete)
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    painting.settle()
    assert prompts(painting) == []
    assert panel.refusal.isVisible()
    assert "empty prompt" in panel.refusal.text()
    panel.new_seed.setFocus()
    painting.settle()
    assert panel.prompt.toPlainText() == DEFAULT_PROMPT
    assert not panel.refusal.isVisible()


def test_a_prompt_that_the_engine_refuses_leaves_the_old_one(painting: Theatre) -> None:
    painting.session.failures["set_prompt"] = SettingsError("The prompt is too long.", hint="Shorten it.")
    write(painting, "a very long story")
    QTest.keyClick(painting.window.painting.prompt, Qt.Key.Key_Return)
    painting.settle()
    assert painting.window.painting.refusal.text().startswith("The prompt is too long.")
    assert painting.director.show.preferences.prompt == DEFAULT_PROMPT


def test_keys_that_are_typed_into_the_box_are_text_but_esc_is_panic(painting: Theatre) -> None:
    QTest.keySequence(painting.window, "T")
    box = painting.window.painting.prompt
    assert painting.window.focusWidget() is box
    box.selectAll()
    for key in (Qt.Key.Key_G, Qt.Key.Key_R, Qt.Key.Key_S, Qt.Key.Key_P):
        QTest.keyClick(box, key)
    painting.settle()
    assert box.toPlainText() == "grsp"
    assert painting.session.names() == ["start"]
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert painting.session.calls[-1] == ("panic", True)


def test_what_is_typed_when_the_window_closes_is_kept(painting: Theatre) -> None:
    write(painting, "a last wish")
    painting.window.close()
    assert painting.file.load()[0].prompt == "a last wish"


def test_closeness_seed_and_filter_change_while_it_paints(painting: Theatre) -> None:
    panel = painting.window.painting
    panel.closeness.setFocus()
    QTest.keyClick(panel.closeness, Qt.Key.Key_Right)
    painting.settle()
    assert painting.session.calls[-1] == ("set_closeness", Closeness.NEAR)
    panel.more.skip.click()
    painting.settle()
    assert painting.session.calls[-1] == ("set_similarity", ALIKE)
    panel.more.skip.click()
    painting.settle()
    assert painting.session.calls[-1] == ("set_similarity", None)
    panel.seed.setFocus()
    panel.seed.selectAll()
    QTest.keyClicks(panel.seed, "99999999999999")
    QTest.keyClick(panel.seed, Qt.Key.Key_Return)
    painting.settle()
    assert painting.session.calls[-1] == ("set_seed", 2**32 - 1)
    panel.new_seed.click()
    painting.settle()
    name, seed = painting.session.calls[-1]
    assert name == "set_seed"
    assert panel.seed.text() == str(seed)
    assert painting.director.show.preferences.style_seed == seed
    assert len(painting.engine.stylings) == 1


def test_a_seed_that_is_deleted_comes_back(painting: Theatre) -> None:
    seed = painting.window.painting.seed
    seed.setFocus()
    seed.clear()
    painting.window.painting.more.skip.setFocus()
    painting.settle()
    assert seed.text() == "2"
    assert "set_seed" not in painting.session.names()


def test_another_painter_builds_the_session_anew_and_says_what_ended(painting: Theatre) -> None:
    old = painting.session
    painting.director.outputs.go_live(True)
    painting.settle()
    painting.window.painting.painter.buttons()[1].click()
    painting.settle()
    assert old.names()[-2:] == ["stop_live", "stop"]
    assert ("panic", True) in old.calls
    assert painting.engine.stylings[-1].stylise.painter is Painter.LIVE2DIFF
    assert painting.session.settings.quality.levels == 2
    assert "was stopped" in painting.window.banner.message.text()


def test_models_are_named_with_their_size_and_licence(painting: Theatre) -> None:
    panel = painting.window.painting
    titles = [panel.model.itemText(row) for row in range(panel.model.count())]
    assert titles == ["Stable Diffusion 1.5", "SD-Turbo", "A file of yours…", "A folder of yours…"]
    assert panel.about_model.text().startswith("On this computer, 4.4 GB, licence CreativeML OpenRAIL-M")
    panel.model.activated.emit(1)
    painting.settle()
    assert painting.engine.stylings[-1].stylise.model == "stabilityai/sd-turbo"
    assert "Stability AI Community License" in panel.about_model.text()
    panel.painter.buttons()[1].click()  # which joins Stable Diffusion 1.5 alone
    painting.settle()
    assert painting.engine.stylings[-1].stylise.model == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert panel.model.findText("SD-Turbo") == -1


@pytest.mark.parametrize("kind", [CHOOSE_FILE, CHOOSE_FOLDER])
def test_a_model_of_the_users_own(painting: Theatre, kind: str, tmp_path: Path) -> None:
    panel = painting.window.painting
    painting.picker.model_answer = tmp_path / "dreams.safetensors"
    painting.picker.folder_answer = tmp_path
    panel.model.activated.emit(panel.model.findData(kind))
    painting.settle()
    stylise = painting.engine.stylings[-1].stylise
    assert (stylise.style or stylise.model) == str(
        painting.picker.model_answer if kind == CHOOSE_FILE else tmp_path
    )
    assert panel.model.currentData() == (stylise.style or stylise.model)
    painting.picker.model_answer = painting.picker.folder_answer = None
    panel.model.activated.emit(panel.model.findData(kind))  # cancelled
    painting.settle()
    assert len(painting.engine.stylings) == 2


def test_every_choice_is_there_again_at_the_next_start(make_theatre, painting: Theatre) -> None:
    panel = painting.window.painting
    write(painting, "a lighthouse")
    QTest.keyClick(panel.prompt, Qt.Key.Key_Return)
    panel.closeness.setValue(0)
    panel.more.skip.click()
    panel.new_seed.click()
    panel.painter.buttons()[1].click()
    painting.window.engine.slider.setValue(0)
    painting.settle()
    seed = panel.seed.text()
    painting.window.close()
    second = make_theatre()
    second.engine.models = published_models(are_here=True)
    second.open()
    panel, stylise = second.window.painting, second.engine.stylings[-1].stylise
    assert (stylise.prompt, stylise.closeness) == ("a lighthouse", Closeness.FREE)
    assert (stylise.painter, stylise.similarity) == (Painter.LIVE2DIFF, ALIKE)
    assert second.session.settings.seed == int(seed)
    assert second.session.settings.quality.size == 256
    assert panel.prompt.toPlainText() == "a lighthouse"
    assert panel.closeness.value() == 0
    assert panel.more.skip.isChecked()
    assert panel.seed.text() == seed
    assert panel.painter.value is Painter.LIVE2DIFF


def test_the_pictures_size_is_a_stop_of_the_slider(painting: Theatre) -> None:
    assert painting.session.settings.quality.size == 512
    painting.window.engine.slider.setValue(1)
    painting.settle()
    name, quality = painting.session.calls[-1]
    assert (name, quality.size) == ("set_quality", 384)
    assert painting.director.show.preferences.quality == ""  # the avatar's own stop is another
