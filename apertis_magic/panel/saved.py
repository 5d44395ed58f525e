"""What a notebook shows of a panel once it is saved: the transcript as plain HTML."""

from apertis_magic.chat.conversation import Conversation
from apertis_magic.render import bundle
from apertis_magic.render.bundle import Bundle

# A front end without a kernel shows a line in place of the panel, which says nothing
# that the transcript below it does not say better.
_STYLE = (
    "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .apertis-saved)"
    ":not(:has(.ap)){display:none}</style>"
)
_MOST = 100_000
"""Characters of questions and answers; the notebook is written with them each time."""


def saved(talk: Conversation) -> Bundle:
    """Return the end of a conversation, as long as a notebook should hold."""
    turns, stale = talk.turns, talk.state.stale
    size, first = 0, len(turns)
    while first and size < _MOST:
        first -= 1
        size += len(turns[first].prompt) + len(turns[first].text)
    shown = bundle.transcript(turns[first:], system=talk.system, stale=stale)
    above = bundle.note(f"{first} earlier turns are not shown here.") if first else ""
    html = f'{_STYLE}<div class="apertis-saved">{above}{shown["text/html"]}</div>'
    return {"text/html": html, "text/plain": shown["text/plain"]}
