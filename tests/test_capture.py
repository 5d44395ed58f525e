"""Answers where no display can be updated: in an Output widget, and from a button."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from conftest import Shell
from kernel_driver import Kernel
from scripted_server import NEVER, Answer, ScriptedServer, Wait, chunk, fails, says
from turns import said, turn_of

from apertis_magic.chat.draft import Progress
from apertis_magic.chat.question import Question
from apertis_magic.notebook.views.once import OnceView
from apertis_magic.render.metadata import turns_of

SETUP = """
import ipywidgets as widgets
out, inner, button = widgets.Output(), widgets.Output(), widgets.Button()
def ask(options=""):
    get_ipython().run_line_magic("chat", f"ask {options} Why?")
"""
WAYS = {
    "with": "with out:\n    ask({})",
    "nested": "with out:\n    with inner:\n        ask({})",
    "entered twice": "with out:\n    with out:\n        pass\n    ask({})",
    "capture": "@out.capture()\ndef captured():\n    ask({})\ncaptured()",
    "interact": "@widgets.interact(x=(0, 9))\ndef moved(x):\n    ask({})",
    "output": "widgets.interactive_output(lambda: ask({}), {{}}); None",
}
"""What leads into an Output while a cell runs."""

NEW = ("display_data", "stream", "error")
"""What an Output shows; it hears of nothing else but that it is to be cleared."""


def shown(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the outputs of messages where nothing is updated."""
    return [
        {"output_type": each["msg_type"], **each["content"]}
        for each in messages
        if each["msg_type"] in NEW
    ]


def page(messages: Iterable[dict[str, Any]]) -> str:
    """Return all that is seen where nothing is updated."""
    return "\n".join(
        each["text"] if "text" in each else each["data"].get("text/html", "")
        for each in shown(messages)
        if "evalue" not in each
    )


@pytest.fixture
def widgets(kernel: Kernel) -> Iterator[Kernel]:
    """Yield the kernel with Outputs, a button and a function that asks."""
    assert "ok" == kernel.run(SETUP).reply["status"]

    yield kernel
    kernel.run("widgets.Widget.close_all()")


@pytest.mark.parametrize("options", ["", "'--no-stream'"])
@pytest.mark.parametrize("way", WAYS)
def test_the_whole_answer_is_shown_once(
    widgets: Kernel, server: ScriptedServer, way: str, options: str
) -> None:
    """Whatever leads into the Output: it has the answer, with its footer."""
    server.will(says("half ", "an ", "answer"))
    done = widgets.run(WAYS[way].format(options), cell="c1")
    [turn] = turns_of(shown(done.messages))

    assert "half an answer" == turn.text
    assert 1 == page(done.messages).count("half an answer")
    assert 1 == page(done.messages).count('class="apertis-footer"')
    assert "update_display_data" not in {m["msg_type"] for m in done.messages}


def test_nothing_is_shown_before_the_end(
    widgets: Kernel, server: ScriptedServer
) -> None:
    """The first words are not; what was printed stays."""
    go = threading.Event()
    server.will(Answer((chunk("half"), Wait(go), chunk(" whole", finish="stop"))))
    request = widgets.start("with out:\n    print('before', flush=True)\n    ask()")
    server.wait_for(1)
    go.set()
    done = widgets.finish(request)

    printed, answer = shown(done.messages)

    assert "before\n" == printed["text"]
    assert "half whole" == said(answer["data"])
    assert "clear_output" not in {m["msg_type"] for m in done.messages}


def test_no_line_that_would_stay(shell: Shell) -> None:
    """What is waited for, thought or said so far is not told: it cannot be removed."""
    view = OnceView("t-1")
    view.update(Progress(status="gpt-4.1-mini · waiting 3 s"))
    view.update(Progress(reasoning="Hm.", status="thinking"))
    view.update(Progress(text="half"))
    view.clear()

    assert [] == shell.published


def test_an_answer_that_is_shown_twice(shell: Shell) -> None:
    """As an interrupt at the very end would have it: it is there once."""
    view, turn = (
        OnceView("t-1"),
        turn_of(question=Question("Why?"), text="So.", finish="stop"),
    )
    view.finish(turn, "main")
    view.finish(turn, "main")

    assert ["So."] == [said(each["data"]) for each in shell.published]


def test_a_long_answer(widgets: Kernel, server: ScriptedServer) -> None:
    """It is in several displays, each shown once; joined they are the answer."""
    text = "Some **words** of an answer.\n\n" * 14_000
    server.will(says(text))
    done = widgets.run("with out:\n    ask()")
    [turn] = turns_of(shown(done.messages))

    assert text == turn.text
    assert 3 < len(shown(done.messages)) <= 45
    assert text.count("\n\n") == page(done.messages).count("<strong>words</strong>")


