"""Native chatter goes to the log, everything else to the terminal."""

import logging
import os
import subprocess
import sys

import pytest

from engine.track.native_log import native_log_fence

CHATTER = b"W0000 00:00:1795228304.66 7739 inference_feedback_manager.cc:114] Feedback manager requires\n"


def test_chatter_is_logged_and_other_lines_pass(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "engine.track.native_log"), native_log_fence():
        os.write(2, CHATTER)
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"a line of somebody else's\n")
    assert capfd.readouterr().err == "a line of somebody else's\n"
    assert "Feedback manager" in caplog.text
    assert "XNNPACK" in caplog.text


def test_the_terminal_is_given_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), native_log_fence():
        raise RuntimeError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_program_without_a_terminal_needs_no_fence() -> None:
    """A window started from the desktop may have no descriptor 2 at all."""
    program = (
        "import os\n"
        "from engine.track.native_log import native_log_fence\n"
        "os.close(2)\n"
        "with native_log_fence():\n"
        "    os.write(1, b'inside')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=240)
    assert done.stdout == b"inside"
