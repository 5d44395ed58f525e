"""Text from outside made fit to show: no keys, no half characters, no control codes."""

import re

# Not in the middle of a word: "task-classifier" is no key.
_KEY = re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9._-]{6,}")
_SHORTEST = 8
# C0 and C1 but for newline and tab: a terminal would obey them. And what turns the
# direction of the text after it: it would read as something else than it is.
_C0_C1 = (*range(9), *range(11, 32), *range(127, 160))
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = dict.fromkeys([*_C0_C1, *_DIRECTIONS])


def redact(text: str, *keys: str | None) -> str:
    """Return *text* without anything that looks like, or is, one of *keys*.

    A key of fewer than 8 characters, such as the ``token`` or ``EMPTY`` that people
    give to servers without keys, is no secret and may be a word of the text.
    """
    known = {re.escape(key) for key in keys if key and len(key) >= _SHORTEST}
    # The longest first: one may be a part of another.
    for key in sorted(known, key=len, reverse=True):
        text = re.sub(key, "[key]", text)
    return _KEY.sub("[key]", text)


def mend(text: str) -> str:
    """Return *text* with surrogate pairs joined and lone halves replaced.

    Some servers cut an emoji in two; what is left of it can be neither shown nor saved.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def printable(text: str) -> str:
    """Return *text* without the control characters that a terminal would obey."""
    return mend(text).translate(_CONTROLS)
