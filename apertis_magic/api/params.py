"""The request's parameters, one table: name, type, range and help.

The ranges are those of the Chat Completions documentation. The table feeds the check
before a request is sent and the magic line's options.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from apertis_magic.api import bounds
from apertis_magic.api.value import count
from apertis_magic.errors import ConfigurationError

_WORDS: Mapping[type[Any], str] = {
    float: "a number",
    int: "a whole number",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}
_ALLOWED: Mapping[type[Any], tuple[type[Any], ...]] = {
    float: (int, float),
    list: (list, tuple),
    dict: (Mapping,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter of the request body.

    Attributes:
        name: the field's name in the body.
        kind: ``float``, ``int``, ``str``, ``bool``, ``list``, ``dict`` or, for any of
            them, ``object``.
        help: one line for a person.
        low: smallest allowed value, None for no bound.
        high: largest allowed value, None for no bound.
        most: how many values it takes; more than one are sent as a list.
        words: the values that it takes; empty for any.
        needs: the parameter without which it makes no sense.
        offers: values worth offering where others will do as well.
        on_line: whether the magic line has an option for it.
        short: the short way to write that option; empty for none.
        harmless: whether a stranger may choose it: it costs nothing, and has the
            request go nowhere else.
    """

    name: str
    kind: type[Any]
    help: str
    low: float | None = None
    high: float | None = None
    most: int = 1
    words: tuple[str, ...] = ()
    needs: str = ""
    offers: tuple[str, ...] = ()
    on_line: bool = False
    short: str = ""
    harmless: bool = False

    @property
    def option(self) -> str:
        """The option of the magic line, where it has one."""
        return (
            f"--{self.name.replace('_', '-')}"
            if len(self.name) > 1
            else f"-{self.name}"
        )

    def check(self, value: object) -> None:
        """Check one value that was given for the parameter.

        Args:
            value: the value, as Python has it.

        Raises:
            ConfigurationError: it has the wrong type or is out of range.
        """
        allowed = _ALLOWED.get(self.kind, (self.kind,))
        is_stray = isinstance(value, bool) and self.kind not in (bool, object)
        if is_stray or not isinstance(value, allowed):
            raise ConfigurationError(
                f"{self.name} must be {_WORDS[self.kind]}, not {_shown(value)}"
            )
        if not self._in_range(value):
            raise ConfigurationError(
                f"{self.name} must be {self.range()}, not {_shown(value)}"
            )

    def _in_range(self, value: Any) -> bool:
        if self.words:
            return value in self.words
        # Written so that NaN, which compares false with everything, is out of range.
        return (self.low is None or value >= self.low) and (
            self.high is None or value <= self.high
        )

    def range(self) -> str:
        """Return the range in words, or nothing where there is none."""
        if self.words:
            return f"{', '.join(self.words[:-1])} or {self.words[-1]}"
        if self.low is not None and self.high is not None:
            return f"{self.low:.12g} to {self.high:.12g}"
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
            on_line=True,
            harmless=True,
            short="-t",
        ),
        Param(
            name="top_p",
            kind=float,
            low=0,
            high=1,
            help="choose among the likeliest words that make up this probability",
            on_line=True,
            harmless=True,
        ),
        Param(
            name="max_tokens",
            kind=int,
            low=1,
            help="the longest answer, in tokens",
            on_line=True,
        ),
        Param(
            name="frequency_penalty",
            kind=float,
            low=-2,
            high=2,
            help="above 0: repeat the same words less",
            on_line=True,
            harmless=True,
        ),
        Param(
            name="presence_penalty",
            kind=float,
            low=-2,
            high=2,
            help="above 0: move on to new topics more",
            on_line=True,
            harmless=True,
        ),
        Param(
            name="stop",
            kind=str,
            most=4,
            help="end the answer where this text would come; up to 4 times",
            on_line=True,
            harmless=True,
        ),
        Param(
            name="seed",
            kind=int,
            help="the same seed gives the same answer, where the model can do that",
            on_line=True,
            harmless=True,
        ),
        Param(
            name="reasoning_effort",
            kind=str,
            help="how long a reasoning model thinks, such as low or high",
            offers=("none", "minimal", "low", "medium", "high", "xhigh", "max"),
            on_line=True,
        ),
        Param(
            name="n",
            kind=int,
            low=1,
            high=128,
            help="how many answers to write; each is billed",
            on_line=True,
        ),
        Param(
            name="max_completion_tokens",
            kind=int,
            low=1,
            help="the longest answer, reasoning included, in tokens",
        ),
        Param(name="logprobs", kind=bool, help="tell each token's probability"),
        Param(
            name="top_logprobs",
            kind=int,
            low=0,
            high=20,
            needs="logprobs",
            help="tell that many likely tokens at each place",
        ),
        Param(
            name="logit_bias",
            kind=dict,
            help="make tokens likelier or less so: their ids to -100 to 100",
        ),
        Param(
            name="stream",
            kind=bool,
            help="send the answer in pieces",
        ),
        Param(
            name="stream_options",
            kind=dict,
            needs="stream",
            help="whether a stream ends with its usage (include_usage)",
        ),
        Param(name="tools", kind=list, help="the functions that the model may call"),
        Param(name="tool_choice", kind=object, help="which function must be called"),
        Param(
            name="parallel_tool_calls",
            kind=bool,
            help="whether several functions may be called at once",
        ),
        Param(
            name="response_format",
            kind=dict,
            help="the answer's form: a JSON object, or one by a schema",
        ),
        Param(
            name="reasoning", kind=dict, help="how the model thinks and what it tells"
        ),
        Param(
            name="thinking", kind=dict, help="extended thinking, with a budget_tokens"
        ),
        Param(name="verbosity", kind=str, help="how long-winded the answer is"),
        Param(name="modalities", kind=list, help="the answer's kinds: text and audio"),
        Param(name="audio", kind=dict, help="the voice and format of spoken answers"),
        Param(name="prediction", kind=dict, help="text that the answer will contain"),
        Param(name="user", kind=str, help="a name for who asks, against misuse"),
        Param(name="safety_identifier", kind=str, help="the same, at OpenAI"),
        Param(name="prompt_cache_key", kind=str, help="what shares a prompt cache"),
        Param(name="prompt_cache_retention", kind=str, help="how long a cache is kept"),
        Param(name="service_tier", kind=str, help="how urgent the request is"),
        Param(name="store", kind=bool, help="whether the provider keeps the answer"),
        Param(name="metadata", kind=dict, help="names and values kept with it"),
        Param(name="moderation", kind=object, help="how the provider moderates"),
        Param(name="web_search_options", kind=dict, help="web search, the older way"),
        Param(
            name="web_results_count",
            kind=int,
            low=1,
            high=10,
            help="how many pages a :web model reads",
        ),
        Param(
            name="web_content_length",
            kind=str,
            words=("short", "medium", "full"),
            help="how much of each page a :web model reads",
        ),
        Param(
            name="fallback_models",
            kind=str,
            most=5,
            needs="fallback_enabled",
            help="the models to ask when this one fails",
        ),
        Param(
            name="fallback_enabled",
            kind=bool,
            help="whether another model may answer",
        ),
        Param(
            name="fallback_timeout",
            kind=int,
            low=5_000,
            high=300_000,
            help="milliseconds that each of them may take",
        ),
        Param(
            name="compression",
            kind=dict,
            help="let the gateway summarise older turns of a long conversation",
        ),
    )
}
# The older way to search the web and the newer one.
_APART = ("web_search_options", ("web_results_count", "web_content_length"))


