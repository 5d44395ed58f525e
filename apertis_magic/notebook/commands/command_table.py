"""The table of the ``%chat`` commands: a row is all that there is to know of one.

What reads a line, its errors, the help, the README's table and Tab go by the rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from apertis_magic.chat import names
from apertis_magic.chat.session import Session
from apertis_magic.notebook import offers
from apertis_magic.notebook.offers import Source
from apertis_magic.notebook.options import ANYWAY, BY_NAME, OPTIONS, Option
from apertis_magic.notebook.wording import listed

Need: TypeAlias = Callable[[Session], str]
"""Returns what a command needs, for who has left it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A word behind a command.

    Attributes:
        name: how the usage writes it; where ``words`` are all there are, they do.
        noun: what it is, in an error, such as ``file``.
        words: the only words that it may be; empty for any.
        offers: what Tab offers for it.
        check: returns the word as it counts; raises ``ValueError`` where it is not what
            ``noun`` says, and ``ConfigurationError`` with what is wrong.
        needs: what to say where it is missing; None where it may be.
        many: whether any number of them may follow.
        spaces: whether it may hold spaces, so that quotes are worth a hint.
        dashes: whether it may begin with a dash.
    """

    name: str = ""
    noun: str = ""
    words: tuple[str, ...] = ()
    offers: Source = offers.nothing
    check: Callable[[str], str] = str
    needs: Need | None = None
    many: bool = False
    spaces: bool = True
    dashes: bool = False

    @property
    def source(self) -> Source:
        """What Tab offers for it."""
        return offers.words(*self.words) if self.words else self.offers


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A word behind ``%chat``, and all that may stand behind it.

    Attributes:
        name: the word.
        help: what it does, in one line.
        function: what does it, as ``module:function`` of this package; the module is
            imported when the command first runs.
        arguments: the words that it takes, in their order.
        flags: the options that it takes among them.
        text: how the usage writes the rest of the line, where that is taken as it
            stands.
        options: the options of a question that it takes.
        refusal: why it takes no others of them.
        if_key: what is said where a wrong word may be a key; then no word is repeated.
    """

    name: str
    help: str
    function: str
    arguments: tuple[Argument, ...] = ()
    flags: tuple[str, ...] = ()
    text: str = ""
    options: tuple[Option, ...] = ()
    refusal: str = ""
    if_key: str = ""

    @property
    def usage(self) -> str:
        """How a line with it is written."""
        parts = [
            f"%chat {self.name}",
            _usage_of_options(self.options),
            self.text,
            _usage_of_arguments(self.arguments),
            *(f"[{flag}]" for flag in self.flags),
        ]
        return " ".join(part for part in parts if part).strip()

    @property
    def asks(self) -> bool:
        """Whether a line with it is a question, which may be sent anyway."""
        return BY_NAME[ANYWAY] in self.options

    @property
    def takes(self) -> str:
        """What may stand behind it beside flags, for the middle of a sentence."""
        if self.options:
            return f"{_usage_of_options(self.options).strip('[]')} and no text"
        match self.arguments:
            case ():
                return "nothing more"
            case (only,) if only.words:
                *most, last = ("nothing", *only.words)
                return f"{', '.join(most)} or {last}"
            case (only,):
                return f"one {only.noun}"
        return " and ".join(f"a {argument.noun}" for argument in self.arguments)

    def argument(self, number: int) -> Argument | None:
        """Return what the word with *number* words before it is; None for too many."""
        if number < len(self.arguments):
            return self.arguments[number]
        last = self.arguments[-1] if self.arguments else None
        return last if last and last.many else None


def help_text() -> str:
    """Return the commands with what each does, for a person."""
    width = max(len(row.usage) for row in _ROWS)
    return "\n".join(f"{row.usage:{width}}  {row.help}" for row in _ROWS)


def table() -> str:
    """Return the same as a table in Markdown, for the documentation."""
    rows = (f"| `{row.usage}` | {row.help} |" for row in _ROWS)
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def _usage_of_options(options: tuple[Option, ...]) -> str:
    match options:
        case ():
            return ""
        case (only,):
            return f"[{only.names[0]} {only.value}]"
    return "[options]"


def _usage_of_arguments(arguments: tuple[Argument, ...]) -> str:
    """Return ``FILE [NAME]`` or ``[NAME [VALUE]]``: one needs those before it."""
    if not arguments:
        return ""
    first, *rest = arguments
    name = (first.name or ", ".join(first.words)) + " …" * first.many
    more = _usage_of_arguments(tuple(rest))
    behind = f"{name} {more}".rstrip()
    return behind if first.needs else f"[{behind}]"


def _above_0(text: str) -> str:
    """Return the digits of a whole number above 0, else raise ``ValueError``."""
    if not (text.isascii() and text.isdecimal() and text.strip("0")):
        raise ValueError(text)
    return text


def _needs_known_name(session: Session) -> str:
    return f"a name: {listed(session.names)}."


def _needs_other_name(session: Session) -> str:
    return f"a new name for {session.current.name}."


def _needs_file_to_write(_session: Session) -> str:
    return f"a file: NAME{' or NAME'.join(offers.ENDINGS)}."


def _needs_file_to_read(_session: Session) -> str:
    return "a file that %chat export wrote, or a notebook with answers in it."


def _name(source: Source = offers.nothing, needs: Need | None = None) -> Argument:
    """Return the argument that is a conversation's name."""
    return Argument(
        name="NAME", noun="name", offers=source, check=names.checked, needs=needs
    )


def _one_of(*words: str) -> Argument:
    return Argument(words=words, spaces=False)


