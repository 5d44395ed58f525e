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

_seen_with_ids: set[str] = set()
"""Notebooks of this process whose files had ids, under the names that they had then."""


def last(notebook: str | None) -> bool:
    """Tell whether the ids of a notebook's cells last.

    Args:
        notebook: the path of its file, None where nothing tells it. Where there never
            was such a file, or it is kept as text, the ids are taken for new ones each
            time that it is opened.
    """
    if notebook is None:
        return False
    try:
        minors = _MINOR.findall(_ends(Path(notebook)))
    except FileNotFoundError:
        return notebook in _seen_with_ids  # the kernel hears of no new name
    except (OSError, ValueError):
        return False
    lasts = bool(minors) and int(minors[-1]) >= _WITH_IDS
    if lasts:
        _seen_with_ids.add(notebook)
    return lasts


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
