"""A progress bar where somebody watches, a line for each tenth where nobody does."""

from app.cli.console import Console
from engine.clock import Clock

_WIDTH = 30
_REDRAW_S = 0.1
_STEP_PERCENT = 10


class Progress:
    """How far a clip is. Thread: one caller.

    Args:
        console: Where to draw.
        clock: Whose seconds.
    """

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._started_at_s: float | None = None
        self._drawn_at_s = float("-inf")
        self._next_percent = _STEP_PERCENT

    def update(self, done: int, total: int | None) -> None:
        """Draw, if there is news.

        Args:
            done: Pictures written.
            total: Pictures in all, or None when unknown.
        """
        now_s = self._clock.now_s()
        if self._started_at_s is None:
            self._started_at_s = now_s
        if self._console.is_interactive:
            if now_s - self._drawn_at_s >= _REDRAW_S or done == total:
                self._drawn_at_s = now_s
                self._console.overwrite(line(done, total, now_s - self._started_at_s))
        elif total and 100 * done >= self._next_percent * total:
            self._console.say(line(done, total, now_s - self._started_at_s))
            self._next_percent += _STEP_PERCENT * max(
                1, round((100 * done / total - self._next_percent) // 10 + 1)
            )


def line(done: int, total: int | None, elapsed_s: float) -> str:
    """Return one line of progress."""
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    if not total:
        return f"{done} frames  {rate:.1f} fps"
    share = min(1.0, done / total)
    filled = round(share * _WIDTH)
    left = f"  {clock_text((total - done) / rate)} left" if rate > 0 and done < total else ""
    bar = "#" * filled + "." * (_WIDTH - filled)
    return f"[{bar}] {100 * share:3.0f} %  {done}/{total}  {rate:.1f} fps{left}"


def clock_text(seconds: float) -> str:
    """Return a duration as minutes and seconds."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
