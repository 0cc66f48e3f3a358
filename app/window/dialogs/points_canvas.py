"""The picture of an avatar with its named points on it, to be dragged with the mouse or moved by keys."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPolygonF,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import DARK
from app.window.dialogs.point_edits import PART_OF, PARTS, Grip, Part, PointEdits
from app.window.panels.avatar_view import image_of
from engine.types import NUM_CONTROLS, RgbImage

_HIT_PX = 14.0
_LOUPE_PX = 148
_LOUPE_ZOOM = 4.0
_MARGIN_PX = 12
_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_GROW = {Qt.Key.Key_Plus: 1.02, Qt.Key.Key_Equal: 1.02, Qt.Key.Key_Minus: 1 / 1.02}


class PointsCanvas(QWidget):
    """Shows and moves points.

    Keys: N and B walk through the points, arrows move by one pixel of the picture (Shift: ten),
    plus and minus scale what is held, Space says that the point is not in the picture.

    Args:
        rgb: The avatar's picture, ``(S, S, 3)``.
        edits: What is being edited.

    Signals:
        selected(int): Another point is selected.
        edited(): A point moved or changed.
    """

    selected = Signal(int)
    edited = Signal()

    def __init__(self, rgb: RgbImage, edits: PointEdits) -> None:
        super().__init__()
        self.setAccessibleName("Picture with points")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(360, 360)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._rgb = rgb
        self._image = image_of(rgb)
        self._edits = edits
        self._index = 0
        self._grip = Grip.POINT
        self._dragged_from: QPointF | None = None
        self._hovered: int | None = None

    @property
    def index(self) -> int:
        """The selected point."""
        return self._index

    def select(self, index: int) -> None:
        """Select a point (it wraps around)."""
        index %= NUM_CONTROLS
        if index != self._index:
            self._index = index
            self.selected.emit(index)
        self.update()

    def hold(self, grip: Grip) -> None:
        """Choose what a drag takes hold of."""
        self._grip = grip
        self.update()

    def picture_rect(self) -> QRectF:
        """Return where the picture is drawn."""
        side = min(self.width(), self.height()) - 2 * _MARGIN_PX
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def place_of(self, index: int) -> QPointF:
        """Return where a point is drawn."""
        x, y = self._edits.points[index].tolist()
        area = self.picture_rect()
        return QPointF(area.x() + x * area.width(), area.y() + y * area.height())

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(600, 600)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the point under the mouse."""
        index = self._under(event.position())
        if event.button() is not Qt.MouseButton.LeftButton or index is None:
            return
        self.select(index)
        self._edits.begin()
        self._dragged_from = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag what is held, or light the point under the mouse."""
        if self._dragged_from is None:
            hovered = self._under(event.position())
            if hovered != self._hovered:
                self._hovered = hovered
                shape = Qt.CursorShape.ArrowCursor if hovered is None else Qt.CursorShape.OpenHandCursor
                self.setCursor(shape)
                self.update()
            return
        moved = event.position() - self._dragged_from
        self._dragged_from = event.position()
        side = self.picture_rect().width()
        self._move(moved.x() / side, moved.y() / side)

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self._dragged_from = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scale the part that is held."""
        if self._grip is Grip.POINT:
            event.ignore()
            return
        self._edits.begin()
        self._scale(1.02 ** (event.angleDelta().y() / 120))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move, walk and scale by keys."""
        key = Qt.Key(event.key())
        if key in _STEPS:
            pixels = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            dx, dy = _STEPS[key]
            self._edits.begin()
            self._move(dx * pixels / self._image.width(), dy * pixels / self._image.height())
        elif key in (Qt.Key.Key_N, Qt.Key.Key_B):
            self.select(self._index + (1 if key is Qt.Key.Key_N else -1))
        elif key in _GROW and self._grip is not Grip.POINT:
            self._edits.begin()
            self._scale(_GROW[key])
        elif key is Qt.Key.Key_Space:
            self._edits.begin()
            self._edits.toggle_seen(self._index)
            self._changed()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint picture, lines, points and the loupe."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        area = self.picture_rect()
        painter.drawImage(area, self._image)
        held = set(self._edits.held_by(self._index, self._grip))
        for part in PARTS:
            self._paint_line(painter, part, bool(held.intersection(part.indices)))
        for index in range(NUM_CONTROLS):
            self._paint_point(painter, index, index in held)
        if self._dragged_from is not None or self.hasFocus():
            self._paint_loupe(painter, area)
        if self.hasFocus():
            painter.setPen(QPen(QColor(DARK.focus), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def _under(self, position: QPointF) -> int | None:
        area = self.picture_rect()
        x = (position.x() - area.x()) / area.width()
        y = (position.y() - area.y()) / area.height()
        return self._edits.nearest(x, y, _HIT_PX / area.width())

    def _move(self, dx: float, dy: float) -> None:
        self._edits.move(self._edits.held_by(self._index, self._grip), dx, dy)
        self._changed()

    def _scale(self, factor: float) -> None:
        self._edits.scale(self._edits.held_by(self._index, self._grip), factor)
        self._changed()

    def _changed(self) -> None:
        self.edited.emit()
        self.update()

    def _paint_line(self, painter: QPainter, part: Part, is_held: bool) -> None:
        if not part.is_line:
            return
        seen = [index for index in part.indices if self._edits.scores[index] > 0]
        polygon = QPolygonF([self.place_of(index) for index in seen])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Dark under light, so that a line shows on any drawing.
        for colour, width in ((DARK.stage, 3.0), (DARK.accent if is_held else DARK.focus, 1.4)):
            painter.setPen(QPen(QColor(colour), width))
            if part.is_closed:
                painter.drawPolygon(polygon)
            else:
                painter.drawPolyline(polygon)

    def _paint_point(self, painter: QPainter, index: int, is_held: bool) -> None:
        is_seen = bool(self._edits.scores[index] > 0)
        fill = QColor(DARK.accent if is_held else DARK.text)
        if not is_seen:
            fill.setAlphaF(0.35)
        radius = 5.5 if index == self._index else 4.5 if index == self._hovered else 3.0
        painter.setPen(QPen(QColor(DARK.stage), 1.5))
        painter.setBrush(fill)
        painter.drawEllipse(self.place_of(index), radius, radius)

    def _paint_loupe(self, painter: QPainter, area: QRectF) -> None:
        place = self.place_of(self._index)
        # In the corner that is farthest from the point, so that it never hides it.
        x = area.left() + 8 if place.x() > area.center().x() else area.right() - _LOUPE_PX - 8
        y = area.top() + 8 if place.y() > area.center().y() else area.bottom() - _LOUPE_PX - 8
        loupe = QRectF(x, y, _LOUPE_PX, _LOUPE_PX)
        path = QPainterPath()
        path.addEllipse(loupe)
        painter.save()
        painter.setClipPath(path)
        painter.fillRect(loupe, QColor(DARK.stage))
        painter.translate(loupe.center())
        painter.scale(_LOUPE_ZOOM, _LOUPE_ZOOM)
        painter.translate(-place)
        painter.drawImage(area, self._image)
        part = PARTS[PART_OF[self._index]]
        painter.setPen(QPen(QColor(DARK.accent), 0.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for index in part.indices:
            radius = 1.6 if index == self._index else 0.9
            painter.drawEllipse(self.place_of(index), radius, radius)
        painter.restore()
        painter.setPen(QPen(QColor(DARK.text), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(loupe)
