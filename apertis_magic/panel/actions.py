"""Does what a page asks of the Session, and says in a line what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

from apertis_magic import files
from apertis_magic.chat import names, trust
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.history import Placement
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.clean import excerpt
from apertis_magic.errors import ApertisError, ConfigurationError, HeldBack
from apertis_magic.panel import fields
from apertis_magic.panel.requests import ASKING, Request
from apertis_magic.panel.rows import Json

_SHORT = 40
"""Characters of a question that tell which one it was."""

_MOST_CONVERSATIONS = 200
"""Conversations after which a panel makes no more: each costs every page a little."""

_MOST_WAITING = 20
"""Questions that may wait for their answers in all conversations."""

_LONGEST_SETTING = 200_000
"""Characters of a system prompt or an option: every page is sent them each time."""

_MOST_EXPORTS = 100
"""Files of one name, but for the number behind it."""

_STARTING = "Starting the local model …"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request of a page.

    Attributes:
        text: what happened, in one line; empty where the page shows it anyway.
        hint: what to do about it.
        ok: whether it was done.
        undo: whether it can be undone.
        anyway: whether it was held back, and can be sent all the same.
    """

    text: str = ""
    hint: str = ""
    ok: bool = True
    undo: bool = False
    anyway: bool = False

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
        except HeldBack as error:
            # The page has a button for what the end of the hint is about.
            hint = error.hint.removesuffix(HeldBack.hint).rstrip()
            asks = request.kind in ASKING
            return Outcome(str(error), hint, ok=False, anyway=asks)
        except ApertisError as error:
            return Outcome(str(error), error.hint, ok=False)

    @property
    def _conversation(self) -> Conversation:
        return self._session.current

    def _ask(self, request: Request) -> Outcome:
        return self._send(request, Placement())

    def _edit(self, request: Request) -> Outcome:
        turn = next((t for t in self._conversation.turns if t.id == request.turn), None)
        if turn is None:
            raise ConfigurationError("That question is not there any more.")
        return self._send(request, Placement(replaces=turn.id), turn.attachments)

    def _send(
        self,
        request: Request,
        placement: Placement,
        kept: tuple[Attachment, ...] = (),
    ) -> Outcome:
        conversation = self._conversation
        attached = [Attachment.of(name, raw) for name, raw in request.files]
        question = Question(
            request.text.strip("\n"),
            (*kept, *attached),
            fields=self.options,
            anyway=request.anyway,
        )
        ask = Ask(question=question, placement=placement)
        ask.check()
        self._check_ready()
        # It may have been renamed meanwhile, or deleted.
        self._session.find(conversation.name)
        self._session.ask(ask, conversation.name)
        return Outcome(self._session.warning())

    def _retry(self, request: Request) -> Outcome:
        self._check_ready()
        conversation = self._conversation
        turn = conversation.transcript.find_turn(request.turn or None)
        self._session.ask(_anyway(Ask.again(turn), request), conversation.name)
        left = ", ".join(trust.left_out(turn.question))
        return Outcome(f"Asked without what its file sets: {left}." if left else "")

    def _resume(self, request: Request) -> Outcome:
        self._check_ready()
        conversation = self._conversation
        partial = conversation.transcript.find_partial(request.turn or None)
        self._session.ask(_anyway(Ask.rest_of(partial), request), conversation.name)
        return Outcome()

    def _delete(self, request: Request) -> Outcome:
        transcript = self._conversation.transcript
        entry, at = transcript.drop(request.turn)

        def undo() -> Outcome:
            transcript.put_back(entry, at)
            return Outcome("The turn is back.")

        return self._undoable(f"Deleted: {excerpt(entry.turn.prompt, _SHORT)}", undo)

    def _fork(self, request: Request) -> Outcome:
        self._check_room()
        forked = self._session.fork(through=request.turn or None)
        return Outcome(f"You are in {forked.name} now, a fork.")

    def _new(self, _request: Request) -> Outcome:
        self._check_room()
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
            self._check_room()
            back = self._session.adopt(gone.state)  # with what ended in it since
            return Outcome(f"{back.name} is back.")

        return self._undoable(f"Deleted the conversation {gone.name}.", undo)

    def _undoable(self, text: str, undo: Callable[[], Outcome]) -> Outcome:
        self._undo = undo
        return Outcome(text, undo=True)

    def _undo_last(self, _request: Request) -> Outcome:
        if self._undo is None:
            return Outcome("There is nothing to undo.", ok=False)
        outcome = self._undo()
        self._undo = None
        return outcome

    def _model(self, request: Request) -> Outcome:
        name = request.name.strip()
        self._check_no_key("model", name)
        self._conversation.model = name or None
        return Outcome()

    def _option(self, request: Request) -> Outcome:
        _check_length(request.name, request.text)
        value = fields.read(request.name, request.text)
        self.options.pop(request.name, None)
        if value is not None:
            self.options[request.name] = value
        return Outcome()

    def _system(self, request: Request) -> Outcome:
        _check_length("The system prompt", request.text)
        self._check_no_key("system prompt", request.text)
        self._conversation.system = request.text.strip() or None
        return Outcome()

    def _export(self, request: Request) -> Outcome:
        state = self._conversation.state
        found = islice(files.beside(state.name, request.name), _MOST_EXPORTS)
        file = next(filter(files.is_replaceable, found), None)
        if file is None:
            raise ConfigurationError(
                f"There are {_MOST_EXPORTS} files of that name already.",
                hint="Move some of them away, or rename the conversation.",
            )
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

    def _restore(self, _request: Request) -> Outcome:
        self._check_room()
        conversation, _ = self._session.restore()
        return Outcome(f"{conversation.name} is back.")

    def _check_no_key(self, what: str, text: str) -> None:
        """See that *text* holds no key: it would be sent with every question."""
        try:
            self._session.check_no_key(text)
        except HeldBack:
            raise ConfigurationError(
                f"The {what} was not changed, for it holds an API key, or what looks "
                "like one.",
                hint="Take it out, and revoke it if others may have seen it.",
            ) from None

    def _check_room(self) -> None:
        """See that there may be one more conversation."""
        if len(self._session.names) >= _MOST_CONVERSATIONS:
            raise ConfigurationError(
                f"There are {_MOST_CONVERSATIONS} conversations already.",
                hint="Delete some of them; the journal keeps their turns.",
            )

    def _check_ready(self) -> None:
        """See that one more question may be asked, and that its model runs."""
        session = self._session
        waiting = sum(len(session.find(each).under_way) for each in session.names)
        if waiting >= _MOST_WAITING:
            raise ConfigurationError(
                f"Nothing was sent: {waiting} questions wait for their answers.",
                hint="Wait for some of them, or stop them.",
            )
        self._check_local_model()

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
        "restore": _restore,
    }


def _check_length(what: str, text: str) -> None:
    if len(text) > _LONGEST_SETTING:
        raise ConfigurationError(
            f"{what} has {_LONGEST_SETTING:,} characters at the most."
        )


def _anyway(ask: Ask, request: Request) -> Ask:
    """Return an Ask that is sent anyway where the page says so."""
    if not request.anyway:
        return ask
    return replace(ask, question=replace(ask.question, anyway=True))
