"""What has come of a response: the one place where the pieces of answers gather.

``Assembly`` holds what all readers want of a response; ``completion_of`` adds the
fields that only the whole completion has.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from apertis_magic.api import bounds
from apertis_magic.api.message import Delta, ToolCall, WebSource
from apertis_magic.api.response import Response
from apertis_magic.api.tool_calls import LEGACY, Calls, legacy, merge
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

# Fields of a delta that are read by what they mean rather than as they come.
_READ = frozenset(("content", "refusal", "tool_calls", "web_sources", "thinking"))
_READ |= {"reasoning", "reasoning_content", LEGACY}
# Fields of a choice that are read by what they mean, or are those of its message.
_OF_CHOICE = frozenset(("index", "delta", "message", "finish_reason", "logprobs"))
_OF_CHOICE |= {"usage"}
_PADDING = "obfuscation"
_INSTEAD = frozenset(("tool_calls", LEGACY))
"""What a message has in the place of a text."""
_PAGES = "web_sources"
_BESIDE = frozenset((_PAGES, "citations", "search_results"))
"""Fields beside the choices that tell what an answer rests on."""


_LONG = bounds.ANSWER.most // 4
"""Characters from which on it matters how many bytes each takes."""


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
        finishes: how often the server has told that, each time behind more of it.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.calls = Calls()
        self.called: list[Json] = []
        self.sources: dict[str, WebSource] = {}
        self.cited: list[WebSource] = []
        self.finish: str | None = None
        self.finishes = 0
        self._finished: object = None  # what had come when it was told last
        self._size = 0  # characters
        self._width = 0  # bytes that each takes of the texts, once they are long

    def add(self, choice: ChunkChoice) -> None:
        """Take in the next piece."""
        raw = choice.raw
        if raw.get("finish_reason"):
            self.finish = choice.finish_reason or self.finish
            before, self._finished = self._finished, self.extent
            self.finishes += self.finish is not None and before != self._finished
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
        if called := delta.function_call:
            self.call(legacy(called.raw))
        for page in delta.annotations:
            self.cite(page)
        for raw in items(delta.raw.get(_PAGES)):
            self.cite(WebSource(raw))

    def take(self, kind: str, value: str) -> None:
        """Take in a piece of what the message says.

        Raises:
            StreamError: there is more than anybody reads.
        """
        self._size += len(value)
        if self._size > _LONG:  # seldom
            self._check_size(kind, value)
        runs = self.runs
        if runs and runs[-1][0] == kind:
            runs[-1][1].append(value)
        else:
            bounds.RUNS.check(len(runs) + 1)
            runs.append(Run(kind, [value]))

    def _check_size(self, kind: str, value: str) -> None:
        """See that the texts take no more memory than an answer may.

        One character can make all of a text twice or four times as large.
        """
        if not self._width:  # only now it matters
            texts = [run.pieces for run in self.runs if run.kind != "picture"]
            self._size = sum(len(each) for text in texts for each in text) + len(value)
            self._width = max(
                (_width(each) for text in texts for each in text), default=1
            )
        if kind == "picture":
            self._size -= len(value)
            return
        self._width = max(self._width, _width(value))
        bounds.ANSWER.check(self._size * self._width)

    def call(self, raw: Json) -> None:
        """Take in a piece of a tool call.

        Raises:
            StreamError: there are more than anybody makes.
        """
        bounds.CALL_PIECES.check(len(self.called) + 1)
        self.calls.add(ToolCall(raw))
        self.called.append(raw)

    def cite(self, page: WebSource) -> None:
        """Take in a page; one that is known gets its title where it had none.

        Raises:
            StreamError: there are more than anybody reads.
        """
        known = self.sources.get(page.url or "")
        if page.url and (known is None or (page.title and not known.title)):
            bounds.PAGES.check(len(self.cited) + 1)
            self.sources[page.url] = page
            self.cited.append(page)

    @property
    def extent(self) -> object:
        """What is another value once more has come."""
        last = len(self.runs[-1].pieces) if self.runs else 0
        return len(self.runs), last, len(self.called), len(self.cited), self.finish

    def text(self, kind: str = "text") -> str:
        """Return all of one kind."""
        pieces = [each.pieces for each in tuple(self.runs) if each.kind == kind]
        return mend("".join("".join(each) for each in pieces))


def _width(text: str) -> int:
    """Return how many bytes each character of a text takes in memory."""
    if text.isascii() or not text:
        return 1
    last = ord(max(text))
    return 1 if last < 1 << 8 else 2 if last < 1 << 16 else 4


class Assembly:
    """What has come of one response; one thread adds to it, and any may look.

    Args:
        most: how many choices are kept, one of which is that of index 0.

    Attributes:
        most: how many choices are kept; none may have come when it is changed.
        choices: the pieces of each choice, by its index.
        model: the model that answers, as the server names it; empty until it has.
        usage: the tokens it took, once the server has told them.
        ended: whether a choice has told why it ended.
        closed: whether the usage has come by itself since: servers send it last of all.
    """

    def __init__(self, most: int = bounds.CHOICES.most) -> None:
        self.most = most
        self.choices: defaultdict[int, Pieces] = defaultdict(Pieces)
        self.model = ""
        self.usage: Usage | None = None
        self.ended = self.closed = False
        self._named: Any = None  # the model, as it came
        self._kept: dict[int, Pieces] = {}  # of choices that have come

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in a chunk.

        Raises:
            StreamError: there is more than anybody reads.
        """
        raw = chunk.raw
        if raw.get("model") != self._named:
            self._named, self.model = raw.get("model"), chunk.model or self.model
        if raw.get("id") != WEB_SEARCH:
            for choice in chunk.choices:
                pieces = self._kept.get(choice.index) or self._keep(choice.index)
                if pieces is not None:
                    pieces.add(choice)
                    self.ended = self.ended or pieces.finish is not None
        if self.ended or raw.get("usage") or "x_groq" in raw:
            told = chunk.usage
            self.usage = told or self.usage
            is_told = bool(told) or self.closed
            self.closed = self.ended and is_told and _is_bare(raw)
        if not _BESIDE.isdisjoint(raw):
            for page in chunk.web_sources:
                self.choices[0].cite(page)

    def _keep(self, index: int) -> Pieces | None:
        """Return where a new choice gathers, None for one that nobody asked for."""
        if len(self._kept) >= self.most:
            if index != 0:
                return None
            # The answer is that of index 0, whichever came first.
            surplus, _ = self._kept.popitem()
            self.choices.pop(surplus)
        pieces = self._kept[index] = self.choices[index]
        return pieces

    def keeps(self, index: int) -> bool:
        """Tell whether the choice of an index has come, and is kept."""
        return index in self._kept

    @property
    def text(self) -> str:
        """The text of the first choice, as far as it has come."""
        return self.choices[0].text() if 0 in self.choices else ""

    @property
    def extent(self) -> object:
        """What is another value once more of the answers has come."""
        return [pieces.extent for pieces in tuple(self._kept.values())]


