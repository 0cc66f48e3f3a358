"""Telemetry is off before anything is imported, and a user's own choice is left alone."""

import subprocess
import sys
from pathlib import Path

from engine.quiet import silence


def test_switches_are_set_and_those_of_the_user_are_kept() -> None:
    environment = {"HF_HUB_OFFLINE": "0"}
    silence(environment)
    assert environment["HF_HUB_OFFLINE"] == "0"
    for name in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        assert environment[name] == "1"


def test_matplotlib_keeps_its_cache_with_ours_unless_the_user_chose() -> None:
    environment = {"UNDERSTUDY_HOME": "home"}
    silence(environment)
    assert Path(environment["MPLCONFIGDIR"]) == Path("home/cache/matplotlib")
    environment = {"UNDERSTUDY_HOME": "home", "MPLCONFIGDIR": "mine"}
    silence(environment)
    assert environment["MPLCONFIGDIR"] == "mine"


def test_openvino_is_imported_without_its_telemetry() -> None:
    code = (
        "from engine.quiet import silence; silence(); import sys, openvino; "
        "print(sys.modules['openvino_telemetry'], "
        "[name for name in sys.modules if name.startswith('openvino_telemetry.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "[]"]
