"""The local model: a small one to download once and to serve on this machine."""

from apertis_magic.local.server import (
    CONTEXT_LENGTH,
    ENGINE_INSTALL,
    Endpoint,
    LocalServer,
    current,
    engine_installed,
)
from apertis_magic.local.steps import Step, ready
from apertis_magic.local.weights import (
    MODEL,
    SMOLLM2,
    Progress,
    Weights,
    install,
    installed,
    path,
    remove,
)

__all__ = [
    "CONTEXT_LENGTH",
    "ENGINE_INSTALL",
    "MODEL",
    "SMOLLM2",
    "Endpoint",
    "LocalServer",
    "Progress",
    "Step",
    "Weights",
    "current",
    "engine_installed",
    "install",
    "installed",
    "path",
    "ready",
    "remove",
]
