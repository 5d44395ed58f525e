# ruff: noqa: ISC004  bodies are as servers send them, over several lines
"""What of a server's words is shown: one line, without markup, wrapping or hashes."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import Answer, ScriptedServer, fails

from apertis_magic import Apertis, errors
from apertis_magic.api import error_page, server_words
from apertis_magic.api.failures import from_response, in_success
from apertis_magic.api.response import Response
from apertis_magic.clean import one_line, shortened

HASH = "19fa5b" + 58 * "0"
LIMIT = f"Rate limit exceeded for api_key: {HASH}. Limit type: requests."
ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""What begins another line somewhere, as ``str.splitlines`` knows it."""

odd = st.text(st.sampled_from([*ENDS, *"\t\x00\x1b\x7f\x9b\u202e\u2066 a<>{}'\":.\\"]))


def told(body: bytes | str | dict[str, Any], status: int = 400) -> str:
    """Return the line that a refusal becomes, without its status."""
    if isinstance(body, dict):
        body = json.dumps(body)
    body = body.encode() if isinstance(body, str) else body
    refusal = from_response(Response(status=status), body, str)
    return str(refusal).removesuffix(f" (HTTP {status})")


@given(odd | st.text())
def test_an_error_is_one_line(words: str) -> None:
    """Whatever a server writes, and wherever it stands."""
    failures = [
        errors.ApertisError(words, hint=words),
        from_response(Response(status=400), json.dumps({"error": words}).encode(), str),
        from_response(Response(status=502), words.encode(errors="replace"), str),
        in_success({"message": words, "code": words}, str, Response()),
    ]
    for failure in failures:
        assert len(f"{failure}|".splitlines()) == 1
        assert len(f"{failure.hint}|".splitlines()) == 1
        assert str(failure).strip() == str(failure)
        assert "Cc" not in map(unicodedata.category, str(failure))


def test_blanks_are_one() -> None:
    """Ten thousand of them are no room, and hide nothing behind them."""
    assert "a b" == told({"error": {"message": "a" + 10_000 * " " + "b"}})
    assert "a b" == one_line("a \x00 \u2028\x85 b\n")


def test_a_key_in_pieces_is_no_key() -> None:
    """Neither a control character nor the end of a line hides one."""
    key = "sk-abcdefgh12345678"
    for words in (key[:5] + "\x00" + key[5:], f"no\n{key}\n", f"\u202e{key}"):
        assert "abcdefgh" not in str(errors.ApertisError(words))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad"
            " Gateway</h1></center><hr><center>nginx</center></body></html>",
            "502 Bad Gateway",
        ),
        (
            "<!DOCTYPE html><html><style>title{}</style><title>\n a.example | 502:"
            "&nbsp;Bad&#32;gateway </title></head><body>"
            + 5000 * "x"
            + "</body></html>",
            "a.example | 502: Bad gateway",
        ),
        ("<html><h1>Not <b>here</b></h1><p>body</p>", "Not here"),
        ("<html><title></title><h2>Gone</h2><p>body</p>", "Gone"),
        ("<html><title>502</title><h1>Bad Gateway</h1>", "Bad Gateway"),
        (
            "<html><style>p{}</style><h1>520</h1>\n<p>Unknown error</p>",
            "520 Unknown error",
        ),
        ("<html><body>" + 50 * "<p>word</p> " + "</body>", 19 * "word " + "word…"),
        ("<html><svg><script>x</script></svg>", "no reason given"),
        ("<TITLE>Shouting</TITLE>", "Shouting"),
        ("<html><title>Never closed", "Never closed"),
        ("a < b and c > d", "a < b and c > d"),
    ],
    ids=lambda text: text[:40],
)
def test_a_page_shows_what_it_is_called(text: str, expected: str) -> None:
    """Its title, first heading or first words; also where an error's words are one."""
    assert expected == told(text)
    assert expected == told({"error": {"message": text}})


def test_all_of_a_page_tells_its_kind() -> None:
    """What is not shown of it is read all the same."""
    body = "<html><title>Access denied</title><p>Error code: 1010, by Cloudflare</p>"
    refusal = from_response(Response(status=403), body.encode(), str)

    assert errors.Blocked is type(refusal)
    assert "Access denied (HTTP 403)" == str(refusal)


