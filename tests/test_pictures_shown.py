"""Pictures in a cell's output: between the texts, sent once, within bounds."""

import re
import threading
from base64 import b64encode, urlsafe_b64encode

import nbformat
import pytest
from conftest import Shell
from drawn import GIF, JPEG, WEBP, data_url, large, picture, png
from kernel_driver import Kernel, Outcome
from nbconvert import HTMLExporter
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk

from apertis_magic.api.assemble import Pieces
from apertis_magic.chat.parts import Picture, Text
from apertis_magic.chat.picture import shortened
from apertis_magic.chat.question import Question
from apertis_magic.chat.received import parts_of
from apertis_magic.chat.turn import Turn
from apertis_magic.render import bundle
from apertis_magic.render.markdown import to_html
from apertis_magic.render.metadata import turns_of


def url_safe(data: bytes) -> str:
    """Return base64 in the alphabet of addresses."""
    return urlsafe_b64encode(data).decode()


FIRST, SECOND = png(), png(9, 9)
END = (chunk(finish="stop"), DONE)


def encoded(data: bytes) -> str:
    """Return what stands for a picture in an output."""
    return b64encode(data).decode()


def sent(done: Outcome, data: bytes) -> list[int]:
    """Return how often each message on IOPub holds a picture."""
    texts = [str(message["content"]) for message in done.messages]
    return [text.count(encoded(data)) for text in texts]


def opened_at(kernel: Kernel, words: str, gate: threading.Event) -> Outcome:
    """Ask, open the gate when these words are shown, and return all that came."""
    request = kernel.start("%%chat -o answer\nDraw.")
    seen = []
    for message in kernel.messages(request):
        seen.append(message)
        if words in message["content"]["data"]["text/html"]:
            break
    gate.set()
    rest = kernel.finish(request)
    return Outcome(rest.reply, seen + rest.messages)


def html(done: Outcome) -> str:
    """Return the HTML of the answer."""
    shown: str = done.answer["data"]["text/html"]
    return shown


