"""What makes a MySQL server an RDS or an Azure one: its options and its administrator's rights.

What is not listed is MySQL's own default. The rules' sources:

- RDS administrator: RDS User Guide, "Master user account privileges" (8.0.36 and higher) and "Role-based
  privilege model for RDS for MySQL" (only the service writes to schema ``mysql``).
- Azure administrator: Microsoft Learn, "Create users" (static privileges) and "Limitations" (the dynamic
  privileges that the service supports; no SUPER, no BACKUP_ADMIN; schema ``mysql`` is read-only).
- Azure parameters: the same "Limitations" page (lower_case_table_names, generated invisible primary keys).
"""

from __future__ import annotations

from typing import Literal

Flavor = Literal["rds", "azure", "plain"]
Version = tuple[int, int, int]
Statement = tuple[str, tuple[str, ...]]

LOWER_CASE_TABLE_NAMES: dict[Flavor, int] = {"rds": 0, "azure": 1, "plain": 0}

# Two or three servers run at once beside everything else, so each is small.
_ALL = (
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=64M",
    "--innodb-redo-log-capacity=64M",
    "--innodb-log-buffer-size=8M",
    "--table-open-cache=400",
    "--max-connections=100",
    "--max-allowed-packet=1G",
    "--mysqlx=OFF",
    "--secure-file-priv=NULL",
    "--skip-name-resolve",
    "--default-time-zone=+00:00",
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
    "--binlog-row-image=FULL",
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
)
_OF_FLAVOR: dict[Flavor, tuple[str, ...]] = {
    "rds": (
        "--server-id=101",
        "--log-bin=mysql-bin-changelog",
        "--max-binlog-size=128M",
        "--binlog-row-metadata=FULL",
        "--partial-revokes=ON",
    ),
    "azure": (
        "--server-id=201",
        "--log-bin=mysql-bin",
        "--sql-generate-invisible-primary-key=ON",
        "--require-secure-transport=ON",
        "--log-bin-trust-function-creators=ON",
        "--partial-revokes=ON",
    ),
    "plain": ("--server-id=1", "--log-bin=binlog", "--binlog-row-metadata=FULL"),
}

_STATIC = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, "
    "SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, "
    "REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)
_WRITES = (
    "INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, "
    "CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER"
)


def options_of(flavor: Flavor, version: Version) -> tuple[str, ...]:
    """mysqld options of a flavor, for a server of that version."""
    options = (*_ALL, f"--lower-case-table-names={LOWER_CASE_TABLE_NAMES[flavor]}", *_OF_FLAVOR[flavor])
    if version >= (9, 6, 0):
        # 8.0 and 8.4, which the services run, cascade inside InnoDB: the log has the parent's row only.
        options += ("--innodb-native-foreign-keys=ON",)
    return options


def admin_statements(flavor: Flavor, version: Version, user: str, password: str) -> list[Statement]:
    """SQL, with its arguments, that makes the administrator; run again, it sets a new password."""
    account = (user, "%")
    statements: list[Statement] = [
        ("SET SESSION sql_log_bin = 0", ()),  # the service's own accounts are not in the customer's log
        ("CREATE USER IF NOT EXISTS %s@%s", account),
        ("ALTER USER %s@%s IDENTIFIED BY %s", (*account, password)),
    ]
    if flavor == "plain":
        return [*statements, ("GRANT ALL PRIVILEGES ON *.* TO %s@%s WITH GRANT OPTION", account)]
    statements.append((f"GRANT {_STATIC} ON *.* TO %s@%s WITH GRANT OPTION", account))
    dynamic = _dynamic(flavor, version)
    if flavor == "rds":
        statements += [
            ("GRANT CREATE ROLE, DROP ROLE ON *.* TO %s@%s WITH GRANT OPTION", account),
            ("CREATE ROLE IF NOT EXISTS rds_superuser_role", ()),
            (f"GRANT {dynamic} ON *.* TO rds_superuser_role WITH GRANT OPTION", ()),
            ("GRANT rds_superuser_role TO %s@%s WITH ADMIN OPTION", account),
        ]
    statements.append((f"GRANT {dynamic} ON *.* TO %s@%s WITH GRANT OPTION", account))
    statements += [(f"REVOKE {_WRITES} ON {schema}.* FROM %s@%s", account) for schema in ("mysql", "sys")]
    return statements


def _dynamic(flavor: Flavor, version: Version) -> str:
    if flavor == "azure":
        return "REPLICATION_APPLIER, ROLE_ADMIN, SESSION_VARIABLES_ADMIN, SHOW_ROUTINE, XA_RECOVER_ADMIN"
    # MySQL 8.2 split SET_USER_ID in two and 8.4 removed it.
    definer = "SET_USER_ID" if version < (8, 2, 0) else "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER"
    return f"APPLICATION_PASSWORD_ADMIN, ROLE_ADMIN, XA_RECOVER_ADMIN, {definer}"


def service_statements(flavor: Flavor) -> list[Statement]:
    """SQL, with its arguments, that makes what the service keeps in schema ``mysql``; may run again."""
    if flavor == "plain":
        return []
    # RDS User Guide, "Ending a session or query"; Microsoft Learn, "Server concepts" (mysql.az_kill).
    kill = {"rds": "rds_kill", "azure": "az_kill"}[flavor]
    statements: list[Statement] = [
        ("SET SESSION sql_log_bin = 0", ()),
        (f"CREATE PROCEDURE IF NOT EXISTS mysql.{kill}(IN thread BIGINT) KILL CONNECTION thread", ()),
    ]
    if flavor == "rds":
        table = "mysql.rds_heartbeat2 (id INT NOT NULL PRIMARY KEY, value BIGINT)"
        statements.append((f"CREATE TABLE IF NOT EXISTS {table} ENGINE = InnoDB", ()))
    return statements
