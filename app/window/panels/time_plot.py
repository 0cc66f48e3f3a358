"""Time per stage over the last seconds, stacked, with each stage's newest value beside its name."""

from collections import deque
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import DARK
from app.style.palette import RADIUS_CONTROL_PX, STAGE_SERIES
from app.window.widgets.theme import scaled_font

NUM_SAMPLES = 60
_PLOT_HEIGHT_PX = 80
_ROW_PX = 22
_NUM_COLUMNS = 2
_GAP_PX = 10
_WHOLE_FROM_MS = 100.0


class TimePlot(QWidget):
    """A live plot of milliseconds per stage, in the order in which the newest sample names them."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Time per stage")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._names: list[str] = []
        self._samples: deque[Mapping[str, float]] = deque(maxlen=NUM_SAMPLES)

    @property
    def names(self) -> tuple[str, ...]:
        """The stages, from the bottom of the stack to its top."""
        return tuple(self._names)

    @property
    def samples(self) -> list[tuple[float, ...]]:
        """The samples on show, oldest first, each in the order of the stages; 0 where there is none."""
        return [tuple(max(sample.get(name, 0.0), 0.0) for name in self._names) for sample in self._samples]

    def add(self, stage_ms: Mapping[str, float]) -> None:
        """Add the newest time of each stage in milliseconds; an empty mapping adds nothing."""
        if not stage_ms:
            return
        names = [*stage_ms, *(name for name in self._names if name not in stage_ms)]
        if names != self._names:
            self._names = names
            self.updateGeometry()
        self._samples.append(dict(stage_ms))
        spoken = ", ".join(f"{name} {stage_ms[name]:.0f} milliseconds" for name in stage_ms)
        self.setAccessibleDescription(spoken)
        self.update()

    def forget(self) -> None:
        """Show nothing until there are times of another engine."""
        self._names.clear()
        self._samples.clear()
        self.setAccessibleDescription("")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of plot and legend."""
        num_rows = max(-(-len(self._names) // _NUM_COLUMNS), 1)
        return QSize(200, _PLOT_HEIGHT_PX + 8 + _ROW_PX * num_rows)

    def minimumSizeHint(self) -> QSize:
        """Return ``sizeHint``: the legend is not to be cut."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the stack, its scale and the legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(0.5, 0.5, self.width() - 1, _PLOT_HEIGHT_PX - 1)
        shape = QPainterPath()
        shape.addRoundedRect(area, RADIUS_CONTROL_PX, RADIUS_CONTROL_PX)
        painter.fillPath(shape, QColor(DARK.stage))
        painter.setClipPath(shape)
        samples = self.samples
        top_ms = nice_ceiling(max((sum(sample) for sample in samples), default=0.0))
        self._paint_stack(painter, area, samples, top_ms)
        painter.setClipping(False)
        painter.strokePath(shape, QPen(QColor(DARK.border), 1))
        self._paint_scale(painter, area, top_ms)
        self._paint_legend(painter)
        painter.end()

    @staticmethod
    def _paint_stack(
        painter: QPainter, area: QRectF, samples: Sequence[tuple[float, ...]], top_ms: float
    ) -> None:
        num_stages = len(samples[0]) if samples else 0
        step = area.width() / (NUM_SAMPLES - 1)
        left = area.right() - step * (len(samples) - 1)
        base = [0.0] * len(samples)
        for index in range(num_stages):
            upper = [b + sample[index] for b, sample in zip(base, samples, strict=True)]
            edge = [
                QPointF(left + step * i, area.bottom() - area.height() * ms / top_ms)
                for i, ms in enumerate(upper)
            ]
            floor = [
                QPointF(left + step * i, area.bottom() - area.height() * ms / top_ms)
                for i, ms in enumerate(base)
            ]
            fill = QColor(_colour(index))
            fill.setAlphaF(0.45)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            painter.drawPolygon(QPolygonF(edge + floor[::-1]))
            painter.setPen(QPen(QColor(_colour(index)), 1.2))
            painter.drawPolyline(QPolygonF(edge))
            base = upper

    def _paint_scale(self, painter: QPainter, area: QRectF, top_ms: float) -> None:
        painter.setFont(scaled_font(self, 0.85))
        painter.setPen(QColor(DARK.muted))
        text = f"{top_ms:.0f} ms" if self._samples else "No frames yet"
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        if not self._samples:
            flags = Qt.AlignmentFlag.AlignCenter
        painter.drawText(area.adjusted(8, 4, -8, -4), flags, text)

    def _paint_legend(self, painter: QPainter) -> None:
        painter.setFont(scaled_font(self, 0.85))
        middle = Qt.AlignmentFlag.AlignVCenter
        for index, name in enumerate(self._names):
            cell = self._legend_cell(index)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(_colour(index)))
            painter.drawRoundedRect(QRectF(cell.x() + 1, cell.center().y() - 5, 10, 10), 3, 3)
            painter.setPen(QColor(DARK.muted))
            painter.drawText(
                cell.adjusted(17, 0, 0, 0), middle | Qt.AlignmentFlag.AlignLeft, name.capitalize()
            )
            painter.setPen(QColor(DARK.text))
            painter.drawText(
                cell, middle | Qt.AlignmentFlag.AlignRight, _brief(self._samples[-1].get(name, 0.0))
            )

    def _legend_cell(self, index: int) -> QRectF:
        row, column = divmod(index, _NUM_COLUMNS)
        width = (self.width() - _GAP_PX) / _NUM_COLUMNS
        return QRectF(column * (width + _GAP_PX), _PLOT_HEIGHT_PX + 8 + row * _ROW_PX, width, _ROW_PX)


def nice_ceiling(value: float) -> float:
    """Return the smallest of 10, 20, 50, 100, 200, 500, ... that is not below ``value``."""
    decade = 10.0
    while True:
        for factor in (1.0, 2.0, 5.0):
            if decade * factor >= value:
                return decade * factor
        decade *= 10.0


def _brief(ms: float) -> str:
    return f"{ms:.1f}" if ms < _WHOLE_FROM_MS else f"{ms:.0f}"


def _colour(index: int) -> str:
    return STAGE_SERIES[index % len(STAGE_SERIES)]
