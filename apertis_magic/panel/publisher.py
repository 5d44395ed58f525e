"""``Publisher``: sends a panel's pages what is new, all of it from one thread."""

import atexit
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeAlias

from apertis_magic.api.wakeup import Wakeup
from apertis_magic.panel import fields, placeholders
from apertis_magic.panel.feed import Feed
from apertis_magic.panel.frame import HEARTBEAT, FrameFeed
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Json

if TYPE_CHECKING:
    from apertis_magic.chat.session import Session
    from apertis_magic.panel.saved import SavedTranscript

_EVERY = 1 / 30
"""Seconds between two looks at what is new, at the least."""

_MOST_QUERIES = 100
"""Messages of pages that wait to be answered; what comes then is dropped."""

_MOST_AT_ONCE = 20
"""Those that are answered before a look at what is new."""

_MOST_VIEWS = 100
"""Pages that are known; the panel is shown in a few."""

_MOST_MESSAGES = 1_000
"""Messages that wait to be sent; the oldest go."""

_PATIENCE = 1.0
"""Seconds that the panel's end waits for what is being sent."""

_log = logging.getLogger(__name__)

Buffers: TypeAlias = list[bytes] | None
Send: TypeAlias = Callable[[Json, Buffers], None]


class Publisher:
    """Keeps the pages of one panel, and the saved notebook, up to date.

    Args:
        session: whose current conversation the pages show.
        options: the fields of the request that the panel's questions set, as they are
            at any time.
        transcript: what the saved notebook shows.
        send: sends the pages a message and what goes with it.
    """

    def __init__(
        self,
        session: "Session",
        options: Mapping[str, Any],
        transcript: "SavedTranscript",
        send: Send,
    ) -> None:
        self._session = session
        self._options = options
        self._transcript = transcript
        self._send = send
        self._feed, self._frame = Feed(), FrameFeed()
        self._queries: deque[Request] = deque()
        self._queries_lock = threading.Lock()
        self._messages: deque[Json] = deque(maxlen=_MOST_MESSAGES)
        # Pages that show the panel, and have not left; the latest last.
        self._views: dict[str, None] = {}
        self._has_news, self._news = False, Wakeup()
        self._sending = threading.RLock()
        self._closed = False

    def wake(self) -> None:
        """Have the thread look at what is new."""
        self._has_news = True
        self._news.wake()

    def post(self, message: Json) -> None:
        """Have a message sent behind all that is new by now."""
        self._messages.append(message)
        self.wake()

    def answer(self, query: Request) -> None:
        """Have a page sent what it asks to be shown."""
        with self._queries_lock:
            if query not in self._queries and len(self._queries) < _MOST_QUERIES:
                self._queries.append(query)
        self.wake()

    def close(self) -> None:
        """Send nothing any more, and end the thread."""
        self._closed = True
        self.wake()
        atexit.unregister(self.close)
        # What is being sent may be told of what the process's end breaks off next.
        if self._sending.acquire(timeout=_PATIENCE):
            self._sending.release()

    def run(self) -> None:
        """Send the pages what is new until the panel is closed: the thread's work.

        Nor is anything sent once the process ends, which breaks off what is under way.
        """
        atexit.register(self.close)
        must_look_again = False
        while True:
            longest = HEARTBEAT if must_look_again else None
            self._news.wait(lambda: self._has_news, longest)
            self._has_news = False
            began = monotonic()
            try:
                with self._sending:
                    if self._closed:
                        return
                    self.publish()
                must_look_again = self._must_look_again
            except Exception:  # noqa: BLE001  a mistake must not end the panel
                _log.exception("The panel could not show what is new.")
                self._feed, must_look_again = Feed(), False
            sleep(max(0.0, _EVERY - (monotonic() - began)))

    def publish(self) -> None:
        """Send the pages what is new, then each what it asked for."""
        with self._queries_lock:
            at_once = min(len(self._queries), _MOST_AT_ONCE)
            queries = [self._queries.popleft() for _ in range(at_once)]
        self._note_views(queries)
        if self._views:
            for message, buffers in self._outgoing(queries):
                self._send(message, buffers)
        else:  # nobody looks; who comes next is sent all
            self._feed, self._frame = Feed(), FrameFeed()
            self._messages.clear()
        self._transcript.refresh()
        if self._queries:
            self.wake()

    def _note_views(self, queries: list[Request]) -> None:
        """Note which pages have come, and which have left."""
        for query in queries:
            if query.kind in ("hello", "bye"):
                self._views.pop(query.view, None)
            if query.kind == "hello":
                self._views[query.view] = None
        for view in list(self._views)[:-_MOST_VIEWS]:
            del self._views[view]

    def _outgoing(self, queries: list[Request]) -> Iterator[tuple[Json, Buffers]]:
        """Give the messages that are due, in their order."""
        conversation = self._session.current
        for message in self._feed.news(conversation):
            yield message, None
        if frame := self._frame.news(self._session, conversation.view, self._options):
            yield frame, None
        for query in queries:
            yield from self._answers(query)
        while self._messages:
            yield self._messages.popleft(), None

    @property
    def _must_look_again(self) -> bool:
        """Whether something may change of which the watchers are not told."""
        has_problem = bool(self._frame.sent.get("problem"))
        under_way = self._session.current.under_way
        return has_problem or bool(under_way) or self._transcript.is_outdated

    def _answers(self, query: Request) -> Iterator[tuple[Json, Buffers]]:
        """Give what one page asked to be shown."""
        to = {"to": query.view}
        if query.kind == "hello":
            described = fields.described()
            yield {**self._frame.sent, **to, "kind": "hello", "fields": described}, None
            yield {**self._feed.last(), **to}, None
        elif query.kind == "page":
            yield {**self._feed.page(query.first, query.last), **to}, None
        elif query.kind == "question":
            text = self._feed.question(query.turn)
            yield {"kind": "question", **to, "turn": query.turn, "text": text}, None
        elif (turn := self._feed.turn(query.turn)) and (
            found := placeholders.picture(turn, query.number)
        ):
            about = {"kind": "picture", "turn": query.turn, "number": query.number}
            yield {**about, **to, "type": found[0]}, [found[1]]
