"""Files of all formats, damaged in thousands of ways: a conversation, or one line."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from journals import is_one_line, taken_up
from scale import ALL
from scripted_server import ScriptedServer, says
from test_files import FULL

from apertis_magic import files
from apertis_magic.chat.state import State
from apertis_magic.errors import ApertisError, ConfigurationError
from apertis_magic.files import ipynb, md, record
from apertis_magic.render import bundle

ROUNDS = 20_000 if ALL else 150
ASKED = 40
"""How many files there are for each whose conversation goes on."""

FORMS: dict[str, Any] = {".ipynb": ipynb, ".md": md, ".json": record}
HOSTILE: list[Any] = [
    None,
    True,
    -1,
    0.5,
    1e308,
    float("nan"),
    float("inf"),
    2**63 - 1,
    -(2**63),
    2**64,
    10**400,
    "",
    "\0",
    "\ud800",
    "\u202e\x1b[2J",
    "x" * 3_000,
    "<!-- -->",
    "<script>alert(1)</script>",
    "data:image/png;base64,AAAA",
    "../../etc/passwd",
    [],
    [[]],
    {},
    {"type": "text"},
    {"type": "picture", "data": "x", "kind": "image/png"},
    {"type": "tool_call", "name": {}, "arguments": []},
    {"id": "", "turn": {}},
]
TOKENS = [
    b"{",
    b"[" * 2_000,
    b"9" * 5_000,
    b"NaN",
    b"1e999",
    b'"\\ud800"',
    b"\x00",
    b"\xff",
    b"\r\n",
    b"\\u0000",
    b"<!--",
    b"-->",
    b'"prompt": ',
    b"\xf0\x9f\x98",
]


def damaged(whole: bytes, other: bytes, random: Random) -> bytes:
    """Return a file with bytes turned, cut, doubled, put in or taken from another."""
    for _ in range(random.choice([1, 1, 1, 3, 10])):
        at, end = sorted(random.choices(range(len(whole) + 1), k=2))
        match random.randrange(7):
            case 0:
                turned = bytes([random.randrange(256)])
                whole = whole[:at] + turned + whole[at + 1 :]
            case 1:
                whole = whole[: random.choice([at, end])]
            case 2:
                whole = whole[:at] + whole[at : at + 40] + whole[at:]
            case 3:
                whole = whole[:at] + whole[min(end, at + 400) :]
            case 4:
                whole = whole[:at] + random.choice(TOKENS) + whole[at:]
            case 5:
                piece = random.randrange(len(other))
                whole = whole[:at] + other[piece : piece + 200] + whole[at:]
            case _:
                whole = whole[:at] + whole[end:] + whole[at:end]
    return whole


def hostile(value: Any, random: Random) -> Any:
    """Return JSON with a value in one place that nobody has asked for."""
    if not value or not isinstance(value, dict | list) or random.random() < 0.15:
        return random.choice(HOSTILE)
    if isinstance(value, dict):
        name = random.choice([*value])
        if random.random() < 0.05:
            return {**value, random.choice([*value, "answers", "id"]): value[name]}
        return {**value, name: hostile(value[name], random)}
    at = random.randrange(len(value))
    if random.random() < 0.05:
        return [*value, value[at]]
    return [*value[:at], hostile(value[at], random), *value[at + 1 :]]


def made(random: Random) -> Iterator[tuple[str, bytes]]:
    """Give endings and contents of files without an end."""
    texts = {ending: form.written(FULL) for ending, form in FORMS.items()}
    while True:
        ending, other = random.choice([*texts]), random.choice([*texts.values()])
        text = texts[ending]
        if ending != ".md" and random.random() < 0.6:
            raw = json.loads(text)
            for _ in range(random.choice([1, 1, 2, 5])):
                raw = hostile(raw, random)
            yield ending, json.dumps(raw).encode()
        else:
            yield ending, damaged(text.encode(), other.encode(), random)


def survives(state: State, folder: Path) -> None:
    """Have a conversation be shown, and written in every format."""
    shown = bundle.transcript(state.turns, system=state.system, stale=state.stale)

    assert "text/html" in shown

    for ending in FORMS:
        file = folder / f"again{ending}"
        file.unlink(missing_ok=True)
        try:
            files.export(state, file)
        except ConfigurationError as error:  # such as for a key in it
            line = str(error)
            if not is_one_line(line):
                pytest.fail(repr(line))
        else:
            assert files.load(file)


def goes_on(state: State, server: ScriptedServer) -> None:
    """Have a conversation be asked on, and see that it was, or why not."""
    chat, before = taken_up(state), len(server.requests)
    try:
        turn = chat.ask("And now?").result()
    except ApertisError as error:
        if not is_one_line(str(error)):
            pytest.fail(repr(str(error)))
    else:
        assert "fine" == turn.text
        assert before < len(server.requests)


def test_damaged_files(server: ScriptedServer, tmp_path: Path) -> None:
    """Each is loaded, shown, exported again and goes on, or one line says why not."""
    server.will(says("fine"))
    random = Random(5)  # noqa: S311  anything
    outcomes = Counter[str]()
    for number, (ending, content) in zip(range(ROUNDS), made(random), strict=False):
        file = tmp_path / f"talk{ending}"
        file.write_bytes(content)
        files.is_replaceable(file)
        try:
            states = files.load(file)
        except ConfigurationError as error:
            outcomes["refused"] += 1
            if not is_one_line(str(error)) or len(str(error)) > 500:
                pytest.fail(repr(str(error)))
            continue
        outcomes["loaded"] += 1
        for state in states:
            survives(state, tmp_path)
            if number % ASKED == 0:
                goes_on(state, server)
    print(f"\n{ROUNDS} files: {dict(outcomes)}")  # noqa: T201  for a person, with -s

    assert min(outcomes["refused"], outcomes["loaded"]) > ROUNDS / 10