def test_pictures_stand_between_the_texts_and_are_sent_once(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """No update holds one while the answer comes; the last one holds each once."""
    gate = threading.Event()
    body = (chunk("Here:"), picture(FIRST), chunk("and"), picture(SECOND))
    server.will(Answer((*body, chunk("there."), Wait(gate), *END)))
    done = opened_at(kernel, "there.", gate)
    *before, last = sent(done, FIRST)
    shown = html(done)
    order = [shown.index(each) for each in ("Here:", encoded(FIRST), "and")]

    assert 0 < len(before)
    assert [*before, last] == [0] * len(before) + [1] == sent(done, SECOND)
    assert order == sorted(order)
    assert shown.index("and</p>") < shown.index(encoded(SECOND)) < shown.index("there.")
    assert "[PNG picture, " in done.answer["data"]["text/plain"]
    assert [FIRST, SECOND] == [p.data for p in turns_of(done.outputs)[0].pictures]


def test_a_picture_alone(kernel: Kernel, server: ScriptedServer) -> None:
    """While it comes the cell says that the model draws; then it is the answer."""
    gate = threading.Event()
    server.will(Answer((picture(FIRST), Wait(gate), *END)))
    done = opened_at(kernel, "drawing", gate)

    assert 1 == sum(sent(done, FIRST))
    assert "empty" not in html(done)
    assert "drawing" not in html(done)


@pytest.mark.parametrize("kept", [True, False])
def test_pictures_of_a_long_answer(
    kernel: Kernel, server: ScriptedServer, *, kept: bool
) -> None:
    """They stand below its text, sent once, and load with it."""
    text = "Some **words** of an answer.\n\n" * (3_000 if kept else 1_000)
    server.will(Answer((chunk(text), picture(FIRST), chunk("Below."), *END)))
    done = kernel.run("%%chat\nDraw.")
    [turn] = turns_of(done.outputs)

    assert [FIRST] == [each.data for each in turn.pictures]
    assert (text + "Below.").rstrip() == turn.text.rstrip()
    assert 1 == sum(sent(done, FIRST))
    assert 0 == sum(sent(done, FIRST)[:-30])


def test_one_that_is_too_large(kernel: Kernel, server: ScriptedServer) -> None:
    """Of 5 MB, or of 20 MB together: a line says so, and answer.pictures has it."""
    server.will(Answer((picture(large(5_000_001)), chunk("Text."), *END)))
    done = kernel.run("%%chat -o answer\nDraw.")
    told = kernel.run("print([len(each.data) for each in answer.pictures])")

    assert "PNG picture: 5 MB, which is too large to be shown" in html(done)
    assert "answer.pictures has what is too large" in html(done)
    assert "Text." in html(done)
    assert "[5000001]\n" == told.printed


def test_many_that_are_too_large_together() -> None:
    """The first 20 MB are shown."""
    sizes = [5_000_000, 5_000_000, 5_000_000, 4_999_000, 1_001, 1_000]
    parts = tuple(Picture("image/png", large(size)) for size in sizes)
    data, _ = bundle.answer(
        Turn(question=Question("x"), answers=(parts, parts[-1:])), conversation=None
    )

    assert 5 == data["text/html"].count("<img")
    assert 2 == data["text/html"].count("1 KB, which is too large")


def test_a_whole_conversation_has_the_same_bounds() -> None:
    """The newest turns' pictures are shown, 20 MB of them."""
    parts = tuple(Picture("image/png", large(4_900_000)) for _ in range(3))
    asked = [Turn(question=Question(f"q{n}"), answers=(parts,)) for n in range(3)]
    shown = bundle.transcript(asked, system=None, stale=frozenset())["text/html"]
    counts = [each.count("<img") for each in re.split("q[0-2]<", shown)]

    assert [0, 0, 1, 3] == counts


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (data_url(JPEG + b"x").rstrip("="), "<img"),
        (data_url(png())[:22] + url_safe(png()), "<img"),
        (data_url(png())[:60] + "\n " + data_url(png())[60:], "<img"),
        (encoded(JPEG), 'alt="JPEG picture, '),
        (data_url(GIF, "image/png"), "data:image/gif;"),
        (data_url(WEBP, "text/html"), "data:image/webp;"),
        ("data:image/png;base64,!!!", "it is no base64"),
        (data_url(b"<svg/>"), "no picture in PNG, JPEG, GIF or WebP"),
        ("https://a.example/x.png", 'href="https://a.example/x.png"'),
        ("javascript:alert(1)", "it is no base64"),
        ("file:///etc/passwd", "it is no base64"),
    ],
)
def test_addresses_as_servers_write_them(url: str, said: str) -> None:
    """A picture is told by its first bytes; of all else a line says what it is."""
    pieces = Pieces()
    pieces.take("picture", url)
    turn = Turn(question=Question("x"), answers=(parts_of(pieces),), finish="stop")
    data, _ = bundle.answer(turn, conversation=None)

    assert said in data["text/html"]
    assert "empty" not in data["text/html"]


@pytest.mark.parametrize("data", [png(), JPEG, GIF, WEBP])
def test_a_picture_as_the_last_value_of_a_cell(shell: Shell, data: bytes) -> None:
    """It shows itself in JupyterLab and on nbconvert's page, of whichever kind."""
    kind = next(
        each
        for each in ("png", "jpeg", "gif", "webp")
        if Picture(f"image/{each}", data)._repr_mimebundle_().keys() != {"text/plain"}
    )
    made = Picture(f"image/{kind}", data)
    assert shell.display_formatter is not None
    bundled, about = shell.display_formatter.format(made)
    output = nbformat.v4.new_output("display_data", bundled, metadata=about)
    cell = nbformat.v4.new_code_cell("answer.pictures[0]", outputs=[output])
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))

    assert 1 == "".join(map(str, bundled.values())).count(encoded(data))
    assert encoded(data) in page.replace("\n", "")


def test_a_picture_that_is_none() -> None:
    """Only its line is shown, whatever it is said to be."""
    for kind in ("image/svg+xml", "image/png", 'image/png" onerror="x'):
        made = Picture(kind, b"<svg onload=alert(1)>")
        turn = Turn(question=Question("x"), answers=((made,),))
        data, _ = bundle.answer(turn, conversation=None)

        assert ["text/plain"] == list(made._repr_mimebundle_())
        assert "<img" not in data["text/html"]


def test_show_and_export(shell: Shell, server: ScriptedServer) -> None:
    """``%chat show`` and ``%chat last`` show them as well, and so does a page of it."""
    server.will(Answer((chunk("Here:"), picture(FIRST), *END)))
    shell.run("get_ipython().run_cell_magic('chat', '', 'Draw.')")
    for command in ("show", "last"):
        shell.published.clear()
        shell.run(f"%chat {command}")
        [shown] = shell.published
        output = nbformat.v4.new_output("display_data", shown["data"])
        cell = nbformat.v4.new_code_cell("", outputs=[output])
        notebook = nbformat.v4.new_notebook(cells=[cell])
        page, _ = HTMLExporter().from_notebook_node(notebook)

        assert encoded(FIRST) in page
        assert encoded(FIRST) not in shown["data"]["text/plain"]


