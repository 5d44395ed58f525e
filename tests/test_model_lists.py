"""The list of models: fetched when asked for, kept for a day, never waited for."""

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import (
    NEVER,
    PATIENCE,
    Answer,
    ScriptedServer,
    Wait,
    fails,
    json_answer,
)

from apertis_magic import AsyncApertis, errors
from apertis_magic.api import loop
from apertis_magic.chat import model_lists
from apertis_magic.chat.model_lists import ListedModel, Listing
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.paths import cache_dir

pytestmark = pytest.mark.usefixtures("cache")

KEY = "sk-test-0123456789"


def lists(*names: str) -> Answer:
    """Return the server's list of these models."""
    return json_answer({"data": [{"id": name} for name in names]})


def settle() -> None:
    """Wait until nothing is under way on the background loop."""

    async def others() -> None:
        if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(tasks, timeout=PATIENCE)

    loop.run(others())


def kept() -> list[Path]:
    """Return the files of the lists."""
    return sorted(cache_dir().rglob("*"))[1:]


def test_nothing_is_waited_for(server: ScriptedServer) -> None:
    """Who asks first gets nothing, who asks later gets the list of the one request."""
    here = Session()
    server.will(lists("b", "a"))
    first = [here.model_lists.ids() for _ in range(5)]
    settle()

    assert [] == first[0]
    assert ["b", "a"] == here.model_lists.ids()
    assert ["/v1/models"] == [request.path for request in server.requests]


def test_a_list_that_takes_long(server: ScriptedServer) -> None:
    """Asking goes on at once, and one request is under way."""
    here, go = Session(), threading.Event()
    server.will(Answer(lists("m").steps, before_headers=Wait(go)))

    assert [[]] * 3 == [here.model_lists.ids() for _ in range(3)]

    server.wait_for(1)

    assert [] == here.model_lists.ids()

    go.set()
    settle()

    assert ["m"] == here.model_lists.ids()
    assert 1 == len(server.requests)


def test_a_list_is_kept_on_disk(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next process need not ask, and no key is in the file."""
    monkeypatch.setenv("APERTIS_API_KEY", KEY)
    row = {"id": "m", "context_length": 8192}
    server.will(json_answer({"data": [row, {"id": f"m-{KEY}"}, {}, {"id": "m"}]}))
    told = Session().model_lists.refresh()
    again = Session().model_lists.known()
    [file] = kept()

    assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]
    assert told == again
    assert ListedModel(id="m", context_length=8192) == told.models[0]
    assert ["m", "m-[key]"] == Session().model_lists.ids()
    assert KEY not in file.read_text()
    assert 1 == len(server.requests)


def test_each_address_has_its_own_list(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host, its port and its path, however it is written."""
    server.will(lists("one"), lists("two"))
    Session().model_lists.refresh()
    monkeypatch.setenv("APERTIS_BASE_URL", server.url + "/other")
    Session().model_lists.refresh()

    assert ["two"] == Session().model_lists.ids()

    monkeypatch.setenv("APERTIS_BASE_URL", server.url + "/chat/completions/")

    assert ["one"] == Session().model_lists.ids()
    assert 2 == len(server.requests) == len(kept())


@pytest.mark.parametrize("age", [90_000.0, -90_000.0])
def test_an_old_list_is_better_than_none(server: ScriptedServer, age: float) -> None:
    """It is given while a new one is fetched; a date in the future counts as old."""
    where = f"127.0.0.1:{server.port}/v1"
    then = time.time() - age
    model_lists._write(where, Listing(models=(ListedModel(id="old"),), fetched=then))
    here = Session()
    server.will(lists("new"))

    assert ["old"] == here.model_lists.ids()

    settle()

    assert ["new"] == here.model_lists.ids()
    assert ["new"] == Session().model_lists.ids()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[]",
        b'{"models": [{"id": "foreign"}]}',
        b'{"address": "elsewhere", "fetched": 9e99, "models": [{"id": "foreign"}]}',
        b'{"address": "HERE", "fetched": NaN, "models": [{"id": "foreign"}]}',
        b'{"address": "HERE", "fetched": 1, "models": {"id": "foreign"}}',
        b'{"address": "HERE", "fetched": 1, "models": [{"id": ["foreign"]}, 5]}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_not_ours(server: ScriptedServer, content: bytes) -> None:
    """It is as good as none, and the next list takes its place."""
    where = f"127.0.0.1:{server.port}/v1"
    file = model_lists._file(where)
    file.parent.mkdir(parents=True)
    file.write_bytes(content.replace(b"HERE", where.encode()))
    server.will(lists("m"))

    assert [] == Session().model_lists.ids()

    settle()

    assert [file] == kept()
    assert ["m"] == Session().model_lists.ids()


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


ROWS = st.fixed_dictionaries({"id": JSON}, optional={"context_length": JSON})
FILES = st.fixed_dictionaries(
    {},
    optional={
        "fetched": JSON,
        "models": st.lists(
            st.fixed_dictionaries({"id": JSON}, optional={"context_length": JSON})
            | JSON
        ),
    },
)


@given(FILES)
def test_any_file_is_a_list_or_none(content: dict[str, Any]) -> None:
    """Whatever stands in it, reading raises nothing, and ids are text."""
    file = model_lists._file("here")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"address": "here", **content}))
    found = model_lists._read("here")

    assert found is None or all(isinstance(name, str) for name in found.ids)


