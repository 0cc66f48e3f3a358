"""*You*: where the pictures of you come from, what is tracked, calibrate and mirror."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel

from app.window.panels.performance_view import PerformanceView
from app.window.widgets.controls import Card, make_button
from app.window.widgets.pickers import Entry, EntryPicker
from app.window.widgets.theme import make_label, set_role

GOOD_TRACKING = 0.7
FAIR_TRACKING = 0.4
CHOOSE_CLIP = "choose"


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
        self._mark = make_label("Starting", "muted", 0.9)
        super().__init__("You", self._mark)
        self.points = PerformanceView()
        self.source = EntryPicker("Camera or clip")
        self.calibrate = make_button("&Calibrate", "calibrate")
        self.calibrate.setToolTip("Look straight ahead, face at rest, and press C: that is your neutral pose")
        self.mirror = make_button("&Mirror", "mirror")
        self.mirror.setToolTip("Move, or look, like a mirror picture of you (M)")
        self.mirror.setCheckable(True)
        self.body.addWidget(self.points, 1)
        self._source_row, self._tracking_row = QHBoxLayout(), QHBoxLayout()
        for row in (self._source_row, self._tracking_row):
            row.setSpacing(8)
            self.body.addLayout(row)
        self._source_row.addWidget(self.source, 1)
        self._tracking_row.addWidget(self.calibrate, 1)
        self._tracking_row.addWidget(self.mirror, 1)
        self.source.opening.connect(self.sources_wanted)
        self.source.taken.connect(self._on_taken)
        self.calibrate.clicked.connect(self.calibrate_wanted)
        self.mirror.toggled.connect(self._on_mirror)

    @property
    def quality_label(self) -> QLabel:
        """The tracking-quality mark."""
        return self._mark

    def show_sources(self, entries: Sequence[Entry], value: str) -> None:
        """Show these sources, with the one of ``value`` taken, without telling anybody."""
        self.source.show_entries([*entries, Entry(CHOOSE_CLIP, "Choose a clip…", "folder")], value)

    def show_mirror(self, is_mirrored: bool) -> None:
        """Show the mirror switch without telling anybody."""
        with QSignalBlocker(self.mirror):
            self.mirror.setChecked(is_mirrored)
        self.points.show_mirrored(is_mirrored)

    def show_tracking(self, is_tracking: bool) -> None:
        """Show what the avatar's tracker sees and can learn, or only where the pictures come from."""
        for widget in (self._mark, self.points, self.calibrate):
            widget.setVisible(is_tracking)
        self.calibrate.setEnabled(is_tracking)
        (self._tracking_row if is_tracking else self._source_row).addWidget(self.mirror, int(is_tracking))

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
        self._show_mark(text, role)

    def show_unseen(self, why: str) -> None:
        """Say why the tracker has nothing to look at, in a word or two."""
        self.points.show_unseen(why)
        self._show_mark(why, "muted")

    def _show_mark(self, text: str, role: str) -> None:
        self._mark.setText(text)
        self._mark.setAccessibleName(text)
        set_role(self._mark, "role", role)

    def _on_taken(self, value: str) -> None:
        if value == CHOOSE_CLIP:
            self.clip_wanted.emit()
        else:
            self.source_chosen.emit(value)

    def _on_mirror(self, is_mirrored: bool) -> None:
        self.points.show_mirrored(is_mirrored)
        self.mirror_chosen.emit(is_mirrored)
