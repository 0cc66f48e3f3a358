"""The one screen: what stands in the user's place on the left, the picture in the middle, the engine right.

On the left are the mode and *You*, then *Avatar* and *Stage*, or *Style*. The window only arranges
and hands wishes on; ``director.py`` knows the session.
"""

from pathlib import Path

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QHideEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QScrollArea, QVBoxLayout, QWidget

from app.window.panels.avatar_panel import AvatarPanel
from app.window.panels.avatar_view import AvatarView
from app.window.panels.banner import Banner
from app.window.panels.control_bar import ControlBar
from app.window.panels.engine_panel import EnginePanel
from app.window.panels.fetch_card import FetchCard
from app.window.panels.stage_panel import StagePanel
from app.window.panels.status_line import StatusLine
from app.window.panels.style_panel import StylePanel
from app.window.panels.you_panel import YouPanel
from app.window.widgets.controls import Segment, Segments
from app.window.widgets.dropping import CLIP_SUFFIXES, PICTURE_SUFFIXES, dropped_file
from app.window.wishes import Mode

MIN_WIDTH_PX, MIN_HEIGHT_PX = 1024, 700
DEFAULT_WIDTH_PX, DEFAULT_HEIGHT_PX = 1280, 800
LEFT_WIDTH_PX = 296
RIGHT_WIDTH_PX = 256
FOLD_BELOW_PX = 1200
_MARGIN_PX = 16
_MODES = (
    Segment(Mode.AVATAR, "Avatar", "A drawn character in your place: nobody sees you (Ctrl+M)"),
    Segment(Mode.STYLISE, "Stylise", "Your own picture, painted over: it shows your likeness (Ctrl+M)"),
)


