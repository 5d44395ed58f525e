"""The whole story of an error, and of what is installed, for a report of a problem."""

import platform
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version

from apertis_magic.clean import printable, redact
from apertis_magic.errors import ApertisError

_PACKAGES = ("apertis-magic ipython ipykernel ipywidgets httpx markdown nh3").split()
_FACTS = ("status", "code", "param", "request_id", "retry_after", "partial")


def of(error: ApertisError) -> str:
    """Return all that is known of *error*, keys apart: traceback, facts and headers."""
    facts = {name: getattr(error, name) for name in _FACTS}
    lines = [
        "".join(traceback.format_exception(error)).rstrip(),
        *(f"{name}: {value}" for name, value in facts.items() if value),
        *(f"header {name}: {value}" for name, value in error.headers.items()),
    ]
    return printable(redact("\n".join(lines)))


def versions() -> str:
    """Return the versions of this package and of what it stands on."""
    rows = {"python": f"{platform.python_version()} on {sys.platform}"}
    for name in _PACKAGES:
        try:
            rows[name] = version(name)
        except PackageNotFoundError:
            rows[name] = "not installed"
    width = max(map(len, rows))
    return "\n".join(f"{name:{width}}  {value}" for name, value in rows.items())
