"""A progress bar where somebody watches, a line for each tenth where nobody does."""

from collections.abc import Callable

from app.cli.console import Console
from engine.clock import Clock

_WIDTH = 30
_REDRAW_S = 0.1
_STEP_PERCENT = 10
_GIGABYTE, _MEGABYTE = 1e9, 1e6

Text = Callable[[int, int | None, float], str]
"""One line of progress, from what is done, what there is in all, and the seconds since the start."""


class Progress:
    """How far a clip, or a download, is. Thread: one caller.

    Args:
        console: Where to draw.
        clock: Whose seconds.
        text: What to draw; frames by default.
    """

    def __init__(self, console: Console, clock: Clock, text: Text | None = None) -> None:
        self._console = console
        self._clock = clock
        self._text = line if text is None else text
        self._started_at_s: float | None = None
        self._drawn_at_s = float("-inf")
        self._next_percent = _STEP_PERCENT

    def update(self, done: int, total: int | None) -> None:
        """Draw, if there is news.

        Args:
            done: Pictures written, or bytes fetched.
            total: As many in all, or None when unknown.
        """
        now_s = self._clock.now_s()
        if self._started_at_s is None:
            self._started_at_s = now_s
        if self._console.is_interactive:
            if now_s - self._drawn_at_s >= _REDRAW_S or done == total:
                self._drawn_at_s = now_s
                self._console.overwrite(self._text(done, total, now_s - self._started_at_s))
        elif total and 100 * done >= self._next_percent * total:
            self._console.say(self._text(done, total, now_s - self._started_at_s))
            self._next_percent += _STEP_PERCENT * max(
                1, round((100 * done / total - self._next_percent) // 10 + 1)
            )


def line(done: int, total: int | None, elapsed_s: float) -> str:
    """Return one line of progress."""
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    fps = f"  {rate:.1f} fps" if rate > 0 else ""  # the first picture says nothing of how fast they come
    if not total:
        return f"{frames_text(done)}{fps}"
    return f"{_bar(done, total)}  {done}/{total}{fps}{_left(total - done, rate)}"


def frames_text(count: int) -> str:
    """Return a number of frames in words."""
    return "1 frame" if count == 1 else f"{count} frames"


def bytes_line(done: int, total: int | None, elapsed_s: float, before: int = 0) -> str:
    """Return one line of progress of a download, ``before`` bytes of which an earlier try has fetched."""
    rate = (done - before) / elapsed_s if elapsed_s > 0 else 0.0
    if not total:
        return f"{done / _MEGABYTE:.0f} MB"
    unit, name, places = (_GIGABYTE, "GB", 2) if total >= _GIGABYTE else (_MEGABYTE, "MB", 0)
    amounts = f"{done / unit:.{places}f}/{total / unit:.{places}f} {name}"
    return f"{_bar(done, total)}  {amounts}{_left(total - done, rate)}"


def _bar(done: int, total: int) -> str:
    share = min(1.0, done / total)
    filled = round(share * _WIDTH)
    return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {100 * share:3.0f} %"


def _left(amount: int, rate: float) -> str:
    return f"  {clock_text(amount / rate)} left" if rate > 0 and amount > 0 else ""


def clock_text(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
