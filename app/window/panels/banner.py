"""One line of news above the avatar: an error with a way out, or something that went well. Never a dialog."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QFont, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.style import DARK
from app.window.widgets.controls import make_button
from app.window.widgets.icons import icon_pixmap
from app.window.widgets.theme import make_label, set_role
from engine.errors import UnderstudyError

GOOD_NEWS_MS = 8000
MAX_OFFERS = 2
_TEXT_CHARS = 64  # width of a line of text, with icon and margins, below which the buttons go elsewhere


class Tone(Enum):
    """How serious the news is; the value is the style sheet's."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    GOOD = "good"


_ICONS = {
    Tone.ERROR: ("warning", DARK.record),
    Tone.WARNING: ("warning", DARK.warning),
    Tone.INFO: ("info", DARK.focus),
    Tone.GOOD: ("check", DARK.good),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A button on a banner: its text, and what it does."""

    text: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True)
class News:
    """What a banner says.

    Attributes:
        tone: How serious it is. Good news goes away by itself.
        message: One sentence.
        hint: What to do, or empty.
        offers: Up to ``MAX_OFFERS`` buttons. The same news with other buttons is the same news.
    """

    tone: Tone
    message: str
    hint: str = ""
    offers: tuple[Offer, ...] = field(default=(), compare=False)


def news_of(error: UnderstudyError, *offers: Offer, hint: str | None = None) -> News:
    """Return the news of an error; ``hint`` takes the place of its own, which may name options."""
    message = error.message[:1].upper() + error.message[1:]
    return News(Tone.ERROR, message, error.hint if hint is None else hint, offers)


_GRAVITY = {Tone.GOOD: 0, Tone.INFO: 1, Tone.WARNING: 2, Tone.ERROR: 3}


class Banner(QFrame):
    """Shows one piece of news at a time: the gravest, and of equals the newest.

    Errors and warnings stay until they are closed, acted on or withdrawn; what is lesser waits behind them. A
    newer piece of information takes the place of an older one. Good news passes: it is shown at once for a
    while, and then what stood there before is back.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self._news: News | None = None  # on show
        self._standing: list[News] = []  # until closed, oldest first
        self._icon = QLabel()
        self.message = make_label("", weight=QFont.Weight.DemiBold)
        self.hint = make_label("", "muted")
        for label in (self.message, self.hint):
            label.setWordWrap(True)
        self.offers = [make_button("") for _ in range(MAX_OFFERS)]
        self.close_button = make_button("", "close", "ghost", "Close this message")
        self._offer_row = QWidget()
        self._grid = QGridLayout(self)
        self._is_below = False
        self._build()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(GOOD_NEWS_MS)
        self._timer.timeout.connect(self._pass_on)
        self.close_button.clicked.connect(self.close_news)
        self.hide()

    @property
    def news(self) -> News | None:
        """What is on show."""
        return self._news

    def show_news(self, news: News) -> None:
        """Show ``news`` as soon as nothing graver stands; the same news again changes nothing."""
        if news == self._news:
            return
        if news.tone is Tone.GOOD:
            self._put_up(news)
            return
        is_replaced = news.tone is Tone.INFO
        self._standing = [
            other
            for other in self._standing
            if other != news and not (is_replaced and other.tone is Tone.INFO)
        ]
        self._standing.append(news)
        if self._gravest() is news:
            self._put_up(news)

    def close_news(self) -> None:
        """Take away what is on show; what waited behind it is shown."""
        if self._news is not None:
            self.withdraw(self._news)

    def withdraw(self, news: News) -> None:
        """Take ``news`` away, on show or waiting: it does not hold any more."""
        self._standing = [other for other in self._standing if other != news]
        if news == self._news:
            self._pass_on()

    def clear(self) -> None:
        """Take all news away."""
        self._standing.clear()
        self._pass_on()

    def _gravest(self) -> News | None:
        return max(reversed(self._standing), key=lambda news: _GRAVITY[news.tone], default=None)

    def _pass_on(self) -> None:
        """Show what stands, or nothing."""
        news = self._gravest()
        if news is None:
            self._timer.stop()
            self._news = None
            self.hide()
        else:
            self._put_up(news)

    def _put_up(self, news: News) -> None:
        self._news = news
        name, colour = _ICONS[news.tone]
        self._icon.setPixmap(icon_pixmap(name, colour))
        self.message.setText(news.message)
        self.hint.setText(news.hint)
        self.hint.setVisible(bool(news.hint))
        for number, button in enumerate(self.offers):
            text = news.offers[number].text if number < len(news.offers) else ""
            button.setText(text)
            button.setAccessibleName(text)
            button.setVisible(bool(text))
        self.setAccessibleName(f"{news.message} {news.hint}".strip())
        set_role(self, "tone", news.tone.value)
        self._timer.stop()
        if news.tone is Tone.GOOD:
            self._timer.start()
        self._offer_row.setVisible(bool(news.offers))
        self._place_offers()
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the buttons where there is room for them."""
        super().resizeEvent(event)
        self._place_offers()

    def _build(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(self.message)
        texts.addWidget(self.hint)
        buttons = QHBoxLayout(self._offer_row)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(8)
        for number, button in enumerate(self.offers):
            buttons.addWidget(button)
            button.clicked.connect(lambda _checked=False, number=number: self._on_offer(number))
        self._grid.setContentsMargins(12, 8, 8, 8)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(self._icon, 0, 0)
        self._grid.addLayout(texts, 0, 1)
        self._grid.addWidget(self._offer_row, 0, 2)
        self._grid.addWidget(self.close_button, 0, 3)

    def _place_offers(self) -> None:
        # Beside the text while that keeps a readable width, else below it.
        needed_px = self._offer_row.sizeHint().width() + self.fontMetrics().averageCharWidth() * _TEXT_CHARS
        is_below = self._news is not None and bool(self._news.offers) and self.width() < needed_px
        if is_below != self._is_below:
            self._is_below = is_below
            self._grid.removeWidget(self._offer_row)
            left = Qt.AlignmentFlag.AlignLeft
            if is_below:
                self._grid.addWidget(self._offer_row, 1, 1, left)
            else:
                self._grid.addWidget(self._offer_row, 0, 2)

    def _on_offer(self, number: int) -> None:
        offers = self._news.offers if self._news else ()
        self.close_news()
        if number < len(offers):
            offers[number].run()
