"""Reads from a cell's source what it asks, for a notebook that does not say it.

The source is a stranger's. It is read as IPython reads a cell, and nothing of it runs.
"""

import ast
import re
from collections.abc import Iterable
from warnings import catch_warnings

from IPython.core.error import UsageError
from IPython.core.inputtransformer2 import TransformerManager

from apertis_magic.chat.question import Question
from apertis_magic.files.cleaned import Asked, Source
from apertis_magic.notebook.asking import continued, fields_of, without_blank_ends
from apertis_magic.notebook.commands.command_table import COMMANDS
from apertis_magic.notebook.commands.run import command_of
from apertis_magic.notebook.option_line import parse, parse_ask
from apertis_magic.notebook.options import ChatOptions
from apertis_magic.notebook.transforms import ChatLine, Misplaced, give_message

_LARGEST = 100_000
"""Characters of Python that are read; a message may be of any length."""

_LONGEST = 200_000
"""The same times the signs that may be a magic's: for each IPython reads all anew."""

_ANSWERS_AGAIN = ("continue", "retry")
"""Commands that show an answer to the question of another cell."""

_UNKNOWN = Source(asks=(None,))
_INSIDE = re.compile(r"(?:^|\s)%chat\s+(\S.*)")


def read(source: str) -> Source:
    """Return what the source of a cell asks."""
    return _read(source, outer=True)


def _read(source: str, *, outer: bool) -> Source:
    """Return what a source asks.

    Args:
        source: the source of a cell, or what stands below a cell magic.
        outer: whether it is the cell's; there is one magic above another at the most.
    """
    lines = source.splitlines(keepends=True)
    code = "".join(give_message(lines))
    try:
        if code == source:
            if len(source) > _LARGEST or _signs(source) * len(source) > _LONGEST:
                return _UNKNOWN
            code = _python(source)
        with catch_warnings(action="ignore"):  # of code that nobody runs
            tree = ast.parse(code)
        return _of_code(tree, outer=outer)
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return _UNKNOWN


def _signs(source: str) -> int:
    return sum(map(source.count, "%!?"))


def _python(source: str) -> str:
    """Return what IPython makes of a cell with our magics in it."""
    manager = TransformerManager()
    manager.token_transformers += [ChatLine, Misplaced]
    code: str = manager.transform_cell(source)
    return code


def _of_code(tree: ast.Module, *, outer: bool) -> Source:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    found = [_of_call(call, outer=outer) for call in calls]
    # One in a loop or a function may run often, or never.
    straight = {id(getattr(each, "value", None)) for each in tree.body}
    return Source(
        asks=tuple(asked for each in found for asked in each.asks),
        in_order=all(
            each.in_order and (id(call) in straight or not each.asks)
            for call, each in zip(calls, found, strict=True)
        ),
        shows_more=any(each.shows_more for each in found),
    )


def _of_call(call: ast.Call, *, outer: bool) -> Source:
    """Return what a call asks: that of one of our magics, or of what runs one."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    match name, [*_texts(call.args)]:
        case "run_cell_magic", ["chat", str(line), str(body)]:
            return _of_cell(line, body)
        case "run_line_magic", ["chat", str(line)]:
            return _of_line(line)
        case "run_cell_magic" | "run_line_magic", ["chat", *_]:
            return _UNKNOWN
        case "run_cell_magic", [_, _, str(body)] if "%chat" in body:
            return _read(body, outer=False) if outer else _UNKNOWN
        case "run_line_magic", [_, str(line)] if inside := _INSIDE.search(line):
            return _of_line(inside[1])
    return Source()


def _texts(arguments: Iterable[ast.expr]) -> Iterable[str | None]:
    for each in arguments:
        value = each.value if isinstance(each, ast.Constant) else None
        yield value if isinstance(value, str) else None


def _of_cell(line: str, body: str) -> Source:
    """Return what a ``%%chat`` cell asks."""
    line, body = continued(line, body)
    prompt = without_blank_ends(body)
    if not prompt:
        return _of_line(line)
    try:
        return _asking(parse(line), prompt)
    except UsageError:
        return _UNKNOWN


def _of_line(line: str) -> Source:
    """Return what a ``%chat`` line asks."""
    command, rest = command_of(line)
    if command is not None and command.name in _ANSWERS_AGAIN:
        return _UNKNOWN
    if command is not COMMANDS["ask"]:
        return Source(shows_more=True)
    try:
        return _asking(*parse_ask(rest))
    except UsageError:
        return _UNKNOWN


def _asking(options: ChatOptions, prompt: str) -> Source:
    if options.help or options.quiet or not prompt:
        return Source(shows_more=options.help)
    question = Question(
        prompt, fields=fields_of(options), last_turns=options.last_turns
    )
    asked = Asked(
        question=question,
        model=options.model or "",
        system=options.system,
        conversation=options.conversation,
        once=options.once,
    )
    return Source(asks=(asked,))
