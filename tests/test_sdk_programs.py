"""What programs written for the openai SDK meet first in the client."""

import asyncio
import itertools
import pickle
import threading
from collections.abc import Callable
from copy import copy
from typing import Any

import httpx
import pytest
from conftest import Shell
from scripted_server import (
    DONE,
    PATIENCE,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    event,
    fails,
    json_answer,
    says,
    whole,
)

from apertis_magic import Apertis, AsyncApertis, Conversation, errors
from apertis_magic.api import keys
from apertis_magic.api.timeouts import Timeouts
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.credentials import KEY as TAKEN

HELLO = [{"role": "user", "content": "Hello!"}]
KEY = "hush-0123456789abcdef"
OTHER = "other-0123456789abcdef"
NOWHERE = "http://127.0.0.1:9/v1"


def ask(client: Apertis, **options: Any) -> Any:
    """Ask in plain code."""
    return client.chat.completions.create(model="m", messages=HELLO, **options)


def key_of(server: ScriptedServer, number: int = -1) -> str | None:
    """Return what a request had for a key."""
    return server.requests[number].headers.get("authorization")


# A base URL with a query, and more of it.


@pytest.mark.parametrize(
    "path",
    ["/openai/deployments/d", "/openai/deployments/d/", "/d/chat/completions", ""],
)
def test_a_base_url_with_a_query(server: ScriptedServer, path: str) -> None:
    """As Azure's: what is asked for stands before the query."""
    root = server.url.removesuffix("/v1")
    base = path.removesuffix("/").removesuffix("/chat/completions")
    server.will(whole("Hi."), json_answer({"data": []}))
    client = Apertis(base_url=f" {root}{path}?api-version=2024-10-21 ")
    ask(client)
    client.models.list()

    assert f"{root}{base}?api-version=2024-10-21" == client.base_url
    assert [
        f"{base}/chat/completions?api-version=2024-10-21",
        f"{base}/models?api-version=2024-10-21",
    ] == [request.path for request in server.requests]


def test_more_of_a_query(server: ScriptedServer) -> None:
    """extra_query goes over what the base URL has."""
    server.will(whole("Hi."))
    client = Apertis(base_url=f"{server.url}?api-version=1&x=%20y")
    ask(client, extra_query={"api-version": 2, "a": ["b", "c d"], "e": True, "f": None})
    ask(client, extra_query={})

    assert [
        "/v1/chat/completions?x=+y&api-version=2&a=b&a=c+d&e=true",
        "/v1/chat/completions?api-version=1&x=%20y",
    ] == [request.path for request in server.requests]


def test_more_of_a_query_in_a_conversation(server: ScriptedServer) -> None:
    """It goes with the question and is kept with none."""
    server.will(says("a"))
    chat = Conversation(client=AsyncApertis(base_url=server.url))
    turn = chat.ask("x", extra_query={"a": "b"}).result()

    assert "/v1/chat/completions?a=b" == server.requests[0].path
    assert "extra_query" not in f"{turn.options} {server.requests[0].body}"


def test_the_account_at_an_address_with_a_query(server: ScriptedServer) -> None:
    """Both parameters are there."""
    server.will(json_answer({"token_name": "n"}))
    Apertis(base_url=f"{server.url}?a=b").account.usage("week")

    assert "/v1/token/usage?a=b&period=week" == server.requests[0].path


def test_a_hint_for_an_address_with_a_query(server: ScriptedServer) -> None:
    """The path that lacks goes before the query."""
    server.will(fails(404, "Not Found"))
    root = server.url.removesuffix("/v1")
    with pytest.raises(errors.NotFound) as caught:
        ask(Apertis(base_url=f"{root}?a=b"))

    assert f"{root}/v1?a=b" in caught.value.hint


@pytest.mark.parametrize(
    "query",
    [
        f"key={OTHER}",
        "api_key=x",
        "apikey=x",
        "Subscription-Key=x",
        "access_token=x",
        "token=x",
        "sig=x",
        "code=x",
        "client_secret=x",
        "password=x",
        "a=b&X-Amz-Signature=x",
        "a=sk-proj-3f2a9c1e7b4d4e8a9c2b5d6e7f8a9b0c",
        "sk-proj-3f2a9c1e7b4d4e8a9c2b5d6e7f8a9b0c",
        "a=3f2a9c1e7b4d4e8a9c2b5d6e7f8a9b0c3f2a9c1e",
        "a=%73k-proj-3f2a9c1e7b4d4e8a9c2b5d6e7f8a9b0c",
    ],
)
def test_a_secret_in_a_query_is_refused(query: str) -> None:
    """One line says where it goes, and repeats nothing of it."""
    with pytest.raises(errors.ConfigurationError, match="looks like a key") as caught:
        Apertis(base_url=f"https://a.example/v1?{query}")
    told = f"{caught.value} {caught.value.hint}"

    assert "APERTIS_API_KEY" in told
    assert OTHER not in told
    assert "3f2a9c" not in told


