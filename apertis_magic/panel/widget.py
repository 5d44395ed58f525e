"""``ChatPanel``: hands messages over between the pages that show it and the kernel."""

import logging
import os
import threading
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import anywidget
from IPython.display import DisplayHandle, display

from apertis_magic.chat import names, session
from apertis_magic.clean import redact
from apertis_magic.errors import ApertisError
from apertis_magic.panel import fields, requests
from apertis_magic.panel.actions import Actions, Outcome
from apertis_magic.panel.feed import Feed
from apertis_magic.panel.frame import frame
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Json
from apertis_magic.panel.saved import saved
from apertis_magic.render.style import COLOURS, RULES

if TYPE_CHECKING:
    from apertis_magic.chat.conversation import Conversation
    from apertis_magic.chat.session import Session
    from apertis_magic.chat.turn import Turn

_EVERY = 1 / 30
"""Seconds between two looks at what is new, at the least."""

_HEARTBEAT = 1.0
"""Seconds after which the page hears how long it has been waiting."""

_SAVED_EVERY = 3.0
"""Seconds between two updates of what a saved notebook shows, at the least."""

_VIEW = "application/vnd.jupyter.widget-view+json"
_PLAIN = "The panel needs widgets and its kernel; below is its conversation."
_STATIC = Path(__file__).parent / "static"
_QUERIES = ("hello", "bye", "page", "picture", "models")
"""The messages that only ask to be shown something."""

_log = logging.getLogger(__name__)


