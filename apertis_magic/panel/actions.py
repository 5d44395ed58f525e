"""Does what a page asks of the Session, and says in a line what came of it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from apertis_magic import files
from apertis_magic.chat import names
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.history import Placement
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.clean import excerpt, mend
from apertis_magic.errors import ApertisError, ConfigurationError
from apertis_magic.panel import fields
from apertis_magic.panel.requests import Request
from apertis_magic.panel.rows import Json

_SHORT = 40
"""Characters of a question that tell which one it was."""

_STARTING = "Starting the local model …"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request of a page.

    Attributes:
        text: what happened, in one line; empty where the page shows it anyway.
        hint: what to do about it.
        ok: whether it was done.
        undo: whether it can be undone.
    """

    text: str = ""
    hint: str = ""
    ok: bool = True
    undo: bool = False

    def message(self, token: str) -> Json:
        """Return the message that has a page know of it.

        Args:
            token: that of the page's message.
        """
        return {"kind": "outcome", "token": token, **asdict(self)}


Progress: TypeAlias = Callable[[str], None]


class Actions:
    """What one panel does; called by one thread.

    Args:
        session: whose conversations the panel shows.
        progress: called with how far something is that takes long.

    Attributes:
        options: the fields of the request that the panel's questions set.
    """

    def __init__(self, session: Session, progress: Progress) -> None:
        self.options: dict[str, Any] = {}
        self._session = session
        self._progress = progress
        self._undo: Callable[[], Outcome] | None = None

    def do(self, request: Request) -> Outcome:
        """Do what a request asks."""
        try:
            return self._KINDS[request.kind](self, request)
        except ApertisError as error:
            return Outcome(str(error), error.hint, ok=False)

    @property
    def _conversation(self) -> Conversation:
        return self._session.current

    def _ask(self, request: Request) -> Outcome:
        self._send(request, Placement())
        return Outcome()

    def _edit(self, request: Request) -> Outcome:
        turn = next((t for t in self._conversation.turns if t.id == request.turn), None)
        if turn is None:
            raise ConfigurationError("That question is not there any more.")
        self._send(request, Placement(replaces=turn.id), turn.attachments)
        return Outcome()

    def _send(
        self,
        request: Request,
        placement: Placement,
        kept: tuple[Attachment, ...] = (),
    ) -> None:
        conversation = self._conversation
        attached = [Attachment.of(name, raw) for name, raw in request.files]
        question = Question(
            mend(request.text).strip("\n"), (*kept, *attached), fields=self.options
        )
        ask = Ask(question=question, placement=placement)
        ask.check()
        self._check_local_model()
        # It may have been renamed meanwhile, or deleted.
        self._session.find(conversation.name)
        self._session.ask(ask, conversation.name)

    def _retry(self, request: Request) -> Outcome:
        self._check_local_model()
        conversation = self._conversation
        turn = conversation.transcript.find_turn(request.turn or None)
        self._session.ask(Ask.again(turn), conversation.name)
        return Outcome()

    def _resume(self, request: Request) -> Outcome:
        self._check_local_model()
        conversation = self._conversation
        partial = conversation.transcript.find_partial(request.turn or None)
        self._session.ask(Ask.rest_of(partial), conversation.name)
        return Outcome()

    def _delete(self, request: Request) -> Outcome:
        transcript = self._conversation.transcript
        entry, at = transcript.drop(request.turn)

        def undo() -> Outcome:
            transcript.put_back(entry, at)
            return Outcome("The turn is back.")

        return self._undoable(f"Deleted: {excerpt(entry.turn.prompt, _SHORT)}", undo)

    def _fork(self, request: Request) -> Outcome:
        forked = self._session.fork(through=request.turn or None)
        return Outcome(f"You are in {forked.name} now, a fork.")

    def _new(self, _request: Request) -> Outcome:
        return Outcome(f"{self._session.new().name} starts from the defaults.")

    def _use(self, request: Request) -> Outcome:
        self._session.use(request.name)
        return Outcome()

    def _rename(self, request: Request) -> Outcome:
        self._session.rename(names.checked(request.name))
        return Outcome()

    def _remove(self, request: Request) -> Outcome:
        gone = self._session.delete(request.name)

        def undo() -> Outcome:
            back = self._session.adopt(gone.state)  # with what ended in it since
            return Outcome(f"{back.name} is back.")

        return self._undoable(f"Deleted the conversation {gone.name}.", undo)

    def _undoable(self, text: str, undo: Callable[[], Outcome]) -> Outcome:
        self._undo = undo
        return Outcome(text, undo=True)

    def _undo_last(self, _request: Request) -> Outcome:
        undo, self._undo = self._undo, None
        return undo() if undo else Outcome("There is nothing to undo.", ok=False)

    def _model(self, request: Request) -> Outcome:
        name = request.name.strip()
        self._session.check_no_key(name)
        self._conversation.model = mend(name) or None
        return Outcome()

    def _option(self, request: Request) -> Outcome:
        value = fields.read(request.name, mend(request.text))
        self.options.pop(request.name, None)
        if value is not None:
            self.options[request.name] = value
        return Outcome()

    def _system(self, request: Request) -> Outcome:
        self._session.check_no_key(request.text)
        self._conversation.system = mend(request.text).strip() or None
        return Outcome()

    def _export(self, request: Request) -> Outcome:
        state = self._conversation.state
        file = next(filter(files.is_replaceable, _names(state.name, request.name)))
        files.export(state, file)
        return Outcome(f"Written to {file}.")

    def _local(self, _request: Request) -> Outcome:
        from apertis_magic import local

        def tell(step: local.Step) -> None:
            self._progress(_STARTING if isinstance(step, Path) else str(step))

        self._progress(_STARTING)
        endpoint = local.ready(tell)
        self._session.redirect(
            Settings.of_endpoint(endpoint, context_length=local.CONTEXT_LENGTH)
        )
        return Outcome(f"{endpoint.model} answers from now on, here on this machine.")

    def _check_local_model(self) -> None:
        """See that the local model still runs, if it is the one to answer."""
        from apertis_magic import local

        if self._session.settings.fixed_model and not local.current().alive:
            self._local(Request(kind="local"))

    _KINDS: Mapping[str, "Callable[[Actions, Request], Outcome]"] = {
        "ask": _ask,
        "edit": _edit,
        "retry": _retry,
        "continue": _resume,
        "delete": _delete,
        "fork": _fork,
        "undo": _undo_last,
        "new": _new,
        "use": _use,
        "rename": _rename,
        "remove": _remove,
        "model": _model,
        "option": _option,
        "system": _system,
        "export": _export,
        "local": _local,
    }


def _names(name: str, ending: str) -> Iterator[Path]:
    """Give the files that a conversation may go to, the first choice first."""
    stem = re.sub(r"[^\w-]+", "-", name).strip("-")[:_SHORT] or "conversation"
    yield Path(f"{stem}.{ending}")
    yield from (Path(f"{stem}-{number}.{ending}") for number in count(2))
