"""``%chat models``, ``%chat model``, and what to say of a model that is not there."""

from collections.abc import Iterable, Sequence

from IPython.core.error import UsageError

from apertis_magic.api import environment
from apertis_magic.api.address import is_apertis
from apertis_magic.chat.conversation import Conversation
from apertis_magic.chat.model_lists import ListedModel, Listing, near
from apertis_magic.chat.session import Session
from apertis_magic.clean import quoted
from apertis_magic.credentials import redact
from apertis_magic.errors import ApertisError, Interrupted
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.offers import NO_MODEL
from apertis_magic.notebook.say import publish, say
from apertis_magic.render import table

_WEB = ":web"  # any model's id with web search; no list has those
_HEADS = ("model", "context", "$ in", "$ out")
_PRICES = "Prices are for a million tokens."
_MOST = 3
"""Models that are offered where none is close."""

_HINT_PATIENCE = 5.0
"""Seconds that a better hint may take."""


def show(line: CommandLine) -> None:
    """Show the models whose id holds every one of the words.

    Raises:
        ApertisError: the list cannot be had; the message says why in one line.
        Interrupted: the user stopped it.
    """
    parts = [word.lower() for word in line.words]
    try:
        listing = _listing(line.session, anew="--refresh" in line.flags)
    except KeyboardInterrupt:
        raise Interrupted("the models were not listed.") from None
    fitting = [m for m in listing.models if all(p in m.id.lower() for p in parts)]
    if fitting:
        publish(_table(fitting))
    elif listing.models:
        asked = redact(" ".join(parts))
        say(f"No model's id holds {asked!r}.{_near(parts, listing.ids)}")
    else:
        say("The server lists no models.")


def choose(line: CommandLine) -> None:
    """Set the conversation's model, if one is given, and say which one answers now.

    Raises:
        UsageError: that cannot be a model's id.
        ConfigurationError: the environment's address or key cannot be one.
    """
    session, former = line.session, line.session.current.model
    if line.word is not None:
        _set(session.current, line.word)
    settings, chosen = session.settings, session.current.model
    if settings.fixed_model:
        ignored = f"; {chosen} is ignored" if chosen else ""
        say(f"{settings.model} answers until %chat local stop{ignored}.")
        return
    say(f"{chosen or settings.model}, {_origin(session)}.")
    doubt = doubts(line.word, session.model_lists.ids()) if line.word else ""
    if doubt:
        back = NO_MODEL if former in (None, line.word) else quoted(str(former))
        say(f"{doubt} %chat model {back} goes back.")


def hint(session: Session, model: str) -> str:
    """Return what to do about a model that the server does not know.

    The server is asked for its list; where that fails there is nothing to add.
    """
    try:
        listing = session.model_lists.refresh(patience=_HINT_PATIENCE)
    except (ApertisError, KeyboardInterrupt):
        return ""
    if model in listing.ids:
        return ""
    close = _near([model], listing.ids)
    return f"Check the model's id.{close} %chat models lists them all."


def offers(model: str, known: Sequence[str]) -> str:
    """Return which models of a list could be meant, and how one is chosen.

    Args:
        model: the id that is not in the list.
        known: the ids that are, the server's first ones first.
    """
    close = near(model, known)
    which = "close to it" if close else "the server has"
    shown = ", ".join(close or known[:_MOST])
    more = "" if close or len(known) <= _MOST else f" and {len(known) - _MOST} more"
    chosen = quoted((close or known)[0])
    return f"{which}: {shown}{more}; %chat model {chosen} chooses one"


def _listing(session: Session, *, anew: bool) -> Listing:
    known = session.model_lists.known()
    is_whole = known and (known.priced or not is_apertis(session.settings.base_url))
    if known and known.is_fresh and is_whole and not anew:
        return known
    return session.model_lists.refresh(priced=True)


def _origin(session: Session) -> str:
    """Return where the model that answers in the current conversation is set."""
    if session.current.model:
        return f"set for the conversation {session.current.name!r}"
    if session.preferences.model:
        return "set by %config"
    is_set = bool(environment.variable("APERTIS_MODEL"))
    return "from APERTIS_MODEL" if is_set else "the default"


def _set(conversation: Conversation, model: str) -> None:
    if not model.strip() or redact(model) != model:
        raise UsageError(
            "%chat model needs a model's id, or the word default; no key belongs here."
        )
    conversation.model = None if model == NO_MODEL else model


def doubts(model: str, known: Sequence[str]) -> str:
    """Return a sentence where the list that is known lacks the id, else nothing.

    The list may be incomplete, so that the model is set all the same.
    """
    if model == NO_MODEL or not known or model.removesuffix(_WEB) in known:
        return ""
    return f"The server's list has no such model.{_near([model], known)}"


def _near(words: list[str], known: Sequence[str]) -> str:
    close = near("-".join(words), known)
    return f" Close to it: {', '.join(close)}." if close else ""


def _table(models: Iterable[ListedModel]) -> dict[str, str]:
    rows = [
        (
            model.id,
            "" if model.context_length is None else f"{model.context_length:,}",
            _dollars(model.input_per_million),
            _dollars(model.output_per_million),
        )
        for model in models
    ]
    has_prices = any(row[_HEADS.index("$ in")] for row in rows)
    return table.table(_HEADS, rows, note=_PRICES if has_prices else "")


def _dollars(price: float | None) -> str:
    if price is None:
        return ""
    return f"{price:.2f}" if price == round(price, 2) else f"{price:.6g}"
