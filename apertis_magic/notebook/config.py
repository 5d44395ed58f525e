"""``%config ApertisMagic``: what the user has set for every question.

The same settings stand in ``ipython_config.py``, as ``c.ApertisMagic.model = "…"``.
"""

from math import inf
from typing import Any
from weakref import WeakKeyDictionary

from traitlets import Bool, Enum, Float, Int, List, TraitError, Unicode, validate
from traitlets.config import Configurable

# Spelt out, not made from the table of parameters, which loading need not import.
_FIELDS = (
    "temperature top_p max_tokens frequency_penalty presence_penalty stop seed "
    "reasoning_effort n"
).split()
_OF_SHELLS: "WeakKeyDictionary[Configurable, ApertisMagic]" = WeakKeyDictionary()
_SENT = "sent with every question that sets no other"


class ApertisMagic(Configurable):
    """What holds for every ``%%chat`` question that does not say otherwise."""

    model = Unicode(None, allow_none=True, help="None leaves APERTIS_MODEL")
    base_url = Unicode(None, allow_none=True, help="None leaves APERTIS_BASE_URL")
    system = Unicode(None, allow_none=True, help="of conversations that have none yet")
    stream = Bool(default_value=True, help="let answers come in pieces")
    footer = Bool(default_value=True, help="show a footer below answers")
    display = Enum(
        ("auto", "rich", "text"), "auto", help="as the front end can, rich, or text"
    )
    timeout = Float(None, allow_none=True, help="seconds, as --timeout")
    max_retries = Int(None, allow_none=True, help="as --retries")
    temperature = Float(None, allow_none=True, help=_SENT)
    top_p = Float(None, allow_none=True, help=_SENT)
    max_tokens = Int(None, allow_none=True, help=_SENT)
    frequency_penalty = Float(None, allow_none=True, help=_SENT)
    presence_penalty = Float(None, allow_none=True, help=_SENT)
    stop = List(Unicode(), None, allow_none=True, help=_SENT)
    seed = Int(None, allow_none=True, help=_SENT)
    reasoning_effort = Unicode(None, allow_none=True, help=_SENT)
    n = Int(None, allow_none=True, help=_SENT)
    max_context_tokens = Int(
        None, allow_none=True, help="what may be sent and written; None asks the list"
    )
    journal = Bool(default_value=True, help="keep turns on disk, as they happen")
    journal_days = Float(90, help="days for which they are kept; 0 for ever")
    cache = Bool(default_value=False, help="answer the same request from the journal")
    cache_days = Float(30, help="days for which an answer is good for that")

    @classmethod
    def of(cls, shell: Configurable) -> "ApertisMagic":
        """Return the settings of *shell*, the same whenever they are asked for."""
        if shell not in _OF_SHELLS:
            _OF_SHELLS[shell] = cls(parent=shell)
        return _OF_SHELLS[shell]

    @validate("max_context_tokens", "journal_days", "cache_days")
    def _not_below_0(self, proposal: Any) -> Any:
        if proposal.value is not None and not proposal.value >= 0:
            raise TraitError(f"{proposal.trait.name} must be 0 or more")
        return proposal.value

    @validate(*_FIELDS, "timeout", "max_retries")
    def _in_range(self, proposal: Any) -> Any:
        from apertis_magic.api.params import (
            PARAMS,
            check,
        )
        from apertis_magic.errors import ConfigurationError

        name, value = proposal.trait.name, proposal.value
        try:
            if value is not None and name in PARAMS:
                check({name: value})
        except ConfigurationError as error:
            raise TraitError(str(error)) from None
        if name == "timeout" and value is not None and not 0 < value < inf:
            raise TraitError("timeout must be seconds above 0")
        if name == "max_retries" and value is not None and value < 0:
            raise TraitError("max_retries must not be below 0")
        return value

    @property
    def fields(self) -> dict[str, Any]:
        """What is set of the request's fields."""
        values = {name: getattr(self, name) for name in _FIELDS}
        # Empty text and lists are how some say that nothing is set.
        return {k: v for k, v in values.items() if v not in (None, "", [])}


for _trait in ApertisMagic.class_own_traits().values():
    _trait.tag(config=True)
SETTINGS = tuple(sorted(ApertisMagic.class_own_traits()))
