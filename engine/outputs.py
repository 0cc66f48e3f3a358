"""The one door to the sinks: pictures in order, the standby card at any moment, and nothing after it.

The lock is held while sinks take a picture, which by contract never waits; so once ``show_standby`` or
``panic`` has returned, no older picture can follow. Thread: any.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

from engine.clock import Clock
from engine.errors import UnderstudyError
from engine.types import Picture, Sink

OnFailure = Callable[[Sink, UnderstudyError], None]


class Outputs:
    """Hands each picture to every sink that is on, on one media time line.

    A source begins at its own zero, but time on the line never goes back, so that a recording does not: the
    first picture of a source's frame is placed at now, the others follow at its pace, and pictures without a
    frame (the avatar at rest, the card) lie at now.

    Args:
        card: The standby card.
        clock: Whose seconds.
        on_failure: Told, outside the lock and on the sending thread, which sink was taken off and why.
    """

    def __init__(self, card: Picture, clock: Clock, on_failure: OnFailure) -> None:
        self._card = card
        self._clock = clock
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._sinks: tuple[Sink, ...] = ()
        self._is_panicked = False
        self._is_standby = False
        self._is_held = False
        self._media_s = 0.0
        self._offset_s: float | None = None  # of the source's zero; None until its first frame
        self._sent_at_s = clock.now_s()

    @property
    def is_panicked(self) -> bool:
        """Whether the panic key holds the card."""
        return self._is_panicked

    @property
    def is_standby(self) -> bool:
        """Whether the card is what was sent last."""
        return self._is_standby

    def add(self, sink: Sink) -> None:
        """Send to an opened ``sink`` from now on; it gets the card at once if the card is shown."""
        with self._lock:
            self._sinks = (*self._sinks, sink)
            card = self._stamped() if self._is_standby else None
        if card is not None:
            self._try_send([sink], card)

    def remove(self, sink: Sink) -> bool:
        """Send nothing more to ``sink``; returns whether it was on. It is not closed."""
        with self._lock:
            is_on = sink in self._sinks
            self._sinks = tuple(other for other in self._sinks if other is not sink)
        return is_on

    def expect_new_source(self) -> None:
        """The next frame's picture is the first of another source."""
        with self._lock:
            self._offset_s = None

    def begin_time_line(self) -> None:
        """Go back to the source's own times: a recording begins, and its sound is in step with them."""
        with self._lock:
            if self._offset_s is not None:
                self._media_s -= self._offset_s
                self._offset_s = 0.0

    def send(self, picture: Picture) -> bool:
        """Hand ``picture`` to every sink; returns False while the card is held."""
        with self._lock:
            if self._is_panicked or self._is_held:
                return False
            self._is_standby = False
            failed = self._hand_over(self._sinks, self._placed(picture))
        self._report(failed)
        return True

    def show_standby(self) -> None:
        """Hand the card to every sink."""
        with self._lock:
            self._is_standby = True
            failed = self._hand_over(self._sinks, self._stamped())
        self._report(failed)

    def hold_standby(self) -> None:
        """Hand the card to every sink, and let no picture through until ``release``."""
        with self._lock:
            self._is_held = True
        self.show_standby()

    def release(self) -> None:
        """Let pictures through again, unless the panic key is down; the card stays until the next one."""
        with self._lock:
            self._is_held = False

    def panic(self, on: bool) -> None:
        """Show the card and hold it, or let pictures through again; on return it has happened."""
        with self._lock:
            self._is_panicked = on
        if on:
            self.show_standby()

    def _placed(self, picture: Picture) -> Picture:
        """Return ``picture`` at its place on the time line, which goes on from there."""
        now_s = self._clock.now_s()
        media_s = self._media_s + now_s - self._sent_at_s
        if picture.frame_index >= 0:
            if self._offset_s is None:
                self._offset_s = media_s - picture.media_s
            media_s = picture.media_s + self._offset_s
        self._media_s, self._sent_at_s = media_s, now_s
        return replace(picture, media_s=media_s)

    def _stamped(self) -> Picture:
        """Return the card as of now, so that a recording shows it for as long as it was shown."""
        return self._placed(replace(self._card, captured_at_s=self._clock.now_s()))

    def _try_send(self, sinks: list[Sink], picture: Picture) -> None:
        with self._lock:
            failed = self._hand_over(tuple(sinks), picture)
        self._report(failed)

    def _hand_over(self, sinks: tuple[Sink, ...], picture: Picture) -> list[tuple[Sink, UnderstudyError]]:
        failed: list[tuple[Sink, UnderstudyError]] = []
        for sink in sinks:
            try:
                sink.send(picture)
            except UnderstudyError as error:
                failed.append((sink, error))
        if failed:
            gone = {id(sink) for sink, _ in failed}
            self._sinks = tuple(sink for sink in self._sinks if id(sink) not in gone)
        return failed

    def _report(self, failed: list[tuple[Sink, UnderstudyError]]) -> None:
        for sink, error in failed:
            self._on_failure(sink, error)
