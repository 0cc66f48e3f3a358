"""The one door to OpenVINO: opened on first use, with its telemetry locked out.

``import openvino`` also imports ``openvino_telemetry``, which pip installs along with it. Nothing of the
read-compile-infer path sends anything, but the product promises none, so that package is made unimportable
before OpenVINO is imported; OpenVINO then uses its own silent stub.
"""

import sys
from functools import lru_cache
from typing import Any

from models.runtimes.protocol import Precision, RuntimeUnavailableError

_CAPABILITIES = {"FP32": Precision.F32, "BF16": Precision.BF16, "FP16": Precision.F16}


@lru_cache(maxsize=1)
def openvino() -> Any:
    """Return the ``openvino`` module.

    Raises:
        RuntimeUnavailableError: it is not installed, or a library of the system is missing.
    """
    if "openvino" not in sys.modules:
        # None in sys.modules makes every later import of that name an ImportError.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino as library  # noqa: PLC0415 - must come after the lock above, and 0.2 s only when used
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"OpenVINO cannot be loaded ({error}).",
            hint="Reinstall it with `pip install openvino`, or choose the torch runtime.",
        ) from error
    return library


@lru_cache(maxsize=1)
def core() -> Any:
    """Return the process's one ``openvino.Core`` (plug-ins are loaded once)."""
    return openvino().Core()


def cpu_precisions() -> frozenset[Precision]:
    """Return the precisions that this CPU computes natively, as OpenVINO sees it."""
    names = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return frozenset(_CAPABILITIES[name] for name in names if name in _CAPABILITIES)
