"""How much of what a server sends is taken in, and what is said above that."""

from dataclasses import dataclass

from apertis_magic.errors import StreamError

_HINT = "The server sends more than anybody reads: ask for less, or ask another one."


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that is taken in of something.

    Attributes:
        what: what is bounded.
        most: how much of it there may be.
        unit: what is counted; bytes where it is empty.
    """

    what: str
    most: int
    unit: str = ""

    def check(self, size: int) -> None:
        """See that there is no more of it.

        Raises:
            StreamError: there is.
        """
        if size > self.most:
            raise self.exceeded()

    def exceeded(self) -> StreamError:
        """Return the error for more of it."""
        return StreamError(str(self), hint=_HINT)

    def __str__(self) -> str:
        amount = f"{self.most:,} {self.unit}" if self.unit else _readable(self.most)
        return f"{self.what} has over {amount}."


def _readable(size: int) -> str:
    return f"{size // 10**6} MB" if size >= 10**6 else f"{size // 1000} KB"


EVENT = Bound("An event of the stream", 16_000_000)
"""Of a line, or of the lines of an event; a picture is one."""

ANSWER = Bound("The answer", 32_000_000)
"""Of an answer, whole or in a stream."""

LIST = Bound("The list", 8_000_000)
"""Of what is no answer: models, prices, the account."""

ERROR = Bound("The error", 64_000)
"""Of the reason of a refusal, which is cut there."""

WIDE = Bound("The answer with its emoji", 16_000_000)
"""Of a whole answer that takes four bytes of memory for each of its characters."""

VALUES = Bound("What the server sent", 700_000, "values")
CHOICES = Bound("The answer", 128, "choices")
"""The most that ``n`` can ask for; more are left out."""

RUNS = Bound("The answer", 100_000, "turns from text to thinking or back")
CALLS = Bound("The answer", 1_000, "tool calls")
CALL_PIECES = Bound("The answer", 100_000, "pieces of tool calls")
PAGES = Bound("The answer", 10_000, "pages that it cites")
MODELS = Bound("The list", 20_000, "models")


@dataclass(slots=True)
class Meter:
    """How much has come of something that is bounded.

    Attributes:
        bound: its bound.
        size: bytes that have come.
    """

    bound: Bound
    size: int = 0

    @property
    def surplus(self) -> int:
        """Bytes that have come above the bound, 0 or less for none."""
        return self.size - self.bound.most
