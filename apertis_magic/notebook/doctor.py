"""``%chat doctor``: checks what an answer needs, one line each, with what to do."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version

from apertis_magic.api import keys
from apertis_magic.api.address import is_apertis
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.model_lists import near
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import printable
from apertis_magic.errors import (
    ApertisError,
    ConfigurationError,
    ConnectionFailed,
    Interrupted,
    NotFound,
)

_PATIENCE = 15.0
"""Seconds that the list of models may take."""

_QUESTION = "Say ok."
_LONGEST = 16  # tokens

# A check has gone well, cannot be made or does not matter, or has failed.
_OK, _UNKNOWN, _BAD = "ok", "--", "!!"


def run(here: Session, *, front_end: str, tells_cells: bool) -> None:
    """Print what each check finds.

    It asks the model for a few words, and says so first.

    Args:
        here: the Session whose settings are checked; its conversations are left alone.
        front_end: where the cells run, such as ``kernel``.
        tells_cells: whether the front end tells the id of the cell that runs.

    Raises:
        Interrupted: the user stopped it.
    """
    try:
        for mark, line in _checks(here, front_end, tells_cells=tells_cells):
            sys.stdout.write(f"{mark}  {printable(line)}\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        raise Interrupted("the checks were stopped.") from None


def _checks(
    here: Session, front_end: str, *, tells_cells: bool
) -> Iterator[tuple[str, str]]:
    yield _OK, f"Python {platform.python_version()}, IPython {version('ipython')}"
    if tells_cells:
        yield _OK, f"{front_end}; a cell that runs again replaces its turn"
    else:
        yield _UNKNOWN, f"{front_end}; it tells no cell's id, so that runs add turns"
    yield _journal(here)
    try:
        settings = here.settings
    except ConfigurationError as error:
        yield _BAD, _told(error)
        return
    yield _OK, f"address {settings.base_url}"
    if settings.api_key:
        yield _OK, "a key is set; %chat key status tells where it comes from"
    elif is_apertis(settings.base_url):
        yield _BAD, f"no key is set. {keys.how_to_give_one()}"
        return
    else:
        yield _UNKNOWN, "no key is set; this address may need none"
    model = here.current.model or settings.model
    try:
        yield _model(here, model)
    except ApertisError as error:
        yield _BAD, _told(error)
        if isinstance(error, ConnectionFailed):
            yield _UNKNOWN, "the rest was not tried"
            return
    yield _UNKNOWN, f"asking {model} for a few words, which costs a few tokens"
    yield from _answer(here, settings, model)


def _journal(here: Session) -> tuple[str, str]:
    if here.journal is None:
        return _UNKNOWN, "the journal is off; turns are kept in memory alone"
    try:
        size = here.journal.size()
    except ApertisError as error:
        return _BAD, _told(error)
    if here.journal.problem:
        return _BAD, here.journal.problem
    return _OK, f"{size.turns} turns are kept in {here.journal.file}"


def _model(here: Session, model: str) -> tuple[str, str]:
    try:
        ids = here.model_lists.refresh(patience=_PATIENCE).ids
    except NotFound:
        return _UNKNOWN, "the server has no list of models"
    if not ids:
        return _UNKNOWN, "the server lists no models"
    if model in ids:
        return _OK, f"{model} is one of the server's {len(ids)} models"
    close = ", ".join(near(model, ids))
    also = f"; close to it: {close}" if close else ""
    # No failure: many servers answer by names that they do not list.
    return (
        _UNKNOWN,
        f"{model} is not in the server's list{also}",
    )


def _answer(here: Session, settings: Settings, model: str) -> Iterator[tuple[str, str]]:
    """Ask for a few words, in a conversation of its own."""
    try:
        reply = Conversation(model=model, client=here.client(settings)).ask(
            _QUESTION, max_tokens=_LONGEST, max_retries=0
        )
    except ApertisError as error:
        yield _BAD, _told(error)
        return
    try:
        turn = reply.result()
    except ApertisError as error:
        yield _BAD, _told(error)
        return
    finally:
        reply.stop()
    yield from _judged(turn)


def _judged(turn: Turn) -> Iterator[tuple[str, str]]:
    if turn.first_text is None:
        few = f"; {_LONGEST} tokens were too few for it" * (turn.finish == "length")
        yield (
            _UNKNOWN,
            f"the stream ended well in {turn.elapsed:.1f} s, without text{few}",
        )
    else:
        times = f"first text after {turn.first_text:.1f} s, all {turn.elapsed:.1f} s"
        yield _OK, f"{turn.model or turn.asked_model} streams: {times}"
    if turn.usage and turn.usage.total_tokens:
        yield _OK, f"usage is told: this check took {turn.usage.total_tokens} tokens"
    else:
        yield _UNKNOWN, "the server tells no usage; footers estimate the tokens"


def _told(error: ApertisError) -> str:
    return f"{type(error).__name__}: {str(error).rstrip('.')}. {error.hint}".rstrip()
