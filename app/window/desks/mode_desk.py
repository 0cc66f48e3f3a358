"""The switch between the avatar and the painting of the user, and what has to be agreed to before.

The stylise mode shows the user's likeness. It begins only after the user said yes to that, once; whatever was
going out ends with every switch (``Show.build``), so that nobody is shown the other picture unasked.
"""

from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.show import Show
from app.window.desks.style_model_desk import StyleModelDesk
from app.window.dialogs.question import Ask, Question
from app.window.panels.banner import News, Offer, Tone
from app.window.wishes import Mode

LIKENESS = Question(
    title="The stylise mode shows your likeness",
    texts=(
        "It paints over your own picture: your likeness, your room and your movements can be recognised, "
        "however the painting looks.",
        "An avatar stands in your place instead, and no camera picture leaves the avatar mode.",
        "The virtual camera and a recording stop when you switch. Panic shows the standby card in both.",
    ),
    yes="Show my likeness",
    no="Stay with the avatar",
    icon="warning",
)


class ModeDesk:
    """Connects the mode switch.

    Args:
        show: The session and its surroundings.
        ask: Asks the user.
        style: Knows what the painting needs.
        fetches: Fetches it.
    """

    def __init__(self, show: Show, ask: Ask, style: StyleModelDesk, fetches: FetchDesk) -> None:
        self._show = show
        self._ask = ask
        self._style = style
        self._fetches = fetches
        show.window.mode.chosen.connect(self.choose)

    def open(self) -> None:
        """Start in the mode of the last time; with the avatar when the painting's model is not here."""
        self._show.window.show_mode(self._show.mode)
        if self._show.mode is Mode.STYLISE and not self._style.is_model_here():
            self._fall_back()
        self._show.build()

    def choose(self, mode: Mode) -> None:
        """Go over to ``mode``, once the user agrees to what it shows."""
        if mode is self._show.mode:
            return
        if mode is Mode.STYLISE and not self._is_agreed():
            self._show.window.show_mode(self._show.mode)
            return
        self._show.window.banner.clear()
        self._show.remember(mode=mode.value)
        self._show.window.show_mode(mode)
        self._show.build()

    def switch(self) -> None:
        """Go over to the other mode."""
        self.choose(Mode.AVATAR if self._show.mode is Mode.STYLISE else Mode.STYLISE)

    def back_to_avatar(self) -> None:
        """Put the avatar on stage again."""
        self.choose(Mode.AVATAR)

    def leave_offer(self) -> Offer:
        """Return the button that leads from the painting to the avatar."""
        return Offer("Back to the avatar", self.back_to_avatar)

    def _is_agreed(self) -> bool:
        if self._show.preferences.is_likeness_confirmed:
            return True
        if not self._ask(LIKENESS, self._show.window):
            return False
        self._show.remember(is_likeness_confirmed=True)
        return True

    def _fall_back(self) -> None:
        self._show.remember(mode=Mode.AVATAR.value)
        self._show.window.show_mode(Mode.AVATAR)
        needed = self._style.needed_model()
        offers = () if needed is None else (self._fetches.offer(needed),)
        message = "The stylise mode's model is not on this computer, so the avatar is on stage."
        hint = "" if needed is None else f"It needs {needed.title}."
        self._show.tell(News(Tone.INFO, message, hint, offers))