IN_TEXT = f"Here:\n\n![A cat]({data_url(FIRST)})\n\nand `code`."


def test_a_picture_in_the_text(kernel: Kernel, server: ScriptedServer) -> None:
    """It is a part of the answer, shown where it stands, and sent once."""
    text = f"Here:\n\n![A cat]({data_url(large(300_000))})\n\nThere."
    data = large(300_000)
    cut = [text[at : at + 4_000] for at in range(0, len(text), 4_000)]
    gate = threading.Event()
    begun, rest = map(chunk, cut[:40]), map(chunk, cut[40:])
    server.will(Answer((*begun, Wait(gate), *rest, *END)))
    done = opened_at(kernel, "Here:", gate)

    assert len(done.messages[0]["content"]["data"]["text/html"]) < 2_000
    [turn] = turns_of(done.outputs)

    assert [0, 1] == sorted({*sent(done, data), 0})
    assert ("Here:\n\n\n\nThere.", data) == (turn.text, turn.pictures[0].data)
    assert "PNG picture, 300 KB: A cat" in done.answer["data"]["text/plain"]
    assert 'alt="PNG picture, 300 KB: A cat"' in html(done)


def test_pictures_in_a_text_have_the_same_bounds() -> None:
    """Told by their first bytes, of 5 MB at the most, and of 20 MB together."""
    large_one = f"![x]({data_url(large(5_000_001))})"
    many = "\n\n".join(f"![x]({data_url(large(4_900_000))})" for _ in range(5))
    said = "[image not loaded: x]"

    assert len(bundle.html_of(large_one, "text")) < 300
    assert "data:image/gif;" in to_html(f"![x]({data_url(GIF)})")
    assert said in to_html(f"![x]({data_url(b'<svg onload=alert(1)>')})")
    assert said in to_html(large_one)
    assert (4, 1) == (to_html(many).count("<img"), to_html(many).count(said))


def test_a_shortened_text_goes_on_as_the_text_does() -> None:
    """So that what is shown while it comes is never another text."""
    before = ""
    for end in range(len(IN_TEXT)):
        now = shortened(IN_TEXT[:end])

        assert now.startswith(before)
        assert len(now) < 150

        before = now
    assert before.endswith("…)\n\nand `code`")
    assert "data:image/png;base64,AAAA" == shortened("data:image/png;base64,AAAA")


def test_a_huge_one_is_refused_before_it_is_read() -> None:
    """A hundred megabytes of base64, ten thousand pictures: a line each."""
    pieces = Pieces()
    pieces.take("picture", "data:image/png;base64," + "A" * 100_000_000)
    [huge] = parts_of(pieces)
    for _ in range(10_000):
        pieces.take("picture", data_url(FIRST))
    parts = parts_of(pieces)
    data, _ = bundle.answer(
        Turn(question=Question("x"), answers=(parts,)), conversation=None
    )

    assert "a picture is left out: it has about 75.0 MB" == huge.left_out  # type: ignore[union-attr]
    assert 99 == data["text/html"].count("<img")
    assert "9901 more pictures are left out" in data["text/html"]


def test_each_stands_where_it_came() -> None:
    """Also where the texts meet, and where an address is all that came."""
    parts = (Picture("image/png", FIRST), Text("One."), Text("Two."))
    far = Picture("", url="https://a.example/x.png")
    turn = Turn(question=Question("x"), answers=(parts, (far,)))
    shown = bundle.answer(turn, conversation=None)[0]["text/html"]

    assert shown.index("<img") < shown.index("One.") < shown.index("Two.")
    assert "[picture not loaded: <a" in shown


def test_at_the_side_where_the_text_begins() -> None:
    """A picture below a text from right to left stands at the right."""
    made = Picture("image/png", FIRST)
    parts = (Text("שלום"), made, Text("Hello"), made)
    turn = Turn(question=Question("x"), answers=(parts,))
    shown = bundle.answer(turn, conversation=None)[0]["text/html"]

    assert ['<p dir="rtl" style="text-align:start">', "<p>"] == re.findall(
        r"(<p[^>]*>)<img", shown
    )
