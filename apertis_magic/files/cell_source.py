"""A turn -> the ``%%chat`` cell that asks it again, as a person would write it."""

import json
import re
from collections.abc import Iterator
from typing import Any

from apertis_magic.api.params import PARAMS
from apertis_magic.api.value import mapping
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import quoted
from apertis_magic.files import record

_NOT_BY_PARAM = ("model", "messages", "stream")
_SHORT = {"n": "-n"}


def cell(turn: Turn, *, conversation: str | None, system: str | None) -> str:
    """Return the source of the cell that asks a turn's question.

    What no line can say is left out: a field whose name has a dot or an equals sign.

    Args:
        turn: the turn.
        conversation: the conversation to name; None leaves the current one.
        system: the system prompt to set; None leaves what is set.
    """
    words = ["%%chat"]
    if conversation is not None:
        words += ["-c", quoted(conversation)]
    if turn.asked_model.strip() and fits(turn.asked_model):
        words += ["-m", quoted(turn.asked_model)]
    words += _fields(turn)
    if turn.question.last_turns is not None:
        words += ["--history", str(turn.question.last_turns)]
    if turn.question.anyway:
        words.append("--anyway")
    if system is not None:
        words += ["-s", quoted(system)] if system else ["--no-system"]
    return " ".join(words) + "\n" + turn.prompt


def fits(text: str) -> bool:
    """Tell whether *text* can stand on a line, which IPython must not break."""
    return len(f"{text}.".splitlines()) == 1


def _fields(turn: Turn) -> Iterator[str]:
    """Give the words for the request's fields, those without an option last."""
    options = record.plain(turn.options)
    extra = mapping(options.pop("extra_body", None))
    for name in list(options):
        values = _values(name, options[name])
        if values:
            del options[name]
        for value in values:
            yield from (_option(name), quoted(value))
    for name, value in {**options, **extra}.items():
        is_known = name in turn.options and name not in options
        if not is_known and name not in _NOT_BY_PARAM and _is_key(name):
            yield from ("-p", quoted(f"{name}={_json(value)}"))


def _values(name: str, value: Any) -> list[str]:
    """Return the words for the values of a field that has an option, else none."""
    param = PARAMS.get(name)
    if param is None or not param.on_line:
        return []
    values = value if isinstance(value, list) and param.most > 1 else [value]
    # What has the wrong type has no option's form either: true, or 9.0 tokens.
    kinds = (int, float) if param.kind is float else (param.kind,)
    is_fit = all(type(each) in kinds and fits(str(each)) for each in values)
    return [str(each) for each in values] if is_fit and "" not in values else []


def _option(name: str) -> str:
    return _SHORT.get(name, "--" + name.replace("_", "-"))


def _is_key(name: str) -> bool:
    return bool(name) and not re.search(r"[.=]", name) and fits(name)


def _json(value: Any) -> str:
    """Return what ``-p`` reads as *value*."""
    if isinstance(value, str) and fits(value) and not _is_json(value):
        return value
    text = record.dumped(value)
    return text if fits(text) else json.dumps(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
