"""Answers as models write them: Markdown of any size, and the pieces it comes in.

The same seed gives the same answer and the same pieces, on every machine.
"""

from collections.abc import Callable
from random import Random

BEGIN = "Sure"
"""The first word of every answer, never longer than its first piece."""

END = "fin-of-answer"
"""The last word of every answer."""

_WORDS = """
light wave energy vector field matrix sample model error signal layer weight batch
token stream buffer kernel thread server client request answer value index column row
scatters shows keeps gives holds returns follows means needs takes grows falls the a
of in on with for by from over under each every long short small large first last
""".split()


def answer(size: int, seed: int = 1) -> str:
    """Return an answer of exactly *size* characters, all ASCII.

    Args:
        size: its length; at least that of its first and last words.
        seed: which answer.
    """
    random = Random(seed)  # noqa: S311  no secret
    blocks = [f"{BEGIN}. {_sentence(random)}"]
    length = len(blocks[0])
    while length < size:
        blocks.append(random.choices(_BLOCKS, _HOW_OFTEN)[0](random))
        length += 2 + len(blocks[-1])
    end = f"\n\n{END}"
    return "\n\n".join(blocks)[: size - len(end)] + end


def pieces(text: str, seed: int = 1) -> list[str]:
    """Cut *text* into pieces of 4 to 20 characters, the size of a few tokens."""
    random = Random(seed)  # noqa: S311  no secret
    found = []
    start = 0
    while start < len(text):
        found.append(text[start : start + random.randint(4, 20)])
        start += len(found[-1])
    return found


def _some(random: Random, least: int, most: int) -> str:
    return " ".join(random.choices(_WORDS, k=random.randint(least, most)))


def _sentence(random: Random) -> str:
    words = random.choices(_WORDS, k=random.randint(8, 18))
    marks = ("**{}**", "*{}*", "`{}`", r"$\{}^2$", "[{}](https://example.com/)")
    if random.random() < 0.5:
        at = random.randrange(len(words))
        words[at] = random.choice(marks).format(words[at])
    return " ".join(words).capitalize() + "."


def _paragraph(random: Random) -> str:
    return " ".join(_sentence(random) for _ in range(random.randint(2, 5)))


def _heading(random: Random) -> str:
    return f"{'#' * random.randint(2, 4)} {_some(random, 2, 5).capitalize()}"


def _list(random: Random) -> str:
    lines = []
    for number in range(1, random.randint(4, 7)):
        lines.append(f"{number}. **{_some(random, 1, 2)}**: {_sentence(random)}")
        inner = range(random.choice((0, 0, 2, 3)))
        lines += [f"   - {_some(random, 4, 9)}" for _ in inner]
    return "\n".join(lines)


def _table(random: Random) -> str:
    wide = random.randint(2, 5)
    rows = [[_some(random, 1, 2) for _ in range(wide)] for _ in range(5)]
    rows.insert(1, [random.choice(("---", ":--", "--:")) for _ in range(wide)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _code(random: Random) -> str:
    names = random.sample(_WORDS, 4)
    lines = [
        f"{random.choice(names)}_{n} = {random.choice(names)}({n}, '{names[0]}')"
        for n in range(random.randint(4, 14))
    ]
    body = "\n    ".join(lines)
    return f"```python\ndef {names[1]}({names[2]}: int) -> None:\n    {body}\n```"


def _math(random: Random) -> str:
    one, other = random.sample("abcxyz", 2)
    return f"$$\n\\int_0^1 {one}^2 \\, d{other} = \\frac{{{one}_0}}{{{other}}}\n$$"


_BLOCKS: tuple[Callable[[Random], str], ...] = (
    _paragraph,
    _heading,
    _list,
    _table,
    _code,
    _math,
)
_HOW_OFTEN = (9, 3, 3, 1, 2, 1)
