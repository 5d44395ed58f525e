"""Markdown as models write it has the structure that CommonMark and GFM give it."""

import re
from itertools import product

import pytest
from hostile import assert_harmless
from hypothesis import given
from hypothesis import strategies as st
from reference import ours, structure, theirs

from apertis_magic.render.commonmark.reader import finished
from apertis_magic.render.commonmark.tree import tree
from apertis_magic.render.markdown import to_html

T = "`" * 3

# Constructs, each in the forms in which answers have it, by group.
CASES: dict[str, list[str]] = {
    "paragraphs": [
        "a",
        "a\nb",
        "a\n\nb",
        "a  \nb",
        "a\\\nb",
        "a \nb",
        "  a\n    b",
        "a\n\n\n\nb",
        "a\r\nb\r\n\r\nc",
        "\n\na\n",
        "a\tb",
        "-\ta\n\n\tb\n>\tc",
        "1990 was\n\n2 years later",
    ],
    "headings": [
        "# a",
        "## a ##",
        "### a #b",
        "####### a",
        "#a",
        "#",
        "# `a` **b** [c](http://d.e)",
        "a\n# b\nc",
        "# a\n## b\n### c\ntext",
        "a\n===",
        "a\n---",
        "a\nb\n---\nc",
        "   # a",
        "# a \\#",
        "# a  \n## b ##  \nc\n---  ",
    ],
    "rules": [
        "---",
        "***",
        "___",
        "* * *",
        "a\n\n---\n\nb",
        "a\n***\nb",
        "- a\n***\n- b",
    ],
    "emphasis": [
        "*a* _b_ **c** __d__ ***e*** ___f___",
        "**a *b* c**",
        "*a **b** c*",
        "**a**b",
        "a**b**c",
        "a*b*c",
        "a_b_c snake_case_name __init__",
        "2*3*4 = 24",
        "2 * 3 * 4",
        "**a:** b",
        "**a**: b",
        "(**a**)",
        '**"a"**',
        "**`a`**",
        "**[a](http://b.c)**",
        "*a",
        "**a",
        "**a*",
        "a**",
        "** a **",
        "*args and **kwargs",
        "**a** **b** **c**",
        "**a\nb**",
        "*a*b*c*",
        "__a__b",
        "****a****",
        "**你好**世界",
        "~~a~~ b",
        "~~a **b**~~",
        "~a~ ~5 and ~6",
        "~~a",
        "\\*a\\*",
        "**a\\***",
        "*foo**bar**baz*",
        "**foo*bar*baz**",
        "***a** b*",
        "***a* b**",
    ],
    "code spans": [
        "`a`",
        "``a`b``",
        "`` `a` ``",
        "` a `",
        "`a  b`",
        "`a",
        "``a`",
        "`a\nb`",
        "`<b>&amp;`",
        "`\\`",
        "`**a**`",
        "*a `b* c`",
        "`` ` ``",
        "` `",
        "`a` `b`",
        "```a``` b",
        "`List<String>`",
        "`$HOME` and `$PATH`",
    ],
    "links": [
        "[a](http://b.c)",
        "[a](<http://b.c/d e>)",
        '[a](http://b.c "d")',
        "[a](http://b.c 'd')",
        "[a](http://b.c (d))",
        "[a](http://b.c/d_(e))",
        "[a](http://b.c/d\\))",
        "[a] (http://b.c)",
        "[a](http://b.c d)",
        "[**a** `b`](http://c.d)",
        "[a [b] c](http://d.e)",
        "[a [b](http://c.d) e](http://f.g)",
        "[a]()",
        "[a](http://b.c?d=1&e=2)",
        "[a](http://b.c?d=1&amp;e=2)",
        "[a](mailto:b@c.de)",
        "[a][b]\n\n[b]: http://c.d",
        "[a][]\n\n[a]: http://c.d 'e'",
        "[a]\n\n[a]: <http://c.d>",
        "[A b][]\n\n[a  B]: http://c.d",
        "[a]: http://b.c\n[d]: http://e.f\n\n[a] [d] [g]",
        "[a]: http://b.c\ntext [a]",
        "text\n[a]: http://b.c",
        "[a]: http://b.c\n  'title'\n\n[a]",
        "> [a]: http://b.c\n\n[a]",
        "a [b",
        "a ] b",
        "a [b](",
        "[a](http://b.c",
        "\\[a](http://b.c)",
        "[a\\]](http://b.c)",
        "arr[0] and arr[i][j](k)",
        "<http://a.b/c_d_e>",
        "<a@b.cd>",
        "<mailto:a@b.cd>",
        "http://a.b/c_d_e.",
        "(https://a.b/c)",
        "https://a.b/c(d)",
        "https://a.b/c?d=1&e=2, then",
        "**https://a.b/c**",
        "see https://a.b: yes",
        "a@b.cd and c.d+e@f.gh.",
        "`https://a.b`",
        "[https://a.b](https://a.b)",
        "[see https://a.b now](https://c.d)",
        "https://",
        "https://a.b\nhttps://c.d",
        "http://localhost:8888/lab",
        "![a](http://b.c/d.png)",
        "![](http://b.c)",
        "![a *b*](http://c.d 'e')",
        "[![a](http://b.c)](http://d.e)",
        "![a][b]\n\n[b]: http://c.d",
        "wow![a",
    ],
    "escapes and entities": [
        "\\!\\\"\\#\\$\\%\\&\\'\\)\\*\\+\\,\\-\\.\\/\\:\\;\\<\\=\\>\\?\\@\\]\\^\\_\\`\\{\\|\\}\\~",
        "C:\\Users\\a\\b",
        "\\a \\é",
        "&lt; &amp; &copy; &#35; &#x22; &nbsp;a",
        "&nope; &lt & AT&T a&b",
        "a < b > c",
        "1\\. a",
        "\\- a",
        "\\# a",
        "a\\",
        "&#0; &#xD800; &#99999999;",
    ],
    "raw HTML": [
        "List<String> and Map<String, List<Integer>>",
        "<b>a</b>",
        "<div>\n\n**a**\n\n</div>",
        "a<br>b",
        "<details>\n<summary>a</summary>\n\nb\n\n</details>",
        "<!-- a -->",
        "x <y and z> w",
        "std::vector<int> v;",
        "<think>\na\n</think>\n\nb",
    ],
    "lists": [
        "- a\n- b",
        "* a\n* b",
        "+ a\n+ b",
        "a:\n- b\n- c",
        "a:\n\n- b\n- c",
        "- a\n\n- b",
        "- a\n\n\n- b",
        "- a\n  - b\n    - c\n  - d\n- e",
        "- a\n    - b\n        - c\n- d",
        "- a\n   - b\n- c",
        "* a\n    * b\n    * c\n* d",
        "*   a\n    *   b\n*   c",
        "- a\n- b\n\ntext",
        "- a\ntext\n- b",
        "- a\n  text\n- b",
        "- a\n\n  text\n- b",
        "- a\n* b\n+ c",
        "-a",
        "-",
        "-\n- a",
        "-\n  a",
        "- \n\n  a",
        "- a\n-\n- c",
        "- - a",
        "- 1. a\n  2. b",
        "- a\n\n      code\n- b",
        " - a\n  - b\n   - c",
        "- a\n - b\n  - c\n   - d",
        "- **a**: b\n- **c** - d",
        "- a\n\n- b\n  - c\n\n  - d\n- e",
        "- a\n  - b\n\n- c",
        "- a  \n  b\n- c",
        "- # a\n- b",
        "- a\n---\nb",
        "- a\n\n***\n\n- b",
        "•\ta\n• b",
        "— a\n— b",
    ],
    "numbered lists": [
        "1. a\n2. b",
        "1) a\n2) b",
        "3. a\n4. b",
        "0. a",
        "1. a\n1. b\n1. c",
        "a\n1. b\n2. c",
        "In\n2024. That",
        "2024. That",
        "1. a\n\n2. b\n\n3. c",
        "1. a\n   - b\n   - c\n2. d",
        "1. a\n    - b\n2. c",
        "1. a\n   1. b\n   2. c\n2. d",
        "1. **a**\n   text\n2. **b**\n   text",
        "1. a\n\n   text\n\n2. b",
        "1. a\n\n```\nx\n```\n\n2. b",
        "9. a\n10. b\n    - c\n11. d",
        "1. a\n2) b",
        "1.a",
        "1234567890. a",
        "10. a\n\n    b",
        "1. a\ntext\n2. b",
        "- a\n1. b",
        "1. a\n- b\n- c\n2. d",
        "1. a\n   b\n\n   c\n   - d",
        "**1. a**\n- b",
        "### 1. a\n1. b",
    ],
    "tasks": [
        "- [ ] a\n- [x] b\n- [X] c",
        "1. [ ] a\n2. [x] b",
        "- [ ] a\n  - [x] b",
        "- [ ] a\n\n- [x] b",
        "- [ ]",
        "- [ ]a",
        "- [x] **a** `b` [c](http://d.e)",
        "- [-] a",
        "[ ] a",
        "- [ ] a\n- b",
    ],
    "quotes": [
        "> a",
        ">a",
        "> a\n> b",
        "> a\nb",
        "> a\n\n> b",
        "> a\n>\n> b",
        "> > a",
        "> > a\n> b",
        ">>> a",
        "> # a\n> - b\n> - c",
        "> a\n> > b\n>\n> c",
        "> **Note:** a",
        "text\n> a\ntext",
        ">",
        ">\n> a\n>",
        "> a\n- b",
        "> - a\n> - b\n>   - c",
        "> 1. a\n>    b\n> 2. c",
        "> [!NOTE]\n> a",
        "> a  \n> b",
    ],
    "code": [
        f"{T}\na\n{T}",
        f"{T}python\ndef f():\n    return 1\n{T}",
        f"a\n{T}\nb\n{T}\nc",
        f"{T}\na\n\n\nb\n{T}",
        f"{T}`\n{T}\na\n{T}\n{T}`",
        f"~~~\n{T}\n~~~",
        "~~~js\na\n~~~~",
        f"{T}\n<b> &amp; **a** [b](c)\n{T}",
        f"{T} python title='a'\nb\n{T}",
        f"{T}c++\na\n{T}",
        f"{T}\na",
        f"{T}",
        f"{T}py",
        f"{T}\n",
        f"{T}\n\n{T}",
        f"  {T}\n  a\n    b\n  {T}",
        f"{T}\na\n  {T}",
        f"{T}\na\n    {T}\nb\n{T}",
        f"{T}\na\n{T} b\n{T}",
        f"{T} a `b`\nc",
        f"{T}a{T}",
        "    a\n    b",
        "    a\n\n    b\n\nc",
        "a\n    b",
        "a\n\n    b\n        c\n",
        "\ta\n\t\tb",
        f"{T}make\na:\n\tb\n{T}",
        f"{T}\n# a\n- b\n> c\n{T}",
        f"{T}diff\n- a\n+ b\n{T}",
        f"{T}markdown\n# a\n~~~\nb\n~~~\n{T}",
        f"{T}text\na\n{T}\n{T}text\nb\n{T}",
        f"**a**\n{T}\nb\n{T}",
    ],
    "code in lists and quotes": [
        f"- a\n  {T}\n  b\n  {T}\n- c",
        f"1. a\n   {T}py\n   b\n\n   c\n   {T}\n2. d",
        f"1. a\n\n   {T}py\n   b\n   {T}\n\n2. d",
        f"1. a\n{T}\nb\n{T}\n2. c",
        f"- {T}\n  a\n  {T}",
        f"- a\n    {T}\n    b\n    {T}\n- c",
        f"- a\n  - b\n    {T}\n    c\n    {T}\n  - d",
        f"> {T}\n> a\n> {T}",
        f"> a\n> {T}\n> b\n>\n> c\n> {T}\n> d",
        f"> {T}\n> a\nb",
        f"> {T}\n> a\n> {T}\n> - b\n> - c",
        f"> a\n> - b\n> {T}\n> c\n> {T}\n> d",
        f"- a\n  {T}\n  b",
        f"- a\n  {T}\n b\n- c",
        f"- a\n  > b\n  > {T}\n  > c\n  > {T}",
        f"> - {T}\n>   a\n>   {T}\n> - b",
        f"1. a\n   {T}\n     b\n    c\n   {T}",
    ],
    "tables": [
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "|a|b|\n|:-|-:|\n|1|2|",
        "| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |",
        "a | b\n--|--\n1 | 2",
        "text:\n| a | b |\n|---|---|\n| 1 | 2 |",
        "text\n\n| a |\n|---|\n| 1 |\n\ntext",
        "| a | b |\n|---|---|\n| 1 |\n| 1 | 2 | 3 |",
        "| a | b |\n|---|---|",
        "| a | b |\n|---|",
        "| a | b |",
        "| a | b |\n|---|---|\n| `x \\| y` | 2 |",
        "| a | b |\n|---|---|\n| x \\| y | 2 |",
        "| a | b |\n|---|---|\n| **b** | [l](http://a.b) |",
        "| a | b |\n|---|---|\n| 1 | 2 |\ntext",
        "| a | b |\n|---|---|\n| 1 | 2 |\n- c",
        "| a | b |\n|---|---|\n| 1 | 2 |\n# c",
        f"| a | b |\n|---|---|\n| 1 | 2 |\n{T}\nc\n{T}",
        "| a | b |\n|---|---|\n| | |\n| 1 | |",
        "  | a | b |\n  |---|---|\n  | 1 | 2 |",
        "| a |\n|---|\n| 1 |",
        "|  | a |\n|---|---|\n| b | 1 |",
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n| c | d |\n|---|---|\n| 3 | 4 |",
        "| a<br>b | c |\n|---|---|\n| `<b>` | & |",
        "**a**\n| b | c |\n|---|---|",
        "| a | b |\n|---|---|\n| *x | y* |",
        "| 模型 | 速度 |\n|---|---|\n| 一 | 😀 |",
        "a\nb\n| c | d |\n|---|---|\n| 1 | 2 |",
    ],
    "footnotes": [
        "a[^1]\n\n[^1]: b",
        "a[^1] b[^2]\n\n[^1]: c\n[^2]: d",
        "a[^x] b[^x]\n\n[^x]: **c**",
        "a[^1]\n\n[^1]: b\n\n    c\n\nd",
        "a[^1]",
        "[^1]: b",
        "a[^1]\n\n[^1]: b\n    - c",
        "[^2] [^1]\n\n[^1]: a\n[^2]: b",
        "| a[^1] |\n|---|\n\n[^1]: b",
        "- a[^1]\n\n[^1]: b",
    ],
    "mathematics": [
        "$x^2$",
        "a $x_1$ b $y_2$.",
        "\\(x\\) and \\(a_1 * b_2 * c\\)",
        "\\[x\\]",
        "\\[\nx\n\\]",
        "$$x$$",
        "$$\nx\n$$",
        "a $$x$$ b",
        "**\\(x\\)** *$y$*",
        "| \\(x\\) | $y$ |\n|---|---|",
        "- \\(x\\)\n- $y$",
        "# $x$",
        "> $x$",
        "`$x$` `\\(y\\)`",
        "$5 and $6",
        "It costs $5.",
        "$ x $",
        "$20,000 to $30,000",
        "\\$5 and $x$",
        "$a",
        "$$a",
        "a$",
        "\\(a",
        "$\\frac{1}{2}$ and $\\alpha_{i}^{*}$",
        "$5, or $x$",
        "$",
        "[$x$](http://a.b)",
    ],
    "other scripts": [
        "**שלום** *עולם* `code` abc",
        "- مرحبا\n- **العالم**",
        "😀 **😀** `😀`",
        "# 你好\n- 世界",
        "👩‍👩‍👧 é ñ",
        "a\u00a0b",
        "a\u2028b",
        "*a*。",
        "“**a**”",
        "a — **b** — c",
    ],
    "half finished": [
        "# ",
        "- ",
        "1. a\n2.",
        "> ",
        "**a `b",
        "[a](http://b.c/",
        "![a](",
        "| a | b |\n|-",
        "| a | b |\n|---|---|\n| 1 |",
        "| a | b |\n|---|---|\n| 1 | `x",
        f"- a\n  {T}py\n  b",
        f"> {T}\n> a",
        f"{T}py\na\n{T[:2]}",
        "a\n-",
        "a\n=",
        "- [",
        "- [ ] ",
        "<htt",
        "&am",
        "~~a~",
        "a\\",
        "*",
        "`",
        "[^",
        "a[^1]\n\n[^1",
        "",
        " \n ",
    ],
}


