"""The page's modules as the one that a widget takes, and its styles."""

import re
from itertools import chain
from pathlib import Path

_STATIC = Path(__file__).parent / "static"
_IMPORTED = re.compile(r'^import .* from "\./([\w.]+)";$', re.MULTILINE)
_DROPPED = re.compile(r"^(?:/\*\* @)?import .*\n|^export (?!default )", re.MULTILINE)


def joined(name: str = "panel.js") -> str:
    """Return a module of the page behind those that it imports, each once.

    They share one scope then: names are unique across them, and an import is a line.
    """
    return "\n".join(_parts(name, set()))


def styles() -> str:
    """Return the panel's own style sheet."""
    return (_STATIC / "panel.css").read_text(encoding="utf-8")


def _parts(name: str, joined_before: set[str]) -> list[str]:
    if name in joined_before:
        return []
    joined_before.add(name)
    text = (_STATIC / name).read_text(encoding="utf-8")
    imported = (_parts(each, joined_before) for each in _IMPORTED.findall(text))
    return [*chain.from_iterable(imported), _DROPPED.sub("", text)]


if __name__ == "__main__":
    print(joined())  # noqa: T201  what `make lint` checks as a whole
