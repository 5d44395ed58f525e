"""The process's Session: its conversations, the current one, settings and clients."""

import threading
from collections.abc import Mapping
from difflib import get_close_matches
from itertools import count
from time import time
from typing import Any

from apertis_magic import paths
from apertis_magic.api import params
from apertis_magic.api.client import AsyncApertis
from apertis_magic.chat import model_list
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.journal.journal import Journal, KeptConversation
from apertis_magic.chat.names import DEFAULT_CONVERSATION
from apertis_magic.chat.question import changed
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.settings import Preferences, Settings, address_of
from apertis_magic.chat.state import State
from apertis_magic.chat.watchers import Watchers
from apertis_magic.clean import holds_key, quoted
from apertis_magic.errors import ConfigurationError

SHORT_ID = 8
"""Characters of a conversation's id that name it in the journal."""

_DAY = 86_400.0
_PATIENCE = 5.0
"""Seconds that a command waits for the journal to have all that it was handed."""


class Session:
    """What the magics and the panel share: conversations, settings and connections."""

    def __init__(self) -> None:
        self.preferences = Preferences()
        self.model_lists = model_list.Memory()
        self.watchers = Watchers()
        """Are told whenever there are other conversations, or another current one, or
        requests go elsewhere, and of all that changes in a conversation."""
        self._conversations: dict[str, Conversation] = {}
        self._name = DEFAULT_CONVERSATION
        self._journal: Journal | None = None
        self._abandoned: list[str] = []  # ids of what was reset or deleted here
        self._followed: set[str] = set()  # ids of what goes on under another id
        self._restored: dict[str | None, str] = {}  # what was asked for, and is here
        self._override: Settings | None = None
        self._clients: dict[tuple[str, str | None], AsyncApertis] = {}
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """What holds for the next question; the environment is read anew each time.

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        return self._override or Settings.of(self.preferences)

    @property
    def base_url(self) -> str:
        """The address that is set, also while the local model answers.

        Raises:
            ConfigurationError: it cannot be one.
        """
        return address_of(self.preferences)

    @property
    def current(self) -> Conversation:
        """The conversation of the questions that name none."""
        return self.conversation(self._name)

    @property
    def journal(self) -> Journal | None:
        """What keeps the turns on disk, None where the user wants none."""
        wanted = self.preferences
        if not wanted.journal:
            return None
        with self._lock:
            if self._journal is None:
                file = paths.data_dir() / "journal.sqlite"
                self._journal = Journal(file, days=wanted.journal_days)
            self._journal.days = wanted.journal_days
            self._journal.notebook = wanted.notebook
            return self._journal

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the conversations, the current one's included."""
        return tuple({**self._conversations, self._name: None})

    def conversation(self, name: str) -> Conversation:
        """Return the conversation of that name, made on first use."""
        journal, is_new = self.journal, name not in self.names
        with self._lock:
            if name not in self._conversations:
                self._conversations[name] = Conversation(name=name)
            talk = self._conversations[name]
        talk.journal, talk.default_system = journal, self.preferences.system
        talk.abandoned, talk.watchers = self._abandoned, self.watchers
        if is_new:
            self.watchers.tell()
        return talk

    def find(self, name: str | None) -> Conversation:
        """Return the conversation of that name, None for the current one.

        Raises:
            ConfigurationError: there is none; it names those that are near.
        """
        if name is None or name in self.names:
            return self.conversation(name or self._name)
        near = get_close_matches(name, self.names, n=3, cutoff=0.5) or self.names[:5]
        raise ConfigurationError(
            f"There is no conversation {name!r}.",
            hint=f"There is {', '.join(near)}; %chat new {quoted(name)} makes one.",
        )

    def use(self, name: str) -> Conversation:
        """Make the conversation of that name the current one.

        Raises:
            ConfigurationError: there is none.
        """
        talk = self.find(name)
        self._name = name
        self.watchers.tell()
        return talk

    def new(self, name: str | None = None) -> Conversation:
        """Make a conversation that starts from the defaults, and use it.

        Args:
            name: its name; one that exists starts over, and what it was stays in the
                journal. None makes a name up.
        """
        name = name or self._free(DEFAULT_CONVERSATION)
        if name in self.names:
            self.conversation(name).reset()
        with self._lock:
            self._conversations[name] = Conversation(name=name)
        return self.use(name)

    def fork(
        self, name: str | None = None, *, through: str | None = None
    ) -> Conversation:
        """Make a conversation that shares the current one's turns, and use it.

        Args:
            name: its name; one that exists starts over, and what it was stays in the
                journal; the current one stays as it is. None makes a name up.
            through: the id of the last turn that is shared; None for all.

        Raises:
            ConfigurationError: there is no such turn, or the current conversation,
                which has more turns, is of that name.
        """
        name = name or self._free(self._name)
        if name == self._name:
            if through is not None:
                self._check_free(name)
            return self.current
        forked = self.current.fork(name, through=through)
        if name in self.names:
            self.conversation(name).reset()
        with self._lock:
            self._conversations[name] = forked
        return self.use(name)

    def rename(self, name: str) -> Conversation:
        """Call the current conversation *name* from now on.

        Raises:
            ConfigurationError: there is another one of that name.
        """
        talk = self.current
        if name == talk.name:
            return talk
        self._check_free(name)
        with self._lock:
            self._conversations = {
                name if each is talk else known: each
                for known, each in self._conversations.items()
            }
            self._name = name
        talk.rename(name)
        return talk

    def delete(self, name: str) -> Conversation:
        """Forget the conversation of that name, which stays in the journal.

        Raises:
            ConfigurationError: there is none.
        """
        talk = self.find(name)
        with self._lock:
            del self._conversations[name]
            if name == self._name:
                self._name = next(iter(self._conversations), DEFAULT_CONVERSATION)
        if talk.journal is not None and talk.turns:
            talk.keep()
            talk.journal.drop(talk.state.id)
            self._abandoned.append(talk.state.id)
        self.watchers.tell()
        return talk

    def adopt(self, state: State) -> Conversation:
        """Go on with a conversation that was kept elsewhere; it is the current one.

        The state of one that was deleted brings it back, also without a journal.

        If there is one of its name, the turns of that one come after, as though they
        had been asked then; those of the same cells take their places.
        """
        former = self.conversation(state.name).take_up(state)
        if former is not None:
            self._follow(former)
        if state.id in self._abandoned:
            self._follow(state.id)
        return self.use(state.name)

    def restore(
        self, name: str | None = None
    ) -> tuple[Conversation, KeptConversation | None]:
        """Bring a conversation back from the journal: this notebook's, else any.

        Args:
            name: its name, or the beginning of its id; None for the one that was
                used last.

        Returns:
            The conversation, which is the current one from now on, and what the
            journal said of it; None where it is here, and the journal has no other.

        Raises:
            ConfigurationError: the journal is off, or holds none of that name.
            ApertisError: the journal cannot be read.
        """
        journal = self.journal
        if journal is None:
            raise ConfigurationError(
                "The journal is off, so there is nothing to restore.",
                hint="%config ApertisMagic.journal = True turns it on.",
            )
        chosen = self.to_restore(name)
        here = self._restored.get(name, name)
        if chosen is None and here in self.names:
            return self.use(str(here)), None
        if chosen is None:
            names = dict.fromkeys(each.name for each in self.restorable)
            near = get_close_matches(name or "", names, n=3, cutoff=0.5)
            raise ConfigurationError(
                f"The journal holds no other conversation {name!r}."
                if name
                else "The journal holds no other conversation.",
                hint=f"It holds {', '.join(near or list(names)[:3])}." if names else "",
            )
        talk = self.adopt(journal.read(chosen.id))
        self._follow(chosen.id, in_file=chosen.notebook == self.preferences.notebook)
        self._restored[name] = talk.name
        if name is None:
            self._restored[talk.name] = talk.name
        return talk, chosen

    def to_restore(self, name: str | None) -> KeptConversation | None:
        """Return what ``restore`` brings back, None where there is nothing more.

        A cell that restores and runs again brings nothing else, which would come among
        the turns: once restored, what was reset or deleted since is all there is. Nor
        does one that names none bring another notebook's turns among those of this.

        Raises:
            ApertisError: the journal cannot be read.
        """
        fitting = [
            each
            for each in self._kept
            if name == each.id[:SHORT_ID]
            or (name in (None, each.name) and not each.superseded)
        ]
        is_begun = any(talk.turns for talk in tuple(self._conversations.values()))
        if name in self._restored:
            fitting = [each for each in fitting if each.id in self._abandoned]
        elif name is None and is_begun:
            here = self.preferences.notebook
            fitting = [
                e for e in fitting if e.id in self._abandoned or e.notebook == here
            ]
        return fitting[0] if fitting else None

    def _follow(self, conversation: str, *, in_file: bool = True) -> None:
        """Note that a conversation goes on under another id.

        Another notebook's goes on there as well, so that the file need not know.
        """
        self._followed.add(conversation)
        if in_file and self.journal is not None:
            self.journal.drop(conversation, superseded=True)

    @property
    def restorable(self) -> list[KeptConversation]:
        """What the journal holds that is not here, the likeliest to be wanted first.

        That is what was left last in this process, then this notebook's latest.

        Raises:
            ApertisError: the journal cannot be read.
        """
        return [each for each in self._kept if not each.superseded]

    @property
    def _kept(self) -> list[KeptConversation]:
        """The same, with what goes on in another conversation of the journal."""
        journal, notebook = self.journal, self.preferences.notebook
        if journal is None:
            return []
        with self._lock:
            here = {talk.state.id for talk in self._conversations.values()}
        journal.flush(_PATIENCE)
        left = {each: -number for number, each in enumerate(self._abandoned, 1)}

        def rank(kept: KeptConversation) -> tuple[int, bool, bool]:
            return left.get(kept.id, 0), kept.notebook != notebook, kept.dropped

        return sorted(journal.conversations(without=here | self._followed), key=rank)

    def _free(self, name: str) -> str:
        numbers = (f"{name}-{number}" for number in count(2))
        return next(each for each in numbers if each not in self.names)

    def _check_free(self, name: str) -> None:
        if name in self.names:
            word = quoted(name)
            raise ConfigurationError(
                f"There is a conversation {name!r} already.",
                hint=f"%chat use {word} goes there; %chat delete {word} makes room.",
            )

    def redirect(self, settings: Settings | None) -> None:
        """Send every request by *settings* from now on; None goes back to before."""
        self._override = settings
        self.watchers.tell()

    def check_no_key(self, *texts: str | None) -> None:
        """See that none of *texts* holds a key, neither the one in use nor another.

        Raises:
            ConfigurationError: one does; the key is not repeated.
        """
        try:
            known = self.settings.api_key
        except ConfigurationError:
            known = None  # nothing can be sent, which the question will tell
        if any(holds_key(text, known) for text in texts if text):
            raise ConfigurationError(
                "Nothing was sent, for the message, its options or the system prompt "
                "holds an API key.",
                hint="Take it out, and revoke it if others may have seen it; %chat key "
                "stores a key.",
            )

    def ask(
        self,
        prompt: str,
        *,
        conversation: str | None = None,
        model: str | None = None,
        cache: bool | None = None,
        **request: Any,
    ) -> Reply:
        """Ask in a conversation.

        Args:
            prompt: the user's message.
            conversation: its name; None for the current one.
            model: the model for this question alone.
            cache: whether the journal may answer; None for what the user prefers.
            **request: what else ``Conversation.ask`` takes.

        Raises:
            ConfigurationError: something is missing or out of range, or a text holds an
                API key; nothing was sent.
        """
        settings = self.settings
        talk = self.conversation(conversation or self._name)
        request = {**self.preferences.request, **request}
        system = talk.system_of(request.get("system"))
        attached = [e.data for e in request.get("attachments", ()) if not e.is_picture]
        self.check_no_key(prompt, system, _as_text(request), *attached)
        chosen = model or talk.model or settings.model
        chosen = settings.model if settings.fixed_model else chosen
        return talk.ask(
            prompt,
            model=chosen,
            client=self.client(settings),
            max_context=self._max_context(chosen),
            cached_since=self._cached_since(
                wanted=self.preferences.cache if cache is None else cache
            ),
            **request,
        )

    def retry(
        self,
        conversation: str | None = None,
        *,
        turn: str | None = None,
        model: str | None = None,
        **request: Any,
    ) -> Reply:
        """Ask a conversation's question again; see ``Conversation.retry``.

        Args:
            conversation: its name; None for the current one.
            turn: the id of the question's turn; None for the last that was asked.
            model: the model to ask; None for the same as before.
            **request: what is to be other than it was.

        Raises:
            ConfigurationError: nothing was asked yet, there is no such turn, or a text
                holds an API key; nothing was sent.
        """
        settings, talk = self.settings, self.find(conversation)
        client, last = self.client(settings), talk.find_turn(turn)
        options = changed(last.options, request)
        self.check_no_key(last.prompt, talk.system_of(), _as_text(options))
        # Another address may not know the model that was asked.
        is_there = last.base_url == client.base_url
        other = None if is_there else talk.model or settings.model
        chosen = settings.model if settings.fixed_model else model or other
        return talk.retry(
            turn,
            model=chosen,
            client=client,
            max_context=self._max_context(chosen or last.asked_model),
            **{**self._limits, **request},
        )

    def resume(
        self,
        conversation: str | None = None,
        *,
        turn: str | None = None,
        stream: bool = True,
    ) -> Reply:
        """Go on with a conversation's answer that was cut off.

        Args:
            conversation: its name; None for the current one.
            turn: the id of the answer's turn; None for the newest.
            stream: let the rest come in pieces.

        Raises:
            ConfigurationError: there is no such answer; nothing was sent.
        """
        settings = self.settings
        talk = self.find(conversation)
        # Another address may not know the model that began.
        client = self.client(settings)
        partial = talk.partial(turn)
        model = settings.model if settings.fixed_model else talk.model or settings.model
        if partial.base_url == client.base_url:
            model = partial.asked_model
        return talk.resume(
            turn,
            model=model,
            client=client,
            max_context=self._max_context(model),
            stream=stream,
            **self._limits,
        )

    def end_execution(self, execution: str) -> None:
        """Tell the conversations that an execution of a cell has ended."""
        with self._lock:
            talks = tuple(self._conversations.values())
        for talk in talks:
            talk.end_execution(execution)

    def client(self, settings: Settings) -> AsyncApertis:
        """Return the one client for *settings*, so that all requests share connections.

        Raises:
            ConfigurationError: the address or the key cannot be right.
        """
        target = settings.base_url, settings.api_key
        with self._lock:
            if target not in self._clients:
                self._clients[target] = AsyncApertis(
                    settings.api_key, settings.base_url
                )
            return self._clients[target]

    @property
    def _limits(self) -> dict[str, Any]:
        """What the user prefers of how a request is sent, which no turn keeps."""
        given = self.preferences.request
        return {n: given[n] for n in ("timeout", "max_retries") if n in given}

    def _max_context(self, model: str) -> int | None:
        given = self.preferences.max_context
        if given is not None:
            return given
        return model_list.context_length(model_list.known(self), model)

    def _cached_since(self, *, wanted: bool) -> float | None:
        if not wanted:
            return None
        if not self.preferences.journal:
            raise ConfigurationError(
                "Answers are cached in the journal, which is off.",
                hint="%config ApertisMagic.journal = True turns it on.",
            )
        return time() - self.preferences.cache_days * _DAY


def _as_text(request: Mapping[str, Any]) -> str:
    """Return the fields of a request as a text; a header may well hold a key."""
    names = (*params.PARAMS, "extra_body")
    sent = {name: request[name] for name in names if name in request}
    try:
        return repr(sent)
    except Exception:  # noqa: BLE001  no JSON, which the client tells
        return ""


_current: Session | None = None
_lock = threading.Lock()


def current() -> Session:
    """Return this process's Session, made on first use."""
    global _current  # noqa: PLW0603  one Session per process is the point
    with _lock:
        if _current is None:
            _current = Session()
        return _current


def forget() -> None:
    """Forget this process's Session; the next use makes another.

    For tests and for programs that start over. Its journal is written and closed.
    """
    global _current
    with _lock:
        session, _current = _current, None
    journal = session._journal if session else None  # noqa: SLF001  this module's own
    if journal is not None:
        journal.close()
