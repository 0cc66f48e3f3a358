"""Sliders: over a few stops, and over a number."""

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from app.style import DARK
from app.window.widgets.theme import make_label

_HANDLE_PX = 16


class StopSlider(QSlider):
    """A horizontal slider with a few stops; a click goes to the nearest one.

    Args:
        has_dots: Whether each stop is marked by a dot.
    """

    def __init__(self, *, has_dots: bool = True) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._has_dots = has_dots
        self.setPageStep(1)
        self.setFixedHeight(24)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go to the stop under the mouse."""
        self.setSliderDown(True)
        self._go_to(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the mouse from stop to stop."""
        if self.isSliderDown():
            self._go_to(event.position().x())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Let go."""
        self.setSliderDown(False)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint groove, stops, handle and focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, handle = self.height() / 2, self._x_of(self.value())
        groove = QColor(DARK.edge)
        taken = QColor(DARK.accent if self.isEnabled() else DARK.disabled)
        first, last = self._x_of(self.minimum()), self._x_of(self.maximum())
        for colour, end in ((groove, last), (taken, handle)):
            painter.setPen(QPen(colour, 4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(first, middle), QPointF(end, middle))
        painter.setPen(Qt.PenStyle.NoPen)
        for stop in range(self.minimum(), self.maximum() + 1) if self._has_dots else ():
            painter.setBrush(taken if stop <= self.value() else groove)
            painter.drawEllipse(QPointF(self._x_of(stop), middle), 4, 4)
        painter.setBrush(QColor(DARK.accent_hover if self.underMouse() else DARK.text))
        painter.drawEllipse(QPointF(handle, middle), _HANDLE_PX / 2, _HANDLE_PX / 2)
        if self.hasFocus():
            painter.setPen(QPen(QColor(DARK.focus), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.end()

    def _x_of(self, stop: int) -> float:
        first, last = _HANDLE_PX / 2 + 4, self.width() - _HANDLE_PX / 2 - 4
        return first + (last - first) * (stop - self.minimum()) / max(self.maximum() - self.minimum(), 1)

    def _go_to(self, x: float) -> None:
        stops = range(self.minimum(), self.maximum() + 1)
        self.setValue(min(stops, key=lambda stop: abs(self._x_of(stop) - x)))


class NumberSlider(QWidget):
    """A slider over a number, between its name and its value.

    Signals:
        chosen(float): The user moved it.

    Args:
        name: What the number is.
        ends: Its smallest and its largest value.
        steps_per_unit: How finely it moves.
        about: Tool tip.
    """

    chosen = Signal(float)

    def __init__(self, name: str, ends: tuple[float, float], steps_per_unit: int, about: str) -> None:
        super().__init__()
        self._steps_per_unit = steps_per_unit
        self.slider = StopSlider(has_dots=False)
        self.slider.setAccessibleName(name)
        self.slider.setToolTip(about)
        self.slider.setRange(*(round(end * steps_per_unit) for end in ends))
        self._number = make_label("", "muted", 0.9)
        widest = max((f"{end:.1f}" for end in ends), key=len)
        self._number.setMinimumWidth(self._number.fontMetrics().horizontalAdvance(widest))
        self._number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(make_label(name, "muted", 0.9))
        row.addWidget(self.slider, 1)
        row.addWidget(self._number)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self._on_moved)

    @property
    def number(self) -> float:
        """The number on show."""
        return self.slider.value() / self._steps_per_unit

    def show_number(self, number: float) -> None:
        """Show ``number`` without telling anybody."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(number * self._steps_per_unit))
        self._number.setText(f"{number:g}")

    def _on_moved(self) -> None:
        self._number.setText(f"{self.number:g}")
        self.chosen.emit(self.number)


def between(first: str, slider: StopSlider, last: str) -> QHBoxLayout:
    """Return a line with a slider between the words for its ends."""
    row = QHBoxLayout()
    row.setSpacing(4)
    row.addWidget(make_label(first, "muted", 0.9))
    row.addWidget(slider, 1)
    row.addWidget(make_label(last, "muted", 0.9))
    return row
