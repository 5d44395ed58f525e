"""The peers' environments: one for each, with a kernel that a front end can start.

They are made once, in ``.venv-peers``, and again when what is wanted changes.
"""

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".venv-peers"
WANTED = {
    "openai": ("openai==3.54.0",),
    "apertis": ("apertis==0.4.1",),
    "chatlab": ("chatlab==2.1.1",),
    "ipython-gpt": ("ipython-gpt==0.0.6",),
    "JupyterChatbook": ("JupyterChatbook==0.1.6",),
    "jupyter-ai-magics": ("jupyter-ai-magics==2.31.7", "langchain-openai==0.3.35"),
    "jupyter-ai-magic-commands": ("jupyter-ai-magic-commands==0.0.4",),
}
"""What is installed for each, in the versions of November 2026."""

QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks a server for prices
    "ANONYMIZED_TELEMETRY": "False",
}


@cache
def missing(name: str) -> str:
    """Make a peer's environment; return why that failed, "" where it is there."""
    folder = FOLDER / name
    ready = folder / "ready"
    wanted = "\n".join(WANTED[name])
    if ready.exists() and ready.read_text() == wanted:
        return ""
    print(f"installing {', '.join(WANTED[name])}", file=sys.stderr, flush=True)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if uv is None:
        return "uv, which makes its environment, is missing"
    make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
    fill = [uv, "pip", "install", "--quiet", "--python", str(python(name))]
    for command in (make, [*fill, "ipykernel>=6.17", *WANTED[name]]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return f"it could not be installed: {done.stderr.strip()[-200:]}"
    _add_kernel(name)
    ready.write_text(wanted)
    return ""


def python(name: str) -> Path:
    """Return the Python of a peer's environment."""
    return FOLDER / name / "bin" / "python"


def environment() -> dict[str, str]:
    """Return what a program's environment needs to start the peers' kernels."""
    return {"JUPYTER_PATH": str(FOLDER / "share" / "jupyter"), **QUIET}


def _add_kernel(name: str) -> None:
    folder = FOLDER / "share" / "jupyter" / "kernels" / name
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(python(name)), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": name, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