@pytest.mark.parametrize("piece", ["<", "<a", "<title>", "<h1>x", "&#", "<script>"])
def test_a_page_costs_what_its_size_does(piece: str) -> None:
    """One that is nothing but beginnings ends."""
    assert error_page.name("<html>" + 20_000 * piece) is not None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "litellm.BadRequestError: You passed in model=nope. There are no healthy "
            "deployments for this model. Received Model Group=nope\nAvailable Model "
            "Group Fallbacks=None",
            "You passed in model=nope. There are no healthy deployments for this model",
        ),
        (
            "litellm.BadRequestError: You passed in model=x. There are no healthy "
            "deployments for this modelNo fallback model group found for original "
            "model_group=x. Fallbacks=[{'a': ['b']}]. Received Model Group=x",
            "You passed in model=x. There are no healthy deployments for this model",
        ),
        (
            "litellm.RateLimitError: RateLimitError: OpenAIException - slow down",
            "slow down",
        ),
        (
            "litellm.ContextWindowExceededError: litellm.BadRequestError: "
            "ContextWindowExceededError: OpenAIException - too long",
            "too long",
        ),
        ("ContextWindowExceededError: ContextWindowExceededError: a", "a"),
        ("litellm.Timeout: Connection timed out", "Connection timed out"),
        ("AzureException NotFoundError - litellm.NotFoundError: gone", "gone"),
        (
            "{'error': '/chat/completions: Invalid model'}",
            "/chat/completions: Invalid model",
        ),
        (
            'litellm.AuthenticationError: AnthropicException - {"type":"error","error":'
            '{"type":"authentication_error","message":"invalid x-api-key"}}. Received '
            "Model Group=c",
            "invalid x-api-key",
        ),
        (
            'Provider returned error: {"error":{"message":"max_tokens must be 8192"}}',
            "Provider returned error: max_tokens must be 8192",
        ),
        ('litellm.APIError: APIError: OpenAIException - b\'{"error": "x"}\'', "x"),
        (
            "Error code: 400 - {'error': {'message': \"It isn't 'x'.\", 'type': 'a'}}",
            "It isn't 'x'.",
        ),
        ("{'detail': 'It is', 'code': 7}", "It is"),
        ("{'error': 'can't be read'}", "{'error': 'can't be read'}"),
        ("{'error': 'cut off", "{'error': 'cut off"),
        ("slow down LiteLLM Retried: 1 times, LiteLLM Max Retries: 2", "slow down"),
        (
            "litellm.RateLimitError: RateLimitError: OpenAIException - Slow down!\n\n"
            "LiteLLM: model group 'x' failed with the error above. No fallback was "
            "attempted.",
            "Slow down!",
        ),
        # What is not wrapping stays.
        ("ValidationException: Input is odd", "ValidationException: Input is odd"),
        ('Invalid JSON: {"a": 1} at 3', 'Invalid JSON: {"a": 1} at 3'),
        ("{not JSON}", "{not JSON}"),
        ("litellm.BadRequestError: ", "litellm.BadRequestError:"),
        (100 * "{", 100 * "{"),
    ],
)
def test_wrapping_is_taken_off(words: str, expected: str) -> None:
    """Gateways put the words of the model's provider into their own."""
    assert expected == told({"error": {"message": words}})


SENT = (
    "Tell me: what is the maximum context length? The model was not found. "
    "The model wasn't found."
)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('Invalid content: "what is the maximum context length?"', errors.BadRequest),
        (
            "Invalid 'messages[0].content': 'The model was not found.'",
            errors.BadRequest,
        ),
        ("Invalid content: 'The model wasn't found.'", errors.BadRequest),
        ("input_value='what is the max...model was not found.'", errors.BadRequest),
        ('"maximum context length exceeded"', errors.ContextLengthExceeded),
        ("The prompt is too long: 'Tell me: what'", errors.ContextLengthExceeded),
    ],
)
def test_a_quoted_message_tells_no_kind(words: str, kind: type[Exception]) -> None:
    """A server that quotes the question does not speak of itself."""
    body = json.dumps({"error": {"message": words}}).encode()
    parts = [{"type": "text", "text": SENT}]
    for content in (SENT, parts):
        asked = {"messages": [{"role": "user", "content": content}]}
        found = from_response(Response(status=400), body, str, asked=asked)

        assert kind is type(found)
        assert f"{words} (HTTP 400)" == str(found)


def test_many_quotations_are_read_in_time() -> None:
    """Of the first twenty each is looked for."""
    line = 600 * "'a b...c' "

    assert 20 * len("'a b...c'") == len(line) - len(
        server_words.without_quotations(line, ["a b c"])
    )


def test_a_quoted_name_tells_no_kind() -> None:
    """A tool, a file and a link have names that people gave; the model's is its own."""
    link = "https://x.example/model_not_found.png"
    asked = {
        "model": "no such model",
        "messages": [{"content": [{"image_url": {"url": link}}]}],
        "tools": [{"function": {"name": "insufficient_balance"}}],
    }
    said = {
        f"Invalid image '{link}'": errors.BadRequest,
        "Duplicate tool name: 'insufficient_balance'": errors.BadRequest,
        "'insufficient_credit'": errors.QuotaExceeded,
        "'no such model'": errors.ModelNotFound,
    }
    found = {
        words: type(
            from_response(Response(status=400), words.encode(), str, asked=asked)
        )
        for words in said
    }

    assert said == found


