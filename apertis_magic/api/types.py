"""The response to a request for a completion, whole or in chunks.

Every field may be missing, null or nested differently. A field without a property stays
in ``raw``, and is an attribute too. The values that a response is made of, and those of
a request, can be had here under one name.
"""

from collections.abc import Sequence
from typing import Any

from apertis_magic.api.details import (
    Audio,
    CompletionTokensDetails,
    Logprobs,
    PromptTokensDetails,
    TokenLogprob,
    TopLogprob,
    nested,
)
from apertis_magic.api.message import (
    Annotation,
    Custom,
    Delta,
    Function,
    Message,
    MessageLike,
    ResponseMessage,
    Role,
    ToolCall,
    WebSource,
)
from apertis_magic.api.response import Response
from apertis_magic.api.usage import Usage, costing
from apertis_magic.api.value import (
    Json,
    Nested,
    Value,
    count,
    items,
    mapping,
    string,
    text,
)

__all__ = [
    "WEB_SEARCH",
    "Annotation",
    "Audio",
    "ChatCompletion",
    "ChatCompletionChunk",
    "Choice",
    "ChunkChoice",
    "CompletionTokensDetails",
    "Custom",
    "Delta",
    "Function",
    "Logprobs",
    "Message",
    "MessageLike",
    "PromptTokensDetails",
    "ResponseMessage",
    "Role",
    "TokenLogprob",
    "ToolCall",
    "TopLogprob",
    "Usage",
    "WebSource",
]

WEB_SEARCH = "web-search"
"""The id of the chunk in which the gateway says that it searches the web."""


class _AnyChoice(Value):
    __slots__ = ()

    @property
    def index(self) -> int:
        """Which of the answers it is, from 0."""
        return count(self._raw.get("index")) or 0

    @property
    def finish_reason(self) -> str | None:
        """Why the answer ended, in the server's own word; None where it has not.

        It is ``stop`` (complete), ``length`` (cut off at ``max_tokens``),
        ``tool_calls``, ``content_filter``, or what else a server says.
        """
        return string(self._raw.get("finish_reason")) or None

    @property
    def logprobs(self) -> Logprobs | None:
        """How probable its tokens were; None where that was not asked for."""
        found = self._raw.get("logprobs")
        return Logprobs(found) if isinstance(found, dict) else None


class Choice(_AnyChoice):
    """One of the answers to a request (``choices``); ``n`` says how many there are."""

    __slots__ = ()

    @property
    def message(self) -> ResponseMessage:
        """The answer."""
        return ResponseMessage(mapping(self._raw.get("message")))


class ChunkChoice(_AnyChoice):
    """A piece of one of the answers to a streamed request (``choices``)."""

    __slots__ = ()

    @property
    def delta(self) -> Delta:
        """The piece."""
        piece = self._raw.get("delta")  # it is asked for at every piece of an answer
        return Delta(mapping(self._raw.get("message") if piece is None else piece))


class _Completion(Value):
    __slots__ = ()

    @property
    def id(self) -> str | None:
        """The server's name for the answer."""
        return string(self._raw.get("id"))

    @property
    def model(self) -> str | None:
        """The model that answers, as its provider calls it."""
        return string(self._raw.get("model"))

    @property
    def created(self) -> int | None:
        """When it was made, in seconds since 1970."""
        return count(self._raw.get("created"))

    @property
    def object(self) -> str | None:
        """``chat.completion``, or ``chat.completion.chunk`` of a piece."""
        return string(self._raw.get("object"))

    @property
    def system_fingerprint(self) -> str | None:
        """What the model ran on: with ``seed``, why an answer may be another one."""
        return string(self._raw.get("system_fingerprint"))

    @property
    def service_tier(self) -> str | None:
        """The service by which it was answered, such as ``default`` or ``flex``."""
        return string(self._raw.get("service_tier"))

    @property
    def moderation(self) -> Nested | None:
        """What the server's moderation says of question and answer."""
        return nested(self._raw.get("moderation"))

    @property
    def usage(self) -> Usage | None:
        """The tokens it took; None where not told, as in most chunks of a stream."""
        return Usage.of(self._raw)

    @property
    def web_sources(self) -> Sequence[WebSource]:
        """The pages that the answer rests on, each once.

        They are ``web_sources``, ``citations`` or ``search_results`` of the API.
        """
        raw = self._raw
        sources = [*items(raw.get("web_sources"))]
        for choice in items(raw.get("choices")):
            for name in ("message", "delta"):
                if inner := mapping(choice.get(name)).get("web_sources"):
                    sources += items(inner)
        if "citations" in raw or "search_results" in raw:
            sources = _each_once([*sources, *_cited(raw)])
        return tuple(map(WebSource, sources)) if sources else ()


