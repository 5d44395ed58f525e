"""Whether a notebook's file keeps the ids of its cells, as its format tells."""

import os
import re
from pathlib import Path

from apertis_magic.regular import opened

_MINOR = re.compile(rb'"nbformat_minor":\s*(\d+)')
"""A key of the file alone: in a text of it the quotes would be escaped."""

_PIECE = 2_000
"""Bytes at the file's end and at its beginning, where writers put the format."""

_WITH_IDS = 5
"""The minor version of format 4 that brought the ids."""


def last(notebook: str | None) -> bool:
    """Tell whether the ids of a notebook's cells last.

    Args:
        notebook: the path of its file, None where nothing tells it. A notebook that is
            not there was renamed, or is elsewhere, and most are of that format. Of one
            kept as text the ids are new ones each time that it is opened.
    """
    if notebook is None:
        return False
    try:
        ends = _ends(Path(notebook))
    except FileNotFoundError:
        return notebook.endswith(".ipynb")
    except (OSError, ValueError):
        return False
    minors = _MINOR.findall(ends)
    return bool(minors) and int(minors[-1]) >= _WITH_IDS


def _ends(file: Path) -> bytes:
    """Return a file's first bytes and its last ones.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: that cannot be the path of a file.
    """
    with opened(file) as descriptor:
        first = os.read(descriptor, _PIECE)
        size = os.fstat(descriptor).st_size
        os.lseek(descriptor, max(size - _PIECE, 0), os.SEEK_SET)
        return first + os.read(descriptor, _PIECE)
