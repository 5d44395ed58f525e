"""Every public name says what it takes, returns and raises."""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

import apertis_magic
from apertis_magic import errors, local
from apertis_magic.api import (
    account,
    client,
    completions,
    message,
    models,
    params,
    response,
    stream,
    types,
    usage,
)
from apertis_magic.render.markdown import to_html

HOMES = (
    *(errors, client, completions, models, account, stream, types, message, usage),
    *(response, params),
)

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises|Example):\n", re.MULTILINE)
_OF_CLASS = ("Args", "Attributes")
_GIVES = re.compile(r"\b([Rr]eturn|Give)")
_ENTRY = re.compile(r"^    \*{0,2}(\w+):", re.MULTILINE)

_IN_TREE = re.compile(r"^([ │├└─]+)([A-Z]\w+) {2,}", re.MULTILINE)


def _public() -> Iterator[Any]:
    """Give the classes and functions that people may use."""
    yield to_html
    yield from (getattr(apertis_magic, name) for name in apertis_magic.__all__)
    yield from (getattr(local, name) for name in local.__all__)
    for home in HOMES:
        for name, each in vars(home).items():
            if getattr(each, "__module__", "") == home.__name__ and name[0] != "_":
                yield each


NAMES: dict[str, Any] = {
    f"{each.__module__}.{each.__qualname__}": each
    for each in _public()
    if inspect.isclass(each) or inspect.isfunction(each)
}
CLASSES = {name: each for name, each in NAMES.items() if inspect.isclass(each)}


def _members(owner: type) -> Iterator[tuple[str, Any]]:
    """Give the public methods and properties of a class, inherited ones of ours too."""
    for home in reversed(owner.__mro__):
        if home.__module__.startswith("apertis_magic"):
            shown = vars(home).items()
            yield from ((name, each) for name, each in shown if name[0] != "_")


FUNCTIONS: dict[str, Any] = {
    name: each for name, each in NAMES.items() if inspect.isfunction(each)
} | {
    f"{owner}.{name}": called
    for owner, kind in CLASSES.items()
    for name, each in _members(kind)
    if inspect.isfunction(called := getattr(each, "__func__", each))
}
PROPERTIES = {
    f"{owner}.{name}": each
    for owner, kind in CLASSES.items()
    for name, each in _members(kind)
    if isinstance(each, property)
}
ALL = {**NAMES, **FUNCTIONS, **PROPERTIES}


def sections(thing: Any) -> Mapping[str, str]:
    """Return what stands in each section of a docstring; "" is what is before them."""
    doc = inspect.cleandoc(thing.__doc__ or "")
    first, *rest = _SECTION.split(doc)
    return {"": first, **dict(zip(rest[::2], rest[1::2], strict=True))}


def entries(thing: Any, *names: str) -> list[str]:
    """Return what the sections *names* list."""
    found = sections(thing)
    return [each for name in names for each in _ENTRY.findall(found.get(name, ""))]


def parameters(called: Callable[..., Any]) -> list[str]:
    """Return the names of what one may give."""
    given = inspect.signature(called).parameters
    return [name for name in given if name not in ("self", "cls")]


def _syntax(thing: Any) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(thing)))


def raised(called: Callable[..., Any], owner: type | None = None) -> set[str]:
    """Return the names of our errors that the code of a function raises itself."""
    found = set()
    for node in ast.walk(_syntax(called)):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
            continue
        maker = node.exc.func
        if isinstance(maker, ast.Attribute):  # a method that makes it
            made = getattr(owner, maker.attr, None)
            hint = getattr(made, "__annotations__", {}).get("return")
            found.add(getattr(hint, "__name__", str(hint)))
        elif isinstance(maker, ast.Name):
            found.add(maker.id)
    return {name for name in found if issubclass(_error(name), errors.ApertisError)}


def _error(name: str) -> type:
    found: type = getattr(errors, name, object)
    return found


def untold(names: set[str], thing: Any) -> set[str]:
    """Return the errors of which the docstring names neither them nor their kind."""
    told = tuple(map(_error, entries(thing, "Raises")))
    kinds = tuple(kind for kind in told if kind is not object)
    return {name for name in names if not issubclass(_error(name), kinds)}


