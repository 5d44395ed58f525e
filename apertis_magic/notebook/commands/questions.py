"""What asks: in one line, again, or for the rest of an answer."""

from apertis_magic.notebook.asking import Answer
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.options import help_text
from apertis_magic.notebook.say import say


def ask(line: CommandLine) -> Answer | None:
    """Ask what the rest of the line says."""
    return line.asker.ask_line(line.text, line.variables)


def resume(line: CommandLine) -> Answer | None:
    """Let the newest answer, which was cut off or stopped, go on."""
    if line.options.help:
        say(help_text())
        return None
    return line.asker.resume(line.options.conversation)


def retry(line: CommandLine) -> Answer | None:
    """Ask the last question again."""
    return line.asker.retry(line.options)
