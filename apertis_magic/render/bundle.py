"""An answer and its footer -> the MIME bundle and metadata of a cell's output.

``text/html`` is sanitised. ``text/plain`` is the answer's own Markdown, without what a
terminal would obey, and behind it what else the HTML says. There is no
``text/markdown``: JupyterLab runs the scripts in it when the cell was just run.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from time import localtime, strftime
from types import MappingProxyType
from typing import Any, TypeAlias

from apertis_magic.chat.parts import (
    Parts,
    Picture,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    text_of,
    without_thinking,
)
from apertis_magic.chat.picture import shortened
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import excerpt, printable
from apertis_magic.render import asked, calls, pictures, style
from apertis_magic.render.addresses import host_of, shown_host
from apertis_magic.render.attributes import direction_of
from apertis_magic.render.footer import (
    MOST_SOURCES,
    Format,
    below,
    footer_line,
    notes,
    own,
    plain,
    under,
)
from apertis_magic.render.markdown import to_html
from apertis_magic.render.metadata import metadata
from apertis_magic.render.text import columns, inert, note, preformatted

Bundle = dict[str, str]

Draw: TypeAlias = Callable[[Picture, str], str]
"""Makes the HTML of a picture that is held."""

CLASS = "apertis-answer"
"""The class of the box around what a display shows."""

_LONGEST_REASONING = 20_000
"""Characters of it that are shown, the last ones; the turn keeps it all."""

_LONGEST_ADDRESS, _LONGEST_TITLE = 2_000, 200
"""Characters of a source's address that may be a link, and of its title."""

_MOST_CALLS = 100
_TOO_LARGE = "In Python, answer.pictures has what is too large to be shown (-o answer)."
_BLANK = re.compile(r"\n(?=[ \t]*\n)")
_APART = "\n\n"


EMPTY: Mapping[str, str] = MappingProxyType({"text/html": "", "text/plain": ""})
"""A display that takes no room."""


@cache
def prepare() -> None:
    """Load what the first answer needs, so that its first words need not wait."""
    to_html("```python\nx\n```")


def html_of(text: str, format: Format = "markdown") -> str:
    """Return the HTML of an answer's text, or of a piece of it."""
    if format == "markdown":
        return to_html(text)
    return preformatted(shortened(text))


def page(html: str, *, first: bool = True, says: str = "") -> Bundle:
    """Return a display that holds *html*; an answer's first one brings the style.

    Args:
        html: what it shows.
        first: whether it is the answer's first one.
        says: attributes of its box, which tell what ``text/plain`` is.
    """
    sheet = style.STYLE if first else ""
    looks = f'class="{CLASS}"{says} style="{style.ANSWER}"'
    # In Markdown, where an export puts it, a blank line would end the HTML.
    whole = _BLANK.sub("&#10;", f"<div {looks}>{sheet}{html}</div>")
    # VS Code keeps metadata only where there are as many types as there were before.
    return {"text/html": whole, "text/plain": ""}


def piece(html: str, text: str, *, number: int, first: bool) -> Bundle:
    """Return a display that holds a finished piece of an answer.

    Args:
        html: of the piece.
        text: the piece as it was written.
        number: which of the answer's pieces it is, from 1.
        first: whether it is in the answer's first display.
    """
    shown = page(html, first=first, says=f' data-part="{number}"')
    return {**shown, "text/plain": printable(text)}


def end(html: str, words: str, lines: Sequence[str], *, first: bool = True) -> Bundle:
    """Return a display that holds an answer, or the last piece of it.

    Args:
        html: of the answer's words and of all that stands below them.
        words: the answer's own ones.
        lines: what stands below them, in plain text.
        first: whether it is the answer's first display.
    """
    text, below = printable(words), printable("\n".join(lines))
    # In lines: what cleans notebooks takes addresses out of texts.
    count = below.count("\n") + 1 if below else 0
    return {
        **page(html, first=first, says=f' data-below="{count}"'),
        "text/plain": _APART.join(filter(None, [text, below])),
    }


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
    fitted = pictures.fitted(turn)
    thought = reasoning(turn.reasoning, seconds=turn.first_text)
    shown = body(fitted.parts, format, html=html)
    more = "" if fitted.answers == turn.answers else note(_TOO_LARGE)
    whole = thought + shown + more + after(fitted, footer=footer, format=format)
    data = end(whole, own(fitted), under(fitted, footer=footer))
    about = metadata(fitted, conversation=conversation, plain=data["text/plain"])
    return data, {"apertis_magic": about}


