"""What ``%%chat`` and the ``%chat`` commands do: call the Session, display."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from apertis_magic.chat import session
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.session import Preferences, Session, Settings
from apertis_magic.chat.turn import Cell
from apertis_magic.clean import holds_key, redact
from apertis_magic.errors import ApertisError, ConfigurationError, ModelNotFound
from apertis_magic.notebook import options
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.options import ChatOptions
from apertis_magic.notebook.words import split

if TYPE_CHECKING:
    from apertis_magic.notebook.cell import Slots, View

_EXAMPLES = (
    "%%chat\nWhy is the sky blue?",
    "%%chat -t 0 --max-tokens 200\nSay it in one sentence.",
    "%%chat --new -s 'You are a patient teacher.'\nWhat is a list comprehension?",
)


class ChatCommands:
    """The commands of one shell, which all work on the process's Session.

    Args:
        shell: where the cells run, and where ``-o`` binds its names.
        settings: what the user prefers.
    """

    def __init__(self, shell: InteractiveShell, settings: ApertisMagic) -> None:
        self._shell = shell
        self._settings = settings
        self._execution: str | None = None
        self._slots: Slots | None = None
        self._error: ApertisError | None = None
        self._told_model_is_fixed = False

    @property
    def session(self) -> Session:
        """The process's Session, which knows what the user prefers now."""
        here = session.current()
        here.preferences = Preferences(
            base_url=self._settings.base_url,
            model=self._settings.model,
            system=self._settings.system,
            request=self._settings.request,
        )
        return here

    def ask(self, line: str, body: str) -> None:
        """Ask what a ``%%chat`` cell says and show the answer.

        Raises:
            UsageError: the line is wrong, or there is no message.
            ApertisError: the question failed.
            Interrupted: the user stopped it.
        """
        line, body = _continued(line, body)
        given = options.parse(line)
        prompt = _without_blank_ends(body)
        if not prompt and not given.help:
            raise UsageError("%%chat: the message is empty; write it below this line.")
        self._ask(given, prompt)

    def ask_line(self, rest: str) -> None:
        """Ask what the rest of a ``%chat ask`` line says, its options first."""
        given, prompt = options.parse_ask(rest)
        if not prompt and not given.help:
            raise UsageError("%chat ask: the message is missing; write it behind ask.")
        self._ask(given, prompt)

    def _ask(self, given: ChatOptions, prompt: str) -> None:
        if given.help:
            _say(options.help_text())
            return
        here = self.session
        settings = here.settings
        talk = here.conversation(given.conversation or here.current.name)
        systems = (given.system, talk.system, here.preferences.system)
        fields = (repr(given.fields), repr(given.extra_body))
        _check_holds_no_key(settings, prompt, *systems, *fields)
        if settings.fixed_model:
            self._check_local_model(settings.model, given.model)
        limits = {"timeout": given.timeout, "max_retries": given.max_retries}
        reply = here.ask(
            prompt,
            conversation=given.conversation,
            model=given.model,
            system=given.system,
            cell=self._this_cell(),
            fresh=given.new,
            once=given.once,
            stream=self._settings.stream if given.stream is None else given.stream,
            extra_body=given.extra_body or None,
            **{name: value for name, value in limits.items() if value is not None},
            **given.fields,
        )
        self._show(reply, given)

    def go_on(self, rest: str) -> None:
        """Let the newest answer, which was cut off or stopped, go on."""
        _no_more("continue", rest)
        self._show(self.session.go_on(), ChatOptions())

    def _show(self, reply: Reply, given: ChatOptions) -> None:
        try:
            # Late: the renderer is made ready while the request is under way.
            from apertis_magic.notebook import cell as face  # noqa: PLC0415  see above

            name = given.conversation or self.session.current.name
            face.show(reply, self._view(reply, given), name)
        except ApertisError as error:
            self._error = error
            if isinstance(error, ModelNotFound):
                from apertis_magic.notebook import models  # noqa: PLC0415  few need it

                error.hint = models.hint(self.session, reply.asked_model) or error.hint
            raise
        finally:
            reply.stop()
            if given.out is not None and reply.turn is not None:
                is_text = given.form == "text"
                answer = reply.turn.text if is_text else reply.turn
                self._shell.push({given.out: answer})

    def _view(self, reply: Reply, given: ChatOptions) -> "View":
        from apertis_magic.notebook import cell, terminal  # noqa: PLC0415  see _show

        if given.quiet:
            return cell.NoView()
        foot = self._settings.footer if given.foot is None else given.foot
        kinds = {kind.__name__ for kind in type(self._shell).__mro__}
        if "TerminalInteractiveShell" in kinds:
            return terminal.TerminalView(given.form, foot=foot)
        self._slots = self._slots or cell.Slots()
        return cell.NotebookView(reply.id, self._slots, given.form, foot=foot)

    def run(self, line: str) -> None:
        """Run a ``%chat`` line.

        Raises:
            UsageError: there is no such command.
        """
        name, _, rest = line.strip().partition(" ")
        if not name:
            self._status()
            return
        command = COMMANDS.get("help" if name in ("-h", "--help") else name)
        if command is None:
            near = options.closest(name, COMMANDS)
            raise UsageError(
                f"%chat: there is no command {redact(name)!r}.{near} A question is "
                "%chat ask and its text, or a cell that begins with %%chat; "
                "%chat help lists the commands."
            )
        command.run(self, rest.strip())

    def after_cell(self) -> None:
        """Tell the Session that the cell which asked has ended."""
        self._slots = None
        if self._execution is not None:
            session.current().end_execution(self._execution)
            self._execution = None

    def _status(self) -> None:
        from apertis_magic.render import bundle  # noqa: PLC0415  see _show

        here = self.session
        turns = here.current.turns
        used = sum(t.usage.total_tokens or 0 for t in turns if t.usage)
        rows = {
            **_address(here),
            "conversation": f"{here.current.name}, {len(turns)} turns",
            "tokens": f"{used} in these turns",
        }
        display(bundle.card("apertis_magic", rows, _EXAMPLES), raw=True)

    def help(self, rest: str) -> None:
        """List the commands."""
        _no_more("help", rest)
        rows = {"%chat": "show where things stand"}
        rows |= {f"%chat {each.usage}": each.help for each in COMMANDS.values()}
        width = max(map(len, rows))
        _say(*(f"{name:{width}}  {text}" for name, text in rows.items()))
        _say("", options.help_text())

    def show(self, rest: str) -> None:
        """Show the conversation so far."""
        _no_more("show", rest)
        talk = self.session.current
        if not talk.turns:
            _say("The conversation is empty.")
            return
        from apertis_magic.render import bundle  # noqa: PLC0415  see _show

        transcript = bundle.transcript(talk.turns, system=talk.system, stale=talk.stale)
        display(transcript, raw=True)

    def last(self, rest: str) -> None:
        """Show the newest answer again, or all that is known of the last error."""
        if rest == "--traceback":
            from apertis_magic.notebook import story  # noqa: PLC0415  few need it

            _say(story.of(self._error) if self._error else "There was no error.")
            return
        _no_more("last", rest)
        turn = self.session.current.newest
        if turn is None:
            _say("There is no answer yet.")
            return
        from apertis_magic.render import bundle  # noqa: PLC0415  see _show

        shown = bundle.transcript([turn], system=None, stale=frozenset())
        display(shown, raw=True)

    def system(self, rest: str) -> None:
        """Show the system prompt, or set it."""
        talk = self.session.current
        if rest:
            [*words] = split(rest) if rest[0] in "'\"" else [rest]
            talk.system = words[0] if len(words) == 1 else rest
        shown = self._settings.system if talk.system is None else talk.system
        _say(f"The system prompt: {shown}" if shown else "There is no system prompt.")

    def reset(self, rest: str) -> None:
        """Drop all turns."""
        _no_more("reset", rest)
        _say(f"Dropped {self.session.current.reset()} turns.")

    def config(self, rest: str) -> None:
        """Show what is set and where it comes from, or set one of it."""
        from apertis_magic.notebook import settings  # noqa: PLC0415  few need it

        settings.run(self.session, self._settings, split(rest))

    def models(self, rest: str) -> None:
        """List the server's models."""
        from apertis_magic.notebook import models  # noqa: PLC0415  few need it

        models.show(self.session, split(rest))

    def model(self, rest: str) -> None:
        """Show or set the conversation's model."""
        from apertis_magic.notebook import models  # noqa: PLC0415  few need it

        models.choose(self.session, split(rest))

    def doctor(self, rest: str) -> None:
        """Check what an answer needs."""
        _no_more("doctor", rest)
        from apertis_magic.notebook import doctor  # noqa: PLC0415  few need it

        doctor.run(
            self.session,
            front_end=type(self._shell).__name__,
            tells_cells=self._this_cell() is not None,
        )

    def key(self, rest: str) -> None:
        """Ask for a key and store it, tell where it is from, or forget it."""
        from apertis_magic.notebook import key  # noqa: PLC0415  few need it

        key.run(self.session, rest)

    def version(self, rest: str) -> None:
        """Tell the versions that a report of a problem needs."""
        _no_more("version", rest)
        from apertis_magic.notebook import story  # noqa: PLC0415  few need it

        _say(story.versions())

    def local(self, rest: str) -> None:
        """Answer with a small model on this machine."""
        from apertis_magic.notebook import local_model  # noqa: PLC0415  few need it

        actions: Mapping[str, Callable[[Session], None]] = {
            "": local_model.start,
            "stop": local_model.stop,
            "status": local_model.status,
        }
        action = actions.get(rest)
        if action is None:
            raise UsageError("%chat local takes nothing, stop or status.")
        action(self.session)
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
        about = request.get("metadata", {})
        # JupyterLab, Notebook and VS Code say the first, Colab the second.
        cell_id = about.get("cellId") or about.get("colab", {}).get("cell_id")
        if not cell_id:
            return None
        self._execution = str(request["header"]["msg_id"])
        return Cell(cell_id, self._execution)


