"""An answer and its footer -> the MIME bundle and metadata of a cell's output.

``text/html`` is sanitised and ``text/plain`` is the answer's own Markdown, without what
a terminal would obey. There is no
``text/markdown``: JupyterLab runs the scripts in it when the cell was just run.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from html import escape
from time import localtime, strftime
from types import MappingProxyType
from typing import Any

from apertis_magic.api.value import mapping
from apertis_magic.chat.turn import Source, Turn
from apertis_magic.clean import printable
from apertis_magic.render import style
from apertis_magic.render.addresses import host_of, shown_host
from apertis_magic.render.footer import Format, footer_line, notes, others, sources
from apertis_magic.render.markdown import to_html
from apertis_magic.render.text import columns, inert, lines, preformatted

Bundle = dict[str, str]

_LONGEST_REASONING = 20_000
"""Characters of it that are shown, the last ones; the turn keeps it all."""

_BLANK = re.compile(r"\n(?=[ \t]*\n)")
_APART = "\n\n"


@cache
def prepare() -> None:
    """Load what the first answer needs, so that its first words need not wait."""
    to_html("```python\nx\n```")


def html_of(text: str, format: Format = "markdown") -> str:
    """Return the HTML of an answer's text, or of a piece of it."""
    if format == "markdown":
        return to_html(text)
    return preformatted(text)


def page(html: str, *, first: bool = True) -> Bundle:
    """Return a display that holds *html*; an answer's first one brings the style."""
    sheet = style.STYLE if first else ""
    looks = f'class="apertis-answer" style="{style.ANSWER}"'
    # In Markdown, where an export puts it, a blank line would end the HTML.
    whole = _BLANK.sub("&#10;", f"<div {looks}>{sheet}{html}</div>")
    return {"text/html": whole}


def note(line: str) -> str:
    """Return the HTML of a line that says something about the answer."""
    return (
        f'<div class="apertis-note" dir="auto" style="{style.DIM}">'
        f"<small><em>{lines(line)}</em></small></div>"
    )


def reasoning(text: str, *, seconds: float | None = None) -> str:
    """Return the HTML of a model's thinking, folded away."""
    if not text:
        return ""
    took = "" if seconds is None else f" · {seconds:.1f} s"
    left_out = len(text) - _LONGEST_REASONING
    above = note(f"{left_out} characters before this are left out here.")
    inner = (above if left_out > 0 else "") + to_html(text[max(left_out, 0) :])
    return _fold(f"Reasoning{took}", inner)


def _fold(heading: str, inner: str) -> str:
    summary = f'<summary dir="auto"><small>{heading}</small></summary>'
    quote = f'<blockquote style="{style.QUOTE}">{inner}</blockquote>'
    return f"<details>{summary}{quote}</details>"


def answer(
    turn: Turn,
    *,
    conversation: str | None,
    footer: bool = True,
    format: Format = "markdown",
    html: str | None = None,
) -> tuple[Bundle, dict[str, Any]]:
    """Return the bundle and the metadata of an answer that has ended.

    Args:
        turn: the question with its answer.
        conversation: the name of the conversation it is in, None for none.
        footer: whether to show the footer.
        format: how to show the text.
        html: of the text, where it was rendered already.
    """
    shown = turn.text or turn.refusal
    thought = reasoning(turn.reasoning, seconds=turn.first_text)
    html = html_of(shown, format) if html is None else html
    whole = thought + html + after(turn, footer=footer, format=format)
    return {**page(whole), "text/plain": printable(shown)}, {
        "apertis_magic": metadata(turn, conversation=conversation)
    }


def after(turn: Turn, *, footer: bool = True, format: Format = "markdown") -> str:
    """Return the HTML of what stands below an answer's text."""
    about = "".join(map(note, notes(turn)))
    below = _others(turn, format) + _sources(turn.sources) + about
    return below + (_footer(turn) if footer else "")


def _footer(turn: Turn) -> str:
    return (
        f'<hr style="{style.RULE}">'
        f'<div class="apertis-footer" dir="auto" style="{style.DIM}">'
        f"<small>{inert(footer_line(turn))}</small></div>"
    )


def _others(turn: Turn, format: Format = "markdown") -> str:
    """Return the HTML of the other answers, where several were asked for."""
    return "".join(
        note(f"Answer {number} of {len(turn.alternatives) + 1}") + html_of(text, format)
        for number, text in enumerate(turn.alternatives, 2)
    )


def metadata(turn: Turn, *, conversation: str | None) -> dict[str, Any]:
    """Return what the notebook file keeps of a turn beside its text."""
    kept = turn.to_dict()
    if turn.text or not turn.refusal:  # else the refusal is what the output shows
        del kept["text"]
    if kept["usage"]:
        del kept["usage"]["raw"]
    return {"conversation": conversation, **kept}


def turns_of(outputs: Iterable[Mapping[str, Any]]) -> list[Turn]:
    """Return the turns that a cell's outputs show; what is not ours shows none."""
    return [turn for _, turn in answers_of(outputs)]


