"""One live run of the engine, from start to stop: feed, worker, pacer and watchdog, wired together.

feed thread -> [newest] -> worker thread -> pacer -> outputs -> preview, recorder, virtual camera
                                watchdog thread ^ (standby card when the worker is silent)
"""

import threading
from collections.abc import Sequence

from engine.clock import Clock
from engine.errors import UnderstudyError
from engine.feed import Feed, Tracked
from engine.handover import Newest
from engine.meter import Meter
from engine.outlets import Outlets
from engine.pacing import Pacer
from engine.settings import Settings
from engine.staging import Staging
from engine.stand_in import Presence
from engine.status import SessionState, Status
from engine.stopwatch import Stopwatch
from engine.types import Avatar, Performance, Picture, Source, TrackState
from engine.watchdog import Watchdog
from engine.worker import Command, Worker, WorkerHooks

_POLL_S = 0.1

_PRESENCE = {
    Presence.PERSON: SessionState.LIVE,
    Presence.HELD: SessionState.LOST,
    Presence.NOBODY: SessionState.SEARCHING,
}


class LiveRun:
    """The engine at work. One start, one stop.

    Args:
        settings: As they are now.
        avatar: Who is on stage, or None: whom the settings name.
        staging: What pipelines are made of; it outlives the run.
        outlets: Where pictures go; they outlive the run, too.
        clock: Whose seconds.
    """

    def __init__(
        self, settings: Settings, avatar: Avatar | None, staging: Staging, outlets: Outlets, clock: Clock
    ) -> None:
        self._staging = staging
        self._outlets = outlets
        self._clock = clock
        self._meter = Meter(clock)
        self._watchdog = Watchdog(clock, self._hold_standby, outlets.outputs.release)
        self._stopwatch = Stopwatch(clock, staging.way_out_when_slow)
        self._pacer = Pacer(self._hand_on, clock)
        self._is_ready = threading.Event()
        self._feed = self._make_feed(settings)
        self._is_stopped = False
        self._feeds = threading.Lock()  # one change of the feed at a time
        self._earlier = (0, 0)  # frames read and dropped by feeds that were left
        hooks = WorkerHooks(
            on_ready=self._is_ready.set,
            on_new_source=self._on_new_source,
            on_pictures=self._on_pictures,
            on_beat=self._beat,
            on_failure=self._on_failure,
        )
        self._worker = Worker(lambda: staging.build(settings, avatar), self._feed, hooks, clock)

    def wait_ready(self) -> bool:
        """Wait until the pipeline is built; returns False when the engine failed or was stopped instead."""
        while not self._is_ready.wait(_POLL_S):
            if self._worker.error is not None:
                return False
        return not self._is_stopped

    @property
    def error(self) -> UnderstudyError | None:
        """Why the engine stopped by itself, or is about to, or None."""
        return self._worker.error or self._feed.error

    @property
    def source(self) -> Source | None:
        """The source, once its thread has made it."""
        return self._feed.source

    def start(self) -> None:
        """Start the threads; the standby card is shown until the first picture."""
        self._outlets.outputs.expect_new_source()
        self._outlets.outputs.show_standby()
        self._watchdog.start()
        self._feed.start()
        self._worker.start()

    def stop(self) -> None:
        """End the threads and show the standby card; idempotent."""
        self._is_stopped = True
        self._watchdog.rest()
        self._is_ready.set()  # somebody may be waiting for it
        with self._feeds:
            self._feed.stop()
        self._worker.stop()
        self._watchdog.stop()
        self._pacer.close()
        self._outlets.outputs.show_standby()

    def post(self, command: Command) -> None:
        """Have a hot change made between two frames."""
        self._worker.post(command)

    def use_source(self, settings: Settings) -> None:
        """Leave the source and go on with that of ``settings``. Slow: waits for the old one to close."""
        with self._feeds:
            if self._is_stopped:
                return
            old = self._feed
            old.stop()
            self._earlier = (self._earlier[0] + old.frames_in, self._earlier[1] + old.dropped)
            self._feed = self._make_feed(settings)
            self._worker.use_feed(self._feed)
            self._feed.start()

    def performance(self) -> Performance | None:
        """Return what was seen in the newest frame."""
        return self._feed.performance

    def status(self) -> Status:
        """Return one look at the engine."""
        feed, performance = self._feed, self._feed.performance
        is_found = performance is not None and performance.state is TrackState.FOUND
        return Status(
            state=self._state(feed),
            fps=self._meter.fps,
            motion_to_photon_p50_ms=self._meter.latency_ms(50),
            motion_to_photon_p95_ms=self._meter.latency_ms(95),
            frames_in=self._earlier[0] + feed.frames_in,
            frames_out=self._meter.frames_out,
            dropped=self._earlier[1] + feed.dropped,
            stage_ms=self._staging.times.summary(),
            tracking_quality=performance.face_score if performance is not None and is_found else 0.0,
            is_live=self._outlets.is_live,
            is_recording=self._outlets.is_recording,
            is_panicked=self._outlets.outputs.is_panicked,
            error=self.error,
            notice=self._outlets.notice or self._stopwatch.notice,
            progress=feed.progress,
            warm_up_frames=self._staging.warm_up_frames if self._meter.frames_out == 0 else 0,
        )

    def _state(self, feed: Feed) -> SessionState:
        worker = self._worker
        if self.error is not None:
            return SessionState.ERROR
        if self._outlets.outputs.is_panicked or self._watchdog.is_silent:
            return SessionState.STANDBY
        if not self._is_ready.is_set() or (feed.frames_in == 0 and not worker.is_ended):
            return SessionState.STARTING
        if worker.is_ended:
            return SessionState.ENDED
        return SessionState.WAITING if worker.is_waiting else _PRESENCE[worker.presence]

    def _make_feed(self, settings: Settings) -> Feed:
        rooms = self._staging.rooms
        handover: Newest[Tracked] = Newest()
        return Feed(
            lambda: rooms.open_source(settings, self._clock),
            lambda: rooms.open_tracker(settings),
            handover,
            self._staging.times,
            may_read=self._is_ready,
        )

    def _beat(self) -> None:
        self._watchdog.beat()
        self._stopwatch.beat()
        self._outlets.heartbeat()

    def _on_pictures(self, pictures: Sequence[Picture]) -> None:
        self._stopwatch.end_turn(len(pictures))
        self._pacer.put(pictures)

    def _on_new_source(self) -> None:
        self._pacer.clear()
        self._meter.expect_new_source()
        self._outlets.outputs.expect_new_source()

    def _hand_on(self, picture: Picture) -> None:
        with self._staging.times.measure("send"):
            was_sent = self._outlets.outputs.send(picture)
        if was_sent:
            self._meter.count(picture)

    def _hold_standby(self) -> None:
        self._pacer.clear()
        self._outlets.outputs.hold_standby()

    def _show_standby(self) -> None:
        self._pacer.clear()
        self._outlets.outputs.show_standby()

    def _on_failure(self, _error: UnderstudyError) -> None:
        self._watchdog.rest()
        self._show_standby()
