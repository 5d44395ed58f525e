"""The looks of our outputs, for front ends in light and dark.

What an element can carry itself is a ``style`` of its own: it stays where an export
drops style sheets, and greys with some alpha fit every page. The one sheet is as short
as what must be a rule, since each answer brings it.
"""

# By the first letters of pygments' short classes: keywords, strings and comments. A
# front end's own colours win; these are mixed with the text's, so as to be read on
# white and on black. JupyterLab puts cells to the right, by a rule as heavy as ours.
RULES = (
    ".apertis-answer{"
    "pre *{color:color-mix(in lab,var(--c),currentcolor)}"
    "[class^=k]{--c:#a3e}[class^=s]{--c:#0a5}.c1{--c:#a86}"
    "&& tr>*{text-align:left}"
    "div:before{zoom:.8;content:attr(title)}"
)
"""For a front end that takes style sheets, whose end closes the last block."""

STYLE = f"<style>{RULES}</style>"

BOX = "overflow-x:auto"
"""Of a table in an answer."""

COLOURS = (
    # In VS Code there are JupyterLab's variables too, of a light page always.
    "--apertis-link:"
    "var(--vscode-textLink-foreground,var(--jp-content-link-color,currentcolor));"
    # JupyterLab's own are too pale to be read.
    "--jp-mirror-editor-comment-color:color-mix(in lab,#a86,currentcolor);"
    "--jp-mirror-editor-number-color:color-mix(in lab,#e50,currentcolor)"
)

ANSWER = f"{BOX};contain:paint;{COLOURS}"
"""Of an answer, outside of which nothing of it is painted."""

BARE = "background:none"
"""Of the box around a block of code, under the name of its language."""

CODE = (
    "margin:0 0 1em;padding:.5em .8em;overflow-x:auto;white-space:pre;"
    "background:#8881;border:1px solid #8884;border-radius:4px"
)
"""Of a block of code."""

CODE_TEXT = "background:none;white-space:inherit"
"""Of the text in it."""

_BAR = (
    "padding:0 1em;border:0 solid #8888;border-inline-start-width:3px;"
    "background:none"  # VS Code's is grey
)

QUOTE = f"margin:0 0 1em;{_BAR}"
"""Of a quote, which has its bar where its lines begin."""

QUESTION = f"margin:1em 0;{_BAR};white-space:pre-wrap"

LINK = "text-decoration:underline;color:var(--apertis-link)"

TASK = "list-style:none"
"""Of a task, which has a box instead of a bullet."""

FROM_RIGHT, FROM_BOTH = "padding:0 2em 0 0", "padding:0 2em"
"""Of a list that runs from right to left, wholly and in part."""

START = "text-align:start"
"""Of a text that runs from right to left."""

RIGHT, LEFT, CENTER = (f"text-align: {side};" for side in ("right", "left", "center"))

TEXT = "white-space:pre-wrap;overflow-wrap:anywhere"
"""Of an answer that is shown as it is written."""

DIM = "opacity:.8"

PICTURE = "max-width:100%;max-height:32em;height:auto;object-fit:contain"

RULE = "margin:.6em 0 .2em;border:0;border-top:1px solid #8884;background:none"
"""Of the line above a footer."""

FIRST = "padding-left:0"
"""Of what begins a row, so that all outputs have one edge."""

NUMBER = "text-align:right;white-space:nowrap"

IN_ANSWERS = frozenset(
    {BOX, BARE, CODE, CODE_TEXT, QUOTE, LINK, TASK, FROM_RIGHT, FROM_BOTH}
    | {PICTURE, START, RIGHT, LEFT, CENTER, RULE}
)
"""All that the elements of an answer's text may have."""
