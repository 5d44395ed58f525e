"""Lines of a text as the rules of blocks see them, and what is found out only once."""

from collections.abc import Callable
from typing import Any, TypeVar

from markdown_it.rules_block import StateBlock
from markdown_it.utils import EnvType

T = TypeVar("T")


def rest(state: StateBlock, line: int) -> str:
    """Return a line without the white space in front."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def is_last(state: StateBlock, end: int) -> bool:
    """Tell whether no line of the text stands behind the one before *end*."""
    return end == len(state.bMarks) - 1  # the last mark is of the text's own end


def is_cut(state: StateBlock, end: int) -> bool:
    """Tell whether the line before *end* is the text's last, and has no end yet."""
    return is_last(state, end) and state.eMarks[end - 1] == len(state.src)


def hold(state: StateBlock, line: int) -> None:
    """Note that what begins in *line* may still become another block, or none."""
    key = "open_inside" if state.level else "open"
    state.env[key] = min(line, state.env.get(key, line))


def once(env: EnvType, work: Callable[..., T], *arguments: Any) -> T:
    """Return what *work* gives; done once for each text that is read.

    Args:
        env: of the text that is read.
        work: a pure function.
        arguments: of the function.
    """
    done = env.setdefault("done", {})
    key = work, *arguments
    if key not in done:
        done[key] = work(*arguments)
    found: T = done[key]
    return found
