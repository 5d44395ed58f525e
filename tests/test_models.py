"""Models, the price catalogue and the account, as the service's own tools read them."""

import asyncio
from typing import Any

import pytest
from scripted_server import Answer, ScriptedServer, fails, json_answer

from apertis_magic import Apertis, AsyncApertis, errors


@pytest.fixture
def client(server: ScriptedServer) -> Apertis:
    """Return a client with a key."""
    return Apertis("sk-test-0123456789", base_url=server.url, max_retries=0)


def test_the_list(server: ScriptedServer, client: Apertis) -> None:
    """Plan models tell their quota and tier; nothing else is required."""
    rows = [
        {"id": "gpt-5.4", "object": "model", "created": 1626777600, "owned_by": "o"},
        {"id": "x", "multiplier": 0, "tier": "free", "context_length": 8192},
        {},
        "odd",
    ]
    server.will(json_answer({"object": "list", "data": rows}))
    found = client.models.list()

    assert ["gpt-5.4", "x", ""] == [model.id for model in found]
    assert 3 == len(found)
    assert ("o", 1626777600) == (found.data[0].owned_by, found.data[0].created)
    assert (0, "free", 8192) == (
        found.data[1].multiplier,
        found.data[1].tier,
        found.data[1].context_length,
    )
    request = server.requests[0]

    assert ("GET", "/v1/models") == (request.method, request.path)
    assert "Bearer sk-test-0123456789" == request.headers["authorization"]
    assert "content-type" not in request.headers


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gpt-5.4", "/v1/models/gpt-5.4"),
        ("Qwen/Qwen3-8B", "/v1/models/Qwen%2FQwen3-8B"),
        ("gpt-5.4:web", "/v1/models/gpt-5.4%3Aweb"),
        ("a b?c#d", "/v1/models/a%20b%3Fc%23d"),
        ("ü", "/v1/models/%C3%BC"),
    ],
)
def test_one_model(
    server: ScriptedServer, client: Apertis, model: str, path: str
) -> None:
    """Whatever an id holds stays one part of the path."""
    server.will(json_answer({"id": model}))

    assert model == client.models.retrieve(model).id
    assert path == server.requests[0].path


def test_a_list_alone(server: ScriptedServer, client: Apertis) -> None:
    """Some servers leave out what stands around it."""
    server.will(json_answer([{"id": "m"}]))

    assert ["m"] == [model.id for model in client.models.list()]


@pytest.mark.parametrize("model", ["", "  ", ".", "..", None, 5])
def test_what_is_no_id(server: ScriptedServer, client: Apertis, model: Any) -> None:
    """Nothing is sent for it."""
    with pytest.raises(errors.ConfigurationError):
        client.models.retrieve(model)

    assert [] == server.requests


def test_a_model_that_is_not_there(server: ScriptedServer, client: Apertis) -> None:
    """It is the same error as when it is asked."""
    server.will(fails(404, "no", code="model_not_found"))
    with pytest.raises(errors.ModelNotFound):
        client.models.retrieve("m")


def row(name: str, **fields: Any) -> dict[str, Any]:
    """Return a row of the catalogue."""
    return {"model_id": name, "input_price": 0.0024, "output_price": 0.012, **fields}


def pages(*rows: list[dict[str, Any]], hidden: tuple[str, ...] = ()) -> list[Answer]:
    """Return the catalogue's pages."""
    return [
        json_answer(
            {
                "success": True,
                "data": {
                    "models": page,
                    "pagination": {"has_more": number < len(rows)},
                    "hidden_model_ids": list(hidden),
                },
            }
        )
        for number, page in enumerate(rows, 1)
    ]


def test_the_catalogue(server: ScriptedServer, client: Apertis) -> None:
    """Every page is read, without the key; prices are for a million tokens."""
    first = [
        row("claude-sonnet-4-6", display_name="Claude", provider="Anthropic"),
        row("off", is_enabled=False),
        row("old", is_deprecated=True),
        row("gone", badge="unavailable"),
        row("hidden"),
    ]
    free = {"model_id": "x:free", "category": "free", "context_length": 4096}
    server.will(*pages(first, [free, row("claude-sonnet-4-6")], hidden=("hidden",)))
    found = client.models.catalogue()

    assert ["claude-sonnet-4-6", "x:free"] == [model.id for model in found]
    assert (2.4, 12.0, False) == (
        found[0].input_per_million,
        found[0].output_per_million,
        found[0].is_free,
    )
    assert (0.0, True, 4096, "x:free", "free") == (
        found[1].output_per_million,
        found[1].is_free,
        found[1].context_length,
        found[1].name,
        found[1].category,
    )
    assert [
        "/api/v2/models/?limit=100&offset=0&sort=newest&order=desc",
        "/api/v2/models/?limit=100&offset=5&sort=newest&order=desc",
    ] == [request.path for request in server.requests]
    assert all("authorization" not in request.headers for request in server.requests)


