# ruff: noqa: E501  a row is a line
"""What is said to do about a refusal: by the server that answers, in our own words."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from conftest import Shell
from scripted_server import Answer, ScriptedServer, fails, json_answer, says

from apertis_magic import Apertis, errors
from apertis_magic.api import advice, keys, resets
from apertis_magic.api.failures import from_response, in_success
from apertis_magic.api.response import Response

HELLO = [{"role": "user", "content": "Hello!"}]
NOON = datetime(2026, 11, 25, 13, 2, 44, tzinfo=timezone(timedelta(hours=1)))
UNKNOWN = fails(400, "Odd.")


def refusal(
    status: int,
    body: dict[str, Any],
    base_url: str = "https://llm.example/v1",
    **headers: str,
) -> errors.StatusError:
    """Return what a refusal becomes."""
    response = Response.of(status, {k.replace("_", "-"): v for k, v in headers.items()})
    content = json.dumps({"error": body}).encode()
    return from_response(response, content, str, base_url, clock=lambda: NOON)


def hint(shell: Shell, source: str) -> str:
    """Return what a cell that is refused says to do."""
    with pytest.raises(errors.ApertisError) as caught:
        shell.run(source)
    return caught.value.hint


@pytest.mark.parametrize(
    ("line", "answer", "expected"),
    [
        (
            "--temperature 0.2",
            fails(400, "no", param="temperature", code="unsupported_value"),
            "Leave temperature (--temperature) out; this model does not take it.",
        ),
        (
            "-n 3",
            fails(400, "'n' : number must be at most 1"),
            "This server gives no more answers to a question: leave -n out.",
        ),
        (
            "--max-tokens 9",
            fails(400, "bad", param="max_tokens"),
            "Give another max_tokens (--max-tokens) than 9, or leave it out.",
        ),
        (
            "-p verbosity=odd",
            fails(400, "Argument not supported on this model: `verbosity`"),
            "Leave verbosity (-p verbosity=…) out; this model does not take it.",
        ),
        (
            "-p top_k=5",
            fails(400, "top_k is not supported", param="top_k"),
            "Leave top_k (-p top_k=…) out; this model does not take it.",
        ),
        (
            "-t 1 --top-p 0.5",
            fails(400, "`temperature` and `top_p` cannot both be specified"),
            "Give only one of temperature (--temperature) and top_p (--top-p).",
        ),
        (
            "",
            fails(400, "no", code="output_length_exceeded"),
            "Give a smaller max_tokens (--max-tokens).",
        ),
        (
            "--no-stream -p seed=odd",
            fails(400, "Invalid 'seed': not a whole number"),
            "Give another seed (--seed) than odd, or leave it out.",
        ),
    ],
)
def test_options_are_named_as_they_are_typed(
    shell: Shell, server: ScriptedServer, line: str, answer: Answer, expected: str
) -> None:
    """By the magic line's option, which is ``-p`` for most fields."""
    server.will(answer)

    assert expected == hint(shell, f"%%chat {line}\nx")


OPTIONS = "-t 1.5 --seed 1 --reasoning-effort low -p top_k=5 -p max_output_tokens=9"
TOO_LARGE = (
    "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested "
    "9000, please reduce your message size and try again."
)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Unrecognized request argument supplied: seed", "Leave seed (--seed) out"),
        ("seed is not supported", "Leave seed (--seed) out"),
        ("property 'seed' is unsupported", "Leave seed (--seed) out"),
        ("The seed parameter is not supported", "Leave seed (--seed) out"),
        ("Parameter seed not supported", "Leave seed (--seed) out"),
        ("body.chat.seed: Extra inputs are not permitted", "Leave seed (--seed) out"),
        ('Unknown name "seed": Cannot find field.', "Leave seed (--seed) out"),
        (
            "m does not support parameters: ['reasoning_effort']",
            "Leave reasoning_effort (--reasoning-effort) out",
        ),
        ("top_k is not supported", "Leave top_k (-p top_k=…) out"),
        # Bounds are those that the server tells.
        (
            "body.temperature: Input should be less than or equal to 1",
            "Give another temperature (--temperature) than 1.5, or leave it out.",
        ),
        (
            "Temperature must be between 0 and 1",
            "Give another temperature (--temperature) than 1.5, or leave it out.",
        ),
        (
            "max_output_tokens must be more than 15",
            "Give another max_output_tokens (-p max_output_tokens=…) than 9",
        ),
        ("llama2 does not support top_k", "Leave top_k (-p top_k=…) out"),
        ("llama2 does not support seed", "Leave seed (--seed) out"),
        ("System role not supported", "Leave the system prompt out: --no-system."),
        (
            "Developer instruction is not enabled for models/gemma-3",
            "Leave the system prompt out: --no-system.",
        ),
        # What is another word, or another thing, than an option.
        ("The image is not supported", "Try it without what was set"),
        ("Seed funding is not supported", "Try it without what was set"),
        ("Tool 'seed_it' does not support strict mode", "Try it without what was set"),
    ],
)
def test_the_option_that_words_name(
    shell: Shell, server: ScriptedServer, words: str, expected: str
) -> None:
    """In any of the ways in which servers name one; nothing is asked twice."""
    server.will(fails(400, words), says("never"))

    assert expected in hint(shell, f"%%chat {OPTIONS}\nx")
    assert 1 == len(server.requests)


