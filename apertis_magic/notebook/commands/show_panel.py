"""Shows the current conversation in a panel, the same one for all cells of a shell."""

from IPython.core.error import UsageError
from IPython.display import display

from apertis_magic.notebook.commands.command_line import CommandLine


def show(line: CommandLine) -> None:
    """Show the panel.

    Raises:
        UsageError: what shows text alone has no widgets.
    """
    if line.asker.front_end.shows_text_alone:
        raise UsageError(
            "%chat panel needs a notebook; a terminal or a console has no widgets."
        )
    if line.asker.panel is None:
        from apertis_magic.panel.widget import ChatPanel

        line.asker.panel = ChatPanel()
    display(line.asker.panel)
