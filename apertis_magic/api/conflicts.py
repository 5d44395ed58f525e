"""Options that a model does not take: told by what a server says, put right or hinted.

A refusal is about the field that it names as such (``param``), whatever its words are.

No list of models is kept here; which takes what changes too often.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from apertis_magic.api import server_words
from apertis_magic.api.params import ARGUMENTS, PARAMS
from apertis_magic.errors import ApertisError, StatusError

_UNSUPPORTED = re.compile(
    r"unsupported[_ ](?:parameter|value)|not support(?:ed)?\b|"
    r"\b(?:is|are) unsupported\b|no endpoints found that support|"
    r"cannot both be specified|use '?max_completion_tokens",
    re.IGNORECASE,
)
_OLDER_NAME, _NEWER_NAME = "max_tokens", "max_completion_tokens"
_BOTH = re.compile(r"cannot both be (?:specified|set)", re.IGNORECASE)
_NUMBER = re.compile(r"""(?<!\w)[`'"]?n[`'"]?(?![\w'])""")
"""The field ``n``, where words name it."""

_AT_MOST = re.compile(
    r"(?:<=|at most|less than or equal to|greater than|more than|up to|between 1 and|"
    r"maximum(?: value)?(?: of [`'\"]?n[`'\"]?)?(?: is| of|:)?|only|must be|> *)"
    r" *(?:n *[=>]+ *)?(\d+)\b(?! *<=)",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"""[`'"]([a-z][a-z_.]+)[`'"]""")

_USAGE = re.compile(
    r"stream[ _]?options|streaming options|include_?usage", re.IGNORECASE
)
_NO_WORDS = "no reason given"
_UNKNOWN_FIELD = re.compile(
    r"(?:unknown|unrecogni[sz]ed|unexpected|unsupported|additional|extra)(?: \w+)? "
    r"(?:field|param|key|arg|option|propert|attribute|input|name|member)|"
    r"(?:field|param|parameter|key|argument|option|property|attribute)s?(?: \w+)? not "
    r"(?:known|recogni[sz]ed|expected|supported|permitted|allowed)",
    re.IGNORECASE,
)
"""What is said of a field that is not named."""

_OF_MESSAGES = ("messages", "role", "content", "image_url")
_KINDS = r"(?:[Ff]ield|[Pp]arameter|[Aa]rgument|[Oo]ption|[Pp]roperty)"
_MARKS = (
    rf"""(?:[`'"]|\bbody\.(?:\w+\.)*|(?:{_KINDS}|supplied|key)s?:? ){{0}}(?!\w)|"""
    r"(?:^|(?<=[.:;] )){0}(?=:| (?:is|must|should|may|cannot|not|value)\b)|"
    rf"(?<![\w-]){{0}}(?= {_KINDS}\b)|\bnot support {{0}}(?!\w)"
)
"""How words name a field whose name is a word of prose too."""

_PLAIN_WORD = 8
"""Letters; the name of a field that is longer is not met in prose by chance."""

# A sentence that has both of these says that an answer may not be streamed.
_STREAM = re.compile(
    r"(?<![\w/-])(?:stream(?:s|ing|ed|able)?|converse_?stream|streamGenerateContent|SSE|"
    r"server-sent events)(?![\w/-]| options)",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:\bnot|n['\u2019]t)(?: \w+){0,2} (?:support|allow|permit|enable|available|"
    r"implement|possible|accept|offer|eligible|compatible|valid)|"
    r"\b(?:unsupported|unavailable|disabled?|forbidden|turn off|false)\b|"
    r"(?:\bnot|\bcannot|n['\u2019]t|unable to)(?: be)? (?:stream|true)|\bno stream|"
    r"\bverify your|\bverified (?:to|org)|"
    r"(?:unknown|unrecogni[sz]ed|unexpected)(?: \w+)? (?:field|param|arg|option|key)",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"non-?stream", re.IGNORECASE)
_WHOLE_ONLY = re.compile(
    r"\b(?:only|use|try|switch to) (?:\w+ ){0,3}non-?stream|"
    r"\bnon-?stream\w*(?: \w+){0,2} only\b|"
    r"\bwithout stream(?:ing)?\b|不支持流式|"
    r"\bstream\w*(?: \w+){0,2} (?:is|are) only (?:available|supported|allowed) ",
    re.IGNORECASE,
)
_BESIDE = re.compile(
    r"\b(?:when|while|during|(?<!compatible )with) stream", re.IGNORECASE
)
"""What an option does not go with."""

_SENTENCE = re.compile(r"(?<=[.;!?]) |\n")
_OF_THE_KEY = (401, 402, 429)


def is_unsupported(words: str) -> bool:
    """Tell whether a refusal's *words* are about an option the model does not take."""
    return bool(_UNSUPPORTED.search(words))


def is_unknown(words: str) -> bool:
    """Tell whether a refusal is about a field that the server does not know."""
    return _UNKNOWN_FIELD.search(words) is not None


def is_option(words: str, param: str | None) -> bool:
    """Tell whether a refusal is about an option that a user can leave out.

    Where *param* is ``model`` or ``messages[0].role``, it is not.
    """
    is_needed = (param or "").startswith(("messages", "model"))
    is_unheard_of = is_unknown(words) and (
        bool(param) or _first_named(_OF_MESSAGES, words) is None
    )
    return (is_unsupported(words) or is_unheard_of) and not is_needed


def wants_newer_name(words: str, param: str | None) -> bool:
    """Tell whether a refusal asks for ``max_completion_tokens``, not ``max_tokens``.

    Reasoning models refuse the old name, other servers do not know the new one.

    Args:
        words: the refusal.
        param: the field that it complains about, None where it names none.
    """
    is_about_it = field_of(param) in ("", _OLDER_NAME, _NEWER_NAME)
    return is_about_it and _NEWER_NAME in words and is_unsupported(words)


def renamed(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return *body* with ``max_tokens`` by its newer name, None if that is not set."""
    if _NEWER_NAME in body or _OLDER_NAME not in body:
        return None
    rest = {name: value for name, value in body.items() if name != _OLDER_NAME}
    return {**rest, _NEWER_NAME: body[_OLDER_NAME]}


def refuses_streaming(
    error: ApertisError, asked: Mapping[str, Any] | None = None
) -> bool:
    """Tell whether a refusal says that this model's answers may not be streamed.

    Args:
        error: the refusal.
        asked: what was sent; a server that quotes it does not speak of itself.
    """
    field = field_of(error.param)
    words = server_words.without_quotations(str(error), asked)
    is_about_another = field in PARAMS and field != "stream"
    if is_about_another or error.status in _OF_THE_KEY or _USAGE.search(words):
        return False
    if field == "stream" and _NO.search(f"{error.code} {words}".replace("_", " ")):
        return True
    if _WHOLE_ONLY.search(words):
        return True
    # Where a whole answer is what is refused, this is no reason to ask for one.
    return not _WHOLE.search(words) and any(
        _STREAM.search(each) and _NO.search(each) and not _BESIDE.search(each)
        for each in _SENTENCE.split(words)
    )


def refuses_usage(error: StatusError, asked: Mapping[str, Any]) -> bool:
    """Tell whether a refusal is about ``stream_options``, which we add to a stream.

    Args:
        error: the refusal.
        asked: the arguments that were set, with those of ``extra_body``; a refusal that
            names one of them first is about that.
    """
    fields = {**asked, **(asked.get("extra_body") or {})}
    if "stream_options" in fields or refuses_streaming(error, asked):
        return False
    field, words = field_of(error.param), str(error)
    if field not in ("", "stream"):
        return _USAGE.search(field) is not None
    told = _USAGE.search(words)
    other = _first_named([*(fields.keys() - ARGUMENTS), *_OF_MESSAGES], words)
    if other is not None:
        return told is not None and told.start() < other[0]
    return told is not None or is_unknown(words) or _NO_WORDS in words


def most_answers(words: str, param: str | None) -> int | None:
    """Return how many answers a server gives, if it says that more were asked for.

    Args:
        words: its refusal.
        param: the field that it complains about, None where it names none.
    """
    is_about_it = param == "n" or (param is None and _NUMBER.search(words))
    found = _AT_MOST.search(words) if is_about_it else None
    return int(found[1]) if found else None


def are_two(words: str) -> bool:
    """Tell whether two options are refused because they stand together."""
    return _BOTH.search(words) is not None


def quoted(words: str) -> list[str]:
    """Return the names that *words* quote, each once."""
    return list(dict.fromkeys(_QUOTED.findall(words)))


def named(names: Iterable[str], words: str) -> str:
    """Return the first of some fields that *words* name, empty where they name none."""
    found = _first_named(names, words)
    return found[1] if found else ""


def field_of(param: str | None) -> str:
    """Return the field of the request that *param* is, or is in; empty for none."""
    return re.split(r"[.\[]", (param or "").removeprefix("body."))[0]


def _first_named(names: Iterable[str], words: str) -> tuple[int, str] | None:
    """Return where *words* name the first of some fields, and which; None for none."""
    found = ((_place(name, words), name) for name in names)
    return min(((at.start(), name) for at, name in found if at), default=None)


def _place(name: str, words: str) -> re.Match[str] | None:
    exact = re.escape(name)
    marked = re.search(_MARKS.format(exact), words)
    if marked or ("_" not in name and len(name) <= _PLAIN_WORD):
        return marked
    return re.search(rf"(?<!\w){exact}(?!\w)", words, re.IGNORECASE)