def _cited(raw: Json) -> list[Json]:
    """Return the pages that an answer's text names by their number."""
    cited = raw.get("citations")
    addresses = cited if isinstance(cited, list) else []
    pages = [{"url": each} if isinstance(each, str) else each for each in addresses]
    return [*items(pages), *items(raw.get("search_results"))]


def _each_once(pages: list[Json]) -> list[Json]:
    """Return pages in their order, each with all that was said of it."""
    known: dict[Any, dict[str, Any]] = {}
    for page in pages:
        said = {name: value for name, value in page.items() if value}
        about = known.setdefault(str(page.get("url")), {})
        about |= {**said, **about}
    return list(known.values())


class ChatCompletion(_Completion):
    """The response to ``POST /chat/completions``.

    Args:
        raw: its body.
        response: its status and headers.

    Attributes:
        response: what the HTTP response's headers tell.

    Example:
        >>> from apertis_magic import Apertis
        >>> answer = Apertis().chat.completions.create(
        ...     model="gpt-4.1-mini",
        ...     messages=[{"role": "user", "content": "What is the capital of Japan?"}],
        ... )
        >>> print(answer.choices[0].message.role, answer.choices[0].message.content)
        assistant The capital of Japan is ...
        >>> print(answer.model, answer.usage.total_tokens, answer.response.status)
        gpt-4.1-mini... 21 200
    """

    __slots__ = ("response",)

    def __init__(self, raw: Json, response: Response | None = None) -> None:
        super().__init__(raw)
        self.response = response or Response()

    @property
    def choices(self) -> Sequence[Choice]:
        """The answers, as many as ``n`` asked for."""
        return tuple(map(Choice, items(self._raw.get("choices"))))

    @property
    def usage(self) -> Usage | None:
        """What it took; the cost is also that of a gateway's header."""
        return costing(Usage.of(self._raw), self.response.cost)

    @property
    def metadata(self) -> Nested | None:
        """The pairs that the request gave the answer."""
        return nested(self._raw.get("metadata"))

    def as_chunk(self) -> "ChatCompletionChunk":
        """Return the whole response as if it had been streamed in one piece."""
        return ChatCompletionChunk(self._raw)


class ChatCompletionChunk(_Completion):
    """One event of a streamed response; ``choices`` may be empty.

    Args:
        raw: the event's data.
    """

    __slots__ = ("_choices",)

    _derived = frozenset({"notice"})

    def __init__(self, raw: Json) -> None:
        self._raw = raw
        # Found once: a reader asks for them two or three times for every event.
        self._choices = self._find_choices()

    @property
    def choices(self) -> Sequence[ChunkChoice]:
        """The pieces of the answers."""
        return self._choices

    def _find_choices(self) -> Sequence[ChunkChoice]:
        choices = items(self._raw.get("choices"))
        if self._raw.get("id") == WEB_SEARCH:
            # The gateway's words, not the model's: see ``notice``.
            choices = [
                {**choice, "delta": {**mapping(choice.get("delta")), "content": ""}}
                for choice in choices
            ]
        return tuple(map(ChunkChoice, choices))

    @property
    def obfuscation(self) -> str | None:
        """Padding, which hides how long the piece is."""
        return string(self._raw.get("obfuscation"))

    @property
    def notice(self) -> str | None:
        """What the gateway says before the answer: that it searches the web."""
        if self._raw.get("id") != WEB_SEARCH:
            return None
        deltas = (mapping(c.get("delta")) for c in items(self._raw.get("choices")))
        return "".join(text(delta.get("content")) or "" for delta in deltas).strip()
