"""Source and tracker on a thread of their own: while one frame is painted, the next one is tracked.

    source -> Frame -> tracker -> Performance -> handover -> worker

Camera pixels end here: what is handed over holds none.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import UnderstudyError
from engine.handover import Handover
from engine.latency import StageTimes
from engine.pipeline import Ticket
from engine.system_libraries import explained
from engine.types import Frame, Performance, Source, Tracker

_log = logging.getLogger(__name__)

_READ_TIMEOUT_S = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Tracked:
    """One frame after tracking: whose it is and what was seen."""

    ticket: Ticket
    performance: Performance


class Feed:
    """Reads, tracks and hands over until the source ends or ``stop`` is called.

    Args:
        open_source: Returns an open source; called on this thread.
        open_tracker: Returns a tracker; called on this thread (it may take a second).
        handover: Where tracked frames go: ``Newest`` (live) or ``InOrder`` (offline).
        times: Where the stage ``track`` is measured.
        may_read: Set when frames are wanted (the networks are loaded): a clip begins at its first read.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        open_tracker: Callable[[], Tracker],
        handover: Handover[Tracked],
        times: StageTimes,
        *,
        may_read: threading.Event | None = None,
    ) -> None:
        self._open_source = open_source
        self._open_tracker = open_tracker
        self._handover = handover
        self._times = times
        self._may_read = may_read
        self._source: Source | None = None
        self._newest: Tracked | None = None
        self._frames_in = 0
        self._is_tracking = False
        self._error: UnderstudyError | None = None
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def handover(self) -> Handover[Tracked]:
        """Where tracked frames can be taken, until it raises ``EOFError``: the source has ended or broken."""
        return self._handover

    @property
    def error(self) -> UnderstudyError | None:
        """Why the feed ended before its source did, or None."""
        return self._error

    @property
    def is_tracking(self) -> bool:
        """Whether a frame has come and its tracking is under way."""
        return self._is_tracking

    @property
    def is_stopping(self) -> bool:
        """Whether ``stop`` was called: the source has not ended, it is being left."""
        return self._is_stopping.is_set()

    @property
    def source(self) -> Source | None:
        """The source, once this thread has made it; its facts can be read once a frame came."""
        return self._source

    @property
    def frames_in(self) -> int:
        """Frames read so far."""
        return self._frames_in

    @property
    def performance(self) -> Performance | None:
        """What was seen in the newest frame."""
        return self._newest.performance if self._newest else None

    @property
    def dropped(self) -> int:
        """Frames that a newer one replaced, in the source or after tracking."""
        return self._handover.dropped + getattr(self._source, "dropped", 0)

    @property
    def progress(self) -> float | None:
        """Share of the source that was read, or None when it has no known end."""
        total = self._source.num_frames if self._source is not None else None
        if not total:
            return None
        newest = self._newest
        return min(1.0, (newest.ticket.index + 1) / total) if newest else 0.0

    def start(self) -> None:
        """Start the thread. Call once."""
        self._thread = threading.Thread(target=self._run, name="understudy-feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, source and tracker closed; idempotent. Waits for one read and one tracking."""
        self._is_stopping.set()
        self._handover.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        """The feed thread's top function."""
        try:
            self._read_all()
        except UnderstudyError as error:
            self._error = error
        except Exception as error:  # noqa: BLE001 - the thread's top: whoever takes next is told
            _log.exception("the feed failed")
            self._error = explained(error, "The tracker")
        finally:
            self._handover.finish()

    def _read_all(self) -> None:
        # The source first: one that cannot be opened is said before anything is loaded. A clip does not run
        # on meanwhile, since it begins at its first read.
        source = self._source = self._open_source()
        try:
            tracker = self._open_tracker()
            try:
                while not self._is_stopping.is_set() and self._turn(source, tracker):
                    pass
            finally:
                tracker.close()
        finally:
            source.close()

    def _turn(self, source: Source, tracker: Tracker) -> bool:
        """Bring one frame, if there is one; returns False at the end of the source."""
        if self._may_read is not None and not self._may_read.wait(_READ_TIMEOUT_S):
            return True
        try:
            frame = source.read(_READ_TIMEOUT_S)
        except EOFError:
            return False
        return frame is None or self._bring(frame, tracker)

    def _bring(self, frame: Frame, tracker: Tracker) -> bool:
        self._frames_in += 1
        self._is_tracking = True
        with self._times.measure("track"):
            performance = tracker.track(frame)
        self._newest = Tracked(Ticket(frame.index, frame.captured_at_s, frame.media_s), performance)
        is_wanted = self._handover.put(self._newest)
        self._is_tracking = False
        return is_wanted
