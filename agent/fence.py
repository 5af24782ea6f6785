"""One writer: a database whose site is not the writer is closed to the application.

DNS moves traffic; it does not stop an application that still holds connections, or one in a cloud that wakes
up. So the accounts of the application are locked and their sessions ended, by the agent beside the database,
as long as the epoch names another site. The lock carries its reason in the account's own attribute, set by
the same statement, so that an account which somebody else locked is never opened by us.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agent.config import Site
from agent.database import Session, placeholders, server_lock
from agent.epoch import Epoch, read_epoch
from agent.errors import DatabaseError, NotWriterError
from agent.grants import Grants, own_account
from agent.marker import Marker
from agent.storage import BlobStore

_log = logging.getLogger(__name__)

_REASON = "pilotlightEpoch"
# Neither service's administrator may KILL other accounts' sessions; each has a procedure for it:
# RDS User Guide, "Ending a session or query for RDS for MySQL" (mysql.rds_kill); Microsoft Learn,
# "Server concepts in Azure Database for MySQL" (mysql.az_kill).
_PROCEDURES = ("rds_kill", "az_kill")
_ACCOUNTS = (
    "SELECT u.User, u.Host, u.account_locked = 'Y',"
    " JSON_CONTAINS_PATH(COALESCE(a.ATTRIBUTE, '{{}}'), 'one', '$.{}')"
    " FROM mysql.user u LEFT JOIN information_schema.USER_ATTRIBUTES a ON (a.USER, a.HOST) = (u.User, u.Host)"
    " WHERE u.User IN ({}) ORDER BY 1, 2"
)
# Not information_schema.PROCESSLIST, which fails with 3854 while any session runs a statement with a 4-byte
# character in it (seen on MySQL 9.7.4).
_SESSIONS = "SHOW PROCESSLIST"
_PRESENT = (
    "SELECT ROUTINE_NAME FROM information_schema.ROUTINES"
    " WHERE ROUTINE_SCHEMA = 'mysql' AND ROUTINE_NAME IN ({})"
)
_LOCK, _LOCK_PATIENCE_S = "pilotlight-fence", 5
_GONE = 1094  # ER_NO_SUCH_THREAD: it ended before our statement came


@dataclass(frozen=True)
class Account:
    """An account of the application; ``ours``: the lock on it is the fence's."""

    user: str
    host: str
    locked: bool
    ours: bool


def must_close(site: Site, epoch: Epoch, marker: Marker | None) -> bool:
    """Whether the application has no business in this site's database.

    Beside RDS: whenever another site writes. Beside the standby: once it has served and another site writes
    again. A standby that never served holds nothing that could diverge, and operators try the application on
    it before they open.
    """
    if epoch.writer == site:
        return False
    return site == "aws" or (marker is not None and marker.served_epoch > 0)


def accounts(database: Session, users: Sequence[str]) -> list[Account]:
    """The accounts with these user names, whatever host they may come from.

    Raises:
        DatabaseError: schema mysql cannot be read.
    """
    if not users:
        return []
    found = database.rows(_ACCOUNTS.format(_REASON, placeholders(users)), users)
    return [Account(str(user), str(host), bool(locked), bool(ours)) for user, host, locked, ours in found]


def close(database: Session, users: Sequence[str], epoch: Epoch) -> int:
    """Lock the application out of a database that is not the writer's, or that drains; returns how many
    sessions were ended.

    Repeats harmlessly: what is locked stays so, and a session that slipped in before its account was locked
    is found by the next call.

    Raises:
        DatabaseError: an account cannot be locked, or a session cannot be ended; all others were.
    """
    failed: list[DatabaseError] = []
    drains = " and an order drains it" if epoch.order is not None and epoch.order.drains else ""
    for account in accounts(database, users):
        if not account.locked:
            try:
                database.rows(
                    "ALTER USER %s@%s ACCOUNT LOCK ATTRIBUTE %s",
                    [account.user, account.host, f'{{"{_REASON}": "{epoch.epoch}"}}'],
                )
            except DatabaseError as error:
                failed.append(error)
                continue
            _log.warning(
                "%s@%s is locked: epoch %d names %s as the writer%s",
                *(account.user, account.host, epoch.epoch, epoch.writer, drains),
            )
    ended = _end_sessions(database, users)
    for error in failed:
        raise error
    return ended