@pytest.mark.parametrize(
    "query",
    [
        "api-version=2024-10-21",
        "api-version=2024-12-01-preview",
        "deployment=gpt-4.1-mini&region=swedencentral",
        "tenant=3f2a9c1e-7b4d-4e8a-9c2b-5d6e7f8a9b0c",
        "author=me&monitor=1",
        "flag",
    ],
)
def test_what_is_no_secret_is_none(query: str) -> None:
    """Versions, regions and names are shown with every answer."""
    base_url = f"https://a.example/v1?{query}"

    assert base_url == Apertis(base_url=base_url).base_url


@pytest.mark.parametrize(
    "wrong", [{"key": OTHER}, {"a": "0123456789abcdef" * 2}, "a=b", {1: "a"}]
)
def test_a_query_that_cannot_be_is_not_sent(server: ScriptedServer, wrong: Any) -> None:
    """Nor one with a key, which is in no log."""
    with pytest.raises(errors.ConfigurationError, match="extra_query") as caught:
        ask(Apertis(base_url=server.url), extra_query=wrong)

    assert [] == server.requests
    assert OTHER not in str(caught.value)


def test_a_fragment_is_refused() -> None:
    """No server gets one."""
    with pytest.raises(errors.ConfigurationError, match="cannot be the base URL"):
        Apertis(base_url="https://a.example/v1#part")


