"""The magics in a real kernel: displays, interrupts, cells that run again."""

import threading
from typing import Any

import pytest
from kernel_driver import Kernel, Outcome
from scripted_server import (
    DONE,
    NEVER,
    PATIENCE,
    PHASES,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    fails,
    says,
)
from turns import said


def test_an_answer_is_one_display(kernel: Kernel, server: ScriptedServer) -> None:
    """The saved notebook holds one output: HTML, source, metadata, no Markdown."""
    server.will(says("**Hi**", " there"))
    done = kernel.run("%%chat\nHello!", cell="c1")
    [output] = done.outputs

    assert "ok" == done.reply["status"]
    assert {"text/html", "text/plain"} == set(output["data"])
    assert "<strong>Hi</strong> there" in output["data"]["text/html"]
    assert "**Hi** there" == said(output["data"])
    assert ("c1", "Hello!", "stop") == (
        output["metadata"]["apertis_magic"]["cell"],
        output["metadata"]["apertis_magic"]["prompt"],
        output["metadata"]["apertis_magic"]["finish"],
    )


def test_the_text_is_shown_while_it_comes(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """What has come is in the cell while the server still waits; hostile or not."""
    go = threading.Event()
    first = chunk("half <script>alert(1)</script>")
    server.will(Answer((first, Wait(go), chunk(" whole", finish="stop"), DONE)))
    request = kernel.start("%%chat\nHello!")
    shown = ""
    for message in kernel.messages(request):
        shown = message["content"]["data"]["text/html"]

        assert "<script" not in shown
        assert ["text/html", "text/plain"] == list(message["content"]["data"])

        if "half" in shown:
            break
    go.set()
    done = kernel.finish(request)

    assert "whole" not in shown
    assert "whole" in done.messages[-1]["content"]["data"]["text/html"]


def test_a_wait_is_told(kernel: Kernel, server: ScriptedServer) -> None:
    """A server that thinks for long is waited for with a word about it."""
    go = threading.Event()
    server.will(Answer((Wait(go), chunk("a", finish="stop"), DONE)))
    request = kernel.start("%%chat -m slow\nHello!")
    for message in kernel.messages(request):
        assert "slow · waiting" in message["content"]["data"]["text/html"]

        go.set()
        break
    done = kernel.finish(request)

    assert "waiting" not in done.messages[-1]["content"]["data"]["text/html"]


def interrupted(
    kernel: Kernel, server: ScriptedServer, text: str, cell: str | None = None
) -> Outcome:
    """Ask, interrupt once *text* is shown, and return what the cell gave."""
    request = kernel.start("%%chat -o answer\nHello!", cell)
    server.wait_for(1)
    seen: list[dict[str, Any]] = []
    if text:
        for message in kernel.messages(request):
            seen.append(message)
            if text in message["content"]["data"]["text/html"]:
                break
    kernel.interrupt()
    done = kernel.finish(request)
    return Outcome(done.reply, seen + done.messages)


@pytest.mark.parametrize(("answer", "text"), PHASES.values(), ids=PHASES)
def test_an_interrupt_keeps_what_came(
    kernel: Kernel, server: ScriptedServer, answer: Answer, text: str
) -> None:
    """In every phase: the cell fails in one line, and the next one works."""
    server.will(answer, says("next"))
    done = interrupted(kernel, server, text)
    kept = done.answer

    assert ("error", "Interrupted") == (done.reply["status"], done.reply["ename"])
    assert 1 == len(done.reply["traceback"])
    assert (text, "interrupted") == (
        said(kept["data"]),
        kept["metadata"]["apertis_magic"]["finish"],
    )

    bound = kernel.run("print(answer.text, answer.finish)")

    assert f"{text} interrupted\n" == bound.printed

    after = kernel.run("%%chat\nGo on.")
    before = [("user", "Hello!"), ("assistant", text)] if text else []

    assert "next" == said(after.answer["data"])
    assert [*before, ("user", "Go on.")] == server.messages[-1]


def test_an_interrupt_hangs_up(kernel: Kernel, server: ScriptedServer) -> None:
    """The server hears of it, so that it stops writing."""
    server.will(Answer((chunk("half"), NEVER)))
    interrupted(kernel, server, "half")

    assert server.hung_up.wait(PATIENCE)


def test_an_error_is_one_line(kernel: Kernel, server: ScriptedServer) -> None:
    """What happened and what to do; the cell counts as failed."""
    server.will(fails(401, "wrong key"))
    done = kernel.run("%%chat\nx")

    assert ("error", "AuthenticationError") == (
        done.reply["status"],
        done.reply["ename"],
    )
    assert 2 == len(done.reply["traceback"])
    assert "AuthenticationError: wrong key (HTTP 401)" == done.reply["traceback"][0]


def test_run_all_stops_at_a_failed_cell(kernel: Kernel, server: ScriptedServer) -> None:
    """Cells that wait behind a failed one are not run."""
    server.will(fails(401, "wrong key"))
    first, second = kernel.start("%%chat\nx"), kernel.start("print('ran')")
    kernel.finish(first)

    assert "" == kernel.finish(second).printed


def test_a_cell_that_runs_again_replaces_its_turn(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Edited or not, by the front end's id; what stands below is marked stale."""
    server.will(says("A"), says("B"), says("A2"))
    kernel.run("%%chat\na", cell="c1")
    kernel.run("%%chat\nb", cell="c2")
    kernel.run("%%chat\na, edited", cell="c1")
    shown = kernel.run("%chat show").outputs[0]["data"]["text/plain"]

    assert [("user", "a, edited")] == server.messages[2]
    assert shown.index("[1] a, edited") < shown.index("A2") < shown.index("[2] b")
    assert shown.index("[2] b") < shown.index("Stale")


def test_an_interrupted_turn_is_replaced_too(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The half answer goes when its cell runs again."""
    server.will(Answer((chunk("half"), NEVER)), says("whole"), says("B"))
    interrupted(kernel, server, "half", cell="c1")
    kernel.run("%%chat\na", cell="c1")
    kernel.run("%%chat\nb", cell="c2")

    assert [("user", "a"), ("assistant", "whole"), ("user", "b")] == server.messages[2]


LOOP = """
for n in range({count}):
    get_ipython().run_cell_magic("chat", "", f"{name}{{n}}")
"""


def test_a_loop_owns_its_turns(kernel: Kernel, server: ScriptedServer) -> None:
    """A cell that asks three times owns three turns, and two if it then asks twice."""
    server.will(says("A"))
    kernel.run(LOOP.format(count=3, name="x"), cell="c1")
    kernel.run("%%chat\nb", cell="c2")
    kernel.run(LOOP.format(count=2, name="y"), cell="c1")
    kernel.run("%%chat\nc", cell="c3")
    asked = [text for role, text in server.messages[-1] if role == "user"]

    assert ["y0", "y1", "b", "c"] == asked


def test_a_loop_that_fails_keeps_what_it_had(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Answers that were paid for stay until there are others in their place."""
    server.will(says("A"), says("A"), says("A"), fails(400), says("B"))
    kernel.run(LOOP.format(count=3, name="x"), cell="c1")
    failed = kernel.run(LOOP.format(count=3, name="y"), cell="c1")
    kernel.run("%%chat\nb", cell="c2")
    asked = [text for role, text in server.messages[-1] if role == "user"]

    assert "error" == failed.reply["status"]
    assert ["x0", "x1", "x2", "b"] == asked


def test_new_cells_without_an_id_append(kernel: Kernel, server: ScriptedServer) -> None:
    """Front ends that tell no id lose nothing."""
    server.will(says("A"))
    kernel.run("%%chat\na")
    kernel.run("%%chat\na")
    kernel.run("%%chat --new\na")

    assert [1, 3, 1] == [len(messages) for messages in server.messages]


def test_a_hundred_cells_open_one_connection(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Every question of a kernel goes through the same connection."""
    server.will(says("A"))
    for _ in range(100):
        kernel.run("%%chat --new\na")

    assert 100 == len(server.requests)
    assert 1 == server.connections


def test_a_list_of_models_can_be_interrupted(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The cell ends in one line, like every other that was stopped."""
    server.will(Answer(before_headers=NEVER))
    request = kernel.start("%chat models")
    server.wait_for(1)
    kernel.interrupt()
    done = kernel.finish(request)

    assert ("Interrupted", "the models were not listed.") == (
        done.reply["ename"],
        done.reply["evalue"],
    )
