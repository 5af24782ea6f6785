"""What a verification says when something other than the backup is wrong, and what it compares with."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import pymysql
import pytest

from agent import verification
from agent.archive.run import Log, Run
from agent.context import Context
from agent.database import Session
from agent.epoch import Epoch
from agent.errors import AgentError, DatabaseError, DumpError, LogError, RestoreError, VerificationError
from agent.gtid import GtidSet
from agent.manifest import Manifest
from agent.sessions import Loader
from agent.signals import verified
from agent.storage import BlobMissingError
from agent.tail import Tail
from agent.verification import verify_chain
from tests.agent.archive.test_histories import Memory
from tests.agent.samples import UUID, manifest
from tests.agent.unit.test_histories import piece

U = f"{UUID}1"


class World:
    """A vault and a scratch server that does what the test says; ``loaded``: the bases, in turn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.vault, self.signals = Memory(), Memory()
        self.loaded: list[str] = []
        self.server_lives = True
        self.when_loaded: Callable[[], object] = lambda: None
        config = SimpleNamespace(state_dir=Path(), site="aws", verify=None)
        self.context = cast(
            "Context",
            SimpleNamespace(
                config=config, backups=self.vault.store, signals=self.signals.store, control=None
            ),
        )
        replaced: dict[str, Any] = {
            "read_epoch": lambda _: Epoch(1, "aws", "", ""),
            "require_room": lambda *_: None,
            "scratch_server": self._server,
            "session": self._session,
            "_Scratch": self._scratch,
        }
        for name, function in replaced.items():
            monkeypatch.setattr(verification, name, function)

    def keep(self, name: str, sequence: int, end: int, **others: Any) -> Manifest:
        """A backup of the transactions up to ``end``."""
        gtids = f"{U}:1-{end}"
        values = {"gtid_before": gtids, "gtid_after": gtids, **others}
        made = manifest(f"backup_{name}.sql.gz", sequence=sequence, **values)
        self.vault.blobs[made.backup] = b"data", {}
        self.vault.blobs[made.name] = made.to_json(), made.metadata()
        return made

    @contextmanager
    def _server(self, *_: Any, **__: Any) -> Generator[None]:
        yield None

    @contextmanager
    def _session(self, _: Any) -> Generator[None]:
        if not self.server_lives:
            raise DatabaseError("Connection refused")
        yield None

    def _scratch(self, context: Context, *_: Any) -> Any:
        def load(base: Manifest, _: Any) -> None:
            self.loaded.append(base.backup)
            self.when_loaded()

        return SimpleNamespace(
            context=context,
            load=load,
            compare=lambda _: [],
            look=lambda _: None,
            compare_with=lambda _: [],
            replay=lambda *_: None,
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def said(number: int, text: str) -> pymysql.Error:
    return pymysql.OperationalError(number, text)


def in_the_load(error: Exception) -> RestoreError:
    """As a load gets it from a server that answers ``error``."""
    connection = MagicMock()
    connection.query.side_effect = error
    with pytest.raises(RestoreError) as refused:
        Loader(Session(connection, "MySQL scratch")).run("clinic", b"CREATE TABLE `owners` (x INT)")
    return refused.value


def in_the_replay(error: Exception) -> LogError:
    """As a replay tells it."""
    connection = MagicMock()
    connection.query.side_effect = error
    try:
        try:
            try:
                Session(connection, "MySQL scratch").run(b"INSERT")
            except DatabaseError as refused:
                raise LogError(f"owners: {refused}") from refused
        except LogError as stopped:
            raise LogError(f"the replay stopped: {stopped}") from stopped
    except LogError as told:
        return told
    raise AssertionError("the server did not answer the error")


def by_the_client(status: int, what: str) -> RestoreError:
    return RestoreError(f"mysql ended with status {status} during the load: {what}")


FULL = said(1114, "The table 'owners' is full")
CONTENT = said(1064, "You have an error in your SQL syntax")
OF_THE_MACHINE = {
    "the server died in the load": (in_the_load(said(2013, "Lost connection")), False),
    "the server died in the replay": (in_the_replay(said(2013, "Lost connection")), False),
    "the server died while the log was read": (LogError("the archived log ends"), False),
    "a session broke in the load": (in_the_load(ConnectionResetError(104, "reset by peer")), True),
    "no room in the load": (in_the_load(FULL), True),
    "no room in the replay": (in_the_replay(FULL), True),
    "disk full": (in_the_load(said(1021, "Disk full (/tmp/x); waiting")), True),
    "a file could not be written": (in_the_load(said(3, "Error writing file (OS errno 28)")), True),
    "no room, by the file system's number": (in_the_load(said(1005, "Can't create table (errno: 28)")), True),
    "no room in the client": (by_the_client(1, "ERROR 1114 (HY000) at line 9: The table is full"), True),
    "the client was killed": (by_the_client(-9, "it said nothing"), True),
    "mysqldump was killed": (DumpError("mysqldump ended with status -9: it said nothing"), True),
    "mysqldump stalled": (DumpError("mysqldump wrote nothing for 120 s and was killed"), True),
}
OF_THE_BACKUP = {
    "rows differ": VerificationError("the loaded copy differs"),
    "not what the manifest says": RestoreError("the backup's data is not what its manifest says (SHA-256)"),
    "refused SQL": in_the_load(CONTENT),
    "refused SQL in the client": by_the_client(1, "ERROR 1064 (42000) at line 9: You have an error"),
    "refused SQL of the log": in_the_replay(CONTENT),
    "a hole in the log": LogError("the archived log of epoch 1 has a hole"),
    "a blob is gone": BlobMissingError("BlobNotFound"),
}


def failing(monkeypatch: pytest.MonkeyPatch, world: World, error: AgentError, *, base_ok: bool) -> None:
    def prove(_: Any, __: Any, ___: Any, proof: Any) -> None:
        proof.base_ok = base_ok
        raise error

    monkeypatch.setattr(verification, "_prove", prove)
    world.keep("1", 1, 10)


@pytest.mark.parametrize("name", OF_THE_MACHINE)
def test_trouble_of_this_machine_condemns_no_backup(
    monkeypatch: pytest.MonkeyPatch, world: World, name: str
) -> None:
    error, world.server_lives = OF_THE_MACHINE[name]
    failing(monkeypatch, world, error, base_ok=False)
    with pytest.raises(AgentError, match=r"says nothing of it|the scratch server died"):
        verify_chain(world.context, "full")
    assert verified(world.signals.store, 1) == []


@pytest.mark.parametrize("base_ok", [False, True])
@pytest.mark.parametrize("name", OF_THE_BACKUP)
def test_what_comes_from_the_stored_data_is_a_verdict(
    monkeypatch: pytest.MonkeyPatch, world: World, name: str, *, base_ok: bool
) -> None:
    failing(monkeypatch, world, OF_THE_BACKUP[name], base_ok=base_ok)
    assert not verify_chain(world.context, "full")["ok"]
    (kept,) = verified(world.signals.store, 1)
    assert (kept.ok, kept.base_ok, kept.error) == (False, base_ok, str(OF_THE_BACKUP[name]))


def test_two_servers_that_differ_are_a_verdict_even_when_the_server_is_gone_by_then(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    failing(monkeypatch, world, VerificationError("the loaded copy differs"), base_ok=False)
    world.server_lives = False
    assert not verify_chain(world.context, "full")["ok"]


def with_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """One log of transactions 1 to 100, all of them readable."""

    def tail(_: object, run: Run, __: Manifest, to: GtidSet | None) -> Tail:
        gtids = run.gtids if to is None else to
        return Tail(gtids, gtids.count(), 1, 1, "", "", {})

    log = Log(1, (piece(U, 1, "", f"{U}:1-100"),))
    monkeypatch.setattr(verification, "survey_log", lambda *_: log)
    monkeypatch.setattr(verification, "read_tail", tail)


@pytest.mark.parametrize("ended_meanwhile", range(7))
@pytest.mark.parametrize("after", [20, 22], ids=["quiet", "under writes"])
def test_the_log_is_proved_from_an_older_base_however_many_dumps_end_meanwhile(
    monkeypatch: pytest.MonkeyPatch, world: World, ended_meanwhile: int, after: int
) -> None:
    """Else it would be the base itself that is compared with itself, or a newer one."""
    with_a_log(monkeypatch)
    world.keep("before_the_older", 1, 5)
    older = world.keep("older", 2, 10)
    base = world.keep("chosen", 3, 20, gtid_after=f"{U}:1-{after}")
    world.when_loaded = lambda: [world.keep(f"m{n}", 4 + n, 21 + n) for n in range(ended_meanwhile)]
    result = verify_chain(world.context, "full")
    assert result["ok"] and result["backup"] == base.backup
    assert world.loaded == [base.backup, older.backup]
    assert result["next_backup"] == base.backup
    assert any(note.startswith(f"{older.backup} and the log behind it") for note in result["notes"])


def test_without_an_older_base_no_dump_that_ended_meanwhile_is_taken_for_one(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    with_a_log(monkeypatch)
    base = world.keep("chosen", 3, 20, gtid_after=f"{U}:1-22")
    world.when_loaded = lambda: [world.keep(f"m{n}", 4 + n, 21 + n) for n in range(5)]
    result = verify_chain(world.context, "full")
    assert world.loaded == [base.backup] and result["next_backup"] == ""
    assert "no older base with the log up to this one" in result["notes"]


def test_an_older_base_is_looked_for_among_four(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Those of other schemas lead nowhere; older ones still are not opened without end."""
    with_a_log(monkeypatch)
    world.keep("chosen", 9, 20)
    for sequence in (8, 7, 6):
        world.keep(f"s{sequence}", sequence, 10 + sequence, schemas=["other"])
    fourth = world.keep("fourth", 5, 10)
    assert verify_chain(world.context, "full")["next_backup"]
    assert world.loaded[-1] == fourth.backup
    world.loaded.clear()
    world.keep("fourth", 5, 10, schemas=["other"])
    world.keep("fifth", 4, 9)
    assert verify_chain(world.context, "full")["next_backup"] == ""
