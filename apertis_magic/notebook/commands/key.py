"""``%chat key``: ask for a key unseen, store it, tell where it is, forget it."""

import getpass
import warnings
from collections.abc import Iterator

from IPython.core.error import StdinNotImplementedError, UsageError

from apertis_magic.api import address, keys
from apertis_magic.chat.session import Session
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.say import say


def run(line: CommandLine) -> None:
    """Ask for a key and store it, or do what the word says: tell of it, forget it.

    Raises:
        UsageError: nobody can be asked here.
        ConfigurationError: that is no key, or the stored ones cannot be read or
            written.
    """
    session = line.session
    if line.word == "status":
        say(*_status(session))
        return
    actions = {None: _ask, "clear": _clear}
    say(actions[line.word](session.base_url))


def _ask(base_url: str) -> str:
    try:
        key = _hidden(f"Key for {address.origin(base_url)}: ")
        if not key.strip():
            return "Nothing was entered, nothing has changed."
        where = keys.store(key, base_url)
    except (KeyboardInterrupt, EOFError):
        return "Stopped; nothing has changed."
    return f"The key for {address.origin(base_url)} is in {where}.{_shadow()}"


def _hidden(prompt: str) -> str:
    """Ask for a line that is not shown.

    Raises:
        UsageError: nobody can be asked, or not without showing the answer.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (StdinNotImplementedError, getpass.GetPassWarning):
        raise UsageError(
            "%chat key: nobody can be asked for a key here. Set "
            f"{keys.ENVIRONMENT} before the kernel starts, or run %chat key once in "
            "a notebook or a terminal on this machine."
        ) from None


def _status(session: Session) -> Iterator[str]:
    if session.settings.local_model:
        yield (
            "The local model answers until %chat local stop, by a key of its own that "
            "is another one each time it starts."
        )
    api = session.api_settings
    origin = address.origin(api.base_url)
    if api.api_key:
        yield f"The key for {origin} is from {api.key_source}."
    elif api.lacks_key:
        yield f"There is no key for {origin}. {keys.how_to_give_one()}"
    else:
        yield f"There is no key for {origin}, which may need none."


def _clear(base_url: str) -> str:
    origin = address.origin(base_url)
    if not keys.clear(base_url):
        return f"No key was stored for {origin}.{_shadow()}"
    return f"The stored key for {origin} is forgotten.{_shadow()}"


def _shadow() -> str:
    """Return what to add where the environment's key is the one that is used."""
    if not keys.is_in_environment():
        return ""
    return f" {keys.ENVIRONMENT} is set, and goes before what is stored."
