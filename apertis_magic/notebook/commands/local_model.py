"""``%chat local``: get the local model, start it, and send every question there."""

from apertis_magic import local
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.errors import Interrupted, LocalModelError
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.say import say, say_over


def run(line: CommandLine) -> None:
    """Start the local model, or do what the word says: stop it, tell of it.

    Raises:
        LocalModelError: it cannot be had; the message says why in one line.
        Interrupted: the user stopped it; nothing is left half-done.
    """
    actions = {None: _start, "stop": _stop, "status": _status}
    actions[line.word](line.session)


def _start(session: Session) -> None:
    """Let the local model answer from now on; download it if it is not there.

    Raises:
        LocalModelError: it cannot be had; the message says why in one line.
        Interrupted: the user stopped it; nothing is left half-done.
    """
    try:
        endpoint = local.ready(_tell)
    except KeyboardInterrupt:
        raise Interrupted("the local model was not started.") from None
    session.redirect(
        Settings.of_endpoint(endpoint, context_length=local.CONTEXT_LENGTH)
    )
    say(
        f"{endpoint.model} answers from now on, here on this machine. It is a tiny "
        "model for trying things out and often wrong.",
        "%chat local stop goes back to the API.",
    )


def _tell(step: local.Step) -> None:
    match step:
        case local.Weights():
            say(f"{step}; this happens once.{_lack()}")
        case local.Progress():
            say_over(str(step))
        case _:
            say()  # ends the line of the progress


def check() -> None:
    """See that the model which is to answer still runs.

    Raises:
        LocalModelError: its process has ended, or belongs to the parent of this fork.
    """
    if not local.current().alive:
        raise LocalModelError(
            "The local model has ended.", hint="%chat local starts it again."
        )


def _stop(session: Session) -> None:
    """Stop the local model and go back to the former address, key and model."""
    was_running = local.current().alive
    session.redirect(None)
    local.current().stop()
    say(
        "The local model is stopped."
        if was_running
        else "The local model was not running."
    )


def _status(_session: Session) -> None:
    """Say whether the local model is there and runs."""
    server = local.current()
    if server.endpoint is not None:
        say(f"{server.endpoint.model} runs, process {server.pid}, {_origin()}.")
    elif local.installed():
        say(f"The local model is there, {_origin()}. %chat local starts it.{_lack()}")
    elif local.is_shared(local.path()):
        say(f"The local model is damaged, {_origin()}. %chat local tells more.")
    else:
        what = f"Not downloaded: {local.SMOLLM2}. %chat local gets and starts it."
        say(f"{what}{_lack()}")


def _origin() -> str:
    """Return where the model's file is, and whose."""
    file = local.path()
    return f"in {file.parent}" + f", shared by {local.SHARED}" * local.is_shared(file)


def _lack() -> str:
    """Return a sentence where a folder is named that has no model for all."""
    shared = local.shared_folder()
    if shared is None or local.is_shared(local.path()):
        return ""
    return f" There is none in {shared} ({local.SHARED})."