def body(
    parts: Parts,
    format: Format = "markdown",
    *,
    html: str | None = None,
    draw: Draw = pictures.html,
) -> str:
    """Return the HTML of what an answer says and shows, in its order.

    Args:
        parts: the answer; its thinking is shown elsewhere, and parts no text.
        format: how its text is shown.
        html: of all its text, where that was rendered already.
        draw: makes the HTML of a picture that is held.
    """
    said = without_thinking(parts)
    is_one = sum(isinstance(part, Text | Refusal) for part in said) == 1
    known = html if is_one else None
    shown, direction = [], ""
    for part in said:
        if isinstance(part, Text | Refusal):
            direction = direction_of(part.text)
            shown.append(known or html_of(part.text, format))
        elif isinstance(part, Picture):
            shown.append(_picture(part, direction, draw))
    return "".join(shown)


def pictures_of(turn: Turn) -> str:
    """Return the HTML of an answer's pictures, without its texts."""
    direction = direction_of(turn.text)
    return "".join(_picture(part, direction) for part in turn.pictures)


def _picture(part: Picture, direction: str, draw: Draw = pictures.html) -> str:
    """Return the HTML of a picture, or of a link to where it is."""
    if part.url:
        return f"<p><em>[picture not loaded: {_link(Source(part.url))}]</em></p>"
    return draw(part, direction) or note(excerpt(str(part), _LONGEST_TITLE))


def after(
    turn: Turn,
    *,
    footer: bool = True,
    format: Format = "markdown",
    draw: Draw = pictures.html,
) -> str:
    """Return the HTML of what stands below an answer's text and pictures."""
    about = "".join(map(note, notes(turn)))
    others = _others(turn, format, draw=draw)
    shown = _ends(turn.parts) + others + about
    return shown + (_footer(turn) if footer else "")


def _ends(parts: Parts) -> str:
    """Return the HTML of an answer's calls, what they gave, and its sources."""
    called = [part for part in parts if isinstance(part, ToolCall | ToolResult)]
    shown = [*map(_call, called[:_MOST_CALLS])]
    if more := len(called) - len(shown):
        shown.append(note(f"{more} more calls; the turn's tool_calls has them."))
    return "".join(shown) + _sources([p for p in parts if isinstance(p, Source)])


def _call(part: ToolCall | ToolResult) -> str:
    """Return the HTML of a call, its arguments folded away, or of what it gave."""
    heading = "The tool gave"
    if isinstance(part, ToolCall):
        named = f"the tool <code>{inert(calls.name(part))}</code>"
        heading = f"Asked for {named if part.name else calls.name(part)}"
    written = inert(printable(calls.inside(part)))
    if not written:
        return f'<div dir="auto"><small>{heading}</small></div>'
    looks = f'dir="ltr" tabindex="0" style="{style.CODE}"'
    code = f'<code style="{style.CODE_TEXT}">{written}</code>'
    return _fold(heading, f"<pre {looks}>{code}</pre>")


def _footer(turn: Turn) -> str:
    return (
        f'<hr style="{style.RULE}">'
        f'<div class="apertis-footer" dir="auto" style="{style.DIM}">'
        f"<small>{inert(footer_line(turn))}</small></div>"
    )


def _others(
    turn: Turn, format: Format = "markdown", *, draw: Draw = pictures.html
) -> str:
    """Return the HTML of the other answers, where several were asked for."""
    return "".join(
        note(f"Answer {number} of {len(turn.answers)}")
        + reasoning(text_of(parts, Reasoning))
        + body(parts, format, draw=draw)
        + _ends(parts)
        for number, parts in enumerate(turn.answers[1:], 2)
    )


