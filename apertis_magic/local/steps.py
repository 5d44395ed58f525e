"""All that it takes until the local model answers: engine, weights, server."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from apertis_magic.errors import LocalModelError
from apertis_magic.local import server, weights
from apertis_magic.local.server import Endpoint
from apertis_magic.local.weights import SMOLLM2, Progress, Weights

Step: TypeAlias = Weights | Progress | Path
"""What is to be downloaded, how far that is, or the file when it has come."""


def ready(tell: Callable[[Step], None]) -> Endpoint:
    """Start the local model unless it runs, and download it if it is not there.

    Args:
        tell: called with each step of a download, about five times a second.

    Returns:
        Where it is served.

    Raises:
        LocalModelError: it cannot be had; the message says why in one line.
    """
    if not server.engine_installed():
        raise LocalModelError(
            "The engine of the local model is not installed.",
            hint=server.engine_hint(),
        )
    running = server.current().endpoint
    if running is not None:
        return running
    file = weights.path()
    if weights.is_shared(file):
        weights.verify(file)  # what many share is not for one of them to mend
    elif not weights.intact():
        tell(SMOLLM2)
        tell(weights.install(tell))
    return server.current().start()
