"""How another Python is started: with nothing in its path of the notebook's folder.

A ``pip.py`` or ``json.py`` that lies there, whoever put it there, must not run.
"""

import os
import sys
from pathlib import Path

PYTHON = [sys.executable, "-P"]
"""This Python, without its current folder in its path."""


def environment(*first: Path, **others: str) -> dict[str, str]:
    """Return the environment of a child, whose own children are as careful.

    What of ``PYTHONPATH`` is the current folder, or relative to it, is left out.

    Args:
        first: folders to find modules in before all others.
        others: variables to set.
    """
    current = Path.cwd()
    found = [Path(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    known = [each for each in found if each.is_absolute() and not _is(each, current)]
    path = os.pathsep.join(map(str, (*first, *known)))
    return {**os.environ, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", **others}


def _is(folder: Path, other: Path) -> bool:
    try:
        return folder.samefile(other)
    except OSError:
        return False
