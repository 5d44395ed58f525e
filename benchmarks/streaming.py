"""What a streamed answer costs: time beside a bare loop, and bytes to the front end."""

from collections.abc import Iterator
from statistics import median

from asking import Cost, cell, measure, ready_kernel, run
from kernel_driver import Kernel
from sse_server import Script
from table import Row

ROUNDS = 5
LONG_ROUNDS = 3
SMALL, MIDDLE, LARGE = 4_000, 40_000, 400_000
MODELS_PACE = 3_600
"""Characters per second of a fast model."""

_BARE_SETUP = """
import json, httpx
from IPython.display import Markdown, display
client = httpx.Client(timeout=None)
def stream(model):
    messages = [{{"role": "user", "content": "x"}}]
    body = {{"model": model, "stream": True, "messages": messages}}
    with client.stream("POST", "{url}/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line.startswith("data: ") and line != "data: [DONE]":
                yield json.loads(line[6:])["choices"][0]["delta"].get("content") or ""
"""
_BARE = 'display(Markdown("".join(stream("{script}"))))'
_NAIVE = """
text, shown = "", display(Markdown(""), display_id=True)
for piece in stream("{script}"):
    text += piece
    shown.update(Markdown(text))
"""


def rows(url: str, *, long: bool) -> Iterator[Row]:
    """Stream answers of several sizes, flat out and at a model's pace.

    Args:
        url: the server's.
        long: whether to let 400 KB come at a model's pace too, which takes 111 s.
    """
    with ready_kernel(url) as kernel:
        run(kernel, _BARE_SETUP.format(url=url))
        yield from _flat_out(kernel)
        yield from _paced(kernel, MIDDLE)
        if long:
            yield from _paced(kernel, LARGE)


def _flat_out(kernel: Kernel) -> Iterator[Row]:
    scripts = {size: Script(size=size, seed=1) for size in (SMALL, MIDDLE, LARGE)}
    ours, bare = beside(kernel, scripts[MIDDLE])
    large = [measure(kernel, cell(scripts[LARGE])) for _ in range(LONG_ROUNDS)]
    costs = {
        SMALL: [measure(kernel, cell(scripts[SMALL])) for _ in range(ROUNDS)],
        MIDDLE: ours,
        LARGE: large,
    }
    yield ratio("40 KB flat out beside a bare loop, wall", "wall", ours, bare, 5)
    yield ratio("40 KB flat out beside a bare loop, CPU", "cpu", ours, bare, 5)
    yield ratio("400 KB beside 40 KB, wall", "wall", large, ours, 11)
    yield ratio("400 KB beside 40 KB, CPU", "cpu", large, ours, 11)
    for (size, found), most in zip(costs.items(), (10, 6, 5), strict=True):
        yield from sent(f"{size // 1000} KB flat out", size, found, most)
    naive = [measure(kernel, _NAIVE.format(script=scripts[SMALL]))]
    yield from sent("4 KB flat out, `update_display` per chunk", SMALL, naive, None)


def _paced(kernel: Kernel, size: int) -> Iterator[Row]:
    script = Script(size=size, seed=1, rate=MODELS_PACE)
    name = f"{size // 1000} KB at {MODELS_PACE / 1000:g} KB/s"
    found = [measure(kernel, cell(script))]
    yield from sent(name, size, found, 20)
    share = found[0].cpu / found[0].wall * 100
    yield Row(what=f"{name}, the kernel's CPU", figure=share, unit=" %")


def beside(kernel: Kernel, script: Script) -> tuple[list[Cost], list[Cost]]:
    """Ask by ``%%chat`` and by the bare loop in turn; the first round warms up."""
    ours, bare = [], []
    for _ in range(1 + ROUNDS):
        bare.append(measure(kernel, _BARE.format(script=script)))
        ours.append(measure(kernel, cell(script)))
    return ours[1:], bare[1:]


def ratio(what: str, of: str, found: list[Cost], other: list[Cost], most: float) -> Row:
    """Return how much more *found* took than *other*, by their medians."""
    ours, theirs = (median(getattr(c, of) for c in costs) for costs in (found, other))
    note = f"{ours * 1000:.0f} ms / {theirs * 1000:.0f} ms"
    return Row(what=what, figure=ours / theirs, most=most, unit="x", note=note)


def sent(what: str, size: int, found: list[Cost], most: float | None) -> Iterator[Row]:
    """Return what reached the front end, at the most."""
    worst = max(found, key=lambda cost: cost.sent)
    messages = f"{worst.messages} messages"
    factor = worst.sent / size
    yield Row(what=f"{what}, bytes per byte", figure=factor, most=most, note=messages)
    if most is not None:
        displays = max(cost.displays for cost in found)
        yield Row(what=f"{what}, displays", figure=displays, most=45)
