"""Which formulas a typesetter may see: listed TeX, and nothing that reaches further."""

import re

import pytest
from formulas import CORPUS, LISTED
from hypothesis import given
from hypothesis import strategies as st

from apertis_magic.render.formulas import is_typesettable, marked
from apertis_magic.render.markdown import to_html
from apertis_magic.render.tex import COMMANDS, ENVIRONMENTS
from apertis_magic.render.text import inert

UNLISTED = r"""
    def gdef edef let newcommand renewcommand providecommand DeclareMathOperator
    newenvironment renewenvironment Newextarrow DeclarePairedDelimiter newtagform
    renewtagform usetagform mathtoolsset setOptions definecolor href url class cssId
    style data label ref eqref refeq require unicode mmlToken bbox enclose html
    htmlClass htmlId htmlStyle htmlData includegraphics verb csname endcsname
    begingroup endgroup toggle mathtip texttip mathchoice skew root uproot leftroot
    Rule Space above overwithdelims atopwithdelims abovewithdelims matrix pmatrix
    cases eqalign displaylines cr MoveEqLeft Aboxed adjustlimits ArrowBetweenLines
    mathmakebox framebox raisebox shoveleft shoveright AxiomC UnaryInfC empheql
    minCDarrowwidth input write catcode expandafter global char U qty dv Alpha FRAC
    Text nosuchcommand
    """.split()