def test_a_catalogue_that_never_ends(server: ScriptedServer, client: Apertis) -> None:
    """A page that says there is more, and holds nothing, is the last."""
    more = {"data": {"models": [], "pagination": {"has_more": True}}}
    server.will(json_answer(more))

    assert () == client.models.catalogue()
    assert 1 == len(server.requests)


def test_the_balance(server: ScriptedServer, client: Apertis) -> None:
    """Pay-as-you-go credits and a subscription's quota."""
    payg = {"account_credits": 12.5, "token_used": 2, "token_is_unlimited": True}
    plan = {"plan_type": "lite", "status": "active", "cycle_quota_remaining": 90}
    server.will(
        json_answer(
            {
                "payg": {**payg, "token_remaining": "unlimited"},
                "subscription": {
                    **plan,
                    "cycle_quota_used": 10,
                    "cycle_quota_limit": 100,
                },
            }
        )
    )
    found = client.account.credits()

    assert (12.5, 2.0, None, True) == (
        found.account_usd,
        found.used_usd,
        found.remaining_usd,
        found.is_unlimited,
    )
    assert found.subscription is not None
    assert ("lite", "active", 10, 90, 100) == (
        found.subscription.plan,
        found.subscription.status,
        found.subscription.used,
        found.subscription.remaining,
        found.subscription.limit,
    )
    assert "/v1/dashboard/billing/credits" == server.requests[0].path


def test_the_balance_by_its_older_names(
    server: ScriptedServer, client: Apertis
) -> None:
    """Fields that stood on top."""
    server.will(json_answer({"remaining_usd": 3, "used_usd": 1, "is_unlimited": False}))
    found = client.account.credits()

    assert (3.0, 3.0, 1.0, False, None) == (
        found.account_usd,
        found.remaining_usd,
        found.used_usd,
        found.is_unlimited,
        found.subscription,
    )


def test_what_the_key_has_spent(server: ScriptedServer, client: Apertis) -> None:
    """In all, or in a period."""
    data = {
        "token_name": "class",
        "used_quota_usd": 0.5,
        "remain_quota_usd": 1.5,
        "total_tokens": 100,
        "total_requests": 7,
    }
    server.will(json_answer({"success": True, "data": data}))
    found = client.account.usage("week")
    client.account.usage()

    assert ("class", 0.5, 1.5, 100, 7) == (
        found.name,
        found.used_usd,
        found.remaining_usd,
        found.tokens,
        found.requests,
    )
    assert ["/v1/token/usage?period=week", "/v1/token/usage"] == [
        request.path for request in server.requests
    ]


@pytest.mark.parametrize(
    "answer",
    [
        json_answer("x"),
        json_answer({"success": False, "message": "not JSON"}),
        Answer((b"<html>hi",), headers={"Content-Type": "text/html"}),
        json_answer({"error": {"message": "not JSON"}}),
    ],
)
def test_what_is_no_list(
    server: ScriptedServer, client: Apertis, answer: Answer
) -> None:
    """It is told in one line."""
    server.will(answer)
    with pytest.raises(errors.StreamError, match="not JSON"):
        client.models.list()


def test_the_async_surface(server: ScriptedServer) -> None:
    """Everything is there for ``await`` too."""
    server.will(
        json_answer({"data": [{"id": "m"}]}),
        json_answer({"id": "m"}),
        *pages([row("m")]),
        json_answer({"remaining_usd": 3}),
        json_answer({"data": {"total_tokens": 1}}),
    )

    async def talk() -> list[object]:
        async with AsyncApertis(base_url=server.url) as client:
            return [
                len(await client.models.list()),
                (await client.models.retrieve("m")).id,
                (await client.models.catalogue())[0].id,
                (await client.account.credits()).account_usd,
                (await client.account.usage()).tokens,
            ]

    assert [1, "m", "m", 3.0, 1] == asyncio.run(talk())
