"""The magics ``%%chat`` and ``%chat``: parse the line, call the Session, display."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook import options

if TYPE_CHECKING:
    from apertis_magic.chat.session import Session
    from apertis_magic.chat.turn import Cell

_BLANK_ENDS = re.compile(r"\A(?:[^\S\n]*\n)+|(?:\n[^\S\n]*)+\Z")
_EXAMPLES = (
    "%%chat\nWhy is the sky blue?",
    "%%chat -t 0 --max-tokens 200\nSay it in one sentence.",
    "%%chat --new -s 'You are a patient teacher.'\nWhat is a list comprehension?",
)


def load(shell: InteractiveShell) -> None:
    """Register the magics with *shell*."""
    magics = ChatMagics(shell)
    shell.register_magics(magics)
    shell.events.register("post_run_cell", magics.after_cell)
    shell.input_transformer_manager.cleanup_transforms.insert(0, give_body)


def unload(shell: InteractiveShell) -> None:
    """Take the magics out of *shell*; the Session stays."""
    magics = shell.magics_manager.registry.pop(ChatMagics.__name__)
    shell.events.unregister("post_run_cell", magics.after_cell)
    shell.input_transformer_manager.cleanup_transforms.remove(give_body)
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

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self._execution: str | None = None
        self._told_model_is_fixed = False

    @no_var_expand
    @line_cell_magic
    def chat(self, line: str, cell: str | None = None) -> None:
        """Ask a model: the cell's text is the message, and its answer streams in.

        ``%%chat -h`` shows the options; ``%chat`` alone shows where things stand.
        """
        if cell is None:
            self._command(line)
        else:
            self._ask(line, cell)

    def after_cell(self, _result: object = None) -> None:
        """Tell the Session that the cell which asked has ended."""
        if self._execution is not None:
            _session().end_execution(self._execution)
            self._execution = None

    def _ask(self, line: str, body: str) -> None:
        given = options.parse(line)
        if given.help:
            print(options.help_text())  # noqa: T201  for the person who asked
            return
        prompt = _BLANK_ENDS.sub("", body)
        if not prompt.strip():
            raise UsageError("%%chat: the message is empty; write it below this line.")
        from apertis_magic.notebook import cell as face  # noqa: PLC0415  late import

        session = _session()
        self._tell_if_model_is_fixed(session, given.model)
        reply = session.ask(
            prompt,
            model=given.model,
            system=given.system,
            cell=self._this_cell(),
            fresh=given.new,
            stream=given.stream,
            options=given.fields,
        )
        try:
            face.show(reply, face.view_for(self.shell), session.current.name)
        finally:
            if given.out is not None and reply.turn is not None:
                self.shell.push({given.out: reply.turn})

    def _command(self, line: str) -> None:
        words = options.split(line)
        if not words:
            self._status()
            return
        name, *rest = words
        command = _COMMANDS.get(name)
        if command is None:
            near = options.closest(name, _COMMANDS)
            raise UsageError(
                f"%chat: there is no command {name!r}.{near} A message goes into a "
                "cell that begins with %%chat; %chat help lists the commands."
            )
        command(self, rest)

    def _status(self) -> None:
        """Show where things stand and three cells to try."""
        from apertis_magic.render import bundle  # noqa: PLC0415  late import

        session = _session()
        turns = session.current.turns
        used = sum(t.usage.total_tokens or 0 for t in turns if t.usage)
        rows = {
            **_address(session),
            "conversation": f"{session.current.name}, {len(turns)} turns",
            "tokens": f"{used} in these turns",
        }
        display(bundle.card("apertis_magic", rows, _EXAMPLES), raw=True)

    def _help(self, words: list[str]) -> None:
        """List the commands."""
        _no_more("help", words)
        lines = [f"  {name:6} {_first_line(run)}" for name, run in _COMMANDS.items()]
        print(  # noqa: T201  for the person who asked
            "%chat           show where things stand",
            *(line.replace("  ", "%chat ", 1) for line in lines),
            "",
            options.help_text(),
            sep="\n",
        )

    def _show(self, words: list[str]) -> None:
        """Show the conversation so far."""
        _no_more("show", words)
        from apertis_magic.render import bundle  # noqa: PLC0415  late import

        talk = _session().current
        if not talk.turns:
            print("The conversation is empty.")  # noqa: T201  for a person
            return
        display(
            bundle.transcript(talk.turns, system=talk.system, stale=talk.stale),
            raw=True,
        )

    def _reset(self, words: list[str]) -> None:
        """Drop all turns; the model and the system prompt stay."""
        _no_more("reset", words)
        count = _session().current.reset()
        print(f"Dropped {count} turns.")  # noqa: T201  for the person who asked

    def _local(self, words: list[str]) -> None:
        """Answer with a small model on this machine (local stop, local status)."""
        from apertis_magic.notebook import local_model  # noqa: PLC0415  late import

        actions: Mapping[str, Callable[[Session], None]] = {
            "": local_model.start,
            "stop": local_model.stop,
            "status": local_model.status,
        }
        action = actions.get(" ".join(words))
        if action is None:
            raise UsageError("%chat local takes nothing, stop or status.")
        action(_session())
        self._told_model_is_fixed = False

    def _tell_if_model_is_fixed(self, session: "Session", model: str | None) -> None:
        settings = session.settings
        if model and settings.fixed_model and not self._told_model_is_fixed:
            self._told_model_is_fixed = True
            print(  # noqa: T201  for the person who asked for another
                f"{settings.model} answers every question until %chat local stop; "
                f"-m {model} is ignored."
            )

    def _this_cell(self) -> "Cell | None":
        """Return the cell that runs now, where the front end tells its id."""
        from apertis_magic.chat.turn import Cell  # noqa: PLC0415  late import

        kernel = getattr(self.shell, "kernel", None)
        request = kernel.get_parent() if kernel is not None else {}
        cell_id = request.get("metadata", {}).get("cellId")
        if not cell_id:
            return None
        self._execution = request["header"]["msg_id"]
        return Cell(cell_id, self._execution)


def _session() -> "Session":
    # Late, so that loading the extension imports no HTTP client.
    from apertis_magic.chat import session  # noqa: PLC0415  late import

    return session.current()


def _address(session: "Session") -> dict[str, str]:
    try:
        settings = session.settings
    except ConfigurationError as error:
        return {"key": f"{error} {error.hint}"}
    return {
        "model": session.current.model or settings.model,
        "address": settings.base_url,
        "key": "set" if settings.api_key else "none",
    }


def _no_more(name: str, words: list[str]) -> None:
    if words:
        raise UsageError(f"%chat {name} takes nothing more, not {words[0]!r}.")


def _first_line(run: Callable[..., Any]) -> str:
    return (run.__doc__ or "").splitlines()[0]


_COMMANDS: Mapping[str, Callable[[ChatMagics, list[str]], None]] = {
    "show": ChatMagics._show,  # noqa: SLF001  this module's own table
    "reset": ChatMagics._reset,  # noqa: SLF001  as above
    "local": ChatMagics._local,  # noqa: SLF001  as above
    "help": ChatMagics._help,  # noqa: SLF001  as above
}
