"""Fetches published models when the user asks: says size and licence first, then shows how far it is.

A fetch takes minutes, so it has a thread of its own; everything else stays usable meanwhile.
"""

import threading
from collections.abc import Callable, Sequence

from app.window.desks.commands import Commands
from app.window.desks.show import Show
from app.window.dialogs.question import Ask, Fact, Question
from app.window.panels.banner import News, Offer, Tone, news_of
from app.window.ports import Fetchable, FetchPart, FetchState
from engine.errors import UnderstudyError, WeightsError

Then = Callable[[], None]

_ONE_TENTH = 0.1  # of a gigabyte: less is said in megabytes
_KEPT = "What is here already is kept: the next try goes on from there."


class FetchDesk:
    """Knows which models there are, and fetches one at a time.

    Args:
        show: The session and its surroundings.
        ask: Asks the user before anything is fetched.
    """

    def __init__(self, show: Show, ask: Ask) -> None:
        self._show = show
        self._ask = ask
        self._card = show.window.fetch_card
        self._models: tuple[Fetchable, ...] = ()
        self._thread: Commands | None = None
        self._fetching: Fetchable | None = None
        self._then: Then | None = None
        self._state: FetchState | None = None  # written by the fetching thread
        self._is_stop_wanted = threading.Event()
        self._listeners: list[Callable[[], None]] = []
        self._card.cancel_wanted.connect(self._is_stop_wanted.set)

    @property
    def models(self) -> tuple[Fetchable, ...]:
        """Every model that can be fetched, as last looked at."""
        return self._models

    def named(self, name: str) -> Fetchable | None:
        """Return the model of that name, or of that address at the hub; None when there is none."""
        for model in self._models:
            if name and (model.name == name or model.address.endswith(f"/{name}")):
                return model
        return None

    def on_change(self, call: Callable[[], None]) -> None:
        """Have ``call`` called when it is known anew which models are here."""
        self._listeners.append(call)

    def look(self) -> None:
        """Look which models there are, and which are here."""
        self._show.commands.submit(self._list, self._on_listed, key="models")

    def offer(self, model: Fetchable, then: Then | None = None) -> Offer:
        """Return the button that leads to fetching ``model``; ``then`` is called when it is here."""
        return Offer(f"Fetch it ({missing_gigabytes(model):.1f} GB)", lambda: self.fetch(model, then))

    def fetch(self, model: Fetchable, then: Then | None = None) -> None:
        """Ask the user, then fetch ``model``; ``then`` is called when it is here."""
        if self._fetching is not None:
            title = self._fetching.title
            self._show.tell(
                News(Tone.INFO, f"{title} is being fetched.", "One model at a time: wait for it.")
            )
            return
        if self._ask(question_about(model), self._show.window):
            self._begin(model, then)

    def pull(self) -> None:
        """Show how far the fetch is, and its end. Thread: the window's, several times a second."""
        if self._thread is None:
            return
        state = self._state
        if state is not None:
            self._card.show_progress(state.done_bytes, state.total_bytes, state.file)
        self._thread.deliver()

    def close(self) -> None:
        """Stop fetching and wait for the end of it."""
        self._is_stop_wanted.set()
        if self._thread is not None:
            self._thread.close()

    def _begin(self, model: Fetchable, then: Then | None) -> None:
        self._fetching, self._then, self._state = model, then, None
        self._is_stop_wanted.clear()
        self._card.begin(model.title)
        if self._thread is None:
            self._thread = Commands(self._on_failed, name="window-fetch")
        fetch, name = self._show.backstage.fetch, model.name
        self._thread.submit(
            lambda: fetch(name, self._keep, self._is_stop_wanted.is_set),
            lambda _folder: self._on_fetched(model),
        )

    def _keep(self, state: FetchState) -> None:
        self._state = state

    def _on_fetched(self, model: Fetchable) -> None:
        self._end()
        self._show.tell(News(Tone.GOOD, f"{model.title} is here now."))
        if self._then is not None:
            self._then()
        elif isinstance(self._show.status().error, WeightsError):
            self._show.build()

    def _on_failed(self, error: UnderstudyError) -> None:
        model, then = self._fetching, self._then
        was_stopped = self._is_stop_wanted.is_set()
        self._end()
        if model is None:
            return
        again = Offer("Try again", lambda: self.fetch(model, then))
        if was_stopped:
            self._show.tell(News(Tone.INFO, f"{model.title} is not fetched any further.", _KEPT, (again,)))
        else:
            self._show.tell(news_of(error, again))

    def _end(self) -> None:
        self._fetching = None
        self._card.end()
        self.look()

    def _list(self) -> Sequence[Fetchable]:
        return tuple(self._show.backstage.fetchable_models())

    def _on_listed(self, models: Sequence[Fetchable]) -> None:
        self._models = tuple(models)
        for call in self._listeners:
            call()


def missing_gigabytes(model: Fetchable) -> float:
    """Return how much of a model and of what it needs is still to be fetched."""
    return sum(part.gigabytes for part in model.parts if not part.is_here)


def question_about(model: Fetchable) -> Question:
    """Return what is to be known of a model before it is fetched."""
    missing = [part for part in model.parts if not part.is_here]
    return Question(
        title=f"Fetch {model.title}?",
        texts=(
            f"{model.purpose[:1].upper()}{model.purpose[1:]}.",
            "Only this download reaches the network, and nothing of you is sent. It can be stopped any time.",
        ),
        facts=(
            *(_fact_of(part) for part in missing),
            Fact(name="Together", value=f"{missing_gigabytes(model):.1f} GB"),
            Fact(name="Goes to", value=str(model.folder)),
        ),
        yes=f"Fetch {missing_gigabytes(model):.1f} GB",
        no="Not now",
        icon="download",
    )


def _fact_of(part: FetchPart) -> Fact:
    doubt = "" if part.is_licence_verified else " (as others name it: please read it there)"
    value = f"{_size_text(part.gigabytes)}, licence {part.licence}{doubt}"
    return Fact(name=part.title, value=value, url=part.licence_url)


def _size_text(gigabytes: float) -> str:
    return f"{gigabytes:.1f} GB" if gigabytes >= _ONE_TENTH else f"{gigabytes * 1000:.0f} MB"