def test_a_home_that_cannot_be_written(server: ScriptedServer, cache: Path) -> None:
    """The list is kept in memory alone."""
    cache.write_text("a file in the folder's place")
    here = Session()
    server.will(lists("m"))
    here.model_lists.refresh()

    assert ["m"] == here.model_lists.ids()
    assert 1 == len(server.requests)


def test_a_failure_is_silent_and_not_repeated(
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Until another key is there; who waits for the list is told."""
    here = Session()
    server.will(fails(401, "no key"))
    here.model_lists.ids()
    settle()

    assert [] == here.model_lists.ids()
    assert 1 == len(server.requests)

    with pytest.raises(errors.AuthenticationError, match="no key"):
        here.model_lists.refresh()
    server.will(lists("m"))
    monkeypatch.setenv("APERTIS_API_KEY", KEY)
    here.model_lists.ids()
    settle()

    assert ["m"] == here.model_lists.ids()
    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize("url", ["https://api.apertis.ai/v1", "nowhere", "http://a@b"])
def test_where_nothing_can_be_asked(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Without the key that is needed, or an address, there are no ids and no error."""
    monkeypatch.setenv("APERTIS_BASE_URL", url)

    assert [] == Session().model_lists.ids()

    settle()
    with pytest.raises(errors.ConfigurationError):
        Session().model_lists.refresh()


def test_patience_ends(server: ScriptedServer) -> None:
    """Who waits waits for so long and no longer."""
    server.will(Answer(before_headers=NEVER))
    with pytest.raises(errors.TimedOut, match=r"in 0\.05 s"):
        Session().model_lists.refresh(patience=0.05)


def test_a_fixed_model_is_the_list(server: ScriptedServer) -> None:
    """Nothing is asked for it."""
    here = Session()
    here.redirect(Settings(base_url=server.url, model="tiny", fixed_model=True))

    assert ["tiny"] == here.model_lists.ids()
    assert ["tiny"] == here.model_lists.refresh().ids
    assert [] == server.requests


def test_prices(server: ScriptedServer) -> None:
    """The catalogue adds what it knows of a listed model, and no model."""
    rows = [
        {"model_id": "a", "input_price": 0.0024, "output_price": 0.012},
        {"model_id": "x:free", "category": "free", "context_length": 4096},
        {"model_id": "unlisted", "input_price": 1},
    ]
    server.will(json_answer({"data": {"models": rows}}))
    plain = (ListedModel(id="a", context_length=5), ListedModel(id="x:free"))

    async def priced() -> Listing:
        async with AsyncApertis(base_url=server.url) as client:
            listing = Listing(models=(*plain, ListedModel(id="b")), fetched=1)
            return await model_lists._with_prices(client, listing)

    assert Listing(
        models=(
            ListedModel(
                id="a",
                context_length=5,
                input_per_million=2.4,
                output_per_million=12.0,
            ),
            ListedModel(
                id="x:free",
                context_length=4096,
                input_per_million=0.0,
                output_per_million=0.0,
            ),
            ListedModel(id="b"),
        ),
        fetched=1,
        priced=True,
    ) == asyncio.run(priced())


def test_no_other_host_is_asked_for_prices(server: ScriptedServer) -> None:
    """Only Apertis has the catalogue."""
    server.will(lists("m"))

    assert not Session().model_lists.refresh(priced=True).priced
    assert ["/v1/models"] == [request.path for request in server.requests]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5.4-mimi", ["gpt-5.4-mini", "gpt-5.4"]),
        ("claude-sonnet-4.5", ["claude-sonnet-4-6"]),
        ("qwen3-8b", ["Qwen/Qwen3-8B"]),
        ("QWEN/qwen3-8", ["Qwen/Qwen3-8B"]),
        ("sonnett", ["claude-sonnet-4-6"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_near_ids(model: str, expected: list[str]) -> None:
    """Spelling, case, a maker's name and a part of an id are seen through."""
    known = ["gpt-5.4", "gpt-5.4-mini", "claude-sonnet-4-6", "Qwen/Qwen3-8B"]

    assert expected == model_lists.near(model, known)
