"""Which turns before a question fit into what the model can read; pure functions."""

import string
from collections.abc import Sequence
from dataclasses import dataclass

from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.parts import Part, Picture, ToolCall, ToolResult
from apertis_magic.chat.picture import as_sent
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn

# The share of what the model can read that is left for an answer of no set length.
_SHARE_OF_ANSWER = 4
_MOST_FOR_ANSWER = 4_096  # tokens
# What stands around a message: who speaks, where it begins and where it ends.
_AROUND = 5  # tokens
# English words take a token for 4 to 5 letters, those of other languages one for 3 or
# less. Each digit and each sign may be a token, so may each two bytes of a character
# that is not ASCII. tests/test_fitting.py has texts that real tokenizers counted.
_LETTERS = 3
_WIDE_BYTES = 2
_PLAIN = (string.ascii_letters + " \n").encode()
_ASCII = bytes(range(128))
_PICTURE = 1_500  # tokens; providers count 85 to 1 600, by its size and theirs
# How far what a server tells of an answer may be from the estimate of its text. It may
# have counted the thinking with it, or leave out the half.
_LEAST, _MOST = 0.25, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The turns that are sent with a question.

    Attributes:
        turns: those to send, the oldest first; each has an answer.
        left_out: how many turns with an answer were left out since they would not fit,
            without those that were not to be sent anyway.
    """

    turns: tuple[Turn, ...] = ()
    left_out: int = 0


def fit(
    before: Sequence[Turn],
    prompt: str,
    *,
    attached: Sequence[Attachment] = (),
    system: str | None,
    last_turns: int | None,
    max_context: int | None,
    max_tokens: int | None,
) -> Fit:
    """Return the newest of the turns before a question that fit, without a gap.

    Where not even the question fits no turn is sent, and the server decides.

    Args:
        before: the turns before the question, the oldest first.
        prompt: the question.
        attached: the files that go with it.
        system: the system prompt, which is always sent.
        last_turns: how many turns to send at the most; None for all.
        max_context: tokens that the model can read and write together; None for no
            limit.
        max_tokens: tokens of the longest answer; None leaves room for a usual one.
    """
    answered = [turn for turn in before if turn.is_sent]
    if last_turns is not None:
        answered = answered[max(0, len(answered) - last_turns) :]
    if max_context is None:
        return Fit(turns=tuple(answered))
    if max_tokens is None:
        max_tokens = min(max_context // _SHARE_OF_ANSWER, _MOST_FOR_ANSWER)
    left = max_context - max_tokens - _message(prompt) - _files(attached)
    left -= _message(system) if system else 0
    first = len(answered)
    # From the newest, so that what is too old is not even measured.
    while first and (left := left - cost(answered[first - 1])) >= 0:
        first -= 1
    return Fit(turns=tuple(answered[first:]), left_out=first)


def cost(turn: Turn) -> int:
    """Return the tokens that a turn takes in a later request, rather too many."""
    return of_question(turn.question) + _AROUND + _of_answer(turn)


def of_question(question: Question) -> int:
    """Return the tokens of a question with its attachments, rather too many."""
    return _message(question.sent) + _files(question.attachments)


def tokens(text: str) -> int:
    """Estimate the tokens of *text*, rather too many, whatever its language."""
    raw = text.encode(errors="surrogatepass")
    rest = raw.translate(None, _PLAIN)
    wide = 0 if text.isascii() else len(rest.translate(None, _ASCII))
    plain, signs = len(raw) - len(rest), len(rest) - wide
    return -(-plain // _LETTERS) + signs + -(-wide // _WIDE_BYTES)


def _files(attached: Sequence[Attachment]) -> int:
    return sum(
        _PICTURE
        if each.is_picture and not each.missing
        else _message(each.name + each.data)
        for each in attached
    )


def _message(text: str) -> int:
    return tokens(text) + _AROUND


def _of_answer(turn: Turn) -> int:
    """Return the tokens of an answer's text: the server's number where it is that."""
    guess = tokens(as_sent(turn.text)) + sum(map(_of_part, turn.parts))
    usage = turn.usage
    if usage is None or usage.completion_tokens is None or len(turn.answers) > 1:
        return guess  # all of the answers are counted together
    if turn.reasoning and not usage.reasoning_tokens:
        return guess  # so is the thinking
    exact = usage.completion_tokens - (usage.reasoning_tokens or 0)
    return exact if _LEAST * guess <= exact <= _MOST * guess else guess


def _of_part(part: Part) -> int:
    """Return the tokens of a part that is no text: as it is sent, at the most."""
    if isinstance(part, Picture):
        return _PICTURE if part.data else tokens(str(part))
    return tokens(str(part)) if isinstance(part, ToolCall | ToolResult) else 0