@pytest.mark.parametrize(
    "text", [pytest.param(t, id=f"{g}-{t!r}") for g, ts in CASES.items() for t in ts]
)
def test_the_structure_is_the_reference_s(text: str) -> None:
    """Every construct, alone."""
    assert theirs(text) == ours(text)


# What differs on purpose, each with the reason and what we make of it.
DIFFERENT: dict[str, tuple[str, list[object]]] = {
    "bullets two columns in belong to the number above, as models mean them": (
        "1. a\n  - b\n  - c\n2. d",
        ["ol", ["li", "a", ["ul", ["li", "b"], ["li", "c"]]], ["li", "d"]],
    ),
    "what belongs to such a bullet follows it": (
        f"1. a\n  - b\n    {T}\n    c\n    {T}\n2. d",
        ["ol", ["li", "a", ["ul", ["li", "b", ["pre", "c"]]]], ["li", "d"]],
    ),
    "text without spaces between words may be bold up to a sign": (
        "**「a」**です",
        ["p", ["strong", "「a」"], "です"],
    ),
    "what may become a formula begins no list or heading in its middle": (
        "$$\nx\n- y\n-",
        ["p", "$$\nx\n- y\n-"],
    ),
    "an environment is a formula": (
        "\\begin{align}\na &= b\\\\\n- c\n\\end{align}",
        ["formula", "\\begin{align} a &= b\\\\ - c \\end{align}"],
    ),
    "a line may begin with a formula that does not end with it": (
        "$$x$$ and $$y$$",
        ["p", ["math", "x"], " and ", ["math", "y"]],
    ),
    "a formula within a sentence may have brackets": (
        "a \\[x\\] b",
        ["p", "a ", ["math", "x"], " b"],
    ),
    "two prices with words between them are no formula": (
        "pay $5 to get 6$ back",
        ["p", "pay $5 to get 6$ back"],
    ),
    "an address needs no http where it has www": (
        "see www.a.bc",
        ["p", "see ", ["a href=http://www.a.bc", "www.a.bc"]],
    ),
    "a bare address ends at a sign of a script without spaces": (
        "请看https://a.bc/d。谢谢",
        ["p", "请看", ["a href=https://a.bc/d", "https://a.bc/d"], "。谢谢"],
    ),
    "a bare address ends at a space, however it is written": (
        "https://a.bc&nbsp;d",
        ["p", ["a href=https://a.bc", "https://a.bc"], "\u00a0d"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_on_purpose(text: str, expected: list[object]) -> None:
    """Where answers mean something else than the reference reads."""
    assert ["root", expected] == ours(text)


def test_too_many_open_marks_and_quotes_are_text() -> None:
    """What no person would write costs nothing and is all there."""
    marks = "*a " * 40 + "**b** " + "c* " * 40

    assert (
        marks.replace("*", "") == "".join(tree(marks).itertext()).replace("*", "") + " "
    )
    assert ["root", ["p", "*" * 9 + "a" + "*" * 9]] == ours("*" * 9 + "a" + "*" * 9)
    assert "<a" not in to_html(f"[a](b{'(' * 40}{')' * 40})")
    assert to_html("> " * 60 + "a").count("<blockquote>") < 60


def test_a_formula_may_follow_text_at_once() -> None:
    """Signs at the beginning of its lines begin no lists in it."""
    expected = ["root", ["p", "So:"], ["formula", "x + y - z"], ["p", "a"]]

    assert expected == ours("So:\n\\[\nx\n+ y\n- z\n\\]\na")
    assert expected == ours("So:\n$$\nx\n+ y\n- z\n$$\na")


# Blocks that stand in each other and after each other, one of each kind.
BLOCKS = {
    "text": "a **b** `c`",
    "list": "- a\n- b",
    "nested list": "- a\n  - b\n    - c\n- d",
    "loose list": "- a\n\n- b\n\n  c",
    "numbers": "1. a\n2. b",
    "tasks": "- [ ] a\n- [x] b",
    "quote": "> a\n> b",
    "fence": f"{T}py\nx = 1\n\ny\n{T}",
    "code": "    x = 1\n\n    y",
    "table": "| a | b |\n|---|:-:|\n| `1` | 2 |",
    "heading": "## a",
    "underlined": "a\n---",
    "rule": "***",
    "formula": "$$\nx\n$$",
    "sentence": "\\(x\\) is $y$; https://a.b/c_d (a@b.cd) costs $5",
    "link": "[d]: http://e.f\n[a](http://b.c) [d]",
    "HTML": "<div>\n**a**\n</div>",
}
AROUND = {
    "a bullet": "- ",
    "a number": "1. ",
    "a wide number": "10. ",
    "a wide bullet": "*   ",
    "a quote": "> ",
    "two bullets": "- - ",
    "a bullet in a quote": "> - ",
    "a quote in a number": "1. > ",
}


def inside(block: str, mark: str) -> str:
    """Return *block* behind a mark, and its other lines under it."""
    under = re.sub(r"[^>\s]", " ", mark)
    first, *rest = block.split("\n")
    return "\n".join([mark + first, *(under + line for line in rest)])


@pytest.mark.parametrize("within", BLOCKS)
@pytest.mark.parametrize("around", AROUND)
def test_blocks_in_blocks(around: str, within: str) -> None:
    """Every block in items and quotes, first in them and after text."""
    mark, block = AROUND[around], BLOCKS[within]
    for text in (block, f"text\n\n{block}", f"{block}\n\ntext"):
        whole = f"{inside(text, mark)}\n{mark}more\n\nend"

        assert theirs(whole) == ours(whole)


# Formulas of the reference do not follow text at once, as models write them.
@pytest.mark.parametrize("other", [name for name in BLOCKS if name != "formula"])
@pytest.mark.parametrize("one", BLOCKS)
def test_blocks_after_blocks(one: str, other: str) -> None:
    """Every block after every other, with and without a blank line."""
    for gap in ("\n", "\n\n", "\n\n\n"):
        text = BLOCKS[one] + gap + BLOCKS[other]

        assert theirs(text) == ours(text)


INLINE = {
    "bold": "**{}**",
    "italic": "*{}*",
    "struck": "~~{}~~",
    "link": "[{}](http://a.b)",
    "heading": "# {}",
    "cell": "| {} |\n|---|\n| {} |",
    "item": "- {}",
    "task": "- [ ] {}",
    "quote": "> {}",
    "brackets": "({})",
    "middle": "a{}b",
}
WORDS = [
    "a",
    "`a`",
    "``a`b``",
    "**a**",
    "*a*",
    "~~a~~",
    "[a](http://b.c)",
    "![a](http://b.c)",
    "http://a.b/c_d",
    "<http://a.b>",
    "a@b.cd",
    "$x_1$",
    "\\(x_1\\)",
    "\\*",
    "&lt;",
    "a<b>",
    "List<String>",
    "$5",
    "a_b_c",
    "😀",
    "**a",
    "`a",
    "[a",
    "a]",
]
# Where the reference does not do as the specifications say.
ODD = {
    ("middle", "$x_1$"),  # A$5 and B$6 are prices
    ("middle", "http://a.b/c_d"),  # no address begins in a word
    ("middle", "a@b.cd"),
    ("struck", "http://a.b/c_d"),  # an address does not end with ~~
    ("link", "<http://a.b>"),  # a link holds no link
}


@pytest.mark.parametrize(("around", "word"), sorted({*product(INLINE, WORDS)} - ODD))
def test_words_in_constructs(around: str, word: str) -> None:
    """Every kind of word in every construct that holds text."""
    text = INLINE[around].replace("{}", word)

    assert theirs(text) == ours(text)


ANSWER = f"""# Reading a *CSV* file

There are **three** ways, each with its own `trade-offs`; see [the docs](https://a.b/c).
A second line\\
of text for $5 or $6, `List<String>`, 2 < 3 & ~~old~~ new[^1].

1. Install it:
   {T}bash
   pip install pandas

   # then
   {T}
2. **Read** it:

   - [ ] `read_csv`
     - nested *item*
   - [x] done

> **Note:** quoted
> - with a list
>   {T}
>   code
>   {T}

| a | `b|c` |
|:--|--:|
| 1 \\| 2 | **x** |

The mean is \\(\\bar{{x}}_i\\), and:

$$
s^2 = \\frac{{1}}{{n}} * x_1
$$

    indented <b>code</b>

***

Title
-----

Mixed שלום **עולם** 😀 ![cat](http://a.b/c.png) <https://a.b>

[^1]: The *last* word.
"""


def test_every_prefix_has_the_structure_of_the_reference_s() -> None:
    """An answer that breaks off anywhere shows no more half syntax, and is safe."""
    for end in range(len(ANSWER) + 1):
        tree(ANSWER[:end])  # raises where to_html would show the text as it is
        assert_harmless(to_html(ANSWER[:end]))

        assert theirs(ANSWER[:end]) == ours(ANSWER[:end])


def nested_in(blocks: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return documents of *blocks*, some of them within items and quotes."""
    within = st.builds(inside, blocks, st.sampled_from([*AROUND.values()]))
    return st.lists(blocks | within, min_size=1, max_size=4).map("\n\n".join)


def filled(block: str, words: list[str]) -> str:
    """Return *block* with words of several kinds in it."""
    return block.replace("a", " ".join(words)) if words else block


PLAIN = [
    text for name, text in BLOCKS.items() if name not in {"code", "link", "sentence"}
]
FILLED = st.builds(
    filled,
    st.sampled_from(PLAIN),
    st.lists(st.sampled_from([w for w in WORDS if "<" not in w]), max_size=3),
)
DOCUMENTS = st.recursive(FILLED, nested_in, max_leaves=8)


@given(DOCUMENTS)
def test_documents_have_the_structure_of_the_reference_s(text: str) -> None:
    """Blocks in blocks in blocks, with words of all kinds."""
    assert theirs(text) == ours(text)


@given(DOCUMENTS, st.integers(min_value=0))
def test_what_is_finished_looks_the_same_alone(text: str, cut: int) -> None:
    """A text may be rendered in two parts, wherever the first of them was finished."""
    text = text.replace("[^", "")
    end = finished(text[: cut % (len(text) + 1)])
    first, second = ours(text[:end]), ours(text[end:])

    assert ours(text) == first + second[1:]


@given(DOCUMENTS)
def test_what_is_finished_stays_finished(text: str) -> None:
    """More text never takes back what was finished."""
    ends = [finished(text[:end]) for end in range(len(text))]

    assert sorted(ends) == ends


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("", 0),
        ("a", 0),
        ("a\n", 0),
        ("a\n\n", 3),
        ("a\n\nb", 3),
        ("a\n\n-", 3),
        ("# a\nb", 4),
        ("- a\n\nb", 0),
        ("- a\n\nb\n", 5),
        ("- a\n\n- b\n", 0),
        ("> a\n\n", 5),
        (f"{T}\na\n\nb\n", 0),
        (f"{T}\na\n{T}\n", 10),
        ("$$\na\n", 0),
        ("$$\na\n$$\n", 8),
        ("| a |\n|---|\n| b |\n", 0),
        ("a\n\n| b |\n|---|\n", 3),
        ("    a\n\n", 0),
        ("a\r\n\r\nb", 5),
    ],
)
def test_where_the_finished_part_ends(text: str, end: int) -> None:
    """Behind the last block that nothing to come can change."""
    assert end == finished(text)


def test_code_is_highlighted_and_its_language_named() -> None:
    """A language that is not known, or not named, is never guessed."""
    html = to_html(f"{T}python\ndef f(): pass\n{T}")

    assert '<div class="highlight" title="python" ' in html
    assert '<span class="k">def</span>' in html
    assert "<span" not in to_html(f"{T}nope\ndef f(): pass\n{T}")
    assert "<span" not in to_html(f"{T}\ndef f(): pass\n{T}")
    assert "<span" not in to_html("    def f(): pass")


def test_wide_blocks_can_be_scrolled() -> None:
    """A table stands in a box of its own; code always does."""
    assert (
        '<div class="apertis-table" tabindex="0" style="overflow-x:auto"><table>'
        in to_html("| a |\n|---|")
    )


@pytest.mark.parametrize("line", ["value = 1\n", "+", "(", "x" * 30_000 + "\n"])
@pytest.mark.parametrize("language", ["python", "diff", "json", "console", "html"])
def test_a_long_block_of_code_is_whole(language: str, line: str) -> None:
    """Its end is plain: highlighting it again and again would cost too much."""
    lines = line * (200_000 // len(line))
    code = structure(to_html(f"{T}{language}\n{lines}\n{T}"))

    assert ["root", ["pre", lines.rstrip()]] == code


def test_footnotes_of_two_answers_have_names_of_their_own() -> None:
    """They may stand in one page."""
    ids = [re.findall(r'id="([^"]+)"', to_html(f"{x}[^1]\n\n[^1]: b")) for x in "ac"]

    assert [2, 2] == [len(set(found)) for found in ids]
    assert not set(ids[0]) & set(ids[1])


MANY = 20_000
DEEP = [
    "[", "![", "[a](", "[a](b ", '[a](b "', "[a](<", "[a][", "]", "*", "**a ", "*a ",
    "a* ", "_a ", "~~a ", "`", "`a``b", "<", "<a:", "&", "$", "$a", "$$a", "\\(", "\\[",
    "\\", "http://a", "a@b.", "www.", ">", "> ", "- ", "1. ", "> - ", "#", "|", "\n",
    "- a\n", "> a\n", "| a\n", "[a]: b\n", "[a\n", f"{T}\n", "$$\n", "\\[ x\n", "a\n",
    "\t", "[^1]", "[^1]: a\n", "***a ", "!", "=\n", "- a\n\n",
]  # fmt: skip


@pytest.mark.parametrize("piece", DEEP, ids=repr)
@pytest.mark.parametrize("end", ["", "]](a)*_~~`$\\)\n\n[a]: b\n\n[^1]: c"])
def test_work_grows_with_the_text_alone(piece: str, end: str) -> None:
    """Twenty thousand of anything are no more than that, and are shown."""
    text = piece * MANY + end

    assert "<" not in re.sub("<[^>]*>", "", to_html(text))
    tree(text)
