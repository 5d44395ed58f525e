"""The ``%chat`` commands: call the Session, display."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from apertis_magic.chat.session import Session
from apertis_magic.clean import mend, redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook import options
from apertis_magic.notebook.asking import Asker
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.line import say
from apertis_magic.notebook.options import ChatOptions
from apertis_magic.notebook.words import split, words

if TYPE_CHECKING:
    from apertis_magic.panel.widget import ChatPanel

_EXAMPLES = (
    "%%chat\nWhy is the sky blue?",
    "%%chat -t 0 --max-tokens 200\nSay it in one sentence.",
    "%%chat --new -s 'You are a patient teacher.'\nWhat is a list comprehension?",
)


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
        self._panel: ChatPanel | None = None

    @property
    def session(self) -> Session:
        """The process's Session, which knows what the user prefers now."""
        return self.asker.session

    def ask(self, rest: str) -> None:
        """Ask what the rest of the line says."""
        self.asker.ask_line(rest)

    def go_on(self, rest: str) -> None:
        """Let the newest answer, which was cut off or stopped, go on."""
        given, more = options.parse_ask(rest)
        if more or given != ChatOptions(conversation=given.conversation):
            raise UsageError("%chat continue takes -c NAME or nothing.")
        self.asker.resume(given.conversation)

    def run(self, line: str) -> None:
        """Run a ``%chat`` line.

        Raises:
            UsageError: there is no such command.
        """
        name, rest = [*line.split(None, 1), "", ""][:2]
        if not name:
            self._status()
            return
        if name != "key":
            self.asker.check_no_key(line)
        command = COMMANDS.get("help" if name in ("-h", "--help") else name)
        if command is None:
            near = options.closest(name, COMMANDS)
            raise UsageError(
                f"%chat: there is no command {redact(name)!r}.{near} A question is "
                "%chat ask and its text, or a cell that begins with %%chat; "
                "%chat help lists the commands."
            )
        with self.asker.noting():
            command.run(self, rest.strip())

    def _status(self) -> None:
        from apertis_magic.render import bundle

        here = self.session
        turns = here.current.turns
        used = sum(t.usage.total_tokens or 0 for t in turns if t.usage)
        rows = {
            **_address(here),
            "conversation": f"{here.current.name}, {_turns(len(turns))}",
            "tokens": f"{used} in these turns",
        }
        display(bundle.card("apertis_magic", rows, _EXAMPLES), raw=True)

    def help(self, rest: str) -> None:
        """List the commands."""
        _no_more("help", rest)
        say(help_text(), "", options.help_text())

    def retry(self, rest: str) -> None:
        """Ask the last question again."""
        from apertis_magic.notebook import turns

        self.asker.retry(turns.retried(rest))

    def panel(self, rest: str) -> None:
        """Show the current conversation in a panel."""
        _no_more("panel", rest)
        if self.asker.in_terminal:
            raise UsageError("%chat panel needs a notebook; a terminal has no widgets.")
        if self._panel is None:
            from apertis_magic.panel.widget import (
                ChatPanel,
            )

            self._panel = ChatPanel()
        display(self._panel)

    def last(self, rest: str) -> None:
        """Show the newest answer again, or all that is known of the last error."""
        if rest == "--traceback":
            from apertis_magic.notebook import story

            say(
                story.of(self.asker.error)
                if self.asker.error
                else "There was no error."
            )
            return
        _no_more("last", rest)
        turn = self.session.current.newest
        if turn is None:
            say("There is no answer yet.")
            return
        from apertis_magic.render import bundle

        shown = bundle.transcript([turn], system=None, stale=frozenset())
        display(shown, raw=True)

    def system(self, rest: str) -> None:
        """Show the system prompt, or set it."""
        talk = self.session.current
        if rest:
            first, *more = words(rest)
            is_whole = first.quoted and not more
            talk.system = mend(first.text if is_whole else rest)
        shown = self._settings.system if talk.system is None else talk.system
        say(f"The system prompt: {shown}" if shown else "There is no system prompt.")

    def config(self, rest: str) -> None:
        """Show what is set and where it comes from, or set one of it."""
        from apertis_magic.notebook import settings

        settings.run(self.session, self._settings, split(rest))

    def models(self, rest: str) -> None:
        """List the server's models."""
        from apertis_magic.notebook import models

        models.show(self.session, split(rest))

    def model(self, rest: str) -> None:
        """Show or set the conversation's model."""
        from apertis_magic.notebook import models

        models.choose(self.session, split(rest))

    def doctor(self, rest: str) -> None:
        """Check what an answer needs."""
        _no_more("doctor", rest)
        from apertis_magic.notebook import doctor

        doctor.run(
            self.session,
            front_end="a terminal" if self.asker.in_terminal else "a kernel",
            tells_cells=self.asker.this_cell() is not None,
        )

    def key(self, rest: str) -> None:
        """Ask for a key and store it, tell where it is from, or forget it."""
        from apertis_magic.notebook import key

        key.run(self.session, rest)

    def version(self, rest: str) -> None:
        """Tell the versions that a report of a problem needs."""
        _no_more("version", rest)
        from apertis_magic.notebook import story

        say(story.versions())

    def local(self, rest: str) -> None:
        """Answer with a small model on this machine."""
        from apertis_magic.notebook import local_model

        actions: Mapping[str, Callable[[Session], None]] = {
            "": local_model.start,
            "stop": local_model.stop,
            "status": local_model.status,
        }
        action = actions.get(rest)
        if action is None:
            raise UsageError("%chat local takes nothing, stop or status.")
        action(self.session)
        self.asker.model_told = False


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


