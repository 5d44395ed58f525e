"""What has come of a response: the one place where the pieces of answers gather.

``Assembly`` holds what all readers want of a response; ``completion_of`` adds the
fields that only the whole completion has.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from apertis_magic.api.message import Delta, ToolCall, WebSource
from apertis_magic.api.response import Response
from apertis_magic.api.types import (
    WEB_SEARCH,
    ChatCompletion,
    ChatCompletionChunk,
    ChunkChoice,
)
from apertis_magic.api.value import Json, items, mapping
from apertis_magic.clean import mend

if TYPE_CHECKING:
    from apertis_magic.api.usage import Usage

_decode = json.JSONDecoder().raw_decode

# Fields of a delta that are read by what they mean rather than as they come.
_READ = frozenset(("content", "refusal", "tool_calls", "web_sources", "thinking"))
_READ |= {"reasoning", "reasoning_content"}
_PAGES = "web_sources"
_BESIDE = frozenset((_PAGES, "citations", "search_results"))
"""Fields beside the choices that tell what an answer rests on."""

_GO_ON = ("arguments", "data", "transcript")
"""Texts that come in pieces; others, such as a role, come again as they are."""


class Run(NamedTuple):
    """Pieces of one kind that came without another kind between them.

    Attributes:
        kind: ``text``, ``reasoning``, ``refusal`` or ``picture``.
        pieces: the texts, or the pictures' addresses, as they came.
    """

    kind: str
    pieces: list[str]

    @property
    def text(self) -> str:
        """The pieces joined, with halves of characters joined too."""
        return mend("".join(self.pieces))


class Pieces:
    """What has come of one choice; one thread adds to it, and any may look.

    Attributes:
        runs: what the message says, in its order.
        calls: the calls of tools.
        called: the pieces of these, as they came.
        sources: the pages that the text cites, by their addresses.
        cited: the same as they came, a page again where its title came later.
        finish: why the answer ended, None until it has.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.calls = Calls()
        self.called: list[Json] = []
        self.sources: dict[str, WebSource] = {}
        self.cited: list[WebSource] = []
        self.finish: str | None = None

    def add(self, choice: ChunkChoice) -> None:
        """Take in the next piece."""
        raw = choice.raw
        if raw.get("finish_reason"):
            self.finish = choice.finish_reason or self.finish
        delta = raw.get("delta")
        if type(delta) is dict and len(delta) == 1 and "content" in delta:
            content = delta["content"]
            if type(content) is str:  # nearly always, and then no view is needed
                if content:
                    self.take("text", content)
                return
        self._add_all(choice.delta)

    def _add_all(self, delta: Delta) -> None:
        """Take in all that a piece may have."""
        for kind, value in delta.pieces():
            self.take(kind, value)
        for call in delta.tool_calls:
            self.call(call.raw)
        for page in delta.annotations:
            self.cite(page)
        for raw in items(delta.raw.get(_PAGES)):
            self.cite(WebSource(raw))

    def take(self, kind: str, value: str) -> None:
        """Take in a piece of what the message says."""
        runs = self.runs
        if runs and runs[-1][0] == kind:
            runs[-1][1].append(value)
        else:
            runs.append(Run(kind, [value]))

    def call(self, raw: Json) -> None:
        """Take in a piece of a tool call."""
        self.calls.add(ToolCall(raw))
        self.called.append(raw)

    def cite(self, page: WebSource) -> None:
        """Take in a page; one that is known gets its title where it had none."""
        known = self.sources.get(page.url or "")
        if page.url and (known is None or (page.title and not known.title)):
            self.sources[page.url] = page
            self.cited.append(page)

    def text(self, kind: str = "text") -> str:
        """Return all of one kind."""
        pieces = [each.pieces for each in tuple(self.runs) if each.kind == kind]
        return mend("".join("".join(each) for each in pieces))


class Assembly:
    """What has come of one response; one thread adds to it, and any may look.

    Attributes:
        choices: the pieces of each choice, by its index.
        model: the model that answers, as the server names it; empty until it has.
        usage: the tokens it took, once the server has told them.
        ended: whether a choice has told why it ended.
    """

    def __init__(self) -> None:
        self.choices: defaultdict[int, Pieces] = defaultdict(Pieces)
        self.model = ""
        self.usage: Usage | None = None
        self.ended = False
        self._named: Any = None  # the model, as it came

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in a chunk."""
        raw = chunk.raw
        if raw.get("model") != self._named:
            self._named, self.model = raw.get("model"), chunk.model or self.model
        if raw.get("id") != WEB_SEARCH:
            for choice in chunk.choices:
                pieces = self.choices[choice.index]
                pieces.add(choice)
                self.ended = self.ended or pieces.finish is not None
        if self.ended or raw.get("usage") or "x_groq" in raw:
            self.usage = chunk.usage or self.usage
        if not _BESIDE.isdisjoint(raw):
            for page in chunk.web_sources:
                self.choices[0].cite(page)

    @property
    def text(self) -> str:
        """The text of the first choice, as far as it has come."""
        return self.choices[0].text() if 0 in self.choices else ""


def completion_of(
    chunks: Iterable[ChatCompletionChunk], response: Response | None = None
) -> ChatCompletion:
    """Return the completion that *chunks* are the pieces of, in their order.

    Args:
        chunks: all chunks of one answer; several choices may interleave.
        response: what the headers of their response tell.
    """
    assembly = Assembly()
    whole: dict[str, Any] = {}
    others: defaultdict[int, dict[str, Any]] = defaultdict(dict)
    sources: dict[tuple[str | None, str | None], Json] = {}
    for chunk in chunks:
        assembly.add(chunk)
        if chunk.notice is None:
            whole.update((k, v) for k, v in chunk.raw.items() if v not in (None, ""))
        for source in chunk.web_sources:
            sources.setdefault((source.url, source.title), source.raw)
        for piece in chunk.choices:
            _merge_rest(others[piece.index], piece)
    whole["object"] = "chat.completion"
    whole["choices"] = [
        {"index": index, **_choice(assembly.choices[index], others[index])}
        for index in sorted(others)
    ]
    if assembly.usage is not None:  # of some servers it is in a choice
        whole["usage"] = assembly.usage.raw
    if sources:
        whole["web_sources"] = list(sources.values())
    return ChatCompletion(whole, response)


def _merge_rest(into: dict[str, Any], piece: ChunkChoice) -> None:
    """Add what a piece has beside the message's texts and calls."""
    logprobs = mapping(piece.raw.get("logprobs"))
    rest = {k: v for k, v in piece.delta.raw.items() if k not in _READ}
    _merge(into, {"message": rest, "logprobs": logprobs})


