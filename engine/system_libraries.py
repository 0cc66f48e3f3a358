"""From "cannot open shared object file" to a sentence that says what to install."""

import re
import sys

from engine.errors import EngineFailedError, RuntimeMissingError, UnderstudyError

DEBIAN_PACKAGES = {
    "libGLESv2.so.2": "libgles2",
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libXext.so.6": "libxext6",
    "libX11.so.6": "libx11-6",
    "libxcb.so.1": "libxcb1",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libportaudio.so.2": "libportaudio2",
    "libusb-1.0.so.0": "libusb-1.0-0",
}
"""Debian and Ubuntu packages by the library that they hold, as far as our libraries ask for them."""

_SONAME = re.compile(r"(lib[\w+.-]+\.so(?:\.\d+)*): cannot open shared object file")


def missing_library(text: str) -> str | None:
    """Return the name of the system library that an error's text says is missing, or None."""
    found = _SONAME.search(text)
    return found.group(1) if found else None


def how_to_install(library: str) -> str:
    """Return one sentence with the command that brings ``library``."""
    package = DEBIAN_PACKAGES.get(library)
    if package is None:
        return f"Install the package of your system that holds {library}."
    return f"On Debian or Ubuntu: sudo apt install {package}"


def explained(error: Exception, what: str) -> UnderstudyError:
    """Return ``error`` as something a user can read.

    Args:
        error: Anything unexpected.
        what: What failed, as the beginning of a sentence: "The engine".
    """
    if isinstance(error, ImportError | OSError):
        library = missing_library(str(error))
        if library is not None:
            return RuntimeMissingError(
                f"{what} needs the system library {library}.", hint=how_to_install(library)
            )
    if isinstance(error, ModuleNotFoundError):
        return RuntimeMissingError(
            f"{what} needs the Python package {error.name}.",
            hint=f"Install Understudy again, with {sys.executable} -m pip install .",
        )
    return EngineFailedError(f"{what} failed: {error!r}.", hint="The log file has the details; start again.")
