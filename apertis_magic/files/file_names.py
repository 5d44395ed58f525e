"""Names for a conversation's file that are names of a plain file on every system."""

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

_SHORT = 40
"""Characters of a file's name before its number."""

# What Windows takes for a device, whatever stands behind a dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³])", re.IGNORECASE)


def numbered(stem: str, ending: str) -> Iterator[Path]:
    """Give names in the current folder, the plainest first, without an end.

    Args:
        stem: what they are made of; what may not be in a name is left out.
        ending: the ending, with its dot.
    """
    plain = re.sub(r"[^\w-]+", "-", stem)[:_SHORT].strip("-") or "conversation"
    if _DEVICE.fullmatch(plain):
        plain += "-chat"
    yield Path(f"{plain}{ending}")
    yield from (Path(f"{plain}-{number}{ending}") for number in count(2))


def is_device(name: str) -> bool:
    """Tell whether Windows takes a file's name for a device or a stream of a file."""
    stem = name.split(".", maxsplit=1)[0].rstrip(" ")
    is_console = stem.lower() in ("conin$", "conout$")
    return is_console or ":" in name or bool(_DEVICE.fullmatch(stem))
