"""What a running session says about itself: plain values, safe to read from any thread."""

from dataclasses import dataclass, field
from enum import Enum

from engine.errors import UnderstudyError


class SessionState(Enum):
    """What the session is doing. The window shows a line for each."""

    STOPPED = "stopped"  # not started, or stopped
    STARTING = "starting"  # loading the networks and opening the source; the standby card is shown
    SEARCHING = "searching"  # looking for a face; the idle avatar is shown
    LIVE = "live"  # the avatar follows
    LOST = "lost"  # the face was lost: held, then easing to the idle avatar
    WAITING = "waiting"  # the source gives no frames (unplugged); the idle avatar is shown until it returns
    STANDBY = "standby"  # panic, or the engine is silent: the standby card is shown
    ENDED = "ended"  # a clip has come to its end
    ERROR = "error"  # the engine stopped; ``Status.error`` says why; the standby card is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """Time of one stage over the sliding window, in milliseconds.

    Attributes:
        p50, p95: Percentiles.
        last: The newest value.
    """

    p50: float
    p95: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One look at a session.

    Attributes:
        state: See ``SessionState``.
        fps: Distinct source frames, each tracked and painted, handed to the sinks per second of the window.
        motion_to_photon_p50_ms, motion_to_photon_p95_ms: From the frame's capture (or when it was due) to the
            hand-over of its picture to the sinks; sliding window; 0 before the first picture.
        frames_in: Frames that the source delivered since the start.
        frames_out: Pictures of tracked frames handed to the sinks since the start.
        dropped: Frames that were replaced by newer ones before they were painted.
        stage_ms: Time of each stage, in the order in which a frame travels: ``track``, ``retarget``,
            ``condition``, ``denoise``, ``decode``, ``compose``, ``send``.
        tracking_quality: 0 (nobody) .. 1 (sure), of the newest frame.
        is_live: Whether the virtual camera is on.
        is_recording: Whether a recording runs.
        is_panicked: Whether the panic key holds the standby card.
        error: Why ``state`` is ``ERROR``, else None.
        notice: The newest failure that did not stop the session (a recording that ended early, a virtual
            camera that went away), which stays until the same output is started again; or a
            ``TooSlowError`` for as long as the engine is too slow to be shown; else None.
        progress: Share of a clip that was read, 0..1, or None when the source has no end.
        warm_up_frames: Frames with which the model begins, painted together, until the first picture is out;
            else 0.
    """

    state: SessionState
    fps: float = 0.0
    motion_to_photon_p50_ms: float = 0.0
    motion_to_photon_p95_ms: float = 0.0
    frames_in: int = 0
    frames_out: int = 0
    dropped: int = 0
    stage_ms: dict[str, StageTime] = field(default_factory=dict)
    tracking_quality: float = 0.0
    is_live: bool = False
    is_recording: bool = False
    is_panicked: bool = False
    error: UnderstudyError | None = None
    notice: UnderstudyError | None = None
    progress: float | None = None
    warm_up_frames: int = 0