def _late(module: str, function: str) -> Callable[[ChatCommands, str], None]:
    """Return a command that is a function of another module, which few need."""

    def run(commands: ChatCommands, rest: str) -> None:
        found = import_module(f"apertis_magic.notebook.{module}")
        getattr(found, function)(commands.session, rest)

    return run


def _address(here: Session) -> dict[str, str]:
    try:
        settings = here.settings
    except ConfigurationError as error:
        return {"problem": f"{error} {error.hint}"}
    chosen = None if settings.fixed_model else here.current.model
    return {
        "model": chosen or settings.model,
        "address": settings.base_url,
        "key": settings.about_key,
    }


def _turns(number: int) -> str:
    return f"{number} turn" if number == 1 else f"{number} turns"


def _no_more(name: str, rest: str) -> None:
    if rest:
        raise UsageError(f"%chat {name} takes nothing more, not {redact(rest)!r}.")


COMMANDS: Mapping[str, Command] = {
    each.usage.partition(" ")[0]: each
    for each in (
        Command(
            "ask [options] TEXT",
            "ask in one line, as %%chat does",
            ChatCommands.ask,
        ),
        Command(
            "continue [-c NAME]",
            "let the newest answer, which was cut off or stopped, go on",
            ChatCommands.go_on,
        ),
        Command(
            "show [NAME] [--versions]",
            "show a conversation, perhaps with what its turns were before",
            _late("turns", "show"),
        ),
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
            "retry [options]",
            "ask the last question again, perhaps with another -m or -t",
            ChatCommands.retry,
        ),
        Command("undo [N]", "take the last turn back, or N", _late("turns", "undo")),
        Command(
            "reset",
            "drop all turns; the model and the system prompt stay",
            _late("turns", "reset"),
        ),
        Command(
            "restore [NAME]",
            "bring back this notebook's last conversation, or one that was dropped",
            _late("conversations", "restore"),
        ),
        Command(
            "list [--all]",
            "list the conversations, and what the journal could restore",
            _late("conversations", "show_all"),
        ),
        Command(
            "panel",
            "show the current conversation in a panel, and go on with it there",
            ChatCommands.panel,
        ),
        Command(
            "new [NAME]",
            "begin a conversation from the defaults",
            _late("conversations", "new"),
        ),
        Command(
            "use NAME",
            "go on in another conversation",
            _late("conversations", "use"),
        ),
        Command(
            "fork [NAME]",
            "go on in a copy of the conversation",
            _late("conversations", "fork"),
        ),
        Command(
            "rename NAME",
            "call the conversation something else",
            _late("conversations", "rename"),
        ),
        Command(
            "delete NAME",
            "forget a conversation; the journal keeps it for restore",
            _late("conversations", "delete"),
        ),
        Command(
            "export FILE [NAME] [--force]",
            "write a conversation to an .ipynb, .md or .json file",
            _late("exchange", "export"),
        ),
        Command(
            "load FILE",
            "go on with the conversations of such a file, or of a saved notebook",
            _late("exchange", "load"),
        ),
        Command(
            "journal [path, size, clear]",
            "show where turns are kept on disk and how many, or remove them all",
            _late("journal", "run"),
        ),
        Command(
            "usage",
            "show tokens, cost and what cached answers saved",
            _late("journal", "usage"),
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


def help_text() -> str:
    """Return the commands with what each does, for a person."""
    width = max(map(len, _rows()))
    return "\n".join(f"{name:{width}}  {text}" for name, text in _rows().items())


def table() -> str:
    """Return the same as a table in Markdown, for the documentation."""
    rows = (f"| `{name}` | {text} |" for name, text in _rows().items())
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def _rows() -> dict[str, str]:
    named = {f"%chat {each.usage}": each.help for each in COMMANDS.values()}
    return {"%chat": "show where things stand", **named}
