"""What stands in a panel's transcript, row by row: turns, and answers under way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from apertis_magic.chat import history
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.conversation import UnderWay
from apertis_magic.chat.question import Question
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.panel import placeholders
from apertis_magic.panel.growing import Growing
from apertis_magic.render import bundle
from apertis_magic.render.footer import footer_line

Json = dict[str, Any]

SENT = 20_000
"""Characters of a question that every page is sent; it asks for the rest."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the transcript.

    Attributes:
        turn: the turn of this row, None while its first answer is under way.
        under_way: the question of this row whose answer is under way, None for none.
        stale: whether a turn above it is newer; the row is the same either way.
        failed: the last try to ask it again, where that came to nothing.
    """

    turn: Turn | None = None
    under_way: UnderWay | None = None
    stale: bool = field(default=False, compare=False)
    failed: Turn | None = None

    @property
    def id(self) -> str:
        """The id of the answer under way, else of the turn."""
        if self.under_way is not None:
            return self.under_way.reply.id
        return self.turn.id if self.turn else ""

    @property
    def question(self) -> str:
        """What was typed: the question under way, else the turn's."""
        if self.under_way is not None:
            return self.under_way.ask.question.typed
        return self.turn.prompt if self.turn else ""


def rows_of(
    state: State, under_way: Sequence[UnderWay], failed: Mapping[str, Turn]
) -> tuple[Row, ...]:
    """Return the rows of a conversation.

    Args:
        state: the conversation.
        under_way: its questions whose answers have not ended.
        failed: failed tries by the id of the turn that stands where they were made.
    """
    entries = state.history
    marks = zip(entries, history.stale(entries), strict=True)
    standing = [
        Row(entry.turn, stale=old, failed=failed.get(entry.turn.id))
        for entry, old in marks
    ]
    before: list[list[Row]] = [[] for _ in range(len(entries) + 1)]
    for each in under_way:
        at = history.place(entries, replace(each.ask.placement, start_over=False))
        if at.start < at.stop and standing[at.start].under_way is None:
            standing[at.start] = replace(standing[at.start], under_way=each)
        else:
            before[at.start].append(Row(under_way=each))
    return tuple(
        row
        for gap, own in zip(before, [*standing, None], strict=True)
        for row in (*gap, own)
        if row is not None
    )


def open_turn(row: Row, growing: Growing) -> Json:
    """Return what a page needs to show an answer that is under way."""
    ask = row.under_way.ask if row.under_way else None
    return {
        "id": row.id,
        "open": True,
        **_question(row),
        "files": _files(ask.question.attachments if ask else ()),
        "text": growing.text,
        "html": growing.html,
        "covered": growing.covered,
        "thought": growing.thought,
        "status": growing.status,
        "cell": bool(ask and ask.placement.cell),
    }


def ended_turn(row: Row, *, with_html: bool = True) -> Json:
    """Return what a page needs to show a turn.

    Args:
        row: the row; it has a turn.
        with_html: whether the page lacks the HTML of the answer's text.
    """
    turn = row.turn or Turn(question=Question(""))
    failed = row.failed
    return {
        "id": turn.id,
        "open": False,
        **_question(row),
        "files": _files(turn.attachments),
        "text": turn.text or turn.refusal,
        "html": placeholders.body(turn) if with_html else None,
        "thought": bundle.reasoning(turn.reasoning, seconds=turn.first_text),
        "below": placeholders.below(turn),
        "footer": footer_line(turn),
        "error": turn.error,
        "hint": turn.hint,
        "stale": row.stale,
        "cell": turn.cell is not None,
        "can_continue": turn.is_partial,
        "failed": [failed.error, failed.hint] if failed else None,
    }


def totals(turns: Iterable[Turn]) -> tuple[int, float | None]:
    """Return the tokens of all turns, and their cost in USD where one is told."""
    counted = tuple(turns)
    tokens = sum((t.usage.total_tokens or 0) for t in counted if t.usage)
    costs = [turn.cost for turn in counted if turn.cost is not None]
    return tokens, sum(costs) if costs else None


def _question(row: Row) -> Json:
    """Return the question, or the beginning of a long one and what is left of it."""
    asked = row.question
    return {"question": asked[:SENT], "rest": len(asked[SENT:])}


def _files(attachments: Iterable[Attachment]) -> list[Json]:
    return [
        {
            "name": each.name,
            "size": each.size,
            "picture": each.is_picture and not each.missing,
        }
        for each in attachments
    ]
