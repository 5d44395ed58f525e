"""``%chat`` lines: which of them ask, what they take from variables, what was meant."""

from collections.abc import Callable
from typing import Any

import pytest
from conftest import Shell
from IPython.core.error import UsageError
from kernel_driver import Kernel
from scripted_server import ScriptedServer, json_answer, says

from apertis_magic.chat import session
from apertis_magic.notebook import foreign_words
from apertis_magic.notebook.closest import closest
from apertis_magic.notebook.commands.command_table import COMMANDS
from apertis_magic.notebook.options import BY_NAME

KEY = "sk-9fJ2kQ7xLp4Zt8Rw3Nv6Hd"


@pytest.fixture(autouse=True)
def answers(server: ScriptedServer) -> None:
    """Have the server answer everything."""
    server.will(says("a"))


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that gives what was printed since it was last called."""
    return lambda: capsys.readouterr().out


def refused(shell: Shell, line: str) -> str:
    """Return what is wrong with a line."""
    with pytest.raises(UsageError) as caught:
        shell.run(line)

    assert UsageError is type(caught.value)
    assert "\n" not in str(caught.value)

    return str(caught.value)


# Which lines ask


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("%chat What is the capital of Japan?", "What is the capital of Japan?"),
        ("%chat Show me the money", "Show me the money"),
        ("%chat fix the bug in my code", "fix the bug in my code"),
        ("%chat -t 0 What is it?", "What is it?"),
        ("%chat -t 0 show me the money", "show me the money"),
        ("%chat --temperature=0 reset", "reset"),
        ("%chat -- show me the money", "show me the money"),
        ('%chat "What is it?"', "What is it?"),
        ("%chat don't you know?", "don't you know?"),
        ("%chat 2 + 2 = ?", "2 + 2 = ?"),
        ("%chat -5 degrees is how much?", "-5 degrees is how much?"),
        ("%%chat What is it?", "What is it?"),
        ("%%chat What is it?\n\n", "What is it?"),
        ("%%chat -t 0 What is it?\n  \n", "What is it?"),
        ("%%chat ask What is it?\n", "What is it?"),
        ("%%chat What is \\\n  it?", "What is    it?"),
    ],
)
def test_words_that_are_no_command_ask(
    shell: Shell, server: ScriptedServer, cell: str, text: str
) -> None:
    """On a line, and on that of a cell with nothing below."""
    shell.run(cell)

    assert [[("user", text)]] == server.messages
    assert ("-t" in cell or "--temp" in cell) == (
        "temperature" in (server.requests[0].body or {})
    )


@pytest.mark.parametrize("line", ["%chat system Be brief.", "%%chat system Be brief."])
def test_a_command_is_the_command(
    shell: Shell, server: ScriptedServer, line: str
) -> None:
    """Whatever follows, if it takes that."""
    shell.run(line)

    assert "Be brief." == session.current().current.system
    assert [] == server.requests


@pytest.mark.parametrize(
    "line",
    [
        "show me the money",
        "retry what you did",
        "continue the story",
        "undo my mistake",
        "help me",
        "list three colours",
        "local news of today",
        "doctor who?",
        "use the force, Luke",
        "reset now",
    ],
)
def test_what_a_command_cannot_take_is_told(
    shell: Shell, server: ScriptedServer, line: str
) -> None:
    """In one line, with the way to ask it."""
    assert f"%chat ask {line} would ask that." in refused(shell, f"%chat {line}")
    assert f"%chat ask {line} would ask that." in refused(shell, f"%%chat {line}")
    assert [] == server.requests


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("histroy", "Did you mean show?"),
        ("shwo", "Did you mean show?"),
        ("rest", "Did you mean reset?"),
        ("stat", "Did you mean %chat alone?"),
        ("modle", "Did you mean model?"),
        ("clear", "Did you mean reset?"),
        ("regenerate", "Did you mean retry?"),
        ("Why?", "Why?'. %chat ask Why? would ask that"),
        ("xylophone", "xylophone'. %chat ask xylophone would ask that"),
        ("best", "best'. %chat ask best would ask that"),
        ("hell", "Did you mean help?"),
    ],
)
def test_a_single_word_is_a_slip(
    shell: Shell, server: ScriptedServer, word: str, near: str
) -> None:
    """It is told with the command that comes close, if one does, and the way to ask."""
    assert near in refused(shell, f"%chat {word}")
    assert near in refused(shell, f"%%chat {word}")
    assert [] == server.requests


@pytest.mark.parametrize("word", ["Key", "KEY", "keys", "token", "login", "api-key"])
def test_a_slip_for_key_is_not_asked(
    shell: Shell, server: ScriptedServer, word: str
) -> None:
    """What stands behind it may be a key of any look; several words are a question."""
    told = refused(shell, f"%chat {word} hunter2")
    shell.run(f"%chat {word} hunter2 is what?")

    assert "hunter2" not in told
    assert f"no command {word!r}. Did you mean key?" in told
    assert [[("user", f"{word} hunter2 is what?")]] == server.messages


@pytest.mark.parametrize("word", ["--version", "-V", "version"])
def test_an_option_of_other_programs_is_a_command(
    shell: Shell, told: Callable[[], str], word: str
) -> None:
    """As ``--help`` is."""
    shell.run(f"%chat {word}")

    assert told().startswith("python ")


@pytest.mark.parametrize(
    "cell",
    [
        f"%chat What is {KEY}?",
        f"%chat -t 0 What is {KEY}?",
        f"%%chat What is {KEY}?",
        f"%%chat -m {KEY} What is it?",
        f"%chat {KEY}",
        f"%%chat show me {KEY}",
        f"%chat show me {KEY}",
        f"key = '{KEY}'\n%chat ask -m {{key}} hi",
        f"key = '{KEY}'\n%chat -c $key hi you",
        f"key = '{KEY}'\n%chat ask -p note={{key}} hi",
        f"key = ['{KEY}']\n%chat ask --stop {{key}} hi",
        f"key = '{KEY}'\n%chat model {{key}}",
        f"key = '{KEY}'\n%chat -t $key hi you",
    ],
)
def test_a_key_is_never_repeated(
    shell: Shell, server: ScriptedServer, cell: str
) -> None:
    """Wherever it stands, and whatever it stands in."""
    assert KEY[3:] not in refused(shell, cell)
    assert [] == server.requests


def test_a_key_is_sent_anyway(shell: Shell, server: ScriptedServer) -> None:
    """Where that is said, also for what a variable holds."""
    shell.run(f"key = '{KEY}'\n%chat --anyway -s {{key}} What is it?")

    assert ("system", KEY) == server.messages[0][0]


def test_a_line_and_a_message_are_too_much(
    shell: Shell, server: ScriptedServer
) -> None:
    """The options' line has none but options then."""
    assert "stands on the options' line" in refused(shell, "%%chat What is it?\nx")
    assert "the message is empty" in refused(shell, "%%chat -m x\n")
    assert [] == server.requests