BOX = "[x;position:fixed;left:0;top:0;background:url(http://127.0.0.1:1/x)]"
REFUSED = {
    "a command's options": [
        rf"\unicode{BOX}{{x41}}",
        rf"\mmlToken{{mtext}}{BOX}{{t}}",
        rf"\cancel{BOX}{{x}}",
        rf"\cancel {BOX}{{x}}",
        "\\xcancel\n[x]{y}",
        r"\color[rgb]{1,0,0}{x}",
        r"\underbracket[1em]{x}",
        r"\mathbf [x]{y}",
        r"\smash[x]{y}",
        r"\cfrac[\def\x{}]{a}{b}",
        r"\smash[t][b]{y}",
    ],
    "what stands in an option": [
        r"\sqrt[\unicode{x}]{x}",
        r"\xrightarrow[\href{x}{y}]{}",
        r"\sqrt[a]{b}]{\def}",
        r"\sqrt[[a]]{b}",
        r"\sqrt[\left[a\right]]{b}",
        r"\sqrt[\big]]{b}",
        r"\sqrt[a{]}",
        r"\sqrt[\begin{array}{c}a\end{array}]{b}",
        r"\sqrt[a\\[1em]b]{c}",
    ],
    "names in another disguise": [
        r"\csname def\endcsname",
        "^^5cdef",
        r"\^^5c",
        "^ ^41",
        "\\un\u200bicode{x}",
        "\\le\u2066t\\x=y",
        "\\uni\x00code",
        "\\ﬁ",
        r"\unicodex",
        r"\left\unicode",
        r"\mathop\href{x}{y}",
        r"\big\unicode",
        r"\not\unicode",
        r"\ce{\unicode{x}}",
        r"\ce{A ->[\unicode{x}] B}",
        r"\ce{\ unicode}",
        r"\text{\unicode{x}}",
        r"\text{$\unicode{x}$}",
        r"\text\unicode",
        r"\pmb\unicode",
        "\\",
        "x\\",
        "\\\n",
    ],
    "environments": [
        r"\begin{\text{x}}\end{\text{x}}",
        r"\begin{html}x\end{html}",
        r"\begin{ array}{c}x\end{array}",
        r"\begin{array}{c@{\def\x{}}}x\end{array}",
        r"\begin{array}{p{3cm}}x\end{array}",
        r"\begin{array}[\href{x}{y}]{c}x\end{array}",
        r"\begin{array}[t][b]{c}x\end{array}",
        r"\begin{alignat}{\def\x{}}x\end{alignat}",
        r"\begin{alignat}{99999}x\end{alignat}",
        r"\begin{empheq}[box=\bbox]{align}x\end{empheq}",
        r"\begin{matrix}x\end{pmatrix}",
        r"\begin{matrix}x",
        r"x\end{matrix}",
        r"{\begin{matrix}x}\end{matrix}",
        r"\begin{aligned}[x]y\end{aligned}",
        r"\begin\matrix x\end\matrix",
        r"\begin{matrix*}[r]{\def}\end{matrix}",
        r"\begin{Align}x\end{Align}",
        r"\begin{prooftree}\AxiomC{x}\end{prooftree}",
    ],
    "lengths": [
        r"\hspace{4em}",
        r"\hspace{-4em}",
        r"\hspace{1000px}",
        r"\kern99pt x",
        r"\kern -1in",
        r"\mkern 60mu",
        r"\mspace{-60mu}",
        r"\hskip 3.1em",
        r"\hskip,9in",
        r"\raise9em{x}",
        r"\lower 9em{x}",
        r"\rule{40em}{1em}",
        r"\rule{1em}{40em}",
        r"\rule[9em]{1em}{1em}",
        r"\moveleft 9em{x}",
        r"x\\[9em]y",
        r"x\\ [9em]y",
        r"x\\*[9em]y",
        r"x\\[-1em]y",
        r"x\\[x]y",
        r"\hspace{1parsec}",
        r"\hspace\quad",
        r"\hspace{1em",
        r"\genfrac(){9em}{}{a}{b}",
        r"\genfrac{(}{)}{9em}{}{a}{b}",
        r"\smash{\rlap{\lower 9em{\rule{40em}{20em}}}}",
    ],
    "lengths that add up": [
        r"\raise2em{\raise2em{x}}",
        r"\raise2em{x}\raise2em{y}",
        r"\kern-2em\kern-2em x",
        r"\rlap{\rule{2em}{2em}}",
        r"\!" * 19,
        r"\negthickspace " * 12,
        r"\kern-2em\begin{array}{c}\kern-2em x\\y\end{array}",
        r"\begin{array}{c}\begin{array}{c}\kern-2em\\\kern-2em\end{array}\end{array}",
    ],
    "sizes that multiply": [
        r"{\Huge {\Huge x}}",
        r"\Huge\Huge x",
        r"\Huge\text{$\Huge x$}",
        r"\large\begin{array}{c}\large x\end{array}",
        r"\pmb{\pmb{x}}",
        r"\pmb{\frac{\pmb{x}}{y}}",
    ],
    "signs that are code": [
        "50%x",
        "x#1",
        "$x$",
        "a$",
        r"\text{a # b}",
        r"\text{50% of it}",
        r"\ce{A % B}",
        r"\text{a & b}",
        "a & b",
        r"{\begin{matrix}{a & b}\end{matrix}}",
        r"\text{snake_case}",
        r"\text{a^b}",
    ],
    "other delimiters": [
        r"x\)y",
        r"\(x",
        r"\[x\]",
        r"{\)}",
        r"\text{\(x\)}",
        r"\text{x\)y}",
        "a$$b",
        r"\ce{\)}",
    ],
    "what does not end": [
        "{",
        "}",
        "{{}",
        "}{",
        r"\text{x",
        r"\text{$x}",
        r"\text{$x}$",
        r"\ce{a{$}b{$}}",
        r"\left(x",
        r"x\right)",
        r"{\left(x}\right)",
        r"\left x",
        r"\left(\begin{matrix}x\right)\end{matrix}",
        r"\sqrt[x",
    ],
    "too deep or too long": [
        "{" * 51 + "}" * 51,
        r"\left(" * 51 + r"\right)" * 51,
        r"\displaystyle" * 51,
        r"\color{red}" * 51,
        r"\sqrt{" * 51 + "}" * 51,
        r"\text{$" * 26 + "$}" * 26,
        r"\begin{matrix}" * 51 + r"\end{matrix}" * 51,
        "x" * 8_001,
    ],
    "arguments of another kind": [
        r"\text x",
        r"\color red",
        r"\color{red;position:fixed}",
        r"\color{url(x)}",
        r"\color{rgb(1,2,3)}",
        r"\color{#ff00}",
        r"\textcolor{\href{x}{y}}{z}",
        r"\colorbox{red}x",
        r"\fcolorbox{red}{x}",
        r"\tag{\href{x}{y}}",
        r"\tag{<b>}",
        r"\tag{$x$}",
        r"\tag x",
        r"\ce H2O",
        r"\ce{A\bond{\def}B}",
        r"\big x",
        r"\ce{\left( x}",
        r"\text{\frac{a}{b}}",
        r"\text{\\[99em]}",
    ],
}


