"""*Style*: what the user's own picture is painted as, how closely, by what, and from which noise."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit

from app.preferences import LARGEST_SEED
from app.window.painters import PAINTERS
from app.window.panels.prompt_box import PromptBox
from app.window.panels.status_line import LIKENESS_MARK
from app.window.panels.style_more import StyleMore
from app.window.widgets.controls import Card, Segment, Segments, make_button
from app.window.widgets.pickers import Entry, EntryPicker
from app.window.widgets.sliders import StopSlider, between
from app.window.widgets.theme import make_label
from engine.stylise.settings import Closeness, Painter

CHOOSE_FILE, CHOOSE_FOLDER = "choose file", "choose folder"
_PAINTERS = tuple(Segment(painter, facts.title, facts.about) for painter, facts in PAINTERS.items())
_FILE_TIP = "A style of Stable Diffusion 1.5, or a whole model, as one .safetensors file"
_FOLDER_TIP = "A model's folder, as diffusers lays it out"
_OWN = (
    Entry(CHOOSE_FILE, "A file of yours…", about=_FILE_TIP),
    Entry(CHOOSE_FOLDER, "A folder of yours…", about=_FOLDER_TIP),
)
_CLOSENESS_TIP = "How closely the painting keeps to your picture."
_STEPS_TIP = f"{_CLOSENESS_TIP} Freer takes more steps and delay."


class StylePanel(Card):
    """The choices of the stylise mode.

    Signals:
        closeness_chosen(Closeness): The slider was moved.
        painter_chosen(Painter): Another system is to paint.
        model_chosen(str): Another model: its name or path.
        own_model_wanted(str): The user wants to choose one: ``CHOOSE_FILE`` or ``CHOOSE_FOLDER``.
        seed_chosen(int): Another seed was typed.
        new_seed_wanted(): Any other seed will do.
    """

    closeness_chosen = Signal(object)
    painter_chosen = Signal(object)
    model_chosen = Signal(str)
    own_model_wanted = Signal(str)
    seed_chosen = Signal(object)  # Qt's own int ends at 2**31 - 1
    new_seed_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Style", make_label(LIKENESS_MARK, "warning", 0.9))
        self._levels = list(Closeness)
        self._has_steps = True
        self._seed = 0
        self.prompt = PromptBox()
        self.refusal = make_label("", "warning", 0.9)
        self.refusal.setWordWrap(True)
        self.refusal.hide()
        self.closeness = StopSlider()
        self.painter = Segments("Painter", _PAINTERS)
        self.model = EntryPicker("Model")
        self.about_model = make_label("", "muted", 0.9)
        self.about_model.setWordWrap(True)
        self.seed = QLineEdit()
        self.new_seed = make_button("&New seed", "seed")
        self.new_seed.setToolTip("The same prompt, painted otherwise")
        self.more = StyleMore()
        self._closeness_word = make_label("", "muted", 0.9)
        self._build()
        self._connect()

    def show_refusal(self, text: str) -> None:
        """Say why a prompt is not taken; nothing takes the words away."""
        self.refusal.setText(text)
        self.refusal.setVisible(bool(text))

    def show_closeness(self, closeness: Closeness) -> None:
        """Show the closeness without telling anybody."""
        with QSignalBlocker(self.closeness):
            self.closeness.setValue(self._levels.index(closeness))
        self._show_word(closeness)

    def show_painter(self, painter: Painter) -> None:
        """Show who paints, and what can be chosen of it, without telling anybody."""
        facts = PAINTERS[painter]
        self.painter.choose(painter)
        self._has_steps = facts.has_steps
        self._show_word(self._levels[self.closeness.value()])
        self.closeness.setToolTip(_STEPS_TIP if facts.has_steps else _CLOSENESS_TIP)
        self.more.show_painter(facts)

    def show_models(self, entries: Sequence[Entry], value: str, about: str) -> None:
        """Show these models, with the one of ``value`` taken and what is to be known of it."""
        self.model.show_entries([*entries, *_OWN], value)
        self.about_model.setText(about)

    def show_seed(self, seed: int) -> None:
        """Show the seed."""
        self._seed = seed
        self.seed.setText(str(seed))

    def _build(self) -> None:
        self.closeness.setRange(0, len(self._levels) - 1)
        self.closeness.setAccessibleName("Closeness to your picture")
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("Seed of the noise: the same seed paints the same way. Enter takes it.")
        self.seed.setMaxLength(len(str(LARGEST_SEED)))
        self.seed.setValidator(QRegularExpressionValidator("[0-9]*", self.seed))
        self.body.addWidget(self.prompt, 1)
        self.body.addWidget(self.refusal)
        words = QHBoxLayout()
        words.addWidget(make_label("Closeness", "muted", 0.9))
        words.addStretch(1)
        words.addWidget(self._closeness_word)
        self.body.addLayout(words)
        self.body.addLayout(between("Free", self.closeness, "Close"))
        self.body.addWidget(self.painter)
        self.body.addWidget(self.model)
        self.body.addWidget(self.about_model)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(make_label("Seed", "muted", 0.9))
        row.addWidget(self.seed, 1)
        row.addWidget(self.new_seed)
        self.body.addLayout(row)
        self.body.addWidget(self.more)

    def _connect(self) -> None:
        self.closeness.valueChanged.connect(self._on_closeness)
        self.painter.chosen.connect(self.painter_chosen)
        self.model.taken.connect(self._on_model)
        self.seed.editingFinished.connect(self._on_seed)
        self.new_seed.clicked.connect(self.new_seed_wanted)

    def _on_closeness(self, position: int) -> None:
        self._show_word(self._levels[position])
        self.closeness_chosen.emit(self._levels[position])

    def _show_word(self, closeness: Closeness) -> None:
        num_steps = len(closeness.value)
        steps = "" if not self._has_steps else ", 1 step" if num_steps == 1 else f", {num_steps} steps"
        self._closeness_word.setText(f"{closeness.name.capitalize()}{steps}")

    def _on_model(self, value: str) -> None:
        is_own = value in (CHOOSE_FILE, CHOOSE_FOLDER)
        (self.own_model_wanted if is_own else self.model_chosen).emit(value)

    def _on_seed(self) -> None:
        seed = min(int(self.seed.text() or self._seed), LARGEST_SEED)
        is_new = seed != self._seed
        self.show_seed(seed)
        if is_new:
            self.seed_chosen.emit(seed)
