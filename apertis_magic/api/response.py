"""What the headers of an HTTP response tell beside its body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

# No name is documented; these are what such gateways and Cloudflare send.
_REQUEST_IDS = ("x-request-id", "x-oneapi-request-id", "cf-ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """How many requests are left (``X-RateLimit-*``), each None where not told.

    Attributes:
        limit: requests in the window (``X-RateLimit-Limit``).
        remaining: requests that are left of them (``X-RateLimit-Remaining``).
        reset: when the window ends, in seconds since 1970 (``X-RateLimit-Reset``).
    """

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The status and headers of a response (headers as Apertis documents them).

    Attributes:
        status: the HTTP status.
        headers: the headers, their names in lower case.
        base_url: the API that answered, where that is known.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    base_url: str = field(default="", repr=False)

    @classmethod
    def of(
        cls, status: int, headers: Mapping[str, str], base_url: str = ""
    ) -> "Response":
        """Take the status and a copy of the headers.

        Args:
            status: the HTTP status.
            headers: the headers, their names in any case.
            base_url: the API that answered.

        Returns:
            The response.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(status=status, headers=lower, base_url=base_url)

    @property
    def request_id(self) -> str | None:
        """What to quote to the provider's support (``X-Request-Id`` or the like)."""
        ids = (self.headers.get(name) for name in _REQUEST_IDS)
        return next(filter(None, ids), None)

    @property
    def rate_limit(self) -> RateLimit:
        """How many requests are left in the present window (``X-RateLimit-*``)."""
        limit = _number(self.headers.get("x-ratelimit-limit"))
        remaining = _number(self.headers.get("x-ratelimit-remaining"))
        return RateLimit(
            limit=None if limit is None else int(limit),
            remaining=None if remaining is None else int(remaining),
            reset=_number(self.headers.get("x-ratelimit-reset")),
        )

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of events (``Content-Type``)."""
        return "text/event-stream" in self.headers.get("content-type", "").lower()

    @property
    def cost(self) -> float | None:
        """What the answer cost in USD (``x-litellm-response-cost``).

        None where a gateway tells none, and of a stream: its headers are sent before
        anybody knows.
        """
        cost = _number(self.headers.get("x-litellm-response-cost"))
        return None if cost is None or cost < 0 or self.is_stream else cost

    @property
    def actual_model(self) -> str | None:
        """The model that answered and is billed (``X-Actual-Model``)."""
        return self.headers.get("x-actual-model")

    @property
    def fallback_used(self) -> bool | None:
        """Whether another model had to answer (``X-Fallback-Used``).

        None where no fallback was asked for.
        """
        return _flag(self.headers.get("x-fallback-used"))

    @property
    def fallback_from(self) -> str | None:
        """The model that could not answer (``X-Fallback-From``)."""
        return self.headers.get("x-fallback-from")

    @property
    def fallback_reason(self) -> str | None:
        """Why it could not (``X-Fallback-Reason``)."""
        return self.headers.get("x-fallback-reason")

    @property
    def web_search_status(self) -> str | None:
        """How a ``:web`` model's search went (``X-Web-Search-Status``).

        It is ``success``, ``failed`` or ``no_results``.
        """
        return self.headers.get("x-web-search-status")

    @property
    def compression_applied(self) -> bool | None:
        """Whether older turns were summarised (``X-Compression-Applied``).

        None where that was not asked for.
        """
        return _flag(self.headers.get("x-compression-applied"))


def _flag(value: str | None) -> bool | None:
    return None if value is None else value.strip().lower() == "true"


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if isfinite(number) else None
