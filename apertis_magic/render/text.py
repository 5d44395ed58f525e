"""Plain text -> HTML that shows it as it is."""

from html import escape

from apertis_magic.clean import printable


def inert(text: str) -> str:
    r"""Return the HTML of *text*, in which no front end finds markup or a formula.

    JupyterLab looks for ``$…$``, ``\(…\)`` and ``\begin`` in HTML as well; it never
    looks across tags.
    """
    html = escape(printable(text))
    for mark in "$\\":
        html = html.replace(mark, f"<span>{mark}</span>")
    return html
