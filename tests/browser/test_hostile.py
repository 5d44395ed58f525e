"""Hostile answers in a real JupyterLab: no script runs, nothing is asked for outside.

A freshly run cell is trusted, so nothing of the front end's own stands between the
answer and the page.
"""

import threading
from collections.abc import Iterable

import pytest
from hostile import DELTAS, FOUND, PAYLOADS, PLACES, STYLES
from lab_driver import Lab, Notebook
from scale import ALL
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk, says

from apertis_magic.render import style

END = chunk(finish="stop")


def batched(places: Iterable[str]) -> list[tuple[str, str]]:
    """Return the places in pairs, which share an answer to save time."""
    one_by_one = iter(places)
    return list(zip(one_by_one, one_by_one, strict=True))


def harmless(lab: Lab) -> None:
    """Check what the page shows and what has happened in it."""
    assert lab.page.evaluate("() => window.ran ?? []") == []
    assert lab.page.evaluate(FOUND, [style.RULES, STYLES]) == []
    assert lab.strays == []
    assert lab.page.locator(".jp-Dialog").count() == 0
    assert lab.page.locator(".jp-Notebook").last.is_visible()


def opened(lab: Lab, server: ScriptedServer, name: str, count: int) -> Notebook:
    """Open a notebook that loads the extension and asks so many questions."""
    load = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    return lab.notebook(name, load, *[f"%%chat\n{n}" for n in range(count)])


def test_the_page_would_obey(lab: Lab) -> None:
    """The same attacks, handed over uncleaned, do run and do leave."""
    bad = PAYLOADS["image"] + PAYLOADS["remote image"]
    shown = f"from IPython.display import HTML\ndisplay(HTML({bad!r}))"
    notebook = lab.notebook("control", shown)
    notebook.run()
    lab.page.wait_for_function("() => window.ran?.length")

    assert any("leak.invalid" in address for address in lab.strays)

    notebook.close()
    lab.strays.clear()
    lab.page.evaluate("() => { delete window.ran }")


@pytest.mark.parametrize("pair", batched(PLACES)[:: 1 if ALL else 3], ids=" and ".join)
def test_whole_answers(lab: Lab, server: ScriptedServer, pair: tuple[str, str]) -> None:
    """Every attack, in every place of an answer, is harmless."""
    answers = [
        says("\n\n".join(PLACES[place](bad) for place in pair))
        for bad in PAYLOADS.values()
    ]
    server.will(*answers, answers[-1])
    notebook = opened(lab, server, f"hostile {pair[0]}", len(answers))
    notebook.run()

    assert notebook.output(len(answers)).locator(".apertis-footer").count() == 1

    harmless(lab)
    notebook.close()


def test_what_stands_beside_the_text(lab: Lab, server: ScriptedServer) -> None:
    """Pictures, calls, sources, refusals and thinking are as harmless as text."""
    server.will(*(Answer((chunk(delta=bad), END, DONE)) for bad in DELTAS.values()))
    notebook = opened(lab, server, "hostile beside", len(DELTAS))
    notebook.run()
    for folded in lab.page.locator(".apertis-answer summary").all():
        folded.click()

    assert notebook.output(len(DELTAS)).locator(".apertis-footer").count() == 1
    assert lab.page.locator("img.apertis-picture").count() >= 100

    harmless(lab)
    notebook.close()


def test_answers_in_mid_stream(lab: Lab, server: ScriptedServer) -> None:
    """An attack is as harmless while the answer still comes."""
    attacks = [*PAYLOADS.values()][:: 1 if ALL else 3]
    gates = [threading.Event() for _ in attacks]
    server.will(
        *(
            Answer((chunk(f"begun{n} {bad}"), Wait(gate), END, DONE))
            for n, (gate, bad) in enumerate(zip(gates, attacks, strict=True))
        ),
        says("the end"),
    )
    notebook = opened(lab, server, "hostile stream", len(gates))
    notebook.start()
    for number, gate in enumerate(gates):
        shown = notebook.output(number + 1).get_by_text(f"begun{number}")
        shown.first.wait_for(state="attached")
        harmless(lab)
        gate.set()
    notebook.output(len(gates)).locator(".apertis-footer").wait_for()
    harmless(lab)
    notebook.close()
