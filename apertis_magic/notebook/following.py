"""Has the process's Session follow what the user prefers in a shell."""

from weakref import WeakKeyDictionary

from traitlets import Bunch

from apertis_magic.chat.ask import Limits
from apertis_magic.chat.session import Session, current
from apertis_magic.chat.settings import Preferences
from apertis_magic.errors import ApertisError
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.front_end import this_notebook
from apertis_magic.notebook.say import say

_FOLLOWED: "WeakKeyDictionary[Session, ApertisMagic]" = WeakKeyDictionary()
"""The shell's settings that a Session follows."""


def session_with(settings: ApertisMagic) -> Session:
    """Return the process's Session, which follows what the user prefers."""
    session = current()
    # The notebook's path, which no trait tells of, may have changed too.
    preferences = _preferences(settings)
    if session.preferences != preferences:
        session.preferences = preferences
    if _FOLLOWED.get(session) is not settings:
        settings.observe(_follow)
        _FOLLOWED[session] = settings
    return session


def _follow(change: Bunch) -> None:
    """Have the Session know that the user prefers something else."""
    session = current()
    settings = _FOLLOWED.get(session)
    if settings is not None and settings is change.owner:
        session.preferences = _preferences(settings)
        if change.name == "model" and change.new:
            _tell_of_doubts(session, change.new, former=change.old)


def _tell_of_doubts(session: Session, model: str, *, former: str | None) -> None:
    from apertis_magic.notebook.commands import model_choice

    try:
        known = session.model_lists.known()
    except ApertisError:  # which the next question will tell
        return
    if known and (doubt := model_choice.doubts(model, known.ids)):
        say(f"{doubt} %config ApertisMagic.model = {former!r} goes back.")


def _preferences(settings: ApertisMagic) -> Preferences:
    return Preferences(
        base_url=settings.base_url,
        model=settings.model,
        system=settings.system,
        fields=settings.fields,
        limits=Limits(timeout=settings.timeout, max_retries=settings.max_retries),
        max_context=settings.max_context_tokens,
        journal=settings.journal,
        journal_days=settings.journal_days,
        cache=settings.cache,
        cache_days=settings.cache_days,
        notebook=this_notebook(settings.parent),
    )
