"""Redirects: followed where request and key stay at one host, on real sockets."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import (
    Answer,
    ScriptedServer,
    Wait,
    fails,
    json_answer,
    says,
    whole,
)

from apertis_magic import Apertis, AsyncApertis, Conversation, errors
from apertis_magic.api import redirects
from apertis_magic.api.response import Response

HELLO = [{"role": "user", "content": "Hello!"}]
KEY = "hush-0123456789"
PATH = "/v1/chat/completions"


def to(location: str, status: int = 307, **headers: str) -> Answer:
    """Return a redirect, with a body that nobody needs."""
    return Answer((b"moved",), status, {"Location": location, **headers})


def ask(server: ScriptedServer, **options: Any) -> Any:
    """Ask in plain code, with a key."""
    client = Apertis(KEY, base_url=server.url, max_retries=0)
    return client.chat.completions.create(model="m", messages=HELLO, **options)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", ["completions/", f"{PATH}/", "{origin}/other?a=1"])
def test_a_question_goes_on_at_the_same_host(
    server: ScriptedServer, location: str, status: int
) -> None:
    """With its key and its whole body, whole or streamed."""
    where = location.format(origin=server.url.removesuffix("/v1"))
    server.will(to(where, status), whole("Hi."), to(where, status), says("a", "b"))

    assert "Hi." == ask(server).choices[0].message.content
    assert "ab" == ask(server, stream=True).completion().choices[0].message.content

    first, second = server.requests[:2]
    expected = "/other?a=1" if "other" in location else f"{PATH}/"

    assert ("POST", expected) == (second.method, second.path)
    assert first.body == second.body
    assert f"Bearer {KEY}" == second.headers["authorization"]
    assert first.headers == second.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_list_goes_on_too(server: ScriptedServer, status: int) -> None:
    """A GET stays one, also after 303."""
    server.will(to("/v1/models/", status), json_answer({"data": [{"id": "m"}]}))
    models = Apertis(KEY, base_url=server.url).models.list()

    assert ["m"] == [model.id for model in models]
    assert ["GET", "GET"] == [request.method for request in server.requests]
    assert f"Bearer {KEY}" == server.requests[1].headers["authorization"]


def test_a_conversation_goes_on(server: ScriptedServer) -> None:
    """As in a cell."""
    server.will(to("completions/"), says("a", "b"))
    chat = Conversation(client=AsyncApertis(KEY, server.url))

    assert "ab" == chat.ask("x").result().text


def test_what_follows_is_as_it_would_be(server: ScriptedServer) -> None:
    """A refusal behind a redirect is that refusal, and is tried again as such."""
    again = fails(503, headers={"Retry-After": "0.01"})
    server.will(to("completions/"), again, to("completions/"), whole("Hi."))
    client = Apertis(KEY, base_url=server.url)
    answer = client.chat.completions.create(model="m", messages=HELLO)

    assert "Hi." == answer.choices[0].message.content
    assert 4 == len(server.requests)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("http://localhost:{port}/v1/chat/completions", "http://localhost:{port}/v1"),
        ("http://127.0.0.1:9/v1/chat/completions", "http://127.0.0.1:9/v1"),
        ("//other.example/api/chat/completions/", "http://other.example/api"),
        ("https://127.0.0.1/v1/chat/completions", "https://127.0.0.1/v1"),
        ("http://me:hush@127.0.0.1:{port}/v1/chat/completions", "http://127.0.0.1"),
        ("http://other.example/login?next=hush", "http://other.example/login"),
    ],
)
def test_another_host_gets_nothing(
    server: ScriptedServer, location: str, shown: str
) -> None:
    """The error names where it leads, so that it can be set, and no secret of that."""
    where, shown = location.format(port=server.port), shown.format(port=server.port)
    server.will(to(where), whole("from elsewhere"))
    with pytest.raises(errors.StatusError, match="redirect") as caught:
        ask(server)
    told = f"{caught.value} {caught.value.hint}"

    assert 1 == len(server.requests)
    assert shown in told
    assert "hush" not in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "redirect",
    [
        to("completions/", 303),
        to("completions/", 300),
        to("completions/", 304),
        to("", 307),
        to("http://[::1", 307),
        to("http://127.0.0.1:99999/", 307),
        to("mailto:me", 307),
        to("/v1/a b", 307),
        to("\\\\other.example/v1", 307),
        to(f"/v1?key={KEY}", 307),
        Answer((), 307, {"X-A": "b"}),
    ],
)
def test_what_is_no_way_to_go_on(server: ScriptedServer, redirect: Answer) -> None:
    """One line says so, and the question is sent no further."""
    server.will(redirect, whole("from elsewhere"))
    with pytest.raises(errors.StatusError, match="redirect") as caught:
        ask(server)

    assert redirect.status == caught.value.status
    assert KEY not in f"{caught.value} {caught.value.hint} {caught.value.headers}"
    assert 1 == len(server.requests)


@pytest.mark.parametrize("turns", [1, 2])
def test_a_circle_ends(server: ScriptedServer, turns: int) -> None:
    """After five redirects."""
    server.will(*[to(f"/{n % turns}") for n in range(20)])
    with pytest.raises(errors.StatusError, match="more than 5 redirects"):
        ask(server)

    assert 6 == len(server.requests)


def test_five_are_followed(server: ScriptedServer) -> None:
    """And the sixth request is answered."""
    server.will(*[to(f"/{n}") for n in range(5)], whole("Hi."))

    assert "Hi." == ask(server).choices[0].message.content


def test_one_time_out_covers_all_of_them(server: ScriptedServer) -> None:
    """Each redirect in time is no answer in time."""
    silent = Wait(threading.Event())
    server.will(to("/a"), to("/b"), Answer(before_headers=silent))
    with pytest.raises(errors.TimedOut, match="silent for 1 s"):
        ask(server, timeout=1)

    assert 3 == len(server.requests)


def test_connections_are_closed_with_the_client(server: ScriptedServer) -> None:
    """A redirect leaves none behind."""
    server.will(replace(to("/a"), steps=()), whole("Hi."))

    async def left() -> list[object]:
        client = AsyncApertis(KEY, base_url=server.url)
        await client.chat.completions.create(model="m", messages=HELLO)
        connections = client._transport._pool.to(server.url)
        await client.aclose()
        pool: Any = connections.transport
        return list(pool._pool.connections)

    assert [] == asyncio.run(left())


@pytest.mark.parametrize(
    ("url", "location", "is_followed"),
    [
        ("http://a.example/v1", "https://a.example/v1", True),
        ("http://a.example:80/v1", "https://A.example:443/v1", True),
        ("http://a.example:8000/v1", "https://a.example:8000/v1", True),
        ("http://a.example:8000/v1", "https://a.example/v1", False),
        ("http://a.example/v1", "https://a.example:8443/v1", False),
        ("https://a.example/v1", "http://a.example/v1", False),
        ("https://a.example:8443/v1", "http://a.example:8443/v1", False),
        ("https://a.example/v1", "https://a.example:443/v2", True),
        ("https://a.example/v1", "https://a.example/v2#part", True),
        ("https://a.example/v1", "https://www.a.example/v1", False),
        ("https://a.example/v1", "https://a.example.other.example/v1", False),
        ("https://a.example/v1", "https://a.example@other.example/v1", False),
        ("https://a.example/v1", "https://@a.example/v1", False),
        ("https://a.example/v1", "ftp://a.example/v1", False),
        ("https://a.example/v1", "?api-version=2", True),
        ("http://b\xfccher.example/v1", "http://xn--bcher-kva.example/v1/", True),
        ("http://fass.example/v1", "http://fa\xdf.example/v1", False),
        ("http://a.example/v1", "http://a.example:0/v1", False),
        ("http://[::1]:80/v1", "https://[::1]/v1", True),
    ],
)
def test_which_are_followed(url: str, location: str, *, is_followed: bool) -> None:
    """To the same host and port, and from http to https, never back."""
    response = Response.of(307, {"Location": location})
    found = redirects.following(url, response, is_get=False)

    assert is_followed == (found is not None)
    assert found is None or "#" not in found
    if not is_followed:
        assert "redirect" in str(redirects.refusal(url, response, "/models"))


@given(
    st.one_of(
        st.text(max_size=30),
        st.from_regex(r"(https?:)?//[a-c.@:\[\]0-9]{0,12}/[!-~]{0,9}", fullmatch=True),
    ),
    st.sampled_from([300, 301, 303, 307]),
    st.booleans(),
)
def test_any_location_is_followed_or_told(
    location: str,
    status: int,
    is_get: bool,  # noqa: FBT001  hypothesis gives it
) -> None:
    """And what is followed is at the same host."""
    response = Response.of(status, {"Location": location})
    url = "https://a.b/v1"
    found = redirects.following(url, response, is_get=is_get)

    assert found is None or found.lower().startswith(
        ("https://a.b/", "https://a.b:443")
    )
    assert "\n" not in str(redirects.refusal(url, response, "/models"))
