"""What would steer a terminal or turn a text reaches no screen, whoever wrote it."""

import json
import re
from typing import Any

import pytest
from kernel_driver import Kernel
from scripted_server import (
    DONE,
    USAGE,
    Answer,
    ScriptedServer,
    chunk,
    event,
    fails,
    json_answer,
    says,
)
from terminal_driver import terminal
from turns import said, turn_of

from apertis_magic.chat.parts import Picture, Source
from apertis_magic.chat.question import Question
from apertis_magic.clean import printable
from apertis_magic.render import bundle
from apertis_magic.render.markdown import to_html
from apertis_magic.render.metadata import turns_of

OVERRIDES = "".join(map(chr, range(0x202A, 0x202F)))
ISOLATES = "".join(map(chr, range(0x2066, 0x206A)))
C0_C1 = "".join(map(chr, [*range(9), *range(11, 32), *range(127, 160)]))
MARKS = "\u200e\u200f\u061c"
ODD = f"a\x1b[2J{C0_C1}{OVERRIDES}{ISOLATES}{MARKS}b"
SHOWN = f"a[2J{MARKS}b"

STEERS = re.compile(f"[{re.escape(C0_C1 + OVERRIDES + ISOLATES)}]")


def hostile_answer() -> Answer:
    """Return an answer of which everything that can be text is odd."""
    cited = {"url": "https://c.example/x", "title": ODD}
    delta = {
        "reasoning_content": ODD,
        "annotations": [{"type": "url_citation", "url_citation": cited}],
        "tool_calls": [{"index": 0, "id": "c", "function": {"name": ODD}}],
    }
    served = f"served{ODD}"
    return Answer(
        (
            chunk(delta=delta, model=served),
            chunk(f"**{ODD}**", model=served),
            chunk(finish=f"odd{ODD}", model=served),
            event({"model": served, "choices": [], "usage": USAGE}),
            DONE,
        )
    )


def steering(outputs: list[dict[str, Any]]) -> list[str]:
    """Return what of a cell's outputs would steer whoever shows it."""
    plain = []
    for output in outputs:
        data = output.get("data", {})
        texts = [data.get("text/plain", ""), output.get("text", "")]
        texts += [output.get("evalue", ""), *output.get("traceback", [])]
        plain += [each for text in texts for each in STEERS.findall(text)]
        html = data.get("text/html", "")
        plain += [each for each in STEERS.findall(html) if each not in ISOLATES]
    return plain


SHOWS = ["%chat show", "%chat last", "%chat show --versions", "%chat", "%chat list"]


def test_in_a_notebook(kernel: Kernel, server: ScriptedServer) -> None:
    """The cell and every command that shows it again; the kernel has all that came."""
    server.will(hostile_answer())
    done = kernel.run("%%chat --new -o turn\nx")
    steers = steering(done.outputs)
    [plain] = filter(None, [each["data"].get("text/plain") for each in done.outputs])
    for line in SHOWS:
        steers += steering(kernel.run(line).outputs)
    came = kernel.run("print(ascii(turn.text))").outputs[0]["text"]

    assert [] == steers
    assert plain.startswith(f"**{SHOWN}**\n\n[asked for the tool {SHOWN}()]\n")
    assert ascii(f"**{ODD}**") == came.strip()


FAILS = {
    "an error": fails(400, ODD),
    "an error's code": fails(400, "no", code=ODD, param=ODD),
    "a model that is not there": fails(404, ODD, code="model_not_found"),
    "no JSON": Answer((ODD.encode(),), 500),
    "in the stream": Answer((chunk("a"), event({"error": {"message": ODD}}), DONE)),
    "a refusal": Answer((chunk(delta={"refusal": ODD}), chunk(finish=ODD), DONE)),
}


@pytest.mark.parametrize("answer", FAILS.values(), ids=FAILS)
def test_what_fails(kernel: Kernel, server: ScriptedServer, answer: Answer) -> None:
    """Its lines, and the whole story of it."""
    server.will(answer)
    steers = steering(kernel.run("%%chat --new --retries 0\nx").outputs)
    for line in ("%chat last", "%chat last --traceback", "%chat show"):
        steers += steering(kernel.run(line).outputs)

    assert [] == steers


def test_lists_of_models(kernel: Kernel, server: ScriptedServer) -> None:
    """Also where an id comes close to one that is not there."""
    listed = json_answer({"data": [{"id": f"gpt{ODD}"}, {"id": "gpt-x"}]})
    server.will(listed, fails(404, "no", code="model_not_found"), listed)
    steers = steering(kernel.run("%chat models --refresh").outputs)
    steers += steering(kernel.run("%chat model gpta").outputs)
    steers += steering(kernel.run("%%chat -m gpta\nx").outputs)
    kernel.run("%chat model default")

    assert [] == steers


def test_a_long_answer(kernel: Kernel, server: ScriptedServer) -> None:
    """The sources of its displays, one after the other, are the cleaned whole."""
    text = "".join(f"{number} **{ODD}**\r\n\r\n" for number in range(1_500))
    server.will(says(text))
    done = kernel.run("%%chat --new\nx")
    pieces = [*filter(None, [said(each["data"]) for each in done.outputs])]

    assert len(pieces) > 1
    assert printable(text) == "".join(pieces)
    assert [] == steering(done.outputs)


@pytest.mark.parametrize("without", ["", "rich"])
def test_in_a_terminal(server: ScriptedServer, without: str) -> None:
    """The answer, its footer, its sources, and an error's line; the marks stay."""
    server.will(hostile_answer(), fails(401, ODD))
    cells = ["%%chat\nx", "%chat show", "%chat last", "%%chat --retries 0\ny"]
    with terminal(*cells, without=without) as shell:
        *_, seen = [shell.end() for _ in cells]

        stream = shell.stream
    seen = seen.translate(dict.fromkeys(map(ord, MARKS)))

    assert 3 == seen.count("serveda[2Jb")
    assert 3 == seen.count("1. a[2Jb")
    assert "AuthenticationError: a[2Jb" in seen
    assert stream.count(MARKS) >= 10


def test_in_a_page() -> None:
    """Isolates and marks stay, also those that were spelt out; in code marks alone."""
    html = to_html(f"{ODD}\n\n```py\n{ODD}\n```\n\n&#x202e;&#x2066;&#27;&#x200f;")

    assert [] == [each for each in STEERS.findall(html) if each not in ISOLATES]
    assert 2 == html.count(MARKS)
    assert 2 == html.count("\u2066")
    assert "\u2066" not in html.partition("<pre")[2].partition("</pre>")[0]


def test_what_a_file_holds() -> None:
    """An answer that is loaded is the one that came, to the letter."""
    source = Source(url="https://c.example", title=ODD)
    turn = turn_of(
        question=Question("x"), text=ODD, reasoning=ODD, sources=(source,), model=ODD
    )
    data, metadata = bundle.answer(turn, conversation="main")
    [loaded] = turns_of([{"data": data, "metadata": metadata}])

    assert SHOWN == said(data)
    assert [] == steering([{"data": data}])
    assert (ODD, ODD, ODD) == (loaded.text, loaded.reasoning, loaded.model)
    assert "\\u001b" in json.dumps(metadata)


def test_a_picture_says_nothing_that_steers() -> None:
    """Whatever the file says of it that it was loaded from."""
    for odd in (Picture(ODD), Picture("", url=ODD), Picture("", left_out=ODD)):
        said = odd._repr_mimebundle_()["text/plain"]

        assert (said, f"<Picture {said}>") == (str(odd), repr(odd))
        assert [] == STEERS.findall(said)
        assert "a[2J" in said.lower().replace("j", "J")
