"""The right panel: quality against latency, the model, and where the time goes."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.window.controls import Card, ElidedLabel, StopSlider, make_button
from app.window.theme import make_label, scaled_font
from app.window.time_plot import TimePlot
from engine.settings import QUALITIES, Quality
from engine.status import Status

_NONE = "\u2013"  # an en dash: nothing measured yet
MODEL_NAME = "Pocket, built in"
_TIMES = "\u00d7"
_ABOUT = {
    "fastest": "Least delay. For calls and streams on a laptop.",
    "steady": "Calmer from frame to frame, one frame later.",
    "fine": "A larger picture, for a faster machine.",
    "finest": "Largest and calmest. For recordings.",
}


class EnginePanel(QWidget):
    """What the engine does, and how well.

    Signals:
        quality_chosen(str): A name in ``QUALITIES``.
        fold_wanted(): The user wants this panel out of the way.
    """

    quality_chosen = Signal(str)
    fold_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._names = list(QUALITIES)
        self.slider = StopSlider()
        self.slider.setAccessibleName("Quality against latency")
        self.slider.setRange(0, len(self._names) - 1)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._on_slider)
        self.fold = make_button("", "chevron_right", "ghost", "Fold this panel (D)")
        self.fold.setProperty("compact", "true")
        self.fold.clicked.connect(self.fold_wanted)
        self.plot = TimePlot()
        self._quality_name = make_label("", weight=QFont.Weight.DemiBold)
        self._quality_about = make_label("", "muted", 0.9)
        self._quality_about.setWordWrap(True)
        self._quality_numbers = make_label("", "muted", 0.9)
        self._quality_numbers.setWordWrap(True)
        self._facts: dict[str, ElidedLabel] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._build_quality())
        column.addWidget(self._build_model())
        column.addWidget(self._build_times())
        column.addStretch(1)
        self._fact("Model", MODEL_NAME)
        self._show_words(self._names[0])

    def show_quality(self, name: str) -> None:
        """Show the quality ``name`` without telling anybody."""
        self.slider.blockSignals(True)
        self.slider.setValue(self._names.index(name))
        self.slider.blockSignals(False)
        self._show_words(name)

    def show_runtime(self, text: str) -> None:
        """Show what the networks run on: ``library, precision, threads (reason)``."""
        brief = ", ".join(text.partition(" (")[0].split(", ")[:2])
        self._facts["Runs on"].show_text(brief or _NONE, text)

    def show_status(self, status: Status) -> None:
        """Show motion-to-photon, drops, and the newest time of each stage."""
        p50_ms, p95_ms = status.motion_to_photon_p50_ms, status.motion_to_photon_p95_ms
        self._fact("Delay, typical", f"{p50_ms:.0f} ms" if p50_ms > 0 else _NONE)
        self._fact("Delay, worst 5 %", f"{p95_ms:.0f} ms" if p95_ms > 0 else _NONE)
        self._fact("Frames dropped", str(status.dropped))
        if status.fps > 0:  # else the times are old, or those of starting up
            self.plot.add({name: time.last for name, time in status.stage_ms.items()})

    def _build_quality(self) -> Card:
        card = Card("Quality", self.fold)
        card.body.addWidget(self.slider)
        ends = QHBoxLayout()
        ends.addWidget(make_label("Quick", "muted", 0.9))
        ends.addStretch(1)
        ends.addWidget(make_label("Fine", "muted", 0.9))
        card.body.addLayout(ends)
        card.body.addWidget(self._quality_name)
        card.body.addWidget(self._quality_about)
        card.body.addWidget(self._quality_numbers)
        return card

    def _build_model(self) -> Card:
        card = Card("Engine")
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        for row, name in enumerate(
            ("Model", "Runs on", "Delay, typical", "Delay, worst 5 %", "Frames dropped")
        ):
            value = ElidedLabel(_NONE)
            value.setFont(scaled_font(value, 0.9))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(make_label(name, "muted", 0.9), row, 0)
            grid.addWidget(value, row, 1)
            self._facts[name] = value
        grid.setColumnStretch(1, 1)
        card.body.addLayout(grid)
        return card

    def _build_times(self) -> Card:
        card = Card("Time per stage, ms")
        card.body.addWidget(self.plot)
        return card

    def _fact(self, name: str, value: str) -> None:
        self._facts[name].show_text(value)

    def _on_slider(self, position: int) -> None:
        self._show_words(self._names[position])
        self.quality_chosen.emit(self._names[position])

    def _show_words(self, name: str) -> None:
        quality = QUALITIES[name]
        self._quality_name.setText(name.capitalize())
        self._quality_about.setText(_ABOUT.get(name, ""))
        self._quality_numbers.setText(describe(quality))
        self.slider.setToolTip(f"{name.capitalize()}: {describe(quality)}")


def describe(quality: Quality) -> str:
    """Return a quality in a few words: size of the picture and frames held back."""
    held = quality.delay_frames
    frames = "no frame" if held == 0 else "1 frame" if held == 1 else f"{held} frames"
    return f"{quality.size} {_TIMES} {quality.size} px, {frames} held back"