def transcript(
    turns: Sequence[Turn],
    *,
    system: str | None,
    stale: frozenset[str],
    versions: Mapping[str, Sequence[Turn]] = MappingProxyType({}),
    gone: Sequence[Turn] = (),
    draw: Draw = pictures.html,
) -> Bundle:
    """Return a whole conversation, each question with its answer and footer.

    Args:
        turns: the turns in their order.
        system: the system prompt, None for none.
        stale: ids of the turns that were asked before a turn above them changed.
        versions: the earlier versions of a turn, by its id.
        gone: turns that have no place in the conversation any more.
        draw: makes the HTML of a picture that is held.
    """
    html: list[str] = []
    lines: list[str] = []
    if system:
        prompt = f"System: {asked.short(system)}"
        html.append(note(prompt))
        lines += [prompt, ""]
    for number, turn in enumerate(pictures.all_fitted(turns), 1):
        about = [footer_line(turn), *filter(None, [turn.error])]
        is_stale = turn.id in stale
        first = ["Stale: a turn above it has changed since."] if is_stale else []
        earlier = versions.get(turn.id, ())
        heading = _earlier(len(earlier))
        html.append(asked.html(turn))
        html += [reasoning(turn.reasoning), body(turn.parts, draw=draw)]
        html += [_ends(turn.parts), _others(turn, draw=draw)]
        html += map(note, [*first, *notes(turn), *about])
        html.append(_folded(heading, earlier))
        lines += [f"[{number}] {asked.plain(turn)}", *asked.attached(turn)]
        text = shortened(plain(turn))
        about = [*first, *notes(turn, lists_calls=True), *about]
        lines += ["", text, "", *below(turn), *about, ""]
        lines += _unfolded(heading, earlier)
    heading = f"Taken back or dropped: {len(gone)}"
    html.append(_folded(heading, gone))
    lines += _unfolded(heading, gone)
    return {**page("".join(html)), "text/plain": printable("\n".join(lines))}


def _earlier(number: int) -> str:
    return f"{number} earlier version{'s' if number > 1 else ''}"


def _folded(heading: str, turns: Sequence[Turn]) -> str:
    """Return the HTML of turns that were replaced or taken back, folded away."""
    if not turns:
        return ""
    inner = "".join(
        f"{asked.html(turn)}{html_of(plain(turn), 'text')}{note(_about(turn))}"
        for turn in turns
    )
    return _fold(heading, inner)


def _unfolded(heading: str, turns: Sequence[Turn]) -> list[str]:
    """Return the lines of such turns in plain text, under their heading."""
    folded = [heading] if turns else []
    for turn in turns:
        texts = [asked.plain(turn), shortened(plain(turn)), _about(turn)]
        shown = "\n\n".join(filter(None, texts))
        folded += ["", *(f"    {line}".rstrip() for line in shown.split("\n"))]
    return [*folded, ""] if folded else []


def _about(turn: Turn) -> str:
    """Return when a turn was asked, its footer and what went wrong."""
    when = strftime("%Y-%m-%d %H:%M", localtime(turn.started))
    return " · ".join(filter(None, [when, footer_line(turn), turn.error]))


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


def listing(text: str) -> Bundle:
    """Return plain text as it is written, each line a line."""
    return {**page(f"<pre>{inert(text)}</pre>"), "text/plain": printable(text)}


def _sources(pages: Sequence[Source]) -> str:
    """Return the HTML of a list of links; an address that is no web page is text."""
    if not pages:
        return ""
    shown = pages[:MOST_SOURCES]
    rows = "".join(f'<li dir="auto">{_link(page)}</li>' for page in shown)
    more = len(pages) - len(shown)
    listed = f"Sources<ol>{rows}</ol>" + (f"… and {more} more" if more else "")
    return f'<div class="apertis-sources"><small>{listed}</small></div>'


def _link(source: Source) -> str:
    title = excerpt(printable(source.title), _LONGEST_TITLE)
    is_page = source.url.lower().startswith(("https://", "http://"))
    if not is_page or len(source.url) > _LONGEST_ADDRESS:
        return inert(f"{title} {excerpt(source.url, _LONGEST_TITLE)}".strip())
    named = title or source.url
    # A title says nothing of where it leads.
    host = host_of(source.url) if title else shown_host(source.url, named)
    behind = f" ({inert(host)})" if host else ""
    return (
        f'<a href="{escape(source.url)}" target="_blank" style="{style.LINK}" '
        f'rel="noopener noreferrer nofollow">{inert(named)}</a>{behind}'
    )
