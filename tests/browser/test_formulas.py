"""Formulas in real front ends: listed ones are typeset, others are shown as source."""

import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from formulas import CORPUS, LISTED
from lab_driver import Lab, Notebook
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
