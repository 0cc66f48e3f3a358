"""*You*: where the pictures of you come from, what is tracked, calibrate and mirror."""

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel

from app.window.panels.performance_view import PerformanceView
from app.window.widgets.controls import Card, Picker, make_button
from app.window.widgets.icons import make_icon
from app.window.widgets.theme import make_label, set_role

GOOD_TRACKING = 0.7
FAIR_TRACKING = 0.4
CHOOSE_CLIP = "choose"


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One line of the source list: ``value`` as in ``Preferences.source``, what is shown, and its icon."""

    value: str
    title: str
    icon: str


class YouPanel(Card):
    """The user's side of the stage.

    Signals:
        source_chosen(str): A source (``Preferences.source``) was picked.
        clip_wanted(): The user wants to choose a clip.
        sources_wanted(): The list is about to open; look for cameras.
        calibrate_wanted(): Take the face of now as neutral.
        mirror_chosen(bool): Mirror on or off.
    """

    source_chosen = Signal(str)
    clip_wanted = Signal()
    sources_wanted = Signal()
    calibrate_wanted = Signal()
    mirror_chosen = Signal(bool)

    def __init__(self) -> None:
        self._mark = make_label("No face", "muted", 0.9)
        super().__init__("You", self._mark)
        self.points = PerformanceView()
        self.source = Picker("Camera or clip")
        self.calibrate = make_button("&Calibrate", "calibrate")
        self.calibrate.setToolTip("Look straight ahead, face at rest, and press C: that is your neutral pose")
        self.mirror = make_button("&Mirror", "mirror")
        self.mirror.setToolTip("Move, or look, like a mirror picture of you (M)")
        self.mirror.setCheckable(True)
        self._entries: list[SourceEntry] = []
        self._value = ""
        self.body.addWidget(self.points, 1)
        self.body.addWidget(self.source)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.calibrate, 1)
        row.addWidget(self.mirror, 1)
        self.body.addLayout(row)
        self.source.opening.connect(self.sources_wanted)
        self.source.activated.connect(self._on_activated)
        self.calibrate.clicked.connect(self.calibrate_wanted)
        self.mirror.toggled.connect(self._on_mirror)

    @property
    def quality_label(self) -> QLabel:
        """The tracking-quality mark."""
        return self._mark

    def show_sources(self, entries: list[SourceEntry], value: str) -> None:
        """Show these sources, with the one of ``value`` taken, without telling anybody."""
        if entries == self._entries and value == self._value:
            return
        self._entries, self._value = list(entries), value
        self.source.clear()
        for entry in entries:
            self.source.addItem(make_icon(entry.icon), entry.title, entry.value)
        self.source.addItem(make_icon("folder"), "Choose a clip…", CHOOSE_CLIP)
        self.source.setCurrentIndex(self.source.findData(value))

    def show_mirror(self, is_mirrored: bool) -> None:
        """Show the mirror switch without telling anybody."""
        self.mirror.blockSignals(True)
        self.mirror.setChecked(is_mirrored)
        self.mirror.blockSignals(False)
        self.points.show_mirrored(is_mirrored)

    def show_tracking(self, is_tracking: bool) -> None:
        """Show what the avatar's tracker sees and can learn, or only where the pictures come from."""
        for widget in (self._mark, self.points, self.calibrate):
            widget.setVisible(is_tracking)
        self.calibrate.setEnabled(is_tracking)

    def show_quality(self, quality: float) -> None:
        """Show how well the user is tracked, 0 (nobody) .. 1."""
        if quality >= GOOD_TRACKING:
            text, role = "Tracking: good", "good"
        elif quality >= FAIR_TRACKING:
            text, role = "Tracking: fair", "warning"
        elif quality > 0:
            text, role = "Tracking: poor", "record"
        else:
            text, role = "No face", "muted"
        self._mark.setText(text)
        self._mark.setAccessibleName(text)
        set_role(self._mark, "role", role)

    def _on_activated(self, row: int) -> None:
        value = str(self.source.itemData(row))
        # Back to what is playing: the window moves the choice once the source is really open.
        self.source.setCurrentIndex(self.source.findData(self._value))
        if value == CHOOSE_CLIP:
            self.clip_wanted.emit()
        elif value != self._value:
            self.source_chosen.emit(value)

    def _on_mirror(self, is_mirrored: bool) -> None:
        self.points.show_mirrored(is_mirrored)
        self.mirror_chosen.emit(is_mirrored)
