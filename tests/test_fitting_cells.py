"""A long conversation in cells: what does not fit is left out, and it is said."""

import pytest
from conftest import Shell
from kernel_driver import Kernel
from scripted_server import ScriptedServer, json_answer, says

from apertis_magic.notebook.front_end import this_notebook

LONG = "word " * 2_000


def last(shell: Shell) -> str:
    """Return the HTML of the last display."""
    html: str = shell.published[-1]["data"]["text/html"]
    return html


def test_the_oldest_turns_are_left_out(shell: Shell, server: ScriptedServer) -> None:
    """Never the system prompt, nor the question; below the answer stands how many."""
    server.will(says(LONG, usage=None), says("two"), says("three"), says("four"))
    shell.run("%config ApertisMagic.max_context_tokens = 2000")
    for prompt in ("-s 'Be brief.'\none", "\ntwo", "\nthree"):
        shell.run(f"%%chat {prompt}")
    told = last(shell)
    shell.run("%config ApertisMagic.max_context_tokens = None")
    shell.run("%%chat\nfour")

    assert ["Be brief.", "two"] == [text for _, text in server.messages[1]]
    assert ["Be brief.", "two", "two", "three"] == [
        text for _, text in server.messages[2]
    ]
    assert "1 earlier turn was not sent" in told
    assert "not sent" not in last(shell)
    assert LONG in [text for _, text in server.messages[3]]


def test_room_is_left_for_the_longest_answer(
    shell: Shell, server: ScriptedServer
) -> None:
    """By whichever name, also where only the server knows it."""
    server.will(says(LONG, usage=None), says("two"))
    shell.run("%config ApertisMagic.max_context_tokens = 5000")
    shell.run("%%chat\none")
    shell.run("%%chat -p max_completion_tokens=4000\ntwo")
    shell.run("%%chat --history 1\nthree")

    assert [["one"], ["two"]] == [[t for _, t in m] for m in server.messages[:2]]


def test_going_on_keeps_to_it(shell: Shell, server: ScriptedServer) -> None:
    """The first half counts, for it is sent."""
    server.will(says("one"), says(LONG, finish="length", usage=None), says("two"))
    shell.run("%%chat\none")
    shell.run("%%chat\ntwo")
    shell.run("%config ApertisMagic.max_context_tokens = 3500")
    shell.run("%chat continue")

    assert ["two", LONG] == [text for _, text in server.messages[2]][:2]


@pytest.mark.usefixtures("cache")
def test_the_models_own_length_holds(shell: Shell, server: ScriptedServer) -> None:
    """Once the list of models is known; nobody asks for it."""
    models = [{"id": "gpt-4.1-mini", "context_length": 2000}]
    server.will(
        says(LONG, usage=None),
        says("two"),
        json_answer({"object": "list", "data": models}),
        says("three"),
        says("four"),
    )
    shell.run("%%chat\none")
    shell.run("%%chat\ntwo")
    shell.run("%chat models")
    shell.run("%%chat\nthree")
    shell.run("%%chat -m other\nfour")

    sent = [
        [message["content"] for message in request.body["messages"]]
        for request in server.requests
        if request.method == "POST"
    ]

    assert ["one", LONG, "two"] == sent[1]
    assert ["two", "two", "three"] == sent[2]
    assert 7 == len(sent[3])


def test_a_cell_of_colab_is_known(kernel: Kernel, server: ScriptedServer) -> None:
    """By the name that it gives to the cell's id, where it gives one."""
    server.will(says("a"))
    done = kernel.finish(kernel.start("%%chat --once\nx", colab=None, cellId=3))

    assert "ok" == done.reply["status"]

    for prompt in ("one", "changed"):
        source = f"%%chat\n{prompt}"
        done = kernel.finish(kernel.start(source, colab={"cell_id": "c1"}))

        assert "ok" == done.reply["status"]

    done = kernel.run(
        "print([t.prompt for t in session.current().current.turns])", cell="c2"
    )

    assert "['changed']\n" == done.printed


def test_the_notebook_is_known(shell: Shell) -> None:
    """By the name that VS Code gives to it, before that of the server."""
    assert this_notebook(shell) is None

    shell.run("import os; os.environ['JPY_SESSION_NAME'] = 'there/talk.ipynb'")
    by_server = this_notebook(shell)
    shell.run("__vsc_ipynb_file__ = '/here/talk.ipynb'")
    by_code = this_notebook(shell)
    shell.run("del __vsc_ipynb_file__, os.environ['JPY_SESSION_NAME']")

    assert ("there/talk.ipynb", "/here/talk.ipynb") == (by_server, by_code)
