"""Pieces of Markdown, and the documents that can be made of them."""

import re

from hypothesis import strategies as st

T = "`" * 3

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

MATHEMATICS = """The mean is \\(\\bar{x}_i\\), and:

$$
s^2 = \\frac{1}{n} * x_1
$$

"""
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

| a | `b\\|c` |
|:--|--:|
| 1 \\| 2 | **x** |

{MATHEMATICS}    indented <b>code</b>

***

Title
-----

Mixed שלום **עולם** 😀 ![cat](http://a.b/c.png) <https://a.b>

[^1]: The *last* word.
"""


def nested_in(blocks: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return documents of *blocks*, some of them within items and quotes."""
    within = st.builds(inside, blocks, st.sampled_from([*AROUND.values()]))
    return st.lists(blocks | within, min_size=1, max_size=4).map("\n\n".join)


def filled(block: str, words: list[str]) -> str:
    """Return *block* with words of several kinds in it."""
    return block.replace("a", " ".join(words)) if words else block


def documents(*without: str) -> st.SearchStrategy[str]:
    """Return documents of BLOCKS with WORDS, but for those that are named."""
    blocks = BLOCKS.keys() - {"code", "link", "sentence", *without}
    words = [word for word in WORDS if "<" not in word and word not in without]
    simple = st.builds(
        filled,
        st.sampled_from([text for name, text in BLOCKS.items() if name in blocks]),
        st.lists(st.sampled_from(words), max_size=3),
    )
    return st.recursive(simple, nested_in, max_leaves=8)
