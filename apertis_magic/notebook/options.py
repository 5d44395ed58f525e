"""The magic line's options: a row is all that there is to know of one.

What reads a line, its errors, the help, the README's table and Tab go by the rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from apertis_magic.api.params import PARAMS, Param
from apertis_magic.chat import names
from apertis_magic.notebook import offers
from apertis_magic.notebook import option_checks as checks
from apertis_magic.notebook.offers import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of the magic line.

    Attributes:
        names: how it is written, the short way first.
        dest: what it sets: a field of ``ChatOptions``, or of the request.
        help: one line for a person.
        value: what to call its value in the help; empty where it takes none.
        kind: turns the value's text into the value, or raises ``ValueError``.
        check: returns the value as it counts, or raises ``ConfigurationError``.
        sets: the value where it takes none.
        words: the only values that it takes; empty for any.
        offers: what Tab offers for its value, where there are no ``words``.
        most: how often it may stand on a line.
        twice: what is said where it stands there oftener.
        excludes: the options that it does not go with, by what they set, and what is
            said of each.
        for_retry: whether a question that is asked again in its place can have it.
    """

    names: tuple[str, ...]
    dest: str
    help: str
    value: str = ""
    kind: Callable[[str], Any] = str
    check: Callable[[Any], Any] = checks.anything
    sets: Any = True
    words: tuple[str, ...] = ()
    offers: Source = offers.nothing
    most: int = 1
    twice: str = ""
    excludes: Mapping[str, str] = field(default_factory=dict)
    for_retry: bool = True

    @property
    def source(self) -> Source:
        """What Tab offers for its value."""
        return offers.words(*self.words) if self.words else self.offers

    @property
    def too_often(self) -> str:
        """What is said where it stands too often on a line."""
        if self.most > 1:
            return f"{self.names[-1]} may stand {self.most} times at the most."
        return self.twice or f"{self.names[-1]} stands twice on the line."

    @property
    def is_field(self) -> bool:
        """Whether it sets a field of the request, not one of ``ChatOptions``."""
        return self.dest not in _OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """What the line of a ``%%chat`` cell says.

    Attributes:
        model: the model for this cell alone.
        system: the conversation's system prompt from now on, "" for none; None leaves
            it.
        conversation: the conversation's name; None for the current one.
        start_over: drop the turns first.
        append: leave the turns that this cell made before.
        last_turns: how many turns before are sent at the most; None for all.
        cache: whether the journal may answer; None leaves what the user prefers.
        once: neither send the turns so far nor keep this one.
        out: the name to bind the turn to.
        quiet: show nothing but errors.
        format: how the answer is shown, ``markdown`` or ``text``.
        stream: let the answer come in pieces; None leaves what the user prefers.
        footer: whether there is a footer; None leaves what the user prefers.
        timeout: seconds that each phase of the request may take.
        max_retries: how often to try again.
        anyway: send also what is held back otherwise.
        fields: the request's other fields that were given.
        extra_body: those that no option is for, and that are not checked.
        help: show the options instead of asking.
    """

    model: str | None = None
    system: str | None = None
    conversation: str | None = None
    start_over: bool = False
    append: bool = False
    last_turns: int | None = None
    cache: bool | None = None
    once: bool = False
    out: str | None = None
    quiet: bool = False
    format: Literal["markdown", "text"] = "markdown"
    stream: bool | None = None
    footer: bool | None = None
    timeout: float | None = None
    max_retries: int | None = None
    anyway: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    help: bool = False


_OWN = {each.name for each in fields(ChatOptions)}


def help_text() -> str:
    """Return the description of every option, for a person."""
    about = {named(option): option.help for option in OPTIONS}
    width = max(map(len, about))
    rows = [f"  {name:{width}}  {text}" for name, text in about.items()]
    return "\n".join(["%%chat [options], the message on the lines below", "", *rows])


def table() -> str:
    """Return the same as a table in Markdown, for the documentation."""
    rows = []
    for option in OPTIONS:
        *names, last = option.names
        value = f" {option.value}" if option.value else ""
        code = ", ".join(f"`{name}`" for name in (*names, last + value))
        meaning = option.help.replace("|", "\\|")
        rows.append(f"| {code} | {meaning} |")
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def set_by(options: ChatOptions) -> list[Option]:
    """Return the options that say what *options* are."""
    default = ChatOptions()
    return [option for option in OPTIONS if _is_set(option, options, default)]


def _is_set(option: Option, options: ChatOptions, default: ChatOptions) -> bool:
    if option.is_field:
        return option.dest in options.fields
    value = getattr(options, option.dest)
    is_other = value != getattr(default, option.dest)
    return is_other and (bool(option.value) or value == option.sets)


def _number(text: str) -> float:
    # A whole number stays one, so that "-t 0" is sent as it was typed.
    try:
        return int(text)
    except ValueError:
        return float(text)