def test_a_request_of_too_many_bytes(shell: Shell, server: ScriptedServer) -> None:
    """A proxy counts them, whatever the model could read."""
    expected = "Start over with --new, or attach smaller pictures and files (-f)."
    for answer in (
        fails(413, "<html><title>413 Request Entity Too Large</title></html>"),
        fails(413, "Request exceeds the maximum size", type="request_too_large"),
    ):
        server.will(answer)

        assert expected == hint(shell, "%%chat\nx")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (429, "Wait a little, then ask again."),
        (402, "Top up the account or use another key."),
        ("502", "Ask again, or ask another model."),
        ("408", "Ask again."),
        ("odd", "Ask again."),
    ],
)
def test_a_status_inside_a_success(code: int | str, expected: str) -> None:
    """Gateways tell it where the stream had begun."""
    error = {"message": "Provider returned error", "code": code}

    assert expected == in_success(error, str, Response(status=200)).hint


@pytest.mark.parametrize("status", [413, 429])
def test_a_request_that_is_larger_than_a_minutes_limit(
    shell: Shell, server: ScriptedServer, status: int
) -> None:
    """No wait helps, so that it is sent once, and a hint says what does."""
    server.will(fails(status, TOO_LARGE, code="rate_limit_exceeded"), says("never"))
    expected = (
        "Start over with --new, or send fewer turns with --history N; no wait helps."
    )

    assert expected == hint(shell, "%%chat\nx")
    assert 1 == len(server.requests)


@pytest.mark.parametrize(
    "words", ["prompt is too long", TOO_LARGE, "Request Entity Too Large"]
)
def test_too_much_in_python(server: ScriptedServer, words: str) -> None:
    """A program has no options of a magic line."""
    server.will(fails(413, words))
    with pytest.raises(errors.StatusError) as caught:
        Apertis(base_url=server.url).chat.completions.create(model="m", messages=HELLO)

    assert "fewer messages" in caught.value.hint
    assert "--" not in caught.value.hint


def test_options_in_python_are_the_fields(server: ScriptedServer) -> None:
    """Nobody who writes Python types ``--temperature``."""
    server.will(fails(400, "no", param="temperature", code="unsupported_value"))
    with pytest.raises(errors.UnsupportedParameter) as caught:
        Apertis(base_url=server.url).chat.completions.create(
            model="m", messages=HELLO, temperature=0.2
        )

    assert "Leave temperature out; this model does not take it." == caught.value.hint


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("", ""),
        ("--no-stream", ""),
        ("-t 0", "--temperature 0"),
        ("-t 0.5 --seed 7", "--temperature 0.5, --seed 7"),
        ("-p top_k=5 --stop END", "--stop END, -p top_k=5"),
        ("--stop A --stop B", '--stop ["A", "B"]'),
        ('-p \'tools=[{"type": "function"}]\'', '-p tools=[{"type": "function"}]'),
        (f"-p user={40 * 'x'}", f"-p user={29 * 'x'}…"),
        ("-p my_api_key=hidden", "-p my_api_key=…"),
        ("-p x.password=hidden", '-p x={"password": "[key]"}'),
        (
            " ".join(f"-p a{nth}={nth}" for nth in range(10)),
            ", ".join(f"-p a{nth}={nth}" for nth in range(8)) + ", …",
        ),
    ],
)
def test_a_refusal_in_unknown_words(
    shell: Shell, server: ScriptedServer, line: str, settings: str
) -> None:
    """It says what was set, and nothing else, and what finds out more."""
    server.will(UNKNOWN)
    found = hint(shell, f"%%chat -m some-model {line}\nmy words")
    tried = f"Try it without what was set: {settings}. " if settings else ""

    assert f"{tried}{advice.DOCTOR}" == found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 409, 413, 418, 422])
def test_a_refusal_in_unknown_words_in_python(
    server: ScriptedServer, status: int, *, stream: bool
) -> None:
    """Without a notebook there is no ``%chat``."""
    server.will(fails(status, "Odd."))
    create = Apertis(base_url=server.url).chat.completions.create
    found = []
    for options in ({}, {"seed": 0, "extra_body": {"top_k": 5}}):
        with pytest.raises(errors.StatusError) as caught:
            create(model="m", messages=HELLO, stream=stream, **options)
        found.append(caught.value.hint)

    assert [
        "Check the base URL, the key and the model's id.",
        "Try it without what was set: seed=0, top_k=5.",
    ] == found


