"""A cell that runs again in VS Code, whose front end forgets a display meanwhile."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Shell
from kernel_driver import Kernel, Outcome
from scripted_server import Answer, Cut, ScriptedServer, Wait, chunk, fails, says

from apertis_magic.chat.session import current
from apertis_magic.notebook.views.displays import GuardedDisplays
from apertis_magic.panel.saved import SavedTranscript
from apertis_magic.render.metadata import answers_of

CELL = "vscode-notebook-cell://host/n.ipynb#W2sZmlsZQ%3D%3D"
SHORT = "**words** that are soon followed by others."
LONG = "Some **words** of an answer.\n\n" * 4_000


class Extension:
    """What VS Code's extension makes of a cell's messages.

    It knows the outputs by their display ids, and of the cell the id that was shown or
    updated last. Once it hears that the former outputs were cleared, which may be at
    any time in the first seconds, it forgets that one.
    """

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []
        self._known: dict[str, dict[str, Any]] = {}
        self._last: str | None = None

    def take(self, message: dict[str, Any]) -> None:
        """Take a message of the cell."""
        content = message["content"]
        name = content.get("transient", {}).get("display_id")
        if message["msg_type"] == "update_display_data":
            output = self._known.get(name)
            if output is None or output["data"] == content["data"]:
                return
            output |= {"data": content["data"], "metadata": content["metadata"]}
        else:
            output = dict(content)
            self.outputs.append(output)
        if name:
            self._known[name] = output
            self._last = name

    def hear_of_clearing(self) -> None:
        """Forget the display that the cell showed or updated last."""
        if self._last is not None:
            del self._known[self._last]
            self._last = None

    @property
    def page(self) -> list[str]:
        """What is seen."""
        shown = (o["text"] if "text" in o else str(o.get("data")) for o in self.outputs)
        return [each for each in shown if "<!-- " not in each]


def is_guard(message: dict[str, Any]) -> bool:
    """Tell whether a message shows or updates the guard."""
    html: str = message["content"].get("data", {}).get("text/html", "")
    return html.startswith("<!-- ")


def page(messages: list[dict[str, Any]], moment: int | None = None) -> list[str]:
    """Return what a cell shows, cleared after so many of its messages or not at all."""
    extension = Extension()
    for number, message in enumerate(messages):
        if number == moment:
            extension.hear_of_clearing()
        extension.take(message)
    return extension.page


def moments(messages: list[dict[str, Any]]) -> Iterator[int]:
    """Give the moments at which the news may come, in the seconds that are guarded.

    The guard is sent right behind what it guards, and both arrive together.
    """
    last = max(number for number, each in enumerate(messages) if is_guard(each))
    for number in range(last + 1):
        if not is_guard(messages[number]):
            yield number
    yield last + 1


def in_two(text: str, go: threading.Event) -> Answer:
    """Return an answer whose second half waits."""
    half = len(text) // 2
    return Answer((chunk(text[:half]), Wait(go), chunk(text[half:], finish="stop")))


def finish(kernel: Kernel, request: str, go: threading.Event) -> list[dict[str, Any]]:
    """Let the second half come once the first is shown; return all messages."""
    messages = []
    for message in kernel.messages(request):
        messages.append(message)
        if "words" in str(message["content"].get("data")):
            go.set()
            break
    return messages + kernel.finish(request).messages


THREE = """for n in range(3):
    print(n)
    get_ipython().run_line_magic("chat", f"ask {n}")
"""


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    ("source", "asked"), [("%%chat\nWhy?", 1), (THREE, 3)], ids=["one", "three"]
)
def test_whatever_the_moment_the_whole_answer_is_there(
    kernel: Kernel, server: ScriptedServer, source: str, asked: int, text: str
) -> None:
    """It is known by its cell's id; each of its displays gets its last content."""
    go = threading.Event()
    server.will(in_two(text, go))
    messages = finish(kernel, kernel.start(source, CELL), go)
    whole = page(messages)

    assert asked * text.count("**words**") == str(whole).count("<strong>words</strong>")
    assert 3 <= len(list(moments(messages)))
    for moment in moments(messages):
        assert whole == page(messages, moment), moment


def test_without_the_guard_it_is_not(kernel: Kernel, server: ScriptedServer) -> None:
    """JupyterLab gets none, and the rule would lose the end of what it gets."""
    go = threading.Event()
    server.will(in_two(SHORT, go))
    messages = finish(kernel, kernel.start("%%chat\nWhy?", "a-1"), go)

    assert not any(map(is_guard, messages))
    assert page(messages) != page(messages, 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer((chunk("Two words"), Cut())),
        fails(401),
        says("Two words"),
        says(LONG),
    ],
    ids=["cut", "refused", "at once", "long at once"],
)
@pytest.mark.parametrize("options", ["", "--no-footer", "-n 2", "-f text"])
def test_other_ends_of_an_answer(
    kernel: Kernel, server: ScriptedServer, answer: Answer, options: str
) -> None:
    """What was shown, emptied or never there; known by the variable that is set."""
    server.will(answer)
    kernel.run("__vsc_ipynb_file__ = '/n.ipynb'")
    messages = kernel.run(f"%%chat {options}\nWhy?").messages
    kernel.run("del __vsc_ipynb_file__")
    shown = [each for each in messages if "data" in each["content"]]
    for moment in moments(messages) if shown else ():
        assert page(messages) == page(messages, moment), moment