def test_several_questions(widgets: Kernel, server: ScriptedServer) -> None:
    """Each answer stands below what was printed before it."""
    server.will(says("one"), says("two"), says("three"))
    done = widgets.run(
        "with out:\n    for n in range(3):\n        print(n, flush=True)\n        ask()"
    )
    seen = page(done.messages)
    places = [seen.index(each) for each in ("0\n", "one", "1\n", "two", "2\n", "three")]

    assert sorted(places) == places
    assert 3 == len(turns_of(shown(done.messages)))


def test_quiet_is_quiet(widgets: Kernel, server: ScriptedServer) -> None:
    """With -q nothing is shown there either."""
    server.will(says("words"))
    done = widgets.run("with out:\n    ask('-q -o turn')\nprint(turn)")

    assert "words\n" == page(done.messages)


@pytest.mark.parametrize(
    ("answer", "text"),
    [(fails(401), ""), (Answer((chunk("half"),)), "half")],
)
def test_an_error_is_one_line(
    widgets: Kernel, server: ScriptedServer, answer: Answer, text: str
) -> None:
    """What had come by then is shown above it."""
    server.will(answer)
    done = widgets.run("with out:\n    ask()")
    [*outputs, error] = shown(done.messages)

    assert "error" == error["output_type"]
    assert 1 == len("".join(error["traceback"]).strip().splitlines())
    assert [text] * bool(text) == [turn.text for turn in turns_of(outputs)]
    assert bool(text) == bool(outputs)


def test_an_interrupt(widgets: Kernel, server: ScriptedServer) -> None:
    """What had come is shown once, and one line follows."""
    server.will(Answer((chunk("half"), NEVER)))
    request = widgets.start(
        "import threading, os, signal, time\n"
        "from apertis_magic.chat import session\n"
        "def stop():\n"
        "    while not any(e.reply.text for e in "
        "session.current().current.under_way):\n"
        "        time.sleep(0.01)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "threading.Thread(target=stop).start()\n"
        "with out:\n    ask()"
    )
    done = widgets.finish(request)
    [output, error] = shown(done.messages)

    assert [("half", "interrupted")] == [
        (turn.text, turn.finish) for turn in turns_of([output])
    ]
    assert "Interrupted" in "".join(error["traceback"])
    assert 1 == len("".join(error["traceback"]).strip().splitlines())


@pytest.mark.parametrize("captured", [True, False])
def test_a_button(widgets: Kernel, server: ScriptedServer, *, captured: bool) -> None:
    """What it asks is shown whole as well, in an Output or wherever it is shown."""
    server.will(says("half ", "an ", "answer"))
    decorator = "@out.capture()\n" if captured else ""
    done = widgets.run(
        f"{decorator}def clicked(_):\n    ask()\n"
        "button.on_click(clicked)\nprint(button.comm.comm_id)"
    )
    for _ in range(3):
        request = widgets.tell(done.printed.strip(), {"event": "click"})
        messages = list(widgets.messages(request))

        assert ["half an answer"] == [t.text for t in turns_of(shown(messages))]
        assert 1 == page(messages).count("half an answer")
        assert "update_display_data" not in {m["msg_type"] for m in messages}


def test_a_slider(widgets: Kernel, server: ScriptedServer) -> None:
    """Each value that it takes is asked for, and shown whole."""
    server.will(says("the one"), says("the ", "other"))
    done = widgets.run(
        "x = widgets.IntSlider()\n"
        "widgets.interactive_output(lambda x: ask('--once'), {'x': x})\n"
        "print(x.comm.comm_id)"
    )
    data = {"method": "update", "state": {"value": 7}, "buffer_paths": []}
    request = widgets.send(done.printed.split()[-1], data)
    messages = list(widgets.messages(request))

    assert 1 == page(done.messages).count("the one")
    assert 1 == page(messages).count("the other")


def test_ipythons_own_capture(widgets: Kernel, server: ScriptedServer) -> None:
    """What ``%%capture`` keeps is the answer once, and can be shown later."""
    server.will(says("half ", "an ", "answer"))
    widgets.run("%%capture kept\nask()")
    done = widgets.run("print(len(kept.outputs))\nkept.show()")

    assert "1\n" == done.printed
    assert ["half an answer"] == [turn.text for turn in turns_of(shown(done.messages))]


def test_other_widgets_are_none_of_it(widgets: Kernel, server: ScriptedServer) -> None:
    """An Output that was left, or never entered, leaves the cell as it is."""
    go = threading.Event()
    server.will(Answer((chunk("half"), Wait(go), chunk(" whole", finish="stop"))))
    request = widgets.start("with out:\n    print('in it')\nask()")
    for message in widgets.messages(request):
        if "half" in message["content"].get("data", {}).get("text/html", ""):
            go.set()
            break
    done = widgets.finish(request)

    assert "update_display_data" == done.messages[-1]["msg_type"]
    assert "half whole" in done.messages[-1]["content"]["data"]["text/html"]
