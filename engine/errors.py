"""What a user can meet, as types: each error says the bad value and carries a way out.

The command line prints ``message`` and ``hint`` and exits with ``exit_code``; the window shows both.
Programming mistakes stay ``ValueError`` and ``TypeError``.
"""


class UnderstudyError(Exception):
    """A failure a user can meet and mend.

    Args:
        message: One sentence with the offending value.
        hint: One sentence that says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}"


class SourceError(UnderstudyError):
    """The input cannot be opened or read: no such camera or file, no video stream, busy, damaged."""

    exit_code = 2


class CameraBusyError(SourceError):
    """Another program holds the camera, or the system refuses access to it."""


class NoFaceError(UnderstudyError):
    """No face was found where one is needed."""

    exit_code = 3


class AvatarError(UnderstudyError):
    """The avatar picture is unreadable, too small, too large, or shows no face."""

    exit_code = 4


class SinkError(UnderstudyError):
    """The output cannot be opened or written: no device, unwritable path, disk full."""

    exit_code = 5


class VirtualCameraMissingError(SinkError):
    """No virtual-camera device exists on this machine."""


class WeightsError(UnderstudyError):
    """A weights file is missing, truncated, or of another model."""

    exit_code = 6


class RuntimeMissingError(UnderstudyError):
    """A library or device that the chosen runtime needs is missing."""

    exit_code = 7


class MemoryTooSmallError(UnderstudyError):
    """What was asked for does not fit into the memory of the device."""

    exit_code = 10


class TooSlowError(UnderstudyError):
    """This machine is too slow for what was chosen to be shown live."""

    exit_code = 12


class FetchError(UnderstudyError):
    """A published model cannot be fetched: no network, not there, refused, damaged, or no room for it."""

    exit_code = 11


class FetchStoppedError(FetchError):
    """The user stopped a download; what has arrived is kept."""

    exit_code = 130


class DisplayMissingError(UnderstudyError):
    """There is no display to open a window on."""

    exit_code = 8


class SettingsError(UnderstudyError):
    """A setting is out of its range or contradicts another."""

    exit_code = 9


class EngineFailedError(UnderstudyError):
    """Something broke that should not have: a defect, not a mistake of the user. The log has the details."""

    exit_code = 70
