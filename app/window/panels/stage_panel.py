"""*Stage*: what stands behind the avatar. A choice of the user, never the camera."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QStackedWidget, QWidget

from app.style import DARK
from app.window.widgets.controls import ElidedLabel, Segment, Segments, make_button
from app.window.widgets.dropping import PictureCard
from app.window.widgets.theme import make_label
from engine.settings import BackdropKind, StageSettings

Colour = tuple[int, int, int]  # RGB, 0..255

_KINDS = (
    Segment(BackdropKind.AS_DRAWN, "As drawn", "The background of the avatar's own picture"),
    Segment(BackdropKind.KEY_COLOUR, "Key", "One pure colour with crisp edges, to be keyed out in OBS"),
    Segment(BackdropKind.COLOUR, "Colour", "One plain colour"),
    Segment(BackdropKind.PICTURE, "Picture", "A picture file, plain or blurred"),
)
KEY_COLOURS: tuple[tuple[str, Colour], ...] = (
    ("Green", (0, 255, 0)),
    ("Blue", (0, 0, 255)),
    ("Magenta", (255, 0, 255)),
)
COLOURS: tuple[tuple[str, Colour], ...] = (
    ("Charcoal", (24, 25, 30)),
    ("Night blue", (38, 52, 82)),
    ("Forest", (40, 66, 56)),
    ("Plum", (78, 46, 74)),
    ("Brick", (138, 70, 54)),
    ("Sand", (216, 200, 170)),
    ("Snow", (240, 241, 244)),
)
_BLUR = 0.5
_SWATCH_PX = 30


class Swatch(QAbstractButton):
    """A round button in one colour."""

    def __init__(self, name: str, colour: Colour) -> None:
        super().__init__()
        self.colour = colour
        self.setCheckable(True)
        self.setAccessibleName(name)
        self.setToolTip(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        """Return the fixed size."""
        return QSize(_SWATCH_PX, _SWATCH_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the colour, the ring of the chosen one and the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(5, 5, -5, -5)
        painter.setPen(QPen(QColor(DARK.text if self.underMouse() else DARK.edge), 1))
        painter.setBrush(QColor(*self.colour))
        painter.drawEllipse(area)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self.isChecked():
            painter.setPen(QPen(QColor(DARK.accent), 2))
            painter.drawEllipse(area.adjusted(-2.5, -2.5, 2.5, 2.5))
        if self.hasFocus():
            painter.setPen(QPen(QColor(DARK.focus), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.end()


class Swatches(QWidget):
    """A row of colours, one of which is taken.

    Signals:
        chosen(tuple): The user took another colour.
    """

    chosen = Signal(object)

    def __init__(self, colours: Sequence[tuple[str, Colour]]) -> None:
        super().__init__()
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for index, (name, colour) in enumerate(colours):
            swatch = Swatch(name, colour)
            self._group.addButton(swatch, index)
            row.addWidget(swatch)
        row.addStretch(1)
        self._colours = [colour for _, colour in colours]
        self._group.idClicked.connect(lambda index: self.chosen.emit(self._colours[index]))

    def swatches(self) -> list[QAbstractButton]:
        """Return the buttons in order."""
        return self._group.buttons()

    def show_colour(self, colour: Colour) -> None:
        """Mark ``colour``; a colour that is not offered marks none."""
        if colour in self._colours:
            self._group.button(self._colours.index(colour)).setChecked(True)


class StagePanel(PictureCard):
    """The choice of backdrop.

    Signals:
        stage_chosen(StageSettings): The user chose another stage.
        picture_wanted(): The user wants to choose a picture file.
    """

    stage_chosen = Signal(object)
    picture_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Stage")
        self._stage = StageSettings()
        self.kinds = Segments("Backdrop", _KINDS)
        self.key_colours = Swatches(KEY_COLOURS)
        self.colours = Swatches(COLOURS)
        self.pick = make_button("C&hoose…", "picture")
        self.pick.setToolTip("Choose a picture, or drop one here")
        self.blur = make_button("&Blur")
        self.blur.setCheckable(True)
        self._file = ElidedLabel("", "muted")
        self._pages = QStackedWidget()
        self._pages.setSizePolicy(self.kinds.sizePolicy())
        self._kind_pages: dict[BackdropKind, QWidget] = {
            BackdropKind.AS_DRAWN: make_label("The avatar's own background", "muted"),
            BackdropKind.KEY_COLOUR: self.key_colours,
            BackdropKind.COLOUR: self.colours,
            BackdropKind.PICTURE: self._build_picture(),
        }
        for page in self._kind_pages.values():
            self._pages.addWidget(page)
        self.body.addWidget(self.kinds)
        self.body.addWidget(self._pages)
        self.kinds.chosen.connect(self._on_kind)
        self.key_colours.chosen.connect(lambda colour: self._change(replace(self._stage, key_colour=colour)))
        self.colours.chosen.connect(lambda colour: self._change(replace(self._stage, colour=colour)))
        self.pick.clicked.connect(self.picture_wanted)
        self.picture_dropped.connect(self.take_picture)
        self.blur.toggled.connect(self._on_blur)
        self.show_stage(self._stage)

    @property
    def stage(self) -> StageSettings:
        """The stage on show."""
        return self._stage

    def show_stage(self, stage: StageSettings) -> None:
        """Show ``stage`` without telling anybody."""
        self._stage = stage
        self.kinds.choose(stage.kind)
        self._pages.setCurrentWidget(self._kind_pages[stage.kind])
        self.key_colours.show_colour(stage.key_colour)
        self.colours.show_colour(stage.colour)
        self._file.show_text(stage.picture.name if stage.picture else "No picture yet")
        with QSignalBlocker(self.blur):
            self.blur.setChecked(stage.blur > 0)
        self.blur.setEnabled(stage.picture is not None)

    def take_picture(self, path: Path) -> None:
        """Put a picture that the user chose behind the avatar."""
        self._change(replace(self._stage, kind=BackdropKind.PICTURE, picture=path))

    def _build_picture(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.pick)
        row.addWidget(self._file, 1)
        row.addWidget(self.blur)
        return page

    def _change(self, stage: StageSettings) -> None:
        self.show_stage(stage)
        self.stage_chosen.emit(stage)

    def _on_kind(self, kind: BackdropKind) -> None:
        if kind is BackdropKind.PICTURE and self._stage.picture is None:
            # Nothing to show yet: offer the page, keep the stage until a picture was chosen.
            self._pages.setCurrentWidget(self._kind_pages[kind])
            self.picture_wanted.emit()
            return
        self._change(replace(self._stage, kind=kind))

    def _on_blur(self, is_blurred: bool) -> None:
        self._change(replace(self._stage, blur=_BLUR if is_blurred else 0.0))
