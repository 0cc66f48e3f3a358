"""The keys of the window, in one table: it installs them and it is what the help sheet shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.window.widgets.controls import make_button
from app.window.widgets.theme import make_label

AVATAR_KEYS = tuple("123456789")


class Wish(Enum):
    """What a key asks for."""

    LIVE = "Go live, or stop"
    RECORD = "Record, or stop"
    SNAPSHOT = "Snapshot"
    PANIC = "Panic: the standby card, at once"
    RETURN = "Come back after panic"
    MODE = "Avatar, or stylise"
    PROMPT = "Write the prompt (stylise)"
    CALIBRATE = "Calibrate: this is my face at rest"
    MIRROR = "Mirror"
    AVATAR = "Choose an avatar"
    ADD = "Add a picture as avatar"
    CLIP = "Choose a clip"
    READOUT = "Show or hide the read-out"
    FOLD = "Fold the right panel"
    HELP = "These keys"
    QUIT = "Quit"


@dataclass(frozen=True, slots=True)
class Binding:
    """Keys of one wish: as Qt writes them, and as they are shown."""

    wish: Wish
    keys: tuple[str, ...]
    shown: str


BINDINGS: tuple[Binding, ...] = (
    Binding(Wish.LIVE, ("G",), "G"),
    Binding(Wish.RECORD, ("R",), "R"),
    Binding(Wish.SNAPSHOT, ("S",), "S"),
    Binding(Wish.PANIC, ("P", "Esc"), "P or Esc"),
    Binding(Wish.RETURN, ("Shift+P",), "Shift + P"),
    Binding(Wish.MODE, ("Ctrl+M",), "Ctrl + M"),
    Binding(Wish.PROMPT, ("T",), "T"),
    Binding(Wish.CALIBRATE, ("C",), "C"),
    Binding(Wish.MIRROR, ("M",), "M"),
    Binding(Wish.AVATAR, AVATAR_KEYS, "1 to 9"),
    Binding(Wish.ADD, ("A",), "A"),
    Binding(Wish.CLIP, ("O",), "O"),
    Binding(Wish.READOUT, ("F",), "F"),
    Binding(Wish.FOLD, ("D",), "D"),
    Binding(Wish.HELP, ("F1", "?"), "F1 or ?"),
    Binding(Wish.QUIT, ("Ctrl+Q",), "Ctrl + Q"),
)

Action = Callable[[str], None]


def install_keys(window: QWidget, actions: Mapping[Wish, Action]) -> list[QShortcut]:
    """Install the keys on ``window``; each action gets the key that was pressed.

    Raises:
        KeyError: a wish has no action.
    """
    made = []
    for binding in BINDINGS:
        action = actions[binding.wish]
        for key in binding.keys:
            shortcut = QShortcut(QKeySequence(key), window)
            # A held key must not go live and stop thirty times a second.
            shortcut.setAutoRepeat(False)
            shortcut.activated.connect(lambda action=action, key=key: action(key))
            made.append(shortcut)
    return made


class HelpSheet(QDialog):
    """Shows the keys."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(24, 24, 24, 16)
        outer.setSpacing(16)
        outer.addWidget(make_label("Keys", scale=1.3, weight=QFont.Weight.DemiBold))
        grid = QGridLayout()
        grid.setHorizontalSpacing(32)
        grid.setVerticalSpacing(8)
        for row, binding in enumerate(BINDINGS):
            grid.addWidget(make_label(binding.shown, weight=QFont.Weight.DemiBold), row, 0)
            grid.addWidget(make_label(binding.wish.value, "muted"), row, 1)
        outer.addLayout(grid)
        hint = make_label(
            "Tab walks through everything; Alt and an underlined letter press a button.", "muted", 0.9
        )
        hint.setWordWrap(True)
        outer.addWidget(hint)
        row_layout = QHBoxLayout()
        row_layout.addStretch(1)
        close = make_button("Close", role="confirm")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row_layout.addWidget(close)
        outer.addLayout(row_layout)
        self.setWindowModality(Qt.WindowModality.WindowModal)
