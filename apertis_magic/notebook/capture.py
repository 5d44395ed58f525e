"""Tells whether a display can be updated, or something captures what is shown.

An ``ipywidgets.Output`` keeps what is displayed while it is entered and hears of no
update, nor does IPython's ``%%capture``. What a button or a slider calls may display
things, but no cell waits for them.
"""

import sys
from collections.abc import Iterable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.api.value import mapping
from apertis_magic.notebook.front_end import request_of


def can_update(shell: InteractiveShell) -> bool:
    """Tell whether what *shell* displays now can be updated later."""
    header = mapping(request_of(shell).get("header"))
    is_of_cell = header.get("msg_type", "execute_request") == "execute_request"
    is_published = isinstance(shell.display_pub, shell.display_pub_class)
    return is_of_cell and is_published and not _is_in_output(header.get("msg_id"))


def _is_in_output(request: object) -> bool:
    """Tell whether an Output keeps what a request displays, which names it so long."""
    module = sys.modules.get("ipywidgets.widgets.widget_output")
    kind = getattr(module, "Output", None)
    if kind is None or not request:
        return False
    return any(
        isinstance(widget, kind) and widget.msg_id == request
        for widget in _alive(sys.modules["ipywidgets.widgets.widget"])
    )


def _alive(module: Any) -> Iterable[Any]:
    """Return the widgets that are not closed, in each version that we allow."""
    known = getattr(module, "_instances", None)
    return list((module.Widget.widgets if known is None else known).values())
