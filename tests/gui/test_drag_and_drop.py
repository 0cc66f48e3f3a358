"""Pictures and clips are taken where they are dropped; everything else is refused."""

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget

from engine.settings import BackdropKind
from tests.gui.conftest import Theatre

COPY, LEFT, NO_KEYS = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def drag(widget: QWidget, *paths: str) -> bool:
    """Drag files onto ``widget`` and drop them if it takes them; return whether it did."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(path) if path.startswith("/") else QUrl(path) for path in paths])
    enter = QDragEnterEvent(QPoint(5, 5), COPY, mime, LEFT, NO_KEYS)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), COPY, mime, LEFT, NO_KEYS))
    return True


@pytest.mark.parametrize("target", ["avatars", "window"])
def test_a_picture_becomes_an_avatar(theatre: Theatre, target: str) -> None:
    widget = theatre.window if target == "window" else theatre.window.avatars
    assert drag(widget, "/pictures/Owl.PNG")
    theatre.settle()
    assert theatre.window.avatars.gallery.chosen == "own:Owl"


def test_a_picture_on_the_stage_is_a_backdrop(theatre: Theatre, tmp_path: Path) -> None:
    (tmp_path / "sea.jpg").write_bytes(b"")
    assert drag(theatre.window.stage, str(tmp_path / "sea.jpg"))
    theatre.settle()
    name, stage = theatre.session.calls[-1]
    assert (name, stage.kind, stage.picture) == ("set_stage", BackdropKind.PICTURE, tmp_path / "sea.jpg")


def test_a_clip_becomes_the_source(theatre: Theatre) -> None:
    assert drag(theatre.window, "/films/me.mp4")
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_source", "file:/films/me.mp4")


@pytest.mark.parametrize(
    "paths",
    [["/notes/a.txt"], ["/a.png", "/b.png"], ["https://example.org/a.png"], ["/no_ending"], []],
)
def test_anything_else_is_refused(theatre: Theatre, paths: list[str]) -> None:
    for widget in (theatre.window, theatre.window.avatars, theatre.window.stage):
        assert not drag(widget, *paths)


def test_a_clip_on_the_avatars_is_still_a_source(theatre: Theatre) -> None:
    assert drag(theatre.window.avatars, "/films/me.mp4")
    theatre.settle()
    assert theatre.session.calls[-1] == ("set_source", "file:/films/me.mp4")


def test_a_card_looks_inviting_only_while_something_hovers(theatre: Theatre) -> None:
    card = theatre.window.avatars
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/pictures/owl.png")])
    QApplication.sendEvent(card, QDragEnterEvent(QPoint(5, 5), COPY, mime, LEFT, NO_KEYS))
    assert card.property("dropping") == "true"
    QApplication.sendEvent(card, QDragLeaveEvent())
    assert card.property("dropping") == "false"
