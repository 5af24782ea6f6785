"""What the application gets: an account that can do its work and nothing else, and a file that names it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from agent.config import Application, Config
from agent.credentials import read_password
from agent.database import Session
from agent.errors import AgentError

# Spring PetClinic reads and writes rows. It creates nothing: the schema comes with the backup.
_READS = "SELECT"
_WRITES = "INSERT, UPDATE, DELETE, EXECUTE"
_PLAIN = re.compile(r"[0-9A-Za-z_./:?&=,;@%+~-]*")


def provide(database: Session, config: Config, application: Application) -> None:
    """Create the account, or give it the present password, and write the environment file.

    The account can only read: a gateway that opens a moment before this site became the writer, or an
    operator who tries the application before that, must not write into a copy. ``let_write`` does the rest.

    Raises:
        CredentialError: the password cannot be had.
        DatabaseError: the server refuses.
        AgentError: the file cannot be written.
    """
    password = read_password(application.password, config.identity, "application.password")
    _account(database, application.user, password, config.database.schemas)
    _write_private(application.environment_file, environment(config, application, password))


def _account(database: Session, user: str, password: str, schemas: Sequence[str]) -> None:
    database.rows("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", [user, password])
    database.rows("ALTER USER %s@'%%' IDENTIFIED BY %s", [user, password])
    _grant(database, _READS, user, schemas)


def let_write(database: Session, user: str, schemas: Sequence[str]) -> None:
    """Give the account what it needs beside a database that is the writer's; may be repeated. Where the
    account is still to be made, nothing happens: ``provide`` comes later.

    Raises:
        DatabaseError: the server refuses.
    """
    if database.value("SELECT 1 FROM mysql.user WHERE User = %s AND Host = '%%'", [user]):
        _grant(database, _WRITES, user, schemas)


def _grant(database: Session, privileges: str, user: str, schemas: Sequence[str]) -> None:
    # % and _ are wildcards in a grant's schema, but with partial_revokes they stand for themselves.
    literal = database.variable("partial_revokes") == "ON"
    for schema in schemas:
        name = schema if literal else re.sub(r"([_%\\])", r"\\\1", schema)
        scope = "`" + name.replace("`", "``").replace("%", "%%") + "`"
        database.rows(f"GRANT {privileges} ON {scope}.* TO %s@'%%'", [user])


def environment(config: Config, application: Application, password: str) -> str:
    """The application's settings as systemd's EnvironmentFile= reads them (systemd.exec(5)).

    SPRING_SQL_INIT_MODE must be ``never``: PetClinic's own default puts its demo rows back.
    """
    where = config.database
    mode = "VERIFY_IDENTITY" if where.tls == "verify" else "REQUIRED"
    values = {
        "MYSQL_URL": f"jdbc:mysql://{where.host}:{where.port}/{quote(where.schemas[0])}?sslMode={mode}",
        "MYSQL_USER": application.user,
        "MYSQL_PASS": password,
        "SPRING_PROFILES_ACTIVE": "mysql",
        "SPRING_SQL_INIT_MODE": "never",
    }
    return "".join(f"{key}={_quoted(value)}\n" for key, value in values.items())


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'


def _write_private(file: Path, text: str) -> None:
    """Write with mode 0600 from the first byte on, and appear complete or not at all."""
    temporary = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        temporary.replace(file)
    except OSError as error:
        raise AgentError(f"cannot write {file}: {error.strerror}; make its folder writable") from error
