"""What asks: in one line, again, or for the rest of an answer."""

from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.options import help_text
from apertis_magic.notebook.say import say


def ask(line: CommandLine) -> None:
    """Ask what the rest of the line says."""
    line.asker.ask_line(line.text)


def resume(line: CommandLine) -> None:
    """Let the newest answer, which was cut off or stopped, go on."""
    if line.options.help:
        say(help_text())
    else:
        line.asker.resume(line.options.conversation)


def retry(line: CommandLine) -> None:
    """Ask the last question again."""
    line.asker.retry(line.options)
