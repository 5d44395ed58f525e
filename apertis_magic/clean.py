"""Text made fit for where it goes: without keys or control codes, a word or a line."""

import re
from typing import Any

# Not in the middle of a word: "task-classifier" is no key.
_KEY = re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9._-]{6,}")
# The shapes that other services' keys have, and nothing else has.
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9_-])(?:AIza[A-Za-z0-9_-]{35}|AKIA[A-Z0-9]{16}"
    r"|gsk_[A-Za-z0-9]{40,}|hf_[A-Za-z0-9]{34}|gh[opsu]_[A-Za-z0-9]{36}"
    r"|github_pat_[A-Za-z0-9_]{50,}|xox[abp]-[0-9]{8,}-[A-Za-z0-9-]{16,}"
    r"|glpat-[A-Za-z0-9_-]{20}|xai-[A-Za-z0-9]{80})"
    r"(?![A-Za-z0-9_-])"
)
# Fields whose values are secrets, whatever they look like.
_SECRET = re.compile(
    r"(?:api|access|auth|secret|private)[-_]?(?:key|token)|authorization|password"
    r"|secret|credential",
    re.IGNORECASE,
)
# What is one word of a magic line without quotes.
_WORD_OF_LINE = re.compile(r"[\w./:@+,%][\w./:@+,%=-]*|-\d[\d.e+-]*", re.ASCII)
_TURN = re.compile(r"(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]")
_LONG, _MIXED = 20, 4
_PLACEHOLDER = re.compile(r"(?i)example|your|fake|dummy|xxxx|abcdef|12345678")
_SHORTEST = 8
_DIFFERENT = 8
# What people give to servers without keys: "not-needed", "lm-studio".
_WORD = re.compile(r"[A-Za-z_-]{1,15}")
# C0 and C1 but for newline and tab: a terminal would obey them. And what turns the
# direction of the text after it: it would read as something else than it is. The marks
# of a direction (U+200E, U+200F, U+061C) turn nothing, and stay.
_C0_C1 = (*range(9), *range(11, 32), *range(127, 160))
_OVERRIDES = range(0x202A, 0x202F)
_ISOLATES = range(0x2066, 0x206A)
_CONTROLS = dict.fromkeys([*_C0_C1, *_OVERRIDES])
_CONTROLS_AND_ISOLATES = {**_CONTROLS, **dict.fromkeys(_ISOLATES)}


def redact(text: str, *keys: str | None) -> str:
    """Return *text* without anything that looks like, or is, one of *keys*.

    A key of fewer than 8 characters, such as the ``token`` or ``EMPTY`` that people
    give to servers without keys, is no secret and may be a word of the text.
    """
    known = {re.escape(key) for key in keys if key and len(key) >= _SHORTEST}
    # The longest first: one may be a part of another.
    for key in sorted(known, key=len, reverse=True):
        text = re.sub(key, "[key]", text)
    return _SHAPES.sub("[key]", _KEY.sub("[key]", text))


def holds_key(text: str, *known: str | None) -> bool:
    """Tell whether *text* holds one of the keys *known*, or surely some other one.

    Prose about keys, placeholders and words such as ``sk-learn`` are none.
    """
    if any(
        key in text
        for key in known
        if key and len(key) >= _SHORTEST and not _WORD.fullmatch(key)
    ):
        return True
    shaped = [found[0] for found in _SHAPES.finditer(text)]
    for found in _KEY.finditer(text):
        # A long one in which letters and digits take turns is no word.
        tail = found[0].removeprefix("sk-")
        if len(tail) >= _LONG and len(_TURN.findall(tail)) >= _MIXED:
            shaped.append(tail)
    return any(
        len(set(each)) >= _DIFFERENT and not _PLACEHOLDER.search(each)
        for each in shaped
    )


def without_keys(value: Any) -> Any:
    """Return JSON, or a text, without the keys that are surely in it.

    A value is a key where its field's name says so, such as ``Authorization`` or
    ``api_key``. Other text is left as it is: it may be about keys.
    """
    if isinstance(value, str):
        return redact(value) if holds_key(value) else value
    if isinstance(value, dict):
        return {
            name: "[key]"
            if isinstance(inner, str) and _SECRET.search(str(name))
            else without_keys(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_keys(each) for each in value]
    return value


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
    """Return *text* without the control characters that a terminal would obey.

    Each character stays or goes by itself, so that pieces of a text can be cleaned one
    by one.
    """
    return mend(text).translate(_CONTROLS_AND_ISOLATES)


def printable_in_html(text: str) -> str:
    """Return *text* as :func:`printable` does, but with isolates.

    A browser ends those (U+2066 to U+2069) with the block or line that they are in.
    """
    return mend(text).translate(_CONTROLS)


def encodable(text: str, stream: object) -> str:
    """Return *text* as a stream can take it: what its encoding lacks is escaped.

    A kernel's streams lack nothing; terminals may be of ASCII.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    return text


def excerpt(text: str, most: int = 60) -> str:
    """Return the beginning of *text* in one line of so many characters at the most."""
    line = " ".join(text.split(None, most)[:most])  # each word is a character or more
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """Return *text* as one word of a magic line, in quotes where it needs them."""
    if _WORD_OF_LINE.fullmatch(text):
        return text
    if "'" not in text and re.search(r'["\\]', text):
        return f"'{text}'"
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'
