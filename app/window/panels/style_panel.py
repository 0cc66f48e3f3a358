"""*Style*: what the user's own picture is painted as, how closely, by what, and from which noise."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QRegularExpressionValidator
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QSizePolicy, QWidget

from app.preferences import LARGEST_SEED
from app.window.panels.status_line import LIKENESS_MARK
from app.window.widgets.controls import Card, Picker, Segment, Segments, StopSlider, make_button
from app.window.widgets.theme import make_label
from engine.stylise.settings import Closeness, Painter

SETTLE_MS = 400
"""A prompt is taken this long after the last key stroke."""

CHOOSE_FILE, CHOOSE_FOLDER = "choose file", "choose folder"
_PROMPT_LINES = 3
_PAINTERS = (
    Segment(
        Painter.STREAM_DIFFUSION,
        "StreamDiffusion",
        "Paints each frame by itself: quick, with any Stable Diffusion",
    ),
    Segment(
        Painter.LIVE2DIFF,
        "Live2Diff",
        "Remembers the frames before and is told of depth: steadier, and slower",
    ),
)
_CLOSENESS_TIP = "How closely the painting keeps to your picture. Freer takes more steps and delay."


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One line of the list of models: its value, its title, what is to be known of it, and where it is."""

    value: str
    title: str
    about: str
    place: str = ""


