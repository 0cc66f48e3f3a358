"""The recorder: pictures, and the source's sound, into an MP4 on a thread of its own."""

import threading
from collections import deque
from fractions import Fraction
from pathlib import Path

from engine.errors import SinkError, UnderstudyError
from engine.sinks.fit import Fit
from engine.sinks.growing_file import UNFINISHED, GrowingFile
from engine.sinks.guard import require_picture
from engine.sinks.movie import MovieWriter
from engine.sinks.output_file import check_output
from engine.sinks.recorder_settings import Backlog, MovieSettings, RecordingReport, SoundKind
from engine.sinks.sound import SoundTrack
from engine.types import Picture, RgbImage

_CAPACITY = 8  # pictures that may wait for the encoder: 22 MB at 720p
_SNAP_S = 0.0006  # containers such as Matroska round times to a millisecond; nearer than this is on the grid


class Recorder:
    """Writes pictures to a file. Thread: ``send`` from the worker; ``open``, ``finish``, ``close`` anywhere.

    Times in the file are the pictures' ``media_s``, counted from the start of the sound's clip
    (``Backlog.WAIT``: the whole clip is recorded) or else from the first picture; the sound is shifted alike,
    so that the two stay in step.

    Args:
        path: The MP4 file; an existing one is replaced by a whole recording only. Of one that fails, or was
            told to ``keep_old``, what plays is kept beside it. Without a picture nothing is left.
        settings: Size, rate, quality.
        fit: Brings a picture of another size (after a change of quality) into the file's.
        backlog: ``WAIT`` for clips, ``DROP`` for live.
        sound: A clip whose sound is carried over, or None.
    """

    def __init__(
        self,
        path: Path,
        settings: MovieSettings,
        *,
        fit: Fit,
        backlog: Backlog = Backlog.DROP,
        sound: Path | None = None,
    ) -> None:
        self.path = path
        self.report: RecordingReport | None = None
        self._settings = settings
        self._fit = fit
        self._backlog = backlog
        self._source = sound
        self._queue = _PictureQueue(backlog)
        self._timeline = _Timeline(settings)
        self._label: str | None = None  # of a recording that is not to replace an old file
        self._thread: threading.Thread | None = None
        self._error: UnderstudyError | None = None
        self._keeps_all_sound = False

    def open(self) -> None:
        """Check the output, create the file and start the thread.

        Raises:
            SinkError: the file cannot be written, is the source itself, or is being written by another run.
        """
        check_output(self.path, self._source)
        file = GrowingFile(self.path)
        try:
            writer = MovieWriter(file.place, self._settings)
            sound = SoundTrack(self._source) if self._source is not None else None
            if sound is not None:
                sound.attach(writer.container)
            writer.start()
        except BaseException:
            file.discard()
            file.release()
            raise
        self._thread = threading.Thread(
            target=self._run, args=(writer, sound, file), name="understudy-recorder", daemon=True
        )
        self._thread.start()

    def keep_old(self, label: str = UNFINISHED) -> None:
        """Leave an older file of this name alone: this is not the recording that was to replace it.

        Call it before ``finish`` or ``close``. Where there is no older file it changes nothing.

        Args:
            label: A word or two for the name of what is kept beside the old file.
        """
        self._label = label

    def send(self, picture: Picture) -> None:
        """Take a picture; waits for room with ``Backlog.WAIT``, else never.

        Raises:
            TypeError: it is no ``Picture``.
            SinkError: writing failed earlier (the disk is full, say); it says what is left, and where.
        """
        self._queue.put(require_picture(picture))
        if self._error is not None:
            raise self._error

    def finish(self) -> RecordingReport:
        """Write everything taken and the sound to its end: the source has ended.

        Raises:
            SinkError: writing failed; it says what is left, and where.
        """
        self._keeps_all_sound = True
        self.close()
        if self.report is None:
            raise SinkError(f"{self.path} was never opened.", hint="Start the recording first.")
        return self.report

    def close(self) -> None:
        """Write everything taken and the sound up to the last picture's end; idempotent.

        Raises:
            SinkError: writing failed; it says what is left, and where. Raised once.
        """
        self._queue.close()
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        if self._error is not None:
            raise self._error

    def _run(self, writer: MovieWriter, sound: SoundTrack | None, file: GrowingFile) -> None:
        """Encode until the queue is closed. The recorder thread's top function."""
        is_fast_start, plays = False, False
        failure: UnderstudyError | None = None
        try:
            try:
                self._encode_all(writer, sound)
                is_fast_start = writer.finish()
            except UnderstudyError as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - the thread's top: report it to the sender, never die silently
                failure = SinkError(f"The recording of {self.path} failed: {error!r}.", hint="Try it again.")
            plays = (failure is None or writer.abandon()) and self._timeline.frames > 0
            failure = self._settle(file, failure, plays=plays)
        finally:
            file.release()
            self._error = failure  # last of all: the program may end at once when the sender hears of it
            self._queue.close()
            self._report(sound, file, plays=plays, is_fast_start=is_fast_start)
            if sound is not None:
                sound.close()

    def _settle(
        self, file: GrowingFile, failure: UnderstudyError | None, *, plays: bool
    ) -> UnderstudyError | None:
        """Give the file its name, or remove it; returns the failure, which says what is left."""
        if not plays:
            file.discard()  # no player opens a movie without a picture
        elif failure is None and self._label is None:
            return file.take_name()
        else:
            file.stay(self._label or UNFINISHED)
        if failure is not None:
            failure.hint = f"{_remains(file, plays=plays)} {failure.hint}"
        return failure

    def _encode_all(self, writer: MovieWriter, sound: SoundTrack | None) -> None:
        while (picture := self._queue.take()) is not None:
            if self._timeline.frames == 0:
                self._begin(picture, sound)
            pts = self._timeline.place(picture.media_s, may_drop=self._backlog is Backlog.DROP)
            if pts is None:
                continue
            writer.write(self._fitted(picture.rgb), pts)
            if sound is not None:
                writer.mux(sound.until(self._timeline.end_s))
        writer.flush_video()
        if sound is not None:
            writer.mux(sound.until(float("inf") if self._keeps_all_sound else self._timeline.end_s))

    def _begin(self, first: Picture, sound: SoundTrack | None) -> None:
        """Choose what time of the source is the file's zero."""
        is_whole_clip = (
            sound is not None and sound.kind is not SoundKind.NONE and self._backlog is Backlog.WAIT
        )
        origin_s = sound.start_s if sound is not None and is_whole_clip else first.media_s
        self._timeline.origin_s = origin_s
        if sound is not None:
            sound.origin_s = origin_s

    def _fitted(self, rgb: RgbImage) -> RgbImage:
        width, height = self._settings.size
        return rgb if rgb.shape[:2] == (height, width) else self._fit(rgb, width, height)

    def _report(
        self, sound: SoundTrack | None, file: GrowingFile, *, plays: bool, is_fast_start: bool
    ) -> None:
        self.report = RecordingReport(
            path=file.place if plays else self.path,
            frames=self._timeline.frames if plays else 0,
            dropped=self._queue.dropped + self._timeline.dropped,
            seconds=self._timeline.seconds if plays else 0.0,
            num_bytes=file.num_bytes if plays else 0,
            sound=SoundKind.NONE if sound is None else sound.kind,
            is_sound_complete=sound is None or sound.is_complete,
            is_fast_start=is_fast_start,
            spared=self.path if file.is_beside else None,
        )


