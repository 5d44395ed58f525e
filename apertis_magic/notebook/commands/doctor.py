"""``%chat doctor``: checks what an answer needs, one line each, with what to do."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

from apertis_magic.api import keys
from apertis_magic.api.advice import DOCTOR
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import (
    ApertisError,
    BadRequest,
    ConfigurationError,
    ConnectionFailed,
    Interrupted,
    NotFound,
    StreamError,
)
from apertis_magic.notebook.commands import local_model
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.commands.model_choice import offers
from apertis_magic.notebook.front_end import FrontEnd
from apertis_magic.notebook.say import say

_PATIENCE = 15.0
"""Seconds that the list of models may take."""

_QUESTION = "Say ok."
_LONGEST = 16  # tokens

# A check has gone well, cannot be made or does not matter, or has failed.
_OK, _UNKNOWN, _BAD = "ok", "--", "!!"


def run(line: CommandLine) -> None:
    """Print what each check finds; the conversations are left alone.

    It asks the model for a few words, and says so first.

    Raises:
        Interrupted: the user stopped it.
    """
    try:
        for mark, text in _checks(line):
            say(f"{mark}  {text}")
    except KeyboardInterrupt:
        raise Interrupted("the checks were stopped.") from None


def _checks(line: CommandLine) -> Iterator[tuple[str, str]]:
    session = line.session
    yield _OK, f"Python {platform.python_version()}, IPython {version('ipython')}"
    yield _cells(line.asker.front_end)
    yield _journal(session)
    try:
        settings = session.settings
    except ConfigurationError as error:
        yield _BAD, _in_words(error)
        return
    yield _OK, f"address {settings.base_url}"
    if settings.lacks_key:
        yield _BAD, f"no key is set. {keys.how_to_give_one()}"
        return
    yield (_OK if settings.api_key else _UNKNOWN), f"key: {settings.about_key}"
    if settings.local_model:
        try:
            local_model.check()
        except ApertisError as error:
            yield _BAD, _in_words(error)
            return
    model = settings.model_of(session.current.model)
    try:
        yield _model(session, model)
    except ApertisError as error:
        yield _BAD, _in_words(error)
        if isinstance(error, ConnectionFailed):
            yield _UNKNOWN, "the rest was not tried"
            return
    yield _UNKNOWN, f"asking {model} for a few words, which costs a few tokens"
    yield from _answer(session, settings, model)


def _cells(front_end: FrontEnd) -> tuple[str, str]:
    """Tell what a cell that runs again does to its turn."""
    name = "a terminal" if front_end.shows_text_alone else "a kernel"
    if front_end.cell is None:
        return _UNKNOWN, f"{name}; it tells no cell's id, so that runs add turns"
    again = f"{name}; a cell that runs again replaces its turn"
    if not front_end.ids_last:
        again += (
            "; its ids of cells are new when it is opened again, where a cell replaces "
            "the turn that has its question"
        )
    return _OK, again


def _journal(session: Session) -> tuple[str, str]:
    if session.journal is None:
        return _UNKNOWN, "the journal is off; turns are kept in memory alone"
    try:
        size = session.journal.size()
    except ApertisError as error:
        return _BAD, _in_words(error)
    if session.journal.problem:
        return _BAD, session.journal.problem
    return _OK, f"{size.turns} turns are kept in {session.journal.file}"


def _model(session: Session, model: str) -> tuple[str, str]:
    try:
        ids = session.model_lists.refresh(patience=_PATIENCE).ids
    except (NotFound, StreamError):  # what is wrong beside it, the answer tells
        return _UNKNOWN, "the server has no list of models"
    if not ids:
        return _UNKNOWN, "the server lists no models"
    if model in ids:
        return _OK, f"{model} is one of the server's {len(ids)} models"
    # No failure: many servers answer by names that they do not list.
    return _UNKNOWN, f"{model} is not in the server's list; {offers(model, ids)}"


def _answer(
    session: Session, settings: Settings, model: str
) -> Iterator[tuple[str, str]]:
    """Ask for a few words, in a conversation of its own."""
    chat = Conversation(model=model, client=session.clients.of(settings))
    try:
        try:
            turn = _asked(chat, _LONGEST)
        except BadRequest as error:
            if "max_tokens" not in f"{error.param} {error}":
                raise
            turn = _asked(chat, None)  # the limit was the check's own
    except ApertisError as error:
        yield _BAD, _in_words(error)
        return
    yield from _judged(turn)


def _asked(chat: Conversation, longest: int | None) -> Turn:
    reply = chat.ask(_QUESTION, max_tokens=longest, max_retries=0)
    try:
        return reply.result()
    finally:
        reply.stop()


def _judged(turn: Turn) -> Iterator[tuple[str, str]]:
    name = turn.model or turn.asked_model
    if turn.not_streamed:
        yield (
            _OK,
            f"{name} answers in {turn.elapsed:.1f} s; the server does not stream it",
        )
    elif turn.first_text is None:
        few = f"; {_LONGEST} tokens were too few for it" * (turn.finish == "length")
        yield (
            _UNKNOWN,
            f"the stream ended well in {turn.elapsed:.1f} s, without text{few}",
        )
    else:
        times = f"first text after {turn.first_text:.1f} s, all {turn.elapsed:.1f} s"
        yield _OK, f"{name} streams: {times}"
    if turn.usage and turn.usage.total_tokens:
        yield _OK, f"usage is told: this check took {turn.usage.total_tokens} tokens"
    else:
        yield _UNKNOWN, "the server tells no usage; footers estimate the tokens"


def _in_words(error: ApertisError) -> str:
    hint = error.hint.removesuffix(DOCTOR)
    return f"{type(error).__name__}: {str(error).rstrip('.')}. {hint}".rstrip()
