"""The cell in a real JupyterLab: what a person sees, in light and dark."""

from pathlib import Path

import pytest
from lab_driver import Lab
from scripted_server import ScriptedServer, says

ANSWER = r"""
The sky is blue because air scatters **short waves** of light more than long ones.

1. Sunlight holds all colours.
2. Air scatters blue about *five times* as much as red:
   - the law is $I \propto 1/\lambda^4$
   - at sunset the way is longer

```python
def scattered(wavelength: float) -> float:
    '''Return how much is scattered, relative to red.'''
    return (700 / wavelength) ** 4  # nm
```

| colour | nm | scattered |
|:--|--:|--:|
| blue | 450 | 5.9 |
| red | 700 | 1.0 |

> In short: blue light comes from everywhere.
"""


def setup(server: ScriptedServer) -> str:
    """Return the cell that loads the extension and points it at *server*."""
    return f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_an_answer(
    lab: Lab, server: ScriptedServer, screenshots: Path, theme: str
) -> None:
    """Headings, lists, code, a table and mathematics, with the footer below."""
    server.will(says(ANSWER))
    lab.command("apputils:change-theme", theme=theme)
    notebook = lab.notebook(
        f"answer {theme}", setup(server), "%%chat\nWhy is the sky blue?"
    )
    notebook.run()
    output = notebook.output(1)
    output.locator("mjx-container").first.wait_for()
    lab.page.screenshot(path=screenshots / f"cell-{theme.split()[1].lower()}.png")

    assert "short waves" == output.locator("strong").inner_text()
    assert ["blue", "450", "5.9"] == output.locator("tbody tr").first.locator(
        "td"
    ).all_inner_texts()
    assert "def scattered" in output.locator("pre").inner_text()
    assert "7 tokens" in output.locator(".apertis-footer").inner_text()
    assert [] == lab.strays

    notebook.close()
