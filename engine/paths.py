"""Where files live: the system's places for configuration, data, cache and logs.

``UNDERSTUDY_HOME`` puts all of them below one folder, ``UNDERSTUDY_MODELS_DIR`` the published models
elsewhere.
Nothing is made here; whoever writes makes the folder.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from models.checkpoints import store

_APP = "understudy"
_HOME = "UNDERSTUDY_HOME"


def _place(kind: str, default: str, environment: Mapping[str, str] | None) -> Path:
    home = (os.environ if environment is None else environment).get(_HOME, "")
    return Path(home) / kind if home else Path(default)


def data_dir(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of things that took work to get (the user's avatars, downloads)."""
    return _place("data", platformdirs.user_data_dir(_APP, False), environment)


def models_dir(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of published models."""
    return store.models_dir(environment)


def cache_dir(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of things that can be made again (compiled networks)."""
    return _place("cache", platformdirs.user_cache_dir(_APP, False), environment)


def logs_dir(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the log files."""
    return _place("logs", platformdirs.user_log_dir(_APP, False), environment)


def graphs_dir() -> Path:
    """Folder of the networks as exported and compiled for this machine; empty before the first start."""
    return cache_dir() / "graphs"