@dataclass(frozen=True, slots=True)
class Command:
    """A word behind ``%chat``.

    Attributes:
        usage: how it is written.
        help: what it does, in one line.
        run: does it, given the rest of the line.
    """

    usage: str
    help: str
    run: Callable[[ChatCommands, str], None]


def _continued(line: str, body: str) -> tuple[str, str]:
    """Join the lines below to one that ends in a backslash; return it and the rest."""
    while line.rstrip().endswith("\\"):
        more, _, body = body.partition("\n")
        line = f"{line.rstrip()[:-1]} {more}"
    return line, body


def _without_blank_ends(body: str) -> str:
    lines = body.split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    while lines and not lines[-1].strip():
        del lines[-1]
    return "\n".join(lines)


def _check_holds_no_key(settings: Settings, *texts: str | None) -> None:
    if any(text and holds_key(text, settings.api_key) for text in texts):
        raise UsageError(
            "%%chat: nothing was sent, for the message, its line or the system prompt "
            "holds an API key. Take it out, and revoke it if this notebook was saved "
            "or shared; %chat key stores a key."
        )


def _address(here: Session) -> dict[str, str]:
    try:
        settings = here.settings
    except ConfigurationError as error:
        return {"problem": f"{error} {error.hint}"}
    return {
        "model": here.current.model or settings.model,
        "address": settings.base_url,
        "key": settings.about_key,
    }


