"""Shows an answer once, when all of it has come: where no display can be updated."""

from apertis_magic.chat.draft import Progress
from apertis_magic.chat.turn import Turn
from apertis_magic.notebook.views.cell import NotebookView
from apertis_magic.notebook.views.displays import PlainDisplays
from apertis_magic.notebook.views.screen import uninterrupted
from apertis_magic.render.footer import Format


class OnceView:
    """The displays of one answer, none of them shown before it has ended.

    What is waited for is not told either: it would stand above the answer for good.

    Args:
        turn_id: the id of the answer's turn.
        format: how the answer's text is shown.
        footer: whether there is a footer.
    """

    def __init__(
        self, turn_id: str, format: Format = "markdown", *, footer: bool = True
    ) -> None:
        self._whole = NotebookView(turn_id, PlainDisplays(), format, footer=footer)
        self._ended = False

    def update(self, progress: Progress) -> None:
        """Show nothing yet."""

    def finish(self, turn: Turn, conversation: str | None) -> None:
        """Show the whole answer with its footer, once."""
        with uninterrupted():
            if not self._ended:
                self._whole.finish(turn, conversation)
                self._ended = True

    def clear(self) -> None:
        """Nothing was shown."""