ARGUMENTS = frozenset(
    "model messages stream stream_options extra_headers extra_query timeout "
    "max_retries on_retry".split()
)
"""What ``create`` takes beside a request's fields: no field of a question is one."""


def check(options: Mapping[str, object]) -> None:
    """Check the fields that a person set, before anything is sent.

    Args:
        options: the fields by their names; one that is None is not set.

    Raises:
        ConfigurationError: a name is unknown, a value has the wrong type or is out of
            range, or two do not go together.
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    for name, value in chosen.items():
        param = PARAMS.get(name)
        if param is None:
            raise ConfigurationError(
                f"There is no parameter {name}.{_closest(name)}",
                hint="What this client does not know goes into extra_body.",
            )
        _check_values(param, value)
        if param.needs and not chosen.get(param.needs):
            raise ConfigurationError(f"{name} needs {param.needs}=True.")
    older, newer = _APART
    if older in chosen and (clash := [name for name in newer if name in chosen]):
        raise ConfigurationError(f"{clash[0]} and {older} do not go together.")


def choices(options: Mapping[str, Any]) -> int:
    """Return how many answers the fields of a request ask for (``n``).

    Args:
        options: the fields, and ``extra_body``, whose values nobody checked.
    """
    fields = {**options, **(options.get("extra_body") or {})}
    return min(max(count(fields.get("n")) or 1, 1), bounds.CHOICES.most)


def _check_values(param: Param, value: object) -> None:
    if param.most == 1:
        param.check(value)
        if param.name in _INNER:
            _INNER[param.name](value)
        return
    values = list(value) if isinstance(value, list | tuple) else [value]
    if len(values) > param.most:
        raise ConfigurationError(f"{param.name} takes {param.most} at most")
    for one in values:
        param.check(one)


_BIAS = Param(name="logit_bias", kind=float, low=-100, high=100, help="of one token")
_BUDGET = Param(
    name="thinking.budget_tokens", kind=int, low=1024, high=32_768, help="of thinking"
)
_MOST_PAIRS = 16


def _check_bias(bias: Mapping[object, object]) -> None:
    for value in bias.values():
        _BIAS.check(value)


def _check_thinking(thinking: Mapping[str, object]) -> None:
    if thinking.get("budget_tokens") is not None:
        _BUDGET.check(thinking["budget_tokens"])


def _check_metadata(metadata: Mapping[str, object]) -> None:
    if len(metadata) > _MOST_PAIRS:
        raise ConfigurationError(f"metadata takes {_MOST_PAIRS} pairs at most")


# What the documentation says of the values inside a mapping.
_INNER: Mapping[str, Callable[[Any], None]] = {
    "logit_bias": _check_bias,
    "thinking": _check_thinking,
    "metadata": _check_metadata,
}


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python refuses to write numbers of thousands of digits
        return "that"


def _closest(name: str) -> str:
    near = get_close_matches(name, PARAMS, n=1)
    return f" Did you mean {near[0]}?" if near else ""
