"""A conversation <-> a notebook: cells that ask again, with their answers.

Any notebook with answers of ``%%chat`` in it is read: they are rebuilt from the outputs
and their metadata, in the order in which they stand there, and where that was cleaned
away, from what the cells ask.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from apertis_magic.api.value import Json, items, mapping
from apertis_magic.chat.names import DEFAULT_CONVERSATION
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import mend, printable
from apertis_magic.files import cell_source, cleaned, record
from apertis_magic.files.md import inert
from apertis_magic.render import bundle, metadata

_EXPORT = 2
_EXPORTS = (1, _EXPORT)
_FORMAT, _NEWEST = 4, 1_000
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOAD = "%load_ext apertis_magic"
_KERNEL = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """An answer in a notebook.

    Attributes:
        turn: the turn.
        cell: the id of the cell that shows it, where the notebook has ids.
        at: its number among the answers of its conversation.
    """

    turn: Turn
    cell: str | None
    at: int

    @property
    def at_home(self) -> bool:
        """Whether this is the cell that asked, and no copy."""
        return self.cell is not None and self.cell == self.turn.cell


def written(state: State) -> str:
    """Return the text of the notebook."""
    from nbformat import v4, writes

    title = f"# {inert(state.name)}\n\n{_title(state)}"
    cells = [
        v4.new_markdown_cell(title, id="apertis-title"),
        v4.new_code_cell(_LOAD, id="apertis-load"),
        *_cells(state),
    ]
    mark = {"export": _EXPORT, **record.about(state), "cells": _digest(cells)}
    book = v4.new_notebook(cells=cells, metadata={**_KERNEL, "apertis_magic": mark})
    text: str = writes(book)
    return text + "\n"


def read(
    text: str,
    reader: cleaned.Reader = cleaned.unread,
    tell: Callable[[str], None] = lambda _: None,
) -> list[State]:
    """Return the conversations in the notebook, in the order of their first turns.

    Args:
        text: the text of the file.
        reader: reads what a cell asks, where its answers have no metadata.
        tell: takes a line about the answers that could not be read.

    Raises:
        ValueError: there are none; says why.
    """
    book = _notebook(text)
    mark = mapping(mapping(book.get("metadata")).get("apertis_magic"))
    answers = _Answers(reader)
    cells = items(book.get("cells"))
    sources = [metadata.joined(cell.get("source")) or "" for cell in cells]
    for cell, source in zip(cells, sources, strict=True):
        answers.add(cell, (source, *sources))
    if not answers.conversations:
        reason = "no %%chat answers are in it"
        raise ValueError(_left(answers.left) if answers.left else reason)
    if answers.left:
        tell(f"{_left(answers.left)}.")
    found = answers.conversations.items()
    return [_state(name, shown, mark) for name, shown in found]


def _left(count: int) -> str:
    """Return what is said of answers that could not be read."""
    if count == 1:
        return "1 answer is left out: its cell does not tell what it answers"
    return f"{count} answers are left out: their cells do not tell what they answer"


class _Answers:
    """The answers of a notebook's cells, by their conversations.

    Args:
        reader: reads what a cell asks.

    Attributes:
        conversations: the answers of each, by its name.
        left: how many answers could not be read.
    """

    def __init__(self, reader: cleaned.Reader) -> None:
        self.conversations: dict[str, list[_Shown]] = {}
        self.left = 0
        self._reader = reader
        self._systems: dict[str, str] = {}
        self._same: Counter[tuple[str, str]] = Counter()

    def add(self, cell: Json, sources: Sequence[str]) -> None:
        """Add the answers that a cell shows.

        Args:
            cell: the cell.
            sources: its source, and then those of all cells.
        """
        own = cell.get("id")
        known = own if isinstance(own, str) and _ID.fullmatch(own) else None
        outputs = items(cell.get("outputs"))
        answers = metadata.answers_of(outputs, sources)
        for name, turn in answers:
            # One that was asked with --once is of no conversation.
            if name and name.strip():
                self._add(mend(name), turn, known)
        bare = [each for each in outputs if not metadata.is_kept(each)]
        if cleaned.shows_answers(bare):
            self._add_cleaned(bare, sources[0], known, alone=not answers)

    def _add(self, name: str, turn: Turn, cell: str | None) -> None:
        answers = self.conversations.setdefault(name, [])
        answers.append(_Shown(turn, cell, len(answers)))

    def _add_cleaned(
        self, outputs: Sequence[Json], source: str, cell: str | None, *, alone: bool
    ) -> None:
        """Add the answers of outputs without metadata.

        Where others of the cell have theirs, nobody knows which question is whose.
        """
        asks = self._reader(source) if alone else cleaned.Source()
        found = cleaned.found(asks, outputs)
        self.left += found.left
        for asked, text in found.answered:
            name = mend(asked.conversation or DEFAULT_CONVERSATION)
            if asked.once:
                continue
            if asked.system is not None:
                self._systems[name] = asked.system
            same = asked.question.typed, text
            turn = cleaned.turn(
                replace(asked, system=self._systems.get(name) or None),
                text,
                cell=cell,
                number=self._same[same],
            )
            self._same[same] += 1
            self._add(name, turn, cell)


def is_export(text: str) -> bool:
    """Tell whether the notebook holds just the cells and the answers that we wrote."""
    book = _notebook(text)
    mark = mapping(mapping(book.get("metadata")).get("apertis_magic"))
    cells = items(book.get("cells"))
    return mark.get("export") in _EXPORTS and mark.get("cells") == _digest(cells)


def _notebook(text: str) -> Json:
    book = record.parsed(text)
    version = book.get("nbformat")
    if type(version) is not int or not 0 < version < _NEWEST:
        raise ValueError("it is not a notebook")
    if version != _FORMAT:
        raise ValueError(
            f"it is a notebook of format {version}; save it anew in JupyterLab first"
        )
    return book


def _title(state: State) -> str:
    count = len(state.history)
    turns = "1 question" if count == 1 else f"{count} questions"
    return (
        f"A conversation of {turns}. Run a cell to ask again; `%chat load` and this "
        "notebook's name bring the conversation back as it is."
    )


def _cells(state: State) -> Iterator[Any]:
    """Give a cell for each turn, and one for a system prompt that no line can hold."""
    from nbformat import v4

    taken = {"apertis-title", "apertis-load"}
    is_default = state.name == DEFAULT_CONVERSATION or not cell_source.fits(state.name)
    name = None if is_default else state.name
    # Nothing is said of a system prompt that was never set.
    before = "" if state.system is None else None
    for turn in state.turns:
        own = _id((turn.cell, turn.id), taken)
        system = turn.system or ""
        changed = None if system == before else system
        if changed is not None and not cell_source.fits(changed):
            yield v4.new_code_cell(_set_system(name, changed), id=_id((), taken))
            changed = None
        before = system
        source = cell_source.cell(turn, conversation=name, system=changed)
        outputs = _outputs(replace(turn, cell=own), state.name)
        yield v4.new_code_cell(source, id=own, outputs=outputs)


def _outputs(turn: Turn, conversation: str) -> list[Any]:
    """Return what the cell would show had it just been run."""
    from nbformat import v4

    data, about = bundle.answer(turn, conversation=conversation)
    outputs = [v4.new_output("display_data", data=data, metadata=record.plain(about))]
    if turn.error:
        error = printable(turn.error)
        outputs.append(
            v4.new_output(
                "error", ename="ApertisError", evalue=error, traceback=[error]
            )
        )
    return outputs


def _set_system(name: str | None, system: str) -> str:
    """Return the source of a cell that sets a system prompt of several lines."""
    target = "current" if name is None else f"conversation({name!r})"
    lines = "".join(f"    {each!r}\n" for each in system.splitlines(keepends=True))
    return (
        "from apertis_magic.chat import session\n\n"
        f"session.current().{target}.system = (\n{lines})"
    )


def _id(wanted: Iterable[str | None], taken: set[str]) -> str:
    """Return the first id that a cell can have, a new one if there is none."""
    usable = (each for each in wanted if each and _ID.fullmatch(each))
    chosen = next((each for each in usable if each not in taken), uuid4().hex)
    taken.add(chosen)
    return chosen


def _digest(cells: Iterable[Mapping[str, Any]]) -> str:
    """Return a digest that tells whether a cell or an answer was added or changed."""
    known = [
        (
            cell.get("cell_type"),
            _source(cell),
            [turn.id for turn in metadata.turns_of(items(cell.get("outputs")))],
        )
        for cell in cells
    ]
    content = record.dumped(known).encode("utf-8", "backslashreplace")
    return sha256(content).hexdigest()


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source")
    # A file holds lines, a front end one text.
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _state(name: str, shown: list[_Shown], mark: Json) -> State:
    history = record.in_order(_turns(shown))
    if mark.get("export") in _EXPORTS and mark.get("name") == name:
        return record.state_of(mark, history)
    newest = max(history, key=lambda entry: entry.order).turn
    return State(name=name, system=newest.system, history=history)


def _turns(shown: list[_Shown]) -> list[Turn]:
    """Return each turn once, where the cell that asked it stands."""
    seen: dict[str, list[_Shown]] = {}
    for each in shown:
        seen.setdefault(each.turn.id, []).append(each)
    homes = [
        next((each for each in group if each.at_home), group[0])
        for group in seen.values()
    ]
    return [
        # One that went on is shown again as a whole, maybe in another cell.
        replace(
            max(seen[home.turn.id], key=lambda each: each.turn.elapsed).turn,
            cell=_cell_of(home),
        )
        for home in sorted(_asked_again(homes), key=lambda home: home.at)
    ]


def _asked_again(homes: list[_Shown]) -> list[_Shown]:
    """Return *homes*, each answer replaced by that of a later ``%chat retry``."""
    standing = {each.turn.id: each for each in homes}
    places = {(each.cell, each.turn.prompt): each for each in homes if each.at_home}
    for each in sorted(homes, key=lambda shown: shown.turn.started):
        place = each.turn.cell, each.turn.prompt
        before = places.get(place)
        if before and not each.at_home and before.turn.started < each.turn.started:
            del standing[before.turn.id]
            places[place] = standing[each.turn.id] = replace(before, turn=each.turn)
    return list(standing.values())


def _cell_of(shown: _Shown) -> str | None:
    """Return the id that the front end will send when the cell runs again.

    A copied cell has another than its output says. VS Code sends ids of its own making,
    which no notebook holds.
    """
    recorded = shown.turn.cell
    is_foreign = recorded is not None and not _ID.fullmatch(recorded)
    return recorded if is_foreign or shown.cell is None else shown.cell
