"""What loading the extension adds to a bare IPython, beside the peers'."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

import peers
from figures import FLOOR, OURS, Figure, middle
from report import show

ROUNDS = 5
MOST = 10
HEAVY = ("httpx", "ipywidgets", "nbformat", "markdown")

_PEERS = {
    "ipython-gpt": "ipython_gpt",
    "JupyterChatbook": "JupyterChatbook",
    "jupyter-ai-magics": "jupyter_ai_magics",
    "jupyter-ai-magic-commands": "jupyter_ai_magic_commands",
}
_CALLED = {
    "jupyter-ai-magics": "jupyter-ai 2",
    "jupyter-ai-magic-commands": "jupyter-ai 3",
}
_PROGRAM = f"""
import json, sys, types
from time import process_time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

sys.modules["empty"] = empty = types.ModuleType("empty")
empty.load_ipython_extension = lambda shell: None
shell = InteractiveShell.instance(config=Config(HistoryManager={{"enabled": False}}))
before, begun = len(sys.modules), process_time()
shell.run_line_magic("load_ext", sys.argv[1])
used = process_time() - begun
heavy = [name for name in {HEAVY} if name in sys.modules]
print(json.dumps([used, heavy, len(sys.modules) - before]))
"""


def figures(_url: str = "") -> Iterator[Figure]:
    """Load everybody in fresh processes, in turn."""
    programs = {OURS: (sys.executable, "apertis_magic")}
    programs[FLOOR] = (sys.executable, "empty")
    for peer, extension in _PEERS.items():
        name = _CALLED.get(peer, peer)
        if why := peers.missing(peer):
            yield Figure(what=_WHAT, who=name, value=None, note=why)
        else:
            programs[name] = (str(peers.python(peer)), extension)
    for program in programs.values():
        load(*program)  # its files are compiled and cached
    found: dict[str, list[tuple[float, list[str], int]]] = {who: [] for who in programs}
    for number in range(ROUNDS):
        names = list(programs)
        for who in names if number % 2 else reversed(names):
            found[who].append(load(*programs[who]))
    for who, loads in found.items():
        yield _used(who, loads)
    heavy = {name for _, names, _ in found[OURS] for name in names}
    what = f"loading: which of {', '.join(HEAVY)} it imports"
    yield Figure(what=what, value=len(heavy), most=0, note=", ".join(sorted(heavy)))


_WHAT = "loading: CPU"


def _used(who: str, loads: list[tuple[float, list[str], int]]) -> Figure:
    modules = f"{median(count for _, _, count in loads):,.0f} modules"
    most = MOST if who == OURS else None
    times = [used * 1000 for used, _, _ in loads]
    return middle(times, _WHAT, who, unit=" ms", most=most, note=modules)


def load(
    python: str = sys.executable, extension: str = "apertis_magic"
) -> tuple[float, list[str], int]:
    """Load an extension into a bare IPython.

    Returns:
        The CPU seconds, which heavy modules are there then, and how many more modules.
    """
    command = [python, "-c", _PROGRAM, extension]
    # Else each load would compile all anew, which installing does for a user.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    )
    used, heavy, count = json.loads(done.stdout.splitlines()[-1])
    return used, heavy, count


if __name__ == "__main__":
    show(figures)
