"""Options that a model does not take: told by the server's words, put right or hinted.

No list of models is kept here; which takes what changes too often.
"""

import re
from collections.abc import Mapping
from typing import Any

_UNSUPPORTED = re.compile(
    r"unsupported[_ ](?:parameter|value)|not support(?:ed)?\b|"
    r"cannot both be specified|use '?max_completion_tokens",
    re.IGNORECASE,
)
RENAME = "use 'max_completion_tokens'"
"""Words that ask for the newer name."""

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


def is_unsupported(words: str) -> bool:
    """Tell whether a refusal's *words* are about an option the model does not take."""
    return bool(_UNSUPPORTED.search(words))


def is_option(words: str, param: str | None) -> bool:
    """Tell whether a refusal is about an option that a user can leave out.

    Where *param* is ``model`` or ``messages[0].role``, it is not.
    """
    is_needed = (param or "").startswith(("messages", "model"))
    return is_unsupported(words) and not is_needed


def renamed(body: Mapping[str, Any], words: str) -> Mapping[str, Any] | None:
    """Return *body* with ``max_tokens`` by its newer name, if *words* ask for it.

    Reasoning models refuse the old name, other servers do not know the new one.
    """
    is_asked_for = "max_completion_tokens" in words and is_unsupported(words)
    if not is_asked_for or "max_completion_tokens" in body or "max_tokens" not in body:
        return None
    rest = {name: value for name, value in body.items() if name != "max_tokens"}
    return {**rest, "max_completion_tokens": body["max_tokens"]}


def most_answers(words: str, param: str | None) -> int | None:
    """Return how many answers a server gives, if it says that more were asked for.

    Args:
        words: its refusal.
        param: the field that it complains about, None where it names none.
    """
    is_about_it = param == "n" or (param is None and _NUMBER.search(words))
    found = _AT_MOST.search(words) if is_about_it else None
    return int(found[1]) if found else None


def hint(words: str, param: str | None) -> str:
    """Return what to do about a refusal of an option, in one sentence."""
    if "max_completion_tokens" in words and param in (None, "max_tokens"):
        return "Give max_completion_tokens in the place of max_tokens."
    if _BOTH.search(words):
        names = list(dict.fromkeys(_QUOTED.findall(words))) or ["temperature", "top_p"]
        return f"Give only one of {' and '.join(names)}."
    quoted = _QUOTED.search(words)
    name = param or (quoted[1] if quoted else None)
    return f"Leave {name} out; this model does not take it." if name else ""
