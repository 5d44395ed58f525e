"""``%chat config`` and ``%chat system``: what is set, where it is from, setting it."""

import json
from collections.abc import Iterator
from typing import Any

from IPython.core.error import UsageError
from traitlets import List, TraitError, Unicode

from apertis_magic.api import address, environment
from apertis_magic.api.environment import (
    BASE_URL_VARIABLES,
    DEFAULT_BASE_URL,
    DEFAULT_MODEL,
    MODEL_VARIABLES,
)
from apertis_magic.api.params import PARAMS
from apertis_magic.chat.session import Session
from apertis_magic.clean import mend
from apertis_magic.credentials import redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook.closest import closest
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.config import SETTINGS, ApertisMagic
from apertis_magic.notebook.say import publish, say
from apertis_magic.notebook.words import words as words_of


def system(line: CommandLine) -> None:
    """Show the conversation's system prompt, or set it; quotes around all are none."""
    conversation = line.session.current
    if line.text:
        first, *more = words_of(line.text)
        is_whole = first.quoted and not more
        conversation.system = mend(first.text if is_whole else line.text)
    shown = conversation.system
    shown = line.settings.system if shown is None else shown
    say(f"The system prompt: {shown}" if shown else "There is no system prompt.")


def config(line: CommandLine) -> None:
    """Show the settings, one of them, or set one; ``none`` unsets it.

    Raises:
        UsageError: there is no such setting, or the value is out of its range.
    """
    session, name = line.session, line.word
    if name is not None:
        _check_name(name)
    for value in line.words[1:]:
        _set(line.settings, str(name), value)
    rows = _facts(session, line.settings)
    if name is not None:
        say(f"{name}: {rows[name]}")
        return
    from apertis_magic.render import bundle

    publish(bundle.card("%config ApertisMagic", rows, ()))


def _check_name(name: str) -> None:
    if name in SETTINGS:
        return
    if "key" in name:
        raise UsageError("%chat config holds no keys; %chat key stores one.")
    raise UsageError(
        f"%chat config: there is no setting {name!r}.{closest(name, SETTINGS)}"
    )


def _set(settings: ApertisMagic, name: str, text: str) -> None:
    try:
        value = _value(settings, name, text)
        if name == "base_url" and value:
            address.check(value)
        setattr(settings, name, value)
    except (TraitError, ConfigurationError) as error:
        raise UsageError(f"%chat config: {error}") from None


def _value(settings: ApertisMagic, name: str, text: str) -> Any:
    """Return what *text* means for a setting of this type; ``none`` unsets it."""
    is_word = name in PARAMS and "none" in PARAMS[name].offers
    if not text or text == "None" or (text == "none" and not is_word):
        return None
    trait = settings.traits()[name]
    if isinstance(trait, Unicode):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = {"True": True, "False": False}.get(text, text)
    return [text] if isinstance(trait, List) and not isinstance(value, list) else value


def _facts(session: Session, settings: ApertisMagic) -> dict[str, str]:
    """Return what each setting is, also while the local model answers, and the key."""
    rows = dict(_rows(session, settings))
    try:
        used = session.settings
    except ConfigurationError as error:
        return {**rows, "key": f"{error} {error.hint}"}
    if used.local_model:
        now = {"model": used.model, "base_url": used.base_url}
        for name, value in now.items():
            rows[name] = f"{value} (%chat local; after its stop {rows[name]})"
    return {**rows, "key": used.about_key}


def _rows(session: Session, settings: ApertisMagic) -> Iterator[tuple[str, str]]:
    """Give each setting with its value and where that comes from."""
    conversation = session.current
    elsewhere = {
        "model": (conversation.model, MODEL_VARIABLES, DEFAULT_MODEL),
        "system": (conversation.system, (), None),
        "base_url": (None, BASE_URL_VARIABLES, DEFAULT_BASE_URL),
    }
    for name in ("model", "base_url", "system", *SETTINGS):
        own, variables, default = elsewhere.get(name, (None, (), None))
        trait = settings.traits()[name]
        value: Any = getattr(settings, name)
        variable = next(filter(environment.variable, variables), None)
        if own is not None:
            yield name, f"{own} (conversation {conversation.name})"
        elif value not in (trait.default_value, ""):
            yield name, f"{redact(_safe(name, str(value)))} (%config)"
        elif variable:
            said = _safe(name, environment.variable(variable))
            yield name, f"{redact(said)} ({variable})"
        elif value is None and default is None:
            yield name, "not set"
        else:
            yield name, f"{default or value} (default)"


def _safe(name: str, value: str) -> str:
    """Return *value*, but of an address that may hold a password what is wrong."""
    try:
        if name == "base_url":
            address.check(value)
    except ConfigurationError as error:
        return str(error)
    return value
