"""The line under the avatar: what is going on, and how fast."""

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.style import DARK
from app.window.widgets.controls import ElidedLabel, make_button
from app.window.widgets.theme import make_label, scaled_font
from engine.status import SessionState, Status

_WORDS: dict[SessionState, tuple[str, str]] = {
    SessionState.STOPPED: ("Stopped", DARK.muted),
    SessionState.STARTING: ("Starting", DARK.muted),
    SessionState.SEARCHING: ("Looking for you", DARK.warning),
    SessionState.LIVE: ("Preview", DARK.focus),
    SessionState.LOST: ("Looking for you", DARK.warning),
    SessionState.WAITING: ("Waiting for the camera", DARK.warning),
    SessionState.STANDBY: ("Standby", DARK.record),
    SessionState.ENDED: ("The clip has ended", DARK.muted),
    SessionState.ERROR: ("Stopped by an error", DARK.record),
}
LIKENESS_MARK = "Shows your likeness"
_WIDEST_READOUT = "60 fps  ·  888 ms"


def state_words(status: Status) -> tuple[str, str]:
    """Return what to say about a session, and the colour of its dot.

    While the avatar follows, that is where its picture goes: only into the window, on air, into a file.
    """
    if status.is_panicked:
        return _WORDS[SessionState.STANDBY]
    if status.state is SessionState.STANDBY:
        return "Standby: this computer is too busy", DARK.record
    if status.state is SessionState.WAITING and status.progress is not None:
        return "Waiting for the clip", DARK.warning
    if status.state is not SessionState.LIVE:
        return _WORDS[status.state]
    words, colour = _outgoing_words(status)
    return (words if status.progress is None else f"{words}, from a clip"), colour


def _outgoing_words(status: Status) -> tuple[str, str]:
    if status.is_live:
        return ("On air and recording" if status.is_recording else "On air"), DARK.good
    return ("Recording", DARK.record) if status.is_recording else _WORDS[SessionState.LIVE]


class _Dot(QWidget):
    """A small round light."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(12, 12)
        self._colour = DARK.muted

    def show_colour(self, colour: str) -> None:
        if colour != self._colour:
            self._colour = colour
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colour))
        painter.drawEllipse(QRectF(1, 1, 10, 10))
        painter.end()


class Chip(QWidget):
    """A word in a coloured pill: ON AIR, REC."""

    def __init__(self, text: str, colour: str, ink: str) -> None:
        super().__init__()
        self._text, self._colour, self._ink = text, colour, ink
        self.setAccessibleName(text)
        self.setFont(scaled_font(self, 0.8, QFont.Weight.Bold))

    def sizeHint(self) -> QSize:
        """Return the text's size and a margin."""
        return QSize(self.fontMetrics().horizontalAdvance(self._text) + 18, 22)

    def minimumSizeHint(self) -> QSize:
        """Return ``sizeHint``."""
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the pill."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pill = QRectF(0, (self.height() - 22) / 2, self.width(), 22)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._colour))
        painter.drawRoundedRect(pill, 11, 11)
        painter.setPen(QColor(self._ink))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, self._text)
        painter.end()


class StatusLine(QWidget):
    """State, chips, read-out and three small buttons.

    Signals:
        readout_wanted(bool): Show or hide the read-out.
        help_wanted(): Show the keys.
        unfold_wanted(): Bring the right panel back.
    """

    readout_wanted = Signal(bool)
    help_wanted = Signal()
    unfold_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._dot = _Dot()
        self.state = ElidedLabel("Starting")
        self.state.setFont(scaled_font(self.state, 1.1, QFont.Weight.DemiBold))
        self.likeness = Chip("YOUR LIKENESS", DARK.raised, DARK.warning)
        self.on_air = Chip("ON AIR", DARK.accent, DARK.on_accent)
        self.recording = Chip("REC", DARK.danger, DARK.on_danger)
        self.readout = make_label("", "muted")
        self.readout.setAccessibleName("Frames per second and delay")
        # As wide as it will get, so that the line does not jump about with every digit.
        self.readout.setMinimumWidth(self.readout.fontMetrics().horizontalAdvance(_WIDEST_READOUT))
        self.readout.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.readout_switch = make_button(
            "", "gauge", "ghost", "Show or hide frames per second and delay (F)"
        )
        self.readout_switch.setCheckable(True)
        self.help = make_button("", "keyboard", "ghost", "Keys (F1)")
        self.unfold = make_button("", "chevron_left", "ghost", "Show quality and times (D)")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._dot)
        row.addWidget(self.state, 1)
        for widget in (
            self.likeness,
            self.on_air,
            self.recording,
            self.readout,
            self.readout_switch,
            self.help,
            self.unfold,
        ):
            row.addWidget(widget)
        self.likeness.setAccessibleName(LIKENESS_MARK)
        self.likeness.setToolTip("The picture is painted over your own: you can be recognised")
        self.likeness.hide()
        self.on_air.hide()
        self.recording.hide()
        self.unfold.hide()
        self.readout_switch.toggled.connect(self._on_switch)
        self.help.clicked.connect(self.help_wanted)
        self.unfold.clicked.connect(self.unfold_wanted)

    def show_status(self, status: Status) -> None:
        """Show the newest status."""
        words, colour = state_words(status)
        self.state.show_text(words)
        self._dot.show_colour(colour)
        self.on_air.setVisible(status.is_live)
        self.recording.setVisible(status.is_recording)
        self.readout.setText(readout_text(status))

    def show_likeness(self, is_shown: bool) -> None:
        """Say that the picture shows the user's own likeness, or take that away."""
        self.likeness.setVisible(is_shown)

    def show_readout(self, is_shown: bool) -> None:
        """Show or hide the read-out without telling anybody."""
        with QSignalBlocker(self.readout_switch):
            self.readout_switch.setChecked(is_shown)
        self.readout.setVisible(is_shown)

    def _on_switch(self, is_shown: bool) -> None:
        self.readout.setVisible(is_shown)
        self.readout_wanted.emit(is_shown)


def readout_text(status: Status) -> str:
    """Return the frames per second and the typical delay, or nothing while there are no pictures."""
    if status.fps <= 0:
        return ""
    if status.motion_to_photon_p50_ms <= 0:
        return f"{status.fps:.0f} fps"
    return f"{status.fps:.0f} fps  ·  {status.motion_to_photon_p50_ms:.0f} ms"
