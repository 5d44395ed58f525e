"""Whom clients and conversations ask where nobody says: whom the cells ask."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import Shell
from scripted_server import ScriptedServer, says, whole

from apertis_magic import Apertis, AsyncApertis, Conversation
from apertis_magic.api import defaults, keys
from apertis_magic.chat import session
from apertis_magic.chat.settings import Settings
from apertis_magic.errors import ConfigurationError, ConnectionFailed

KEY = "sk-of-the-environment"
MINE = "sk-of-mine-alone"
LOCAL_KEY = "sk-of-the-local-model"
HELLO = [{"role": "user", "content": "Hello!"}]


@pytest.fixture
def api(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """Return the server of the environment, with a key and a model."""
    monkeypatch.setenv("APERTIS_API_KEY", KEY)
    monkeypatch.setenv("APERTIS_MODEL", "of-the-environment")
    server.will(says("of the API"))
    return server


@pytest.fixture
def local() -> Iterator[ScriptedServer]:
    """Yield a server that stands in the local model's place."""
    with ScriptedServer() as running:
        running.will(says("of the local model"))
        yield running


def answer_by(local: ScriptedServer) -> None:
    """Have it answer the cells from now on."""
    session.current().redirect(
        Settings(
            base_url=local.url,
            model="tiny",
            api_key=LOCAL_KEY,
            fixed_model=True,
            local_model="tiny",
        )
    )


def asked(server: ScriptedServer) -> list[tuple[str, str]]:
    """Return the model and the key of each request."""
    return [
        (each.body["model"], each.headers["authorization"].removeprefix("Bearer "))
        for each in server.requests
    ]


@pytest.mark.usefixtures("shell")
def test_a_conversation_asks_where_the_cells_ask_now(
    api: ScriptedServer, local: ScriptedServer
) -> None:
    """Each question, whenever the conversation was made, with the model there."""
    chat = Conversation()
    own = Conversation(model="of-its-own")
    chat.ask("one").result()
    answer_by(local)
    during = Conversation()
    for each in (chat, during, own):
        each.ask("two").result()
    session.current().redirect(None)
    for each in (chat, during):
        each.ask("three").result()

    assert [("of-the-environment", KEY)] * 3 == asked(api)
    assert [("tiny", LOCAL_KEY)] * 2 + [("of-its-own", LOCAL_KEY)] == asked(local)
    assert ["of the API", "of the local model", "of the API"] == [
        turn.text for turn in chat.turns
    ]


@pytest.mark.usefixtures("shell")
def test_a_client_stays_with_whom_it_was_made_for(
    api: ScriptedServer, local: ScriptedServer
) -> None:
    """Before, during and after; any name of a model will do."""
    api.will(whole("of the API"))
    local.will(whole("of the local model"))
    before = Apertis()
    answer_by(local)
    during, awaited = Apertis(), AsyncApertis()
    session.current().redirect(None)
    after = Apertis()
    for each in (before, during, after):
        each.chat.completions.create(model="m", messages=HELLO)

    assert (api.url, local.url, api.url) == (
        before.base_url,
        during.base_url,
        after.base_url,
    )
    assert local.url == awaited.base_url
    assert [("m", KEY)] * 2 == asked(api)
    assert [("m", LOCAL_KEY)] == asked(local)


@pytest.mark.usefixtures("shell")
def test_a_client_of_a_model_that_has_stopped_says_so() -> None:
    """Its port is closed, and its error tells why that may be."""
    with ScriptedServer() as stopped:
        answer_by(stopped)
        client = Apertis(max_retries=0)
    with pytest.raises(ConnectionFailed) as caught:
        client.chat.completions.create(model="m", messages=HELLO)

    assert "The local model's address is another one" in caught.value.hint


@pytest.mark.usefixtures("shell")
def test_what_is_said_wins(api: ScriptedServer, local: ScriptedServer) -> None:
    """An address, a key, a client; a key alone is for the API."""
    answer_by(local)
    with ScriptedServer() as other:
        for each in (api, other):
            each.will(whole("yes"))
        for client in (
            Apertis(MINE),
            Apertis(base_url=other.url),
            Apertis(MINE, other.url),
        ):
            client.chat.completions.create(model="m", messages=HELLO)
        Conversation(client=AsyncApertis(MINE)).ask("x", stream=False).result()

        assert [
            ("m", MINE),
            ("of-the-environment", MINE),
        ] == (asked(api))
        assert [("m", KEY), ("m", MINE)] == asked(other)
        assert [] == local.requests


def test_config_says_where_python_asks_too(
    shell: Shell, api: ScriptedServer, local: ScriptedServer
) -> None:
    """Its address and model, before any cell has asked; nothing else of it."""
    shell.run(f"%config ApertisMagic.base_url = {local.url!r}")
    shell.run("%config ApertisMagic.model = 'of-the-config'")
    shell.run("%config ApertisMagic.temperature = 1")
    Conversation().ask("x").result()
    at_config = Apertis().base_url, Apertis(MINE).base_url
    shell.run("%unload_ext apertis_magic")
    Conversation().ask("x").result()
    shell.run("%load_ext apertis_magic")

    assert (local.url, local.url) == at_config
    assert [("of-the-config", KEY)] == asked(local)
    assert [("of-the-environment", KEY)] == asked(api)
    assert "temperature" not in local.requests[0].body


def test_a_session_without_cells_counts_too(
    api: ScriptedServer, local: ScriptedServer
) -> None:
    """A panel's button can start the local model where nothing was loaded."""
    assert api.url == Apertis().base_url

    answer_by(local)

    assert local.url == Apertis().base_url


@pytest.mark.usefixtures("shell")
def test_the_hint_of_a_notebook_names_its_commands() -> None:
    """Also that of the conversation, and of an address that %config has."""
    for make in (Apertis, AsyncApertis, lambda: Conversation().ask("x")):
        with pytest.raises(ConfigurationError, match="There is no API key") as caught:
            make()

        assert "%chat local" in caught.value.hint
        assert "python -m" not in caught.value.hint


def test_the_hint_of_a_program_names_what_it_can_do() -> None:
    """There is no %chat there."""
    program = (
        "from apertis_magic import Apertis, Conversation\n"
        "from apertis_magic.errors import ConfigurationError\n"
        "for make in (Apertis, lambda: Conversation().ask('x')):\n"
        "    try:\n"
        "        make()\n"
        "    except ConfigurationError as error:\n"
        "        print(error.hint)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert 2 == told.stdout.count("python -m apertis_magic.local serve")
    assert told.stdout.startswith("Set APERTIS_API_KEY")
    assert keys.how_to_give_one() in told.stdout
    assert not defaults.in_notebook()