@pytest.mark.parametrize("formula", CORPUS)
def test_formulas_of_many_fields(formula: str) -> None:
    """Formulas as answers have them are typeset."""
    assert is_typesettable(formula)


@pytest.mark.parametrize("kind", LISTED)
def test_every_listed_name(kind: str) -> None:
    """Each name on the lists is accepted in a formula of its own."""
    assert [] == [each for each in LISTED[kind] if not is_typesettable(each)]


@pytest.mark.parametrize("kind", REFUSED)
def test_hostile_formulas(kind: str) -> None:
    """What defines, styles, loads or reaches further is refused, however spelt."""
    assert [] == [each for each in REFUSED[kind] if is_typesettable(each)]


@pytest.mark.parametrize("name", UNLISTED)
def test_unlisted_commands(name: str) -> None:
    """A command that is not listed is refused, wherever it stands."""
    command = f"\\{name}"
    places = [
        f"{command} x",
        f"{command}{{x}}{{y}}",
        f"x^{command}",
        rf"\frac{{{command}}}{{x}}",
        rf"\sqrt[{command}]{{x}}",
        rf"\text{{a {command} b}}",
        rf"\text{{$ {command} $}}",
        rf"\ce{{A {command} B}}",
        rf"\left{command} x\right)",
        rf"\begin{{align}}a &= {command}\end{{align}}",
        rf"\begin{{{name}}}x\end{{{name}}}" if name not in ENVIRONMENTS else command,
    ]

    assert [] == [each for each in places if is_typesettable(each)]


def test_rows_move_each_for_itself() -> None:
    """A long derivation may hold a space that goes back in each of its rows."""
    row = r"&= \exp\!\left(x\right)\!\!\\[1em]"

    assert is_typesettable(rf"\begin{{align}}a {row * 100}\end{{align}}")


_PARTS = st.sampled_from(
    [
        *("{ } [ ] $ & # % ^ _ \\ \\\\ \\left( \\right) \\( \\] ~ x 1 \n \x00").split(
            " "
        ),
        r"\begin{align}",
        r"\end{align}",
        r"\text{",
        r"\ce{",
        r"\sqrt[",
        r"\unicode",
        r"\hspace{1em}",
        r"\kern-",
        "3em",
        *(f"\\{name} " for name in [*COMMANDS][::20]),
    ]
)


def commands(text: str) -> set[str]:
    r"""Return the names of the commands in *text*; what follows ``\\`` is none."""
    names = re.findall(r"\\([A-Za-z]+|.)", text, re.DOTALL)
    return {name for name in names if name.isalpha()}


@given(st.lists(_PARTS, max_size=60).map("".join) | st.text())
def test_any_text(text: str) -> None:
    """Any text gets an answer, and what is accepted has only listed commands."""
    if is_typesettable(text):
        assert {"unicode"}.isdisjoint(commands(text))
        assert not re.search(r"\\[\])(\[]|%|\x00", text.replace("\\\\", ""))


@given(st.sampled_from(CORPUS), st.integers(0, 200), _PARTS)
def test_a_formula_in_which_something_is_put(formula: str, at: int, part: str) -> None:
    """What is put into a good formula gets no command in that is not listed."""
    changed = formula[:at] + part + formula[at:]
    names = commands(changed)
    structure = {"begin", "end", "left", "right", "bond", "emph"}
    if is_typesettable(changed):
        assert names <= structure | set(COMMANDS) | {"negthinspace"}


