"""The fence: a database whose site is not the writer is closed to the application, and to nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pymysql
import pytest

from agent import fence
from agent.database import Session, session
from agent.epoch import Epoch
from agent.errors import DatabaseError
from agent.marker import Marker
from sandbox.mysql import MySqlServer
from tests.agent.conftest import World, clinic, wait_for

USERS = ("shop", "never_made")  # no other test makes the second one
EPOCH = Epoch(2, "azure", "", "cutover")


@pytest.fixture(params=("rds", "flexible"))
def server(request: pytest.FixtureRequest, world: World) -> Iterator[MySqlServer]:
    """Both services: neither administrator may KILL, each has another procedure for it."""
    server: MySqlServer = request.getfixturevalue(request.param)
    clinic(server)
    for host in ("%", "127.0.0.1"):
        server.execute("DROP USER IF EXISTS shop@%s", (host,))
    server.execute("CREATE USER shop@'%%' IDENTIFIED BY %s", ("shop's",))
    server.execute("GRANT SELECT, INSERT ON petclinic.* TO shop@'%%'")
    yield server
    server.execute("DROP USER IF EXISTS shop@'%%'")


@pytest.fixture
def admin(server: MySqlServer, world: World) -> Iterator[Session]:
    site = world.aws if server is world.aws.server else world.azure
    with session(site.context.login()) as opened:
        yield opened


def connect(server: MySqlServer) -> pymysql.Connection[pymysql.cursors.Cursor]:
    return pymysql.connect(
        host=server.address, port=server.port, user="shop", password="shop's", ssl={"ca": None}
    )


def works(connection: pymysql.Connection[pymysql.cursors.Cursor], statement: str = "SELECT 1") -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except pymysql.err.OperationalError:
        return False
    return True


def test_the_application_is_out_and_comes_back(server: MySqlServer, admin: Session) -> None:
    held = connect(server)
    assert works(held)
    assert fence.close(admin, USERS, EPOCH) == 1
    assert not works(held), "an open session must not outlive the fence"
    with pytest.raises(pymysql.err.OperationalError, match="locked"):
        connect(server)
    wait_for(lambda: fence.close(admin, USERS, EPOCH) == 0, 30)  # nothing is left to end
    assert admin.value("SELECT 1") == 1, "the agent itself stays"
    fence.release(admin, USERS)
    again = connect(server)
    assert works(again)
    again.close()


def test_an_account_that_cannot_be_locked_keeps_no_other_one_in(server: MySqlServer, admin: Session) -> None:
    server.execute("CREATE USER 'a_system'@'%%' IDENTIFIED BY 'a'")
    server.execute("GRANT SYSTEM_USER ON *.* TO 'a_system'@'%%'")
    held = connect(server)
    try:
        with pytest.raises(DatabaseError, match="ALTER USER"):
            fence.close(admin, ("a_system", *USERS), EPOCH)
        assert not works(held), "the session of the other one"
        with pytest.raises(pymysql.err.OperationalError, match="locked"):
            connect(server)
    finally:
        server.execute("DROP USER 'a_system'@'%%'")


def test_a_statement_with_a_character_of_four_bytes_does_not_keep_the_fence_open(
    server: MySqlServer, admin: Session
) -> None:
    """information_schema.PROCESSLIST fails while one runs (error 3854)."""
    held = connect(server)
    running = threading.Thread(target=lambda: works(held, "SELECT SLEEP(60), '\N{GRINNING FACE}'"))
    running.start()
    wait_for(lambda: "SLEEP" in str(admin.rows("SHOW FULL PROCESSLIST")), 30)
    assert fence.close(admin, USERS, EPOCH) == 1
    running.join(30)
    assert not running.is_alive()
    fence.release(admin, USERS)


def test_a_lock_of_somebody_else_stays(server: MySqlServer, admin: Session) -> None:
    server.execute("ALTER USER shop@'%%' ACCOUNT LOCK")
    fence.close(admin, USERS, EPOCH)
    fence.release(admin, USERS)
    assert [account.locked for account in fence.accounts(admin, USERS)] == [True]


def test_a_fence_that_stands_writes_nothing(server: MySqlServer, admin: Session) -> None:
    """The agent looks every few seconds; a transaction each time would be divergence of its own making."""
    fence.close(admin, USERS, EPOCH)
    before = admin.gtid_executed()
    fence.close(admin, USERS, EPOCH)
    assert admin.gtid_executed() == before
    fence.release(admin, USERS)
    after = admin.gtid_executed()
    fence.release(admin, USERS)
    assert admin.gtid_executed() == after


def test_who_may_not_end_sessions_is_told_the_grant(server: MySqlServer, world: World) -> None:
    server.execute("CREATE USER 'weak'@'%%' IDENTIFIED BY 'weak'")
    server.execute("GRANT CREATE USER, PROCESS ON *.* TO 'weak'@'%%'")
    server.execute("GRANT SELECT ON mysql.user TO 'weak'@'%%'")
    held = connect(server)
    site = world.aws if server is world.aws.server else world.azure
    site.document["database"] |= {"user": "weak", "password": {"file": str(site.secret("weak", "weak"))}}
    try:
        with session(site.context.login()) as weak:
            found = dict(fence.obstacles(weak, USERS))
            with pytest.raises(DatabaseError, match="GRANT CONNECTION_ADMIN"):
                fence.close(weak, USERS, EPOCH)
        assert "GRANT CONNECTION_ADMIN" in " ".join(found.values()), "told before a disaster, by check"
        assert any("no account never_made" in problem for problem in found)
        assert works(held), "it could not be ended"
        with pytest.raises(pymysql.err.OperationalError, match="locked"):
            connect(server)
    finally:
        held.close()
        server.execute("DROP USER 'weak'@'%%'")


def test_the_standby_is_closed_only_after_it_served() -> None:
    first, second, third = Epoch(1, "aws", "", ""), Epoch(2, "azure", "", ""), Epoch(3, "aws", "", "")
    fresh = Marker("verified", "backup", 1, "", 0, (), {})
    served = Marker("verified", "backup", 1, "", 2, (), {})
    assert not fence.must_close("aws", first, None)
    assert fence.must_close("aws", second, None)
    assert not fence.must_close("azure", first, fresh), "operators try the application before they open"
    assert not fence.must_close("azure", second, served)
    assert fence.must_close("azure", third, served)
