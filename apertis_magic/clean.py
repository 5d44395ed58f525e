"""Text made fit for where it goes: without control codes, a word or a line."""

import re

# What is one word of a magic line without quotes.
_WORD_OF_LINE = re.compile(r"[\w./:@+,%][\w./:@+,%=-]*|-\d[\d.e+-]*", re.ASCII)
# C0 and C1 but for newline and tab: a terminal would obey them. And what turns the
# direction of the text after it: it would read as something else than it is. The marks
# of a direction (U+200E, U+200F, U+061C) turn nothing, and stay.
_C0_C1 = (*range(9), *range(11, 32), *range(127, 160))
_OVERRIDES = range(0x202A, 0x202F)
_ISOLATES = range(0x2066, 0x206A)
_CONTROLS = dict.fromkeys([*_C0_C1, *_OVERRIDES])
_CONTROLS_AND_ISOLATES = {**_CONTROLS, **dict.fromkeys(_ISOLATES)}


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


def one_line(text: str) -> str:
    """Return *text* in one line, as :func:`printable` cleans it.

    What begins another line, such as U+2028, is a blank, and blanks are one.
    """
    return " ".join(printable(text).split())


def shortened(line: str, most: int) -> str:
    """Return *line* in so many characters at the most, which end with a word."""
    if len(line) <= most:
        return line
    begin = line[: most - 1]
    whole = begin.rpartition(" ")[0] if line[most - 1] != " " else begin
    # One word that is long itself is cut.
    return (whole if len(whole) > most // 2 else begin).rstrip() + "…"


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