def test_lists_of_models_are_kept_for_each_query(
    shell: Shell,
    server: ScriptedServer,
    cache: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two versions may have two lists."""
    assert cache
    for number in "12":
        server.will(json_answer({"data": [{"id": f"m{number}"}]}))
        monkeypatch.setenv("APERTIS_BASE_URL", f"{server.url}?v={number}")
        shell.run("%chat models")

    assert ["/v1/models?v=1", "/v1/models?v=2"] == [r.path for r in server.requests]


# A key for one request.


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_a_key_for_one_request(server: ScriptedServer, name: str) -> None:
    """It goes in place of the client's, and is as secret as that."""
    server.will(whole("Hi."), fails(401, f"wrong: {OTHER} {KEY}"))
    client = Apertis(KEY, base_url=server.url)
    headers = {name: f"Bearer {OTHER}"}
    ask(client)
    with pytest.raises(errors.AuthenticationError) as caught:
        ask(client, extra_headers=headers)

    assert f"Bearer {KEY}" == key_of(server, 0)
    assert f"Bearer {OTHER}" == key_of(server, 1)
    assert f"wrong: {TAKEN} {TAKEN}" in str(caught.value)


def test_two_keys_for_all_requests_are_refused() -> None:
    """Which of them was meant nobody knows."""
    for key in (KEY, lambda: KEY):
        with pytest.raises(errors.ConfigurationError, match="two keys"):
            Apertis(key, NOWHERE, default_headers={"authorization": "Bearer x"})


# A function as the key.


def gives(keys_: Any) -> Callable[[], Any]:
    """Return a function that gives one after the other."""
    given = iter(keys_)
    return lambda: next(given)


class Called:
    """What can be called and awaited."""

    async def __call__(self) -> str:
        return KEY


async def later() -> str:
    """Give the key after a while."""
    await asyncio.sleep(0)
    return KEY


FUNCTIONS: dict[str, Callable[[], Any]] = {
    "plain": lambda: KEY,
    "asynchronous": later,
    "a callable that is awaited": Called(),
    "plain, of something to await": lambda: later(),  # noqa: PLW0108  it is none itself
    "with what pasting leaves": lambda: f' "{KEY}"\n',
    "with its Bearer": lambda: f"Bearer {KEY}",
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_gives_the_key(
    server: ScriptedServer, function: Callable[[], Any]
) -> None:
    """In plain code and on an event loop."""
    server.will(whole("Hi."))
    ask(Apertis(function, server.url))

    async def talk() -> None:
        async with AsyncApertis(api_key=function, base_url=server.url) as client:
            await client.chat.completions.create(model="m", messages=HELLO)

    asyncio.run(talk())

    assert [f"Bearer {KEY}"] * 2 == [key_of(server, number) for number in (0, 1)]


def test_each_request_asks_for_the_key(server: ScriptedServer) -> None:
    """Also one that is sent again, and one of the list; what needs none asks for none.

    All of them are taken out of what the server says.
    """
    again = fails(503, headers={"Retry-After": "0.01"})
    refusal = fails(400, "key-0-0123456789 key-1-0123456789 key-2-0123456789")
    server.will(again, json_answer({"data": []}), refusal)
    client = Apertis(gives(f"key-{n}-0123456789" for n in range(9)), server.url)
    client.models.list()
    with pytest.raises(errors.BadRequest) as caught:
        ask(client)
    with pytest.raises(errors.BadRequest):
        ask(client, extra_headers={"Authorization": f"Bearer {OTHER}"})

    assert f"{TAKEN} {TAKEN} {TAKEN}" in str(caught.value)
    assert [
        "Bearer key-0-0123456789",
        "Bearer key-1-0123456789",
        "Bearer key-2-0123456789",
        f"Bearer {OTHER}",
    ] == [key_of(server, number) for number in range(4)]
    assert "0123456789" not in repr(client)


def test_a_function_that_waits_keeps_no_loop(server: ScriptedServer) -> None:
    """Others are answered meanwhile."""
    server.will(whole("Hi."))
    go = threading.Event()

    def wait() -> str:
        assert go.wait(PATIENCE)

        return KEY

    async def talk() -> list[str | None]:
        async with (
            AsyncApertis(wait, server.url) as slow,
            AsyncApertis(KEY, server.url) as quick,
        ):
            first = asyncio.create_task(
                slow.chat.completions.create(model="m", messages=HELLO)
            )
            second = await quick.chat.completions.create(model="m", messages=HELLO)
            go.set()
            return [each.choices[0].message.content for each in (second, await first)]

    assert ["Hi.", "Hi."] == asyncio.run(talk())


def raising(error: BaseException) -> Callable[[], str]:
    """Return a function that raises it."""

    def fail() -> str:
        raise error

    return fail


async def failing() -> str:
    """Fail with the key in what is said."""
    raise ValueError(KEY)


WRONG: dict[str, Any] = {
    "raises": raising(ValueError(KEY)),
    "raises on the loop": failing,
    "ends the iteration": gives([]),
    "exits": raising(SystemExit(KEY)),
    "gives nothing": lambda: None,
    "gives an empty text": lambda: " ",
    "gives bytes": KEY.encode,
    "gives two": lambda: [KEY, KEY],
    "gives two lines": lambda: f"{KEY}\n{KEY}",
    "wants something": lambda _: KEY,
}


@pytest.mark.parametrize("function", WRONG.values(), ids=WRONG)
def test_a_function_that_gives_none(server: ScriptedServer, function: Any) -> None:
    """One line says so and repeats nothing; the client goes on."""
    server.will(whole("Hi."))
    client = Apertis(function, server.url)
    with pytest.raises(errors.ConfigurationError) as caught:
        ask(client)

    assert [] == server.requests
    assert "function" in str(caught.value)  # the key of the environment is not at fault
    assert "APERTIS_API_KEY" not in caught.value.hint
    assert "\n" not in str(caught.value)
    assert KEY not in f"{caught.value!r} {caught.value.__context__!r}"
    assert "Hi." == ask(Apertis(KEY, server.url)).choices[0].message.content


@pytest.mark.parametrize("size", [1, 5, 100])
@pytest.mark.parametrize("stream", [True, False])
def test_a_conversation_hides_a_functions_key(
    server: ScriptedServer, tmp_path: Any, size: int, *, stream: bool
) -> None:
    """Though it was not known when the question was asked, and is another each time."""
    given = (f"hush-{number}-0123456789abcdef" for number in itertools.count())
    journal = Journal(tmp_path / "journal.sqlite")
    chat = Conversation(client=AsyncApertis(gives(given), server.url))
    for number in range(2):
        text = f"It is hush-{number}-0123456789abcdef, so."
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        server.will(says(*pieces) if stream else whole(text))
        reply = chat.ask("x", stream=stream)
        seen = list(reply.updates())
        turn = reply.result()

        assert f"It is {TAKEN}, so." == turn.text
        assert "0123456789abcdef" not in f"{seen} {turn!r}"
    with pytest.raises(errors.HeldBack):
        chat.ask("What is hush-1-0123456789abcdef?")
    journal.close()


def test_a_functions_key_is_not_seen_where_an_answer_breaks_off(
    server: ScriptedServer,
) -> None:
    """Neither in the error nor in what had come."""
    error = event({"error": {"message": f"no {KEY}"}})
    server.will(Answer((chunk(f"It is {KEY}, "), error, DONE)))
    chat = Conversation(client=AsyncApertis(lambda: KEY, server.url))
    with pytest.raises(errors.StreamError) as caught:
        chat.ask("x").result()

    assert KEY not in f"{caught.value} {caught.value.partial} {chat.turns!r}"
    assert f"It is {TAKEN}, " == caught.value.partial


def test_a_function_in_a_notebook(shell: Shell, server: ScriptedServer) -> None:
    """A client with one asks where the cells ask."""
    server.will(whole("Hi."))
    shell.run("from apertis_magic import Apertis")
    shell.run(
        f"text = Apertis(api_key=lambda: {KEY!r}).chat.completions.create("
        f"model='m', messages={HELLO!r}).choices[0].message.content"
    )

    assert "Hi." == shell.user_ns["text"]
    assert f"Bearer {KEY}" == key_of(server)


# httpx.Timeout.


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        (httpx.Timeout(60, connect=5), (5, 60, 60)),
        (httpx.Timeout(None, connect=5), (5, 1e8, 1e8)),
        (httpx.Timeout(7), (7, 7, 7)),
        (httpx.Timeout(7, connect=None), (1e8, 7, 7)),
        (httpx.Timeout(None), (1e8, 1e8, 1e8)),
        (7, (7, 7, 7)),
        (None, (10, 300, 120)),
    ],
)
def test_time_outs_of_httpx(timeout: Any, expected: tuple[float, ...]) -> None:
    """Connecting has its own, reading the first byte and each silence."""
    found = Timeouts.of(timeout)

    assert expected == (found.connect, found.first_byte, found.idle)


