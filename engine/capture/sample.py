"""The clip that ships: a real face that turns, blinks, looks around and speaks, with quiet tones."""

import atexit
from contextlib import ExitStack
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

_FILE = "performer.mp4"


@cache
def sample_clip_path() -> Path:
    """Return the clip's path; from a zipped install it is unpacked once and removed at exit."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(as_file(files("assets") / "samples" / _FILE))