def release(database: Session, users: Sequence[str]) -> None:
    """Let the application back in: opens the accounts that the fence locked, and only those.

    Raises:
        DatabaseError: an account cannot be unlocked.
    """
    for account in accounts(database, users):
        if account.locked and account.ours:
            database.rows(
                "ALTER USER %s@%s ACCOUNT UNLOCK ATTRIBUTE %s",
                [account.user, account.host, f'{{"{_REASON}": null}}'],
            )
            _log.info("%s@%s is unlocked: this site is the writer", account.user, account.host)


@contextmanager
def alone(database: Session, control: BlobStore, epoch: Epoch) -> Generator[None]:
    """Open or close on the strength of ``epoch``, unless it changed since it was read.

    While a machine is replaced two agents of one site may live, and one of them may have slept on what it
    read. The lock ends with the session, so whoever lost it has lost the means to act as well; and whoever
    closes a database for good waits until nobody is about to open it.

    Raises:
        BusyError: another agent holds the lock.
        NotWriterError: the epoch or its order is another one now.
        StorageError: it cannot be read.
    """
    busy = "another agent of this site opens or closes the database; it is looked at again"
    with server_lock(database, _LOCK, _LOCK_PATIENCE_S, busy):
        if read_epoch(control).etag != epoch.etag:
            raise NotWriterError("the epoch or its order changed meanwhile; it is looked at again")
        yield


def sessions(database: Session, users: Sequence[str]) -> list[int]:
    """The ids of the application's open sessions, those that are ending included.

    Raises:
        DatabaseError: the server does not answer.
    """
    return [int(row[0]) for row in database.rows(_SESSIONS) if row[1] in users]


def obstacles(database: Session, users: Sequence[str]) -> list[tuple[str, str]]:
    """What would keep the fence from closing, as (problem, fix); found out while there is no disaster."""
    account = own_account(database)
    grants = Grants.of(database)
    found = [
        (
            f"no {privilege}: the application's accounts cannot be locked out",
            f"GRANT {privilege} ON *.* TO {account}",
        )
        for privilege in ("CREATE USER", "PROCESS")
        if not grants.has_globally(privilege)
    ]
    try:
        names = {held.user for held in accounts(database, users)}
    except DatabaseError:
        found.append(("mysql.user cannot be read", f"GRANT SELECT ON mysql.user TO {account}"))
    else:
        found += [
            (
                f"there is no account {user}; another one would not be locked",
                "check database.application_users",
            )
            for user in users
            if user not in names
        ]
    try:
        _killer(database)
    except DatabaseError as error:
        problem, _, fix = str(error).partition("; ")
        found.append((problem, fix))
    return found


def _end_sessions(database: Session, users: Sequence[str]) -> int:
    found = sessions(database, users)
    if not found:
        return 0
    end = _killer(database)
    failed: list[DatabaseError] = []
    for session in found:
        try:
            end(session)
        except DatabaseError as error:
            if f"{_GONE} " not in str(error):
                failed.append(error)
    for error in failed:
        raise error
    _log.warning("%d sessions of the application were ended", len(found))
    return len(found)


def _killer(database: Session) -> Callable[[int], object]:
    """What ends a session here: KILL where the account may, else the service's own procedure."""
    grants = Grants.of(database)
    if grants.has_globally("CONNECTION_ADMIN") or grants.has_globally("SUPER"):
        return lambda session: database.rows(f"KILL {session}")
    present = database.rows(_PRESENT.format(placeholders(_PROCEDURES)), _PROCEDURES)
    if not present:
        account = own_account(database)
        raise DatabaseError(
            f"{account} cannot end the application's sessions; GRANT CONNECTION_ADMIN ON *.* TO {account}, "
            "or on RDS and Azure EXECUTE on mysql.rds_kill or mysql.az_kill"
        )
    procedure = str(present[0][0])
    return lambda session: database.rows(f"CALL mysql.{procedure}(%s)", [session])
