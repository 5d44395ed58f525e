"""What the pages for people link to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
PAGES += [str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("docs/*.md"))]

_LINK = re.compile(r'\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"')
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return what leads to a page's headings, as GitHub makes it of their text."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    found = (re.sub(r"[^\w -]", "", each.lower()) for each in _HEADING.findall(text))
    return {each.replace(" ", "-") for each in found}


def leads_nowhere(page: Path, link: str) -> bool:
    """Tell whether a link of *page* names no file, or no heading of a page."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return not target.exists() or bool(anchor and anchor not in anchors(target))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    """To a file of the repository, or to a heading; other addresses are not asked."""
    page = ROOT / name
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    links = ["".join(each) for each in _LINK.findall(text)]
    own = [link for link in links if "://" not in link]

    assert [] == [link for link in own if leads_nowhere(page, link)]


def test_the_pictures_are_small() -> None:
    """A page with all of them is there at once on a slow line."""
    pictures = [*ROOT.glob("docs/*.png"), *ROOT.glob("docs/*.gif")]

    assert len(pictures) >= 6
    assert all(picture.stat().st_size < 1_000_000 for picture in pictures)
