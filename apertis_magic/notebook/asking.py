"""Asks what a cell or a line says, and shows the answer where the cell runs."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeAlias

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.chat import trust
from apertis_magic.chat.ask import Ask, Limits
from apertis_magic.chat.history import Placement
from apertis_magic.chat.question import Question
from apertis_magic.chat.reply import Reply
from apertis_magic.chat.session import Session, current
from apertis_magic.chat.turn import Cell, Turn
from apertis_magic.errors import (
    ApertisError,
    HeldBack,
    Interrupted,
    ModelNotFound,
)
from apertis_magic.notebook.capture import can_update
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.following import session_with
from apertis_magic.notebook.front_end import FrontEnd, front_end
from apertis_magic.notebook.option_line import parse, parse_ask
from apertis_magic.notebook.options import ANYWAY, ChatOptions, help_text
from apertis_magic.notebook.say import say, warn
from apertis_magic.notebook.variables import Variables, in_braces
from apertis_magic.notebook.wording import listed

if TYPE_CHECKING:
    from apertis_magic.notebook.views.cell import View
    from apertis_magic.notebook.views.displays import Displays
    from apertis_magic.panel.widget import ChatPanel

Answer: TypeAlias = Turn | str
"""What a line that asked or showed an answer is in Python; a str with ``-f text``."""


class Asker:
    """What one shell asks, by the process's Session.

    Args:
        shell: where the cells run, and where ``-o`` binds its names.
        settings: what the user prefers.

    Attributes:
        error: what the last question failed with, if any did.
        model_told: whether this run of a cell has said that ``-m`` is ignored.
        panel: the panel of this shell, None until it is shown.
        aside: the newest answer that is in no conversation (``--once``).
    """

    def __init__(self, shell: InteractiveShell, settings: ApertisMagic) -> None:
        self.error: ApertisError | None = None
        self.model_told = False
        self.panel: ChatPanel | None = None
        self.aside: Turn | None = None
        self._shell = shell
        self._settings = settings
        self._execution: str | None = None
        self._displays: Displays | None = None
        self._problem_told = ""
        self._braces_told: set[str] = set()

    @property
    def session(self) -> Session:
        """The process's Session, which knows what the user prefers now."""
        return session_with(self._settings)

    @property
    def front_end(self) -> FrontEnd:
        """The front end of the request that runs now."""
        return front_end(self._shell, self._settings.display)

    def variables(
        self, values: Mapping[str, Any] | None, line: str, *, asks: bool
    ) -> Variables | None:
        """Return the variables that a line may name, which must hold no key either.

        Args:
            values: the variables; None for none, and no line's word is one.
            line: the line.
            asks: whether it is a question's, as ``check_line`` takes it.
        """
        if values is None:
            return None
        if asks and ANYWAY in line.split():
            return Variables(values)
        return Variables(values, lambda text: self.check_line(text, asks=False))

    def ask(self, line: str, body: str) -> Answer | None:
        """Ask what a ``%%chat`` cell says and show the answer.

        Raises:
            UsageError: the line is wrong, or there is no message.
            ApertisError: the question failed.
            Interrupted: the user stopped it.
        """
        self.check_line(line)
        options = parse(line)
        prompt = without_blank_ends(body)
        if not prompt and not options.help:
            raise UsageError("%%chat: the message is empty; write it below this line.")
        return self._ask(options, prompt, self._shell.user_ns)

    def ask_line(self, rest: str, variables: Variables | None = None) -> Answer | None:
        """Ask what the rest of a ``%chat ask`` line says, its options first.

        Raises:
            UsageError: the line is wrong, or there is no message.
            ApertisError: the question failed.
            Interrupted: the user stopped it.
        """
        options, prompt = parse_ask(rest, variables)
        if not prompt and not options.help:
            raise UsageError("%chat ask: the message is missing; write it behind ask.")
        values = self._shell.user_ns if variables is None else variables.values
        return self._ask(options, prompt, values)

    def _ask(
        self, options: ChatOptions, prompt: str, values: Mapping[str, Any]
    ) -> Answer | None:
        if options.help:
            say(help_text())
            return None
        self._tell_of_braces(in_braces(prompt, values))
        return self._show(lambda: self._sent(options, prompt), options)

    def _tell_of_braces(self, names: Iterable[str]) -> None:
        """Say once of each variable that a message does not hold its value."""
        new = [name for name in names if name not in self._braces_told]
        self._braces_told |= {*new}
        if new:
            shown = listed([f"{{{name}}}" for name in new])
            say(
                f"{shown} is sent as text: nothing is filled in. An f-string does "
                "that: get_ipython().run_line_magic('chat', f'ask …')"
            )

    def _sent(self, options: ChatOptions, prompt: str) -> Reply:
        session = self.session
        if options.conversation is not None:
            _tell_of_near(options.conversation, session.names)
        self._check_local_model(options.model)
        question = Question(
            prompt,
            fields=fields_of(options),
            last_turns=options.last_turns,
            anyway=options.anyway,
        )
        ask = Ask(
            question=question,
            model=options.model,
            system=options.system,
            placement=Placement(
                cell=self.this_cell(),
                append=options.append,
                start_over=options.start_over,
            ),
            cache=options.cache,
            once=options.once,
            stream=self._streams(options),
            limits=_limits(options),
        )
        return session.ask(ask, options.conversation)

    def _streams(self, options: ChatOptions) -> bool:
        return self._settings.stream if options.stream is None else options.stream

    def retry(self, options: ChatOptions) -> Answer | None:
        """Ask a conversation's last question again, with the options of the line.

        Raises:
            ApertisError: nothing was asked yet, or the question failed.
            Interrupted: the user stopped it.
        """
        if options.help:
            say(help_text())
            return None
        self._check_local_model(options.model)
        return self._show(lambda: self._asked_again(options), options)

    def _asked_again(self, options: ChatOptions) -> Reply:
        conversation = self.session.find(options.conversation)
        last = conversation.transcript.find_turn()
        left = trust.left_out(last.question)
        if left:
            say(f"Asked without {listed(list(left))}, which the file it is from set.")
        ask = Ask.again(last, fields_of(options))
        ask = replace(
            ask,
            question=replace(ask.question, anyway=options.anyway),
            model=options.model,
            stream=self._streams(options),
            limits=_limits(options),
        )
        return self.session.ask(ask, conversation.name)

    def resume(self, name: str | None = None) -> Answer:
        """Have a conversation's newest answer, which was cut off or stopped, completed.

        Args:
            name: the conversation's name; None for the current one.

        Raises:
            ApertisError: there is none, or the question failed.
            Interrupted: the user stopped it.
        """
        self._check_local_model(None)
        return self._show(lambda: self._resumed(name), ChatOptions(conversation=name))

    def _resumed(self, name: str | None) -> Reply:
        conversation = self.session.find(name)
        partial = conversation.transcript.find_partial()
        ask = replace(Ask.rest_of(partial), stream=self._settings.stream)
        return self.session.ask(ask, conversation.name)

    def _show(self, send: Callable[[], Reply], options: ChatOptions) -> Answer:
        """Send a question, show its answer where the cell runs, and return it."""
        try:
            named = options.conversation or self.session.current.name
            name = None if options.once else named
            if unsafe := self.session.warning():
                warn(unsafe)
            reply = send()
        except KeyboardInterrupt:
            raise Interrupted("the question was stopped before it was sent.") from None
        # Nothing may stand here: an interrupt would leave the answer to itself.
        try:
            # Late: the renderer is imported while the request is under way.
            try:
                view, was_stopped = self._view(reply, options), False
            except KeyboardInterrupt:
                reply.settle()
                view, was_stopped = self._view(reply, options), True
            from apertis_magic.notebook.views import cell

            turn = cell.show(reply, view, name)
            if was_stopped:
                raise cell.interrupted(turn, view)
            return _answer(turn, options)
        except ModelNotFound as error:
            from apertis_magic.notebook.commands import model_choice

            error.hint = (
                model_choice.hint(self.session, reply.asked_model) or error.hint
            )
            raise
        finally:
            reply.stop()
            self._tell_problem()
            if reply.turn is not None:
                self._keep(reply.turn, options)

    def _keep(self, turn: Turn, options: ChatOptions) -> None:
        """Bind an answer to the name of ``-o``, and have ``%chat last`` know it."""
        if options.once and turn.is_answered:
            self.aside = turn
        # A turn tells what went wrong; an empty text would only cost what was there.
        is_lost = options.format == "text" and turn.nothing_came
        if options.out is not None and not is_lost:
            self._shell.push({options.out: _answer(turn, options)})

    def _tell_problem(self) -> None:
        """Say once what keeps the journal from keeping the turns."""
        journal = self.session.journal
        problem = journal.problem if journal else ""
        if problem and problem != self._problem_told:
            self._problem_told = problem
            warn(problem)

    def tell_damage(self) -> None:
        """Say once what of the journal could not be read."""
        journal = self.session.journal
        if journal is not None and (news := journal.news_of_damage()):
            say(news)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Keep what goes wrong for ``%chat last``; an interrupt is told in one line."""
        try:
            yield
        except ApertisError as error:
            self.error = error
            raise
        except Interrupted:
            raise
        except KeyboardInterrupt:  # one of several, between what takes each of them
            raise Interrupted("the cell was stopped.") from None

    def _view(self, reply: Reply, options: ChatOptions) -> "View":
        from apertis_magic.notebook.views import cell, displays, once, terminal

        if options.quiet:
            return cell.NoView()
        footer = self._settings.footer if options.footer is None else options.footer
        front_end = self.front_end
        if front_end.shows_text_alone:
            return terminal.TerminalView(options.format, footer=footer)
        if not can_update(self._shell):
            return once.OnceView(reply.id, options.format, footer=footer)
        if self._displays is None:
            guarded = front_end.is_vscode
            kind = displays.GuardedDisplays if guarded else displays.Displays
            self._displays = kind()
        return cell.NotebookView(
            reply.id, self._displays, options.format, footer=footer
        )

    def after_cell(self, *, succeeded: bool) -> None:
        """Tell the Session that the cell which asked has ended.

        One that failed has not made all its turns again: the former ones stay.
        """
        self._displays = None
        self.model_told = False
        if self._execution is not None and succeeded:
            current().end_execution(self._execution)
        self._execution = None

    def check_line(self, line: str, *, asks: bool = True) -> None:
        """See that what is said of a line, or done with it, cannot repeat a key.

        Args:
            line: the line.
            asks: whether it is a question's: one that is to be sent anyway is looked at
                again when it is sent.

        Raises:
            UsageError: it holds a key, which is not repeated.
        """
        if asks and ANYWAY in line.split():
            return
        try:
            self.session.check_no_key(line)
        except HeldBack as error:
            hint = error.hint if asks else error.hint.removesuffix(HeldBack.hint)
            raise UsageError(f"%chat: {error} {hint.rstrip()}") from None

    def _check_local_model(self, asked: str | None) -> None:
        """See that the local model runs; say once in a cell that -m is ignored."""
        settings = self.session.settings
        if not settings.fixed_model:
            return
        from apertis_magic.notebook.commands import local_model

        local_model.check()
        if asked and not self.model_told:
            self.model_told = True
            say(
                f"{settings.model} answers every question until %chat local stop; "
                f"-m {asked} is ignored."
            )

    def this_cell(self) -> Cell | None:
        """Return the cell that runs now, where the front end tells its id."""
        cell = self.front_end.cell
        if cell is not None:
            self._execution = cell.execution
        return cell


def _answer(turn: Turn, options: ChatOptions) -> Answer:
    """Return what an answer is in Python: its turn, or its text where that is asked."""
    return turn.text if options.format == "text" else turn


def fields_of(options: ChatOptions) -> dict[str, Any]:
    """Return the request's fields that a line sets."""
    extra = {"extra_body": options.extra_body} if options.extra_body else {}
    return {**extra, **options.fields}


def _limits(options: ChatOptions) -> Limits:
    return Limits(timeout=options.timeout, max_retries=options.max_retries)


def _tell_of_near(name: str, names: Collection[str]) -> None:
    """Say that a conversation is new where its name may be a slip."""
    if name not in names and (near := get_close_matches(name, names, n=1, cutoff=0.7)):
        say(f"The conversation {name} is new; there is also {near[0]}.")


def continued(line: str, body: str) -> tuple[str, str]:
    """Join the lines below to one that ends in a backslash; return it and the rest."""
    while line.rstrip().endswith("\\"):
        more, _, body = body.partition("\n")
        line = f"{line.rstrip()[:-1]} {more}"
    return line, body


def without_blank_ends(body: str) -> str:
    """Return a message without the blank lines at its beginning and its end."""
    lines = body.split("\n")
    filled = [n for n, line in enumerate(lines) if line.strip()] or [0]
    return "\n".join(lines[filled[0] : filled[-1] + 1]) if body.strip() else ""