class ChatPanel(anywidget.AnyWidget):
    """The kernel's current conversation as a widget: read it, continue it.

    What ``%%chat`` asks appears here as it streams, and what is asked here is in the
    conversation that ``%%chat`` goes on with. As the last line of a cell it is shown,
    as ``%chat panel`` shows it.

    Args:
        conversation: the name of the conversation to make the current one first; it
            is made on first use. None leaves the current one.

    Raises:
        ConfigurationError: that is no name for a conversation.

    Example:
        >>> from apertis_magic import ChatPanel
        >>> panel = ChatPanel("poems")
        >>> panel.close()
    """

    _esm = _STATIC / "panel.js"
    _css = f".ap{{{COLOURS}}}{RULES}" + (_STATIC / "panel.css").read_text(
        encoding="utf-8"
    )

    _unwatch: Callable[[], None] | None = None

    def __init__(self, conversation: str | None = None) -> None:
        name = None if conversation is None else names.checked(conversation)
        super().__init__()
        self._session: Session = session.current()
        if name is not None:
            self._session.use(self._session.conversation(name).name)
        self._actions = Actions(self._session, self._tell_progress)
        self._feed = Feed()
        self._frame: Json = {}
        self._frame_seen: tuple[Any, ...] = ()
        self._frame_due = 0.0
        self._queries: deque[Request] = deque()
        self._views: set[str] = set()  # pages that show it, and have not left
        self._to_say: deque[Json] = deque()
        self._to_do: SimpleQueue[Request | None] = SimpleQueue()
        self._news = threading.Event()
        self._closed = False
        self._pid = os.getpid()
        self._saved: DisplayHandle | None = None
        self._saved_at = 0.0
        self._saved_turns: tuple[Turn, ...] = ()
        _free_of_the_shell(self.comm)
        self.on_msg(self._take)
        self._unwatch = self._session.watchers.add(self._told)
        for work in (self._show, self._act):
            threading.Thread(target=work, name="apertis-panel", daemon=True).start()

    def _told(self) -> None:
        # A fork of the process has the event's lock as it was, and none of the threads.
        if os.getpid() == self._pid:
            self._news.set()

    def close(self) -> None:
        """Take the panel off every page; the conversation stays."""
        if self._unwatch is not None:  # else it never was whole
            self._closed = True
            self._unwatch()
            self._to_do.put(None)
            self._news.set()
        super().close()

    def _ipython_display_(self, **_options: Any) -> None:
        """Show the panel, and beside it what the notebook shows once it is saved."""
        talk = self._session.current
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        display({_VIEW: view, "text/plain": _PLAIN}, raw=True)
        self._saved_turns = talk.turns
        self._saved = display(saved(talk), raw=True, display_id=True)

    def _take(self, _widget: object, content: object, buffers: Sequence[Any]) -> None:
        """Hand over what a page asks; this may run on any thread and must not wait."""
        try:
            request = requests.read(content, buffers)
        except ValueError as error:
            _log.warning("A message of the panel's page was dropped: %s", error)
            return
        if request.kind == "stop":
            self._stop(request.turn)
        elif request.kind in _QUERIES:
            self._queries.append(request)
            self._news.set()
        else:
            self._to_do.put(request)

    def _stop(self, name: str) -> None:
        """Stop one answer, or the one that has been under way for longest."""
        under_way = self._session.current.under_way
        for each in [e for e in under_way if name in ("", e.reply.id)][:1]:
            each.reply.stop()

    def _act(self) -> None:
        """Do what the pages ask, one thing after the other."""
        while (request := self._to_do.get()) is not None:
            try:
                outcome = self._actions.do(request)
            except Exception as error:  # noqa: BLE001  a mistake must not end the panel
                _log.exception("The panel could not do what its page asked.")
                text = redact(f"Something unforeseen happened: {error!r}")
                outcome = Outcome(text, ok=False)
            self._say(request.token, outcome)

    def _say(self, token: str, outcome: Outcome) -> None:
        about = {
            "text": outcome.text,
            "hint": outcome.hint,
            "ok": outcome.ok,
            "undo": outcome.undo,
        }
        self._to_say.append({"kind": "said", "token": token, **about})
        self._news.set()

    def _tell_progress(self, text: str) -> None:
        self._to_say.append({"kind": "progress", "text": text})
        self._news.set()

    def _show(self) -> None:
        """Tell the pages what is new; all that they get is sent from here."""
        must_look_again = False
        while not self._closed:
            self._news.wait(_HEARTBEAT if must_look_again else None)
            self._news.clear()
            began = monotonic()
            try:
                self._step()
                must_look_again = self._must_look_again
            except Exception:  # noqa: BLE001  as above
                _log.exception("The panel could not show what is new.")
                self._feed, must_look_again = Feed(), False
            sleep(max(0.0, _EVERY - (monotonic() - began)))

    def _step(self) -> None:
        queries = [self._queries.popleft() for _ in range(len(self._queries))]
        self._views |= {query.view for query in queries if query.kind == "hello"}
        self._views -= {query.view for query in queries if query.kind == "bye"}
        if self._views:
            self._tell(queries)
        else:  # nobody looks; who comes next is told all
            self._feed, self._frame = Feed(), {}
            self._to_say.clear()
        self._save()

    def _tell(self, queries: list[Request]) -> None:
        """Tell the pages what is new, then each what it asked for."""
        talk = self._session.current
        for message in self._feed.news(talk):
            self.send(message)
        self._tell_frame(talk)
        for query in queries:
            for message, buffers in self._shown(query):
                self.send(message, buffers)
        while self._to_say:
            self.send(self._to_say.popleft())

    @property
    def _must_look_again(self) -> bool:
        """Whether something may change of which nobody tells."""
        has_problem = bool(self._frame.get("problem"))
        under_way = self._session.current.under_way
        return has_problem or bool(under_way) or self._is_unsaved

    def _tell_frame(self, talk: "Conversation") -> None:
        """Send what stands around the transcript, if it is other than it was.

        The environment is read for it, so not with every word of an answer.
        """
        chosen = tuple(self._actions.options.items())
        seen = (*talk.view, self._session.names, chosen)
        is_known = self._frame and seen == self._frame_seen
        if is_known and monotonic() < self._frame_due:
            return
        self._frame_seen, self._frame_due = seen, monotonic() + _HEARTBEAT
        now = frame(self._session, *talk.view, self._actions.options)
        if now != self._frame:
            self._frame = now
            self.send(now)

    def _shown(self, query: Request) -> Iterator[tuple[Json, list[bytes] | None]]:
        """Give what one page asked to be shown."""
        to = {"to": query.view}
        if query.kind == "hello":
            described = fields.described()
            yield {**self._frame, **to, "kind": "hello", "fields": described}, None
            yield {**self._feed.last(), **to}, None
        elif query.kind == "page":
            yield {**self._feed.page(query.first, query.last), **to}, None
        elif query.kind == "models":
            threading.Thread(target=self._list_models, args=(to,), daemon=True).start()
        elif turn := self._feed.turn(query.turn):
            for each in turn.attachments[query.number : query.number + 1]:
                about = {"kind": "picture", "turn": query.turn, "number": query.number}
                raw = [b64decode(each.data)] if each.is_picture else []
                yield {**about, **to, "type": each.kind}, raw

    def _list_models(self, to: Json) -> None:
        """Tell a page the server's models: those that are known, else once they are."""
        problem = ""
        try:
            known = self._session.model_lists.known()
            if known is None or not known.is_fresh:
                known = self._session.model_lists.refresh()
        except ApertisError as error:
            known, problem = None, str(error)
        ids = known.ids if known else []
        self._to_say.append({"kind": "models", **to, "ids": ids, "problem": problem})
        self._news.set()

    @property
    def _is_unsaved(self) -> bool:
        """Whether the notebook holds another transcript than there is."""
        turns = self._session.current.turns
        return self._saved is not None and turns != self._saved_turns

    def _save(self) -> None:
        """Have the notebook hold the transcript as it is now, but not too often."""
        now = monotonic()
        if (
            self._saved is not None
            and self._is_unsaved
            and now - self._saved_at >= _SAVED_EVERY
        ):
            talk = self._session.current
            self._saved_at, self._saved_turns = now, talk.turns
            self._saved.update(saved(talk), raw=True)


def _free_of_the_shell(comm: Any) -> None:
    """Let messages come on the subshell that a front end sends them on.

    ipykernel 7.4 sends them to the shell that spoke last on the comm, which a running
    cell blocks. Where it has no such rule they come as they come.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001  it has no public way
