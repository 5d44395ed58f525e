"""What a cell's outputs hold while an answer streams and when it has ended."""

import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from conftest import Shell
from IPython.core.displaypub import CapturingDisplayPublisher
from kernel_driver import Kernel, Outcome
from scripted_server import (
    DONE,
    NEVER,
    Answer,
    Cut,
    ScriptedServer,
    Wait,
    chunk,
    event,
    fails,
    json_answer,
    says,
)
from turns import said, turn_of

from apertis_magic.chat.draft import Progress
from apertis_magic.chat.question import Question
from apertis_magic.notebook.views.cell import NotebookView
from apertis_magic.notebook.views.displays import Displays, GuardedDisplays
from apertis_magic.render.bundle import EMPTY
from apertis_magic.render.metadata import turns_of

PARAGRAPH = "Some words of an answer, **bold** and `code`, that go on for a while.\n\n"


def answer(size: int) -> str:
    """Return an answer of about so many characters."""
    return PARAGRAPH * (size // len(PARAGRAPH))


def in_steps(text: str, *, gate: threading.Event | None = None) -> Answer:
    """Return the answer in chunks; with a gate, the last half waits for it."""
    pieces = [chunk(text[at : at + 200]) for at in range(0, len(text), 200)]
    half = len(pieces) // 2
    waits = [Wait(gate)] if gate else []
    end = chunk(finish="stop")
    return Answer((*pieces[:half], *waits, *pieces[half:], end, DONE))


def until(kernel: Kernel, request: str, *, displays: int) -> list[dict[str, Any]]:
    """Return the messages until so many displays with text have come."""
    seen, made = [], 0
    for message in kernel.messages(request):
        seen.append(message)
        has_text = "Some words" in message["content"]["data"]["text/html"]
        made += has_text and message["msg_type"] == "display_data"
        if made == displays or (displays == 1 and has_text):
            return seen
    raise AssertionError(seen)


def finish(kernel: Kernel, request: str, seen: list[dict[str, Any]]) -> Outcome:
    """Return what a cell gave, of which *seen* has been taken already."""
    rest = kernel.finish(request)
    return Outcome(rest.reply, seen + rest.messages)


def visible(done: Outcome) -> list[dict[str, Any]]:
    """Return the outputs that take room on the page."""
    return [o for o in done.outputs if o.get("data", {}).get("text/html")]


@pytest.mark.parametrize("size", [4_000, 40_000, 59_000])
def test_an_answer_ends_as_one_output(
    kernel: Kernel, server: ScriptedServer, size: int
) -> None:
    """Whatever was shown on the way; the others are left empty."""
    text, gate = answer(size), threading.Event()
    server.will(in_steps(text, gate=gate))
    request = kernel.start("%%chat\nx")
    seen = until(kernel, request, displays=1 if size <= 4_000 else 3)
    gate.set()
    done = finish(kernel, request, seen)
    [shown] = visible(done)

    assert text == said(shown["data"])
    assert done.outputs[0] == shown
    assert len(done.outputs) <= 45
    assert all(EMPTY == o["data"] for o in done.outputs[1:])


def test_a_long_answer_stays_in_parts(kernel: Kernel, server: ScriptedServer) -> None:
    """Each has its own source; joined they are the answer, and its turn comes back."""
    text = answer(200_000)
    server.will(in_steps(text))
    done = kernel.run("%%chat -o turn\nx")
    parts = [o for o in visible(done) if o["data"]["text/plain"]]
    about = [o["metadata"]["apertis_magic"] for o in parts]

    assert text == "".join(said(o["data"]) for o in parts)
    assert visible(done) == parts
    assert 5 < len(done.outputs) <= 45
    assert list(range(1, len(parts) + 1)) == [each["part"] for each in about]
    assert len(parts) == about[-1]["parts"]
    assert 1 == len({each["id"] for each in about})
    assert ["footer" in o["data"]["text/html"] for o in parts][-1]
    assert text == turns_of(done.outputs)[0].text


def test_many_long_answers_in_one_cell(kernel: Kernel, server: ScriptedServer) -> None:
    """Each stands below its question, within the outputs that JupyterLab shows."""
    text = answer(40_000)
    server.will(*(in_steps(text) for _ in range(12)), in_steps(answer(100_000)))
    done = kernel.run(
        "for n in range(13):\n"
        "    print('question', n, flush=True)\n"
        "    get_ipython().run_cell_magic('chat', '', f'{n}')"
    )
    shown = "".join(  # a kernel may flush in the midst of what is printed
        o["text"] if "text" in o else said(o["data"])
        for o in done.outputs
        if "text" in o or o["data"].get("text/html")
    )
    expected = [f"question {n}\n{text}" for n in range(12)]

    assert "".join(expected) + "question 12\n" + answer(100_000) == shown
    assert sum("data" in o for o in done.outputs) <= 45


@pytest.mark.parametrize("line", ["", "--no-stream"])
def test_the_reasoning_of_a_long_answer(
    kernel: Kernel, server: ScriptedServer, line: str
) -> None:
    """It is shown whenever it came."""
    text = answer(70_000)
    message = {"content": text, "reasoning_content": "hm hm", "role": "assistant"}
    whole = json_answer({"choices": [{"message": message, "finish_reason": "stop"}]})
    thought = event({"choices": [{"delta": {"reasoning_content": "hm hm"}}]})
    steps = (chunk(text), thought, chunk(finish="stop"), DONE)
    server.will(whole if line else Answer(steps))
    done = kernel.run(f"%%chat {line}\nx")

    assert 1 == str(visible(done)).count(">hm hm</p>")
    assert text == turns_of(done.outputs)[0].text


def test_nothing_is_cleared(kernel: Kernel, server: ScriptedServer) -> None:
    """``clear_output`` would lose the reader's place."""
    server.will(in_steps(answer(40_000)))
    done = kernel.run("%%chat\nx")

    assert "clear_output" not in {message["msg_type"] for message in done.messages}


def test_an_answer_that_breaks_off_is_shown_once(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Long as it is, it ends as one output, marked, above the error."""
    server.will(Answer((chunk(answer(30_000)), Cut())))
    done = kernel.run("%%chat\nx")
    [shown] = visible(done)

    assert answer(30_000) == said(shown["data"])
    assert "\nThe answer broke off.\n" in shown["data"]["text/plain"]
    assert "broke off" in shown["data"]["text/html"]
    assert "error" == done.reply["status"]


def shown_until(kernel: Kernel, request: str, words: str) -> list[dict[str, Any]]:
    """Return every message until one shows *words*."""
    seen = []
    for message in kernel.messages(request):
        seen.append(message)
        if words in html(message):
            return seen
    raise AssertionError(seen)


def html(message: dict[str, Any]) -> str:
    """Return the HTML that a message shows."""
    return str(message["content"]["data"]["text/html"])


def test_reasoning_is_folded_away_above_the_answer(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """It streams before the answer, and is no part of its text."""
    first, second = threading.Event(), threading.Event()
    server.will(
        Answer(
            (
                event({"choices": [{"delta": {"reasoning_content": "<b>hm</b>"}}]}),
                Wait(first),
                chunk("42"),
                Wait(second),
                chunk(finish="stop"),
                DONE,
            )
        )
    )
    request = kernel.start("%%chat\nx")
    seen = shown_until(kernel, request, "&lt;b&gt;hm")
    thinking = html(seen[-1])
    first.set()
    seen += shown_until(kernel, request, "42")
    second.set()
    [done] = visible(finish(kernel, request, seen))

    assert "thinking" in thinking
    assert '<summary dir="auto"><small>Reasoning' in thinking
    assert "42" == said(done["data"])
    assert "&lt;b&gt;hm" in done["data"]["text/html"].split("42")[0]
    assert "<b>" not in done["data"]["text/html"]


def test_sources_are_links_below_the_answer(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """From citations and from ``web_sources``; what is no web page is text."""
    pages = [
        {"url": "https://a.example/?a=1&b", "title": "A <page>"},
        {"url": "javascript:alert(1)", "title": "B"},
    ]
    cited = {"type": "url_citation", "url_citation": {"url": "http://c.example/x"}}
    server.will(
        Answer(
            (
                event({"web_sources": pages, "choices": []}),
                chunk("a", delta={"annotations": [cited]}),
                chunk(finish="stop"),
                DONE,
            )
        )
    )
    shown = kernel.run("%%chat\nx").answer["data"]["text/html"]

    assert '<a href="https://a.example/?a=1&amp;b" target="_blank"' in shown
    assert "A &lt;page&gt;</a> (a.example)" in shown
    assert '<a href="http://c.example/x"' in shown
    assert ">B javascript:alert(1)</li>" in shown


def test_the_gateways_banner_is_a_status(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """That the web is searched is told while it is, and is no text of the answer."""
    gate = threading.Event()
    banner = {
        "id": "web-search",
        "choices": [{"delta": {"content": "Searching the web..."}}],
    }
    server.will(Answer((event(banner), Wait(gate), chunk("a", finish="stop"), DONE)))
    request = kernel.start("%%chat\nx")
    shown_until(kernel, request, "searching the web")
    gate.set()

    assert "a" == said(kernel.finish(request).messages[-1]["content"]["data"])


def test_a_wait_for_another_try_says_why(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The status, and how many seconds are left."""
    busy = replace(fails(429, "slow down"), headers={"retry-after": "3"})
    server.will(busy, says("a"))
    request = kernel.start("%%chat -m busy\nx")
    seen = shown_until(kernel, request, "busy · retrying in ")
    done = kernel.finish(request)

    assert "(429)" in html(seen[-1])
    assert "a" == said(done.messages[-1]["content"]["data"])


def test_a_refusal_is_marked(kernel: Kernel, server: ScriptedServer) -> None:
    """Its words are shown, and that it is one."""
    refusal = event({"choices": [{"delta": {"refusal": "I can't."}}]})
    server.will(Answer((refusal, chunk(finish="stop"), DONE)))
    done = kernel.run("%%chat\nx").answer

    assert "I can't." == said(done["data"])
    assert "The model refused." in done["data"]["text/html"]


def test_an_answer_by_another_model_says_so(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The gateway's headers tell who answered and why."""
    headers = {
        "content-type": "text/event-stream",
        "x-fallback-used": "true",
        "x-fallback-reason": "timeout",
        "x-actual-model": "understudy",
    }
    server.will(Answer((chunk("a", finish="stop"), DONE), headers=headers))
    shown = kernel.run("%%chat -m star\nx").answer["data"]["text/html"]

    assert "star did not answer: timeout." in shown
    assert "understudy (asked: star)" in shown


def test_an_interrupt_while_it_thinks_keeps_the_thoughts(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """They are shown, though there is no text."""
    thought = event({"choices": [{"delta": {"reasoning_content": "hm hm"}}]})
    server.will(Answer((thought, NEVER)))
    request = kernel.start("%%chat\nx")
    shown_until(kernel, request, "hm hm")
    kernel.interrupt()
    done = kernel.finish(request)
    shown = html(done.messages[-2])

    assert "Interrupted" == done.reply["ename"]
    assert "hm hm" in shown
    assert "before its answer began" in shown


def test_thoughts_before_an_error_stay(kernel: Kernel, server: ScriptedServer) -> None:
    """They were paid for, though there is no text."""
    thought = event({"choices": [{"delta": {"reasoning_content": "hm hm"}}]})
    server.will(Answer((thought, Cut())))
    done = kernel.run("%%chat\nx")
    [shown] = visible(done)

    assert "hm hm" in shown["data"]["text/html"]
    assert "error" == done.reply["status"]


class Interrupting(CapturingDisplayPublisher):
    """Publishes what is displayed, with an interrupt just behind each."""

    def publish(self, *args: Any, **options: Any) -> None:
        """Publish a display or an update."""
        super().publish(*args, **options)  # type: ignore[no-untyped-call]  # IPython's
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    "progress",
    [
        Progress(text="half"),
        Progress(status="waiting 1 s"),
        Progress(reasoning="Hm.", text="half"),
        Progress(text=answer(9_000)),
    ],
)
@pytest.mark.parametrize("kind", [Displays, GuardedDisplays])
def test_an_interrupt_just_as_something_is_shown(
    shell: Shell, kind: type[Displays], progress: Progress
) -> None:
    """No display is made that nobody knows of: the end would stand beside it."""
    view, quiet = NotebookView("t-1", kind()), shell.display_pub
    shell.display_pub = loud = Interrupting(parent=shell)  # type: ignore[no-untyped-call]
    for _ in range(4):
        with suppress(KeyboardInterrupt):
            view.update(progress)
    shell.display_pub = quiet
    view.finish(turn_of(question=Question("Why?"), text="whole", finish="stop"), None)
    last = {
        each["transient"]["display_id"]: each["data"]["text/html"]
        for each in (*loud.outputs, *quiet.outputs)
    }

    assert [] != loud.outputs
    assert 1 == sum("whole" in html for html in last.values())
    assert [] == [
        h for h in last.values() if h and "whole" not in h and "<!--" not in h
    ]
