"""Puts the words that fit a chat line into IPython's tab completion.

In the body of a ``%%chat`` cell nothing is offered: Python's names are no part of a
message. ``candidates.py``, imported at the first chat line, knows the words.
"""

import re
from collections.abc import Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

from IPython.core import completer
from IPython.core.completer import IPCompleter
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.notebook.config import ApertisMagic

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult

    from apertis_magic.notebook.offers import Candidate

_CELL = re.compile(r"\s*%%chat(?=\s)(?P<line>[^\n]*)(?P<body>\n)?")
# Also behind what it is assigned to, a block's colon, or another magic that runs it.
_LINE = re.compile(
    r"(?:[^\n]*[=:])?\s*(?:%\w+\s+(?:-\S+\s+)*)?%chat(?=\s)(?P<line>[^\n]*)"
)


def install(shell: InteractiveShell) -> None:
    """Offer our words in the completion of *shell*."""
    matchers, matcher = _place(shell.Completer)
    matchers.append(matcher)


def remove(shell: InteractiveShell) -> None:
    """Take them out of it again."""
    matchers, matcher = _place(shell.Completer)
    matchers.remove(matcher)


def _place(ipython: IPCompleter) -> tuple[list[Any], Any]:
    """Return the list of matchers that ours belongs into, and ours."""
    if not hasattr(completer, "context_matcher"):  # IPython before 8.6
        return ipython.magic_arg_matchers, MethodType(_match_line, ipython)
    mark = completer.context_matcher(identifier="apertis_magic", priority=100)
    return ipython.custom_matchers, MethodType(mark(_match), ipython)


def _match(ipython: IPCompleter, context: "CompletionContext") -> "SimpleMatcherResult":
    """Return what can stand before the cursor; in a chat cell nothing else can."""
    until = context.text_until_cursor
    above = context.full_text.split("\n")[: context.cursor_line]
    before = "\n".join([*above, until])
    cell = _CELL.match(before)
    place = cell or _LINE.match(until)
    if place is None:
        return {"completions": []}
    fragment, words = "", []
    if not (cell and cell["body"]):
        fragment, offered = _candidates(ipython, place["line"], of_cell=bool(cell))
        in_kernel = hasattr(ipython.shell, "kernel")  # a terminal has room for the help
        words = [(c.text, c.kind if in_kernel else c.help or c.kind) for c in offered]
    if not words:
        # Only a matcher that has something keeps IPython's own out; the last word in
        # its own place changes nothing.
        fragment = re.split(r"(?<=\s)(?=\S)", before)[-1]
        words = [(fragment, "message")]
    return {
        "completions": [completer.SimpleCompletion(w, type=kind) for w, kind in words],
        "matched_fragment": fragment,
        "ordered": True,
        "suppress": True,
    }


def _match_line(ipython: IPCompleter, _line: str) -> Sequence[str]:
    """Return the same for an IPython that tells no more than the cursor's line.

    It puts a match in the place of its own idea of the last word, which begins at the
    last colon or equals sign.
    """
    until = ipython.text_until_cursor
    cell = _CELL.match(until)
    place = cell or _LINE.match(until)
    if place is None:
        return []
    fragment, offered = _candidates(ipython, place["line"], of_cell=bool(cell))
    token = ipython.splitter.split_line(until)
    lead = fragment.removesuffix(token)
    return [c.text.removeprefix(lead) for c in offered if c.text.startswith(lead)]


def _candidates(
    ipython: IPCompleter, line: str, *, of_cell: bool
) -> "tuple[str, Sequence[Candidate]]":
    from apertis_magic.notebook import candidates, following

    # The models that are offered are those of the address that the user prefers.
    following.session_with(ApertisMagic.of(ipython.shell))
    return candidates.at_end(line, of_cell=of_cell)
