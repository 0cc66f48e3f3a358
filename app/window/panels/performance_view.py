"""What the tracker sees of the user: points and lines on black, and never a camera pixel.

Its only input is a ``Performance``, which holds none.
"""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import DARK
from app.style.palette import RADIUS_CONTROL_PX
from engine.types import Performance, Points, TrackState

MIN_SCORE = 0.3
_MIN_POINTS_HEIGHT_PX = 72

# iBUG 68: first and last point, and whether the line closes.
_FACE_LINES: tuple[tuple[int, int, bool], ...] = (
    (0, 16, False),
    (17, 21, False),
    (22, 26, False),
    (27, 30, False),
    (31, 35, False),
    (36, 41, True),
    (42, 47, True),
    (48, 59, True),
    (60, 67, True),
)


class PerformanceView(QWidget):
    """Draws the newest performance, fitted around the person so that small faces stay readable."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Tracked points")
        self.setMinimumHeight(_MIN_POINTS_HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._performance: Performance | None = None
        self._unseen = "Starting"
        self._is_mirrored = False

    @property
    def words(self) -> str:
        """What stands in place of the points; empty while there are some."""
        if self._performance is None:
            return self._unseen
        return "" if self._performance.state is TrackState.FOUND else "Nobody in view"

    def show_performance(self, performance: Performance | None) -> None:
        """Show ``performance`` from the next paint on; the same one again costs nothing."""
        if performance is not self._performance:
            self._performance = performance
            self.update()

    def show_unseen(self, why: str) -> None:
        """Set the words that stand there while no performance is shown: nobody has looked yet."""
        if why != self._unseen:
            self._unseen = why
            self.update()

    def show_mirrored(self, is_mirrored: bool) -> None:
        """Turn the drawing into a mirror picture or back."""
        if is_mirrored != self._is_mirrored:
            self._is_mirrored = is_mirrored
            self.update()

    def sizeHint(self) -> QSize:
        """Return a size that suits the left column."""
        return QSize(248, 128)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the points, or a word while there is nobody."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        shape = QPainterPath()
        shape.addRoundedRect(area, RADIUS_CONTROL_PX, RADIUS_CONTROL_PX)
        painter.fillPath(shape, QColor(DARK.stage))
        painter.setClipPath(shape)
        if self._performance is None or self.words:
            painter.setPen(QColor(DARK.muted))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.words)
        else:
            self._paint_person(painter, self._performance)
        painter.setClipping(False)
        painter.strokePath(shape, QPen(QColor(DARK.border), 1))
        painter.end()

    def _paint_person(self, painter: QPainter, performance: Performance) -> None:
        arms = _arm_lines(performance)
        face = performance.face
        shown = np.concatenate([face, performance.shoulders]) if arms else face
        place = _Placement(self.rect().toRectF(), shown, performance.aspect, self._is_mirrored)
        painter.setPen(_pen(DARK.muted, 2.0))
        for arm in arms:
            painter.drawPolyline(place.polygon(arm))
        painter.setPen(_pen(DARK.focus, 1.4))
        for first, last, is_closed in _FACE_LINES:
            polygon = place.polygon(face[first : last + 1])
            if is_closed:
                painter.drawPolygon(polygon)
            else:
                painter.drawPolyline(polygon)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(DARK.text))
        for point in place.polygon(face).toList():
            painter.drawEllipse(point, 1.1, 1.1)
        painter.setBrush(QColor(DARK.accent))
        for point in place.polygon(performance.pupils).toList():
            painter.drawEllipse(point, 2.2, 2.2)


class _Placement:
    """Maps fractions of the camera's picture to the widget, keeping the person's proportions."""

    def __init__(self, area: QRectF, points: Points, aspect: float, is_mirrored: bool) -> None:
        self._stretch = np.array([-aspect if is_mirrored else aspect, 1.0])
        placed = points * self._stretch
        low, high = placed.min(axis=0), placed.max(axis=0)
        # At least half the picture's height is in view, or every twitch of a far face would rescale it.
        span = np.maximum(high - low, [0.5, 0.5])
        self._scale = float(min((area.width() - 16) / span[0], (area.height() - 16) / span[1]))
        self._offset = np.array([area.width() / 2, area.height() / 2]) - (low + high) / 2 * self._scale

    def polygon(self, points: Points) -> QPolygonF:
        placed = points * self._stretch * self._scale + self._offset
        return QPolygonF([QPointF(x, y) for x, y in placed.tolist()])


def _arm_lines(performance: Performance) -> Sequence[Points]:
    """Return shoulder line and arms, each as a run of points whose scores suffice."""
    if performance.body_score < MIN_SCORE:
        return []
    lines: list[Points] = [performance.shoulders]
    for side in (0, 1):
        run = [performance.shoulders[side]]
        if performance.arm_scores[side] >= MIN_SCORE:
            run.append(performance.elbows[side])
            if performance.arm_scores[2 + side] >= MIN_SCORE:
                run.append(performance.wrists[side])
        if len(run) > 1:
            lines.append(np.stack(run))
    return lines


def _pen(colour: str, width: float) -> QPen:
    return QPen(
        QColor(colour), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
    )