@pytest.mark.parametrize("name", ALL)
def test_it_is_described(name: str) -> None:
    """In a sentence that ends in its first line or paragraph."""
    summary = sections(ALL[name])[""].partition("\n\n")[0].rstrip()

    assert re.search(r"\w.*\.$", summary, re.DOTALL)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function(name: str) -> None:
    """Its docstring tells each parameter, what it returns, and what it raises."""
    called = FUNCTIONS[name]
    owner = NAMES.get(name.rpartition(".")[0])
    given, about = parameters(called), sections(called)
    listed = entries(called, "Args")
    told = {*listed, *re.findall(r"\*(\w+)\*", about[""])}

    assert [] == [each for each in given if each not in told]
    assert [] == [each for each in listed if each not in given]
    assert set() == untold(raised(called, owner), called)

    returns = inspect.signature(called).return_annotation not in (None, "None")

    assert not returns or "Returns" in about or _GIVES.search(about[""])


@pytest.mark.parametrize("name", CLASSES)
def test_a_class(name: str) -> None:
    """Its docstring tells what it is made with, and what it then has and raises."""
    kind = CLASSES[name]
    told = {each for home in kind.__mro__ for each in entries(home, *_OF_CLASS)}
    has = {each.name for each in fields(kind)} if is_dataclass(kind) else set[str]()
    makes = _constructor(kind)
    if makes is not None and not is_dataclass(kind):
        told |= {*entries(makes, "Args")}
        has |= _assigned(makes)
        if kind.__name__ in apertis_magic.__all__:  # others are made by these
            has |= {*parameters(makes)}

        failures = raised(makes, kind)

        assert set() == untold(failures, kind) & untold(failures, makes)

    assert set() == {each for each in has if each[0] != "_"} - told


def _values() -> Iterator[type]:
    """Give every dataclass of the package, also those that nobody outside sees."""
    for found in pkgutil.walk_packages(apertis_magic.__path__, "apertis_magic."):
        if not found.name.endswith("__main__"):
            home = importlib.import_module(found.name)
            for each in vars(home).values():
                if inspect.isclass(each) and each.__module__ == home.__name__:
                    yield from [each] * is_dataclass(each)


@pytest.mark.parametrize(
    "kind", [*_values()], ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}"
)
def test_a_value_tells_each_of_its_fields(kind: Any) -> None:
    """One that tells any of them; ``Attributes`` has no more and no less."""
    told = set(entries(kind, *_OF_CLASS))

    assert told in (set(), {f.name for f in fields(kind) if f.name[0] != "_"})


def _constructor(kind: type) -> Callable[..., Any] | None:
    """Return the constructor that we wrote for a class or for one above it."""
    found = (vars(home).get("__init__") for home in kind.__mro__)
    ours = (each for each in found if inspect.isfunction(each))
    return next((f for f in ours if f.__module__.startswith("apertis_magic")), None)


def _assigned(makes: Callable[..., Any]) -> set[str]:
    """Return the names of the attributes that a constructor sets."""
    return {
        node.attr
        for node in ast.walk(_syntax(makes))
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def test_the_tree_of_errors_is_whole() -> None:
    """Every class stands in it, one step to the right of what it is a kind of."""
    drawn: dict[str, str] = {}
    above: list[str] = []
    for depth, name in _IN_TREE.findall(errors.__doc__ or ""):
        del above[len(depth) // 4 - 1 :]
        drawn[name] = above[-1] if above else "Exception"
        above.append(name)
    classes = [each for each in vars(errors).values() if inspect.isclass(each)]
    ours = [each for each in classes if issubclass(each, errors.ApertisError)]

    assert {each.__name__: each.__bases__[0].__name__ for each in ours} == drawn


def test_the_fields_of_a_request_are_told() -> None:
    """Those with an option, each with its range as the check has it."""
    about = sections(completions.Completions.create)[""]
    usual = [each for each in params.PARAMS.values() if each.on_line]
    heads = [
        f"``{each.name}`` ({each.range()}):" if each.range() else f"``{each.name}``:"
        for each in usual
    ]

    assert [] == [head for head in heads if head not in about]
    assert len(usual) == about.count("\n* ")
