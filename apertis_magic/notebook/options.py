"""The magic line's options, one table: for the parser, its help, completion and docs.

What is wrong with a line is a one-line ``UsageError``; nothing ever ends the process.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from keyword import iskeyword
from math import isfinite
from typing import Any, Literal
from unicodedata import normalize

from IPython.core.error import UsageError

from apertis_magic.api.params import PARAMS, Param, check
from apertis_magic.chat import names
from apertis_magic.clean import redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook import offers
from apertis_magic.notebook.offers import Source
from apertis_magic.notebook.words import Word, closed, words

_NO_KEYS = (
    "%%chat: a key does not belong in a cell, where it would be saved and shared. Set "
    "APERTIS_API_KEY before the kernel starts, or store one with %chat key."
)
_KEY_OPTIONS = re.compile(
    r"--?(?:[\w-]*key|[\w-]*(?:api|auth|access)[-_]token)$", re.IGNORECASE
)
_NUMBER = re.compile(r"-\.?\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of the magic line.

    Attributes:
        names: how it is written, the short way first.
        dest: what it sets: a field of ``ChatOptions``, or of the request.
        help: one line for a person.
        value: what to call its value in the help; empty where it takes none.
        kind: turns the value's text into the value, or raises ``ValueError``.
        sets: the value where it takes none.
        words: the values to choose from, or to be offered; empty for any.
        closed: whether no other than ``words`` will do.
        most: how often it may stand on a line.
        offers: what Tab offers for its value, where there are no ``words``.
        for_retry: whether a question that is asked again in its place can have it.
    """

    names: tuple[str, ...]
    dest: str
    help: str
    value: str = ""
    kind: Callable[[str], Any] = str
    sets: Any = True
    words: tuple[str, ...] = ()
    closed: bool = False
    most: int = 1
    offers: Source = offers.nothing
    for_retry: bool = True

    @property
    def source(self) -> Source:
        """What Tab offers for its value."""
        return offers.words(*self.words) if self.words else self.offers


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
    fields: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    help: bool = False


def parse(line: str) -> ChatOptions:
    """Return the options that the line after ``%%chat`` gives.

    Raises:
        UsageError: the line is wrong; the message says how in one line.
    """
    given, rest = _read(line)
    if rest is not None:
        closed(rest)
        raise UsageError(
            f"%%chat: {redact(rest.text)!r} stands on the options' line. The message "
            "goes below it; text with spaces needs quotes."
        )
    return _checked(given)


def parse_ask(line: str) -> tuple[ChatOptions, str]:
    """Return the options that a line begins with, and the text behind them.

    Quotes around the whole text are not part of it. A lone ``--`` ends the options.

    Raises:
        UsageError: the options are wrong; the message says how in one line.
    """
    given, rest = _read(line)
    if rest is None:
        return _checked(given), ""
    is_whole = rest.quoted and not line[rest.end :].strip()
    text = rest.text if is_whole else line[rest.start :].strip()
    return _checked(given), text


def help_text() -> str:
    """Return the description of every option, for a person."""
    named = {_named(option): option.help for option in OPTIONS}
    width = max(map(len, named))
    rows = [f"  {name:{width}}  {text}" for name, text in named.items()]
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


