"""What version 0.1.0 wrote is read whole: notebooks, exports and the journal."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from journals import PATIENCE, is_one_line, query

from apertis_magic import files
from apertis_magic.chat.journal import faults, schema
from apertis_magic.chat.journal import file as journal_file
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.parts import Refusal, Text
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ApertisError

MADE = Path(__file__).parent / "made_by_0_1_0"
TURNS = json.loads((MADE / "turns.json").read_text(encoding="utf-8"))
"""What version 0.1.0 itself read: of each file each conversation's turns, as JSON."""

FILES = [name for name in TURNS if not name.startswith("journal")]
EXPORTS = [name for name in FILES if name.startswith(("export", "files"))]
ENDINGS = (".ipynb", ".md", ".json")
SINCE = frozenset(
    "answers repaired star note anyway untrusted local not_streamed".split()
)
"""Fields of a turn that version 0.1.0 did not have."""

DERIVED = ("text", "reasoning", "refusal")
VERSION = len(schema.MIGRATIONS)
OLD = schema.MIGRATIONS[:1]


def copied(name: str, folder: Path) -> Path:
    """Return a copy of a file under the name that it had."""
    real = name.replace(".ipynb.json", ".ipynb").replace("book.json", "book.ipynb")
    return Path(shutil.copy(MADE / name, folder / real))


def as_then(turn: Turn) -> dict[str, Any]:
    """Return a turn as the JSON of version 0.1.0 had it."""
    raw = turn.to_dict()
    for name in SINCE:
        del raw[name]
    return {
        **raw,
        **{name: getattr(turn, name) for name in DERIVED},
        "alternatives": list(turn.alternatives),
        "sources": [{"url": page.url, "title": page.title} for page in turn.sources],
    }


def named(attached: dict[str, Any]) -> dict[str, Any]:
    """Return an attachment without what a notebook of today leaves out."""
    return {"name": attached["name"], "kind": attached["kind"]}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_loaded_whole(name: str, tmp_path: Path) -> None:
    """Each turn of it with all that version 0.1.0 itself found there."""
    loaded = files.load(copied(name, tmp_path))

    assert TURNS[name] == {
        state.name: [as_then(turn) for turn in state.turns] for state in loaded
    }


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", FILES)
def test_it_is_written_anew_and_loaded_again(
    name: str, ending: str, tmp_path: Path
) -> None:
    """In each of today's formats; nothing is lost on the way."""
    for state in files.load(copied(name, tmp_path)):
        file = tmp_path / f"new{ending}"
        files.export(state, file, force=True)
        [again] = files.load(file)

        assert (state.id, state.name, state.model, state.system) == (
            again.id,
            again.name,
            again.model,
            again.system,
        )
        assert [(False, False)] * len(state.turns) == [
            (turn.local, turn.not_streamed) for turn in again.turns
        ]
        assert [turn.answers for turn in state.turns] == [
            turn.answers for turn in again.turns
        ]
        if ending == ".ipynb":
            assert [as_in_notebook(turn) for turn in state.turns] == [
                as_in_notebook(turn) for turn in again.turns
            ]
        else:
            assert state == again


