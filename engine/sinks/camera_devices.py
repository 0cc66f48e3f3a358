"""Which virtual cameras this machine has, and what to install where there is none. Imports no library."""

import importlib.util
import os
import sys
from pathlib import Path

_HINTS = {
    "linux": "Install v4l2loopback (Debian, Ubuntu: sudo apt install v4l2loopback-dkms), then run: "
    'sudo modprobe v4l2loopback devices=1 exclusive_caps=1 card_label="Understudy"',
    "win32": "Install OBS Studio (obsproject.com), which brings the OBS Virtual Camera; OBS need not run.",
    "darwin": "Install OBS Studio 30 or newer (obsproject.com), press Start Virtual Camera in it once, allow "
    "the system extension, and press Stop.",
}


def virtual_camera_available() -> tuple[bool, str]:
    """Say whether this machine has a virtual camera, without opening it or importing its library.

    Returns:
        True and the device's name, or False and what to do.
    """
    if importlib.util.find_spec("pyvirtualcam") is None:
        return False, "Install the package pyvirtualcam."
    device = _find_device()
    return (True, device) if device else (False, installation_hint())


def installation_hint(platform: str = sys.platform) -> str:
    """Return what a user of ``platform`` (as in ``sys.platform``) installs to get a virtual camera."""
    return _HINTS.get(platform, "This system has no virtual camera that Understudy knows.")


def find_linux_devices(
    system: Path = Path("/sys/devices/virtual/video4linux"), devices: Path = Path("/dev")
) -> list[str]:
    """Return the loopback devices that may be written, with their labels: ``/dev/video2 (Understudy)``."""
    found = []
    for entry in sorted(system.glob("video*")):
        device = devices / entry.name
        if os.access(device, os.R_OK | os.W_OK):
            label = (entry / "name").read_text(encoding="utf-8").strip() if (entry / "name").exists() else ""
            found.append(f"{device} ({label})")
    return found


def _find_device() -> str:
    if sys.platform == "win32":
        return _find_windows_device()
    if sys.platform == "darwin":
        return "OBS Virtual Camera" if Path("/Applications/OBS.app").exists() else ""
    return next(iter(find_linux_devices()), "")


def _find_windows_device() -> str:
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415 - exists on Windows only

        class_id = r"SOFTWARE\Classes\CLSID\{A3FCE0F5-3493-419F-958A-ABA1250EC20B}"  # OBS Virtual Camera
        try:
            winreg.CloseKey(winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, class_id))
        except OSError:
            return ""
        return "OBS Virtual Camera"
    return ""