def _remains(file: GrowingFile, *, plays: bool) -> str:
    """Say what a failure left, and where."""
    if not plays:
        is_as_before = f"; {file.path.name} is the one from before" if file.is_beside else ""
        return f"Nothing was written{is_as_before}."
    if file.is_beside:
        return f"What was written before plays, in {file.place}; {file.path.name} is the one from before."
    return "What was written before plays."


class _PictureQueue:
    """The pictures that wait for the encoder. The lock is never held while one is encoded."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._pictures: deque[Picture] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self.dropped = 0

    def put(self, picture: Picture) -> None:
        """Add a picture, by waiting or by dropping the oldest when it is full; ignored once closed."""
        with self._changed:
            if self._backlog is Backlog.WAIT:
                self._changed.wait_for(lambda: len(self._pictures) < _CAPACITY or self._is_closed)
            if self._is_closed:
                return
            if len(self._pictures) == _CAPACITY:
                self._pictures.popleft()
                self.dropped += 1
            self._pictures.append(picture)
            self._changed.notify_all()

    def take(self) -> Picture | None:
        """Return the oldest picture, waiting for one; None once closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._pictures or self._is_closed)
            if not self._pictures:
                return None
            picture = self._pictures.popleft()
            self._changed.notify_all()
            return picture

    def close(self) -> None:
        """Take no more; what waits is still handed out. Idempotent."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class _Timeline:
    """From media times to strictly rising timestamps, exact for a constant rate. Pure but for its counts."""

    def __init__(self, settings: MovieSettings) -> None:
        self.origin_s = 0.0  # the source's time that is the file's zero
        self._rate = settings.rate
        self._tick = settings.time_base
        self._first_s: float | None = None
        self._first_pts = 0
        self._last_pts = -1
        self.frames = 0
        self.dropped = 0

    def place(self, media_s: float, *, may_drop: bool) -> int | None:
        """Return the timestamp of a picture due at ``media_s``, or None when time did not advance."""
        if self._first_s is None:
            self._first_s = media_s
            self._first_pts = max(0, round((media_s - self.origin_s) / self._tick))
            self._last_pts = self._first_pts - 1
        pts = self._first_pts + self._ticks(media_s - self._first_s)
        if pts <= self._last_pts:
            if may_drop:
                self.dropped += 1
                return None
            pts = self._last_pts + 1  # a clip's doubled time: every picture is kept
        self._last_pts = pts
        self.frames += 1
        return pts

    def _ticks(self, elapsed_s: float) -> int:
        """Return ``elapsed_s`` in ticks, on the rate's own grid where it is meant to be."""
        ordinal = round(elapsed_s * self._rate)
        due: Fraction = ordinal / self._rate
        ticks = due / self._tick
        if ticks.denominator == 1 and abs(elapsed_s - float(due)) <= _SNAP_S:
            return ticks.numerator
        return round(elapsed_s / self._tick)

    @property
    def seconds(self) -> float:
        """From the first picture's start to the last one's nominal end."""
        if self.frames == 0:
            return 0.0
        return float((self._last_pts - self._first_pts) * self._tick + 1 / self._rate)

    @property
    def end_s(self) -> float:
        """When the last picture ends, in the source's time."""
        last_s = float(self._last_pts * self._tick + 1 / self._rate) if self.frames else 0.0
        return self.origin_s + last_s
