"""What ``%load_ext apertis_magic`` adds to a bare IPython."""

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from table import Row

ROUNDS = 10
HEAVY = ("httpx", "ipywidgets", "nbformat", "markdown")

_PROGRAM = f"""
import json, sys
from time import process_time
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell.instance(config=Config(HistoryManager={{"enabled": False}}))
begun = process_time()
shell.run_line_magic("load_ext", "apertis_magic")
used = process_time() - begun
print(json.dumps([used, [name for name in {HEAVY} if name in sys.modules]]))
"""


def rows() -> Iterator[Row]:
    """Load it in fresh processes."""
    found = [load() for _ in range(ROUNDS)]
    used = [seconds * 1000 for seconds, _ in found]
    heavy = sorted({name for _, names in found for name in names})
    worst = f"median of {ROUNDS} processes, worst {max(used):.1f} ms"
    yield Row(
        what="`%load_ext`, CPU", figure=median(used), most=10, unit=" ms", note=worst
    )
    yield Row(
        what=f"`%load_ext`, which of {', '.join(HEAVY)} it imports",
        figure=len(heavy),
        most=0,
        note=", ".join(heavy),
    )


def load() -> tuple[float, list[str]]:
    """Return the CPU seconds of one load, and which heavy modules are there then."""
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    used, heavy = json.loads(done.stdout.splitlines()[-1])
    return used, heavy
