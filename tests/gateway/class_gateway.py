"""Who may ask a class's gateway for what, and what each has spent.

LiteLLM's own keys and budgets need a database server; this needs two files.
``CLASS_MEMBERS`` names the one with the keys::

    {"sk-class-ada": {"name": "ada", "rpm": 20, "budget": 0.5, "models": ["tutor"]}}

Only ``name`` must be there: ``rpm`` is requests a minute, ``budget`` USD, and
``models`` those that may be asked. ``CLASS_LEDGER`` names an SQLite file, in which
every answer is a row. An answer under way is not in it yet, so a budget can be overrun
by what a member asks at once.
"""

import json
import os
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Request
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

MEMBERS: dict[str, dict[str, Any]] = json.loads(
    Path(os.environ["CLASS_MEMBERS"]).read_text(encoding="utf-8")
)


class Ledger(CustomLogger):  # type: ignore[misc]  # not installed here
    """What each member has spent; LiteLLM tells it of every answer."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = sqlite3.connect(os.environ["CLASS_LEDGER"], isolation_level=None)
        self._rows.execute(
            "CREATE TABLE IF NOT EXISTS answers (member TEXT, usd REAL, at TEXT)"
        )

    def spent(self, member: str) -> float:
        """Return what a member has spent, in USD."""
        found = self._rows.execute(
            "SELECT total(usd) FROM answers WHERE member = ?", (member,)
        )
        return float(found.fetchone()[0])

    async def async_log_success_event(
        self,
        kwargs: dict[str, Any],
        response_obj: object,  # noqa: ARG002  it is called by these names
        start_time: object,  # noqa: ARG002
        end_time: object,  # noqa: ARG002
    ) -> None:
        """Note what an answer cost."""
        told = kwargs["litellm_params"].get("metadata") or {}
        self._rows.execute(
            "INSERT INTO answers VALUES (?, ?, datetime('now'))",
            (told.get("user_api_key_user_id"), kwargs.get("response_cost") or 0.0),
        )


ledger = Ledger()


async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
    """Let a member of the class in, or say what is in the way.

    Args:
        request: what is asked.
        api_key: the key that came with it.

    Raises:
        ProxyException: the answer is 401, 402 or 404.
    """
    member = MEMBERS.get(api_key.removeprefix("Bearer "))
    if member is None:
        raise ProxyException("This key is not one of the class.", "auth_error", "", 401)
    if request.method == "POST":
        _check(member, (await request.json()).get("model"))
    return UserAPIKeyAuth(
        api_key=sha256(member["name"].encode()).hexdigest(),
        user_id=member["name"],
        rpm_limit=member.get("rpm"),
        models=member.get("models", []),  # what its list shows
    )


def _check(member: dict[str, Any], model: str | None) -> None:
    budget = member.get("budget")
    if budget is not None and ledger.spent(member["name"]) >= budget:
        words = f"Your budget of ${budget} is used up."
        raise ProxyException(words, "billing_error", None, 402)
    if model not in member.get("models", [model]):
        words = f"The model {model!r} is not for this key."
        raise ProxyException(words, "invalid_request_error", "model", 404)