def test_no_key_is_in_a_hint(shell: Shell, server: ScriptedServer) -> None:
    """Whatever it was set as, also where it would be cut in two."""
    key = "sk-very-secret-0123456789abcdef"
    server.will(UNKNOWN)
    with pytest.raises(errors.BadRequest) as caught:
        Apertis(base_url=server.url, api_key=key).chat.completions.create(
            model="m", messages=HELLO, user=f"{20 * 'x'}{key}", stop=[key], seed=1
        )

    assert "secret" not in caught.value.hint
    assert "--seed 1" in caught.value.hint
    assert shell is not None


@pytest.mark.parametrize(
    ("base_url", "status", "code", "expected"),
    [
        ("https://api.apertis.ai/v1", 401, None, "Check APERTIS_API_KEY, the key for api.apertis.ai. Keys are made at apertis.ai/setting?tab=keys."),
        (
            "https://llm.example/v1",
            401,
            None,
            "Check APERTIS_API_KEY, the key for llm.example.",
        ),
        (
            "https://api.apertis.ai/v1",
            401,
            "expired_api_key",
            "Make a new key at apertis.ai/setting?tab=keys.",
        ),
        (
            "http://127.0.0.1:8080/v1",
            401,
            "expired_api_key",
            "Make a new key at 127.0.0.1:8080.",
        ),
        ("http://127.0.0.1:8080", 404, None, "Should the base URL be http://127.0.0.1:8080/v1?"),
        ("http://h:1/", 404, None, "Check the base URL; it usually ends in /v1."),
        ("http://h:1/api", 404, None, "Check the base URL; it usually ends in /v1."),
        ("http://h:1/v1", 404, None, "Check the base URL, http://h:1/v1."),
        ("http://h:1/openai/v1", 405, None, "Check the base URL, http://h:1/openai/v1."),
        ("http://h:1/v1beta/openai", 404, None, "Check the base URL, http://h:1/v1beta/openai."),
        ("http://h:1/v1?api-version=2", 404, None, "Check the base URL, http://h:1/v1."),
    ],
)  # fmt: skip
def test_the_server_that_answers_is_named(
    base_url: str, status: int, code: str | None, expected: str
) -> None:
    """Nobody else's keys help there."""
    assert expected == refusal(status, {"message": "no", "code": code}, base_url).hint


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 408, 429, 500])
@pytest.mark.parametrize("words", ["no", "prompt is too long", "unknown model x"])
def test_a_program_is_told_of_no_cell(status: int, words: str) -> None:
    """Nor of a line's options, nor of ``%chat``: it has none of these."""
    for base_url in ("https://llm.example/v1", "https://api.apertis.ai/v1"):
        found = refusal(status, {"message": words}, base_url).hint

        assert found
        assert not {each for each in ("%chat", " --", " -m", "cell") if each in found}


def test_a_wrong_key_in_a_notebook(shell: Shell, server: ScriptedServer) -> None:
    """``%chat key`` sets the one for this host."""
    server.will(fails(401, "no"))
    host = server.url.removeprefix("http://").removesuffix("/v1")

    assert (f"Check APERTIS_API_KEY, or set a key for {host} with %chat key.") == hint(
        shell, "%%chat\nx"
    )


def test_a_gateway_that_gave_up(shell: Shell, server: ScriptedServer) -> None:
    """What its patience depends on is named as it is typed."""
    server.will(fails(408, "no"))

    assert (
        "Leave --no-stream out, or give a longer --timeout (300 at the most)."
    ) == hint(shell, "%%chat --no-stream\nx")


def test_a_key_with_odd_characters_may_be_anybodys() -> None:
    """What it was copied from is not known."""
    with pytest.raises(errors.ConfigurationError) as caught:
        keys.clean("a key")

    assert "apertis" not in caught.value.hint