FORMS = {
    "$x^2$": "$x^2$",
    "$$x^2$$": "$$x^2$$",
    "$$\nx^2\n$$": "$$\nx^2\n$$",
    r"$x \text{ if $y$}$": r"\(x \text{ if $y$}\)",
    r"$$x \$ y$$": r"\[x \$ y\]",
    r"\(x^2\)": r"\(x^2\)",
    r"\[x^2\]": r"\[x^2\]",
    r"\begin{gather}x\end{gather}": r"\[\begin{gather}x\end{gather}\]",
    r"\(\href{x}{y}\)": None,
    r"\begin{gather}x\end{gather} $ \def\x{}": None,
}


@pytest.mark.parametrize(("source", "expected"), FORMS.items(), ids=FORMS)
def test_how_front_ends_find_a_formula(source: str, expected: str | None) -> None:
    """A formula stands as it was written, but in delimiters that it cannot hold."""
    assert expected == marked(source)


BAD = r"\unicode{x}"
SHOWN = {
    f"a ${BAD}$ *b*": f'<p dir="auto">a <code>${BAD}$</code> <em>b</em></p>',
    f"a \\({BAD}\\) b": f'<p dir="auto">a <code>\\({BAD}\\)</code> b</p>',
    f"a $${BAD}$$ b": f'<p dir="auto">a <code>$${BAD}$$</code> b</p>',
    f"- a ${BAD}$": f'<ul><li dir="auto">a <code>${BAD}$</code></li></ul>',
}


@pytest.mark.parametrize(("text", "expected"), SHOWN.items(), ids=SHOWN)
def test_a_refused_formula_is_shown_as_it_was_written(text: str, expected: str) -> None:
    """Its source is code; the rest of the answer is as it would be."""
    assert expected == to_html(text).replace("\n", "")


@pytest.mark.parametrize("source", [f"$$\n{BAD}\n$$", f"\\[\n{BAD}\n\\]"])
def test_a_refused_formula_on_its_own_lines(source: str) -> None:
    """It is a block of code, which can be scrolled."""
    html = to_html(f"a\n\n{source}\n\nb")
    code = html.split("<code")[1].partition(">")[2].split("</code>")[0]

    assert source == re.sub("<[^>]*>", "", code).strip()
    assert "arithmatex" not in html


TEXTS = {
    "an environment in a paragraph": r"a \begin{align}x\end{align} b",
    "backslashes by entities": r"&#92;begin{align}x&#92;end{align} &bsol;(x&bsol;)",
    "dollars by entities": "a &#36;x&#36; b &dollar;x&dollar;",
    "escaped backslashes": r"\\(x\\) \\[x\\] \\begin{align}x\\end{align}",
    "escaped dollars": r"\$x\$ and \$\$x\$\$",
    "a reference": r"see \ref{x} and \eqref{y}",
    "delimiters without an end": r"\(x and \[y and $z",
    "a heading": r"# a \begin{align}x\end{align}",
    "a link": r"[\begin{align}x\end{align} $](http://a.invalid)",
    "the name of an image": r"![\begin{align}x\end{align} $](x.png)",
    "a cell": "| a |\n|---|\n| \\begin{align}x\\end{align} |",
    "a footnote": "x[^1]\n\n[^1]: a \\begin{align}x\\end{align}",
    "a task": r"- [ ] \begin{align}x\end{align}",
    "emphasis": r"**\begin{align}x\end{align}**",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_formula_is_found_in_text(text: str) -> None:
    """What begins a formula stands in text alone in a tag of its own."""
    between = re.split(r"<[^>]*>", to_html(text))

    assert [] == [
        each for each in between if each not in "$\\" and set(each) & {*"$\\"}
    ]


def test_no_formula_is_found_in_plain_text() -> None:
    """The same holds for text that is no Markdown: notes, footers, tables of ours."""
    assert inert(r"\(a\) $") == ("<span>\\</span>(a<span>\\</span>) <span>$</span>")
