"""The error that a response's body holds, in any form that servers use."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apertis_magic.api.value import Json, first, is_deep, items, mapping
from apertis_magic.clean import printable

_LONGEST = 500  # characters of a message
_LONGEST_PAGE = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error, in the words of the server.

    Attributes:
        message: what went wrong, without a key.
        type: its kind (``error.type`` of the API), else empty.
        code: its kind more exactly (``error.code``), None where not told.
        param: the field of the request that it is about (``error.param``), None where
            not told.
    """

    message: str
    type: str = ""
    code: str | None = None
    param: str | None = None

    @classmethod
    def of(cls, error: Json, redact: Callable[[str], str]) -> "Fault":
        """Read an error, as ``reported`` or ``error_of`` returns it.

        Args:
            error: the error.
            redact: takes the key, which some servers echo, out of it.
        """
        words = (error.get(name) for name in ("message", "type", "code"))
        reason = str(next(filter(None, words), ""))
        # Redacted last: a control character must not keep a key from being seen.
        message = redact(printable(reason)) or "no reason given"
        code, param = error.get("code"), error.get("param")
        if isinstance(code, int) and isinstance(error.get("status"), str):
            code = error["status"]  # Gemini's word; its code is the HTTP status
        return cls(
            message=message[:_LONGEST] + "…" if len(message) > _LONGEST else message,
            type=str(error.get("type") or ""),
            code=None if code in (None, "") else redact(str(code)),
            param=redact(param) if isinstance(param, str) and param else None,
        )

    @property
    def words(self) -> str:
        """The words that tell which kind of error it is."""
        return f"{self.type} {self.code or ''} {self.message}"


def reported(text: str) -> Json:
    """Return the error in a response's body, in any form that servers use."""
    try:
        body = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return {"message": _words_of(text)}
    if is_deep(body):
        return {"message": _words_of(text)}
    if isinstance(body, list):  # Gemini's way
        body = next(iter(items(body)), text)
    if not isinstance(body, Mapping):
        return {"message": _words_of(text)}
    error = error_of(body) or next(iter(items(body.get("errors"))), None)
    error = error or on_top(body)
    # OpenRouter keeps the words of the model's own provider apart.
    raw = mapping(error.get("metadata")).get("raw")
    return {**error, "message": f"{error.get('message')}: {raw}"} if raw else error


def error_of(payload: Json) -> Json | None:
    """Return the error that *payload* carries, as a mapping, or None.

    Some gateways send an ``error`` whose fields are all empty along with a success;
    that is no error.
    """
    error = payload.get("error")
    if not error and payload.get("success") is False:
        words = payload.get("message") or "no reason given"
        return {"message": words, "code": payload.get("code")}
    if isinstance(error, str | list) and str(error).strip(" []"):
        return {"message": str(error)}
    if error and isinstance(error, int | float):  # true, or a status
        return {"message": payload.get("message") or f"error {error}"}
    fields = mapping(error)
    is_told = any(fields.get(name) for name in ("message", "type", "code"))
    return fields if is_told else None


def on_top(body: Json) -> Json:
    """Return the error at the top of *body*, where vLLM and FastAPI write it."""
    words = first(body, "message", "detail", "msg", "error_description")
    return {**body, "message": words if isinstance(words, str) else _detail(words)}


def is_on_top(body: Json) -> bool:
    """Tell whether *body* holds nothing but an error at its top."""
    has_words = any(body.get(name) for name in ("message", "detail", "msg"))
    is_named = body.get("object") == "error" or "code" in body or "detail" in body
    return has_words and is_named and not body.get("choices")


def _detail(detail: object) -> str:
    """Return FastAPI's ``detail``, a list of faults or a mapping, as text."""
    if isinstance(detail, Mapping):
        return str(first(detail, "message", "msg", "error") or detail)
    faults = []
    for fault in items(detail):
        place = fault.get("loc")
        name = ".".join(map(str, place)) if isinstance(place, list) else ""
        faults.append(f"{name}: {fault.get('msg')}".removeprefix(": "))
    return "; ".join(faults) or str(detail or "")


def _words_of(page: str) -> str:
    """Return the words of an HTML page, or of a text that is none.

    Not by one regular expression: a page of "<" alone would take it minutes.
    """
    words, hidden = [], ""
    start, *pieces = page[:_LONGEST_PAGE].split("<")
    for piece in pieces:
        tag, closed, text = piece.partition(">")
        name = tag.split()[0].lower() if tag.split() else ""
        if hidden:
            hidden = "" if name == "/" + hidden else hidden
        elif name in ("style", "script"):
            hidden = name
        if not hidden:
            words.append(text if closed else "<" + piece)
    return " ".join(" ".join([start, *words]).split())