@pytest.mark.parametrize(
    ("fields", "headers", "wait", "expected"),
    [
        ({}, {}, None, "Wait a little, then ask again."),
        ({}, {"retry_after": "7"}, 7, "Wait 7 s, then ask again; the limit resets at 13:02:51."),
        ({"reset_at": "2026-11-25 12:03:44 UTC"}, {}, 60, "Wait 60 s, then ask again; the limit resets at 13:03:44."),
        ({"reset_at": "2026-11-25T12:03:44Z"}, {"retry_after": "61"}, 61, "Wait 61 s, then ask again; the limit resets at 13:03:44."),
        ({"reset_at": NOON.timestamp() + 60}, {}, 60, "Wait 60 s, then ask again; the limit resets at 13:03:44."),
        ({"message": "Limit resets at: 2026-11-25 12:03:44 UTC"}, {}, 60, "Wait 60 s, then ask again; the limit resets at 13:03:44."),
        ({"message": "It resets at 2026-11-25T13:03:44+01:00."}, {}, 60, "Wait 60 s, then ask again; the limit resets at 13:03:44."),
        ({"message": "Please try again in 1m2.5s."}, {}, 62.5, "Wait 62 s, then ask again; the limit resets at 13:03:46."),
        ({"message": "Please retry after 6 seconds."}, {}, 6, "Wait 6 s, then ask again; the limit resets at 13:02:50."),
        ({"details": [{"@type": "RetryInfo", "retryDelay": "27s"}]}, {}, 27, "Wait 27 s, then ask again; the limit resets at 13:03:11."),
        ({"details": [{"retryDelay": ["27s"]}, None]}, {}, None, "Wait a little, then ask again."),
        ({"message": "Try again in 2 hours."}, {}, 7200, "The limit resets at 15:02:44; ask again then."),
        ({"reset_at": "2026-11-26 12:00:00"}, {}, 86236, "The limit resets at 2026-11-26 13:00:00; ask again then."),
        ({"metadata": {"headers": {"X-RateLimit-Reset": str(int(NOON.timestamp() * 1000) + 600_000)}}}, {}, 600, "The limit resets at 13:12:44; ask again then."),
        ({"message": "Limit resets at: 2020-01-01 00:00:00 UTC"}, {}, None, "Wait a little, then ask again."),
        ({"reset_at": "soon"}, {}, None, "Wait a little, then ask again."),
        ({"reset_at": 1e300}, {}, None, "Wait a little, then ask again."),
        ({"reset_at": ["odd"]}, {}, None, "Wait a little, then ask again."),
        ({"message": "resets at 2026-99-99 00:00:00"}, {}, None, "Wait a little, then ask again."),
        ({}, {"reset_at": "x"}, None, "Wait a little, then ask again."),
    ],
)  # fmt: skip
def test_when_a_limit_ends(
    fields: dict[str, Any], headers: dict[str, str], wait: float | None, expected: str
) -> None:
    """By the clock of the kernel, whoever tells it and in which form."""
    found = refusal(429, {"message": "slow down", **fields}, **headers)

    assert errors.RateLimited is type(found)
    assert expected == found.hint
    assert found.retry_after == (None if wait is None else pytest.approx(wait, abs=0.5))


@pytest.mark.parametrize("name", ["reset_at", "Reset-At"])
def test_the_end_of_a_limit_in_a_header(name: str) -> None:
    """LiteLLM repeats it there, by a name that some proxies write otherwise."""
    headers = {name: "2026-11-25 12:03:44 UTC", "retry-after": "60"}
    response = Response.of(429, headers)
    found = from_response(response, b"slow", str, clock=lambda: NOON)

    assert "resets at 13:03:44" in found.hint


def test_the_clock_is_that_of_this_machine() -> None:
    """Its zone is told beside the time."""
    assert resets.now().utcoffset() is not None
    assert abs(resets.now() - datetime.now(UTC)) < timedelta(days=1)


PAGE = Answer(
    (b"<html><title>App</title></html>",), headers={"Content-Type": "text/html"}
)


@pytest.mark.parametrize(
    "answer",
    [fails(404), fails(405), fails(501), PAGE],
    ids=["404", "405", "501", "page"],
)
def test_a_server_without_a_list_of_models(
    server: ScriptedServer, answer: Answer
) -> None:
    """Once it has answered a question, its address is right."""
    server.will(answer, says("Hi."), answer)
    client = Apertis(base_url=server.url)
    with pytest.raises(errors.ApertisError) as before:
        client.models.list()
    list(client.chat.completions.create(model="m", messages=HELLO, stream=True))
    with pytest.raises(errors.NotFound) as after:
        client.models.list()

    assert "list of models" not in str(before.value)
    assert f"{server.url} has no list of models (HTTP {answer.status})" == str(
        after.value
    )
    assert "model takes the id of any model that it has." == after.value.hint


def test_a_list_of_models_that_is_refused(server: ScriptedServer) -> None:
    """Another refusal is no lack."""
    server.will(fails(403, "no"))
    client = Apertis(base_url=server.url)
    with pytest.raises(errors.PermissionDenied):
        client.models.list()


def test_a_model_that_a_gateway_lacks(
    shell: Shell, server: ScriptedServer, cache: object
) -> None:
    """LiteLLM calls it a bad request; close ids are offered as for any other."""
    server.will(
        fails(400, "Invalid model name passed in model=mock-smal. Call `/v1/models`"),
        json_answer({"data": [{"id": "mock-small"}, {"id": "local"}]}),
    )

    assert (
        "Check the model's id. Close to it: mock-small. %chat models lists them all."
    ) == hint(shell, "%%chat -m mock-smal\nx")
    assert cache
