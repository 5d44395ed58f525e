"""Keeps IPython from reading a message as code before the magic sees it.

IPython strips what looks like a prompt (``>>> ``) from every line of a cell, takes a
line that ends in ``?`` for a request for help, and refuses a cell magic without a body.
"""

import re
import tokenize

from IPython.core.inputtransformer2 import make_tokens_by_line

_CELL = re.compile(r"%%chat(?=\s|$)[ \t]*(.*)")
_QUESTION = re.compile(r"([ \t]*)%chat[ \t]+(\S.*\?)\s*$")
_MISPLACED = (
    'raise __import__("IPython.core.error").core.error.UsageError('
    '"%%chat must be the first line of its cell; move what stands above it.")\n'
)


def give_message(lines: list[str]) -> list[str]:
    """Turn a ``%%chat`` cell into its call, with the message as it was typed.

    A ``%%chat`` further down would be looked for among the line magics, and the message
    read as Python; the cell says what is wrong instead.
    """
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return lines
    found = _CELL.match(lines[first])
    if found:
        # IPython refuses a cell magic without a body before the magic runs.
        body = "".join(lines[first + 1 :]) or "\n"
        return [f"get_ipython().run_cell_magic('chat', {found[1]!r}, {body!r})\n"]
    if lines[first].lstrip().startswith(("%%", "!!")):
        return lines  # the body of another cell magic
    below = [n for n, line in enumerate(lines) if n > first and _CELL.match(line)]
    if below and _ends_statement(lines[: below[0]]):
        return [_MISPLACED]
    return lines


# Not asked whether a cell is complete: a terminal would not wait for the message.
give_message.has_side_effects = True  # type: ignore[attr-defined]  # IPython's way


def give_question(lines: list[str]) -> list[str]:
    """Turn ``%chat ask …?`` into its call; ``%chat?`` stays a request for help."""
    given = list(lines)
    for number, line in enumerate(lines):
        found = _QUESTION.match(line)
        if found and _ends_statement(given[:number]):
            call = f"get_ipython().run_line_magic('chat', {found[2]!r})\n"
            given[number] = found[1] + call
    return given


def _ends_statement(lines: list[str]) -> bool:
    """Tell whether a new statement begins below *lines*: no string is open there."""
    if not "".join(lines).strip():
        return True
    last = make_tokens_by_line(lines)[-1]
    return bool(last) and last[-1].type == tokenize.ENDMARKER
