"""Answers the questions below ``%load_ext`` in one cell with it.

IPython has read that cell before our transformers were there: of a line that ends in
``?`` it has left the last word alone, as a request for help.
"""

import re
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.notebook.transforms import ChatLine

# A line that ends in a comment is none of those.
_ENDS = re.compile(r"\s*(?:([^\W\d]\w*)\s*=\s*)?([^\s#][^#]*\?)\s*$")
_HELP = ("pinfo", "pinfo2", "psearch")


def answer_questions(shell: InteractiveShell, cell: str) -> None:
    """Have the questions of *cell*, which runs now, be asked, not looked up."""
    found = filter(None, map(_ENDS.match, cell.split("\n")))
    asked = deque((each[1], each[2]) for each in found)
    if not any(ChatLine.is_ours(line) for _, line in asked):
        return
    line_magics = shell.magics_manager.magics["line"]
    former = {name: shell.find_line_magic(name) for name in _HELP}

    def end() -> None:
        shell.events.unregister("post_execute", end)
        line_magics.update(former)

    for name, look_up in former.items():
        line_magics[name] = partial(_help, shell, asked, look_up)
    shell.events.register("post_execute", end)


def _help(
    shell: InteractiveShell,
    asked: deque[tuple[str | None, str]],
    look_up: Callable[[str], Any],
    words: str,
) -> Any:
    """Ask the next line that ends in *words* if it is a question, else look them up."""
    for _ in range(len(asked)):
        name, line = asked[0]
        asked.rotate(-1)  # in a loop it comes again
        if re.search(rf"{re.escape(words)}\?\??$", line):
            if not ChatLine.is_ours(line):
                break
            magic, text = line[1:].split(None, 1)
            # As many frames as are between that line and this call.
            value = shell.run_line_magic(magic, text, _stack_depth=3)
            if name:
                shell.push({name: value})
            return None if name else value
    return look_up(words)
