"""Sessions that hold a lock live as long as the machine that opened them, and not much longer."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from agent import database
from agent.database import Session, connect, server_lock, session, where
from agent.errors import BusyError
from sandbox.network import Network
from tests.agent.archive.wire import Wire
from tests.agent.conftest import World, wait_for

PATIENCE_S = 60


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_DEAD_S", 10)
    monkeypatch.setattr(database, "_PING_S", 0.3)


def silent(world: World) -> Session:
    """A session as of a machine that died: the server is told nothing of it."""
    account = world.azure.context.login()
    return Session(connect(account, time.monotonic()), where(account.database))


def test_the_server_gives_the_locks_of_a_machine_that_died_to_the_next_one(world: World) -> None:
    """Else a restore that is begun anew on another machine would be told for hours that one is running."""
    dead = silent(world)
    assert dead.value("SELECT GET_LOCK('a lock', 0)") == 1
    with session(world.azure.context.login()) as replacement:

        def has_it() -> bool:
            try:
                with server_lock(replacement, "a lock", 0, "it is held"):
                    return True
            except BusyError:
                return False

        assert not has_it()
        wait_for(has_it, PATIENCE_S)
    dead.close()


def test_a_session_that_says_nothing_while_others_work_keeps_its_lock(world: World) -> None:
    with session(world.azure.context.login()) as holder:
        holder.rows("DO GET_LOCK('a lock', 0)")
        other = silent(world)
        number = other.value("SELECT CONNECTION_ID()")
        server = world.azure.server
        wait_for(lambda: number not in {row[0] for row in server.execute("SHOW PROCESSLIST")}, PATIENCE_S)
        assert holder.value("SELECT IS_USED_LOCK('a lock') = CONNECTION_ID()") == 1


def test_a_lock_whose_session_was_killed_does_not_hide_what_went_wrong(world: World) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        session(world.azure.context.login()) as holder,
        server_lock(holder, "a lock", 0, "it is held"),
    ):
        world.azure.server.execute(f"KILL {holder.value('SELECT CONNECTION_ID()')}")
        raise ZeroDivisionError


def test_a_session_ends_although_a_ping_waits_for_a_server_that_fell_silent(
    world: World, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_CLOSE_PATIENCE_S", 0.1)
    server, account = world.azure.server, world.azure.context.login()
    wire = Wire(network.address("silent.test"), (server.address, server.port))
    through = replace(account, database=replace(account.database, host=network.address("silent.test")))
    opened, ended = threading.Event(), threading.Event()

    def work() -> None:
        with session(through, read_timeout_s=None) as one:
            wire.silence()
            wait_for(one._busy.locked, PATIENCE_S)
            opened.set()
        ended.set()

    threading.Thread(target=work, daemon=True).start()
    try:
        assert opened.wait(PATIENCE_S)
        assert ended.wait(PATIENCE_S)
    finally:
        wire.close()


def test_what_a_dead_machine_does_not_acknowledge_is_not_sent_for_a_quarter_of_an_hour(world: World) -> None:
    with session(world.azure.context.login()) as one:
        opened: Any = one._connection
        timeout_ms = opened._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert timeout_ms == database._DEAD_S * 1000
