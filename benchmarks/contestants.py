"""Those who are measured: ``%%chat``, a bare loop, and the peers, each as a cell.

All ask the same server for the same answer. What a person would write is what runs; the
SDKs bring no display, so theirs is the loop that their users write.
"""

from dataclasses import dataclass

from figures import FLOOR, OURS
from sse_server import Script


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """How somebody asks in a notebook.

    In the cells ``<url>`` stands for the server's base URL, ``<script>`` for the answer
    that is wanted.

    Attributes:
        name: what people call it.
        cell: the cell that asks.
        setup: a cell that runs once in each kernel.
        before: a cell that runs before each that asks, and is not measured.
        kernel: the kernel that it runs in, by its kernelspec.
        streams: whether an answer is shown while it comes.
    """

    name: str
    cell: str
    setup: str = ""
    before: str = ""
    kernel: str = "python3"
    streams: bool = True

    def asking(self, url: str, script: Script) -> str:
        """Return the cell that asks for *script*."""
        return filled(self.cell, url, script)


def filled(cell: str, url: str, script: Script) -> str:
    """Return a cell with the address and the answer's name in their places."""
    return cell.replace("<url>", url).replace("<script>", str(script))


_BARE = """
import json, httpx
from IPython.display import Markdown, display
client = httpx.Client(timeout=None)
def stream(model):
    messages = [{"role": "user", "content": "Go on."}]
    body = {"model": model, "stream": True, "messages": messages}
    with client.stream("POST", "<url>/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
"""
_SDK = """
from <sdk> import <class>
from IPython.display import Markdown, display
client = <class>(base_url="<url>", api_key="none")
def ask(model):
    text, shown = "", display(Markdown(""), display_id=True)
    messages = [{"role": "user", "content": "Go on."}]
    for chunk in client.chat.completions.create(
        model=model, messages=messages, stream=True
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
            shown.update(Markdown(text))
"""

ours = Contestant(
    name=OURS,
    setup="%env APERTIS_BASE_URL=<url>\n%load_ext apertis_magic",
    cell="%%chat --new -m <script>\nGo on.",
)
bare = Contestant(
    name=FLOOR,
    setup=_BARE,
    cell='display(Markdown("".join(stream("<script>"))))',
    streams=False,
)
printing = Contestant(
    name=FLOOR,
    setup=_BARE,
    cell='for piece in stream("<script>"): print(piece, end="", flush=True)',
)
openai = Contestant(
    name="openai SDK",
    kernel="openai",
    setup=_SDK.replace("<sdk>", "openai").replace("<class>", "OpenAI"),
    cell='ask("<script>")',
)
apertis = Contestant(
    name="apertis SDK",
    kernel="apertis",
    setup=_SDK.replace("<sdk>", "apertis").replace("<class>", "Apertis"),
    cell='ask("<script>")',
)
chatlab = Contestant(
    name="chatlab",
    kernel="chatlab",
    setup="from chatlab import Chat",
    cell="await Chat(base_url='<url>', api_key='none', model='<script>')('Go on.')",
)
jupyter_ai_2 = Contestant(
    name="jupyter-ai 2",
    kernel="jupyter-ai-magics",
    setup="%load_ext jupyter_ai_magics\n%env OPENAI_API_KEY=none",
    before="%env OPENAI_API_BASE=<url>/<script>",
    cell="%%ai openai-chat:gpt-4o\nGo on.",
    streams=False,
)
jupyter_ai_3 = Contestant(
    name="jupyter-ai 3",
    kernel="jupyter-ai-magic-commands",
    setup="%load_ext jupyter_ai_magic_commands\n%env OPENAI_API_KEY=none",
    cell="%%ai openai/gpt-4o --api-base <url>/<script>\nGo on.",
    streams=False,
)
chatbook = Contestant(
    name="JupyterChatbook",
    kernel="JupyterChatbook",
    setup="%load_ext JupyterChatbook",
    cell="%%openai --base_url <url> --api_key none -m <script> -f markdown"
    " --no_clipboard\nGo on.",
    streams=False,
)

STREAMING = (openai, apertis, chatlab)
AT_ONCE = (jupyter_ai_2, jupyter_ai_3, chatbook)
PEERS = (*STREAMING, *AT_ONCE)

_NO_EXTENSION = "is a library: there is no extension to load"
_NO_STREAM = "shows an answer when it is whole"
WITHOUT = {
    "ipython-gpt": "cannot be asked here: api.openai.com is fixed in its code",
    **{each.name: _NO_EXTENSION for each in STREAMING},
    **{each.name: _NO_STREAM for each in AT_ONCE},
}
"""Why there is no figure of somebody, where nothing else is said."""
