"""The specifications' own examples: those of CommonMark, and GitHub's for what it adds.

They are others' text, so they are got when they are wanted: `make test-outside`. A
package on the index carries both specifications among its tests.
"""

import re
import tarfile
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import pytest
from reference import ours, structure, theirs

ARCHIVE = Path("build/outside/marko-2.2.4.tar.gz")

TAGS = "raw HTML is shown as text"
ADDRESSES = "a bare address is a link, as GitHub has it"

# What differs, by the reason, and where: the numbers of the specification's examples.
DIFFERENT = {
    TAGS: {
        "CommonMark": [
            *[21, 31, *range(148, 192), 201, 308, 309, 344, 475, 476, 477, 491, 494],
            *[524, 536, *range(613, 618), 623, *range(625, 632), 642, 643],
        ],
        "GFM": [652],
    },
    ADDRESSES: {"CommonMark": [602, 608, 611, 612]},
    "only http, https and mailto are followed": {"GFM": [628]},
    "\\[ and \\] enclose a formula": {"CommonMark": [12]},
    "bullets two columns in belong to the number above": {"CommonMark": [297]},
    "nine marks in a row are text": {"CommonMark": [417]},
    "an odd host is named behind its link": {"CommonMark": [346]},
    "a bare address ends where its brackets do": {"GFM": [625]},
    "an entity that is none may end a bare address": {"GFM": [626]},
}
# The reference engine sees no tag where an address in <> could stand.
IN_BRACKETS = {"CommonMark 201", "CommonMark 494"}


class Example(NamedTuple):
    """An example of a specification."""

    name: str
    text: str
    html: str


def examples(specification: str, kinds: str) -> list[Example]:
    """Return the examples of a specification.

    Args:
        specification: "CommonMark" or "GFM".
        kinds: A pattern of the words behind "example" where it begins.
    """
    with tarfile.open(ARCHIVE) as archive:
        path = f"{ARCHIVE.name.removesuffix('.tar.gz')}/tests/spec"
        file = archive.extractfile(f"{path}/{specification.lower()}.txt")
        assert file is not None
        whole = file.read().decode().replace("→", "\t")
    fence = "`{32}"
    found = re.findall(rf"(?ms)^{fence} example(.*?)\n(.*?)^\.\n(.*?)^{fence}$", whole)
    return [
        Example(f"{specification} {number}", text, html)
        for number, (kind, text, html) in enumerate(found, 1)
        if re.fullmatch(kinds, kind)
    ]


EXAMPLES = examples("CommonMark", "") + examples("GFM", ".+")
LISTED = [
    (f"{specification} {number}", reason)
    for reason, numbers in DIFFERENT.items()
    for specification in numbers
    for number in numbers[specification]
]
REASONS = dict(LISTED)


def each(wanted: Callable[[str], bool]) -> pytest.MarkDecorator:
    """Run a test with each example whose name is wanted."""
    chosen = [example for example in EXAMPLES if wanted(example.name)]
    return pytest.mark.parametrize("example", chosen, ids=attrgetter("name"))


def test_all_examples_are_there() -> None:
    """The archive holds what it should, and each of the table has one reason."""
    assert 652 + 24 == len(EXAMPLES)
    assert len(REASONS) == len(LISTED)
    assert REASONS.keys() <= {example.name for example in EXAMPLES}


@each(lambda name: name not in REASONS)
def test_as_specified(example: Example) -> None:
    """The structure is that of the example's HTML."""
    assert structure(example.html) == ours(example.text)


@each(lambda name: name in REASONS)
def test_still_different(example: Example) -> None:
    """What is in the table differs; what no longer does leaves it."""
    assert structure(example.html) != ours(example.text)


@each(lambda name: REASONS.get(name) in {TAGS, ADDRESSES} and name not in IN_BRACKETS)
def test_different_in_this_alone(example: Example) -> None:
    """What stands around tags and addresses is as GitHub's engine reads it."""
    assert theirs(example.text) == ours(example.text)
