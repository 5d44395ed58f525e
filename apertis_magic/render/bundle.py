"""An answer and its footer -> the MIME bundle and metadata of a cell's output.

``text/html`` is sanitised and ``text/plain`` is the answer's own Markdown. There is no
``text/markdown``: JupyterLab runs the scripts in it when the cell was just run.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from apertis_magic.chat.turn import Source, Turn
from apertis_magic.clean import printable
from apertis_magic.render.footer import Form, footer, notes, others, sources
from apertis_magic.render.markdown import to_html
from apertis_magic.render.style import STYLE
from apertis_magic.render.text import inert

Bundle = dict[str, str]

_LONGEST_REASONING = 20_000
"""Characters of it that are shown, the last ones; the turn keeps it all."""


@cache
def prepare() -> None:
    """Load what the first answer needs, so that its first words need not wait."""
    to_html("```python\nx\n```")


def html_of(text: str, form: Form = "markdown") -> str:
    """Return the HTML of an answer's text, or of a piece of it."""
    if form == "markdown":
        return to_html(text)
    return f'<div class="apertis-text">{inert(text)}</div>' if text else ""


def page(html: str, *, first: bool = True) -> Bundle:
    """Return a display that holds *html*; an answer's first one brings the style."""
    style = STYLE if first else ""
    return {"text/html": f'{style}<div class="apertis-answer">{html}</div>'}


def note(line: str) -> str:
    """Return the HTML of a line about the answer."""
    return f'<div class="apertis-note">{inert(line)}</div>'


def reasoning(text: str, *, seconds: float | None = None) -> str:
    """Return the HTML of a model's thinking, folded away."""
    if not text:
        return ""
    took = "" if seconds is None else f" · {seconds:.1f} s"
    left_out = len(text) - _LONGEST_REASONING
    above = note(f"{left_out} characters before this are left out here.")
    inner = (above if left_out > 0 else "") + to_html(text[max(left_out, 0) :])
    return f"<details><summary>Reasoning{took}</summary>{inner}</details>"


def answer(
    turn: Turn, *, conversation: str, foot: bool = True, form: Form = "markdown"
) -> tuple[Bundle, dict[str, Any]]:
    """Return the bundle and the metadata of an answer that has ended.

    Args:
        turn: the question with its answer.
        conversation: the conversation's name, for the metadata.
        foot: whether to show the footer.
        form: how to show the text.
    """
    shown = turn.text or turn.refusal
    thought = reasoning(turn.reasoning, seconds=turn.first_text)
    html = thought + html_of(shown, form) + after(turn, foot=foot, form=form)
    return {**page(html), "text/plain": shown}, {
        "apertis_magic": metadata(turn, conversation=conversation)
    }


def after(turn: Turn, *, foot: bool = True, form: Form = "markdown") -> str:
    """Return the HTML of what stands below an answer's text."""
    lines = "".join(map(note, notes(turn)))
    foot_html = f'<div class="apertis-footer">{inert(footer(turn))}</div>'
    below = _others(turn, form) + _sources(turn.sources) + lines
    return below + (foot_html if foot else "")


def _others(turn: Turn, form: Form = "markdown") -> str:
    """Return the HTML of the other answers, where several were asked for."""
    return "".join(
        note(f"Answer {number} of {len(turn.alternatives) + 1}") + html_of(text, form)
        for number, text in enumerate(turn.alternatives, 2)
    )


def metadata(turn: Turn, *, conversation: str) -> dict[str, Any]:
    """Return what the notebook file keeps of a turn beside its text."""
    kept = turn.to_dict()
    del kept["text"]
    if kept["usage"]:
        del kept["usage"]["raw"]
    return {"conversation": conversation, **kept}


def turns_of(outputs: Iterable[Mapping[str, Any]]) -> list[Turn]:
    """Return the turns that a cell's outputs show; what is not ours shows none.

    Args:
        outputs: the outputs, as a notebook file holds them. A long answer's text is in
            several, the last of which says how many.
    """
    turns = []
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for output in outputs:
        metadata, data = output.get("metadata") or {}, output.get("data") or {}
        kept, plain = metadata.get("apertis_magic"), data.get("text/plain", "")
        if not isinstance(kept, Mapping) or not isinstance(plain, str | list):
            continue
        name = str(kept.get("id"))
        texts[name].append("".join(plain))
        if isinstance(kept.get("prompt"), str):
            parts = texts.pop(name)
            if len(parts) >= kept.get("parts", 1):  # else one was deleted
                text = "".join(parts[-kept.get("parts", 1) :])
                text = "" if text == kept.get("refusal") else text
                turns.append(Turn.from_dict({**kept, "text": text}))
    return turns


def transcript(
    turns: Sequence[Turn], *, system: str | None, stale: frozenset[str]
) -> Bundle:
    """Return a whole conversation, each question with its answer and footer."""
    html, plain = [], []
    if system:
        html.append(note(f"System: {system}"))
        plain += [f"System: {system}", ""]
    for number, turn in enumerate(turns, 1):
        about = [*notes(turn), footer(turn)]
        if turn.error:
            about.append(turn.error)
        if turn.id in stale:
            about.insert(0, "Stale: a turn above it has changed since.")
        shown = turn.text or turn.refusal
        html.append(f'<div class="apertis-question">{inert(turn.prompt)}</div>')
        html += [reasoning(turn.reasoning), to_html(shown), _others(turn)]
        html += [_sources(turn.sources), *map(note, about)]
        below = [*others(turn), *sources(turn), *about]
        plain += [f"[{number}] {turn.prompt}", "", shown, "", *below, ""]
    return {**page("".join(html)), "text/plain": printable("\n".join(plain))}


def card(title: str, rows: Mapping[str, str], examples: Sequence[str]) -> Bundle:
    """Return a small card: a title, facts by name, and lines of code to try."""
    cells = "".join(
        f"<tr><td>{inert(name)}</td><td>{inert(value)}</td></tr>"
        for name, value in rows.items()
    )
    lines = escape("\n\n".join(examples))
    code = f"<pre>{lines}</pre>" if examples else ""
    width = max(map(len, rows), default=0)
    facts = [f"{name:{width}}  {value}" for name, value in rows.items()]
    return {
        **page(
            f"<strong>{escape(title)}</strong>"
            f'<table class="apertis-card">{cells}</table>{code}'
        ),
        "text/plain": printable("\n".join([title, "", *facts, "", *examples]).strip()),
    }


def _sources(pages: Sequence[Source]) -> str:
    """Return the HTML of a list of links; an address that is no web page is text."""
    if not pages:
        return ""
    rows = "".join(f"<li>{_link(page)}</li>" for page in pages)
    return f'<div class="apertis-sources">Sources<ol>{rows}</ol></div>'


def _link(source: Source) -> str:
    if not source.url.lower().startswith(("https://", "http://")):
        return inert(f"{source.title} {source.url}".strip())
    named = inert(source.title or source.url)
    host = inert(source.url.split("/")[2]) if source.title else ""
    return (
        f'<a href="{escape(source.url)}" target="_blank" '
        f'rel="noopener noreferrer nofollow">{named}</a> {host}'
    )