def closest(word: str, known: Iterable[str]) -> str:
    """Return a question that offers the known word closest to *word*, if any."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def conversation_name(name: str) -> str:
    """Return a conversation's name without blanks around it.

    Raises:
        UsageError: it is no name; a key in it is not repeated.
    """
    try:
        return names.checked(name)
    except ConfigurationError as error:
        raise UsageError(f"%chat: {error}") from None


def set_by(options: ChatOptions) -> list[Option]:
    """Return the options that say what *options* are; of two that can, both."""
    default = ChatOptions()
    return [
        option
        for option in OPTIONS
        if option.dest in options.fields
        or (option.dest == "param" and options.extra_body)
        or getattr(options, option.dest, None) != getattr(default, option.dest, None)
    ]


def _read(line: str) -> tuple[dict[str, list[Any]], Word | None]:
    """Return the values of each option, and the first word that belongs to none."""
    given: dict[str, list[Any]] = {}
    rest = words(line)
    for word in rest:
        if word.text == "--" and not word.quoted:
            return given, _text(line, word.end)
        is_option = word.text.startswith("-") and not _NUMBER.match(word.text)
        if word.quoted or not is_option or word.text == "-":
            return given, word
        option, value = _option(closed(word))
        if option.value and value is None:
            value = _value(option, next(rest, None))
        values = given.setdefault(option.dest, [])
        values.append(_converted(option, value))
        if len(values) > option.most:
            raise UsageError(f"%%chat: {_too_often(option)}")
    return given, None


def _text(line: str, start: int) -> Word | None:
    """Return all that stands behind *start* as one word."""
    text = line[start:].strip()
    return Word(text, line.index(text, start), len(line)) if text else None


def _option(word: Word) -> tuple[Option, str | None]:
    """Return the option that a word names, and the value that the word holds."""
    name, equals, value = word.text.partition("=")
    if word.text.startswith("--"):
        option = BY_NAME.get(name.replace("_", "-"))
        if option and equals and not option.value:
            raise UsageError(f"%%chat: {name} takes no value.")
        if option:
            return option, value if equals else None
    elif option := BY_NAME.get(word.text[:2]):
        # The words of "-t=0.5" have lost their "=" only where quotes came after it.
        value = word.text[2:].removeprefix("=")
        if option.value or not value:
            return option, value if word.text[2:] else None
    if _KEY_OPTIONS.match(name):
        raise UsageError(_NO_KEYS)
    near = closest(name.replace("_", "-"), BY_NAME)
    raise UsageError(f"%%chat: unknown option {redact(name)}.{near}")


def _value(option: Option, word: Word | None) -> str:
    """Return the value that stands in a word of its own."""
    is_value = word and (
        word.quoted or not word.text.startswith("-") or _NUMBER.match(word.text)
    )
    if word is None or not is_value:
        raise UsageError(f"%%chat: {option.names[-1]} needs a value, {option.value}.")
    return closed(word).text


def _converted(option: Option, value: str | None) -> Any:
    if value is None:
        return option.sets
    name = option.names[-1]
    try:
        converted = option.kind(value)
    except ValueError:
        kind = "a whole number" if option.kind is int else "a number"
        raise UsageError(
            f"%%chat: {name} needs {kind}, not {redact(value)!r}."
        ) from None
    if option.closed and value not in option.words:
        raise UsageError(
            f"%%chat: {name} is {' or '.join(option.words)}, not {redact(value)!r}."
        )
    return converted


def _too_often(option: Option) -> str:
    if option.dest == "model":
        return "one model at a time; run the cell again with another -m."
    if option.dest == "system":
        return "one system prompt at a time."
    if option.dest == "cache":
        return "--cache or --no-cache, not both."
    if option.most > 1:
        return f"{option.names[-1]} may stand {option.most} times at the most."
    return f"{option.names[-1]} stands twice on the line."


def _checked(given: Mapping[str, list[Any]]) -> ChatOptions:
    """Return the options with all that can be wrong with their values checked."""
    single = {name: values[-1] for name, values in given.items() if name in _OF_CELL}
    sent = {
        name: values if PARAMS[name].most > 1 else values[-1]
        for name, values in given.items()
        if name in PARAMS and name not in _OF_CELL
    }
    model = single.get("model")
    if model is not None and redact(model) != model:
        raise UsageError(_NO_KEYS)
    try:
        check(sent)
        _check_numbers(single)
    except ConfigurationError as error:
        raise UsageError(f"%%chat: {error}") from None
    if (out := single.get("out")) is not None and not _is_name(out):
        raise UsageError(f"%%chat: -o needs a variable's name, not {redact(out)!r}")
    if (name := single.get("conversation")) is not None:
        single["conversation"] = conversation_name(name)
    if not single.get("model", "-m").strip():
        raise UsageError("%%chat: -m needs a name.")
    if "" in sent.get("stop", ()):
        raise UsageError("%%chat: --stop needs text.")
    if single.get("once") and single.get("start_over"):
        raise UsageError("%%chat: --once leaves the conversation alone; drop --new.")
    if single.get("once") and "last_turns" in single:
        raise UsageError("%%chat: --once sends no turns anyway; drop --history.")
    if single.get("append") and (single.get("start_over") or single.get("once")):
        raise UsageError("%%chat: --append goes with neither --new nor --once.")
    extra = _extra(given.get("param", []), taken=sent)
    return ChatOptions(**single, fields=sent, extra_body=extra)


def _check_numbers(single: Mapping[str, Any]) -> None:
    timeout, retries = single.get("timeout", 1), single.get("max_retries", 0)
    if (last_turns := single.get("last_turns", 0)) < 0:
        raise ConfigurationError(f"--history must be 0 or more, not {last_turns}")
    if not (timeout > 0 and isfinite(timeout)):
        raise ConfigurationError(f"--timeout must be seconds above 0, not {timeout}")
    if retries < 0:
        raise ConfigurationError(f"--retries must be 0 or more, not {retries}")


def _extra(pairs: Iterable[str], *, taken: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that ``-p KEY=VALUE`` gives; ``a.b=1`` nests."""
    extra: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        *path, name = key.split(".")
        if not equals or not all([*path, name]):
            raise UsageError(f"%%chat: -p needs KEY=VALUE, not {redact(pair)!r}")
        top = key.partition(".")[0]
        if top in _NOT_EXTRA or top in taken:
            raise UsageError(f"%%chat: {top} is set in another way, not by -p.")
        inside = extra
        for step in path:
            inside = inside.setdefault(step, {})
            if not isinstance(inside, dict):
                raise UsageError(f"%%chat: -p sets {step!r} twice.")
        if name in inside:
            raise UsageError(f"%%chat: -p sets {key!r} twice.")
        inside[name] = _json_or_text(value)
    return extra


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return value


