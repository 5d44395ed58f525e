"""What the pages have been sent of a conversation, and what is new since then."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apertis_magic.chat.conversation import Conversation, UnderWay
from apertis_magic.chat.turn import Turn
from apertis_magic.panel.growing import Growing
from apertis_magic.panel.rows import Json, Row, ended_turn, open_turn, rows_of

if TYPE_CHECKING:
    from apertis_magic.chat.history import History

PAGE = 20
"""Turns that a page gets at once; older ones come as somebody scrolls up."""

_SOON = 1.0
"""Seconds that the end of an answer may lag behind its turn, at the very most."""


@dataclass(frozen=True, slots=True)
class _Change:
    """Rows of the transcript that gave way to others.

    Attributes:
        at: the number of the first.
        gone: how many went.
        rows: what stands there now.
    """

    at: int
    gone: int
    rows: tuple[Row, ...]


class Feed:
    """What is new in one conversation after the other; used by one thread."""

    def __init__(self) -> None:
        self._conversation_id = ""
        self._seen: tuple[History, tuple[UnderWay, ...]] = (), ()
        self._rows: tuple[Row, ...] = ()
        self._growing: dict[str, Growing] = {}
        self._failed: dict[str, Turn] = {}

    def news(self, conversation: Conversation) -> Iterator[Json]:
        """Give the messages that bring every page up to date."""
        state, under_way = conversation.view
        seen, self._seen = self._seen, (state.history, under_way)
        if state.id != self._conversation_id:
            self._conversation_id, self._failed, self._growing = state.id, {}, {}
            self._rows = rows_of(state, under_way, {})
            yield self.last()
            return
        yield from self._grown()
        if seen[0] is state.history and seen[1] == under_way:
            return
        now = self._with_failed(rows_of(state, under_way, self._failed))
        before, self._rows = self._rows, now
        change = _difference(before, now)
        if change is not None:
            yield from self._changed(change)
        # Apart: a question that is asked again makes all below it stale, and nothing
        # else of them is other than it was.
        if marks := _marks(before, now):
            yield {"kind": "stale", "turns": marks}
        under_way_ids = {row.id for row in now if row.under_way}
        self._growing = {
            turn: growing
            for turn, growing in self._growing.items()
            if turn in under_way_ids
        }

    def last(self) -> Json:
        """Return the message that shows the end of the transcript anew."""
        return {"kind": "show", **self._part(len(self._rows) - PAGE, len(self._rows))}

    def page(self, first: int, last: int) -> Json:
        """Return the message with some turns, at most a page of them."""
        return {"kind": "page", **self._part(first, min(last, first + PAGE))}

    def turn(self, turn_id: str) -> Turn | None:
        """Return the turn of that id."""
        turns = (row.turn for row in self._rows if row.turn)
        return next((turn for turn in turns if turn.id == turn_id), None)

    def question(self, row_id: str) -> str:
        """Return the whole question of the row of that id, empty for none."""
        return next((row.question for row in self._rows if row.id == row_id), "")

    def _part(self, first: int, last: int) -> Json:
        first = max(first, 0)
        turns = [self._turn_of(row) for row in self._rows[first:last]]
        return {"at": first, "total": len(self._rows), "turns": turns}

    def _changed(self, change: _Change) -> Iterator[Json]:
        endings = self._endings(change)
        for growth, _ in endings.values():
            yield growth
        if len(change.rows) > PAGE:
            yield self.last()
            return
        turns = [
            self._turn_of(row, with_html=not endings.get(row.id, ({}, False))[1])
            for row in change.rows
        ]
        yield {
            "kind": "splice",
            "at": change.at,
            "gone": change.gone,
            "total": len(self._rows),
            "turns": turns,
        }

    def _endings(self, change: _Change) -> dict[str, tuple[Json, bool]]:
        """Return what has grown of the answers that have ended, and if that is all."""
        endings = {}
        for row in change.rows:
            growing = self._growing.get(row.id)
            if growing is not None and row.turn is not None and row.under_way is None:
                news, is_all = growing.end(row.turn)
                endings[row.id] = ({"kind": "grow", "id": row.id, **news}, is_all)
        return endings

    def _grown(self) -> Iterator[Json]:
        for turn, growing in self._growing.items():
            if news := growing.news():
                yield {"kind": "grow", "id": turn, **news}

    def _turn_of(self, row: Row, *, with_html: bool = True) -> Json:
        if row.under_way is None:
            return ended_turn(row, with_html=with_html)
        if row.id not in self._growing:
            self._growing[row.id] = Growing(row.under_way.reply)
        return open_turn(row, self._growing[row.id])

    def _with_failed(self, now: tuple[Row, ...]) -> tuple[Row, ...]:
        """Note the tries that came to nothing where another answer stands."""
        under_way = {row.id for row in now if row.under_way}
        standing = {row.turn.id: row.turn for row in now if row.turn}
        for row in self._rows:
            question, turn = row.under_way, row.turn
            if question is None or turn is None or row.id in under_way:
                continue
            # The conversation lets go of a reply just before the reply has ended.
            question.reply.wait(_SOON)
            tried, stands = question.reply.turn, standing.get(turn.id)
            self._failed.pop(turn.id, None)
            if tried and tried.error and stands and tried is not stands:
                self._failed[turn.id] = tried
        return tuple(
            Row(row.turn, row.under_way, row.stale, self._failed.get(row.turn.id))
            if row.turn
            else row
            for row in now
        )


def _difference(before: tuple[Row, ...], now: tuple[Row, ...]) -> _Change | None:
    """Return what has changed, as one piece; None where nothing has."""
    least = min(len(before), len(now))
    first = next((n for n in range(least) if before[n] != now[n]), least)
    if first == len(before) == len(now):
        return None
    most = least - first
    same = next((n for n in range(most) if before[-1 - n] != now[-1 - n]), most)
    end = len(before) - same
    return _Change(first, end - first, now[first : len(now) - same])


def _marks(before: tuple[Row, ...], now: tuple[Row, ...]) -> dict[str, bool]:
    """Return whether they are stale of those turns for which that has changed."""
    ended = [row for row in now if row.under_way is None]
    were = {row.id: row.stale for row in before if row.under_way is None}
    return {row.id: row.stale for row in ended if were.get(row.id) == (not row.stale)}
