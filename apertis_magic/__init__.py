"""Talk to language models from a notebook: ``%load_ext apertis_magic``, ``%%chat``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from apertis_magic.api.client import Apertis, AsyncApertis
    from apertis_magic.chat.conversation import Conversation
    from apertis_magic.chat.reply import Reply
    from apertis_magic.chat.turn import Turn
    from apertis_magic.errors import ApertisError
    from apertis_magic.panel.widget import ChatPanel

__all__ = [
    "Apertis",
    "ApertisError",
    "AsyncApertis",
    "ChatPanel",
    "Conversation",
    "Reply",
    "Turn",
    "load_ipython_extension",
    "unload_ipython_extension",
]

# Loaded when first used: an import of this package costs next to nothing.
_HOMES = {
    "Apertis": "apertis_magic.api.client",
    "ApertisError": "apertis_magic.errors",
    "AsyncApertis": "apertis_magic.api.client",
    "ChatPanel": "apertis_magic.panel.widget",
    "Conversation": "apertis_magic.chat.conversation",
    "Reply": "apertis_magic.chat.reply",
    "Turn": "apertis_magic.chat.turn",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("apertis-magic")
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES, "__version__"])


def load_ipython_extension(ipython: "InteractiveShell") -> None:
    """Register the magics; called by ``%load_ext apertis_magic``.

    Args:
        ipython: the shell to register them with.
    """
    from apertis_magic.notebook import magics

    magics.load(ipython)


def unload_ipython_extension(ipython: "InteractiveShell") -> None:
    """Take the magics out; called by ``%unload_ext``. Conversations stay.

    Args:
        ipython: the shell to take them out of.
    """
    from apertis_magic.notebook import magics

    magics.unload(ipython)
