"""How `./dr sandbox disaster` reaches the background process: JSON over a loopback connection.

The shared key is random per run and stands in ``sandbox.json`` (mode 0600): only the same user gives orders.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from typing import Any

from cli.problem import Problem, sentence

Order = Callable[[], str]


class ControlServer:
    """Carries out orders, one at a time, each answered with a line of text.

    Args:
        orders: what may be asked, by name.
    """

    def __init__(self, orders: Mapping[str, Order]) -> None:
        self._orders = orders
        self._key = secrets.token_hex(16)
        self._listener = Listener(("127.0.0.1", 0), authkey=self._key.encode())
        threading.Thread(target=self._serve, name="control", daemon=True).start()

    def address(self) -> dict[str, Any]:
        """What a caller needs; belongs into ``sandbox.json``."""
        host, port = self._listener.address
        return {"host": host, "port": port, "key": self._key}

    def close(self) -> None:
        """Take no more orders."""
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                caller = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue  # a stranger, or one that went away
            except OSError:
                return  # closed
            with caller:
                self._answer(caller)

    def _answer(self, caller: Connection[Any, Any]) -> None:
        try:
            order = self._orders.get(caller.recv_bytes().decode())
            reply = {"ok": False, "text": "no such order"}
            if order is not None:
                try:
                    reply = {"ok": True, "text": order()}
                except Exception as error:  # noqa: BLE001 - goes to the caller, whose command then fails
                    reply = {"ok": False, "text": sentence(error)}
            caller.send_bytes(json.dumps(reply).encode())
        except (EOFError, OSError):
            return  # the caller went away; the order was carried out all the same


def ask(address: Mapping[str, Any], order: str) -> str:
    """Give one order to a running sandbox and return its answer.

    Raises:
        Problem: it is gone, or the order failed.
    """
    try:
        with Client((address["host"], address["port"]), authkey=str(address["key"]).encode()) as connection:
            connection.send_bytes(order.encode())
            reply: dict[str, Any] = json.loads(connection.recv_bytes())
    except (OSError, EOFError, AuthenticationError) as error:
        raise Problem("the sandbox does not answer: './dr sandbox down', then './dr sandbox up'") from error
    if not reply["ok"]:
        raise Problem(f"the sandbox could not do that: {reply['text']}")
    return str(reply["text"])
