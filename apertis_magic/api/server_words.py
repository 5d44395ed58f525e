"""What of a server's words is shown: a line without markup, wrapping or long hashes."""

import json
import re
from collections.abc import Iterator, Mapping

from apertis_magic.api import error_page
from apertis_magic.api.value import first, mapping
from apertis_magic.clean import one_line

_DEPTH = 4
"""Errors that stand in the words of another."""

# LiteLLM writes the classes that an error went through, one or more of them twice, and
# behind its words what else its router could have asked.
_CLASS = r"(?:litellm\.)?\w*(?:Error|Exception|Timeout)(?: \w+Error)?(?::| -) *"
_CLASSES = re.compile(rf"(?=litellm\.)(?:{_CLASS})+|(?:{_CLASS}){{2,}}")
_ROUTING = re.compile(
    r"\.?\s*(?:LiteLLM: model group '|Deployment Info:|"
    r"No fallback model group found|Received Model Group=|"
    r"Available Model Group Fallbacks=|Error doing the fallback|LiteLLM Retried:|"
    r"model=\S{1,200} context_window_fallbacks=).*",
    re.DOTALL,
)
# As Python writes a mapping, which programs around an SDK pass on.
_OF_PYTHON = re.compile(
    r"""(?:Error code: \d{3} - )?b?['"]?\{'(?:error|message|detail)': """
    r"""(?:\{'message': )?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")(?=\}|, ')""",
    re.DOTALL,
)
_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{32,}(?![0-9A-Za-z])")
_KEPT_DIGITS = 8
# An apostrophe ends none.
_QUOTATION = re.compile(
    r"""(?<!\w)(?:"([^"]{4,1000})"|`([^`]{4,1000})`|"""
    r"""'((?:[^']|(?<=\w)'(?=\w)){4,1000})')"""
)
_MOST_QUOTATIONS = 20
_LEFT_OUT = re.compile(r"\.{3}|…")


def told(words: str) -> str:
    """Return the words of an error, or of the one that they hold as JSON or HTML."""
    for _ in range(_DEPTH):
        bare = _bare(words)
        if bare == words:
            break
        words = bare
    return one_line(words)


def without_hashes(line: str, kept: str | None = None) -> str:
    """Return *line* with long hexadecimal numbers, such as a key's hash, shortened.

    Args:
        line: what a server says.
        kept: what stays whole, such as the request's id.
    """

    def shorter(found: re.Match[str]) -> str:
        is_kept = kept is not None and found[0] in kept
        return found[0] if is_kept else found[0][:_KEPT_DIGITS] + "…"

    return _DIGITS.sub(shorter, line)


def without_quotations(line: str, sent: object) -> str:
    """Return *line* without what it quotes of the texts that were sent.

    Args:
        line: what a server says.
        sent: the request; one word of a text in it is no quotation, but all of one is.
    """
    if not _QUOTATION.search(line):
        return line
    texts = {one_line(text) for text in _texts(sent)}

    def kept(found: re.Match[str]) -> str:
        said = found[found.lastindex or 0]
        pieces = [piece for piece in _LEFT_OUT.split(said) if piece]
        is_sent = said in texts or (
            " " in said and any(all(p in text for p in pieces) for text in texts)
        )
        return "" if is_sent and pieces else found[0]

    return _QUOTATION.sub(kept, line, count=_MOST_QUOTATIONS)


def _texts(value: object) -> Iterator[str]:
    """Give the texts in a request, or a part of it, that a person wrote."""
    value = getattr(value, "content", value)  # of a message
    if isinstance(value, str):
        yield value
    inside = value.items() if isinstance(value, Mapping) else ()
    each = [each for name, each in inside if name not in ("model", "role", "type")]
    for inner in value if isinstance(value, list | tuple) else each:
        yield from _texts(inner)


def _bare(words: str) -> str:
    """Return *words* without their outermost wrapping."""
    if error_page.is_page(words):
        return error_page.name(words)
    bare = words.strip()
    if classes := _CLASSES.match(bare):
        bare = bare[classes.end() :] or bare
    bare = _ROUTING.sub("", bare) or bare
    if (written := _OF_PYTHON.match(bare)) and bare.rstrip("'\"").endswith("}"):
        return written[written.lastindex or 0]
    before, brace, rest = bare.partition("{")
    inner = _words_of(brace + rest) if brace else ""
    if not inner:
        return bare
    before = before.removesuffix("b'").rstrip(" \t\r\n:-'\"")
    return f"{before}: {inner}" if before else inner


def _words_of(text: str) -> str:
    """Return the words of the error that a text begins with as JSON, else nothing."""
    try:
        body, _ = json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return ""
    fields = mapping(body)
    error = fields.get("error")
    found = first(mapping(error) or fields, "message", "detail", "msg", "error")
    found = error if isinstance(error, str) else found
    return found if isinstance(found, str) else ""
