"""Nothing is clipped at the smallest size, and everything can be reached and seen by keyboard alone."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QScrollArea, QWidget

from app.window.desks.fetch_desk import question_about
from app.window.desks.mode_desk import LIKENESS
from app.window.dialogs.keys import BINDINGS, HelpSheet
from app.window.dialogs.points_editor import PointsEditor
from app.window.dialogs.question import QuestionSheet
from app.window.panels.banner import News, Offer, Tone
from app.window.widgets.controls import ElidedLabel
from app.window.wishes import Mode
from engine.errors import WeightsError
from engine.settings import BackdropKind, Model, StageSettings
from engine.status import SessionState
from engine.stylise.settings import Painter
from tests.gui.conftest import Theatre
from tests.gui.fakes import published_models
from tests.gui.placeholder import make_avatar

SIZES = [(1024, 700), (1440, 900)]


def clipped(root: QWidget) -> list[str]:
    """Return what shows less than its whole text, or sticks out of what holds it."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisible() or not isinstance(widget, QLabel | QAbstractButton):
            continue
        name = f"{type(widget).__name__} {widget.text()!r}"
        if isinstance(widget, QLabel) and widget.wordWrap():
            if widget.heightForWidth(widget.width()) > widget.height():
                found.append(f"{name} is too low")
        elif not isinstance(widget, ElidedLabel) and widget.sizeHint().width() > widget.width():
            found.append(f"{name} needs {widget.sizeHint().width()}, has {widget.width()}")
        place = QRect(widget.mapTo(root, QPoint(0, 0)), widget.size())
        if not root.rect().contains(place):
            found.append(f"{name} sticks out of the window")
        if widget.visibleRegion().boundingRect() != widget.rect():
            found.append(f"{name} is covered or cut")
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_folded", [True, False])
def test_no_text_is_clipped(theatre: Theatre, size: tuple[int, int], is_folded: bool) -> None:
    theatre.live()
    theatre.window.resize(*size)
    theatre.window.show_fold(is_folded)
    theatre.settle()
    assert theatre.window.size().toTuple() == size
    assert clipped(theatre.window) == []
    bars = [area.verticalScrollBar() for area in theatre.window.findChildren(QScrollArea)]
    assert not any(bar.isVisible() for bar in bars)


@pytest.mark.parametrize("kind", list(BackdropKind))
def test_no_text_is_clipped_in_any_state(theatre: Theatre, kind: BackdropKind, tmp_path) -> None:
    theatre.live()
    theatre.window.resize(1024, 700)
    picture = tmp_path / "a very long name of a picture of the sea.png"
    theatre.window.stage.show_stage(StageSettings(kind=kind, picture=picture))
    theatre.session.now = replace(theatre.session.now, is_live=True, is_recording=True, is_panicked=True)
    offers = (Offer("Retry", lambda: None), Offer("Play the sample clip", lambda: None))
    long = "The camera with the number 0 is used by another program, which has to be closed first."
    theatre.director.show.tell(News(Tone.ERROR, long, long, offers))
    theatre.settle()
    assert clipped(theatre.window) == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_folded", [True, False])
@pytest.mark.parametrize("are_here", [True, False])
def test_no_text_is_clipped_in_the_stylise_mode(
    theatre: Theatre, size: tuple[int, int], is_folded: bool, are_here: bool
) -> None:
    paint(theatre, are_here=are_here)
    theatre.window.resize(*size)
    theatre.window.show_fold(is_folded)
    theatre.window.painting.prompt.setPlainText("")
    theatre.window.painting.prompt.settle()
    theatre.settle()
    assert theatre.window.painting.refusal.isVisible()
    assert theatre.window.size().toTuple() == size
    assert clipped(theatre.window) == []
    bars = [area.verticalScrollBar() for area in columns(theatre)]
    assert not any(bar.isVisible() for bar in bars)


def test_no_text_is_clipped_with_missing_weights_or_while_fetching(theatre: Theatre) -> None:
    paint(theatre, are_here=False)
    theatre.window.resize(1024, 700)
    theatre.session.now = replace(
        theatre.session.now,
        state=SessionState.ERROR,
        error=WeightsError(f"There is no folder {'stable-diffusion/' * 4}here.", hint=""),
        is_live=True,
        is_recording=True,
    )
    theatre.window.fetch_card.begin("Stable Diffusion 1.5")
    theatre.window.fetch_card.show_progress(10**9, 4 * 10**9, "unet/diffusion_pytorch_model.safetensors")
    theatre.settle()
    assert clipped(theatre.window) == []


