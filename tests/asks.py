"""Asks as the faces of a Session build them: of a question, or of a turn again."""

from typing import Any

from apertis_magic.chat.ask import Ask, Limits
from apertis_magic.chat.question import Question
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.session import Session

_OF_ASK = ("model", "system", "placement", "cache", "once", "stream")


def ask(prompt: str, **options: Any) -> Ask:
    """Return the Ask for a message; what is no part of an Ask is the request's."""
    own = {name: options.pop(name) for name in _OF_ASK if name in options}
    headers = options.pop("extra_headers", None)
    attached = tuple(options.pop("attachments", ()))
    question = Question(prompt, attached, fields=options)
    return Ask(question=question, limits=Limits(extra_headers=headers), **own)


def again(session: Session, turn: str | None = None, **fields: Any) -> Reply:
    """Ask a question of the current conversation again."""
    asked = session.current.transcript.find_turn(turn)
    return session.ask(Ask.again(asked, fields))


def rest(session: Session, turn: str | None = None) -> Reply:
    """Have an answer of the current conversation completed."""
    return session.ask(Ask.rest_of(session.current.transcript.find_partial(turn)))
