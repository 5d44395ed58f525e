"""What to do about a refusal: one sentence, in the words of who asked.

Options are named as they are set, in Python and, in a notebook, on the magic line.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from apertis_magic.api import address, conflicts, defaults, phrases
from apertis_magic.api.error_body import Fault
from apertis_magic.api.params import ARGUMENTS, PARAMS
from apertis_magic.api.retry import LONGEST_WAIT
from apertis_magic.api.value import Json
from apertis_magic.clean import excerpt
from apertis_magic.credentials import without_keys
from apertis_magic.errors import (
    AuthenticationError,
    BadRequest,
    ContextLengthExceeded,
    NotFound,
    RateLimited,
    RequestTimeout,
    StatusError,
    UnsupportedParameter,
)

DOCTOR = "%chat doctor checks what else an answer needs."
_KEYS_OF_APERTIS = "apertis.ai/setting?tab=keys"
_BY_CODE: Mapping[str, Callable[[str], str]] = {
    "invalid_image": lambda _: (
        "Images must be PNG, JPEG, WebP or GIF, and 20 MB at most."
    ),
    "output_length_exceeded": lambda _: f"Give a smaller {named('max_tokens')}.",
    "subscription_expired": lambda _: (
        "Renew the subscription, or use a pay-as-you-go key."
    ),
    "budget_exceeded": lambda base_url: (
        f"Ask who runs {_host(base_url)} for a larger budget, or use another key."
    ),
    "no_db_connection": lambda base_url: (
        f"There is no list of keys at {_host(base_url)}: ask who runs it for its key."
    ),
    "expired_api_key": lambda base_url: f"Make a new key at {_keys_at(base_url)}.",
    "expired_key": lambda base_url: f"Make a new key at {_keys_at(base_url)}.",
    "model_access_denied": lambda _: "The key is limited to other models.",
    "ip_not_allowed": lambda _: "The key is limited to other IP addresses.",
    "account_suspended": lambda _: "Ask the provider's support.",
}
# What Apertis alone can do about too long a conversation.
_COMPRESSION = " Or let Apertis sum up older turns (billed): "
_VERSIONED = re.compile(r"/v\d+\w*(?:/|$)")
_SECRET = re.compile(r"key|token|auth|secret|cookie|passw", re.IGNORECASE)
_LONGEST_VALUE = 30
_MOST_SETTINGS = 8


def advice(
    kind: type[StatusError],
    fault: Fault,
    base_url: str,
    asked: Json | None = None,
    redact: Callable[[str], str] = str,
) -> str:
    """Return what to do about a refusal, in one sentence or two.

    Args:
        kind: what it is.
        fault: the server's words for it.
        base_url: where the request went, empty where that is not known.
        asked: the request's body, None where it had none.
        redact: takes the key out of what was set.
    """
    for code in (fault.code or "", fault.type):
        if code in _BY_CODE:
            return _BY_CODE[code](base_url)
    if kind is BadRequest and phrases.TOO_LARGE.search(fault.words):
        return _about_bytes()
    if kind in _BY_KIND:
        return _BY_KIND[kind](base_url)
    is_of_request = kind in (BadRequest, UnsupportedParameter)
    known = _about_option(fault, asked or {}, redact) if is_of_request else kind.hint
    return known or _about_rest(asked, redact)


def named(field: str) -> str:
    """Return a field of a request as a person sets it."""
    if not defaults.in_notebook():
        return field
    return f"{field} ({_on_line(field) or f'-p {field}=…'})"


def _on_line(field: str) -> str:
    """Return the magic line's own option for a field, else nothing."""
    param = PARAMS.get(field)
    if field == "model":
        return "-m"
    return param.option if param is not None and param.on_line else ""


def whole_answers() -> str:
    """Return what to do where a model's answers may not be streamed."""
    option = "--no-stream" if defaults.in_notebook() else "stream=False"
    return f"Ask for the answer in one piece, with {option}."


def about_address(base_url: str) -> str:
    """Return what to do where nothing is at an address."""
    parts = urlsplit(base_url)
    if parts.netloc and not parts.path:
        return f"Should the base URL be {parts._replace(path='/v1').geturl()}?"
    if _VERSIONED.search(parts.path):
        return f"Check the base URL, {parts._replace(query='').geturl()}."
    return "Check the base URL; it usually ends in /v1."


def about_wait(wait: float | None, end: datetime | None, present: datetime) -> str:
    """Return what to do about a limit, which ends in so many seconds or at a time."""
    if end is None and wait:
        end = present + timedelta(seconds=wait)
    if end is None:
        return RateLimited.hint
    form = "%H:%M:%S" if end.date() == present.date() else "%Y-%m-%d %H:%M:%S"
    resets = f"limit resets at {end:{form}}"
    if not wait or wait > LONGEST_WAIT:
        return f"The {resets}; ask again then."
    return f"Wait {max(wait, 1):.0f} s, then ask again; the {resets}."


def about_size() -> str:
    """Return what to do where one request is more than a minute's limit allows."""
    if not defaults.in_notebook():
        return "Start over, or send fewer messages; no wait helps."
    return "Start over with --new, or send fewer turns with --history N; no wait helps."


def _about_bytes() -> str:
    if not defaults.in_notebook():
        return "Send fewer messages, or smaller pictures and files."
    return "Start over with --new, or attach smaller pictures and files (-f)."


