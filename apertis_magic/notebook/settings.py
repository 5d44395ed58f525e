"""``%chat config``: what is set, where each value comes from, and how to set it."""

import json
import os
from collections.abc import Iterator
from typing import Any

from IPython.core.error import UsageError
from IPython.display import display
from traitlets import List, TraitError, Unicode

from apertis_magic.api import address
from apertis_magic.api.environment import (
    BASE_URL_VARIABLES,
    DEFAULT_BASE_URL,
    DEFAULT_MODEL,
    MODEL_VARIABLES,
)
from apertis_magic.chat.session import Session
from apertis_magic.clean import redact
from apertis_magic.errors import ConfigurationError
from apertis_magic.notebook.config import SETTINGS, ApertisMagic
from apertis_magic.notebook.line import say
from apertis_magic.notebook.options import closest


def run(here: Session, settings: ApertisMagic, words: list[str]) -> None:
    """Show the settings, or set one.

    Args:
        here: the Session, whose conversation may say otherwise.
        settings: what the user has set.
        words: nothing, a setting's name, or its name and new value; ``none`` unsets.

    Raises:
        UsageError: there is no such setting, or the value is out of its range.
    """
    name, *values = words or [""]
    if len(values) > 1:
        raise UsageError("%chat config takes a name and a value; quote spaces.")
    if name and name not in SETTINGS:
        if "key" in name:
            raise UsageError("%chat config holds no keys; %chat key stores one.")
        raise UsageError(
            f"%chat config: there is no setting {name!r}.{closest(name, SETTINGS)}"
        )
    for value in values:
        _set(settings, name, value)
    rows = dict(_rows(here, settings))
    if name:
        say(f"{name}: {rows[name]}")
        return
    from apertis_magic.render import bundle

    try:
        rows["key"] = here.settings.about_key
    except ConfigurationError as error:
        rows["key"] = f"{error} {error.hint}"
    display(bundle.card("%config ApertisMagic", rows, ()), raw=True)


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
    is_word = name == "reasoning_effort"  # which can be "none"
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


def _rows(here: Session, settings: ApertisMagic) -> Iterator[tuple[str, str]]:
    """Give each setting with its value and where that comes from."""
    talk = here.current
    found = {
        "model": (talk.model, MODEL_VARIABLES, DEFAULT_MODEL),
        "system": (talk.system, (), None),
        "base_url": (None, BASE_URL_VARIABLES, DEFAULT_BASE_URL),
    }
    for name in ("model", "base_url", "system", *SETTINGS):
        of_talk, variables, default = found.get(name, (None, (), None))
        trait = settings.traits()[name]
        value: Any = getattr(settings, name)
        variable = next((each for each in variables if os.environ.get(each)), None)
        if of_talk is not None:
            yield name, f"{of_talk} (conversation {talk.name})"
        elif value not in (trait.default_value, ""):
            yield name, f"{redact(_safe(name, str(value)))} (%config)"
        elif variable:
            yield name, f"{redact(_safe(name, os.environ[variable]))} ({variable})"
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
