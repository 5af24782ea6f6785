"""``check``: can this server be backed up whole, and restored on the other side? Each finding has its fix."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from agent.catalog import newest_first, survey
from agent.clients import find
from agent.config import Config
from agent.context import Context
from agent.database import OWN_SCHEMA, Session, placeholders, session
from agent.epoch import read_epoch
from agent.errors import AgentError
from agent.fence import obstacles
from agent.grants import Grants, missing_for_dump, missing_for_restore, own_account
from agent.log_settings import Finding, check_log
from agent.objects import (
    cascades_from_outside,
    cascades_logged,
    count_objects,
    existing_schemas,
    float_columns,
    json_columns,
    keyless_tables,
    ordered_tables,
    other_engines,
)
from agent.scratch import find_mysqld
from agent.target import TRUST_THEM, creators, trusts_no_creators

_TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, CREATE_OPTIONS FROM information_schema.TABLES"
    " WHERE TABLE_SCHEMA IN ({}) ORDER BY 1, 2"
)
_ROWS = (
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_ROWS FROM information_schema.TABLES"
    " WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN ({})"
)
_SHOWN = 5
# Measured with rows of 64 MiB, beside 72 MiB: a dump holds twice the longest statement, a restore 4.5 times.
_COPIES, _OWN_BYTES = 5, 100 * 2**20


def check(context: Context) -> list[Finding]:
    """Everything that stands in the way; an empty list means ready."""
    findings: list[Finding] = []
    for program in ("mysqldump", "mysql"):
        findings += _try(program, lambda name=program: find(name))
    if context.config.verify is not None and context.config.verify.mode != "off":
        findings += _try("mysqld", find_mysqld)
    unseen = _try("storage.backups", lambda: survey(context.backups))
    findings += unseen or _try("storage.restore_from", lambda: findings.extend(_memory(context)))
    findings += _try("storage.control", lambda: read_epoch(context.control))
    try:
        with session(context.login()) as database:
            findings += check_server(database, context.config)
    except AgentError as error:
        findings.append(Finding("error", "database", str(error), "see the sentence"))
    return findings


def _memory(context: Context) -> Iterator[Finding]:
    """A row is loaded whole, and only a backup tells how long the longest one is.

    Raises:
        StorageError: the backups cannot be listed or read.
    """
    for newest in newest_first(context.restore_from, survey(context.restore_from), 1):
        needs = _OWN_BYTES + _COPIES * newest.longest_statement
        has = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if needs > has:
            problem = (
                f"a restore of {newest.backup} may need {needs // 10**6} MB, because its longest row has "
                f"{newest.longest_statement // 10**6} MB as a statement; this machine has {has // 10**6} MB"
            )
            yield Finding("warning", "memory", problem, "run the agent on a machine with more memory")


def check_server(database: Session, config: Config) -> Iterator[Finding]:
    """What the server itself shows."""
    schemas = config.database.schemas
    present = {schema.lower() for schema in existing_schemas(database, schemas)}
    for schema in schemas:
        if schema.lower() not in present:
            yield Finding(
                "error", schema, "there is no such schema, or it is invisible", "check database.schemas"
            )
    account = own_account(database)
    for privilege in missing_for_dump(Grants.of(database), schemas):
        yield Finding(
            "error", "grants", "a dump would silently be incomplete", f"GRANT {privilege} TO {account}"
        )
    yield from _names_and_engines(database, schemas)
    yield from _partitioned_without_key(database, schemas)
    yield from _lossy_columns(database, schemas)
    yield from _changed_from_outside(database, schemas)
    yield from check_log(database, config)
    if config.database.application_users:
        for problem, fix in obstacles(database, config.database.application_users):
            yield Finding("error", "fence", problem, fix)
        yield from _way_home(database, schemas, str(account))
    if config.archive is None:
        problem = f"is not configured: up to {config.dump.interval_s:g} s of writes can be lost"
        yield Finding("warning", "archive", problem, 'add "archive": {} to the configuration')
    else:
        yield from _replayed_in_order(database, schemas, str(account))


def _way_home(database: Session, schemas: Sequence[str], account: str) -> Iterator[Finding]:
    """What a restore into this server would lack: found out after a disaster, it delays the failback."""
    for privilege in missing_for_restore(Grants.of(database), (*schemas, OWN_SCHEMA)):
        problem = "a restore into this server, as on the way home, would be refused"
        yield Finding("warning", "grants", problem, f"GRANT {privilege} TO {account}")
    kinds = creators(count_objects(database, schemas))
    if kinds and trusts_no_creators(database):
        problem = f"a restore into this server could not make the {kinds} (error 1419)"
        yield Finding("warning", "log_bin_trust_function_creators", problem, TRUST_THEM)


def _replayed_in_order(database: Session, schemas: Sequence[str], account: str) -> Iterator[Finding]:
    """Tables whose log cannot be compacted: right, but slow to replay."""
    keyless = set(keyless_tables(database, schemas))
    ordered = ordered_tables(database, schemas, logged=cascades_logged(database))
    sizes = {
        (str(schema), str(table)): int(rows or 0)
        for schema, table, rows in database.rows(_ROWS.format(placeholders(schemas)), schemas)
    }
    for schema, table in ordered:
        rows = sizes.get((schema, table), 0)
        if (schema, table) in keyless:
            problem = f"no primary key: each change is replayed alone, sought among about {rows} rows"
            yield Finding("warning", f"{schema}.{table}", problem, "add a primary key to shorten a restore")
    cascading = [f"{schema}.{table}" for schema, table in ordered if (schema, table) not in keyless]
    if cascading:
        shown = ", ".join(cascading[:_SHOWN]) + (" and more" if len(cascading) > _SHOWN else "")
        problem = (
            "foreign keys with CASCADE or SET NULL, whose effects this server does not log: each change of "
            f"these {len(cascading)} tables is replayed alone, in the order of the commits"
        )
        yield Finding("warning", shown, problem, "none needed; RESTRICT instead shortens a restore")
    grants = Grants.of(database)
    for schema in sorted({schema for schema, _ in ordered}):
        if not grants.has("LOCK TABLES", schema):
            problem = (
                "no LOCK TABLES: a dump during which one of the tables above is written is of no use to the "
                "archived log, and a restore takes an older one"
            )
            yield Finding("warning", "grants", problem, f"GRANT LOCK TABLES ON `{schema}`.* TO {account}")


def _names_and_engines(database: Session, schemas: Sequence[str]) -> Iterator[Finding]:
    for name, engine in other_engines(database, schemas):
        problem = f"engine {engine}: not in the dump's snapshot, and Azure refuses it"
        yield Finding("error", name, problem, f"ALTER TABLE {name} ENGINE=InnoDB")
    tables = database.rows(_TABLES.format(placeholders(schemas)), schemas)
    folded = Counter((str(schema).lower(), str(table).lower()) for schema, table, _ in tables)
    for schema, table, _ in tables:
        name = f"{schema}.{table}"
        if folded[str(schema).lower(), str(table).lower()] > 1:
            problem = "another table differs only in capitals; Azure keeps one of them"
            yield Finding("error", name, problem, "rename one of them")


def _partitioned_without_key(database: Session, schemas: Sequence[str]) -> Iterator[Finding]:
    keyless = set(keyless_tables(database, schemas))
    for schema, table, options in database.rows(_TABLES.format(placeholders(schemas)), schemas):
        if (schema, table) in keyless and "partitioned" in str(options):
            yield Finding(
                "error",
                f"{schema}.{table}",
                "partitioned without a primary key: Azure's generated keys refuse it (error 1235)",
                "add a primary key, or set sql_generate_invisible_primary_key to OFF on the standby",
            )


def _changed_from_outside(database: Session, schemas: Sequence[str]) -> Iterator[Finding]:
    if cascades_logged(database):
        return
    for table, key, parent in cascades_from_outside(database, schemas):
        schema = parent.partition(".")[0]
        problem = (
            f"its foreign key {key} refers to {parent}, which is not backed up, with CASCADE or SET NULL: "
            "what that changes here is in no log, so a dump is skipped as unchanged and a replay lacks it"
        )
        fix = f"add {schema} to database.schemas, or make the key RESTRICT"
        yield Finding("error", table, problem, fix)


def _lossy_columns(database: Session, schemas: Sequence[str]) -> Iterator[Finding]:
    for column in float_columns(database, schemas):
        yield Finding(
            "error",
            column,
            "FLOAT: mysqldump writes six digits of it and reports success (16777216 becomes 16777200)",
            "make the column DOUBLE, with the same NULL and DEFAULT",
        )
    documents = json_columns(database, schemas)
    if documents:
        shown = ", ".join(documents[:_SHOWN]) + (" and more" if len(documents) > _SHOWN else "")
        problem = (
            "a DECIMAL, time or binary value stored inside JSON comes back as a double or string; where a "
            "DECIMAL also reads otherwise then (1.50), a restore compares JSON by its values and takes longer"
        )
        yield Finding("warning", shown, problem, "none needed if the application writes JSON as text")


def _try(subject: str, action: Callable[[], object]) -> list[Finding]:
    try:
        action()
    except AgentError as error:
        return [Finding("error", subject, str(error), "see the sentence")]
    return []
