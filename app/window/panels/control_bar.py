"""The bottom bar: go live, record, snapshot, and panic."""

from PySide6.QtCore import QElapsedTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy

from app.window.widgets.controls import ActionButton

PANIC_GUARD_MS = 800
"""A second click this soon after panic is a slip of the hand, never the wish to be seen again."""


class ControlBar(QFrame):
    """Four large buttons.

    Panic fails closed: P and Esc only ever hide. To come back one has to press the button, or Shift+P.

    Signals:
        live_wanted(bool): Feed the virtual camera, or stop.
        record_wanted(bool): Record, or stop.
        snapshot_wanted(): Keep the picture of now.
        panic_wanted(bool): Show the standby card at once, or come back.
    """

    live_wanted = Signal(bool)
    record_wanted = Signal(bool)
    snapshot_wanted = Signal()
    panic_wanted = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "bar")
        self.live = ActionButton("Go live", "live", "G", "primary")
        self.record = ActionButton("Record", "record", "R")
        self.record.set_checked_icon("record", "stop")
        self.snapshot = ActionButton("Snapshot", "snapshot", "S")
        self.snapshot.setToolTip("Keep the picture of now (S)")
        self.panic = ActionButton("Panic", "panic", "P", "danger")
        self.panic.set_checked_icon("panic", "curtain_open")
        self.panic.setToolTip("Show the standby card at once (P or Esc)")
        for button in (self.live, self.record, self.panic):
            button.setCheckable(True)
            button.setMinimumWidth(168)
        self.snapshot.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._since_panic = QElapsedTimer()
        self._subject = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(8)
        for button in (self.live, self.record, self.snapshot):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.panic)
        # A click does not settle anything: the engine's answer does (``show_*``), so the marks never lie.
        self.live.clicked.connect(self._on_live)
        self.record.clicked.connect(self._on_record)
        self.snapshot.clicked.connect(self.snapshot_wanted)
        self.panic.clicked.connect(self._on_panic)
        self.show_subject("the avatar")

    def show_subject(self, subject: str) -> None:
        """Say in the tool tips whose picture goes out."""
        self._subject = subject
        self.live.setToolTip(f"Show {subject} in the virtual camera, for calls and OBS (G)")
        self.record.setToolTip(f"Record {subject} to a file (R)")

    def show_live(self, is_live: bool) -> None:
        """Show whether the virtual camera is fed."""
        self.live.setChecked(is_live)
        self.live.setText("Stop live" if is_live else "Go live")

    def show_recording(self, is_recording: bool, seconds: float = 0.0) -> None:
        """Show whether a recording runs, and for how long."""
        self.record.setChecked(is_recording)
        minutes, rest = divmod(int(seconds), 60)
        self.record.setText(f"Stop {minutes:02d}:{rest:02d}" if is_recording else "Record")

    def show_panic(self, is_panic: bool) -> None:
        """Show whether the standby card is up."""
        if is_panic and not self.panic.isChecked():
            self._since_panic.start()
        self.panic.setChecked(is_panic)
        self.panic.setText("Come back" if is_panic else "Panic")
        self.panic.set_key("⇧P" if is_panic else "P")
        self.panic.setToolTip(
            f"Show {self._subject} again (Shift+P)"
            if is_panic
            else "Show the standby card at once (P or Esc)"
        )

    def press_panic(self) -> None:
        """Hide at once, from a key."""
        self.show_panic(True)
        self.panic_wanted.emit(True)

    def press_return(self) -> None:
        """Come back, from a key; ignored right after panic."""
        if self.panic.isChecked() and not self._is_guarded():
            self.show_panic(False)
            self.panic_wanted.emit(False)

    def _is_guarded(self) -> bool:
        return self._since_panic.isValid() and self._since_panic.elapsed() < PANIC_GUARD_MS

    def _on_live(self, is_wanted: bool) -> None:
        self.live.setChecked(not is_wanted)
        self.live_wanted.emit(is_wanted)

    def _on_record(self, is_wanted: bool) -> None:
        self.record.setChecked(not is_wanted)
        self.record_wanted.emit(is_wanted)

    def _on_panic(self, is_wanted: bool) -> None:
        self.panic.setChecked(not is_wanted)
        if is_wanted:
            self.press_panic()
        else:
            self.press_return()