@pytest.mark.parametrize("wrong", [httpx.Timeout(0), httpx.Timeout(5, read=-1), (5, 6)])
def test_a_time_out_that_cannot_be(server: ScriptedServer, wrong: Any) -> None:
    """It is told before anything is sent."""
    for make in (
        lambda: Apertis(base_url=server.url, timeout=wrong),
        lambda: ask(Apertis(base_url=server.url), timeout=wrong),
        lambda: Apertis(base_url=server.url).with_options(timeout=wrong),
    ):
        with pytest.raises(errors.ConfigurationError, match="above 0"):
            make()


def test_a_time_out_of_httpx_is_kept(server: ScriptedServer) -> None:
    """For the client, for one request, and in a conversation."""
    silent = Answer(before_headers=Wait(threading.Event()))
    short = httpx.Timeout(None, read=1)
    server.will(silent)
    for client, options in (
        (Apertis(base_url=server.url, timeout=short), {}),
        (Apertis(base_url=server.url), {"timeout": short}),
    ):
        with pytest.raises(errors.TimedOut, match="silent for 1 s"):
            ask(client, **options)
    with pytest.raises(errors.TimedOut, match="silent for 1 s"):
        Conversation(client=AsyncApertis(base_url=server.url)).ask(
            "x", timeout=short
        ).result()


# with_options.


def test_other_options(server: ScriptedServer) -> None:
    """The client stays as it is, and the other one has what was not said from it."""
    server.will(whole("Hi."))
    client = Apertis(KEY, server.url, default_headers={"X-A": "1", "X-B": "1"})
    other = client.with_options(api_key=OTHER, default_headers={"x-b": "2"})
    for each in (client, other, client.copy()):
        ask(each)

    assert [
        (f"Bearer {KEY}", "1", "1"),
        (f"Bearer {OTHER}", "1", "2"),
        (f"Bearer {KEY}", "1", "1"),
    ] == [
        tuple(request.headers[name] for name in ("authorization", "x-a", "x-b"))
        for request in server.requests
    ]
    assert 1 == server.connections
    assert isinstance(other, Apertis)


def test_other_numbers(server: ScriptedServer) -> None:
    """How often it is tried again, and for how long it is waited."""
    server.will(fails(503, headers={"Retry-After": "0.01"}))
    client = Apertis(base_url=server.url, max_retries=0)
    with pytest.raises(errors.ServerError):
        ask(client.with_options(max_retries=2))
    server.will(Answer(before_headers=Wait(threading.Event())))
    with pytest.raises(errors.TimedOut, match="silent for 1 s"):
        ask(client.with_options(timeout=1))
    with pytest.raises(errors.ConfigurationError, match="max_retries"):
        client.with_options(max_retries=-1)

    assert 4 == len(server.requests)


def test_what_a_server_takes_is_known_to_both() -> None:
    """Of the same server, asked with the same key."""
    client = AsyncApertis(KEY, NOWHERE)

    assert client.capabilities is client.with_options(timeout=5).capabilities
    assert client.capabilities is client.with_options(base_url=NOWHERE).capabilities
    assert client.capabilities is not client.with_options(api_key=OTHER).capabilities