def test_the_guard_takes_no_room(kernel: Kernel, server: ScriptedServer) -> None:
    """There is one, whatever is asked, of the same types as the answer's displays."""
    server.will(says("so"))
    messages = kernel.run(THREE, CELL).messages
    guards = [each["content"] for each in messages if is_guard(each)]
    others = [
        each["content"]
        for each in messages
        if "data" in each["content"] and not is_guard(each)
    ]

    assert 1 == len({each["transient"]["display_id"] for each in guards})
    assert len(guards) == len({each["data"]["text/html"] for each in guards})
    assert set(others[-1]["data"]) == set(guards[-1]["data"])


def test_it_is_touched_for_three_seconds(shell: Shell) -> None:
    """Later, what changes is sent alone."""
    now = 100.0
    displays = GuardedDisplays(lambda: now)
    ours = displays.show(None, {"text/html": "a"}, {})
    now += 2.9
    displays.show(ours, {"text/html": "b"}, {})
    displays.empty([ours])
    now += 0.2
    displays.show(ours, {"text/html": "c"}, {})
    displays.show(None, {"text/html": "d"}, {})

    assert ["a", "<!-- 1 -->", "b", "<!-- 2 -->", "", "<!-- 3 -->", "c", "d"] == [
        each["data"]["text/html"] for each in shell.published
    ]


def test_the_first_answer_may_come_late(shell: Shell) -> None:
    """It gets its guard as well, which is not touched any more."""
    now = 100.0
    displays = GuardedDisplays(lambda: now)
    now += 60.0
    ours = displays.show(None, {"text/html": "a"}, {})
    displays.show(ours, {"text/html": "b"}, {})

    assert ["a", "<!-- 1 -->", "b"] == [
        each["data"]["text/html"] for each in shell.published
    ]


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
def test_metadata_come_with_the_end(
    kernel: Kernel, server: ScriptedServer, text: str
) -> None:
    """All of them, and every display has as many media types from its beginning."""
    go = threading.Event()
    server.will(in_two(text, go))
    outcome = Outcome(messages=finish(kernel, kernel.start("%%chat\nWhy?", CELL), go))
    displayed = [m for m in outcome.messages if "data" in m["content"]]
    types = {frozenset(each["content"]["data"]) for each in displayed}
    told = [
        bool(each["content"]["metadata"])
        for each in displayed
        if each["content"]["data"]["text/html"] and not is_guard(each)
    ]
    [(_, turn)] = answers_of(outcome.outputs)

    assert 1 == len(types)
    assert sorted(told) == told
    assert text.strip() == turn.text.strip()


def test_a_panels_transcript_is_never_the_last(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """The panel itself is shown below it, and has an id; both ways to show it."""
    server.will(says("so"))
    kernel.run("%%chat\nWhy?", CELL)
    for source in (
        "%chat panel",
        "from apertis_magic import ChatPanel\nshown = ChatPanel()\nshown",
    ):
        displays = [
            each["content"]
            for each in kernel.run(source, CELL).messages
            if each["msg_type"] == "display_data"
        ]

        assert ["apertis-saved" in str(each["data"]) for each in displays] == [
            True,
            False,
        ]
        assert displays[-1]["transient"]["display_id"]
    kernel.run("import ipywidgets\nipywidgets.Widget.close_all()")


def test_a_transcript_is_not_updated_at_once(server: ScriptedServer) -> None:
    """Its first update comes when nothing is forgotten any more."""
    server.will(says("so"))
    now, updates = 100.0, list[Any]()
    transcript = SavedTranscript(current(), lambda: now)
    transcript.show(lambda _bundle: updates.append)
    current().current.ask("Why?").result()
    now += 2.9
    transcript.refresh()

    assert transcript.is_outdated
    assert [] == updates

    now += 0.2
    transcript.refresh()

    assert "Why?" in updates[0]["text/plain"]


def test_a_panel_waits_for_the_end_of_a_long_conversation_alone(
    server: ScriptedServer,
) -> None:
    """What is saved of the others comes later, though nothing has changed since."""
    server.will(*[says(f"answer {n} " + "word " * 3_000) for n in range(3)])
    for n in range(3):
        current().current.ask(f"{n}?").result()
    now, shown, updates = 100.0, list[Any](), list[Any]()

    def display(bundle: Any) -> Any:
        shown.append(bundle)
        return updates.append

    transcript = SavedTranscript(current(), lambda: now)
    transcript.show(display)

    assert transcript.is_outdated
    assert "answer 0" not in shown[0]["text/plain"]
    assert "answer 1" in shown[0]["text/plain"]
    assert "1 earlier turn is not shown here." in shown[0]["text/html"]

    now += 3.1
    transcript.refresh()

    assert "answer 0" in updates[0]["text/plain"]
    assert "earlier turn" not in updates[0]["text/html"]
    assert not transcript.is_outdated
