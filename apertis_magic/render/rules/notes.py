"""References to footnotes, and where the footnotes stand."""

import re

from markdown_it.rules_inline import StateInline

_REFERENCE = re.compile(r"\[\^([^\[\]\s]{1,200})\]")


def reference(state: StateInline, silent: bool) -> bool:  # noqa: FBT001  the library's way
    """Read a reference to a footnote that the text has."""
    if state.src[state.pos] != "[":
        return False
    notes = state.env.get("footnotes")
    found = _REFERENCE.match(state.src, state.pos, state.posMax) if notes else None
    key = f":{found[1]}" if found else ""
    if found is None or key not in notes["refs"]:
        return False
    if not silent:
        listed = notes["list"]
        if notes["refs"][key] < 0:
            notes["refs"][key] = len(listed)
            listed[len(listed)] = {"label": found[1], "count": 1}
        token = state.push("footnote_ref", "", 0)
        token.meta = {"id": notes["refs"][key], "label": found[1]}
    state.pos = found.end()
    return True
