"""Formulas in real front ends: listed ones are typeset, others are shown as source."""

import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from formulas import CORPUS, LISTED
from front_ends import in_both
from hostile import LEAK, PAYLOADS
from lab_driver import Lab, Notebook
from lab_server import PATIENCE
from scripted_server import ScriptedServer, says

# What a front end made of each formula of an answer: MathML that somebody can read, or
# why there is none. A command that it does not know becomes red text.
_MADE = """box => [...box.querySelectorAll('.arithmatex')].map(formula => {
  const made = [...formula.querySelectorAll('mjx-assistive-mml math')];
  if (made.length !== 1) return `typeset ${made.length} times`;
  if (formula.querySelector('merror, mjx-merror, [data-mjx-error]'))
    return `error: ${made[0].textContent}`;
  const unknown = [...made[0].querySelectorAll('[mathcolor=red]')];
  const names = unknown.map(e => e.textContent).filter(text => text[0] === '\\\\');
  return names.length ? `unknown: ${names}` : made[0].innerHTML;
})"""
_SHOWN = """([box, count]) =>
  box.querySelectorAll('.arithmatex mjx-container').length >= count"""


def opened(
    lab: Lab, server: ScriptedServer, name: str, answers: Sequence[str]
) -> Notebook:
    """Ask for these answers, in a notebook whose second cell shows the panel."""
    server.will(*map(says, answers))
    notebook = lab.notebook(
        name,
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        "%chat panel",
        *[f"%%chat\n{n}" for n in range(len(answers))],
    )
    notebook.run()
    return notebook


def made(notebook: Notebook, number: int, count: int) -> list[str]:
    """Return what became of the *count* formulas of an answer, once they are there."""
    box = notebook.output(2 + number).locator(".apertis-answer").first
    notebook.lab.wait(_SHOWN, [box.element_handle(), count])
    found: list[str] = box.evaluate(_MADE)
    return found


def is_fault(told: str) -> bool:
    """Tell whether a front end did not typeset a formula."""
    return told.startswith(("typeset", "error", "unknown"))


KINDS = {
    "the corpus": CORPUS,
    "all commands": LISTED["commands"],
    "all else": [
        formula
        for kind, formulas in LISTED.items()
        for formula in formulas
        if kind != "commands"
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_listed_is_typeset(
    front_end: Lab, server: ScriptedServer, kind: str
) -> None:
    """A front end knows every command, and typesets every formula of the corpus."""
    formulas = KINDS[kind]
    answer = "\n\n".join(f"\\[{formula}\\]" for formula in formulas)
    notebook = opened(front_end, server, f"listed {kind}", [answer])
    told = made(notebook, 0, len(formulas))

    assert len(formulas) == len(told)
    assert [] == [
        (formula, each)
        for formula, each in zip(formulas, told, strict=True)
        if is_fault(each)
    ]

    notebook.close()


class _Trap(ThreadingHTTPServer):
    """A server on this machine that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Noting)
        self.asked: list[str] = []
        self.met = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/x"


class _Noting(BaseHTTPRequestHandler):
    server: _Trap

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.met.set()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def trap() -> Iterator[_Trap]:
    """Yield a server that no answer may get a front end to ask."""
    with _Trap() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


PLAIN = r"""
$\frac{1}{2}$ $\sin x$ $\cos x$ $\log 2$ $\alpha$ \(\begin{matrix}a&b\end{matrix}\)

\[x = 1 \tag{1}\]
"""
# What a point of the page shows belongs to an answer only where that answer is.
_OUTSIDE = """() => {
  const found = [];
  for (let x = 2; x < innerWidth; x += 20)
    for (let y = 2; y < innerHeight; y += 20) {
      const shown = document.elementFromPoint(x, y);
      const box = shown?.closest('.apertis-answer, .ap-answer');
      const {left, right, top, bottom} = box?.getBoundingClientRect() ?? {};
      if (box && (x < left - 1 || x > right + 1 || y < top - 1 || y > bottom + 1))
        found.push([x, y, shown.outerHTML.slice(0, 200)]);
    }
  return found;
}"""
_FIXED = """() => {
  const made = [...document.querySelectorAll('mjx-container *')];
  return made.filter(element => {
    const style = getComputedStyle(element);
    return style.position === 'fixed' || style.backgroundImage !== 'none';
  }).map(element => element.outerHTML.slice(0, 200));
}"""


def assert_stayed_inside(lab: Lab, trap: _Trap) -> None:
    """Assert that no formula reached further than the answer that it is in."""
    assert [] == lab.page.evaluate(_OUTSIDE)
    assert [] == lab.page.evaluate(_FIXED)
    assert [] == trap.asked
    assert [] == lab.strays


@in_both
def test_the_front_end_would_obey(front_end: Lab, trap: _Trap) -> None:
    """The same formula, handed over unread, does reach out of its output."""
    bad = PAYLOADS["mathematics, box"].replace(LEAK, trap.url)
    shown = f"from IPython.display import HTML\ndisplay(HTML({bad!r}))"
    notebook = front_end.notebook("formula control", shown)
    notebook.run()
    notebook.output(0).locator("mjx-container").first.wait_for(state="attached")

    assert trap.met.wait(PATIENCE)
    assert front_end.page.evaluate(_FIXED)

    notebook.close()


def test_hostile_formulas(front_end: Lab, server: ScriptedServer, trap: _Trap) -> None:
    """In cell and panel, fresh and reopened, no formula reaches out of its answer."""
    attacks = [
        bad.replace(LEAK, trap.url)
        for name, bad in PAYLOADS.items()
        if name.startswith("mathematics")
    ]
    everything = "\n\n".join(attacks)
    answers = [PLAIN, everything, *attacks, PLAIN]
    notebook = opened(front_end, server, "hostile formulas", answers)
    last = len(answers) - 1
    before, after = made(notebook, 0, 7), made(notebook, last, 7)

    assert [] == [*filter(is_fault, before)]
    assert before == after

    assert_stayed_inside(front_end, trap)

    for number in range(len(answers)):
        notebook.output(2 + number).last.scroll_into_view_if_needed()
        assert_stayed_inside(front_end, trap)
    panel = notebook.output(1).get_by_role("region", name="Chat")
    panel.scroll_into_view_if_needed()
    panel.locator("mjx-container").first.wait_for()
    assert_stayed_inside(front_end, trap)

    notebook.saved()
    notebook.close()
    again = front_end.reopened(notebook.path, trusted=True)

    assert before == made(again, last, 7)
    assert_stayed_inside(front_end, trap)

    again.close()