# Variables


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("-m {text} hi", {"model": "-one"}),
        ("-m $text hi", {"model": "-one"}),
        ("-m$text hi", {"model": "-one"}),
        ("--model={text} hi", {"model": "-one"}),
        ('-m "{text}" hi', {"model": "-one"}),
        ("-t {half} --seed $whole hi", {"temperature": 0.5, "seed": 7}),
        ("--stop {texts} hi", {"stop": ["a b", "-c"]}),
        ("--stop {texts} --stop x hi", {"stop": ["a b", "-c", "x"]}),
        ("--stop {none} hi", {"stop": None}),
        ("-p k={tree} hi", {"k": {"b": [1, None]}}),
        ("-p a.b=$whole -p c={text} hi", {"a": {"b": 7}, "c": "-one"}),
        ("-p k={number} hi", {"k": "7"}),
        ('-p k={"a":1} hi', {"k": {"a": 1}}),
        ("-s {} hi", {"messages": [("system", "{}")]}),
        ("-s $5 hi", {"messages": [("system", "$5")]}),
        ("-s a{text} hi", {"messages": [("system", "a{text}")]}),
        ("-s {text} hi", {"messages": [("system", "-one")]}),
    ],
)
@pytest.mark.parametrize("words", ["ask ", "", "retry "])
def test_an_option_takes_a_variable(
    shell: Shell, server: ScriptedServer, line: str, expected: Any, words: str
) -> None:
    """As its whole value; anything else is what it is."""
    if words == "retry ":
        if " -s" in f" {line}":
            return
        shell.run("%chat ask hi")
        line = line.removesuffix(" hi")
    shell.run("text, half, whole, number = '-one', 0.5, 7, '7'")
    shell.run("texts, tree, none = ['a b', '-c'], {'b': [1, None]}, ()")
    shell.run(f"%chat {words}{line}")
    body = server.requests[-1].body or {}
    sent = {name: body.get(name) for name in expected}

    if "messages" in expected:
        sent = {"messages": server.messages[-1][:1]}

    assert expected == sent


