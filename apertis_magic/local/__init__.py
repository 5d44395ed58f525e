"""The local model: a small one to download once and to serve on this machine."""

from apertis_magic.local.server import (
    ANSWER_LENGTH,
    ANSWERS,
    CONTEXT_LENGTH,
    ENGINE_INSTALL,
    Endpoint,
    LocalServer,
    current,
    engine_hint,
    engine_installed,
)
from apertis_magic.local.steps import Step, ready
from apertis_magic.local.weights import (
    MODEL,
    SHARED,
    SMOLLM2,
    Progress,
    Weights,
    install,
    installed,
    is_shared,
    path,
    remove,
    shared_folder,
)

__all__ = [
    "ANSWERS",
    "ANSWER_LENGTH",
    "CONTEXT_LENGTH",
    "ENGINE_INSTALL",
    "MODEL",
    "SHARED",
    "SMOLLM2",
    "Endpoint",
    "LocalServer",
    "Progress",
    "Step",
    "Weights",
    "current",
    "engine_hint",
    "engine_installed",
    "install",
    "installed",
    "is_shared",
    "path",
    "ready",
    "remove",
    "shared_folder",
]
