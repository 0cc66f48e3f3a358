"""Whether there is a display to open a window on, asked without Qt (which aborts instead of raising)."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from engine.errors import DisplayMissingError

_HINT = (
    "Use `understudy animate` or `understudy live`, which need no window, or start it from a desktop session."
)
_WITHOUT_DISPLAY = frozenset({"offscreen", "minimal", "vnc", "linuxfb", "eglfs"})


def check_display(environment: Mapping[str, str] | None = None, platform: str = sys.platform) -> None:
    """Return when a window can be opened.

    Args:
        environment: Environment variables; those of this process by default.
        platform: ``sys.platform``.

    Raises:
        DisplayMissingError: no display is announced, or the announced one does not answer.
    """
    if not platform.startswith("linux"):
        return
    environment = os.environ if environment is None else environment
    if environment.get("QT_QPA_PLATFORM", "").split(":")[0] in _WITHOUT_DISPLAY:
        return
    if _has_wayland(environment):
        return
    display = environment.get("DISPLAY", "")
    if not display:
        message = "There is no display: neither DISPLAY nor WAYLAND_DISPLAY is set."
        raise DisplayMissingError(message, hint=_HINT)
    if not _answers(display):
        raise DisplayMissingError(f"The display {display!r} does not answer.", hint=_HINT)


def _has_wayland(environment: Mapping[str, str]) -> bool:
    name = environment.get("WAYLAND_DISPLAY", "")
    return bool(name) and (Path(environment.get("XDG_RUNTIME_DIR", "/")) / name).exists()


def _answers(display: str) -> bool:
    """Return whether the X server of a local ``DISPLAY`` accepts a connection; a remote one is believed."""
    host, _, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if host not in ("", "unix") or not number.isdigit():
        return bool(host)
    path = f"/tmp/.X11-unix/X{number}"  # where X servers listen, by convention
    # The abstract name comes first in libxcb too: a container may have no /tmp/.X11-unix.
    return any(_connects(address) for address in (f"\0{path}", path))


def _connects(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2.0)
        try:
            connection.connect(address)
        except OSError:
            return False
    return True