def test_a_loop_over_models(shell: Shell, server: ScriptedServer) -> None:
    """Also in a function, whose own names go first, and in a timed line."""
    shell.run("for m in ['one', 'two']:\n    %chat ask -m {m} hi?")
    shell.run("for m in ['one', 'two']: %chat ask -m {m} it's (hi?")
    shell.run("def ask(m):\n    %chat ask -m {m} hi?\nask('three')")
    shell.run("def ask(n):\n    %time %chat ask -m {n} hi?\nask('four')")
    shell.run("%chat model {m}\n%chat ask hi")

    assert ["one", "two", "one", "two", "three", "four", "two"] == [
        request.body["model"] for request in server.requests if request.body
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-m {modle} hi", "there is no variable modle. Did you mean model?"),
        ("-m $modle hi", "there is no variable modle. Did you mean model?"),
        ("--stop {xyz} hi", "there is no variable xyz."),
        ("-p k={modle} hi", "there is no variable modle. Did you mean model?"),
        ("-m {models} hi", "--model takes text or a number; models is a list."),
        ("-t {flag} hi", "--temperature takes text or a number; flag is a bool."),
        ("-t {model} hi", "--temperature needs a number, not 'one'."),
        ("-m {models[0]} hi", "the name of a variable in braces, and no more"),
        ("-m {model.lower()} hi", "the name of a variable in braces, and no more"),
        ("-m {model!r} hi", "the name of a variable in braces, and no more"),
        ("-t {model:.2f} hi", "the name of a variable in braces, and no more"),
        ("-p k={flags} hi", "-p takes what JSON can hold; flags is not."),
        ("--stop {models} --stop a --stop b --stop c hi", "may stand 4 times"),
    ],
)
def test_a_wrong_variable_is_told(
    shell: Shell, server: ScriptedServer, line: str, words: str
) -> None:
    """In one line, before anything is sent."""
    shell.run("model, models, flag, flags = 'one', ['a', 'b'], True, {1}")

    assert words in refused(shell, f"%chat ask {line}")
    assert [] == server.requests


def test_a_cells_line_is_literal(shell: Shell, server: ScriptedServer) -> None:
    """With a message below and without one."""
    shell.run("x = 'value'\nq = 1")
    shell.run("%%chat -s {x}\nhi")
    shell.run("%%chat -s $x What is it?")

    assert ["{x}", "$x"] == [messages[0][1] for messages in server.messages]


