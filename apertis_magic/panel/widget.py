"""``ChatPanel``: takes what its pages ask, and has it done or shown."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import anywidget
from IPython.display import display

from apertis_magic.chat import names, session
from apertis_magic.credentials import redact
from apertis_magic.panel import page, requests
from apertis_magic.panel.actions import Actions, Outcome
from apertis_magic.panel.lookups import Lookups
from apertis_magic.panel.publisher import Publisher
from apertis_magic.panel.saved import SavedTranscript
from apertis_magic.panel.worker import Worker
from apertis_magic.render.style import COLOURS, RULES

if TYPE_CHECKING:
    from apertis_magic.chat.session import Session
    from apertis_magic.panel.requests import Request
    from apertis_magic.render.bundle import Bundle

_VIEW = "application/vnd.jupyter.widget-view+json"
_PLAIN = "The panel needs widgets and its kernel; above is its conversation."
_QUERIES = ("hello", "bye", "page", "picture", "question")
"""The messages that ask to be shown what is known."""

_TOO_MUCH = Outcome(
    "Nothing of this was done: too much waits already.",
    hint="Wait until some of it is done.",
    ok=False,
)
_LOGGED = 10
"""Messages that are dropped with a line in the log; more are dropped without."""

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

    _esm = page.joined()
    _css = f".ap{{{COLOURS}}}{RULES}}}{page.styles()}"

    _unwatch: Callable[[], None] | None = None

    def __init__(self, conversation: str | None = None) -> None:
        name = None if conversation is None else names.checked(conversation)
        super().__init__()
        self._session: Session = session.current()
        if name is not None:
            self._session.use(self._session.conversation(name).name)
        self._actions = Actions(self._session, self._post_progress)
        self._transcript = SavedTranscript(self._session)
        self._publisher = Publisher(
            self._session, self._actions.options, self._transcript, self.send
        )
        self._worker = Worker(self._act)
        # Apart: it waits for servers, and what people do waits for nothing.
        self._lookups = Worker(Lookups(self._session, self._publisher.post).do)
        self._dropped = 0
        _free_of_the_shell(self.comm)
        self.on_msg(self._receive)
        self._unwatch = self._session.watchers.add(self._publisher.wake)
        threading.Thread(
            target=self._publisher.run, name="apertis-panel", daemon=True
        ).start()

    def close(self) -> None:
        """Take the panel off every page; the conversation stays."""
        if self._unwatch is not None:  # else it never was whole
            self._unwatch()
            self._worker.close()
            self._lookups.close()
            self._publisher.close()
        super().close()

    def _ipython_display_(self, **_options: Any) -> None:
        """Show the panel, and above it what the notebook shows once it is saved."""
        self._transcript.show(_displayed)
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        # When a cell runs again, VS Code may forget the display of it that came last,
        # if that has an id. So this is it, which is never updated.
        display({_VIEW: view, "text/plain": _PLAIN}, raw=True, display_id=True)

    def _receive(
        self, _widget: object, content: object, buffers: Sequence[Any]
    ) -> None:
        """Hand over what a page asks; this may run on any thread and must not wait."""
        try:
            request = requests.read(content, buffers)
        except (ValueError, TypeError) as error:
            self._note_dropped(error)
            return
        if request.kind == "stop":
            self._stop(request.turn)
        elif request.kind in _QUERIES:
            self._publisher.answer(request)
        elif request.kind in Lookups.KINDS:
            self._lookups.add(request)
        elif self._worker.add(request):
            self._publisher.post({"kind": "taken", "token": request.token})
        else:
            self._publisher.post(_TOO_MUCH.message(request.token))

    def _note_dropped(self, error: Exception) -> None:
        self._dropped += 1
        if self._dropped <= _LOGGED:
            _log.warning("A message of the panel's page was dropped: %s", error)

    def _stop(self, turn: str) -> None:
        """Stop one answer, or the one that has been under way for longest."""
        under_way = self._session.current.under_way
        for each in [e for e in under_way if turn in ("", e.reply.id)][:1]:
            each.reply.stop()

    def _act(self, request: "Request") -> None:
        """Do what a page asks, and have it know what came of it."""
        try:
            outcome = self._actions.do(request)
        except Exception as error:  # noqa: BLE001  a mistake must not end the panel
            _log.exception("The panel could not do what its page asked.")
            text = redact(f"Something unforeseen happened: {error!r}")
            outcome = Outcome(text, ok=False)
        self._publisher.post(outcome.message(request.token))

    def _post_progress(self, text: str) -> None:
        self._publisher.post({"kind": "progress", "text": text})


def _displayed(shown: "Bundle") -> "Callable[[Bundle], None]":
    """Display a bundle, and return what updates it there."""
    handle = display(shown, raw=True, display_id=True)

    def update(bundle: "Bundle") -> None:
        handle.update(bundle, raw=True)

    return update


def _free_of_the_shell(comm: Any) -> None:
    """Let messages come on the subshell that a front end sends them on.

    ipykernel 7.4 sends them to the shell that spoke last on the comm, which a running
    cell blocks. Where it has no such rule they come as they come.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _data, default: default  # noqa: SLF001  it has no public way
