"""References to footnotes, each of which has its number from the first of them."""

import re
from collections.abc import Sequence
from typing import Any

from markdown_it.rules_inline import StateInline

from apertis_magic.render.rules.lines import once

_REFERENCE = re.compile(r"\[\^([^\[\]\s]{1,200})\]")


def reference(state: StateInline, silent: bool) -> bool:
    """Read a reference to a footnote that the text has."""
    if state.src[state.pos] != "[":
        return False
    found = _REFERENCE.match(state.src, state.pos, state.posMax)
    notes = state.env.get("footnotes")
    if found is None or not notes:
        return False
    key = once(state.env, _keys, tuple(notes["refs"])).get(found[1].casefold())
    if key is None:
        return False
    if not silent:
        token = state.push("footnote_ref", "", 0)
        token.meta = {"id": _number(notes, key), "label": found[1]}
    state.pos = found.end()
    return True


def _keys(keys: Sequence[str]) -> dict[str, str]:
    """Return the keys of the footnotes by their labels, in which case means nothing."""
    return {key[1:].casefold(): key for key in reversed(keys)}


def _number(notes: Any, key: str) -> int:
    """Return the number of a footnote, the next one where it has none yet."""
    number: int = notes["refs"][key]
    if number < 0:
        number = notes["refs"][key] = len(notes["list"])
        notes["list"][number] = {"label": key[1:], "count": 1}
    return number