def test_a_banners_buttons_go_below_the_text_where_room_is_short(theatre: Theatre) -> None:
    banner = theatre.window.banner
    offers = (Offer("Fetch it (4.4 GB)", lambda: None), Offer("Back to the avatar", lambda: None))
    theatre.director.show.tell(News(Tone.ERROR, "The model is not on this machine.", "", offers))
    for width, is_below in ((1024, True), (1800, False), (1024, True)):
        theatre.window.resize(width, 900)
        theatre.settle()
        is_lower = banner.offers[0].mapTo(banner, QPoint(0, 0)).y() > banner.message.geometry().bottom()
        assert is_lower is is_below


def test_no_text_is_clipped_with_rain(theatre: Theatre) -> None:
    theatre.director.engine.choose_model(Model.RAIN)
    theatre.settle()
    theatre.live()
    theatre.window.resize(1280, 800)
    theatre.settle()
    card = theatre.window.engine.card
    assert card.weights.isVisible()
    assert clipped(theatre.window) == []
    assert not any(area.verticalScrollBar().isVisible() for area in columns(theatre))
    rain = [card.model, card.guidance.slider, card.tracker.buttons()[0], card.weights]
    assert [widget for widget in walk(theatre.window) if widget in rain] == rain


@pytest.mark.parametrize("painter", list(Painter))
def test_no_text_is_clipped_with_all_of_the_style_unfolded(theatre: Theatre, painter: Painter) -> None:
    long = "/loras/the ink wash painting of the northern school of landscapes.safetensors"
    theatre.director.show.remember(
        painter=painter.value, style_loras=((long, 0.85), ("/fox.safetensors", 1.0))
    )
    theatre.director.style_model.refresh()
    theatre.window.painting.more.line.click()
    paint(theatre)
    theatre.window.resize(1280, 800)
    theatre.settle()
    assert clipped(theatre.window) == []
    assert not any(area.verticalScrollBar().isVisible() for area in columns(theatre))


def paint(theatre: Theatre, *, are_here: bool = True) -> None:
    theatre.engine.models = published_models(are_here=are_here)
    theatre.director.fetches.look()
    theatre.director.modes.choose(Mode.STYLISE)
    theatre.settle()
    theatre.live()


def columns(theatre: Theatre) -> list[QScrollArea]:
    """Return what scrolls for lack of room, not for its many lines: the prompt's own bar does not count."""
    return [area for area in theatre.window.findChildren(QScrollArea) if area.isVisible()]


def test_a_large_system_font_scrolls_instead_of_clipping(qapp: QApplication, make_theatre) -> None:
    font = qapp.font()
    large = qapp.font()
    large.setPointSizeF(font.pointSizeF() * 1.25)
    qapp.setFont(large)
    try:
        theatre = make_theatre()
        theatre.open()
        theatre.window.resize(1024, 700)
        theatre.settle()
        paint(theatre)
        wide = [area for area in theatre.window.findChildren(QScrollArea) if area.isVisible()]
        assert all(area.widget().width() <= area.width() for area in wide)
        assert theatre.window.size().toTuple() == (1024, 700)
    finally:
        qapp.setFont(font)


def test_the_dialogs_are_not_clipped(theatre: Theatre) -> None:
    for dialog in (
        HelpSheet(theatre.window),
        PointsEditor(make_avatar(), "Put the points where they belong.", theatre.window),
        QuestionSheet(LIKENESS, theatre.window),
        QuestionSheet(question_about(theatre.engine.models[0]), theatre.window),
    ):
        dialog.show()
        QTest.qWait(10)
        assert clipped(dialog) == []
        dialog.close()


def walk(window: QWidget) -> list[QWidget]:
    """Return what Tab reaches, in order, from the empty page round to it again."""
    window.centralWidget().setFocus()
    reached: list[QWidget] = []
    for _ in range(100):
        QTest.keyClick(window.focusWidget() or window, Qt.Key.Key_Tab)
        focus = window.focusWidget()
        if focus in reached:
            break
        reached.append(focus)
    return reached


