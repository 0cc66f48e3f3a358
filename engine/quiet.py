"""Switches off what libraries would send or look up by themselves. Import nothing heavy before this has run.

Understudy sends nothing. Some of its libraries would: they read environment variables, most of them when
they are imported, so ``silence`` runs first in the command line, in the window and in every child process.
``import openvino`` itself sends an event through the package ``openvino_telemetry``, which has no variable
but a consent file in the user's home. That file is neither read nor written here: the package is blocked,
and OpenVINO falls back to its own do-nothing stub.
"""

import os
import sys
from collections.abc import MutableMapping

from engine.paths import cache_dir

_SWITCHES = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime >= 1.29
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, diffusers, transformers
    "HF_HUB_OFFLINE": "1",  # nothing is fetched unless the user asks for it
    "TRANSFORMERS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",  # honoured by several libraries
    "TORCHINDUCTOR_FORCE_DISABLE_REMOTE_CACHE": "1",
    "GLOG_minloglevel": "2",  # mediapipe's start-up chatter on stderr
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "OPENCV_LOG_LEVEL": "OFF",  # a camera that is not there is our sentence to say
    "OPENCV_VIDEOIO_PRIORITY_OBSENSOR": "0",  # its probe for depth cameras is slow and noisy
}

_BLOCKED_MODULES = ("openvino_telemetry",)


def silence(environment: MutableMapping[str, str] | None = None) -> None:
    """Set the switches that are not set yet, and block the packages that have no switch.

    Args:
        environment: Where to set them; this process's environment (children inherit it) by default.

    Thread: before any other thread starts.
    """
    target = os.environ if environment is None else environment
    for name, value in _SWITCHES.items():
        target.setdefault(name, value)
    # MediaPipe imports matplotlib, which would keep its list of fonts in a folder of its own in the home.
    target.setdefault("MPLCONFIGDIR", str(cache_dir(target) / "matplotlib"))
    if environment is None:
        for module in _BLOCKED_MODULES:
            # None makes ``import`` raise ImportError, which openvino.tools treats as "not installed".
            sys.modules.setdefault(module, None)  # type: ignore[arg-type]  # the documented way to block one


def drop_opencv_qt_paths(environment: MutableMapping[str, str] | None = None) -> None:
    """Take back the Qt paths that importing OpenCV sets on Linux: they point at its own Qt, not at PySide6's.

    Call it after ``import cv2`` and before a window or a child process starts. Paths that the user has set,
    outside OpenCV's folder, stay.
    """
    target = os.environ if environment is None else environment
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in target.get(name, "").replace("\\", "/").split("/"):
            del target[name]