def _no_constant(name: str) -> Any:
    """Refuse ``NaN`` and its like, which Python reads and JSON does not have."""
    raise ValueError(name)


def _is_name(word: str) -> bool:
    # IPython and IPython's users need these.
    taken = {"get_ipython", "In", "Out", "exit", "quit"}
    is_own = word in taken or not word.strip("_") or re.fullmatch("__.*__", word)
    # Python reads other spellings of a letter as that letter.
    is_plain = normalize("NFKC", word) == word
    return word.isidentifier() and is_plain and not iskeyword(word) and not is_own


def _number(text: str) -> float:
    # A whole number stays one, so that "-t 0" is sent as it was typed.
    try:
        return int(text)
    except ValueError:
        return float(text)


def _of_param(param: Param) -> Option:
    short = {"temperature": ("-t", "--temperature"), "n": ("-n",)}
    bounds = f" ({param.range()})" if param.range() else ""
    kinds: Mapping[type[Any], tuple[str, Callable[[str], Any]]] = {
        float: ("X", _number),
        int: ("N", int),
        str: ("TEXT", str),
    }
    value, kind = kinds[param.kind]
    return Option(
        names=short.get(param.name, ("--" + param.name.replace("_", "-"),)),
        dest=param.name,
        help=param.help + bounds,
        value=value,
        kind=kind,
        words=_EFFORTS if param.name == "reasoning_effort" else param.words,
        most=param.most,
    )


_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_MANY = 1000

OPTIONS: tuple[Option, ...] = (
    Option(
        names=("-m", "--model"),
        dest="model",
        value="ID",
        offers=offers.models,
        help="the model, for this cell alone",
    ),
    *(_of_param(param) for param in PARAMS.values() if param.on_line),
    Option(
        names=("-p", "--param"),
        dest="param",
        value="KEY=VALUE",
        most=_MANY,
        help="any other field of the request; VALUE is JSON or text, a.b=1 nests",
    ),
    Option(
        names=("-s", "--system"),
        dest="system",
        for_retry=False,
        value="TEXT",
        help="the conversation's system prompt from this turn on",
    ),
    Option(
        names=("--no-system",),
        dest="system",
        for_retry=False,
        sets="",
        help="no system prompt from this turn on",
    ),
    Option(
        names=("-c", "--conversation"),
        dest="conversation",
        value="NAME",
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
        help="neither send the conversation nor add to it",
    ),
    Option(
        names=("--append",),
        dest="append",
        for_retry=False,
        help="add a turn; do not replace the one this cell made before",
    ),
    Option(
        names=("--history",),
        dest="last_turns",
        for_retry=False,
        value="N",
        kind=int,
        help="send the last N turns alone; 0 sends none",
    ),
    Option(
        names=("--cache",),
        dest="cache",
        for_retry=False,
        help="answer from the journal if the very same was asked before",
    ),
    Option(
        names=("--no-cache",),
        dest="cache",
        for_retry=False,
        sets=False,
        help="ask the server, whatever %config says",
    ),
    Option(
        names=("-o", "--out"),
        dest="out",
        value="NAME",
        help="bind the answer to this variable",
    ),
    Option(names=("-q", "--quiet"), dest="quiet", help="show nothing but errors"),
    Option(
        names=("-f", "--format"),
        dest="format",
        value="FORMAT",
        words=("markdown", "text"),
        closed=True,
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
        help="seconds to connect, to the first byte, and of silence",
    ),
    Option(
        names=("--retries",),
        dest="max_retries",
        value="N",
        kind=int,
        help="how often to try again what was not answered",
    ),
    Option(names=("-h", "--help"), dest="help", help="show this and ask nothing"),
)
BY_NAME = {name: option for option in OPTIONS for name in option.names}
_OF_CELL = {each.name for each in fields(ChatOptions)} - {"fields", "extra_body"}
_NOT_EXTRA = ("model", "messages", "stream")


def _named(option: Option) -> str:
    value = f" {option.value}" if option.value else ""
    return ", ".join(option.names) + value