def test_tab_reaches_every_control_in_reading_order(theatre: Theatre) -> None:
    theatre.live()
    theatre.window.resize(1440, 900)
    theatre.director.avatars.add_picture(theatre.folder / "cat.png")
    theatre.settle()
    theatre.settle()
    window = theatre.window
    reached = walk(window)
    expected = [
        window.mode.buttons()[0],
        window.you.source,
        window.you.calibrate,
        window.you.mirror,
        window.avatars.gallery,
        window.avatars.add,
        window.avatars.edit,
        window.avatars.remove,
        window.stage.kinds.buttons()[0],
        window.banner.offers[0],
        window.banner.close_button,
        window.status_line.readout_switch,
        window.status_line.help,
        window.engine.fold,
        window.engine.slider,
        window.engine.card.model,
        window.controls.live,
        window.controls.record,
        window.controls.snapshot,
        window.controls.panic,
    ]
    assert [widget for widget in reached if widget in expected] == expected
    missed = [
        widget
        for widget in window.findChildren(QAbstractButton)
        if widget.isVisible() and widget.isEnabled() and widget not in reached
    ]
    # Inside a group of choices the arrows walk; Tab reaches the chosen one.
    groups = {button for button in missed if button.group() is not None and button.group().checkedButton()}
    assert set(missed) == groups


@pytest.mark.parametrize("painter", list(Painter))
def test_tab_reaches_every_control_of_the_painting_in_reading_order(
    theatre: Theatre, painter: Painter
) -> None:
    theatre.director.show.remember(
        painter=painter.value, style_loras=(("/ink.safetensors", 1.0), ("/fox.safetensors", 0.5))
    )
    theatre.director.style_model.refresh()
    theatre.window.painting.more.line.click()
    paint(theatre)
    theatre.window.resize(1440, 900)
    theatre.settle()
    window, panel, more = theatre.window, theatre.window.painting, theatre.window.painting.more
    reached = walk(window)
    expected = [
        window.mode.buttons()[1],
        window.you.source,
        window.you.mirror,
        panel.prompt,
        panel.closeness,
        panel.painter.buttons()[list(Painter).index(painter)],
        panel.model,
        panel.seed,
        panel.new_seed,
        more.line,
        more.guidance.slider if painter is Painter.STREAM_DIFFUSION else more.memory.buttons()[0],
        more.loras.scales[0],
        more.loras.removes[0],
        more.loras.scales[1],
        more.loras.removes[1],
        more.loras.add,
        more.skip,
        window.status_line.readout_switch,
        window.engine.slider,
        window.controls.live,
        window.controls.panic,
    ]
    assert [widget for widget in reached if widget in expected] == expected
    for widget in reached:
        assert widget.accessibleName() or getattr(widget, "text", str)(), widget
        window.centralWidget().setFocus()
        before = window.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        assert differs(before, window.grab().toImage()), f"{widget.accessibleName()} does not show its focus"


def test_everything_reachable_has_a_name_and_shows_its_focus(theatre: Theatre) -> None:
    theatre.live()
    for widget in walk(theatre.window):
        name = widget.accessibleName() or getattr(widget, "text", str)()
        assert name, widget
        theatre.window.centralWidget().setFocus()
        before = theatre.window.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        after = theatre.window.grab().toImage()
        assert differs(before, after), f"{name} does not show its focus"


def differs(first: QImage, second: QImage) -> bool:
    return first != second


def test_no_two_keys_or_mnemonics_collide(theatre: Theatre) -> None:
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(keys) == len(set(keys))
    texts = [button.text() for button in theatre.window.findChildren(QAbstractButton)]
    letters = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
    assert len(letters) == len(set(letters))


def test_the_keys_are_listed(theatre: Theatre) -> None:
    QTest.keySequence(theatre.window, "F1")
    sheets = theatre.window.findChildren(HelpSheet)
    assert len(sheets) == 1
    assert sheets[0].isVisible()
    shown = {label.text() for label in sheets[0].findChildren(QLabel)}
    assert {binding.shown for binding in BINDINGS} <= shown
    sheets[0].close()


def test_a_held_key_acts_once(theatre: Theatre) -> None:
    assert all(not shortcut.autoRepeat() for shortcut in theatre.director.shortcuts)


@pytest.mark.parametrize("height", [600, 800])
def test_the_gallery_fills_its_width_and_keeps_the_chosen_avatar_in_sight(make_theatre, height: int) -> None:
    theatre = make_theatre()
    theatre.engine.avatars = {f"mira{number}": make_avatar("mira") for number in range(12)}
    theatre.open()
    gallery = theatre.window.avatars.gallery
    theatre.window.setMinimumSize(400, 300)
    theatre.director.avatars.choose_number(9)
    theatre.window.resize(1024, height)
    theatre.settle()
    places = [gallery.visualItemRect(gallery.item(row)) for row in range(gallery.count())]
    assert gallery.viewport().rect().contains(places[8])
    assert places[0].y() == places[2].y() < places[3].y(), "three in a row"
    assert places[2].right() > gallery.viewport().width() - places[0].width() / 4, "no empty column"