def test_a_hash_is_shortened() -> None:
    """A gateway names a key by it, which nobody compares by eye."""
    assert f"{LIMIT}".replace(HASH, "19fa5b00…") == told({"error": {"message": LIMIT}})
    assert "a 0123456789abcdef" == server_words.without_hashes("a 0123456789abcdef")
    assert 40 * "z" == server_words.without_hashes(40 * "z")
    assert "x" + HASH == server_words.without_hashes("x" + HASH)


@pytest.mark.parametrize("stream", [False, True])
def test_the_requests_id_stays_whole(server: ScriptedServer, *, stream: bool) -> None:
    """It is what the provider's support wants to be told."""
    request_id = f"req_{HASH[:32]}"
    server.will(
        fails(400, f"odd ({request_id}, {HASH})", headers={"X-Request-Id": request_id})
    )
    with pytest.raises(errors.BadRequest) as caught:
        Apertis(base_url=server.url).chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], stream=stream
        )

    assert f"odd ({request_id}, 19fa5b00…) (HTTP 400)" == str(caught.value)


def test_long_words_end_with_a_word() -> None:
    """And a word that is long itself is cut."""
    told_words = told({"error": {"message": 200 * "word "}})

    assert told_words.endswith("word…")
    assert 490 < len(told_words) <= 500
    assert 499 * "x" + "…" == shortened(600 * "x", 500)
    assert "ab cd…" == shortened("ab cd ef", 6)
    assert "ab cd ef" == shortened("ab cd ef", 8)


@given(st.text(), st.integers(2, 80))
def test_what_is_shortened(words: str, most: int) -> None:
    """It is the beginning, and no longer than it may be."""
    line = one_line(words)
    short = shortened(line, most)

    assert len(short) <= most
    assert line.startswith(short.removesuffix("…"))
    assert (short == line) == (len(line) <= most)


def test_half_a_key_is_not_left_where_words_are_cut(server: ScriptedServer) -> None:
    """The key goes before the words are cut."""
    key = "sk-very-secret-0123456789"
    server.will(fails(400, 490 * "x" + f" {key} and more"))
    with pytest.raises(errors.BadRequest) as caught:
        Apertis(base_url=server.url, api_key=key).models.list()

    assert "very" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "expected", "param"),
    [
        ({"detail": {"error": {"message": "a", "param": "seed"}}}, "a", "seed"),
        ({"detail": {"message": "a", "code": "c"}}, "a", None),
        (
            {"detail": [{"loc": ["body", "stop", 0], "msg": "odd"}]},
            "body.stop.0: odd",
            "stop.0",
        ),
        (
            {
                "object": "error",
                "message": {"detail": [{"loc": ["body", "n"], "msg": "x"}]},
            },
            "body.n: x",
            "n",
        ),
        ({"error": {"message": {"detail": "inside"}}}, "inside", None),
        ({"error": {"message": "a", "param": "None", "code": "None"}}, "a", None),
        ({"error": {"message": 7}}, "7", None),
        ({"errors": ["a", "b"]}, "a", None),
        ({"errors": [{"message": "a", "param": "n"}]}, "a", "n"),
        ({"errors": "a"}, "a", None),
        ({"errors": [], "title": "a"}, "a", None),
        ({"error": "Bad Request", "message": "why"}, "Bad Request: why", None),
        ({"error": "why", "message": "why"}, "why", None),
        ({"error": "bad", "error_description": "why"}, "bad: why", None),
        ({"error_code": 336003, "error_msg": "a"}, "a", None),
        ({"Message": "a"}, "a", None),
        ({"reason": "a"}, "a", None),
    ],
)
def test_where_an_error_stands(
    body: dict[str, Any], expected: str, param: str | None
) -> None:
    """FastAPI's ``detail`` in its forms, and Mistral's; ``loc`` names the field."""
    refusal = from_response(Response(status=422), json.dumps(body).encode(), str)

    assert f"{expected} (HTTP 422)" == str(refusal)
    assert param == refusal.param


def test_a_page_in_the_place_of_an_answer(server: ScriptedServer) -> None:
    """Its title is shown, not its body."""
    body = b"<html><title>Welcome</title><body>All the rest</body></html>"
    server.will(Answer((body,), headers={"Content-Type": "text/html"}))
    with pytest.raises(errors.StreamError, match="not JSON: 'Welcome'") as caught:
        Apertis(base_url=server.url).models.list()

    assert f"Check the base URL, {server.url}." == caught.value.hint