def _about_key(base_url: str) -> str:
    host = _host(base_url)
    is_ours = address.is_apertis(base_url)
    more = f" Keys are made at {_KEYS_OF_APERTIS}." if is_ours else ""
    if not defaults.in_notebook():
        return f"Check APERTIS_API_KEY, the key for {host}.{more}"
    if is_ours:
        return AuthenticationError.hint + more
    return f"Check APERTIS_API_KEY, or set a key for {host} with %chat key."


def _about_length(base_url: str) -> str:
    if defaults.in_notebook():
        words, how = ContextLengthExceeded.hint, "-p 'compression={\"enabled\": true}'"
    else:
        words = "Start over, send fewer messages, or ask a model with a longer context."
        how = 'extra_body={"compression": {"enabled": True}}'
    return words + (_COMPRESSION + how if address.is_apertis(base_url) else "")


def _about_patience(_: str) -> str:
    if not defaults.in_notebook():
        return RequestTimeout.hint
    return "Leave --no-stream out, or give a longer --timeout (300 at the most)."


_BY_KIND: Mapping[type[StatusError], Callable[[str], str]] = {
    NotFound: about_address,
    AuthenticationError: _about_key,
    ContextLengthExceeded: _about_length,
    RequestTimeout: _about_patience,
}


def _about_option(fault: Fault, asked: Json, redact: Callable[[str], str]) -> str:
    """Return what to do about an option, where the words are about one."""
    if phrases.SYSTEM.search(fault.message):
        without = ": --no-system" if defaults.in_notebook() else ""
        return f"Leave the system prompt out{without}."
    most = conflicts.most_answers(fault.message, fault.param)
    if most is not None:
        fewer = f"give -n {most}" if most > 1 else "leave -n out"
        return f"This server gives no more answers to a question: {fewer}."
    field = conflicts.field_of(fault.param)
    if not _is_ours(field, asked):
        field = conflicts.named(asked.keys() - ARGUMENTS, fault.message)
    if conflicts.is_option(fault.words, fault.param):
        return _about_conflict(fault, field, asked)
    if not field:
        return ""
    value = asked.get(field)
    is_one = isinstance(value, str | int | float) and not isinstance(value, bool)
    if field in ARGUMENTS or not is_one:
        return f"Check {named(field)}."
    # Which values it takes, the server says: ours were looked at before.
    shown = _shown(field, value, redact)
    return f"Give another {named(field)} than {shown}, or leave it out."


def _about_conflict(fault: Fault, field: str, asked: Json) -> str:
    if conflicts.wants_newer_name(fault.message, fault.param):
        return f"Give {named('max_completion_tokens')} in the place of max_tokens."
    names = [name for name in conflicts.quoted(fault.message) if _is_ours(name, asked)]
    if conflicts.are_two(fault.message):
        both = names or ["temperature", "top_p"]
        return f"Give only one of {' and '.join(map(named, both))}."
    field = field if _is_ours(field, asked) else next(iter(names), "")
    return f"Leave {named(field)} out; this model does not take it." if field else ""


def _is_ours(field: str, asked: Json) -> bool:
    """Tell whether a person sets a field by its name."""
    if field in ("stream", "stream_options"):
        return False
    if field == "messages":
        return not defaults.in_notebook()
    return field in PARAMS or field == "model" or field in asked


def _about_rest(asked: Json | None, redact: Callable[[str], str]) -> str:
    """Return what can be tried where the server's words say nothing that is known."""
    options = [each for each in (asked or {}).items() if each[0] not in ARGUMENTS]
    settings = [_setting(*each, redact) for each in options[:_MOST_SETTINGS]]
    more = ["…"] if len(options) > _MOST_SETTINGS else []
    listed = ", ".join([*settings, *more])
    tried = f"Try it without what was set: {listed}." if listed else ""
    if defaults.in_notebook():
        return f"{tried} {DOCTOR}".strip()
    return tried or "Check the base URL, the key and the model's id."


def _setting(name: str, value: Any, redact: Callable[[str], str]) -> str:
    """Return an option with its value, shortened and without a key."""
    shown = _shown(name, value, redact)
    if not defaults.in_notebook():
        return f"{name}={shown}"
    option = _on_line(name)
    return f"{option} {shown}" if option else f"-p {name}={shown}"


def _shown(name: str, value: Any, redact: Callable[[str], str]) -> str:
    """Return an option's value, shortened and without a key."""
    is_number = isinstance(value, int | float)
    if name not in PARAMS and not is_number and _SECRET.search(name):
        return "…"
    bare = without_keys({name: value})[name]
    is_repeated = name in PARAMS and PARAMS[name].most > 1
    if is_repeated and isinstance(bare, list) and len(bare) == 1:
        bare = bare[0]
    text = bare if isinstance(bare, str) else json.dumps(bare, ensure_ascii=False)
    # Redacted before it is shortened: half a key is not found any more.
    return excerpt(redact(text), _LONGEST_VALUE)


def _host(base_url: str) -> str:
    return urlsplit(base_url).netloc or "the server"


def _keys_at(base_url: str) -> str:
    return _KEYS_OF_APERTIS if address.is_apertis(base_url) else _host(base_url)
