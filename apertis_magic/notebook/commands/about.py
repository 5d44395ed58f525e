"""What there is to know: where things stand, the help, versions, the last error."""

import platform
import sys
import traceback
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from apertis_magic.chat.session import Session
from apertis_magic.chat.turn import Turn
from apertis_magic.credentials import redact
from apertis_magic.errors import ApertisError, ConfigurationError
from apertis_magic.notebook import options
from apertis_magic.notebook.commands import command_table
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.say import publish, say
from apertis_magic.notebook.wording import turns

_EXAMPLES = (
    "%%chat\nWhy is the sky blue?",
    "%%chat -t 0 --max-tokens 200\nSay it in one sentence.",
    "%%chat --new -s 'You are a patient teacher.'\nWhat is a list comprehension?",
)
_PACKAGES = ("apertis-magic ipython ipykernel ipywidgets httpx markdown nh3").split()
_FACTS = ("status", "code", "param", "request_id", "retry_after", "partial")


def status(line: CommandLine) -> None:
    """Show model, address, key and conversation."""
    from apertis_magic.render import bundle

    current = line.session.current
    used = sum(t.usage.total_tokens or 0 for t in current.turns if t.usage)
    rows = {
        **_address(line.session),
        "conversation": f"{current.name}, {turns(current.state.count)}",
        "tokens": f"{used} in these turns",
    }
    publish(bundle.card("apertis_magic", rows, _EXAMPLES))


def show_help(_line: CommandLine) -> None:
    """List the commands and the options."""
    say(command_table.help_text(), "", options.help_text())


def version(_line: CommandLine) -> None:
    """Tell the versions that a report of a problem needs."""
    rows = {"python": f"{platform.python_version()} on {sys.platform}"}
    for name in _PACKAGES:
        try:
            rows[name] = version_of(name)
        except PackageNotFoundError:
            rows[name] = "not installed"
    width = max(map(len, rows))
    say(*(f"{name:{width}}  {number}" for name, number in rows.items()))


def last(line: CommandLine) -> Turn | None:
    """Show the newest answer again, or all that is known of the last error."""
    if line.flags:
        error = line.asker.error
        say(_story(error) if error else "There was no error.")
        return None
    transcript = line.session.current.transcript
    known = filter(None, (transcript.last_answer, line.asker.aside))
    turn = max(known, key=lambda each: each.started, default=None)
    if turn is None:
        say("There is no answer yet.")
        return None
    from apertis_magic.render import bundle

    publish(bundle.transcript([turn], system=None, stale=frozenset()))
    return turn


def _address(session: Session) -> dict[str, str]:
    try:
        settings = session.settings
    except ConfigurationError as error:
        return {"problem": f"{error} {error.hint}"}
    return {
        "model": settings.model_of(session.current.model),
        "address": settings.base_url,
        "key": settings.about_key,
    }


def _story(error: ApertisError) -> str:
    """Return all that is known of *error*, keys apart: traceback, facts and headers."""
    facts = {name: getattr(error, name) for name in _FACTS}
    lines = [
        "".join(traceback.format_exception(error)).rstrip(),
        *(f"{name}: {value}" for name, value in facts.items() if value),
        *(f"header {name}: {value}" for name, value in error.headers.items()),
    ]
    return redact("\n".join(lines))