class MainWindow(QMainWindow):
    """The window.

    Signals:
        clip_dropped(Path): A video file was dropped somewhere.
        picture_dropped(Path): A picture file was dropped outside *Stage*.
        fold_chosen(bool): The user folded or unfolded the right panel.
        visibility_changed(bool): Whether there is anybody to paint for.
        closing(): The window is about to close; the session must end.
    """

    clip_dropped = Signal(object)
    picture_dropped = Signal(object)
    fold_chosen = Signal(bool)
    visibility_changed = Signal(bool)
    closing = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Understudy")
        self.setMinimumSize(MIN_WIDTH_PX, MIN_HEIGHT_PX)
        self.resize(DEFAULT_WIDTH_PX, DEFAULT_HEIGHT_PX)
        self.setAcceptDrops(True)
        self.mode = Segments("Mode", _MODES)
        self.you = YouPanel()
        self.avatars = AvatarPanel()
        self.stage = StagePanel()
        self.painting = StylePanel()
        self.view = AvatarView()
        self.banner = Banner()
        self.fetch_card = FetchCard()
        self.status_line = StatusLine()
        self.controls = ControlBar()
        self.engine = EnginePanel()
        self._left = _scrolled(self._build_left(), LEFT_WIDTH_PX)
        self._right = _scrolled(self.engine, RIGHT_WIDTH_PX)
        self._is_fold_chosen: bool | None = None
        self._build()
        self.engine.fold_wanted.connect(lambda: self._choose_fold(True))
        self.status_line.unfold_wanted.connect(lambda: self._choose_fold(False))
        self.avatars.picture_dropped.connect(self.picture_dropped)
        self.show_mode(Mode.AVATAR)

    @property
    def is_folded(self) -> bool:
        """Whether the right panel is folded away."""
        return self._right.isHidden()

    def show_mode(self, mode: Mode) -> None:
        """Show what belongs to ``mode``, and say everywhere whose picture it is."""
        is_painting = mode is Mode.STYLISE
        self.mode.choose(mode)
        self.avatars.setVisible(not is_painting)
        self.stage.setVisible(not is_painting)
        self.painting.setVisible(is_painting)
        self.you.show_tracking(not is_painting)
        self._left_column.setStretchFactor(self.you, 0 if is_painting else 2)
        self._left_column.setStretch(self._left_column.count() - 1, 1 if is_painting else 0)
        self.view.setAccessibleName("Painting of you" if is_painting else "Avatar")
        self.controls.show_subject("the painting of you" if is_painting else "the avatar")

    def show_fold(self, is_folded: bool | None) -> None:
        """Fold or unfold the right panel; None folds it when the window is narrow."""
        self._is_fold_chosen = is_folded
        self._apply_fold()

    def toggle_fold(self) -> None:
        """Fold the right panel, or bring it back, as the user wished."""
        self._choose_fold(not self.is_folded)

    def place(self, rectangle: tuple[int, ...]) -> None:
        """Return to the place and size of the last time, when that place is still on a screen."""
        if len(rectangle) != 4:  # noqa: PLR2004 - x, y, width, height
            return
        x, y, width, height = rectangle
        screens = [screen.availableGeometry() for screen in self.screen().virtualSiblings()]
        if any(area.contains(x + width // 2, y + 16) for area in screens):
            self.setGeometry(x, y, width, height)

    def rectangle(self) -> tuple[int, int, int, int]:
        """Return the place and size to be remembered."""
        area = self.normalGeometry() if self.isMaximized() or self.isFullScreen() else self.geometry()
        return area.x(), area.y(), area.width(), area.height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold the right panel when it gets narrow, unless the user decided."""
        super().resizeEvent(event)
        self._apply_fold()

    def showEvent(self, event: QShowEvent) -> None:
        """Start painting."""
        super().showEvent(event)
        self._widen_columns()
        self.visibility_changed.emit(not self.isMinimized())

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop painting."""
        super().hideEvent(event)
        self.visibility_changed.emit(False)

    def changeEvent(self, event: QEvent) -> None:
        """Paint only while not minimised."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.visibility_changed.emit(self.isVisible() and not self.isMinimized())

    def closeEvent(self, event: QCloseEvent) -> None:
        """Go from the screen first, then end the session (a recording may need a moment)."""
        self.hide()
        self.closing.emit()
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one picture or video file."""
        if dropped_file(event.mimeData(), PICTURE_SUFFIXES | CLIP_SUFFIXES) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand the file on: a video is a source, a picture is an avatar."""
        path = dropped_file(event.mimeData(), PICTURE_SUFFIXES | CLIP_SUFFIXES)
        if path is None:
            return
        event.acceptProposedAction()
        self._hand_on(path)

    def _hand_on(self, path: Path) -> None:
        is_clip = path.suffix.lower() in CLIP_SUFFIXES
        (self.clip_dropped if is_clip else self.picture_dropped).emit(path)

    def _build(self) -> None:
        page = QWidget()
        page.setObjectName("page")
        # The empty page takes the focus at the start and on a click beside everything: no ring until Tab.
        page.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        outer = QVBoxLayout(page)
        outer.setContentsMargins(_MARGIN_PX, _MARGIN_PX, _MARGIN_PX, _MARGIN_PX)
        outer.setSpacing(12)
        columns = QHBoxLayout()
        columns.setSpacing(_MARGIN_PX)
        columns.addWidget(self._left)
        columns.addLayout(self._build_middle(), 1)
        columns.addWidget(self._right)
        outer.addLayout(columns, 1)
        outer.addWidget(self.controls)
        self.setCentralWidget(page)
        page.setFocus()

    def _build_left(self) -> QWidget:
        left = QWidget()
        column = self._left_column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.mode)
        column.addWidget(self.you, 2)
        column.addWidget(self.avatars, 3)
        column.addWidget(self.stage)
        column.addWidget(self.painting)
        column.addStretch(0)
        return left

    def _build_middle(self) -> QVBoxLayout:
        middle = QVBoxLayout()
        middle.setSpacing(8)
        middle.addStretch(1)
        middle.addWidget(self.banner)
        middle.addWidget(self.fetch_card)
        middle.addWidget(self.view)
        middle.addWidget(self.status_line)
        middle.addStretch(1)
        return middle

    def _widen_columns(self) -> None:
        # Known only now that the style is on: a large system font needs wider columns.
        for area, width_px in ((self._left, LEFT_WIDTH_PX), (self._right, RIGHT_WIDTH_PX)):
            column = area.widget()
            assert column is not None  # given in ``_scrolled``
            needed_px = column.minimumSizeHint().width() + area.verticalScrollBar().sizeHint().width()
            area.setFixedWidth(max(width_px, needed_px))

    def _choose_fold(self, is_folded: bool) -> None:
        had_focus = self._right.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        self.show_fold(is_folded)
        self.fold_chosen.emit(is_folded)
        if is_folded and had_focus:
            self.status_line.unfold.setFocus()

    def _apply_fold(self) -> None:
        chosen = self._is_fold_chosen
        is_folded = self.width() < FOLD_BELOW_PX if chosen is None else chosen
        self._right.setVisible(not is_folded)
        self.status_line.unfold.setVisible(is_folded)


def _scrolled(widget: QWidget, width_px: int) -> QScrollArea:
    """Return a column that scrolls only where a large font or a small window leaves no other way."""
    widget.setObjectName("scrolled")
    area = QScrollArea()
    area.setWidget(widget)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFixedWidth(width_px)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return area
