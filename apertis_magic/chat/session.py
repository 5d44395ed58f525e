"""The process's Session: its conversations, the current one, settings and clients."""

import threading
from difflib import get_close_matches

from apertis_magic import paths
from apertis_magic.api import address, defaults
from apertis_magic.chat import names
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.clients import Clients
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.holding import check_no_key
from apertis_magic.chat.journal.journal import Journal, KeptConversation
from apertis_magic.chat.model_lists import ModelLists
from apertis_magic.chat.names import DEFAULT_CONVERSATION
from apertis_magic.chat.preparing import prepare
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.restoring import Desk, Restoring
from apertis_magic.chat.settings import Preferences, Settings, address_of
from apertis_magic.chat.state import State
from apertis_magic.chat.watchers import Watchers
from apertis_magic.clean import quoted
from apertis_magic.errors import ConfigurationError

_AT_EXIT = 2.0
"""Seconds that an answer may take to end once it was stopped."""


class Session:
    """What the magics and the panel share: conversations, settings and connections.

    Attributes:
        watchers: are told whenever there are other conversations, or another current
            one, or requests go elsewhere, and of all that changes in a conversation.
        clients: who sends the requests.
        model_lists: which models the servers have.
    """

    def __init__(self) -> None:
        self.watchers = Watchers()
        self.clients = Clients()
        self.model_lists = ModelLists(lambda: self.settings, self.clients.of)
        self._preferences = Preferences()
        self._journal: Journal | None = None
        self._restoring = Restoring()
        self._override: Settings | None = None
        self._told: set[str] = set()  # addresses that the user was warned of
        self._lock = threading.RLock()  # one for the conversations and their names
        self._name = DEFAULT_CONVERSATION
        self._conversations: dict[str, Conversation] = {}
        self.preferences = self._preferences
        # What it begins with, until another one is chosen.
        self._unused: Conversation | None = self._add(DEFAULT_CONVERSATION)

    @property
    def preferences(self) -> Preferences:
        """What the user has set for every question that does not say otherwise."""
        return self._preferences

    @preferences.setter
    def preferences(self, preferences: Preferences) -> None:
        with self._lock:
            if preferences.journal and self._journal is None:
                self._journal = Journal(paths.data_dir() / "journal.sqlite")
                self._journal.before_exit = self._stop_all
            if self._journal is not None:
                self._journal.days = preferences.journal_days
                self._journal.notebook = preferences.notebook
            for conversation in self._conversations.values():
                self._equip(conversation, preferences)
            # Last, so that what an interrupt leaves half done is done again.
            self._preferences = preferences
        self.watchers.tell()

    @property
    def settings(self) -> Settings:
        """What holds for the next question; the environment is read anew each time.

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        return self._override or self.api_settings

    @property
    def api_settings(self) -> Settings:
        """What holds for the API, also while the local model answers.

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        return Settings.of(self.preferences)

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
        with self._lock:
            return self._conversations[self._name]

    @property
    def journal(self) -> Journal | None:
        """What keeps the turns on disk, None where the user wants none."""
        return self._journal if self.preferences.journal else None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the conversations, the current one's included."""
        return tuple(self._conversations)

    def conversation(self, name: str) -> Conversation:
        """Return the conversation of that name, made on first use."""
        with self._lock:
            return self._conversations.get(name) or self._add(name)

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
        with self._lock:  # nobody deletes it meanwhile
            conversation = self.find(name)
            self._name, self._unused = name, None
        self.watchers.tell()
        return conversation

    def new(self, name: str | None = None) -> Conversation:
        """Make a conversation that starts from the defaults, and use it.

        Args:
            name: its name; one that exists starts over, and its turns stay in the
                journal. None makes a name up.
        """
        name = name or names.free(DEFAULT_CONVERSATION, self.names)
        if name in self.names:
            self.conversation(name).reset()
        self._add(name)
        return self.use(name)

    def fork(
        self, name: str | None = None, *, through: str | None = None
    ) -> Conversation:
        """Make a conversation that shares the current one's turns, and use it.

        Args:
            name: its name; one that exists starts over, and its turns stay in the
                journal; the current one stays as it is. None makes a name up.
            through: the id of the last turn that is shared; None for all.

        Raises:
            ConfigurationError: there is no such turn, or the current conversation,
                which has more turns, is of that name.
        """
        name = name or names.free(self._name, self.names)
        if name == self._name:
            if through is not None:
                names.check_free(name, self.names)
            return self.current
        forked = self.current.fork(name, through=through)
        if name in self.names:
            self.conversation(name).reset()
        self._add(name, forked)
        return self.use(name)

    def rename(self, name: str) -> Conversation:
        """Call the current conversation *name* from now on.

        Raises:
            ConfigurationError: there is another one of that name.
        """
        with self._lock:
            conversation = self.current
            if name == conversation.name:
                return conversation
            names.check_free(name, self.names)
            renamed = {
                name if each is conversation else known: each
                for known, each in self._conversations.items()
            }
            self._conversations, self._name = renamed, name  # no interrupt between
        conversation.transcript.rename(name)
        return conversation

    def delete(self, name: str) -> Conversation:
        """Forget the conversation of that name, which stays in the journal.

        Raises:
            ConfigurationError: there is none.
        """
        with self._lock:
            conversation = self.find(name)
            if len(self.names) == 1:
                self._add(DEFAULT_CONVERSATION)
            others = {
                known: each
                for known, each in self._conversations.items()
                if each is not conversation
            }
            if name == self._name:
                self._name = next(iter(others))
            self._conversations = others
        if conversation.journal is not None and conversation.turns:
            conversation.transcript.keep()
            conversation.journal.drop(conversation.state.id)
            self._restoring.abandon(conversation.state.id)
        self.watchers.tell()
        return conversation

    def adopt(self, state: State) -> Conversation:
        """Go on with a conversation that was kept elsewhere; it is the current one.

        The state of one that was deleted brings it back, also without a journal.

        If there is one of its name, the turns of that one come after, as though they
        had been asked then; those of the same cells take their places.
        """
        unused = self._unused
        former = self.conversation(state.name).transcript.take_up(state)
        if former is not None:
            self._restoring.supersede(former, self.journal)
        if self._restoring.is_abandoned(state.id):
            self._restoring.supersede(state.id, self.journal)
        conversation = self.use(state.name)
        if unused is not None and unused is not conversation:
            self._drop_unused(unused)
        return conversation

    def restore(
        self, name: str | None = None
    ) -> tuple[Conversation, KeptConversation | None]:
        """Bring a conversation back from the journal.

        Args:
            name: its name, or the beginning of its id; None for the one that this
                notebook used last.

        Returns:
            The conversation, which is the current one from now on, and what the
            journal said of it; None where it is open, and the journal has no other.

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
        kept = self.to_restore(name)
        restored = self._restoring.restored_as(name)
        if kept is None and restored in self.names:
            return self.use(str(restored)), None
        if kept is None:
            raise self._restoring.nothing_kept(name, self._desk)
        conversation = self.adopt(journal.read(kept.id))
        is_own = kept.notebook == self.preferences.notebook
        self._restoring.supersede(kept.id, journal, in_file=is_own)
        self._restoring.note_restored(name, conversation.name)
        return conversation, kept

    def to_restore(self, name: str | None) -> KeptConversation | None:
        """Return what ``restore`` brings back, None where there is nothing more.

        Raises:
            ApertisError: the journal cannot be read.
        """
        return self._restoring.to_restore(name, self._desk)

    @property
    def restorable(self) -> list[KeptConversation]:
        """What the journal holds that is not open, the likeliest wanted first.

        Raises:
            ApertisError: the journal cannot be read.
        """
        return self._restoring.restorable(self._desk)

    def redirect(self, settings: Settings | None) -> None:
        """Send every request by *settings* from now on; None goes back to before."""
        self._override = settings
        self.watchers.tell()

    def check_no_key(self, *texts: str | None) -> None:
        """See that none of *texts* holds a key, neither the one in use nor another.

        Raises:
            HeldBack: one does; the key is not repeated.
        """
        try:
            key = self.settings.api_key
        except ConfigurationError:
            key = None  # nothing can be sent, which the question will tell
        check_no_key(key, *texts)

    def warning(self) -> str:
        """Return once, for each address, what the user should know of it; else "".

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        base_url = self.settings.base_url
        if base_url in self._told or not address.is_open(base_url):
            return ""
        self._told.add(base_url)
        return (
            f"{base_url} is not encrypted: whoever is on the way there can read the "
            "messages and the key. Use its https:// address, if it has one."
        )

    def ask(self, ask: Ask, conversation: str | None = None) -> Reply:
        """Ask in a conversation, and return at once with the answer in flight.

        Args:
            ask: what is asked; what it leaves open is what the user prefers.
            conversation: its name; None for the current one.

        Raises:
            HeldBack: it holds a key, or is too large, and is not to be sent anyway.
            ConfigurationError: something is missing or out of range; nothing was sent.
        """
        target = self.conversation(conversation or self._name)
        prepared = prepare(
            ask,
            target,
            settings=self.settings,
            preferences=self.preferences,
            client=self.clients.of,
            models=self.model_lists.known(),
        )
        return target.start(prepared)

    def close(self) -> None:
        """Stop the answers under way, and write and close the journal."""
        self._stop_all()
        if self._journal is not None:
            self._journal.close()

    def _stop_all(self) -> None:
        """Stop the answers under way: the end of a process is no cut connection."""
        conversations = tuple(self._conversations.values())
        replies = [each.reply for chat in conversations for each in chat.under_way]
        for reply in replies:
            reply.stop()
        for reply in replies:
            reply.wait(_AT_EXIT)

    def end_execution(self, execution: str) -> None:
        """Tell the conversations that an execution of a cell has ended."""
        for conversation in tuple(self._conversations.values()):
            conversation.transcript.end_execution(execution)

    @property
    def _desk(self) -> Desk:
        conversations = tuple(self._conversations.values())
        return Desk(
            journal=self.journal,
            open_ids={each.state.id for each in conversations},
            notebook=self.preferences.notebook,
        )

    def _add(self, name: str, conversation: Conversation | None = None) -> Conversation:
        """Have *conversation* under that name, or a new one."""
        added = conversation or Conversation(name=name)
        with self._lock:
            self._equip(added, self._preferences)
            self._conversations[name] = added
        self.watchers.tell()
        return added

    def _drop_unused(self, conversation: Conversation) -> None:
        """Forget the conversation that the Session began with, if nothing is in it."""
        state = conversation.state
        if not (state.history or conversation.under_way or state.model or state.system):
            with self._lock:
                self._conversations.pop(state.name, None)

    def _equip(self, conversation: Conversation, preferences: Preferences) -> None:
        """Give a conversation what it shares with the others."""
        transcript = conversation.transcript
        transcript.journal = self._journal if preferences.journal else None
        transcript.default_system = preferences.system
        transcript.watchers = self.watchers
        transcript.on_abandon = self._restoring.abandon


_current: Session | None = None
_lock = threading.Lock()


def current() -> Session:
    """Return this process's Session, made on first use."""
    global _current  # noqa: PLW0603  one Session per process is the point
    with _lock:
        if _current is None:
            _current = Session()
            if not defaults.in_notebook():
                defaults.follow(current)
        return _current


def forget() -> None:
    """Forget this process's Session; the next use makes another.

    For tests and for programs that start over. Answers under way are stopped, and the
    journal is written and closed.
    """
    global _current
    with _lock:
        session, _current = _current, None
        defaults.leave(current)
    if session is not None:
        session.close()
