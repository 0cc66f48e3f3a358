"""Source and tracker on their own thread: order, ends, errors, and what is let go."""

import threading
from collections.abc import Callable

import pytest

from engine.clock import SystemClock
from engine.errors import EngineFailedError, RuntimeMissingError, SourceError
from engine.feed import Feed, Tracked
from engine.handover import InOrder
from engine.latency import StageTimes
from engine.types import Source, Tracker
from tests.fakes import FakeSource, FakeTracker


def build(
    source: FakeSource | Callable[[], Source], tracker: FakeTracker, may_read: threading.Event | None = None
) -> Feed:
    open_source = source if callable(source) else lambda: source
    times = StageTimes(("track",), SystemClock())
    handover: InOrder[Tracked] = InOrder()
    return Feed(open_source, lambda: tracker, handover, times, may_read=may_read)


def take_all(feed: Feed) -> list[int]:
    indices = []
    while True:
        try:
            tracked = feed.handover.take(5.0)
        except EOFError:
            return indices
        assert tracked is not None
        assert tracked.performance.frame_index == tracked.ticket.index
        indices.append(tracked.ticket.index)


def test_every_frame_is_tracked_and_handed_over_and_everything_is_closed() -> None:
    source, tracker = FakeSource(count=12), FakeTracker()
    feed = build(source, tracker)
    feed.start()
    assert take_all(feed) == list(range(12))
    feed.stop()
    assert tracker.tracked == list(range(12))
    assert source.is_closed
    assert tracker.is_closed
    assert (feed.frames_in, feed.progress, feed.error) == (12, 1.0, None)


def test_a_source_that_breaks_gives_what_it_had_and_then_its_error() -> None:
    error = SourceError("The camera is gone.", hint="Plug it in.")
    source, tracker = FakeSource(count=3, error=error), FakeTracker()
    feed = build(source, tracker)
    feed.start()
    assert take_all(feed) == [0, 1, 2]
    assert feed.error is error
    feed.stop()
    assert source.is_closed
    assert tracker.is_closed


def test_a_source_that_cannot_be_opened_is_said_before_a_tracker_is_loaded() -> None:
    def fail() -> Source:
        raise SourceError("There is no camera 7.", hint="Choose another.")

    def never() -> Tracker:
        raise AssertionError("a tracker was loaded for nothing")

    feed = Feed(fail, never, InOrder(), StageTimes(("track",), SystemClock()))
    feed.start()
    assert take_all(feed) == []
    assert isinstance(feed.error, SourceError)
    feed.stop()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("odd"), EngineFailedError),
        (OSError("libGLESv2.so.2: cannot open shared object file: No such file"), RuntimeMissingError),
    ],
)
def test_what_should_not_happen_is_an_error_too(error: Exception, kind: type[Exception]) -> None:
    feed = build(FakeSource(), FakeTracker(error=error))
    feed.start()
    assert take_all(feed) == []
    assert isinstance(feed.error, kind)
    feed.stop()


def test_stopping_frees_a_feed_that_waits_for_its_reader() -> None:
    feed = build(FakeSource(count=None), FakeTracker())
    feed.start()
    assert feed.handover.take(5.0) is not None
    feed.stop()
    feed.stop()
    assert feed.is_stopping
    assert "understudy-feed" not in [thread.name for thread in threading.enumerate()]


def test_a_clip_does_not_begin_before_frames_are_wanted() -> None:
    may_read = threading.Event()
    source = FakeSource(count=2)
    feed = build(source, FakeTracker(), may_read)
    feed.start()
    assert feed.handover.take(0.05) is None
    assert source.given == 0
    may_read.set()
    assert take_all(feed) == [0, 1]
    feed.stop()


def test_a_feed_that_waits_for_the_networks_can_be_stopped() -> None:
    source = FakeSource()
    feed = build(source, FakeTracker(), threading.Event())
    feed.start()
    feed.stop()
    assert source.given == 0
