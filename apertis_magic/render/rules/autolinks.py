"""Text up to what may mean something, and addresses that stand in it bare."""

import re

from markdown_it.common.utils import unescapeAll
from markdown_it.rules_inline import StateInline

_SPECIAL = re.compile(
    r"[\\`*_~\[\]!<&$\n]"
    r"|(?<![A-Za-z0-9])(?:https?://|www\.)(?=[^\W_])"
    r"|(?<![\w.+-])[^\W_][\w.+-]{0,254}+@[^\W_][\w-]*+(?:\.[\w-]*[^\W_])",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"https?://|www\.", re.IGNORECASE)
_PART = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_MAIL = re.compile(rf"[^\W_][\w.+-]{{0,254}}+@{_PART}(?:\.{_PART})+(?![\w-])")
# Where a bare address ends; nothing that is more likely to be of the text around it.
_STOP = re.compile(
    r"[(){}]|&nbsp;|[\s<>\"`*\[\]|\\^\u3000-\u303f\uff00-\uffef]", re.IGNORECASE
)
_DEPTH = {"(": 1, "{": 1, ")": -1, "}": -1}
_PLAIN = re.compile(r"[\w:/.?=#~+,;@()-]+", re.ASCII)  # is written as it leads
_TRAILING = "(?!.,:;&_~'\"…"


def text(state: StateInline, silent: bool) -> bool:
    """Read text in which nothing has a meaning."""
    found = _SPECIAL.search(state.src, state.pos, state.posMax)
    end = found.start() if found else state.posMax
    if end == state.pos:
        return False
    if not silent:
        state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def address(state: StateInline, silent: bool) -> bool:
    """Read an address of the web or of mail: a link, unless it stands in one."""
    found = _SPECIAL.match(state.src, state.pos, state.posMax)
    if found is None or len(found[0]) == 1:
        return False
    shown, href = _address(state)
    if not shown:
        return False
    if not _PLAIN.fullmatch(href):
        href = state.md.normalizeLink(unescapeAll(href))
    is_link = state.linkLevel == 0  # the web's and mail's addresses are all valid
    if not silent:
        if is_link:
            token = state.push("link_open", "a", 1)
            token.attrs, token.markup, token.info = {"href": href}, "linkify", "auto"
        state.push("text", "", 0).content = unescapeAll(shown)
        if is_link:
            token = state.push("link_close", "a", -1)
            token.markup, token.info = "linkify", "auto"
    state.pos += len(shown)
    return True


def _address(state: StateInline) -> tuple[str, str]:
    """Return the address at this place as it is shown, and where it leads."""
    if mail := _MAIL.match(state.src, state.pos, state.posMax):
        return mail[0], f"mailto:{mail[0]}"
    scheme = _SCHEME.match(state.src, state.pos, state.posMax)
    if scheme is None:
        return "", ""
    shown = _cut(state.src, scheme.end(), state.posMax)
    is_full = scheme[0][0] in "hH"
    whole = scheme[0] + shown
    return (whole, whole if is_full else f"http://{whole}") if shown else ("", "")


def _cut(text: str, start: int, end: int) -> str:
    """Return a bare address without what belongs to the sentence around it."""
    depth = 0
    for found in _STOP.finditer(text, start, end):
        depth += _DEPTH.get(found[0], 0)
        if found[0] not in _DEPTH or depth < 0:
            end = found.start()
            break
    return text[start:end].rstrip(_TRAILING)
