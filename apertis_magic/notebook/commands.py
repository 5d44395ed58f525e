"""What ``%%chat`` and the ``%chat`` commands do: call the Session, display."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from apertis_magic.chat import session
from apertis_magic.chat.session import Session
from apertis_magic.chat.turn import Cell
from apertis_magic.clean import redact
from apertis_magic.errors import ConfigurationError, ModelNotFound
from apertis_magic.notebook import options

_EXAMPLES = (
    "%%chat\nWhy is the sky blue?",
    "%%chat -t 0 --max-tokens 200\nSay it in one sentence.",
    "%%chat --new -s 'You are a patient teacher.'\nWhat is a list comprehension?",
)


class ChatCommands:
    """The commands of one shell, which all work on the process's Session.

    Args:
        shell: where the cells run, and where ``-o`` binds its names.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._execution: str | None = None
        self._told_model_is_fixed = False

    def ask(self, line: str, body: str) -> None:
        """Ask what a ``%%chat`` cell says and show the answer.

        Raises:
            UsageError: the line is wrong, or there is no message.
            ApertisError: the question failed.
            Interrupted: the user stopped it.
        """
        given = options.parse(line)
        if given.help:
            _say(options.help_text())
            return
        prompt = _without_blank_ends(body)
        if not prompt:
            raise UsageError("%%chat: the message is empty; write it below this line.")
        here = session.current()
        if here.settings.fixed_model:
            self._check_local_model(here.settings.model, given.model)
        reply = here.ask(
            prompt,
            model=given.model,
            system=given.system,
            cell=self._this_cell(),
            fresh=given.new,
            stream=given.stream,
            **given.fields,
        )
        try:
            # Late: the renderer is made ready while the request is under way.
            from apertis_magic.notebook import cell as face  # noqa: PLC0415  see above

            face.show(reply, face.view_for(self._shell), here.current.name)
        except ModelNotFound as error:
            from apertis_magic.notebook import models  # noqa: PLC0415  few need it

            error.hint = models.hint(here, reply.asked_model) or error.hint
            raise
        finally:
            reply.stop()
            if given.out is not None and reply.turn is not None:
                self._shell.push({given.out: reply.turn})

    def run(self, line: str) -> None:
        """Run a ``%chat`` line.

        Raises:
            UsageError: there is no such command.
        """
        words = options.split(line)
        if not words:
            self._status()
            return
        name, *rest = words
        command = COMMANDS.get("help" if name in ("-h", "--help") else name)
        if command is None:
            near = options.closest(name, COMMANDS)
            raise UsageError(
                f"%chat: there is no command {redact(name)!r}.{near} A message goes "
                "into a cell that begins with %%chat; %chat help lists the commands."
            )
        command(self, rest)

    def after_cell(self) -> None:
        """Tell the Session that the cell which asked has ended."""
        if self._execution is not None:
            session.current().end_execution(self._execution)
            self._execution = None

    def _status(self) -> None:
        from apertis_magic.render import bundle  # noqa: PLC0415  see ask

        here = session.current()
        turns = here.current.turns
        used = sum(t.usage.total_tokens or 0 for t in turns if t.usage)
        rows = {
            **_address(here),
            "conversation": f"{here.current.name}, {len(turns)} turns",
            "tokens": f"{used} in these turns",
        }
        display(bundle.card("apertis_magic", rows, _EXAMPLES), raw=True)

    def help(self, words: list[str]) -> None:
        """List the commands."""
        _no_more("help", words)
        _say("%chat           show where things stand")
        for name, command in COMMANDS.items():
            _say(f"%chat {name:8}  {(command.__doc__ or '').splitlines()[0]}")
        _say("", options.help_text())

    def show(self, words: list[str]) -> None:
        """Show the conversation so far."""
        _no_more("show", words)
        talk = session.current().current
        if not talk.turns:
            _say("The conversation is empty.")
            return
        from apertis_magic.render import bundle  # noqa: PLC0415  see ask

        transcript = bundle.transcript(talk.turns, system=talk.system, stale=talk.stale)
        display(transcript, raw=True)

    def reset(self, words: list[str]) -> None:
        """Drop all turns; the model and the system prompt stay."""
        _no_more("reset", words)
        _say(f"Dropped {session.current().current.reset()} turns.")

    def models(self, words: list[str]) -> None:
        """List the server's models (models WORD … for some, --refresh)."""
        from apertis_magic.notebook import models  # noqa: PLC0415  few need it

        models.show(session.current(), words)

    def model(self, words: list[str]) -> None:
        """Show or set the conversation's model (model ID, model default)."""
        from apertis_magic.notebook import models  # noqa: PLC0415  few need it

        models.choose(session.current(), words)

    def local(self, words: list[str]) -> None:
        """Answer with a small model on this machine (local stop, local status)."""
        from apertis_magic.notebook import local_model  # noqa: PLC0415  few need it

        actions: Mapping[str, Callable[[Session], None]] = {
            "": local_model.start,
            "stop": local_model.stop,
            "status": local_model.status,
        }
        action = actions.get(" ".join(words))
        if action is None:
            raise UsageError("%chat local takes nothing, stop or status.")
        action(session.current())
        self._told_model_is_fixed = False

    def _check_local_model(self, local: str, asked: str | None) -> None:
        """See that the local model still runs, and say once that -m is ignored."""
        from apertis_magic.notebook import local_model  # noqa: PLC0415  few need it

        local_model.check()
        if asked and not self._told_model_is_fixed:
            self._told_model_is_fixed = True
            _say(
                f"{local} answers every question until %chat local stop; "
                f"-m {asked} is ignored."
            )

    def _this_cell(self) -> Cell | None:
        """Return the cell that runs now, where the front end tells its id."""
        kernel = getattr(self._shell, "kernel", None)
        request: Mapping[str, Any] = kernel.get_parent() if kernel is not None else {}
        cell_id = request.get("metadata", {}).get("cellId")
        if not cell_id:
            return None
        self._execution = str(request["header"]["msg_id"])
        return Cell(cell_id, self._execution)


def _without_blank_ends(body: str) -> str:
    lines = body.split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


def _address(here: Session) -> dict[str, str]:
    try:
        settings = here.settings
    except ConfigurationError as error:
        return {"problem": f"{error} {error.hint}"}
    return {
        "model": here.current.model or settings.model,
        "address": settings.base_url,
        "key": "set" if settings.api_key else "none",
    }


def _no_more(name: str, words: list[str]) -> None:
    if words:
        raise UsageError(f"%chat {name} takes nothing more, not {words[0]!r}.")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


COMMANDS: Mapping[str, Callable[[ChatCommands, list[str]], None]] = {
    "show": ChatCommands.show,
    "reset": ChatCommands.reset,
    "models": ChatCommands.models,
    "model": ChatCommands.model,
    "local": ChatCommands.local,
    "help": ChatCommands.help,
}
