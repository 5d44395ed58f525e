"""A conversation in a real JupyterLab: cells that run again, a kernel that restarts."""

from pathlib import Path

from lab_driver import Lab
from scripted_server import ScriptedServer, says


def test_a_conversation_outlives_its_kernel(
    lab: Lab, server: ScriptedServer, screenshots: Path
) -> None:
    """An edited cell replaces its turn; restored turns are replaced by their cells."""
    server.will(*(says(f"Answer {number}.") for number in range(1, 5)))
    setup = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    cells = ("%%chat\nOne?", "%%chat\nTwo?", "%chat restore", "%chat show --versions")
    notebook = lab.notebook("restore", setup, *cells)
    for number in (0, 1, 2):
        notebook.run_cell(number)
    notebook.edit(1, "%%chat\nOne, edited?")
    notebook.run_cell(1)
    notebook.restart()
    notebook.run_cell(0)
    notebook.run_cell(3)
    restored = notebook.output(3).inner_text()
    notebook.edit(2, "%%chat\nTwo, edited?")
    notebook.run_cell(2)
    notebook.run_cell(4)
    lab.page.screenshot(path=screenshots / "restored.png")

    assert "2 turns" in restored
    assert "restore.ipynb" in restored
    assert [
        [("user", "One?")],
        [("user", "One?"), ("assistant", "Answer 1."), ("user", "Two?")],
        [("user", "One, edited?")],
        [
            ("user", "One, edited?"),
            ("assistant", "Answer 3."),
            ("user", "Two, edited?"),
        ],
    ] == server.messages

    shown = notebook.output(4).inner_text()

    assert ["One, edited?", "Answer 3.", "Two, edited?", "Answer 4."] == [
        line for line in shown.split("\n") if line.endswith(("?", "."))
    ][:4]

    notebook.close()
