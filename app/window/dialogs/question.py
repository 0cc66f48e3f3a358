"""A question that must be answered before something begins: what it is about, the facts, yes or no."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.style import DARK
from app.window.widgets.controls import make_button
from app.window.widgets.icons import icon_pixmap
from app.window.widgets.theme import make_label

_WIDTH_PX = 520


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of a question: what it is, and its value, which leads to ``url`` where there is one."""

    name: str
    value: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        title: The question.
        texts: What to know before the answer, a paragraph each.
        facts: What else to know, as a table.
        yes: The button that says yes.
        no: The button that says no; Esc and Enter say it, too.
        icon: Its icon.
    """

    title: str
    texts: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    yes: str
    no: str
    icon: str = "info"


Ask = Callable[[Question, QWidget | None], bool]
"""Returns whether the answer was yes."""


class QuestionSheet(QDialog):
    """Shows a question. No is the default: a key pressed in passing agrees to nothing."""

    def __init__(self, question: Question, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(question.title)
        self.setAccessibleDescription(" ".join(question.texts))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(24, 24, 24, 16)
        outer.setSpacing(16)
        outer.addLayout(_heading(question))
        for text in question.texts:
            outer.addWidget(_paragraph(text))
        if question.facts:
            outer.addLayout(_table(question.facts))
        self.yes = make_button(question.yes, role="confirm")
        self.no = make_button(question.no)
        self.yes.setAutoDefault(False)
        self.no.setDefault(True)
        self.yes.clicked.connect(self.accept)
        self.no.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.no)
        buttons.addWidget(self.yes)
        outer.addLayout(buttons)
        self.no.setFocus()
        width_px = max(_WIDTH_PX, self.minimumSizeHint().width())
        self.setFixedWidth(width_px)
        self.resize(width_px, outer.totalHeightForWidth(width_px))
        self.setWindowModality(Qt.WindowModality.WindowModal)


def ask_question(question: Question, parent: QWidget | None = None) -> bool:
    """Ask the user; return whether the answer was yes."""
    sheet = QuestionSheet(question, parent)
    is_yes = sheet.exec() == QDialog.DialogCode.Accepted
    sheet.deleteLater()
    return is_yes


def _heading(question: Question) -> QHBoxLayout:
    icon = QLabel()
    icon.setPixmap(icon_pixmap(question.icon, DARK.warning, 28))
    title = make_label(question.title, scale=1.2, weight=QFont.Weight.DemiBold)
    title.setWordWrap(True)
    row = QHBoxLayout()
    row.setSpacing(12)
    row.addWidget(icon)
    row.addWidget(title, 1)
    return row


def _table(facts: tuple[Fact, ...]) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(1, 1)
    for row, fact in enumerate(facts):
        name = make_label(fact.name, "muted")
        grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(_value(fact), row, 1)
    return grid


def _value(fact: Fact) -> QLabel:
    if not fact.url:
        return _paragraph(fact.value)
    label = make_label(f'<a href="{escape(fact.url)}" style="color: {DARK.focus}">{escape(fact.value)}</a>')
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse)
    label.setOpenExternalLinks(True)
    label.setToolTip(fact.url)
    label.setAccessibleName(f"{fact.value}: {fact.url}")
    return label


def _paragraph(text: str) -> QLabel:
    label = make_label(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