class Completing:
    """Puts a completion together of its chunks, in their order."""

    def __init__(self) -> None:
        self._assembly = Assembly()
        self._whole: dict[str, Any] = {}
        self._others: defaultdict[int, dict[str, Any]] = defaultdict(dict)
        self._sources: dict[tuple[str | None, str | None], Json] = {}
        self._values = 0  # of what is beside texts and calls

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take in a chunk.

        Raises:
            StreamError: there is more than anybody reads.
        """
        self._assembly.add(chunk)
        if chunk.notice is None:
            told = {k: v for k, v in chunk.raw.items() if v not in (None, "")}
            told.pop(_PADDING, None)
            self._check({k: told[k] for k in told.keys() - self._whole.keys()})
            self._whole.update(told)
        for source in chunk.web_sources:
            self._sources.setdefault((source.url, source.title), source.raw)
            bounds.PAGES.check(len(self._sources))
        for piece in chunk.choices:
            if self._assembly.keeps(piece.index):
                self._merge_rest(piece)

    def _merge_rest(self, piece: ChunkChoice) -> None:
        """Add what a piece has beside the message's texts and calls."""
        logprobs = mapping(piece.raw.get("logprobs"))
        rest = {k: v for k, v in piece.delta.raw.items() if k not in _READ}
        is_more = not piece.raw.keys() <= _OF_CHOICE
        others = self._others[piece.index]
        if rest or logprobs or is_more:  # seldom
            own = {k: v for k, v in piece.raw.items() if k not in _OF_CHOICE}
            new = {"message": rest, "logprobs": logprobs, "own": own}
            for each in new.values():
                self._check(each)
            merge(others, new)
            if "role" in rest and piece.delta.raw.get("content", "") is None:
                others["is_null"] = True  # until a text comes

    def _check(self, new: Json) -> None:
        self._values += _count(new)
        bounds.VALUES.check(self._values)

    def completion(self, response: Response | None = None) -> ChatCompletion:
        """Return the completion.

        Args:
            response: what the headers of the response tell.
        """
        assembly, whole = self._assembly, self._whole
        whole["object"] = "chat.completion"
        whole["choices"] = [
            {"index": index, **_choice(assembly.choices[index], self._others[index])}
            for index in sorted(filter(assembly.keeps, self._others))
        ]
        if assembly.usage is not None:  # of some servers it is in a choice
            whole["usage"] = assembly.usage.raw
        if self._sources:
            whole["web_sources"] = list(self._sources.values())
        return ChatCompletion(whole, response)


def completion_of(
    chunks: Iterable[ChatCompletionChunk], response: Response | None = None
) -> ChatCompletion:
    """Return the completion that *chunks* are the pieces of, in their order.

    Args:
        chunks: all chunks of one answer; several choices may interleave.
        response: what the headers of their response tell.
    """
    whole = Completing()
    for chunk in chunks:
        whole.add(chunk)
    return whole.completion(response)


def _is_bare(raw: Json) -> bool:
    """Tell whether a chunk has nothing of an answer, as that of the usage alone."""
    return not any(
        choice.get("finish_reason") or any(mapping(choice.get("delta")).values())
        for choice in items(raw.get("choices"))
    )


def _count(value: object) -> int:
    """Return how many values JSON consists of."""
    if isinstance(value, dict):
        return len(value) + sum(map(_count, value.values()))
    if isinstance(value, list):
        return len(value) + sum(map(_count, value))
    return 0


def _choice(pieces: Pieces, rest: Json) -> dict[str, Any]:
    """Return a choice as a whole response has it."""
    calls, told = pieces.calls.to_list(), rest.get("message", {})
    others = {
        "reasoning_content": pieces.text("reasoning"),
        "refusal": pieces.text("refusal"),
        "tool_calls": [call for call in calls if call["type"] != LEGACY],
        LEGACY: next((c["function"] for c in calls if c["type"] == LEGACY), None),
        "images": told.get("images") or _images(pieces),
    }
    others = {name: value for name, value in others.items() if value}
    instead = _INSTEAD | {"refusal"} if "is_null" in rest else _INSTEAD
    nothing = "" if instead.isdisjoint(others) else None
    message = {"role": "assistant", **told, "content": pieces.text() or nothing}
    choice = {**rest.get("own", {}), "message": message | others}
    choice["finish_reason"] = pieces.finish
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