def test_another_address(server: ScriptedServer) -> None:
    """It gets the key that was given, or else the one that is kept for it."""
    server.will(whole("Hi."))
    keys.store(KEY, "http://127.0.0.1:9")
    keys.store(OTHER, server.url)
    ask(Apertis(base_url=NOWHERE).with_options(base_url=server.url))
    ask(Apertis("given-0123456789", NOWHERE).with_options(base_url=server.url))
    ask(Apertis(lambda: "asked-0123456789", NOWHERE).copy(base_url=server.url))

    assert [
        f"Bearer {OTHER}",
        "Bearer given-0123456789",
        "Bearer asked-0123456789",
    ] == [key_of(server, number) for number in range(3)]


def test_another_one_on_an_event_loop(server: ScriptedServer) -> None:
    """It is an asynchronous one too."""
    server.will(whole("Hi."))

    async def talk() -> str | None:
        async with AsyncApertis(base_url=server.url).with_options(timeout=5) as client:
            answer = await client.chat.completions.create(model="m", messages=HELLO)
        return answer.choices[0].message.content

    assert "Hi." == asyncio.run(talk())


# A closed client.


def test_a_closed_client_says_so(server: ScriptedServer) -> None:
    """Nothing is sent; to close it twice is to close it."""
    server.will(whole("Hi."))
    client = Apertis(base_url=server.url)
    ask(client)
    client.close()
    client.close()
    for call in (lambda: ask(client), client.models.list, client.account.credits):
        with pytest.raises(errors.ConfigurationError, match="This client is closed"):
            call()
    with client, pytest.raises(errors.ConfigurationError, match="is closed"):
        ask(client, stream=True)

    assert 1 == len(server.requests)


def test_a_closed_client_says_so_on_any_loop(server: ScriptedServer) -> None:
    """Not only on the one that it was closed on."""
    client = AsyncApertis(base_url=server.url)
    asyncio.run(client.aclose())
    with pytest.raises(errors.ConfigurationError, match="This client is closed"):
        asyncio.run(client.models.list())
    with pytest.raises(errors.ConfigurationError, match="This client is closed"):
        Conversation(client=client).ask("x").result()

    assert [] == server.requests


@pytest.mark.parametrize("close", [Apertis.close, Apertis.__exit__])
def test_an_answer_that_comes_is_not_cut(
    server: ScriptedServer, close: Callable[..., None]
) -> None:
    """Its connection is closed with its end."""
    go = threading.Event()
    server.will(Answer((chunk("a"), Wait(go), chunk("b", finish="stop"), DONE)))
    client = Apertis(base_url=server.url)
    stream = ask(client, stream=True)
    first = next(stream)
    close(client, *([None] * 3 if close is Apertis.__exit__ else []))
    go.set()

    assert ["a", "b"] == [
        piece.choices[0].delta.content for piece in (first, *stream) if piece.choices
    ]


def test_a_question_that_is_sent_is_answered(server: ScriptedServer) -> None:
    """Though the client is closed before anything of the answer has come."""
    go = threading.Event()
    answer = whole("Hi.")
    server.will(Answer(answer.steps, 200, answer.headers, before_headers=Wait(go)))

    async def talk() -> tuple[str | None, list[object]]:
        client = AsyncApertis(base_url=server.url)
        connections = client._transport._pool.to(server.url)
        asked = asyncio.create_task(
            client.chat.completions.create(model="m", messages=HELLO)
        )
        await asyncio.to_thread(server.wait_for, 1)
        await client.aclose()
        go.set()
        content = (await asked).choices[0].message.content
        pool: Any = connections.transport
        return content, list(pool._pool.connections)

    assert ("Hi.", []) == asyncio.run(talk())


def test_one_that_was_made_of_another_is_closed_alone(server: ScriptedServer) -> None:
    """As in ``with client.with_options(…) as other``."""
    server.will(whole("Hi."))
    client = Apertis(base_url=server.url)
    with client.with_options(timeout=5) as other:
        ask(other)

    assert "Hi." == ask(client).choices[0].message.content
    with pytest.raises(errors.ConfigurationError, match="is closed"):
        ask(other)


@pytest.mark.parametrize("client", [Apertis, AsyncApertis])
def test_no_client_pickles(client: type[Apertis | AsyncApertis]) -> None:
    """Whatever gives its key."""
    for key in (KEY, later):
        made = client(key, NOWHERE)
        for each in (made, made.with_options(timeout=5), copy(made)):
            with pytest.raises(TypeError, match="does not pickle"):
                pickle.dumps(each)