STATUS = Command(name="", help="show where things stand", function="about:status")
"""What ``%chat`` alone does."""

COMMANDS: Mapping[str, Command] = {
    row.name: row
    for row in (
        Command(
            name="ask",
            help="ask in one line, as %%chat does; the word ask may be left out",
            function="questions:ask",
            options=OPTIONS,
            text="TEXT",
        ),
        Command(
            name="continue",
            help="let the newest answer, which was cut off or stopped, go on",
            function="questions:resume",
            options=tuple(o for o in OPTIONS if o.dest == "conversation"),
            refusal="the answer goes on as it was asked for",
        ),
        Command(
            name="show",
            help="show a conversation, perhaps with what its turns were before",
            function="turns:show",
            arguments=(_name(offers.conversations),),
            flags=("--versions",),
        ),
        Command(
            name="last",
            help="show the newest answer again, or all about the last error",
            function="about:last",
            flags=("--traceback",),
        ),
        Command(
            name="system",
            help='show or set the system prompt; "" for none',
            function="configuring:system",
            text="[TEXT]",
        ),
        Command(
            name="retry",
            help="ask the last question again, perhaps with another -m or -t",
            function="questions:retry",
            options=tuple(o for o in OPTIONS if o.for_retry),
            refusal="the question is asked again in its own place, by the server",
        ),
        Command(
            name="undo",
            help="take the last turn back, or N, and what failed since",
            function="turns:undo",
            arguments=(
                Argument(
                    name="N",
                    noun="whole number above 0",
                    check=_above_0,
                    spaces=False,
                    dashes=True,
                ),
            ),
        ),
        Command(
            name="reset",
            help="drop all turns; the model and the system prompt stay",
            function="turns:reset",
        ),
        Command(
            name="restore",
            help="bring back this notebook's last conversation, or one that was "
            "dropped",
            function="conversations:restore",
            arguments=(_name(offers.restorable),),
        ),
        Command(
            name="list",
            help="list the conversations, and what the journal could restore",
            function="conversations:show_all",
            flags=("--all",),
        ),
        Command(
            name="panel",
            help="show the current conversation in a panel, and go on with it there",
            function="show_panel:show",
        ),
        Command(
            name="new",
            help="begin a conversation from the defaults",
            function="conversations:new",
            arguments=(_name(),),
        ),
        Command(
            name="use",
            help="go on in another conversation",
            function="conversations:use",
            arguments=(_name(offers.conversations, _needs_known_name),),
        ),
        Command(
            name="fork",
            help="go on in a copy of the conversation",
            function="conversations:fork",
            arguments=(_name(),),
        ),
        Command(
            name="rename",
            help="call the conversation something else",
            function="conversations:rename",
            arguments=(_name(needs=_needs_other_name),),
        ),
        Command(
            name="delete",
            help="forget a conversation; the journal keeps it for restore",
            function="conversations:delete",
            arguments=(_name(offers.conversations, _needs_known_name),),
        ),
        Command(
            name="export",
            help="write a conversation to an .ipynb, .md or .json file",
            function="exchange:export",
            arguments=(
                Argument(
                    name="FILE",
                    noun="file",
                    offers=offers.files,
                    needs=_needs_file_to_write,
                ),
                # Not checked as a name: the file may come second.
                Argument(name="NAME", noun="name", offers=offers.conversations),
            ),
            flags=("--force", ANYWAY),
        ),
        Command(
            name="load",
            help="go on with the conversations of such a file, or of a saved notebook; "
            "--trust takes its model, system prompt and options too",
            function="exchange:load",
            arguments=(
                Argument(
                    name="FILE",
                    noun="file",
                    offers=offers.files,
                    needs=_needs_file_to_read,
                ),
            ),
            flags=("--trust",),
        ),
        Command(
            name="journal",
            help="show where turns are kept on disk and how many, or remove them all",
            function="bookkeeping:journal",
            arguments=(_one_of("path", "size", "clear"),),
        ),
        Command(
            name="usage",
            help="show tokens, cost and what cached answers saved",
            function="bookkeeping:usage",
        ),
        Command(
            name="config",
            help="show what is set and where it comes from, or set one of it",
            function="configuring:config",
            arguments=(
                Argument(name="NAME", noun="name", offers=offers.settings),
                Argument(name="VALUE", noun="value", dashes=True),
            ),
        ),
        Command(
            name="key",
            help="ask for a key unseen and store it, tell where it is from, or forget "
            "it",
            function="key:run",
            arguments=(_one_of("status", "clear"),),
            if_key="it asks for the key itself. If that was a key, revoke it: it is in "
            "the notebook and its history now",
        ),
        Command(
            name="local",
            help="answer with a small model on this machine",
            function="local_model:run",
            arguments=(_one_of("stop", "status"),),
        ),
        Command(
            name="models",
            help="list the server's models, or those whose id holds these words",
            function="model_choice:show",
            # -mini may be a part of an id.
            arguments=(Argument(name="WORD", many=True, dashes=True),),
            flags=("--refresh",),
        ),
        Command(
            name="model",
            help="show or set the conversation's model; default goes back",
            function="model_choice:choose",
            arguments=(
                Argument(
                    name="ID",
                    noun="id",
                    offers=offers.models_or_default,
                    spaces=False,
                ),
            ),
        ),
        Command(
            name="doctor",
            help="check key, address, model and streaming; it asks for a few words",
            function="doctor:run",
        ),
        Command(
            name="version",
            help="tell the versions, for a report",
            function="about:version",
        ),
        Command(
            name="help",
            help="list the commands and options",
            function="about:show_help",
        ),
    )
}
_ROWS = (STATUS, *COMMANDS.values())
