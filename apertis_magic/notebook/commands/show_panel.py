"""Shows the current conversation in a panel, the same one for all cells of a shell."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from IPython.core.error import UsageError
from IPython.display import display

from apertis_magic.notebook.commands.command_line import CommandLine

if TYPE_CHECKING:
    from apertis_magic.notebook.asking import Asker
    from apertis_magic.panel.widget import ChatPanel

_panels: "WeakKeyDictionary[Asker, ChatPanel]" = WeakKeyDictionary()
"""The panel of each shell, by who asks there."""


def show(line: CommandLine) -> None:
    """Show the panel.

    Raises:
        UsageError: a terminal has no widgets.
    """
    if line.asker.in_terminal:
        raise UsageError("%chat panel needs a notebook; a terminal has no widgets.")
    if line.asker not in _panels:
        from apertis_magic.panel.widget import ChatPanel

        _panels[line.asker] = ChatPanel()
    display(_panels[line.asker])