def as_in_notebook(turn: Turn) -> dict[str, Any]:
    """Return what a notebook keeps of a turn, but for the id of its cell."""
    raw = turn.to_dict()
    del raw["cell"]
    raw["attachments"] = [named(each) for each in raw["attachments"]]
    return raw | {"usage": {**(raw["usage"] or {}), "raw": {}}}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_old_export_is_replaced(name: str, tmp_path: Path) -> None:
    """It is known as ours, as long as nobody has changed it."""
    file = copied(name, tmp_path)
    before = file.read_bytes()
    [state] = files.load(file)
    files.export(state, file)
    [again] = files.load(file)

    assert before != file.read_bytes()
    assert [turn.id for turn in state.turns] == [turn.id for turn in again.turns]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Yield the journal that version 0.1.0 left when its kernel was killed."""
    made = Journal(copied("journal.sqlite", tmp_path))
    yield made
    made.close()


def read(journal: Journal) -> State:
    """Return the one conversation of the journal."""
    [kept] = journal.conversations()
    return journal.read(kept.id)


def test_the_journal_is_read_whole(journal: Journal) -> None:
    """The turns that stand, the one under way with its half answers, the versions."""
    state = read(journal)
    then = TURNS["journal.sqlite"]["main"]
    versions = TURNS["journal.sqlite versions"]["main"]

    assert then == [as_then(turn) for turn in state.turns]
    assert versions == [as_then(e.turn) for e in journal.versions(state.id)]
    assert ("What had come", "Hm.", ("other",)) == (
        state.turns[-1].text,
        state.turns[-1].reasoning,
        state.turns[-1].alternatives,
    )
    assert (Refusal("Of that I do not speak."),) in [t.parts for t in state.turns]


@pytest.mark.parametrize("writes", [False, True])
def test_the_journal_is_led_to_the_newest_schema(
    journal: Journal, tmp_path: Path, *, writes: bool
) -> None:
    """By who reads first or writes first; what is written then stands beside it."""
    file = tmp_path / "journal.sqlite"
    new = State(name="new", history=(entry_of_today(),))
    if writes:
        journal.keep(new)
        journal.flush(PATIENCE)
    before = {each.name for each in journal.conversations()}

    assert [(VERSION,)] == query(file, "PRAGMA user_version")
    assert [] == query(
        file, "SELECT * FROM turn WHERE json_type(data, '$.answers') IS NOT 'array'"
    )
    assert {"main", *(["new"] if writes else [])} == before


@pytest.mark.parametrize("page", [2, 4, 6, 10])
def test_a_damaged_journal_is_led_to_it_too(tmp_path: Path, page: int) -> None:
    """Who reads it first gets what can be read, and is told that it was damaged."""
    file = copied("journal.sqlite", tmp_path)
    content = bytearray(file.read_bytes())
    content[page * 4096 : (page + 1) * 4096] = b"\xff" * 4096
    file.write_bytes(content)
    journal = Journal(file)
    before = [each.name for each in journal.conversations()]
    journal.flush(PATIENCE)

    assert ["main"] == before == [each.name for each in journal.conversations()]
    assert [(VERSION,)] == query(file, "PRAGMA user_version")
    assert "is set aside as" in journal.problem

    journal.close()


def entry_of_today() -> Any:
    """Return a turn with its place, as a conversation has it."""
    [state] = files.load(MADE / "export.json")
    return state.history[0]


@pytest.mark.parametrize("data", ["{no", "3", "[]", '["x"]', '"x"', "null", "{}"])
def test_a_damaged_row_stays_and_costs_nobody_the_others(
    data: str, tmp_path: Path
) -> None:
    """What is no turn is left as it is; only its own conversation cannot be read."""
    file = copied("journal.sqlite", tmp_path)
    for statement in (
        "INSERT INTO turn (key, id, started, open, data) VALUES (99, 'x', 1, 0, '?')",
        "UPDATE turn SET data = '?' WHERE key = 99".replace("?", data),
        "INSERT INTO conversation VALUES ('c', 'bad', NULL, NULL, NULL, 1, 0, NULL)",
        "INSERT INTO entry VALUES ('c', 'x', 99, 'x', 0, 1, NULL)",
    ):
        query(file, statement)
    journal = Journal(file)
    state = journal.read("c0ffee")
    with pytest.raises(ApertisError, match="cannot be read") as caught:
        journal.read("c")
    journal.close()

    assert is_one_line(str(caught.value))
    assert TURNS["journal.sqlite"]["main"] == [as_then(turn) for turn in state.turns]
    assert [(data if data != "{}" else '{"answers": []}',)] == query(
        file, "SELECT data FROM turn WHERE id = 'x'"
    )


def test_the_same_request_is_answered_from_it(journal: Journal, tmp_path: Path) -> None:
    """An answer that version 0.1.0 kept is given again."""
    file = tmp_path / "journal.sqlite"
    [[request]] = query(file, "SELECT request FROM turn WHERE key = 1")
    found = journal.answer(request, since=0)

    assert found is not None
    assert (Text("first"),) == found.parts


def test_version_0_1_0_leaves_the_new_file_alone(tmp_path: Path) -> None:
    """It meets a newer schema, whether it reads or writes, and changes not a byte."""
    file = tmp_path / "journal.sqlite"
    journal = Journal(file)
    journal.keep(State(name="new", history=(entry_of_today(),)))
    journal.close()
    before = file.read_bytes()
    with pytest.raises(faults.NewerSchemaError):
        journal_file.open_to_write(file, OLD)
    with (
        pytest.raises(ApertisError, match="a newer version"),
        journal_file.reading(file, OLD),
    ):
        pass

    assert before == file.read_bytes()
    assert [file] == list(tmp_path.iterdir())
