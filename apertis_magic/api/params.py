"""The request's parameters, one table: name, type, range and help.

The ranges are those of the Chat Completions documentation. The table feeds the check
before a request is sent and the magic line's options.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apertis_magic.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter of the request body.

    Attributes:
        name: the field's name in the body.
        kind: ``float``, ``int`` or ``str``.
        help: one line for a person.
        low: smallest allowed value, None for no bound.
        high: largest allowed value, None for no bound.
        most: how many values it takes; more than one are sent as a list.
    """

    name: str
    kind: type[float] | type[int] | type[str]
    help: str
    low: float | None = None
    high: float | None = None
    most: int = 1

    def check(self, value: object) -> None:
        """Check one value that was given for the parameter.

        Raises:
            ConfigurationError: it has the wrong type or is out of range.
        """
        allowed = (int, float) if self.kind is float else (self.kind,)
        if isinstance(value, bool) or not isinstance(value, allowed):
            words = {float: "a number", int: "a whole number", str: "text"}
            raise ConfigurationError(
                f"{self.name} must be {words[self.kind]}, not {value!r}"
            )
        if isinstance(value, int | float) and not self._in_range(value):
            raise ConfigurationError(
                f"{self.name} must be {self.range()}, not {value!r}"
            )

    def _in_range(self, value: float) -> bool:
        # Written so that NaN, which compares false with everything, is out of range.
        return (self.low is None or value >= self.low) and (
            self.high is None or value <= self.high
        )

    def range(self) -> str:
        """Return the range in words, or nothing where there is none."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        return f"at least {self.low:g}" if self.low is not None else ""


PARAMS: Mapping[str, Param] = {
    param.name: param
    for param in (
        Param(
            name="temperature",
            kind=float,
            low=0,
            high=2,
            help="how freely words are chosen; 0 is the most predictable",
        ),
        Param(
            name="top_p",
            kind=float,
            low=0,
            high=1,
            help="choose among the likeliest words that make up this probability",
        ),
        Param(
            name="max_tokens",
            kind=int,
            low=1,
            help="the longest answer, in tokens",
        ),
        Param(
            name="frequency_penalty",
            kind=float,
            low=-2,
            high=2,
            help="above 0: repeat the same words less",
        ),
        Param(
            name="presence_penalty",
            kind=float,
            low=-2,
            high=2,
            help="above 0: move on to new topics more",
        ),
        Param(
            name="stop",
            kind=str,
            most=4,
            help="end the answer where this text would come; up to 4 times",
        ),
        Param(
            name="seed",
            kind=int,
            help="the same seed gives the same answer, where the model can do that",
        ),
        Param(
            name="reasoning_effort",
            kind=str,
            help="how long a reasoning model thinks, such as low or high",
        ),
    )
}


def check(options: Mapping[str, object]) -> None:
    """Check what a person set before anything is sent; unknown names pass.

    Raises:
        ConfigurationError: a value has the wrong type or is out of range.
    """
    for name, value in options.items():
        param = PARAMS.get(name)
        if param is None or value is None:
            continue
        values = list(value) if isinstance(value, list | tuple) else [value]
        if len(values) > 1 and len(values) > param.most:
            raise ConfigurationError(f"{name} takes {param.most} at most")
        for one in values:
            param.check(one)
