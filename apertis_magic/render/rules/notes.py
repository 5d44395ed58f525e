"""References to footnotes, each of which has its number from the first of them."""

import re
from typing import Any

from markdown_it.rules_inline import StateInline

_REFERENCE = re.compile(r"\[\^([^\[\]\s]{1,200})\]")


def reference(state: StateInline, silent: bool) -> bool:
    """Read a reference to a footnote that the text has."""
    if state.src[state.pos] != "[":
        return False
    found = _REFERENCE.match(state.src, state.pos, state.posMax)
    notes = state.env.get("footnotes")
    if found is None or not notes or f":{found[1]}" not in notes["refs"]:
        return False
    if not silent:
        token = state.push("footnote_ref", "", 0)
        token.meta = {"id": _number(notes, found[1]), "label": found[1]}
    state.pos = found.end()
    return True


def _number(notes: Any, label: str) -> int:
    """Return the number of a footnote, the next one where it has none yet."""
    number: int = notes["refs"][f":{label}"]
    if number < 0:
        number = notes["refs"][f":{label}"] = len(notes["list"])
        notes["list"][number] = {"label": label, "count": 1}
    return number
