"""Registers ``%%chat`` and ``%chat``; loading imports nothing that they need later."""

import re
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from apertis_magic.notebook import completion

if TYPE_CHECKING:
    from apertis_magic.notebook.commands import ChatCommands


def load(shell: InteractiveShell) -> None:
    """Register the magics with *shell*."""
    magics = ChatMagics(shell)
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.after_cell)
    shell.input_transformer_manager.line_transforms.insert(0, give_body)
    completion.install(shell)


def unload(shell: InteractiveShell) -> None:
    """Take the magics out of *shell*; the Session stays."""
    magics = shell.magics_manager.registry.pop(ChatMagics.__name__)
    shell.events.unregister("post_run_cell", magics.after_cell)
    shell.input_transformer_manager.line_transforms.remove(give_body)
    completion.remove(shell)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("chat", None)


def give_body(lines: list[str]) -> list[str]:
    """Add an empty body to a lone ``%%chat`` line, so that the magic sees it.

    IPython refuses a cell magic without a body before the magic runs, ``-h`` or not.
    """
    words = [line for line in lines if line.strip()]
    is_lone = len(words) == 1 and re.match(r"%%chat(?:\s|$)", words[0])
    return [words[0].rstrip() + "\n", "\n"] if is_lone else lines


@magics_class
class ChatMagics(Magics):
    """Talk to a language model from notebook cells."""

    shell: InteractiveShell
    _commands: "ChatCommands | None" = None

    @no_var_expand
    @line_cell_magic
    def chat(self, line: str, cell: str | None = None) -> None:
        """Ask a model: the cell's text is the message, and its answer streams in.

        ``%%chat -h`` shows the options; ``%chat`` alone shows where things stand.
        """
        if self._commands is None:
            from apertis_magic.notebook.commands import (  # noqa: PLC0415  see above
                ChatCommands,
            )

            self._commands = ChatCommands(self.shell)
        if cell is None:
            self._commands.run(line)
        else:
            self._commands.ask(line, cell)

    def after_cell(self, _result: object = None) -> None:
        """Tell that a cell has ended; it may have asked something."""
        if self._commands is not None:
            self._commands.after_cell()
