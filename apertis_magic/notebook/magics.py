"""Registers ``%%chat`` and ``%chat``; loading imports nothing that they need later."""

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from apertis_magic.notebook import completion
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.transforms import ChatLine, Misplaced, give_message

if TYPE_CHECKING:
    from apertis_magic.notebook.commands import ChatCommands


def load(shell: InteractiveShell) -> None:
    """Register the magics with *shell*."""
    magics = ChatMagics(shell)
    magics.former = {
        kind: known["chat"]
        for kind, known in shell.magics_manager.magics.items()
        if "chat" in known
    }
    for other in list(magics.former.values())[-1:]:
        owner = other.__module__.partition(".")[0]
        sys.stdout.write(
            f"apertis_magic takes %%chat over from {owner}; "
            "%unload_ext apertis_magic gives it back.\n"
        )
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.after_cell)
    shell.configurables.append(magics.settings)  # type: ignore[arg-type]  # IPython's
    shell.input_transformer_manager.cleanup_transforms.insert(0, give_message)
    shell.input_transformer_manager.token_transformers += [ChatLine, Misplaced]
    completion.install(shell)


def unload(shell: InteractiveShell) -> None:
    """Take the magics out of *shell*; the Session stays."""
    magics: ChatMagics = shell.magics_manager.registry.pop(ChatMagics.__name__)
    shell.events.unregister("post_run_cell", magics.after_cell)
    configurables: list[Any] = shell.configurables
    for known in (magics, magics.settings):
        configurables.remove(known)
    shell.input_transformer_manager.cleanup_transforms.remove(give_message)
    for transformer in (ChatLine, Misplaced):
        shell.input_transformer_manager.token_transformers.remove(transformer)
    completion.remove(shell)
    for kind, known in shell.magics_manager.magics.items():
        # A third extension may have taken the name over meanwhile.
        if getattr(known.get("chat"), "__self__", None) is magics:
            del known["chat"]
            if kind in magics.former:
                known["chat"] = magics.former[kind]


def _help() -> str:
    from apertis_magic.notebook.options import help_text  # noqa: PLC0415  see above

    return help_text()


@magics_class
class ChatMagics(Magics):
    """Talk to a language model from notebook cells.

    Attributes:
        settings: what ``%config ApertisMagic`` sets.
        former: the magics of the same name that another extension had registered.
    """

    shell: InteractiveShell
    _commands: "ChatCommands | None" = None

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.settings = ApertisMagic.of(shell)
        self.former: dict[str, Any] = {}

    @no_var_expand
    @line_cell_magic
    def chat(self, line: str, cell: str | None = None) -> None:
        """Ask a model: the cell's text is the message, and its answer streams in."""
        if self._commands is None:
            from apertis_magic.notebook.commands import (  # noqa: PLC0415  see above
                ChatCommands,
            )

            self._commands = ChatCommands(self.shell, self.settings)
        if cell is None:
            self._commands.run(line)
        else:
            with self._commands.asker.noting():
                self._commands.asker.ask(line, cell)

    # What "%%chat?" shows, made when it is asked for.
    chat.getdoc = _help  # type: ignore[union-attr]  # IPython's name

    def after_cell(self, result: ExecutionResult) -> None:
        """Tell that a cell has ended; it may have asked something."""
        if self._commands is not None:
            self._commands.asker.after_cell(succeeded=bool(result.success))
