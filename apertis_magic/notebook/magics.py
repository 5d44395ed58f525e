"""Registers ``%%chat`` and ``%chat``; loading imports nothing that they need later."""

import sys
from collections import ChainMap
from collections.abc import Iterable
from textwrap import fill
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from IPython.core.magic import (
    Magics,
    cell_magic,
    line_magic,
    magics_class,
    needs_local_scope,
    no_var_expand,
)

from apertis_magic.api import defaults
from apertis_magic.notebook import completion
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.frames import running_cell
from apertis_magic.notebook.transforms import ChatLine, Misplaced, give_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from apertis_magic.chat.session import Session
    from apertis_magic.notebook.commands.run import ChatCommands

_OF_CELL = """\
Ask a model: the lines below are the message, and its answer streams in.

    %%chat -t 0
    What is the capital of Japan?

The kernel keeps the conversation. Running the cell again replaces its turn.

{}

%chat? tells the commands."""
_OF_LINE = """\
Ask in one line, or do something with the conversation.

    %chat ask -t 0 What is the capital of Japan?

{}

%%chat? tells the options."""


def load(shell: InteractiveShell) -> None:
    """Register the magics with *shell*."""
    magics = ChatMagics(shell)
    magics.former = {
        kind: known["chat"]
        for kind, known in shell.magics_manager.magics.items()
        if "chat" in known
    }
    for other in list(magics.former.values())[-1:]:
        from apertis_magic.notebook.say import say

        owner = other.__module__.partition(".")[0]
        say(
            f"apertis_magic takes %%chat over from {owner}; "
            "%unload_ext apertis_magic gives it back."
        )
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.after_cell)
    shell.configurables.append(magics.settings)  # type: ignore[arg-type]  # IPython's
    shell.input_transformer_manager.cleanup_transforms.insert(0, give_message)
    shell.input_transformer_manager.token_transformers += [ChatLine, Misplaced]
    completion.install(shell)
    defaults.follow(magics.session)
    if "?" in (cell := running_cell()):
        from apertis_magic.notebook import first_cell

        first_cell.answer_questions(shell, cell)


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
    defaults.leave(magics.session)
    for kind, known in shell.magics_manager.magics.items():
        # A third extension may have taken the name over meanwhile.
        if getattr(known.get("chat"), "__self__", None) is magics:
            del known["chat"]
            if kind in magics.former:
                known["chat"] = magics.former[kind]


def _about_cell() -> str:
    from apertis_magic.notebook.options import OPTIONS, help_text, named

    return _OF_CELL.format(_shown(help_text(), map(named, OPTIONS)))


def _about_line() -> str:
    from apertis_magic.notebook.commands.command_table import COMMANDS, help_text

    return _OF_LINE.format(_shown(help_text(), COMMANDS))


def _shown(text: str, names: Iterable[str]) -> str:
    """Return a text, or what it is about where it would be cut in the middle."""
    from apertis_magic.notebook.front_end import in_vscode

    if not in_vscode():
        return text
    whole = " · ".join(name.replace(" ", "\N{NO-BREAK SPACE}") for name in names)
    lines = fill(whole, 80, break_on_hyphens=False).replace("\N{NO-BREAK SPACE}", " ")
    return f"{lines}\n\n%chat help tells what each of them does."


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
    @cell_magic("chat")  # type: ignore[arg-type]  # IPython's types
    def ask(self, line: str, cell: str) -> Any:
        """Ask a model: the cell's text is the message, and its answer streams in."""
        return self._run(lambda commands: commands.run_cell(line, cell))

    @no_var_expand
    @needs_local_scope
    @line_magic("chat")  # type: ignore[arg-type]  # same
    def command(self, line: str, local_ns: dict[str, Any] | None = None) -> Any:
        """Do what the line says, such as ``ask``; if it is blank, show what is set."""
        variables = ChainMap(local_ns or {}, self.shell.user_ns)
        return self._run(lambda commands: commands.run(line, variables))

    # What "%%chat?" and "%chat?" show, made when it is asked for.
    ask.getdoc = _about_cell  # type: ignore[assignment]  # IPython's name
    command.getdoc = _about_line  # type: ignore[assignment]  # same

    def _run(self, function: "Callable[[ChatCommands], Any]") -> Any:
        """Return what *function* gives, as a value that IPython need not show."""
        handled = sys.exception()  # by the user's own code, around this
        try:
            return self._result(function)
        except KeyboardInterrupt as error:
            from apertis_magic.errors import Interrupted

            told: BaseException | None = error  # others may come while it is told
            while told is not None and told is not handled:
                if isinstance(told, Interrupted):
                    raise told from None
                told = told.__context__
            raise Interrupted("the cell was stopped.") from None

    def _result(self, function: "Callable[[ChatCommands], Any]") -> Any:
        try:
            value = function(self._get_commands())
        except BaseException as error:
            from apertis_magic.errors import ApertisError, Interrupted
            from apertis_magic.notebook import debugger

            if isinstance(error, ApertisError | Interrupted):
                debugger.stay_out(self.shell, error)
            raise
        from apertis_magic.notebook import out

        return out.shown(self.shell, value)

    def _get_commands(self) -> "ChatCommands":
        if self._commands is None:
            from apertis_magic.notebook.commands.run import ChatCommands

            self._commands = ChatCommands(self.shell, self.settings)
        return self._commands

    def session(self) -> "Session":
        """Return the process's Session, which knows what the user prefers now."""
        from apertis_magic.notebook.following import session_with

        return session_with(self.settings)

    def after_cell(self, result: ExecutionResult) -> None:
        """Tell that a cell has ended; it may have asked something."""
        if self._commands is not None:
            self._commands.asker.after_cell(succeeded=bool(result.success))
