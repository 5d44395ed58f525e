"""``client.account``: what is left of the balance, and what this key has spent."""

from typing import Any, Literal

from apertis_magic.api import loop
from apertis_magic.api.fetch import fetch
from apertis_magic.api.transport import Call, Transport
from apertis_magic.api.value import Value, amount, count, first, mapping, string

Period = Literal["today", "week", "month"]


class Subscription(Value):
    """A subscription plan, in quota units, of which each request costs some."""

    __slots__ = ()

    @property
    def plan(self) -> str | None:
        """The plan's name."""
        return string(first(self._raw, "plan_type", "plan"))

    @property
    def status(self) -> str | None:
        """Whether it is active."""
        return string(self._raw.get("status"))

    @property
    def used(self) -> float | None:
        """Quota units used in this cycle."""
        return amount(self._raw.get("cycle_quota_used"))

    @property
    def remaining(self) -> float | None:
        """Quota units left in this cycle."""
        return amount(self._raw.get("cycle_quota_remaining"))

    @property
    def limit(self) -> float | None:
        """Quota units of a whole cycle."""
        return amount(self._raw.get("cycle_quota_limit"))


class Credits(Value):
    """The balance (``GET /dashboard/billing/credits``), each None where not told."""

    __slots__ = ()

    @property
    def account_usd(self) -> float | None:
        """USD left on the account."""
        return amount(first(self._payg, "account_credits", "remaining_usd"))

    @property
    def used_usd(self) -> float | None:
        """USD that this key has used."""
        return amount(first(self._payg, "token_used", "used_usd"))

    @property
    def remaining_usd(self) -> float | None:
        """USD that this key may still use; None also where it is not limited."""
        return amount(first(self._payg, "token_remaining", "remaining_usd"))

    @property
    def is_unlimited(self) -> bool:
        """Whether only the account's balance limits this key."""
        return bool(first(self._payg, "token_is_unlimited", "is_unlimited"))

    @property
    def subscription(self) -> Subscription | None:
        """The subscription, if there is one."""
        raw = mapping(self._raw.get("subscription"))
        return Subscription(raw) if raw else None

    @property
    def _payg(self) -> Any:
        # Beside each other in older answers.
        return mapping(self._raw.get("payg")) or self._raw


class KeyUsage(Value):
    """What one key has spent (``GET /token/usage``), each None where not told."""

    __slots__ = ()

    @property
    def name(self) -> str | None:
        """The key's name."""
        return string(first(self._raw, "token_name", "name"))

    @property
    def used_usd(self) -> float | None:
        """USD spent."""
        return amount(self._raw.get("used_quota_usd"))

    @property
    def remaining_usd(self) -> float | None:
        """USD left."""
        return amount(self._raw.get("remain_quota_usd"))

    @property
    def tokens(self) -> int | None:
        """Tokens taken."""
        return count(self._raw.get("total_tokens"))

    @property
    def requests(self) -> int | None:
        """Requests made."""
        return count(self._raw.get("total_requests"))


class AsyncAccount:
    """The balance and spending of the key, to be awaited; only Apertis tells them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def credits(self) -> Credits:
        """Return the balance (``GET /dashboard/billing/credits``).

        Raises:
            ApertisError: there was no answer, or a refusal.
        """
        call = Call(path="/dashboard/billing/credits")
        body = await fetch(self._transport, call)
        return Credits(mapping(body.get("data")) or body)

    async def usage(self, period: Period | None = None) -> KeyUsage:
        """Return what this key has spent (``GET /token/usage``).

        Args:
            period: ``today``, ``week`` or ``month``; None for all.

        Raises:
            ApertisError: there was no answer, or a refusal.
        """
        call = Call(path="/token/usage", query={"period": period} if period else {})
        body = await fetch(self._transport, call)
        return KeyUsage(mapping(body.get("data")) or body)


class Account:
    """The balance and spending of the key; only Apertis tells them."""

    def __init__(self, account: AsyncAccount) -> None:
        self._account = account

    def credits(self) -> Credits:
        """Return the balance (``GET /dashboard/billing/credits``).

        Raises:
            ApertisError: there was no answer, or a refusal.
        """
        return loop.run(self._account.credits())

    def usage(self, period: Period | None = None) -> KeyUsage:
        """Return what this key has spent (``GET /token/usage``).

        Args:
            period: ``today``, ``week`` or ``month``; None for all.

        Raises:
            ApertisError: there was no answer, or a refusal.
        """
        return loop.run(self._account.usage(period))