def answers_of(outputs: Iterable[object]) -> list[tuple[str | None, Turn]]:
    """Return the turns that a cell's outputs show, with their conversations' names.

    What is not ours, or damaged, shows none.

    Args:
        outputs: the outputs, as a notebook file holds them. A long answer's text is in
            several, the last of which says how many.
    """
    answers = []
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for output in map(mapping, outputs):
        kept = mapping(mapping(output.get("metadata")).get("apertis_magic"))
        plain = mapping(output.get("data")).get("text/plain", "")
        lines = plain if isinstance(plain, list) else [plain]
        if not kept or not all(isinstance(line, str) for line in lines):
            continue
        name = str(kept.get("id"))
        texts[name].append("".join(lines))
        if "prompt" in kept:
            parts, count = texts.pop(name), kept.get("parts", 1)
            if type(count) is not int or not 1 <= count <= len(parts):
                continue  # one was deleted
            conversation, text = kept.get("conversation"), "".join(parts[-count:])
            if not isinstance(conversation, str):
                conversation = None
            with suppress(ValueError):
                turn = Turn.from_dict({"text": text, **kept})
                answers.append((conversation, turn))
    return answers


def transcript(
    turns: Sequence[Turn],
    *,
    system: str | None,
    stale: frozenset[str],
    versions: Mapping[str, Sequence[Turn]] = MappingProxyType({}),
    gone: Sequence[Turn] = (),
) -> Bundle:
    """Return a whole conversation, each question with its answer and footer.

    Args:
        turns: the turns in their order.
        system: the system prompt, None for none.
        stale: ids of the turns that were asked before a turn above them changed.
        versions: the earlier versions of a turn, by its id.
        gone: turns that have no place in the conversation any more.
    """
    html, plain = [], []
    if system:
        html.append(note(f"System: {system}"))
        plain += [f"System: {system}", ""]
    for number, turn in enumerate(turns, 1):
        about = [*notes(turn), footer_line(turn)]
        if turn.error:
            about.append(turn.error)
        if turn.id in stale:
            about.insert(0, "Stale: a turn above it has changed since.")
        shown = turn.text or turn.refusal
        earlier = versions.get(turn.id, ())
        heading = _earlier(len(earlier))
        html.append(_question(turn))
        html += [reasoning(turn.reasoning), to_html(shown), _others(turn)]
        html += [_sources(turn.sources), *map(note, about)]
        html.append(_folded(heading, earlier))
        below = [*others(turn), *sources(turn), *about]
        plain += [f"[{number}] {turn.prompt}", *_attached(turn)]
        plain += ["", shown, "", *below, ""]
        plain += _unfolded(heading, earlier)
    heading = f"Taken back or dropped: {len(gone)}"
    html.append(_folded(heading, gone))
    plain += _unfolded(heading, gone)
    return {**page("".join(html)), "text/plain": printable("\n".join(plain))}


def _question(turn: Turn) -> str:
    """Return the HTML of a question with the names of what was attached."""
    files = "".join(map(note, _attached(turn)))
    looks = f'class="apertis-question" dir="auto" style="{style.QUESTION}"'
    return f"<blockquote {looks}>{lines(turn.prompt)}{files}</blockquote>"


def _attached(turn: Turn) -> list[str]:
    return [f"Attached: {each}" for each in turn.attachments]


def _earlier(number: int) -> str:
    return f"{number} earlier version{'s' if number > 1 else ''}"


def _folded(heading: str, turns: Sequence[Turn]) -> str:
    """Return the HTML of turns that were replaced or taken back, folded away."""
    if not turns:
        return ""
    inner = "".join(
        f"{_question(turn)}"
        f"{html_of(turn.text or turn.refusal, 'text')}{note(_about(turn))}"
        for turn in turns
    )
    return _fold(heading, inner)


def _unfolded(heading: str, turns: Sequence[Turn]) -> list[str]:
    """Return the lines of such turns in plain text, under their heading."""
    folded = [heading] if turns else []
    for turn in turns:
        texts = [turn.prompt, turn.text or turn.refusal, _about(turn)]
        shown = "\n\n".join(filter(None, texts))
        folded += ["", *(f"    {line}".rstrip() for line in shown.split("\n"))]
    return [*folded, ""] if folded else []


def _about(turn: Turn) -> str:
    """Return when a turn was asked, its footer and what went wrong."""
    asked = strftime("%Y-%m-%d %H:%M", localtime(turn.started))
    return " · ".join(filter(None, [asked, footer_line(turn), turn.error]))


def card(title: str, rows: Mapping[str, str], examples: Sequence[str]) -> Bundle:
    """Return a small card: a title, facts by name, and lines of code to try."""
    cells = "".join(
        f'<tr><td style="{style.FIRST}">{inert(name)}</td>'
        f'<td dir="auto">{inert(value)}</td></tr>'
        for name, value in rows.items()
    )
    code = f"<pre>{escape(_APART.join(examples))}</pre>" if examples else ""
    width = max(map(columns, rows), default=0)
    facts = [
        f"{name}{' ' * (width - columns(name))}  {value}"
        for name, value in rows.items()
    ]
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
    rows = "".join(f'<li dir="auto">{_link(page)}</li>' for page in pages)
    return f'<div class="apertis-sources"><small>Sources<ol>{rows}</ol></small></div>'


def _link(source: Source) -> str:
    if not source.url.lower().startswith(("https://", "http://")):
        return inert(f"{source.title} {source.url}".strip())
    named = source.title or source.url
    # A title says nothing of where it leads.
    host = host_of(source.url) if source.title else shown_host(source.url, named)
    behind = f" ({inert(host)})" if host else ""
    return (
        f'<a href="{escape(source.url)}" target="_blank" style="{style.LINK}" '
        f'rel="noopener noreferrer nofollow">{inert(named)}</a>{behind}'
    )
