"""When an answer has ended that its server leaves open; no I/O.

Some gateways never send ``[DONE]``, keep the connection open, or send signs of life on
it for ever. What has been asked for has come all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apertis_magic.api import params
from apertis_magic.api.answer import Answer
from apertis_magic.api.capabilities import Capabilities

_LAST = 1.0
"""Seconds without growth after which an answer that has all of its parts has ended."""

_USAGE = 5.0
"""The same where the usage lacks that this server tells: a gateway counts it last."""

_MORE = 30.0
"""The same where text may come: a server may write one answer after the other, and
Gemini's gateways give a finish reason with each piece."""

_STEP = 0.5
"""Seconds between two looks that count as silence, at the most: what our own process
did not see is no silence of the server's."""

_TWICE = 2
"""Finish reasons of one choice, each behind more of it, that are no habit yet: one may
come with the last word, and again with the usage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a request asks for, as far as an answer can be seen to lack it.

    Attributes:
        model: who is asked (``model``).
        choices: how many answers (``n``).
        usage: whether the stream is to tell its usage (``include_usage``).
    """

    model: str = ""
    choices: int = 1
    usage: bool = False

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Expected":
        """Return what the body of a request asks for."""
        options = body.get("stream_options")
        usage = isinstance(options, Mapping) and options.get("include_usage") is True
        model = str(body.get("model") or "")
        return cls(model=model, choices=params.choices(body), usage=usage)


class Ending:
    """Watches one answer grow, and says when it has ended.

    Args:
        expected: what was asked for.
        capabilities: what the server has been found to tell; what the answer shows of
            it is noted there.
    """

    def __init__(self, expected: Expected, capabilities: Capabilities) -> None:
        self._expected = expected
        self._capabilities = capabilities
        self._extent: object = None
        self._looked = 0.0
        self._silence = 0.0

    def left(self, answer: Answer, now: float) -> float | None:
        """Return for how long to wait until *answer* has ended, or may have.

        It may have where bytes wait that are no chunk yet: they are to be looked at.

        Args:
            answer: what has come so far: a finish reason, or bytes that wait.
            now: the time, in seconds of a clock that never goes back.

        Returns:
            Seconds until it is to be asked again, 0 or less where it has ended; None
            while nothing tells that no more may come.
        """
        extent, passed = answer.extent, min(now - self._looked, _STEP)
        self._silence = self._silence + passed if extent == self._extent else 0.0
        self._extent, self._looked = extent, now
        wait = _LAST if answer.waits else self._wait(answer)
        return None if wait is None else min(wait - self._silence, _STEP)

    def note_look(self, answer: Answer) -> None:
        """Take note of what a look at waiting bytes made of them: none came anew."""
        self._extent = answer.extent

    def _wait(self, answer: Answer) -> float | None:
        """Return for how long an answer with a finish reason is waited for."""
        assembly = answer.assembly
        choices, model = tuple(assembly.choices.values()), self._expected.model
        if any(pieces.finishes > _TWICE for pieces in choices):
            self._capabilities.repeats_finish.add(model)
        is_last = assembly.closed
        if not is_last and any(pieces.finish is None for pieces in choices):
            return None
        is_last = is_last or len(choices) >= self._expected.choices
        if model in self._capabilities.repeats_finish or not is_last:
            return _MORE
        is_told = self._expected.usage and self._capabilities.tells_usage
        return _USAGE if is_told and assembly.usage is None else _LAST
