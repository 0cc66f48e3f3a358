"""The process that holds the virtual camera. It knows shared memory and a device, and no engine.

It sends at a steady rate whatever the engine does: the newest whole picture, the same one again when the
engine is late, the standby card when ``OutputGate`` says so. It leaves the terminal's process group, so that
Ctrl-C or a closed terminal ends the program and not the card, and it outlives the program's crash by
``LINGER_S``. This is the one file that touches pyvirtualcam (GPL-2), and only inside this process.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Protocol

import numpy as np

from engine.clock import Clock, SystemClock
from engine.quiet import silence
from engine.sinks.camera_owner import CameraOwner
from engine.sinks.output_gate import LINGER_S, SILENCE_S, OutputGate, Show, Signs, next_tick_s
from engine.sinks.shared_frames import SharedFrames
from engine.types import RgbImage

_HANDOVER_S = 3.0  # for how long an orphan of a crashed program is given to let the device go
_RETRY_S = 0.25
_OWNER_CHECK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """The virtual camera; fixed for a session, since programs that watch it cannot follow a change.

    Attributes:
        width: In pixels.
        height: In pixels.
        fps: Pictures sent per second.
        device: Name of the device (``/dev/video2``, ``OBS Virtual Camera``); None: the first that is found.
        silence_s: See ``output_gate.SILENCE_S``.
        linger_s: See ``output_gate.LINGER_S``.
    """

    width: int = 1280
    height: int = 720
    fps: float = 30.0
    device: str | None = None
    silence_s: float = SILENCE_S
    linger_s: float = LINGER_S


class CameraOutput(Protocol):
    """A device that takes pictures (pyvirtualcam's ``Camera`` is one)."""

    @property
    def device(self) -> str:
        """Its name."""
        ...

    def send(self, frame: RgbImage) -> None:
        """Show ``(height, width, 3)`` uint8 RGB. Raises ``RuntimeError`` or ``OSError`` when it is gone."""
        ...

    def close(self) -> None:
        """Let the device go."""
        ...


OpenOutput = Callable[[CameraSettings], CameraOutput]


@dataclass(frozen=True, slots=True)
class Opened:
    """Report: the device is open."""

    device: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Report: the device could not be opened, or was lost."""

    reason: str


def open_device(settings: CameraSettings) -> CameraOutput:
    """Open the system's virtual camera. Raises ``RuntimeError`` with the reasons of every back end."""
    import pyvirtualcam  # noqa: PLC0415 - GPL-2: only the process that sends loads it

    camera: CameraOutput = pyvirtualcam.Camera(
        settings.width,
        settings.height,
        settings.fps,
        fmt=pyvirtualcam.PixelFormat.RGB,
        device=settings.device,
    )
    return camera


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraTask:
    """What the process is given: picklable.

    Attributes:
        memory_name: Of the ``SharedFrames``.
        settings: Size, rate, patience.
        owner: The note that says who may hold the camera.
        is_handover: Whether another program's process may still hold the device for a moment.
    """

    memory_name: str
    settings: CameraSettings
    owner: CameraOwner
    is_handover: bool = False


class Kin(Protocol):
    """What the process knows about the program that started it and about the next one."""

    def is_parent_alive(self) -> bool:
        """Whether the program still runs."""
        ...

    def has_successor(self) -> bool:
        """Whether another program has claimed the camera."""
        ...


class ProcessKin:
    """The real ``Kin``: the parent process, and the note on the disk (orphans read it, once a second)."""

    def __init__(self, owner: CameraOwner, clock: Clock) -> None:
        self._parent = multiprocessing.parent_process()
        self._owner = owner
        self._clock = clock
        self._next_look_s = 0.0
        self._is_replaced = False

    def is_parent_alive(self) -> bool:
        """Whether the program still runs."""
        return self._parent is not None and self._parent.is_alive()

    def has_successor(self) -> bool:
        """Whether another program has claimed the camera."""
        if self.is_parent_alive():
            return False
        now_s = self._clock.now_s()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + _OWNER_CHECK_S
            self._is_replaced = not self._owner.is_mine()
        return self._is_replaced


class CameraLoop:
    """Reads, decides, sends; one step a tick. Thread: one caller.

    Args:
        frames: The reader's end.
        output: Where to send.
        settings: Rate and patience.
        kin: Whether the program still runs, and whether the next one is there.
        clock: The time.
    """

    def __init__(
        self, frames: SharedFrames, output: CameraOutput, settings: CameraSettings, kin: Kin, clock: Clock
    ) -> None:
        self._frames = frames
        self._output = output
        self._period_s = 1.0 / settings.fps
        self._kin = kin
        self._clock = clock
        self._gate = OutputGate(
            period_s=self._period_s, silence_s=settings.silence_s, linger_s=settings.linger_s
        )
        self._card = frames.card()
        self._avatar = np.empty_like(self._card)
        self._incoming = np.empty_like(self._card)
        self._has_picture = False

    def step(self) -> bool:
        """Send one picture; returns False when it is time to end."""
        if self._frames.read_into(self._incoming):
            self._avatar, self._incoming = self._incoming, self._avatar
            self._has_picture = True
        signs = Signs(
            heartbeat_at_s=self._frames.heartbeat_at_s,
            has_picture=self._has_picture,
            is_panicked=self._frames.is_panicked,
            is_parent_alive=self._kin.is_parent_alive(),
            has_successor=self._kin.has_successor(),
        )
        now_s = self._clock.now_s()
        if self._frames.is_stopped or self._gate.is_over(now_s, signs):
            return False
        is_avatar = self._gate.show(now_s, signs) is Show.AVATAR
        self._output.send(self._avatar if is_avatar else self._card)
        return True

    def run(self) -> None:
        """Step at the camera's rate until it is time to end."""
        due_s = self._clock.now_s()
        while self.step():
            now_s = self._clock.now_s()
            due_s = next_tick_s(due_s, now_s, self._period_s)
            self._clock.sleep_s(due_s - now_s)


def run_camera(task: CameraTask, report: Connection, open_output: OpenOutput) -> None:
    """Hold the virtual camera until told to stop. The process's main function.

    Args:
        task: What to do.
        report: Where ``Opened`` or ``Failed`` goes.
        open_output: Opens the device.
    """
    silence()
    _leave_terminal()
    clock = SystemClock()
    kin = ProcessKin(task.owner, clock)
    frames = SharedFrames.attach(task.memory_name, task.settings.width, task.settings.height)
    try:
        with contextlib.closing(_open_patiently(task, open_output, clock)) as output:
            output.send(frames.card())  # other programs see a loopback device only once something was sent
            _tell(report, Opened(output.device))
            CameraLoop(frames, output, task.settings, kin, clock).run()
    except Exception as error:  # noqa: BLE001 - the process's top: back ends raise what they like; report it
        _tell(report, Failed(str(error) or type(error).__name__))
    finally:
        frames.close(is_orphaned=not kin.is_parent_alive())


def _open_patiently(task: CameraTask, open_output: OpenOutput, clock: Clock) -> CameraOutput:
    give_up_at_s = clock.now_s() + (_HANDOVER_S if task.is_handover else 0.0)
    while True:
        try:
            return open_output(task.settings)
        except (RuntimeError, OSError):
            if clock.now_s() >= give_up_at_s:
                raise
            clock.sleep_s(_RETRY_S)


def _leave_terminal() -> None:
    """Let Ctrl-C and a closed terminal reach the program only; it tells this process when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        os.setsid()


def _tell(report: Connection, news: Opened | Failed) -> None:
    with contextlib.suppress(OSError):  # nobody is left to be told
        report.send(news)
