"""Is a loaded copy the backup? It is dumped again, the same way, and compared.

Tables with JSON that differ get a second look: see ``agent.json_values``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from agent.clients import Client
from agent.database import Login
from agent.dumpscan import Contents, DumpScanner, TableRows
from agent.errors import VerificationError
from agent.json_values import JsonScanner
from agent.manifest import Manifest
from agent.mysqldump import Limits, stream_dump
from agent.storage import BlobStore
from agent.streams import gunzip

_SHOWN = 10


def verify(client: Client, account: Login, manifest: Manifest, limits: Limits, store: BlobStore) -> list[str]:
    """Dump the copy and compare every table's rows and the count of every object; returns warnings.

    Args:
        store: where the backup is.

    Raises:
        VerificationError: they differ.
        DumpError: the copy cannot be dumped.
        RestoreError, StorageError: the backup's own text was needed and cannot be had.
    """
    return _verify(client, account, manifest, limits, lambda: _by_value(manifest, store))


@dataclass(frozen=True)
class Sight:
    """What a copy holds, as manifests of the backup that it began with.

    Attributes:
        text: hashes of the rows as mysqldump writes them.
        by_value: the same, of JSON by its values.
    """

    text: Manifest
    by_value: Manifest


def look(client: Client, account: Login, manifest: Manifest, limits: Limits) -> Sight:
    """What a copy that began with ``manifest`` holds now.

    Raises:
        DumpError: the copy cannot be dumped.
    """
    text = _dumped(client, account, manifest, limits, DumpScanner(counts_rows=False))
    by_value = _dumped(client, account, manifest, limits, JsonScanner()) if text.json_tables else text
    return Sight(_as_manifest(manifest, text), _as_manifest(manifest, by_value))


def verify_same(client: Client, account: Login, wanted: Sight, limits: Limits) -> list[str]:
    """Dump the copy and compare it with another one; returns warnings.

    Raises:
        VerificationError: they differ.
        DumpError: the copy cannot be dumped.
    """
    return _verify(client, account, wanted.text, limits, lambda: wanted.by_value)


def _as_manifest(manifest: Manifest, copy: Contents) -> Manifest:
    return replace(manifest, tables=copy.tables, events=copy.events, objects=copy.objects)


def _verify(
    client: Client, account: Login, manifest: Manifest, limits: Limits, by_value: Callable[[], Manifest]
) -> list[str]:
    copy = _dumped(client, account, manifest, limits, DumpScanner(counts_rows=False))
    differences, warnings = compare(manifest, copy)
    doubtful = _doubtful(manifest, copy)
    if doubtful:
        copy = _dumped(client, account, manifest, limits, JsonScanner())
        differences, warnings = compare(by_value(), copy)
        warnings.append(
            f"{', '.join(sorted(doubtful))}: numbers inside JSON were compared by their values; DECIMALs "
            "there are DOUBLEs on the copy"
        )
    if differences:
        shown = "; ".join(differences[:_SHOWN])
        more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise VerificationError(f"the loaded copy differs from {manifest.backup}: {shown}{more}")
    return warnings


def _dumped(
    client: Client, account: Login, manifest: Manifest, limits: Limits, scanner: DumpScanner
) -> Contents:
    with closing(stream_dump(client, account, manifest.schemas, limits)) as stream:
        for data in stream:
            scanner.feed(data)
    return scanner.finish()


def _doubtful(manifest: Manifest, copy: Contents) -> set[str]:
    """The tables that differ, if all of them have JSON."""
    wanted, found = _flat(manifest.tables), _flat(copy.tables)
    with_json = {f"{schema}.{table}".lower() for schema, table in copy.json_tables}
    differ = {table for table in wanted if table in found and not wanted[table].same_rows(found[table])}
    return differ if differ <= with_json else set()


def _by_value(manifest: Manifest, store: BlobStore) -> Manifest:
    """The manifest, with hashes by value where there is JSON; tables that were not sampled stay."""
    scanner = JsonScanner()
    for data in gunzip(store.chunks(manifest.backup), sha256=manifest.stored_sha256):
        scanner.feed(data)
    backup = scanner.finish()

    def rows(schema: str, table: str, held: TableRows) -> TableRows:
        return backup.tables[schema][table] if held.bytes and (schema, table) in backup.json_tables else held

    tables = {
        schema: {table: rows(schema, table, held) for table, held in inner.items()}
        for schema, inner in manifest.tables.items()
    }
    return replace(manifest, tables=tables)


def compare(manifest: Manifest, copy: Contents) -> tuple[list[str], list[str]]:
    """(differences, warnings). Names are compared without capitals, which one of the servers may fold."""
    differences: list[str] = []
    wanted, found = _flat(manifest.tables), _flat(copy.tables)
    for table in sorted({*wanted, *found}):
        if table not in found:
            differences.append(f"table {table} is missing")
        elif table not in wanted:
            differences.append(f"table {table} is not in the backup")
        elif not wanted[table].same_rows(found[table]):
            differences.append(
                f"the rows of {table} differ ({wanted[table].bytes} and {found[table].bytes} bytes)"
            )
    for kind in sorted({*manifest.objects, *copy.objects} - {"events"}):
        expected, counted = manifest.objects.get(kind, 0), copy.objects.get(kind, 0)
        if expected != counted:
            differences.append(f"{counted} {kind} instead of {expected}")
    return _compare_events(manifest, copy, differences)


def _compare_events(
    manifest: Manifest, copy: Contents, differences: list[str]
) -> tuple[list[str], list[str]]:
    """An event whose time is past is dropped by the server the moment it is created: no loss, but said."""
    warnings: list[str] = []
    present = {(schema.lower(), event) for schema, events in copy.events.items() for event in events}
    for schema, events in manifest.events.items():
        for event, state in events.items():
            if (schema.lower(), event) in present:
                continue
            if state.expires:
                warnings.append(f"event {schema}.{event} is not on the copy: its time is past")
            else:
                differences.append(f"event {schema}.{event} is missing")
    return differences, warnings


def _flat(tables: Mapping[str, Mapping[str, TableRows]]) -> dict[str, TableRows]:
    return {
        f"{schema}.{name}".lower(): rows for schema, inner in tables.items() for name, rows in inner.items()
    }


def enabled_events(manifest: Manifest) -> Sequence[tuple[str, str]]:
    """(schema, event) of all events that ran on the source."""
    return [
        (schema, event)
        for schema, events in manifest.events.items()
        for event in events
        if events[event].enabled
    ]
