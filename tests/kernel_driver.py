"""A real ipykernel, driven from outside as a front end does it."""

import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

PATIENCE = 120.0
_TRIES = 20
"""For a cell that is sent just after another was interrupted: ipykernel 6.17 refuses it
for a moment, since it may have been sent before its sender knew."""


@dataclass
class Outcome:
    """What one execution of a cell gave.

    Attributes:
        reply: the content of the execute reply.
        messages: what came on IOPub, in order, without the states.
    """

    reply: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The outputs as a notebook file would hold them, updates applied."""
        displays: dict[str, dict[str, Any]] = {}
        for number, message in enumerate(self.messages):
            content = message["content"]
            name = content.get("transient", {}).get("display_id", str(number))
            if message["msg_type"] == "update_display_data":
                if name in displays:  # else of another cell
                    displays[name] |= content
            else:
                displays[name] = {"type": message["msg_type"], **content}
        return list(displays.values())

    @property
    def printed(self) -> str:
        """What went to standard output and standard error."""
        return "".join(o["text"] for o in self.outputs if o["type"] == "stream")

    @property
    def answer(self) -> dict[str, Any]:
        """The one display that holds an answer."""
        [found] = [o for o in self.outputs if "apertis_magic" in o.get("metadata", {})]
        return found


class Kernel:
    """One running kernel."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self._client = client
        self._of_widgets: deque[dict[str, Any]] = deque()

    @property
    def pid(self) -> int:
        """The kernel's process id."""
        assert isinstance(self.manager.provisioner, LocalProvisioner)
        assert self.manager.provisioner.pid is not None

        return self.manager.provisioner.pid

    def run(
        self, source: str, cell: str | None = None, *, client: str | None = None
    ) -> Outcome:
        """Run a cell to its end.

        Args:
            source: its text.
            cell: the front end's id of it.
            client: names the front end's connection, another one than this driver's.
        """
        outcome = Outcome()
        for _ in range(_TRIES):
            outcome = self.finish(self.start(source, cell, client=client))
            if outcome.reply["status"] != "aborted":
                break
        return outcome

    def start(
        self,
        source: str,
        cell: str | None = None,
        *,
        allow_stdin: bool = False,
        client: str | None = None,
        msg_id: str | None = None,
        **metadata: Any,
    ) -> str:
        """Start a cell, which may ask for input or not; return the request's id.

        What else the front end says of it is in *metadata*, and *msg_id* is the id, if
        it is not numbered as those of Jupyter's Python client are.
        """
        session = self._client.session
        request = session.msg(
            "execute_request",
            {
                "code": source,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": allow_stdin,
                "stop_on_error": True,
            },
            metadata={**({"cellId": cell} if cell else {}), **metadata},
        )
        request["header"]["session"] = client or session.session
        request["header"]["msg_id"] = msg_id or request["header"]["msg_id"]
        self._client.shell_channel.send(request)
        return str(request["header"]["msg_id"])

    def question(self) -> dict[str, Any]:
        """Wait until the cell asks for a line, and return what it asks."""
        content: dict[str, Any]
        content = self._client.get_stdin_msg(timeout=PATIENCE)["content"]
        return content

    def enter(self, text: str) -> None:
        """Enter the line that the cell asks for."""
        self._client.input(text)

    def messages(self, request: str) -> Iterator[dict[str, Any]]:
        """Give what a cell sends on IOPub, as it comes, until the kernel is idle."""
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"].startswith("comm_"):
                self._of_widgets.append(message)
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status":
                if message["content"]["execution_state"] == "idle":
                    return
            elif message["msg_type"] != "execute_input":
                yield message

    def finish(self, request: str) -> Outcome:
        """Wait for a cell's end and return all that it gave from now on."""
        messages = list(self.messages(request))
        while True:
            reply = self._client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == request:
                return Outcome(reply["content"], messages)

    def complete(self, code: str, cursor: int) -> dict[str, Any]:
        """Return what the kernel offers at *cursor* in the cell *code*."""
        request = self._client.complete(code, cursor)
        while True:
            reply = self._client.get_shell_msg(timeout=PATIENCE)
            if reply["parent_header"].get("msg_id") == request:
                content: dict[str, Any] = reply["content"]
                return content

    def tell(self, comm: str, content: Any, *buffers: bytes) -> str:
        """Send a widget a message, as its page does; return the request's id."""
        return self.send(comm, {"method": "custom", "content": content}, *buffers)

    def send(self, comm: str, data: Any, *buffers: bytes) -> str:
        """Send a widget anything that a page can; return the request's id."""
        content = {"comm_id": comm, "data": data}
        message = self._client.session.msg("comm_msg", content)
        message["buffers"] = list(buffers)
        self._client.session.send(
            self._client.shell_channel.socket, message, buffers=list(buffers)
        )
        return str(message["header"]["msg_id"])

    def told(self, comm: str) -> Iterator[tuple[dict[str, Any], list[bytes]]]:
        """Give what a widget sends its page, and the files with it, as it comes."""
        while True:
            message = (
                self._of_widgets.popleft()
                if self._of_widgets
                else self._client.get_iopub_msg(timeout=PATIENCE)
            )
            content = message["content"]
            if message["msg_type"] == "comm_msg" and content["comm_id"] == comm:
                data = content["data"]
                if data.get("method") == "custom":
                    buffers = [bytes(each) for each in message["buffers"]]
                    yield data["content"], buffers

    def restart(self) -> None:
        """Restart the kernel, and wait until it is ready: what comes before is lost."""
        self.manager.restart_kernel(now=False)
        self._client.wait_for_ready(timeout=PATIENCE)

    def interrupt(self) -> None:
        """Interrupt the cell that runs."""
        self.manager.interrupt_kernel()


def _packed(content: Any) -> bytes:
    """Return what a browser sends: of half a character, its escape."""
    return json.dumps(content, default=datetime.isoformat).encode()


@contextmanager
def running_kernel(name: str = "python3") -> Iterator[Kernel]:
    """Start a kernel, in this environment unless *name* says another."""
    manager = KernelManager(kernel_name=name)
    manager.start_kernel(
        env=dict(os.environ), extra_arguments=["--IPKernelApp.log_level=ERROR"]
    )
    client = manager.client()
    client.session.pack = _packed
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
