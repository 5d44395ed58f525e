"""Where our files live on this machine; nothing here makes a folder or a file."""

from pathlib import Path

import platformdirs

_NAME = "apertis_magic"


def cache_dir() -> Path:
    """Return the folder for what can be fetched again, such as model weights."""
    return platformdirs.user_cache_path(_NAME, appauthor=False)


def config_dir() -> Path:
    """Return the folder for what a person has set and nobody else may read: keys."""
    return platformdirs.user_config_path(_NAME, appauthor=False)


def data_dir() -> Path:
    """Return the folder for what cannot be made again: the journal."""
    return platformdirs.user_data_path(_NAME, appauthor=False)
