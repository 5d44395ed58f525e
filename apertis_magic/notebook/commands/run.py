"""Runs a ``%chat`` line: finds its row, reads it by the row, calls the function."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.credentials import redact
from apertis_magic.notebook.asking import Asker
from apertis_magic.notebook.commands import command_line
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.commands.command_table import COMMANDS, STATUS, Command
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.options import closest


class ChatCommands:
    """The commands of one shell.

    Args:
        shell: where the cells run.
        settings: what the user prefers.

    Attributes:
        asker: who asks in this shell.
    """

    def __init__(self, shell: InteractiveShell, settings: ApertisMagic) -> None:
        self.asker = Asker(shell, settings)
        self._settings = settings

    def run(self, line: str) -> None:
        """Run a ``%chat`` line.

        Raises:
            UsageError: there is no such command, or it does not take what is behind it.
        """
        name, rest = [*line.split(None, 1), "", ""][:2]
        command = COMMANDS.get("help" if name in ("-h", "--help") else name)
        if command is None or not command.if_key:
            self.asker.check_line(line, asks=command is not None and command.asks)
        if not name:
            command = STATUS
        if command is None:
            raise UsageError(
                f"%chat: there is no command {redact(name)!r}."
                f"{closest(name, COMMANDS)} A question is "
                "%chat ask and its text, or a cell that begins with %%chat; "
                "%chat help lists the commands."
            )
        with self.asker.noting():
            function_of(command)(
                command_line.read(command, rest.strip(), self.asker, self._settings)
            )
        self.asker.tell_damage()


def function_of(command: Command) -> Callable[[CommandLine], None]:
    """Return what does a command, from its module, which few commands need."""
    module, _, name = command.function.partition(":")
    home = import_module(f"apertis_magic.notebook.commands.{module}")
    return cast("Callable[[CommandLine], None]", getattr(home, name))
