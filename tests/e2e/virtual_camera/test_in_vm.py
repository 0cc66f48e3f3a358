"""Understudy's virtual camera on a real device, in a virtual machine.

    python -m pytest -m vm -s tests/e2e/virtual_camera

It is no part of the quick check: it installs Debian packages, and runs only when asked for by its marker.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.vm
@pytest.mark.timeout(900)
def test_numbers_come_over_and_the_card_follows_a_kill(request: pytest.FixtureRequest) -> None:
    if "vm" not in request.config.getoption("-m"):
        pytest.skip("runs only with -m vm")
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        pytest.skip("the virtual machine is built from Debian packages, as root")
    result = subprocess.run(["bash", HERE / "run_in_vm.sh", sys.executable], check=False)
    assert result.returncode == 0
