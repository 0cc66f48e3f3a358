"""Where files live on the user's machine (platformdirs), and the two variables that move them.

``UNDERSTUDY_HOME`` moves everything below one folder; ``UNDERSTUDY_MODELS_DIR`` moves the models alone.
Nothing is created here: whoever writes first makes the folder.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

_APP = "understudy"


def models_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where downloaded models are kept."""
    if chosen := environment.get("UNDERSTUDY_MODELS_DIR"):
        return Path(chosen)
    if home := environment.get("UNDERSTUDY_HOME"):
        return Path(home) / "models"
    return platformdirs.user_data_path(_APP, appauthor=False) / "models"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where exported and compiled graphs are kept; it may be deleted at any time."""
    if home := environment.get("UNDERSTUDY_HOME"):
        return Path(home) / "cache"
    return platformdirs.user_cache_path(_APP, appauthor=False)
