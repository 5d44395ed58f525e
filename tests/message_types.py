"""Reads ``messages.d.ts``, and says what of a message does not fit its type there."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apertis_magic

FILE = Path(apertis_magic.__file__).parent / "panel/static/messages.d.ts"

_INTERFACE = re.compile(r"interface (\w+)(?: extends (\w+))? \{(.*?)\}", re.DOTALL)
_ALIAS = re.compile(r"type (\w+) =(.*?);", re.DOTALL)
_FIELD = re.compile(r"(\w+)(\??):\s*([^;\n]+?)\s*(?:;|\n|$)")
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@dataclass(frozen=True)
class Field:
    """A field of an interface: its type, and whether a message may lack it."""

    type: str
    optional: bool


class Types:
    """The types of a file that has interfaces and unions alone."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"//.*", "", text)
        self.interfaces: dict[str, dict[str, Field]] = {}
        for name, base, body in _INTERFACE.findall(text):
            own = {f: Field(kind, bool(mark)) for f, mark, kind in _FIELD.findall(body)}
            self.interfaces[name] = {**self.interfaces.get(base, {}), **own}
        self._aliases = {
            name: " ".join(kind.split()) for name, kind in _ALIAS.findall(text)
        }

    def members(self, union: str) -> dict[str, dict[str, Field]]:
        """Return the interfaces of a union, by the kind of message that each is."""
        names = self._choices(union)
        return {
            self.interfaces[name]["kind"].type.strip('"'): self.interfaces[name]
            for name in names
        }

    def problems(self, value: Any, kind: str, path: str = "") -> list[str]:
        """Return what of a value does not fit a type; of a union, the nearest."""
        choices = self._choices(kind)
        if len(choices) > 1:
            return min((self.problems(value, c, path) for c in choices), key=len)
        [only] = choices
        if only in self.interfaces:
            return list(self._problems_of_fields(value, only, path))
        if only.endswith("[]"):
            size = len(value) if isinstance(value, list) else 1
            return self._problems_of_items(value, [only[:-2]] * size, path)
        if only.startswith("["):
            return self._problems_of_items(value, only[1:-1].split(", "), path)
        if record := re.fullmatch(r"Record<string, (\w+)>", only):
            values = list(value.values()) if isinstance(value, dict) else [value]
            return self._problems_of_items(values, [record[1]] * len(values), path)
        fits = (
            type(value) in _PLAIN[only]
            if only in _PLAIN
            else value == {"true": True, "false": False}.get(only, only.strip('"'))
        )
        return [] if fits else [f"{path or 'it'} is {value!r}, no {only}"]

    def _choices(self, kind: str) -> list[str]:
        kinds = [each.strip() for each in kind.split("|") if each.strip()]
        return [
            choice
            for each in kinds
            for choice in (
                self._choices(self._aliases[each]) if each in self._aliases else [each]
            )
        ]

    def _problems_of_items(self, value: Any, kinds: list[str], path: str) -> list[str]:
        if not isinstance(value, list) or len(value) != len(kinds):
            return [f"{path} is {value!r}, no list of {len(kinds)}"]
        return [
            problem
            for item, kind in zip(value, kinds, strict=True)
            for problem in self.problems(item, kind, f"{path}[]")
        ]

    def _problems_of_fields(self, value: Any, name: str, path: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{path} is {value!r}, no {name}"
            return
        fields = self.interfaces[name]
        yield from (f"{path}.{f} is not in {name}" for f in value if f not in fields)
        for field, declared in fields.items():
            if field in value:
                yield from self.problems(value[field], declared.type, f"{path}.{field}")
            elif not declared.optional:
                yield f"{path}.{field} of {name} is missing"
