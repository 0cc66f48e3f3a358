"""Tells what the session says of itself on the banner: errors with ways out, notices, the end of a clip."""

from app.window.desks.engine_desk import EngineDesk
from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.mode_desk import ModeDesk
from app.window.desks.show import Show
from app.window.desks.source_desk import SourceDesk
from app.window.desks.style_model_desk import StyleModelDesk
from app.window.panels.banner import News, Offer, Tone, news_of
from app.window.wishes import Mode
from engine.errors import SourceError, UnderstudyError, WeightsError
from engine.settings import SAMPLE_CLIP
from engine.status import SessionState, Status

_OTHER_LORA = "Leave it out, or take a file that was made for this model."
_OWN_MODEL = "Choose another model under Style: a published one, or a file or folder of yours."


class WaysOut:
    """Knows what a user can do about an error.

    Args:
        show: The session and its surroundings.
        sources: Knows the sample clip.
        modes: Leads back to the avatar.
        style: Knows what the painting needs.
        engine: Knows what the avatar needs.
        fetches: Fetches it.
    """

    def __init__(
        self,
        show: Show,
        sources: SourceDesk,
        *,
        modes: ModeDesk,
        style: StyleModelDesk,
        engine: EngineDesk,
        fetches: FetchDesk,
    ) -> None:
        self._show = show
        self._sources = sources
        self._modes = modes
        self._style = style
        self._engine = engine
        self._fetches = fetches

    def news(self, error: UnderstudyError) -> News:
        """Return an error that ended the session, with what can be done about it."""
        if isinstance(error, WeightsError):
            return self._news_of_weights(error)
        retry = Offer("Retry", self._show.rebuild)
        if isinstance(error, SourceError) and self._show.preferences.source not in ("", SAMPLE_CLIP):
            return news_of(error, retry, Offer("Play the sample clip", self._sources.play_sample))
        back = self._way_back()
        return news_of(error, retry, *back) if not isinstance(error, SourceError) else news_of(error, retry)

    def _news_of_weights(self, error: WeightsError) -> News:
        is_painting = self._show.mode is Mode.STYLISE
        lora = self._style.lora_at_fault(error) if is_painting else None
        if lora is not None:
            out = Offer("Leave it out", lambda: self._style.leave_out(lora))
            return news_of(error, out, *self._way_back(), hint=_OTHER_LORA)
        needed = self._style.needed_model() if is_painting else self._engine.needed_model()
        if needed is not None and not needed.is_here:
            hint = _needs(needed.title, needed.licence, is_painting)
            return news_of(error, self._fetches.offer(needed), *self._way_back(), hint=hint)
        hint = _OWN_MODEL if is_painting else error.hint
        return news_of(error, Offer("Retry", self._show.rebuild), *self._way_back(), hint=hint)

    def _way_back(self) -> tuple[Offer, ...]:
        """Return the button that leads to what ships and always works; none where that is what failed."""
        if self._show.mode is Mode.STYLISE:
            return (self._modes.leave_offer(),)
        return self._engine.ways_back()


def _needs(title: str, licence: str, is_painting: bool) -> str:
    what = "The stylise mode needs" if is_painting else "This avatar's engine needs"
    return f"{what} {title}, licence {licence}."


class NewsDesk:
    """Shows what has changed since the last look.

    Args:
        show: The session and its surroundings.
        ways_out: What can be done about an error.
    """

    def __init__(self, show: Show, ways_out: WaysOut) -> None:
        self._show = show
        self._ways_out = ways_out
        self._told_error: UnderstudyError | None = None
        self._told_notice: UnderstudyError | None = None
        self._error_news: News | None = None
        self._notice_news: News | None = None
        self._told_state = SessionState.STOPPED

    def show_status(self, status: Status) -> None:
        """Tell the errors, the notices and the end of a clip that were not told yet."""
        self._tell_error(status.error)
        self._tell_notice(status.notice)
        self._tell_end(status.state)

    def _tell_end(self, state: SessionState) -> None:
        again = Offer("Play again", self._show.rebuild)
        news = News(Tone.INFO, "The clip has come to its end.", offers=(again,))
        has_ended, had_ended = state is SessionState.ENDED, self._told_state is SessionState.ENDED
        if has_ended and not had_ended:
            self._show.tell(news)
        elif had_ended and not has_ended:
            self._show.withdraw(news)
        self._told_state = state

    def _tell_error(self, error: UnderstudyError | None) -> None:
        if error is self._told_error:
            return
        self._error_news = self._replace(self._error_news, self._ways_out.news(error) if error else None)
        self._told_error = error

    def _tell_notice(self, notice: UnderstudyError | None) -> None:
        if notice is self._told_notice:
            return
        news = None if notice is None else News(Tone.WARNING, notice.message, notice.hint)
        self._notice_news = self._replace(self._notice_news, news)
        self._told_notice = notice

    def _replace(self, old: News | None, new: News | None) -> News | None:
        """Tell ``new`` in place of what no longer holds; return it."""
        if old is not None:
            self._show.withdraw(old)
        if new is not None:
            self._show.tell(new)
        return new
