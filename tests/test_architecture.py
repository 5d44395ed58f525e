"""The layers: imports go one way, and third parties stay where they belong."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import apertis_magic

PACKAGE = Path(apertis_magic.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

FOR_ALL = {"errors", "paths", "clean", "credentials", "marks", "regular"}
# What each layer may import of ours, besides itself and what is for all.
ARROWS: dict[str, set[str]] = {
    "notebook": {"panel", "files", "render", "chat", "api", "local"},
    "panel": {"files", "render", "chat", "api", "local"},
    "files": {"render", "chat", "api"},
    "render": {"chat", "api"},
    "chat": {"api"},
    "api": set(),
    "local": set(),
    "errors": set(),
    "clean": set(),
    "credentials": set(),
    "marks": set(),
    "paths": set(),
    "regular": set(),
}
HOMES = {
    "httpx": {"api"},
    "IPython": {"notebook", "panel/widget.py"},
    "markdown": {"render/markdown.py", "render/treeprocessors.py"},
    "markdown_it": {
        "render",
        "notebook/views/formatted.py",
        "notebook/views/visible.py",
    },
    "mdit_py_plugins": {"render/reading.py"},
    "nh3": {"render/markdown.py"},
    "platformdirs": {"paths.py"},
    "pygments": {"render/highlight.py", "notebook/views/formatted.py"},
    "rich": {"notebook/views/formatted.py"},
    "xllamacpp": {"local"},
    "anywidget": {"panel"},
    "ipywidgets": {"panel"},
    "keyring": {"api/keys.py"},
    "nbformat": {"files/ipynb.py"},
}

SHARED = {
    "__init__.py",
    "rows.py",  # of the journal's file, and of the panel's transcript
}
"""The names that several modules have, since nothing tells them apart better."""


# Inside chat/: values <- journal <- what answers <- the desk.
ORDER = {
    name: rank
    for rank, names in enumerate(
        (
            """ask attachment continuation draft echoes fitting former growth history
            names parts picture prose question received sending state thinking trust
            turn watchers""",
            "journal",
            "answering conversation holding reply request transcript",
            "clients model_lists preparing restoring session settings",
        )
    )
    for name in names.split()
}


def imports(file: Path) -> Iterator[str]:
    """Give the name of every module that *file* imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"

            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module == "apertis_magic" else [node.module or ""]


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes of a module, but for those that are there for types alone."""
    for node in ast.iter_child_nodes(tree):
        is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(
            node.test
        )
        if not is_for_types:
            yield node
            yield from _nodes(node)


def _file_of(module: str) -> Path | None:
    """Return the file of a module of ours, None where it is none."""
    stem = PACKAGE.joinpath(*module.split(".")[1:])
    found = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((file for file in found if file.exists()), None)


def files_of(file: Path) -> set[Path]:
    """Return the files of ours that *file* imports, late imports too."""
    modules: set[str] = set()
    for node in _nodes(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            parts = {name for name in within if _file_of(name)}
            modules |= parts if parts == within else parts | {node.module or ""}
    ours = {name for name in modules if name.split(".")[0] == "apertis_magic"}
    return {found for name in ours if (found := _file_of(name))}


def layer(file: Path) -> str:
    """Return the first part of the path of *file* in the package."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(file: Path) -> None:
    """A module imports only its own layer and those below it."""
    own = layer(file)
    if own == "__init__":
        return  # the public names and the two load functions
    allowed = ARROWS[own] | {own, *FOR_ALL}
    ours = {
        name.split(".")[1] for name in imports(file) if name.startswith("apertis_magic")
    }

    assert set() == ours - allowed


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_third_parties_stay_at_home(file: Path) -> None:
    """Each third-party package is imported by one layer or module alone."""
    own = file.relative_to(PACKAGE)
    if own.name == "__init__.py" and own.parent == Path():
        return  # the two load functions
    strays = {
        top
        for name in imports(file)
        if (top := name.split(".")[0]) in HOMES
        and not {own.parts[0], str(own)} & HOMES[top]
    }

    assert set() == strays


def test_no_file_imports_itself_in_a_circle() -> None:
    """Late imports count; those for types alone do not."""
    graph = {file: files_of(file) - {file} for file in MODULES}
    done: set[Path] = set()

    def visit(file: Path, way: tuple[Path, ...]) -> None:
        names = [str(each.relative_to(PACKAGE)) for each in (*way, file)]

        assert file not in way, f"a circle: {' -> '.join(names)}"

        if file not in done:
            for other in sorted(graph[file]):
                visit(other, (*way, file))
            done.add(file)

    for file in MODULES:
        visit(file, ())


def test_chat_has_an_order_of_its_own() -> None:
    """Values know no journal, the journal no answers, answers no Session."""
    chat = PACKAGE / "chat"
    wrong = []
    for file in sorted(chat.rglob("*.py")):
        name = file.relative_to(chat).parts[0].removesuffix(".py")
        if name == "__init__":
            continue
        for other in files_of(file):
            if chat in other.parents:
                used = other.relative_to(chat).parts[0].removesuffix(".py")
                if ORDER[used] > ORDER[name]:
                    wrong.append(f"{name} -> {used}")

    assert [] == wrong


def test_no_two_modules_share_a_name() -> None:
    """Whoever hears of ``journal.py`` need not ask which one."""
    named = [file.name for file in MODULES if file.name not in SHARED]
    twice = {name for name in named if named.count(name) > 1}

    assert set() == twice


def test_words_reach_the_screen_by_one_door() -> None:
    """Of ``notebook/``, all but the views go through what cleans them."""
    written = {
        str(file.relative_to(PACKAGE / "notebook"))
        for file in (PACKAGE / "notebook").rglob("*.py")
        if "views" not in file.relative_to(PACKAGE).parts
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Name) and node.id == "print")
        or (isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr"))
        or (isinstance(node, ast.alias) and node.name in ("stdout", "stderr"))
    }

    assert {"say.py"} == written


def test_render_knows_only_the_values_of_chat() -> None:
    """The pure functions of ``render`` see turns, never a conversation."""
    seen = {
        name
        for file in (PACKAGE / "render").glob("*.py")
        for name in imports(file)
        if name.startswith("apertis_magic.chat")
    }
    values = {"apertis_magic.chat.turn", "apertis_magic.chat.parts"}

    assert values | {"apertis_magic.chat.picture"} == seen


def test_no_markdown_reaches_a_front_end() -> None:
    """``text/markdown`` would run the scripts in a model's answer."""
    named = [
        str(file)
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and node.value == "text/markdown"
    ]

    assert [] == named


def test_every_public_name_is_there() -> None:
    """What ``__all__`` promises can be imported."""
    missing = [n for n in apertis_magic.__all__ if not hasattr(apertis_magic, n)]

    assert [] == missing
