"""How long each phase of a request may take."""

from dataclasses import dataclass

from apertis_magic.errors import ConfigurationError

CONNECT, FIRST_BYTE, IDLE = 10.0, 300.0, 120.0
"""Seconds to connect, to the first byte, and between two pieces of an answer."""

_GATEWAY = (5_000, 300_000)  # milliseconds that ``X-Timeout`` may say
_MARGIN = 5.0
_THINKING = 3
"""First bytes' time-outs for which a server that shows life may think."""
_LONGEST = 1e8  # three years, after which clocks of operating systems overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds that each phase of a request may take."""

    connect: float = CONNECT
    first_byte: float = FIRST_BYTE
    idle: float = IDLE

    @classmethod
    def of(cls, seconds: float | None) -> "Timeouts":
        """Return the time-outs for one number that bounds every phase.

        Raises:
            ConfigurationError: it is not a number above 0.
        """
        if seconds is None:
            return cls()
        value: object = seconds
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not seconds > 0:
            raise ConfigurationError(
                f"timeout must be a number of seconds above 0, not {seconds!r}"
            )
        seconds = float(min(seconds, _LONGEST))
        return cls(connect=seconds, first_byte=seconds, idle=seconds)

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
