"""How long each phase of a request may take."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from apertis_magic.errors import ConfigurationError

CONNECT, FIRST_BYTE, IDLE = 10.0, 300.0, 120.0
"""Seconds to connect, to the first byte, and between two pieces of an answer."""

_GATEWAY = (5_000, 300_000)  # milliseconds that ``X-Timeout`` may say
_MARGIN = 5.0
_THINKING = 3
"""First bytes' time-outs for which a server that shows life may think."""
_LONGEST = 1e8  # three years, after which clocks of operating systems overflow


@runtime_checkable
class Phases(Protocol):
    """The time-outs of each phase in seconds, None for no bound: ``httpx.Timeout``."""

    @property
    def connect(self) -> float | None:
        """To connect."""

    @property
    def read(self) -> float | None:
        """To the first byte, and between two pieces."""


Timeout: TypeAlias = float | Phases
"""What may be given as ``timeout``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds that each phase of a request may take."""

    connect: float = CONNECT
    first_byte: float = FIRST_BYTE
    idle: float = IDLE

    @classmethod
    def of(cls, timeout: Timeout | None) -> "Timeouts":
        """Return the time-outs for one number that bounds every phase, or for each.

        Args:
            timeout: seconds, or an ``httpx.Timeout``: its ``connect`` bounds
                connecting, its ``read`` the first byte and each silence, and a None in
                it nothing. None leaves the defaults.

        Raises:
            ConfigurationError: it is not a number above 0, nor such a Timeout.
        """
        if timeout is None:
            return cls()
        if isinstance(timeout, Phases):
            connect, read = _unbounded(timeout.connect), _unbounded(timeout.read)
        else:
            connect = read = _seconds(timeout)
        return cls(connect=connect, first_byte=read, idle=read)

    @property
    def lifeless(self) -> float:
        """Seconds for which signs of life alone put the time-out off.

        Gateways send them while a model thinks, which may take ten minutes and is paid
        for.
        """
        return _THINKING * max(self.first_byte, self.idle)

    @property
    def gateway(self) -> int:
        """Milliseconds that the gateway may take (``X-Timeout``).

        A little less than we wait, so that its own word comes before our silence;
        without it the gateway would give up after 60 s.
        """
        wanted = (self.first_byte - _MARGIN) * 1000
        return int(min(max(wanted, _GATEWAY[0]), _GATEWAY[1]))


def _unbounded(seconds: float | None) -> float:
    return _LONGEST if seconds is None else _seconds(seconds)


def _seconds(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not value > 0:
        raise ConfigurationError(
            f"timeout must be a number of seconds above 0, not {value!r}"
        )
    return float(min(value, _LONGEST))
