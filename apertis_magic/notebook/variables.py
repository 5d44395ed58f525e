"""Takes a value of a ``%chat`` line from a variable: ``-m {name}`` or ``-m $name``."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from types import FunctionType, ModuleType
from typing import Any

from IPython.core.error import UsageError

from apertis_magic.chat import prose
from apertis_magic.credentials import redact
from apertis_magic.notebook.closest import closest

_REFERENCE = re.compile(r"\{([^\W\d]\w*)([.\[(!:].*)?\}|\$([^\W\d]\w*)")
# As a template has it, and neither TeX nor doubled.
_BRACES = re.compile(
    r"\\[A-Za-z]+\*?(?:\{[^{}]*\})*|\{\{.*?\}\}|(?<![_^$])\{([^\W\d]\w*)\}"
)


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables that a line can name.

    Attributes:
        values: the variables, by their names.
        check: sees that a value may stand on a line, or raises ``UsageError``.
    """

    values: Mapping[str, Any]
    check: Callable[[str], object] = str

    def texts(self, owner: str, word: str, *, many: bool = False) -> list[str]:
        """Return what a word of the line stands for: itself, or a variable's value.

        Args:
            owner: what the word belongs to, such as ``--model``.
            word: the word.
            many: whether each item of a list may be a value.

        Raises:
            UsageError: there is no such variable, or it can be no value.
        """
        name = self._name(owner, word)
        if name is None:
            return [word]
        value = self._value(name)
        values = value if many and isinstance(value, list | tuple) else [value]
        texts = [_text(owner, name, each) for each in values]
        for text in texts:
            self.check(text)
        return texts

    def pair(self, word: str) -> str:
        """Return a ``KEY=VALUE`` whose value may be a variable, as JSON then.

        Raises:
            UsageError: there is no such variable, or JSON cannot hold it.
        """
        key, _, text = word.partition("=")
        name = self._name("-p", text)
        if name is None:
            return word
        try:
            value = json.dumps(self._value(name), allow_nan=False, default=_number)
        except (TypeError, ValueError, RecursionError):
            raise UsageError(
                f"%chat: -p takes what JSON can hold; {name} is not."
            ) from None
        self.check(value)
        return f"{key}={value}"

    def _name(self, owner: str, word: str) -> str | None:
        """Return the variable that a word as a whole names, None for none."""
        found = _REFERENCE.fullmatch(word)
        if found is None:
            return None
        if found[2]:
            raise UsageError(
                f"%chat: {owner} takes the name of a variable in braces, and no more: "
                f"{redact(word)}"
            )
        return found[1] or found[3]

    def _value(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            known = [each for each in self.values if not each.startswith("_")]
            raise UsageError(
                f"%chat: there is no variable {name}.{closest(name, known)}"
            ) from None


def in_braces(text: str, values: Mapping[str, Any]) -> list[str]:
    """Return the variables that a message has in braces, which stay text there."""
    found = [
        match[1]
        for _, line in prose.lines(text, "{")
        for match in _BRACES.finditer(line)
    ]
    other = ModuleType | FunctionType | type
    return [
        name
        for name in dict.fromkeys(found)
        if name in values and not isinstance(values[name], other)
    ]


def _text(owner: str, name: str, value: Any) -> str:
    """Return a variable's value as the line could have it."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if isinstance(value, str) or is_number:
        return str(value)
    kind = type(value).__name__
    raise UsageError(f"%chat: {owner} takes text or a number; {name} is a {kind}.")


def _number(value: Any) -> Any:
    """Return a number of another library as one that JSON has."""
    if isinstance(value, Real):
        return value.item() if hasattr(value, "item") else float(value)
    raise TypeError(type(value).__name__)
