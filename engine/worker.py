"""The inference thread: takes tracked frames, runs the pipeline, hands the pictures on.

There is always somebody on stage: without frames (no camera yet, camera unplugged, clip at its end) the
avatar stands in at a calm rate. Hot changes are small functions that run here between two frames. What goes
wrong ends the thread, never silently: the failure is kept, and ``on_failure`` has the standby card shown.
"""

import gc
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.clock import Clock
from engine.errors import UnderstudyError
from engine.feed import Feed
from engine.pipeline import Pipeline, Ticket
from engine.stand_in import Presence
from engine.system_libraries import explained
from engine.types import Picture

_log = logging.getLogger(__name__)

PATIENCE_S = 0.2
"""Without a frame for this long, the avatar stands in; a slow camera is not a camera that is gone."""

SLOW_PATIENCE_S = 1.0
"""The same while a frame is being tracked: a slow processor is not a camera that is gone, either."""

IDLE_PERIOD_S = 1 / 15


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHooks:
    """What the worker tells others. Each is called on the worker's thread and must not wait.

    Attributes:
        on_ready: The pipeline is built.
        on_new_source: From now on frames come from another source.
        on_pictures: The pictures that became ready, oldest first.
        on_beat: The engine lives; after every stage, and while it waits.
        on_failure: The thread is about to end because of this.
    """

    on_ready: Callable[[], None]
    on_new_source: Callable[[], None]
    on_pictures: Callable[[Sequence[Picture]], None]
    on_beat: Callable[[], None]
    on_failure: Callable[[UnderstudyError], None]


Command = Callable[[Pipeline], Pipeline]
"""A hot change: gets the pipeline and returns it, or the one to go on with."""


class Worker:
    """Runs one pipeline on one feed until it is stopped.

    Args:
        build: Makes the pipeline; called on this thread (it may take seconds).
        feed: Where tracked frames come from; started by the caller.
        hooks: Whom to tell.
        clock: Whose seconds.
    """

    def __init__(self, build: Callable[[], Pipeline], feed: Feed, hooks: WorkerHooks, clock: Clock) -> None:
        self._build = build
        self._feed = feed
        self._hooks = hooks
        self._clock = clock
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self._is_stopping = threading.Event()
        self._presence = Presence.NOBODY
        self._is_waiting = True
        self._is_ended = False
        self._frame_at_s = 0.0  # when the newest frame was taken
        self._media_s = 0.0
        self._error: UnderstudyError | None = None
        self._thread: threading.Thread | None = None

    @property
    def presence(self) -> Presence:
        """Who moves the avatar."""
        return self._presence

    @property
    def is_waiting(self) -> bool:
        """Whether the source gives no frames just now."""
        return self._is_waiting

    @property
    def is_ended(self) -> bool:
        """Whether the source has come to its end and every frame of it was handed on."""
        return self._is_ended

    @property
    def error(self) -> UnderstudyError | None:
        """Why the thread ended by itself, or None."""
        return self._error

    def start(self) -> None:
        """Start the thread. Call once."""
        self._thread = threading.Thread(target=self._run, name="understudy-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the present turn; idempotent. What is under way is dropped."""
        self._is_stopping.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None

    def post(self, command: Command) -> None:
        """Have a hot change made between two frames. Thread: any."""
        self._commands.put(command)

    def use_feed(self, feed: Feed) -> None:
        """Take frames from another feed from the next turn on. Thread: any."""

        def change(pipeline: Pipeline) -> Pipeline:
            self._feed = feed
            self._is_ended = False
            self._frame_at_s, self._media_s = self._clock.now_s(), 0.0
            pipeline.forget_person()
            self._hooks.on_new_source()
            return pipeline

        self.post(change)

    def _run(self) -> None:
        """The worker thread's top function."""
        try:
            pipeline = self._build()
            pipeline.on_stage = self._hooks.on_beat
            gc.freeze()  # a sweep over all that the libraries have loaded would cost a few frames
            self._frame_at_s = self._clock.now_s()
            self._hooks.on_ready()
            while not self._is_stopping.is_set():
                pipeline = self._turn(pipeline)
        except UnderstudyError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the thread's top: the card is shown and the user is told
            _log.exception("the engine failed")
            self._fail(explained(error, "The engine"))

    def _fail(self, error: UnderstudyError) -> None:
        self._error = error
        self._feed.handover.close()  # nobody takes frames any more: the feed ends, too
        self._hooks.on_failure(error)

    def _turn(self, pipeline: Pipeline) -> Pipeline:
        pipeline = self._run_commands(pipeline)
        try:
            pictures = self._step(pipeline)
        except EOFError:
            pictures = self._at_end(pipeline)
        self._presence = pipeline.presence
        self._hooks.on_beat()
        self._hooks.on_pictures(pictures)
        return pipeline

    def _run_commands(self, pipeline: Pipeline) -> Pipeline:
        while True:
            try:
                command = self._commands.get_nowait()
            except queue.Empty:
                return pipeline
            pipeline = command(pipeline)
            pipeline.on_stage = self._hooks.on_beat

    def _step(self, pipeline: Pipeline) -> list[Picture]:
        """Paint the next frame, or the avatar by itself when none comes. Raises ``EOFError`` at the end."""
        tracked = self._feed.handover.take(IDLE_PERIOD_S)
        if tracked is None:
            patience_s = SLOW_PATIENCE_S if self._feed.is_tracking and not self._is_waiting else PATIENCE_S
            self._is_waiting = self._clock.now_s() - self._frame_at_s >= patience_s
            return pipeline.step(self._own_ticket(), None) if self._is_waiting else []
        self._is_waiting = False
        self._frame_at_s, self._media_s = self._clock.now_s(), tracked.ticket.media_s
        return pipeline.step(tracked.ticket, tracked.performance)

    def _at_end(self, pipeline: Pipeline) -> list[Picture]:
        """Hand out what is under way when the source has ended, then paint the avatar by itself."""
        if self._feed.error is not None:
            raise self._feed.error
        if not self._is_ended and not self._feed.is_stopping:
            self._is_ended = True
            return pipeline.finish()
        self._clock.sleep_s(IDLE_PERIOD_S)
        return pipeline.step(self._own_ticket(), None)

    def _own_ticket(self) -> Ticket:
        """Return the ticket of a picture without a frame: media time goes on with the clock."""
        now_s = self._clock.now_s()
        return Ticket(-1, now_s, self._media_s + now_s - self._frame_at_s)
