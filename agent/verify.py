"""Is a loaded copy the backup? It is dumped again, the same way, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing

from agent.clients import Client
from agent.database import Login
from agent.dumpscan import Contents, DumpScanner, TableRows
from agent.errors import VerificationError
from agent.manifest import Manifest
from agent.mysqldump import Limits, stream_dump

_SHOWN = 10


def verify(client: Client, account: Login, manifest: Manifest, limits: Limits) -> list[str]:
    """Dump the copy and compare every table's rows and the count of every object; returns warnings.

    Raises:
        VerificationError: they differ.
        DumpError: the copy cannot be dumped.
    """
    scanner = DumpScanner(counts_rows=False)
    with closing(stream_dump(client, account, manifest.schemas, limits)) as stream:
        for data in stream:
            scanner.feed(data)
    differences, warnings = compare(manifest, scanner.finish())
    if differences:
        shown = "; ".join(differences[:_SHOWN])
        more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
        raise VerificationError(f"the loaded copy differs from {manifest.backup}: {shown}{more}")
    return warnings


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
