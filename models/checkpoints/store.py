"""Where published models lie, whoever put them there.

``UNDERSTUDY_MODELS_DIR`` names the folder; else it is in ``UNDERSTUDY_HOME``, else in the system's place for
data. A repository of the hub lies in it under its id, "owner/name".
"""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs


def models_dir(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of published models. It is not made here."""
    variables = os.environ if environment is None else environment
    chosen, home = variables.get("UNDERSTUDY_MODELS_DIR", ""), variables.get("UNDERSTUDY_HOME", "")
    if chosen:
        return Path(chosen)
    data = Path(home) / "data" if home else Path(platformdirs.user_data_dir("understudy", False))
    return data / "models"
