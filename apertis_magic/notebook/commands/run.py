"""Runs a ``%chat`` line: finds its row, reads it by the row, calls the function."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.clean import excerpt
from apertis_magic.credentials import redact
from apertis_magic.notebook import foreign_words
from apertis_magic.notebook.asking import Answer, Asker, continued
from apertis_magic.notebook.closest import closest
from apertis_magic.notebook.commands import command_line
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.commands.command_table import COMMANDS, STATUS, Command
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.option_line import parse_ask

_ELSEWHERE = {"-h": "help", "--help": "help", "-V": "version", "--version": "version"}
"""What commands are called where they are options."""


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

    def run_cell(self, line: str, body: str) -> Answer | None:
        """Ask what a cell says; with nothing below, its line is a ``%chat`` line.

        Raises:
            UsageError: the line is wrong, or there is no message.
        """
        line, body = continued(line, body)
        if not body.strip():
            self.asker.check_line(line)
            if parse_ask(line)[1]:
                return self.run(line)
        with self.asker.noting():
            return self.asker.ask(line, body)

    def run(self, line: str, values: Mapping[str, Any] | None = None) -> Answer | None:
        """Run a ``%chat`` line.

        Args:
            line: the line.
            values: the variables that it may name; None where it stands for itself.

        Returns:
            The answer that it asked for or showed, None where it did neither.

        Raises:
            UsageError: there is no such command, or it does not take what is behind it.
        """
        command, rest = command_of(line)
        asks = command is not None and command.asks
        if command is None or not command.if_key:
            self.asker.check_line(line, asks=asks)
        if command is None:
            raise UsageError(_unknown(line.strip()))
        variables = self.asker.variables(values, line, asks=asks)
        with self.asker.noting():
            read = command_line.read(
                command, rest.strip(), self.asker, self._settings, variables
            )
            answer = function_of(command)(read)
        self.asker.tell_damage()
        return answer


def function_of(command: Command) -> Callable[[CommandLine], Answer | None]:
    """Return what does a command, from its module, which few commands need."""
    module, _, name = command.function.partition(":")
    home = import_module(f"apertis_magic.notebook.commands.{module}")
    return cast("Callable[[CommandLine], Answer | None]", getattr(home, name))


def command_of(line: str) -> tuple[Command | None, str]:
    """Return the row of the command that a line begins with, and what is behind that.

    Without one it is a question, unless it is a single word.

    Raises:
        UsageError: the one word behind may be a key, which is not sent as a question.
    """
    name, rest = [*line.split(None, 1), "", ""][:2]
    command = STATUS if not name else COMMANDS.get(_ELSEWHERE.get(name, name))
    if command is not None or not (rest or name.startswith("-")):
        return command, rest
    if len(rest.split()) == 1 and _near(name) == _near("key"):
        raise UsageError(
            f"%chat: there is no command {name!r}.{_near(name)} Write that alone: "
            f"{COMMANDS['key'].if_key}. %chat ask … would ask that."
        )
    return COMMANDS["ask"], line


def _near(name: str) -> str:
    return closest(name, COMMANDS, foreign_words.COMMANDS)


def _unknown(name: str) -> str:
    """Return what is said of a single word that is no command."""
    near, shown = _near(name), excerpt(redact(name))
    return (
        f"%chat: there is no command {shown!r}.{near} %chat ask {shown} would "
        "ask that; %chat help lists the commands."
    )
