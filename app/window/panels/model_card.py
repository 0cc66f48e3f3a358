"""*Engine*: which networks paint, what can be set of them, what they run on, and how late they are."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.preferences import RAIN_GUIDANCE_RANGE
from app.window.widgets.controls import Card, ElidedLabel, Named, Segment, Segments, make_button
from app.window.widgets.pickers import Picker
from app.window.widgets.sliders import NumberSlider
from app.window.widgets.theme import make_label, scaled_font
from engine.settings import Model, Settings, TrackerChoice, tips

_NONE = "\u2013"  # an en dash: nothing measured yet
_FACTS = ("Model", "Runs on", "Delay, typical", "Delay, worst 5 %", "Frames dropped")
_TITLES = {Model.POCKET: "Pocket, built in", Model.RAIN: "RAIN, released weights"}
_TRACKERS = (
    Segment(TrackerChoice.MEDIAPIPE, "MediaPipe", "Reads face and shoulders: quick, and built in"),
    Segment(TrackerChoice.DWPOSE, "DWPose", "Reads the whole body, as RAIN was made for; slow without a GPU"),
)


class ModelCard(Card):
    """The networks.

    Signals:
        model_chosen(Model): Other networks are to move the avatar.
        guidance_chosen(float): How closely RAIN keeps to its conditions.
        tracker_chosen(TrackerChoice): Who reads the person.
        weights_wanted(): The user wants to choose the folder of RAIN's weights.
        default_weights_wanted(): RAIN's weights are those in the models folder again.
    """

    model_chosen = Signal(object)
    guidance_chosen = Signal(float)
    tracker_chosen = Signal(object)
    weights_wanted = Signal()
    default_weights_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Engine")
        about = tips(Settings)
        self.model = Picker("Model")
        self.model.setToolTip(about["model"])
        for model, title in _TITLES.items():
            self.model.addItem(title, model)
        self.guidance = NumberSlider("Guidance", RAIN_GUIDANCE_RANGE, 2, about["guidance"])
        self.tracker = Segments("Tracker", _TRACKERS)
        self.weights = make_button("Weights…", "folder")
        self.weights.setToolTip(about["weights"])
        self.default_weights = make_button("", "undo", about="Back to the weights in the models folder")
        self._folder = ElidedLabel("", "muted")
        self._model = Model.POCKET
        self._facts: dict[str, ElidedLabel] = {}
        self._rain = self._build_rain()
        self.body.addWidget(self.model)
        self.body.addWidget(self._rain)
        self.body.addLayout(self._build_facts())
        self.model.activated.connect(self._on_model)
        self.guidance.chosen.connect(self.guidance_chosen)
        self.tracker.chosen.connect(self.tracker_chosen)
        self.weights.clicked.connect(self.weights_wanted)
        self.default_weights.clicked.connect(self.default_weights_wanted)
        self.show_model(self._model)
        self.show_title("")

    def show_model(self, model: Model) -> None:
        """Show which networks move the avatar, without telling anybody."""
        self._model = model
        self.model.setCurrentIndex(self.model.findData(model))
        self._rain.setVisible(model is Model.RAIN and not self.model.isHidden())

    def show_title(self, title: str) -> None:
        """Show the painting's model by name, with nothing to choose; empty: the choice of the avatar's."""
        self.model.setVisible(not title)
        self._rain.setVisible(not title and self._model is Model.RAIN)
        for widget in (self._facts["Model"], self._names["Model"]):
            widget.setVisible(bool(title))
        self.show_fact("Model", title or _NONE)

    def show_weights(self, folder: str) -> None:
        """Show where RAIN's weights lie; empty for the models folder."""
        self._folder.show_text(Path(folder).name if folder else "Models folder", folder)
        self.default_weights.setVisible(bool(folder))

    def show_fact(self, name: str, value: str, about: str = "") -> None:
        """Show one value of the table; empty for nothing measured yet."""
        self._facts[name].show_text(value or _NONE, about)

    def _build_rain(self) -> QWidget:
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.guidance)
        column.addWidget(Named("Tracker", self.tracker))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._folder, 1)
        row.addWidget(self.default_weights)
        row.addWidget(self.weights)
        column.addLayout(row)
        return part

    def _build_facts(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        self._names = {name: make_label(name, "muted", 0.9) for name in _FACTS}
        for row, (name, label) in enumerate(self._names.items()):
            value = ElidedLabel(_NONE)
            value.setFont(scaled_font(value, 0.9))
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(label, row, 0)
            grid.addWidget(value, row, 1)
            self._facts[name] = value
        grid.setColumnStretch(1, 1)
        return grid

    def _on_model(self, row: int) -> None:
        model = self.model.itemData(row)
        if model is not self._model:
            self.model_chosen.emit(model)