def _choice(pieces: Pieces, rest: Json) -> dict[str, Any]:
    """Return a choice as a whole response has it."""
    calls = pieces.calls.to_list()
    told = rest.get("message", {})
    message = {
        "role": "assistant",
        **told,
        "content": pieces.text() or (None if calls else ""),
    }
    others = {
        "reasoning_content": pieces.text("reasoning"),
        "refusal": pieces.text("refusal"),
        "tool_calls": calls,
        "images": told.get("images") or _images(pieces),
    }
    message |= {name: value for name, value in others.items() if value}
    choice = {"message": message, "finish_reason": pieces.finish}
    logprobs = rest.get("logprobs")
    return {**choice, "logprobs": logprobs} if logprobs else choice


def _images(pieces: Pieces) -> list[dict[str, Any]]:
    """Return the pictures as a whole response has them beside its text."""
    found = (run.pieces for run in pieces.runs if run.kind == "picture")
    return [
        {"type": "image_url", "image_url": {"url": url}}
        for each in found
        for url in each
    ]


def _merge(into: dict[str, Any], piece: Mapping[str, Any]) -> None:
    """Add a piece to the fields so far: texts and lists grow, others are replaced."""
    for name, value in piece.items():
        there = into.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, Mapping):
            into[name] = dict(there) if isinstance(there, Mapping) else {}
            _merge(into[name], value)
        elif isinstance(value, list) and isinstance(there, list):
            there.extend(value)
        elif isinstance(value, list):
            into[name] = list(value)
        elif isinstance(value, str) and isinstance(there, str) and name in _GO_ON:
            into[name] = there + value
        else:
            into[name] = value


class Calls:
    """The tool calls of an answer, as far as they have come."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece, of a call that has begun or of a new one.

        Some servers give every call the index 0, or no index, or no id.
        """
        call = self._by_id.get(piece.id or "")
        if call is None and piece.index is not None:
            call = self._by_index.get(piece.index)
        elif call is None and self._calls:
            call = self._calls[-1]
        if call is None or call.is_other(piece):
            call = _Call(piece)
            self._calls.append(call)
        else:
            call.add(piece)
        if piece.id:
            self._by_id[piece.id] = call
        if piece.index is not None:
            self._by_index[piece.index] = call

    def to_list(self) -> list[dict[str, Any]]:
        """Return the calls as a whole response has them."""
        return [each for call in tuple(self._calls) for each in call.to_dicts()]


class _Call:
    """One tool call, as far as it has come."""

    def __init__(self, piece: ToolCall) -> None:
        self._rest: dict[str, Any] = {}
        self._id = piece.id
        self._name = piece.function.name or ""
        self._arguments: list[str] = []
        self.add(piece)

    def is_other(self, piece: ToolCall) -> bool:
        """Tell whether *piece* begins another call than this one."""
        name = piece.function.name
        if not name or (piece.id and piece.id == self._id):
            return False
        if piece.id and self._id:
            return True
        # Without an id a name tells, unless it is only repeated on every piece.
        is_complete = bool(_objects("".join(self._arguments)))
        return is_complete or piece.index is None or name != self._name

    def add(self, piece: ToolCall) -> None:
        """Take in the next piece."""
        self._id = self._id or piece.id
        self._name = self._name or piece.function.name or ""
        self._arguments.append(piece.function.arguments)
        known = ("index", "id", "function")
        _merge(self._rest, {k: v for k, v in piece.raw.items() if k not in known})

    def to_dicts(self) -> Iterator[dict[str, Any]]:
        """Give the call as a whole response has it; two, where two were glued."""
        arguments = "".join(self._arguments)
        for number, each in enumerate(_objects(arguments) or [arguments]):
            yield {
                "type": "function",
                **self._rest,
                "id": f"{self._id}-{number}" if number else self._id,
                "function": {"name": self._name, "arguments": each},
            }


def _objects(text: str) -> list[str]:
    """Return the JSON objects that *text* is made of; none where it is not."""
    objects, rest = [], text.strip()
    while rest.startswith("{"):
        try:
            _, end = _decode(rest)
        except (ValueError, RecursionError):
            return []
        objects.append(rest[:end])
        rest = rest[end:].lstrip()
    return [] if rest else objects
