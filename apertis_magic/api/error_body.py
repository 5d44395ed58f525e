"""The error that a response's body holds, in any form that servers use."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from apertis_magic.api import error_page, server_words
from apertis_magic.api.value import Json, first, is_deep, items, mapping
from apertis_magic.clean import one_line, shortened

_LONGEST = 500
"""Characters of a message that are shown."""

_LONGEST_WORDS = 4_000
"""Characters that tell which kind of error it is."""

_LONGEST_WAIT = 20
"""Characters of a span of time."""

_NOTHING = (None, "", "None", "null")
_WORDS = (
    *("message", "detail", "msg", "error_description", "error_message", "error_msg"),
    *("Message", "description", "reason", "title"),
)
"""Where servers without an ``error`` say what went wrong."""

_PLACES = ("body", "query", "path", "header")
"""Where FastAPI looks for a field; it is no part of the field's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An error, in the words of the server.

    Attributes:
        message: what went wrong, as it is shown: in one line, without a key.
        type: its kind (``error.type`` of the API), else empty.
        code: its kind more exactly (``error.code``), None where not told.
        param: the field of the request that it is about (``error.param``, or ``loc`` of
            FastAPI), None where not told.
        text: all that the server said, where more of it than the message tells which
            kind of error it is.
        resets: when the limit ends that was exceeded, as the server wrote it
            (``error.reset_at``), None where not told.
    """

    message: str
    type: str = ""
    code: str | None = None
    param: str | None = None
    text: str = ""
    resets: str | float | None = None

    @classmethod
    def of(
        cls, error: Json, redact: Callable[[str], str], request_id: str | None = None
    ) -> "Fault":
        """Read an error, as ``reported`` or ``error_of`` returns it.

        Args:
            error: the error.
            redact: takes the key, which some servers echo, out of it.
            request_id: what is shown whole of the message, however long it is.
        """
        reasons = (error.get(name) for name in ("message", "type", "code"))
        reason = next(filter(None, reasons), "")
        reason = reason if isinstance(reason, str) else _detail(reason)
        text = error_page.words(reason) if error_page.is_page(reason) else reason
        # Redacted last: a control character must not keep a key from being seen.
        told = server_words.told(reason) or one_line(text)
        message = server_words.without_hashes(redact(told), request_id)
        code, param = error.get("code"), error.get("param")
        if isinstance(code, int) and isinstance(error.get("status"), str):
            code = error["status"]  # Gemini's word; its code is the HTTP status
        inner = mapping(error.get("innererror") or error.get("inner_error")).get("code")
        kind = " ".join(map(str, filter(None, (error.get("type"), inner))))
        return cls(
            message=shortened(message, _LONGEST) or "no reason given",
            type=kind,
            code=None if code in _NOTHING else redact(str(code)),
            param=redact(param)
            if isinstance(param, str) and param not in _NOTHING
            else None,
            text=redact(one_line(f"{text[:_LONGEST_WORDS]} {_wait(error)}")),
            resets=_resets(error),
        )

    @property
    def words(self) -> str:
        """The words that tell which kind of error it is."""
        return f"{self.type} {self.code or ''} {self.text or self.message}"


def reported(text: str) -> Json:
    """Return the error in a response's body, in any form that servers use."""
    try:
        body = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return {"message": text}
    if is_deep(body):
        return {"message": text}
    if isinstance(body, list):  # Gemini's way
        body = next(iter(items(body)), text)
    if not isinstance(body, Mapping):
        return {"message": text}
    error = error_of(body) or _first_of(body.get("errors")) or on_top(body)
    more = first(body, *_WORDS)
    if isinstance(body.get("error"), str) and isinstance(more, str):  # Spring's way
        told = error["message"]
        error = {**error, "message": told if more in told else f"{told}: {more}"}
    # OpenRouter keeps the words of the model's own provider apart.
    raw = mapping(error.get("metadata")).get("raw")
    if raw:
        error = {**error, "message": f"{error.get('message')}: {raw}"}
    return {**error, "reset_at": _resets(error) or _resets(body)}


def _first_of(errors: object) -> Json | None:
    """Return the first of several errors, which may be sentences."""
    each = next(iter(errors), None) if isinstance(errors, list) else errors
    if isinstance(each, str) and each:
        return {"message": each}
    return mapping(each) or None


def _wait(error: Json) -> str:
    """Return a sentence about the wait that Gemini asks for beside its words."""
    told = (each.get("retryDelay") for each in items(error.get("details")))
    wait = next((each for each in told if isinstance(each, str)), "")
    return f"Retry in {wait[:_LONGEST_WAIT]}." if wait else ""


def _resets(error: Json) -> str | float | None:
    """Return when a limit ends; OpenRouter repeats the headers of the provider."""
    headers = mapping(mapping(error.get("metadata")).get("headers"))
    told = first(error, "reset_at", "resets_at") or headers.get("X-RateLimit-Reset")
    return told if isinstance(told, str | int | float) else None


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
    words = first(body, *_WORDS)
    if isinstance(words, str):
        return {**body, "message": words}
    inner = (error_of(words) or words) if isinstance(words, Mapping) else {}
    param = first(body, "param") or inner.get("param") or _place(words)
    return {**body, **inner, "param": param, "message": _detail(words)}


def is_on_top(body: Json) -> bool:
    """Tell whether *body* holds nothing but an error at its top."""
    has_words = any(body.get(name) for name in ("message", "detail", "msg"))
    is_named = body.get("object") == "error" or "code" in body or "detail" in body
    return has_words and is_named and not body.get("choices")


def _detail(detail: object) -> str:
    """Return FastAPI's ``detail``, a list of faults or a mapping, as text."""
    if isinstance(detail, Mapping):
        inner = first(detail, "message", "msg", "error", "detail")
        return inner if isinstance(inner, str) else _detail(inner) or str(detail)
    faults = []
    for fault in items(detail):
        name = ".".join(_path(fault))
        faults.append(f"{name}: {fault.get('msg')}".removeprefix(": "))
    return "; ".join(faults) or str(detail or "")


def _place(detail: object) -> str | None:
    """Return the field of the request that FastAPI's ``detail`` is about first."""
    if isinstance(detail, Mapping):
        return _place(detail.get("detail"))
    paths = map(_path, items(detail))
    names = (".".join(path[path[0] in _PLACES :]) for path in paths if path)
    return next(filter(None, names), None)


def _path(fault: Json) -> list[str]:
    place = fault.get("loc")
    return list(map(str, place)) if isinstance(place, list) else []
