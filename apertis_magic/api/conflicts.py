"""Options that a model does not take: told by what a server says, put right or hinted.

A refusal is about the field that it names as such (``param``), whatever its words are.

No list of models is kept here; which takes what changes too often.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from apertis_magic.api.params import ARGUMENTS, PARAMS
from apertis_magic.errors import ApertisError, StatusError

_UNSUPPORTED = re.compile(
    r"unsupported[_ ](?:parameter|value)|not support(?:ed)?\b|"
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
_UNKNOWN_FIELD = re.compile(
    r"no reason given|"
    r"(?:unknown|unrecogni[sz]ed|unexpected|unsupported|additional|extra)(?: \w+)? "
    r"(?:field|param|key|arg|option|propert|attribute|input|name|member)|"
    r"(?:field|param|parameter|key|argument|option|property|attribute)s?(?: \w+)? not "
    r"(?:known|recogni[sz]ed|expected|supported|permitted|allowed)",
    re.IGNORECASE,
)
"""What is said of a field that is not named."""

_OF_MESSAGES = ("messages", "role", "content", "image_url")
_MARKS = (
    r"""(?:[`'"]|\bbody\.|(?:field|parameter|argument|option|supplied|key)s?:? )"""
    r"{}(?!\w)"
)
_PLAIN_WORD = 8
"""Letters; the name of a field that is longer is not met in prose by chance."""

# A sentence that has both of these says that an answer may not be streamed.
_STREAM = re.compile(
    r"(?<![\w/-])(?:stream(?:s|ing|ed)?|converse_?stream|streamGenerateContent)"
    r"(?![\w/-]| options)",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:\bnot|n.?t)(?: \w+){0,2} (?:support|allow|permit|enable|available|"
    r"implement|possible|accept|offer|eligible|compatible|valid)|"
    r"\b(?:unsupported|unavailable|disabled?|forbidden|turn off|verified to|false)\b|"
    r"(?:\bnot|\bcannot|n.?t|unable to)(?: be)? stream",
    re.IGNORECASE,
)
_WHOLE_ONLY = re.compile(
    r"\bonly (?:\w+ ){0,3}non-?stream|\bnon-?stream\w*(?: \w+){0,2} only\b|"
    r"\bwithout stream(?:ing)?\b",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"\b(?:when|while|during) stream", re.IGNORECASE)
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
    return is_unsupported(words) and not is_needed


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


def refuses_streaming(error: ApertisError) -> bool:
    """Tell whether a refusal says that this model's answers may not be streamed."""
    field, words = field_of(error.param), str(error)
    is_about_another = field in PARAMS and field != "stream"
    if is_about_another or error.status in _OF_THE_KEY or _USAGE.search(words):
        return False
    if field == "stream" and _NO.search(f"{error.code} {words}".replace("_", " ")):
        return True
    return _WHOLE_ONLY.search(words) is not None or any(
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
    if "stream_options" in fields or refuses_streaming(error):
        return False
    field, words = field_of(error.param), str(error)
    if field not in ("", "stream"):
        return _USAGE.search(field) is not None
    told = _USAGE.search(words)
    other = _first_named([*(fields.keys() - ARGUMENTS), *_OF_MESSAGES], words)
    if other is not None:
        return told is not None and told.start() < other
    return told is not None or is_unknown(words)


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


def field_of(param: str | None) -> str:
    """Return the field of the request that *param* is, or is in; empty for none."""
    return re.split(r"[.\[]", (param or "").removeprefix("body."))[0]


def _first_named(names: Iterable[str], words: str) -> int | None:
    """Return where *words* name the first of some fields, None where none is named."""
    places = [
        found.start()
        for name in names
        if (found := re.search(_MARKS.format(re.escape(name)), words))
        or (
            ("_" in name or len(name) > _PLAIN_WORD)
            and (found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words))
        )
    ]
    return min(places, default=None)
