"""The right panel: quality against latency, the model, and where the time goes."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.window.panels.model_card import ModelCard
from app.window.panels.time_plot import TimePlot
from app.window.stops import POCKET_STOPS, Stop
from app.window.widgets.controls import Card, make_button
from app.window.widgets.sliders import StopSlider, between
from app.window.widgets.theme import make_label
from engine.status import Status


class EnginePanel(QWidget):
    """What the engine does, and how well.

    Signals:
        stop_chosen(Stop): The slider was moved.
        fold_wanted(): The user wants this panel out of the way.
    """

    stop_chosen = Signal(object)
    fold_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._stops: tuple[Stop, ...] = ()
        self.slider = StopSlider()
        self.slider.setAccessibleName("Quality against latency")
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._on_slider)
        self.fold = make_button("", "chevron_right", "ghost", "Fold this panel (D)")
        self.fold.setProperty("compact", "true")
        self.fold.clicked.connect(self.fold_wanted)
        self.card = ModelCard()
        self.plot = TimePlot()
        self._quality_name = make_label("", weight=QFont.Weight.DemiBold)
        self._quality_about = make_label("", "muted", 0.9)
        self._quality_about.setWordWrap(True)
        self._quality_numbers = make_label("", "muted", 0.9)
        self._quality_numbers.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._build_quality())
        column.addWidget(self.card)
        column.addWidget(self._build_times())
        column.addStretch(1)
        self.show_stops(POCKET_STOPS, 0)

    def show_stops(self, stops: Sequence[Stop], position: int) -> None:
        """Show these stops, with the one at ``position`` taken, without telling anybody."""
        self._stops = tuple(stops)
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, len(self._stops) - 1)
            self.slider.setValue(position)
        self.slider.update()
        self._show_words(self._stops[position])

    def show_runtime(self, text: str) -> None:
        """Show what the networks run on: ``library, precision, threads (reason)``."""
        brief = ", ".join(text.partition(" (")[0].split(", ")[:2])
        self.card.show_fact("Runs on", brief, text)

    def show_status(self, status: Status) -> None:
        """Show motion-to-photon, drops, and the newest time of each stage."""
        p50_ms, p95_ms = status.motion_to_photon_p50_ms, status.motion_to_photon_p95_ms
        self.card.show_fact("Delay, typical", f"{p50_ms:.0f} ms" if p50_ms > 0 else "")
        self.card.show_fact("Delay, worst 5 %", f"{p95_ms:.0f} ms" if p95_ms > 0 else "")
        self.card.show_fact("Frames dropped", str(status.dropped))
        if status.fps > 0:  # else the times are old, or those of starting up
            self.plot.add({name: time.last for name, time in status.stage_ms.items()})

    def _build_quality(self) -> Card:
        card = Card("Quality", self.fold)
        card.body.addLayout(between("Quick", self.slider, "Fine"))
        card.body.addWidget(self._quality_name)
        card.body.addWidget(self._quality_about)
        card.body.addWidget(self._quality_numbers)
        return card

    def _build_times(self) -> Card:
        card = Card("Time per stage, ms")
        card.body.addWidget(self.plot)
        return card

    def _on_slider(self, position: int) -> None:
        self._show_words(self._stops[position])
        self.stop_chosen.emit(self._stops[position])

    def _show_words(self, stop: Stop) -> None:
        self._quality_name.setText(stop.name.capitalize())
        self._quality_about.setText(stop.about)
        self._quality_numbers.setText(stop.numbers)
        self.slider.setToolTip(f"{stop.name.capitalize()}: {stop.numbers}")