def _no_more(name: str, rest: str) -> None:
    if rest:
        raise UsageError(f"%chat {name} takes nothing more, not {redact(rest)!r}.")


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


COMMANDS: Mapping[str, Command] = {
    each.usage.partition(" ")[0]: each
    for each in (
        Command(
            "ask [options] TEXT",
            "ask in one line, as %%chat does",
            ChatCommands.ask_line,
        ),
        Command(
            "continue",
            "let an answer that was cut off or stopped go on",
            ChatCommands.go_on,
        ),
        Command("show", "show the conversation so far", ChatCommands.show),
        Command(
            "last [--traceback]",
            "show the newest answer again, or all about the last error",
            ChatCommands.last,
        ),
        Command(
            "system [TEXT]",
            'show or set the system prompt; "" for none',
            ChatCommands.system,
        ),
        Command(
            "reset",
            "drop all turns; the model and the system prompt stay",
            ChatCommands.reset,
        ),
        Command(
            "config [NAME [VALUE]]",
            "show what is set and where it comes from, or set one of it",
            ChatCommands.config,
        ),
        Command(
            "key [status, clear]",
            "ask for a key unseen and store it, tell where it is from, or forget it",
            ChatCommands.key,
        ),
        Command(
            "local [stop, status]",
            "answer with a small model on this machine",
            ChatCommands.local,
        ),
        Command(
            "models [WORD …] [--refresh]",
            "list the server's models, or those whose id holds these words",
            ChatCommands.models,
        ),
        Command(
            "model [ID]",
            "show or set the conversation's model; default goes back",
            ChatCommands.model,
        ),
        Command(
            "doctor",
            "check key, address, model and streaming; it asks for a few words",
            ChatCommands.doctor,
        ),
        Command("version", "tell the versions, for a report", ChatCommands.version),
        Command("help", "list the commands and options", ChatCommands.help),
    )
}


def table() -> str:
    """Return the commands as a table in Markdown, for the documentation."""
    named = {f"%chat {each.usage}": each.help for each in COMMANDS.values()}
    rows = {"%chat": "show where things stand", **named}
    escaped = (f"| `{name}` | {text} |" for name, text in rows.items())
    return "\n".join(["| command | what it does |", "|---|---|", *escaped])
