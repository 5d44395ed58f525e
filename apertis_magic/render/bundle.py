"""An answer and its footer -> the MIME bundle and metadata of a cell's output.

``text/html`` is sanitised and ``text/plain`` is the answer's own Markdown. There is no
``text/markdown``: JupyterLab runs the scripts in it when the cell was just run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from html import escape
from typing import Any

from apertis_magic.api.address import is_loopback
from apertis_magic.api.types import Usage
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import printable
from apertis_magic.render.blocks import Growing
from apertis_magic.render.markdown import to_html

_STYLE = """<style>
.apertis-answer{overflow-x:auto}
.apertis-answer .highlight{background:var(--jp-cell-editor-background,#f5f5f5);
border:1px solid var(--jp-border-color2,#ddd);border-radius:4px;
padding:.5em .8em;margin:.6em 0;overflow-x:auto}
.apertis-answer .highlight pre{margin:0;padding:0}
.apertis-answer .highlight *{background:none!important}
.apertis-footer,.apertis-note{color:var(--jp-ui-font-color2,#6b6b6b);font-size:.85em}
.apertis-footer{border-top:1px solid var(--jp-border-color2,#ddd);margin-top:.6em;
padding-top:.25em}
.apertis-note{font-style:italic}
.apertis-question{border-left:3px solid var(--jp-brand-color1,#2196f3);
padding-left:.6em;margin:.8em 0 .4em;white-space:pre-wrap;
color:var(--jp-content-font-color1,inherit)}
.apertis-card td{text-align:left!important;padding:.1em .8em .1em 0}
</style>"""

_MARKS = {
    "length": "cut off at the longest allowed answer (length)",
    "interrupted": "stopped; what had come is kept",
    "content_filter": "cut off by the content filter (content_filter)",
}

Bundle = dict[str, str]


def prepare() -> None:
    """Load what the first answer needs, so that its first words need not wait."""
    to_html("```python\nx\n```")


def live(answer: Growing) -> Bundle:
    """Return the bundle of an answer that is still coming: its HTML alone."""
    return {"text/html": _page(answer.html + answer.tail)}


def waiting(status: str) -> Bundle:
    """Return the bundle of an answer that has not begun to come."""
    return {"text/html": _page(f'<div class="apertis-note">{escape(status)}</div>')}


def answer(turn: Turn, *, conversation: str) -> tuple[Bundle, dict[str, Any]]:
    """Return the bundle and the metadata of an answer that has ended."""
    lines = [escape(note) for note in notes(turn)]
    marked = "".join(f'<div class="apertis-note">{line}</div>' for line in lines)
    foot = f'<div class="apertis-footer">{escape(footer(turn))}</div>'
    shown = turn.text or turn.refusal
    bundle = {"text/html": _page(to_html(shown) + marked + foot), "text/plain": shown}
    return bundle, {"apertis_magic": metadata(turn, conversation=conversation)}


def notes(turn: Turn) -> list[str]:
    """Return what a reader must know of an answer that did not end as it should."""
    found = []
    if turn.refusal:
        found.append("The model refused.")
    if turn.error:
        found.append("The answer broke off." if turn.text else "There is no answer.")
    elif turn.nothing_came:
        found.append("The question was stopped before its answer began.")
    elif turn.finish in _MARKS:
        found.append(f"The answer was {_MARKS[turn.finish]}.")
    elif not turn.text and not turn.refusal:
        found.append("The answer is empty.")
    if turn.malformed:
        found.append(f"{turn.malformed} unreadable events are missing from it.")
    return found


def footer(turn: Turn) -> str:
    """Return the footer in plain text: model, tokens, time and how it ended."""
    parts = ["local"] if is_loopback(turn.base_url) else []
    parts += [turn.model or turn.asked_model, _tokens(turn), f"{turn.elapsed:.1f} s"]
    tokens = turn.usage.completion_tokens if turn.usage else None
    if tokens and turn.elapsed > 0:
        parts.append(f"{tokens / turn.elapsed:.0f} tokens/s")
    if turn.cost is not None:
        parts.append(f"${turn.cost:.6f}".rstrip("0").rstrip("."))
    if turn.finish is not None and turn.finish != "stop":
        parts.append(turn.finish)
    return " · ".join(parts)


def metadata(turn: Turn, *, conversation: str) -> dict[str, Any]:
    """Return what the notebook file keeps of a turn beside its text."""
    kept = asdict(turn)
    del kept["text"]
    if kept["usage"]:
        del kept["usage"]["raw"]
    return {"conversation": conversation, **kept}


def turn_of(data: Mapping[str, Any], metadata: Mapping[str, Any]) -> Turn | None:
    """Return the turn that an output shows, or None where it shows none of ours.

    Args:
        data: the output's MIME bundle, as a notebook file holds it.
        metadata: the output's metadata.
    """
    kept = metadata.get("apertis_magic")
    if not isinstance(kept, Mapping):
        return None
    known = {field.name for field in fields(Turn)}
    given = {name: value for name, value in kept.items() if name in known}
    if given.get("usage"):
        given["usage"] = Usage(**given["usage"])
    plain = data.get("text/plain", "")
    return Turn(**given, text="" if plain == given.get("refusal") else plain)


def transcript(
    turns: Sequence[Turn], *, system: str | None, stale: frozenset[str]
) -> Bundle:
    """Return a whole conversation, each question with its answer and footer."""
    html, plain = [], []
    if system:
        html.append(f'<div class="apertis-note">System: {escape(system)}</div>')
        plain += [f"System: {system}", ""]
    for number, turn in enumerate(turns, 1):
        about = [*notes(turn), footer(turn)]
        if turn.error:
            about.append(turn.error)
        if turn.id in stale:
            about.insert(0, "Stale: a turn above it has changed since.")
        shown = turn.text or turn.refusal
        html.append(f'<div class="apertis-question">{escape(turn.prompt)}</div>')
        html.append(to_html(shown))
        html += [f'<div class="apertis-note">{escape(line)}</div>' for line in about]
        plain += [f"[{number}] {turn.prompt}", "", shown, "", *about, ""]
    return {
        "text/html": _page("".join(html)),
        "text/plain": printable("\n".join(plain)),
    }


def card(title: str, rows: Mapping[str, str], examples: Sequence[str]) -> Bundle:
    """Return a small card: a title, facts by name, and lines of code to try."""
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    code = escape("\n\n".join(examples))
    width = max(map(len, rows), default=0)
    facts = [f"{name:{width}}  {value}" for name, value in rows.items()]
    return {
        "text/html": _page(
            f"<strong>{escape(title)}</strong>"
            f'<table class="apertis-card">{cells}</table><pre>{code}</pre>'
        ),
        "text/plain": "\n".join([title, "", *facts, "", *examples]),
    }


def _page(html: str) -> str:
    return f'{_STYLE}<div class="apertis-answer">{html}</div>'


def _tokens(turn: Turn) -> str:
    usage = turn.usage
    if usage is None or usage.total_tokens is None:
        return "tokens unknown"
    both = (usage.prompt_tokens, usage.completion_tokens)
    if None in both:
        return f"{usage.total_tokens} tokens"
    return f"{both[0]} in + {both[1]} out = {usage.total_tokens} tokens"