class PromptBox(QPlainTextEdit):
    """A few lines of prompt. Enter takes it at once; Tab leaves it.

    Signals:
        settled(str): The prompt is to be taken: the user paused, pressed Enter, or went elsewhere.
        left(): The user went elsewhere.
    """

    settled = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Prompt")
        self.setPlaceholderText("What to paint you as")
        self.setToolTip("What your picture is painted as; it changes while you type (T)")
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 2 + 20)
        self.setMaximumHeight(self.fontMetrics().lineSpacing() * _PROMPT_LINES + 24)
        self.pause = QTimer(self)
        self.pause.setSingleShot(True)
        self.pause.setInterval(SETTLE_MS)
        self.pause.timeout.connect(self.settle)
        self.textChanged.connect(self.pause.start)

    def show_prompt(self, prompt: str) -> None:
        """Show ``prompt`` without telling anybody."""
        self.blockSignals(True)
        self.setPlainText(prompt)
        self.blockSignals(False)
        self.pause.stop()

    def settle(self) -> None:
        """Have the prompt taken now."""
        self.pause.stop()
        self.settled.emit(" ".join(self.toPlainText().split()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the prompt on Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.settle()
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take what was typed, without waiting for the pause."""
        super().focusOutEvent(event)
        if self.pause.isActive():
            self.settle()
        self.left.emit()


class StylePanel(Card):
    """The choices of the stylise mode.

    Signals:
        closeness_chosen(Closeness): The slider was moved.
        painter_chosen(Painter): Another system is to paint.
        model_chosen(str): Another model: its name or path.
        own_model_wanted(str): The user wants to choose one: ``CHOOSE_FILE`` or ``CHOOSE_FOLDER``.
        skipping_chosen(bool): Skip frames that are alike, or not.
        seed_chosen(int): Another seed was typed.
        new_seed_wanted(): Any other seed will do.
    """

    closeness_chosen = Signal(object)
    painter_chosen = Signal(object)
    model_chosen = Signal(str)
    own_model_wanted = Signal(str)
    skipping_chosen = Signal(bool)
    seed_chosen = Signal(object)  # Qt's own int ends at 2**31 - 1
    new_seed_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Style", make_label(LIKENESS_MARK, "warning", 0.9))
        self._levels = list(Closeness)
        self._entries: list[ModelEntry] = []
        self._value = ""
        self._seed = 0
        self.prompt = PromptBox()
        self.refusal = make_label("", "warning", 0.9)
        self.refusal.setWordWrap(True)
        self.refusal.hide()
        self.closeness = StopSlider()
        self.painter = Segments("Painter", _PAINTERS)
        self.model = Picker("Model")
        self.about_model = make_label("", "muted", 0.9)
        self.about_model.setWordWrap(True)
        self.skip = make_button("S&kip frames that are alike", "skip")
        self.skip.setToolTip("Frames like the one before are not painted anew: saves power on a still scene")
        self.skip.setCheckable(True)
        self.seed = QLineEdit()
        self.new_seed = make_button("&New seed", "seed")
        self.new_seed.setToolTip("The same prompt, painted otherwise")
        self._closeness_word = make_label("", "muted", 0.9)
        self._build()
        self._connect()

    def show_refusal(self, text: str) -> None:
        """Say why a prompt is not taken; nothing takes the words away."""
        self.refusal.setText(text)
        self.refusal.setVisible(bool(text))

    def show_closeness(self, closeness: Closeness) -> None:
        """Show the closeness without telling anybody."""
        self.closeness.blockSignals(True)
        self.closeness.setValue(self._levels.index(closeness))
        self.closeness.blockSignals(False)
        self._show_word(closeness)

    def show_models(self, entries: Sequence[ModelEntry], value: str) -> None:
        """Show these models, with the one of ``value`` taken, without telling anybody."""
        self._entries, self._value = list(entries), value
        self.model.clear()
        for entry in entries:
            self.model.addItem(entry.title, entry.value)
            tip = entry.place or entry.about
            self.model.setItemData(self.model.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.model.addItem("A file of yours…", CHOOSE_FILE)
        self.model.addItem("A folder of yours…", CHOOSE_FOLDER)
        self.model.setCurrentIndex(self.model.findData(value))
        chosen = next((entry for entry in entries if entry.value == value), ModelEntry(value, value, ""))
        self.about_model.setText(chosen.about)
        self.model.setToolTip(chosen.place or chosen.about)

    def show_skipping(self, is_skipping: bool) -> None:
        """Show the switch without telling anybody."""
        self.skip.blockSignals(True)
        self.skip.setChecked(is_skipping)
        self.skip.blockSignals(False)

    def show_seed(self, seed: int) -> None:
        """Show the seed."""
        self._seed = seed
        self.seed.setText(str(seed))

    def _build(self) -> None:
        self.closeness.setRange(0, len(self._levels) - 1)
        self.closeness.setAccessibleName("Closeness to your picture")
        self.closeness.setToolTip(_CLOSENESS_TIP)
        self.seed.setAccessibleName("Seed")
        self.seed.setToolTip("Seed of the noise: the same seed paints the same way. Enter takes it.")
        self.seed.setMaxLength(len(str(LARGEST_SEED)))
        self.seed.setValidator(QRegularExpressionValidator("[0-9]*", self.seed))
        self.body.addWidget(self.prompt, 1)
        self.body.addWidget(self.refusal)
        self.body.addLayout(_titled("Closeness", self._closeness_word))
        self.body.addLayout(_between("Free", self.closeness, "Close"))
        self.body.addWidget(self.painter)
        self.body.addWidget(self.model)
        self.body.addWidget(self.about_model)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(make_label("Seed", "muted", 0.9))
        row.addWidget(self.seed, 1)
        row.addWidget(self.new_seed)
        self.body.addLayout(row)
        self.body.addWidget(self.skip)

    def _connect(self) -> None:
        self.closeness.valueChanged.connect(self._on_closeness)
        self.painter.chosen.connect(self.painter_chosen)
        self.model.activated.connect(self._on_model)
        self.skip.toggled.connect(self.skipping_chosen)
        self.seed.editingFinished.connect(self._on_seed)
        self.new_seed.clicked.connect(self.new_seed_wanted)

    def _on_closeness(self, position: int) -> None:
        self._show_word(self._levels[position])
        self.closeness_chosen.emit(self._levels[position])

    def _show_word(self, closeness: Closeness) -> None:
        num_steps = len(closeness.value)
        steps = "1 step" if num_steps == 1 else f"{num_steps} steps"
        self._closeness_word.setText(f"{closeness.name.capitalize()}, {steps}")

    def _on_model(self, row: int) -> None:
        value = str(self.model.itemData(row))
        # Back to what paints: the list moves on once the user's own was really chosen.
        self.model.setCurrentIndex(self.model.findData(self._value))
        if value in (CHOOSE_FILE, CHOOSE_FOLDER):
            self.own_model_wanted.emit(value)
        elif value != self._value:
            self.model_chosen.emit(value)

    def _on_seed(self) -> None:
        seed = min(int(self.seed.text() or self._seed), LARGEST_SEED)
        is_new = seed != self._seed
        self.show_seed(seed)
        if is_new:
            self.seed_chosen.emit(seed)


def _between(first: str, widget: QWidget, last: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(4)
    row.addWidget(make_label(first, "muted", 0.9))
    row.addWidget(widget, 1)
    row.addWidget(make_label(last, "muted", 0.9))
    return row


def _titled(text: str, value: QLabel) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(make_label(text, "muted", 0.9))
    row.addStretch(1)
    row.addWidget(value)
    return row