def test_braces_in_a_message_are_text(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """Which is said once of each variable, and of nothing else."""
    shell.run("import json\nfor q in ['a', 'b']:\n    %chat ask what is {q}?")
    shell.run("%%chat\n{q} and {json} and {nothing} and {{q}}")
    first = told()
    shell.run("r, i = 1, 2")
    shell.run("%chat ask \\frac{r}{i}, x_{i}, ${r}")
    shell.run("%%chat\n```python\nf'{r}'\n```\n`{i}`")
    quiet = told()
    shell.run("%%chat\nsay '{r}' and {i}")

    assert 2 * ["what is {q}?"] == [each[-1][1] for each in server.messages[:2]]
    assert 1 == first.count("is sent as text")
    assert first.startswith("{q} is sent as text: nothing is filled in.")
    assert "" == quiet
    assert told().startswith("{r}, {i} is sent as text")


def test_a_kernel_takes_a_variable(kernel: Kernel, server: ScriptedServer) -> None:
    """Of the cell before."""
    kernel.run("model = 'chosen'")
    done = kernel.run("%chat -m $model What is it?")

    assert "ok" == done.reply["status"]
    assert "chosen" == (server.requests[0].body or {})["model"]


# What was meant


@pytest.mark.parametrize(
    ("option", "near"),
    [
        ("--temp", "--temperature"),
        ("--temprature", "--temperature"),
        ("-temperature", "--temperature"),
        ("-model", "--model"),
        ("--sytem", "--system"),
        ("--sys", "--system"),
        ("--max", "--max-tokens"),
        ("--max_token", "--max-tokens"),
        ("--maxtokens", "--max-tokens"),
        ("--reset-conversation", "--new"),
        ("--reset_conversation", "--new"),
        ("-i", "-c"),
        ("--session", "-c"),
        ("--engine", "--model"),
        ("--max-completion-tokens", "--max-tokens"),
        ("--top-k", "-p top_k=N"),
        ("--nostream", "--no-stream"),
        ("-T", "--temperature"),
        ("--setd", "--seed"),
    ],
)
def test_a_wrong_option_is_likened_to_near_ones(
    shell: Shell, option: str, near: str
) -> None:
    """To slips, to beginnings, and to what other tools call it."""
    assert refused(shell, f"%chat ask {option} 1 hi").endswith(f"Did you mean {near}?")
    assert refused(shell, f"%%chat {option} 1\nhi").endswith(f"Did you mean {near}?")


@pytest.mark.parametrize(
    "option",
    ["--item", "--tempo", "--xyz", "-z", "--re", "--a", "--most", "-what"],
)
def test_a_wrong_option_is_likened_to_no_far_one(shell: Shell, option: str) -> None:
    """Two dashes make no two options alike."""
    expected = f"%%chat: unknown option {option}."

    assert expected == refused(shell, f"%chat ask {option} 1 hi")


def test_what_other_tools_have_is_told(shell: Shell) -> None:
    """Where it is no option, but done in another way."""
    assert "Answers stream as they come" in refused(shell, "%chat ask --stream hi")
    assert "attached in the panel" in refused(shell, "%chat ask --file a.txt hi")
    assert "%chat config base_url" in refused(shell, "%chat ask --base-url x hi")


def test_the_words_of_others_are_not_ours() -> None:
    """What is offered for them is."""
    offered = [*foreign_words.COMMANDS.values(), *foreign_words.OPTIONS.values()]
    words = {each.removeprefix("Did you mean ").strip("?") for each in offered}

    assert set() == foreign_words.COMMANDS.keys() & COMMANDS.keys()
    assert set() == foreign_words.OPTIONS.keys() & BY_NAME.keys()
    assert {"%chat alone"} == {
        word
        for word in words
        if word.split()[0] not in {*COMMANDS, *BY_NAME} and "." not in word
    }


@pytest.mark.parametrize("word", ["", "-", "--", "---", "é", "-é", "a" * 1000])
def test_any_word_is_near_or_not(word: str) -> None:
    """However short or strange."""
    assert closest(word, BY_NAME, foreign_words.OPTIONS) in ("", " Did you mean -p?")


# Models


def test_a_model_that_the_list_lacks(
    shell: Shell, server: ScriptedServer, told: Any, cache: Any
) -> None:
    """It is set, and told at once with the way back; a question need not fail first."""
    server.will(json_answer({"data": [{"id": "gpt-5.4"}, {"id": "other"}]}))
    shell.run("%chat models")
    server.will(says("a"))
    told()
    shell.run("%chat model gpt-5.5")
    shell.run("%chat model gpt-5.5")
    shell.run("%chat model 'odd one'")
    shell.run("%chat model other")
    shell.run("%config ApertisMagic.model = 'otter'")
    shell.run("%chat config model gtp-5.4")
    shell.run("%config ApertisMagic.model = None")

    assert cache.exists()
    assert (
        "gpt-5.5, set for the conversation 'main'.\n"
        "The server's list has no such model. Close to it: gpt-5.4. %chat model "
        "default goes back.\n"
        "gpt-5.5, set for the conversation 'main'.\n"
        "The server's list has no such model. Close to it: gpt-5.4. %chat model "
        "default goes back.\n"
        "odd one, set for the conversation 'main'.\n"
        "The server's list has no such model. %chat model gpt-5.5 goes back.\n"
        "other, set for the conversation 'main'.\n"
        "The server's list has no such model. Close to it: other. %config "
        "ApertisMagic.model = None goes back.\n"
        "The server's list has no such model. Close to it: gpt-5.4. %config "
        "ApertisMagic.model = 'otter' goes back.\n"
        "model: other (conversation main)\n"
    ) == told()
