"""Asks what a cell or a line says, and shows the answer where the cell runs."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.chat import session
from apertis_magic.chat.history import Placement
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Preferences
from apertis_magic.chat.turn import Cell, Turn
from apertis_magic.errors import (
    ApertisError,
    ConfigurationError,
    Interrupted,
    ModelNotFound,
)
from apertis_magic.notebook import option_line, options
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.options import ChatOptions
from apertis_magic.notebook.say import say, warn

if TYPE_CHECKING:
    from apertis_magic.notebook.views.cell import Displays, View

_HOLDS_KEY = (
    "%chat: nothing was sent, for the message, its line or the system prompt holds an "
    "API key. Take it out, and revoke it if this notebook was saved or shared; "
    "%chat key stores a key."
)


class Asker:
    """What one shell asks, by the process's Session.

    Args:
        shell: where the cells run, and where ``-o`` binds its names.
        settings: what the user prefers.

    Attributes:
        error: what the last question failed with, if any did.
        model_told: whether the user knows that the local model ignores ``-m``.
    """

    def __init__(self, shell: InteractiveShell, settings: ApertisMagic) -> None:
        self.error: ApertisError | None = None
        self.model_told = False
        self._shell = shell
        self._settings = settings
        self._execution: str | None = None
        self._displays: Displays | None = None
        self._problem_told = ""

    @property
    def session(self) -> Session:
        """The process's Session, which knows what the user prefers now."""
        return session_with(self._settings)

    @property
    def in_terminal(self) -> bool:
        """Whether the cells run in a terminal; all else is a kernel."""
        kinds = {kind.__name__ for kind in type(self._shell).__mro__}
        return "TerminalInteractiveShell" in kinds

    def ask(self, line: str, body: str) -> None:
        """Ask what a ``%%chat`` cell says and show the answer.

        Raises:
            UsageError: the line is wrong, or there is no message.
            ApertisError: the question failed.
            Interrupted: the user stopped it.
        """
        line, body = _continued(line, body)
        self.check_no_key(line)
        given = option_line.parse(line)
        prompt = _without_blank_ends(body)
        if not prompt and not given.help:
            raise UsageError("%%chat: the message is empty; write it below this line.")
        self._ask(given, prompt)

    def ask_line(self, rest: str) -> None:
        """Ask what the rest of a ``%chat ask`` line says, its options first.

        Raises:
            UsageError: the line is wrong, or there is no message.
            ApertisError: the question failed.
            Interrupted: the user stopped it.
        """
        given, prompt = option_line.parse_ask(rest)
        if not prompt and not given.help:
            raise UsageError("%chat ask: the message is missing; write it behind ask.")
        self._ask(given, prompt)

    def _ask(self, given: ChatOptions, prompt: str) -> None:
        if given.help:
            say(options.help_text())
            return
        self._show(lambda: self._sent(given, prompt), given)

    def _sent(self, given: ChatOptions, prompt: str) -> Reply:
        here = self.session
        settings = here.settings
        if given.conversation is not None:
            _tell_of_near(given.conversation, here.names)
        talk = here.conversation(given.conversation or here.current.name)
        self.check_no_key(prompt, talk.system_of(given.system))
        if settings.fixed_model:
            self._check_local_model(settings.model, given.model)
        return here.ask(
            prompt,
            conversation=given.conversation,
            model=given.model,
            system=given.system,
            placement=Placement(
                cell=self.this_cell(), append=given.append, start_over=given.start_over
            ),
            last_turns=given.last_turns,
            cache=given.cache,
            once=given.once,
            **self._sending(given),
        )

    def _sending(self, given: ChatOptions) -> dict[str, Any]:
        """Return how a question is sent: the request's fields and the limits."""
        limits = {"timeout": given.timeout, "max_retries": given.max_retries}
        return {
            "stream": self._settings.stream if given.stream is None else given.stream,
            "extra_body": given.extra_body or None,
            **{name: value for name, value in limits.items() if value is not None},
            **given.fields,
        }

    def retry(self, given: ChatOptions) -> None:
        """Ask a conversation's last question again, with what is given for it.

        Raises:
            ApertisError: nothing was asked yet, or the question failed.
            Interrupted: the user stopped it.
        """
        if given.help:
            say(options.help_text())
            return
        here = self.session
        if here.settings.fixed_model:
            self._check_local_model(here.settings.model, given.model)
        sending = self._sending(given)
        self._show(
            lambda: here.retry(given.conversation, model=given.model, **sending), given
        )

    def resume(self, conversation: str | None = None) -> None:
        """Let a conversation's newest answer, which was cut off or stopped, go on.

        Args:
            conversation: its name; None for the current one.

        Raises:
            ApertisError: there is none, or the question failed.
            Interrupted: the user stopped it.
        """
        here = self.session
        if here.settings.fixed_model:
            self._check_local_model(here.settings.model, None)
        self._show(
            lambda: here.resume(conversation, stream=self._settings.stream),
            ChatOptions(conversation=conversation),
        )

    def _show(self, send: Callable[[], Reply], given: ChatOptions) -> None:
        """Send a question, and show its answer where the cell runs."""
        try:
            named = given.conversation or self.session.current.name
            name = None if given.once else named
            reply = send()
        except KeyboardInterrupt:
            raise Interrupted("the question was stopped before it was sent.") from None
        # Nothing may stand here: an interrupt would leave the answer to itself.
        try:
            # Late: the renderer is imported while the request is under way.
            try:
                view, was_stopped = self._view(reply, given), False
            except KeyboardInterrupt:
                reply.settle()
                view, was_stopped = self._view(reply, given), True
            from apertis_magic.notebook.views import cell

            turn = cell.show(reply, view, name)
            if was_stopped:
                raise Interrupted(cell.what_is_kept(turn))
        except ModelNotFound as error:
            from apertis_magic.notebook.commands import model_choice

            error.hint = (
                model_choice.hint(self.session, reply.asked_model) or error.hint
            )
            raise
        finally:
            reply.stop()
            self._tell_problem()
            if given.out is not None and reply.turn is not None:
                self._bind(given.out, reply.turn, as_text=given.format == "text")

    def _bind(self, name: str, turn: Turn, *, as_text: bool) -> None:
        # A turn tells what went wrong; an empty text would only cost what was there.
        if not (as_text and turn.nothing_came):
            self._shell.push({name: turn.text if as_text else turn})

    def _tell_problem(self) -> None:
        """Say once what keeps the journal from keeping the turns."""
        journal = self.session.journal
        problem = journal.problem if journal else ""
        if problem and problem != self._problem_told:
            self._problem_told = problem
            warn(problem)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Keep what goes wrong for ``%chat last``."""
        try:
            yield
        except ApertisError as error:
            self.error = error
            raise

    def _view(self, reply: Reply, given: ChatOptions) -> "View":
        from apertis_magic.notebook.views import cell, terminal

        if given.quiet:
            return cell.NoView()
        footer = self._settings.footer if given.footer is None else given.footer
        if self.in_terminal:
            return terminal.TerminalView(given.format, footer=footer)
        self._displays = self._displays or cell.Displays()
        return cell.NotebookView(reply.id, self._displays, given.format, footer=footer)

    def after_cell(self, *, succeeded: bool) -> None:
        """Tell the Session that the cell which asked has ended.

        One that failed has not made all its turns again: the former ones stay.
        """
        self._displays = None
        if self._execution is not None and succeeded:
            session.current().end_execution(self._execution)
        self._execution = None

    def check_no_key(self, *texts: str | None) -> None:
        """See that *texts* may be sent, or shown.

        Raises:
            UsageError: one holds a key, which is not repeated.
        """
        try:
            self.session.check_no_key(*texts)
        except ConfigurationError:
            raise UsageError(_HOLDS_KEY) from None

    def _check_local_model(self, local: str, asked: str | None) -> None:
        """See that the local model still runs, and say once that -m is ignored."""
        from apertis_magic.notebook.commands import local_model

        local_model.check()
        if asked and not self.model_told:
            self.model_told = True
            say(
                f"{local} answers every question until %chat local stop; "
                f"-m {asked} is ignored."
            )

    def this_cell(self) -> Cell | None:
        """Return the cell that runs now, where the front end tells its id."""
        kernel = getattr(self._shell, "kernel", None)
        request: Mapping[str, Any] = kernel.get_parent() if kernel is not None else {}
        about = request.get("metadata", {})
        # JupyterLab, Notebook and VS Code say the first, Colab the second.
        cell_id = about.get("cellId") or (about.get("colab") or {}).get("cell_id")
        if not cell_id or not isinstance(cell_id, str):
            return None
        self._execution = str(request["header"]["msg_id"])
        return Cell(cell_id, self._execution)


def session_with(settings: ApertisMagic) -> Session:
    """Return the process's Session, and have it know what the user prefers now."""
    here = session.current()
    here.preferences = Preferences(
        base_url=settings.base_url,
        model=settings.model,
        system=settings.system,
        request=settings.request,
        max_context=settings.max_context_tokens,
        journal=settings.journal,
        journal_days=settings.journal_days,
        cache=settings.cache,
        cache_days=settings.cache_days,
        notebook=this_notebook(settings.parent),
    )
    return here


def this_notebook(shell: Any) -> str | None:
    """Return the path of the notebook that *shell* runs, where the front end tells."""
    # VS Code says the first, a Jupyter server the second.
    names = getattr(shell, "user_ns", {})
    found = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return found if isinstance(found, str) else None


def _tell_of_near(name: str, names: Collection[str]) -> None:
    """Say that a conversation is new where its name may be a slip."""
    if name not in names and (near := get_close_matches(name, names, n=1, cutoff=0.7)):
        say(f"The conversation {name} is new; there is also {near[0]}.")


def _continued(line: str, body: str) -> tuple[str, str]:
    """Join the lines below to one that ends in a backslash; return it and the rest."""
    while line.rstrip().endswith("\\"):
        more, _, body = body.partition("\n")
        line = f"{line.rstrip()[:-1]} {more}"
    return line, body


def _without_blank_ends(body: str) -> str:
    lines = body.split("\n")
    filled = [n for n, line in enumerate(lines) if line.strip()] or [0]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if body.strip() else ""