def _of_param(param: Param) -> Option:
    bounds = f" ({param.range()})" if param.range() else ""
    kinds: Mapping[type[Any], tuple[str, Callable[[str], Any], Callable[[Any], Any]]]
    kinds = {
        float: ("X", _number, checks.anything),
        int: ("N", int, checks.anything),
        str: ("TEXT", str, checks.not_empty(param.option)),
    }
    value, kind, check = kinds[param.kind]
    return Option(
        names=tuple(filter(None, (param.short, param.option))),
        dest=param.name,
        help=param.help + bounds,
        value=value,
        kind=kind,
        check=check,
        words=param.words,
        offers=offers.words(*param.offers),
        most=param.most,
    )


_ONE_PROMPT = "one system prompt at a time."
_ONE_CACHE = "--cache or --no-cache, not both."
_ALONE = "--append goes with neither --new nor --once."
_MANY = 1000
ANYWAY = "--anyway"
"""What sends that which was held back."""

OPTIONS: tuple[Option, ...] = (
    Option(
        names=("-m", "--model"),
        dest="model",
        value="ID",
        check=checks.model,
        twice="one model at a time; run the cell again with another -m.",
        offers=offers.models,
        help="the model, for this cell alone",
    ),
    *(_of_param(param) for param in PARAMS.values() if param.on_line),
    Option(
        names=("-p", "--param"),
        dest="extra_body",
        value="KEY=VALUE",
        most=_MANY,
        help="any other field of the request; VALUE is JSON or text, a.b=1 nests",
    ),
    Option(
        names=("-s", "--system"),
        dest="system",
        for_retry=False,
        value="TEXT",
        twice=_ONE_PROMPT,
        help="the conversation's system prompt from this turn on",
    ),
    Option(
        names=("--no-system",),
        dest="system",
        for_retry=False,
        sets="",
        twice=_ONE_PROMPT,
        help="no system prompt from this turn on",
    ),
    Option(
        names=("-c", "--conversation"),
        dest="conversation",
        value="NAME",
        check=names.checked,
        offers=offers.conversations,
        help="ask in the conversation of this name, made on first use",
    ),
    Option(
        names=("--new",),
        dest="start_over",
        for_retry=False,
        help="start over: drop the turns so far; the system prompt stays",
    ),
    Option(
        names=("--once",),
        dest="once",
        for_retry=False,
        excludes={
            "start_over": "--once leaves the conversation alone; drop --new.",
            "last_turns": "--once sends no turns anyway; drop --history.",
        },
        help="neither send the conversation nor add to it",
    ),
    Option(
        names=("--append",),
        dest="append",
        for_retry=False,
        excludes={"start_over": _ALONE, "once": _ALONE},
        help="add a turn; do not replace the one this cell made before",
    ),
    Option(
        names=("--history",),
        dest="last_turns",
        for_retry=False,
        value="N",
        kind=int,
        check=checks.not_below_0("--history"),
        help="send the last N turns alone; 0 sends none",
    ),
    Option(
        names=("--cache",),
        dest="cache",
        for_retry=False,
        twice=_ONE_CACHE,
        help="answer from the journal if the very same was asked before",
    ),
    Option(
        names=("--no-cache",),
        dest="cache",
        for_retry=False,
        sets=False,
        twice=_ONE_CACHE,
        help="ask the server, whatever %config says",
    ),
    Option(
        names=("-o", "--out"),
        dest="out",
        value="NAME",
        check=checks.variable,
        help="bind the answer to this variable",
    ),
    Option(names=("-q", "--quiet"), dest="quiet", help="show nothing but errors"),
    Option(
        names=("-f", "--format"),
        dest="format",
        value="FORMAT",
        words=("markdown", "text"),
        help="markdown or text: how to show the answer; with text, -o binds a str",
    ),
    Option(
        names=("--no-stream",),
        dest="stream",
        sets=False,
        help="ask for the answer in one piece",
    ),
    Option(
        names=("--no-footer",), dest="footer", sets=False, help="leave the footer out"
    ),
    Option(
        names=("--timeout",),
        dest="timeout",
        value="S",
        kind=float,
        check=checks.seconds,
        help="seconds to connect, to the first byte, and of silence",
    ),
    Option(
        names=("--retries",),
        dest="max_retries",
        value="N",
        kind=int,
        check=checks.not_below_0("--retries"),
        help="how often to try again what was not answered",
    ),
    Option(
        names=(ANYWAY,),
        dest="anyway",
        help="send what was held back: what looks like a key, or is very long",
    ),
    Option(names=("-h", "--help"), dest="help", help="show this and ask nothing"),
)
BY_NAME = {name: option for option in OPTIONS for name in option.names}


def named(option: Option) -> str:
    """Return an option as a line with it is written."""
    value = f" {option.value}" if option.value else ""
    return ", ".join(option.names) + value
