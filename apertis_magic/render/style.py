"""The one fixed style of our outputs, for front ends in light and dark.

Colours are the front end's own where it has them. The highlighter's yield to those, and
are mixed with the text's own colour, so that they can be read on white and on black.
"""

_LAYOUT = """
.apertis-answer{overflow-x:auto;contain:paint}
.apertis-answer a[href]{text-decoration:underline}
.apertis-answer .highlight{margin:.6em 0;padding:.5em .8em;
background:var(--jp-cell-editor-background,#8881);overflow-x:auto;border-radius:4px;
border:1px solid var(--jp-border-color2,#8884)}
.apertis-answer .highlight pre{margin:0;padding:0}
.apertis-answer .highlight *{background:none!important;
white-space:pre!important}
.apertis-answer .highlight .lang{display:block;opacity:.7;font-size:.75em;
padding-bottom:.3em}
.apertis-table{overflow-x:auto}
.apertis-answer details{margin:.3em 0;padding-left:.7em;
border-left:2px solid var(--jp-border-color2,#8884)}
.apertis-answer summary{cursor:pointer}
.apertis-answer summary,.apertis-footer,.apertis-note,.apertis-sources{font-size:.85em;
color:var(--jp-ui-font-color2,#808080)}
.apertis-footer{border-top:1px solid var(--jp-border-color2,#8884);margin-top:.6em;
padding-top:.25em}
.apertis-note{font-style:italic}
.apertis-text{white-space:pre-wrap;overflow-wrap:anywhere}
.apertis-question{border-left:3px solid var(--jp-brand-color1,#2196f3);
padding-left:.6em;margin:.8em 0 .4em;white-space:pre-wrap}
.apertis-card td{text-align:left!important;padding:.1em .8em .1em 0}
"""
# By the first letters of pygments' short classes: keywords, strings and so on.
_COLOURS = {
    "k": "#b250d3",
    "s": "#148a4f",
    "m": "#c15d15",
    "c": "#717e84",
    "nf": "#1378ec",
    "nc": "#1378ec",
    "nb": "#108893",
    "nt": "#108893",
    "na": "#108893",
    "nd": "#d1478c",
}
# :where() weighs nothing, so that a front end's own colours win, but for JupyterLab's
# comments and numbers, which are too pale. A class without a colour has the text's.
_MIXED = """
:where(.apertis-answer .highlight) [class],
.apertis-answer .highlight :is([class^=c],[class^=m]){
color:color-mix(in srgb,var(--apertis-c) 55%,currentcolor)}
"""
_HIGHLIGHT = (
    f":where(.apertis-answer .highlight) [class^={name}]{{--apertis-c:{colour}}}"
    for name, colour in _COLOURS.items()
)

RULES = f"{_LAYOUT}{_MIXED}{''.join(_HIGHLIGHT)}".replace("\n", "")
"""For a front end that takes style sheets."""

STYLE = f"<style>{RULES}</style>"
