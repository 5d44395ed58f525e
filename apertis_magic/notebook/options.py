"""The magic line's options, built on the table of request parameters.

Parsing never ends the process and never prints a traceback: what is wrong with a line
is a one-line ``UsageError``.
"""

import argparse
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any, NoReturn

from IPython.core.error import UsageError

from apertis_magic.api.params import PARAMS, Param, check
from apertis_magic.clean import redact
from apertis_magic.errors import ConfigurationError

_NO_KEYS = (
    "%%chat: a key does not belong in a cell, where it would be saved and shared. Set "
    "APERTIS_API_KEY before the kernel starts."
)
_SHORT = {"temperature": "-t"}
_ON_LINE = [param for param in PARAMS.values() if param.on_line]
_KEY_OPTIONS = re.compile(
    r"--?(?:[\w-]*key|[\w-]*(?:api|auth|access)[-_]token)$", re.IGNORECASE
)
# A quote opens at the beginning of a word or of an option's value, so that the
# apostrophe of "don't" is one.
_WORD = re.compile(
    r"""(?P<lead>--[\w-]+=|-[A-Za-z]=?)?(?:"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>[^']*)')(?=\s|$)"""
    r"|(?P<plain>\S+)"
)
_UNCLOSED = re.compile(r"""(?:--[\w-]+=|-[A-Za-z]=?)?["'](?!\S*["']$)""")
_ESCAPED = re.compile(r'\\(["\\])')


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatOptions:
    """What the line of a ``%%chat`` cell says.

    Attributes:
        model: the model for this cell alone.
        system: the conversation's system prompt from now on; None leaves it.
        new: drop the turns first.
        stream: let the answer come in pieces.
        out: the name to bind the turn to.
        fields: the request's other fields that were given.
        help: show the options instead of asking.
    """

    model: str | None = None
    system: str | None = None
    new: bool = False
    stream: bool = True
    out: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    help: bool = False


class Quoted(str):
    """A word that stood in quotes on the line."""

    __slots__ = ()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raise the message; argparse would end the process."""
        raise UsageError(f"%%chat: {message}")


def parse(line: str) -> ChatOptions:
    """Return the options that the line after ``%%chat`` gives.

    Raises:
        UsageError: the line is wrong; the message says how in one line.
    """
    words = split(line)
    _refuse_keys(words)
    given, rest = _PARSER.parse_known_args(list(_joined(map(_dashed, words))))
    if rest:
        raise UsageError(_unknown(rest[0]))
    if given.model is not None and redact(given.model) != given.model:
        raise UsageError(_NO_KEYS)
    values = vars(given)
    names = [param.name for param in _ON_LINE]
    fields = {name: values[name] for name in names if values[name] is not None}
    try:
        check(fields)
    except ConfigurationError as error:
        raise UsageError(f"%%chat: {error}") from None
    if given.out is not None and not _is_name(given.out):
        raise UsageError(f"%%chat: -o needs a variable's name, not {given.out!r}")
    return ChatOptions(
        model=given.model,
        system=given.system,
        new=given.new,
        stream=given.stream,
        out=given.out,
        fields=fields,
        help=given.help,
    )


def help_text() -> str:
    """Return the description of every option."""
    return _PARSER.format_help()


def split(line: str) -> list[str]:
    """Split a magic line into words, as a shell does, but kinder.

    Quotes group words where they open a word or an option's value; anywhere else they
    are what they are, so JSON and apostrophes survive.

    Raises:
        UsageError: a quote is not closed.
    """
    words = []
    for found in _WORD.finditer(line):
        if (plain := found["plain"]) is not None:
            if _UNCLOSED.match(plain):
                raise UsageError(f"a quote is not closed: {redact(plain)}")
            words.append(plain)
            continue
        double, single = found["double"], found["single"]
        text = _ESCAPED.sub(r"\1", double) if double is not None else single
        lead = found["lead"] or ""
        if not lead.startswith("--"):
            lead = lead.removesuffix("=")  # to argparse, -s= would be the value "="
        words.append(lead + text if lead else Quoted(text))
    return words


def _joined(words: Iterable[str]) -> Iterator[str]:
    """Join a quoted value that begins with a dash to its option, as argparse wants."""
    option = ""
    for word in words:
        if option and isinstance(word, Quoted) and word.startswith("-"):
            yield f"{option}={word}" if option.startswith("--") else option + word
            option = ""
            continue
        if option:
            yield option
        option = word if word in _TAKING else ""
        if not option:
            yield word
    if option:
        yield option


def closest(word: str, known: Iterable[str]) -> str:
    """Return a question that offers the known word closest to *word*, if any."""
    near = get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _is_name(word: str) -> bool:
    # IPython and IPython's users need these.
    taken = {"get_ipython", "In", "Out", "exit", "quit"}
    is_own = word in taken or not word.strip("_")
    return word.isidentifier() and not iskeyword(word) and not is_own


def _refuse_keys(words: list[str]) -> None:
    for word in words:
        if isinstance(word, Quoted):
            continue
        if _KEY_OPTIONS.match(word.partition("=")[0]):
            raise UsageError(_NO_KEYS)


def _dashed(word: str) -> str:
    """Return ``--max_tokens``, the API's spelling, as the option it stands for."""
    if isinstance(word, Quoted):
        return word
    name, equals, value = word.partition("=")
    dashed = name.replace("_", "-")
    return dashed + equals + value if dashed in _NAMES else word


def _unknown(word: str) -> str:
    if word.startswith("-"):
        name = word.partition("=")[0]
        return f"%%chat: unknown option {name}.{closest(name, _NAMES)}"
    return (
        f"%%chat: {redact(word)!r} stands on the options' line. The message goes below "
        "it; text with spaces needs quotes."
    )


def _build() -> _Parser:
    parser = _Parser(
        prog="%%chat",
        usage="%%%%chat [options], the message on the lines below",
        add_help=False,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("-m", "--model", metavar="ID", help="the model, for this cell alone")
    add(
        "-s",
        "--system",
        metavar="TEXT",
        help='the system prompt, from this turn on; "" for none',
    )
    add("--new", action="store_true", help="start over: drop the turns so far")
    add("-o", "--out", metavar="NAME", help="bind the answer to this variable")
    add(
        "--no-stream",
        action="store_false",
        dest="stream",
        help="ask for the answer in one piece",
    )
    for param in _ON_LINE:
        _add_param(parser, param)
    add("-h", "--help", action="store_true", help="show this and ask nothing")
    return parser


def _add_param(parser: argparse.ArgumentParser, param: Param) -> None:
    names = [_SHORT.get(param.name), "--" + param.name.replace("_", "-")]
    bounds = f" ({param.range()})" if param.range() else ""
    parser.add_argument(
        *filter(None, names),
        dest=param.name,
        type=_number if param.kind is float else param.kind,
        action="append" if param.most > 1 else "store",
        metavar={float: "X", int: "N", str: "TEXT"}[param.kind],
        # argparse formats help with the percent operator.
        help=(param.help + bounds).replace("%", "%%"),
    )


def _number(text: str) -> float:
    # A whole number stays one, so that "-t 0" is sent as it was typed.
    try:
        return int(text)
    except ValueError:
        return float(text)


_number.__name__ = "number"
_PARSER = _build()
ACTIONS: Mapping[str, argparse.Action] = {
    name: action
    for action in _PARSER._actions  # noqa: SLF001  argparse has no public list
    for name in action.option_strings
}
"""Every option by each of its names; one without a value has the number 0 of them."""
_NAMES = list(ACTIONS)
_TAKING = {name for name, action in ACTIONS.items() if action.nargs != 0}
