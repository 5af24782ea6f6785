"""What the agents say to the outside: a heartbeat a site, a report a restore, a result a verification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from agent.config import Site
from agent.errors import StorageError
from agent.fields import Fields
from agent.storage import BlobExistsError, BlobMissingError, BlobStore

_VERIFIED = "verified-"
# Results that are opened at most, newest first: of more than three weeks at one every six hours.
_OPENED = 100
_MODES = ("full", "sampled")


@dataclass(frozen=True)
class Verification:
    """What became of one chain that was restored into a scratch server and compared.

    Attributes:
        at: when it ended, UTC, ISO 8601.
        site, epoch, backup: whose chain it was, and its base.
        mode: ``full``, or ``sampled``: all objects, but the rows of ``tables`` only.
        tables: whose rows were compared, as ``schema.table``.
        gtid: the log was replayed onto the base up to this set; empty when no log was.
        next_backup: the base that the replay arrived at, hash by hash; empty when none was reached.
        seconds: it took.
        ok: False: this chain must not be relied on; ``error`` says why.
        base_ok: the base itself was proved; when ``ok`` is False, what failed is the log.
        notes: what was left out, in sentences.
    """

    at: str
    site: str
    epoch: int
    backup: str
    mode: str
    tables: tuple[str, ...]
    gtid: str
    next_backup: str
    seconds: float
    ok: bool
    base_ok: bool
    error: str
    notes: tuple[str, ...]


def write_heartbeat(signals: BlobStore, site: Site, state: Mapping[str, Any]) -> None:
    """Say that this site's agent lives, and what it is doing; replaces the last one."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    document = {"site": site, "at": now, **state}
    signals.replace(f"heartbeat-{site}.json", json.dumps(document, indent=1).encode())


def write_restore_report(signals: BlobStore, report: Mapping[str, Any]) -> str:
    """Keep a restore's report for good; returns the blob's name, which says when it began.

    Repeats harmlessly: a report that is there already stays as it is.
    """
    name = f"restore-{datetime.fromisoformat(report['started']):%Y%m%dT%H%M%S.%fZ}-{report['site']}.json"
    with suppress(BlobExistsError):
        signals.create(name, json.dumps(report, indent=1).encode())
    return name


def write_restore_failure(signals: BlobStore, report: Mapping[str, Any]) -> None:
    """Say what a restore ended with that is to be repeated; replaces what was said of an earlier one."""
    signals.replace(f"failed-restore-{report['site']}.json", json.dumps(report, indent=1).encode())


def mend_restore_failure(signals: BlobStore, site: Site) -> None:
    """What a restore of ``site`` last ended with is of the past: one ended well."""
    try:
        failed = json.loads(signals.read(f"failed-restore-{site}.json")[0])
    except BlobMissingError:
        return
    if failed["error"]:
        write_restore_failure(signals, {**failed, "error": ""})


def write_verification(signals: BlobStore, verification: Verification) -> str:
    """Keep a result for good; returns the blob's name."""
    name = f"{_VERIFIED}{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json"
    content = json.dumps(asdict(verification), indent=1, ensure_ascii=False).encode()
    signals.create(name, content, {"epoch": str(verification.epoch)})
    return name


def verified(signals: BlobStore, epoch: int) -> list[Verification]:
    """The results about chains of ``epoch``, good and bad ones, newest first.

    A blob that cannot be read as one is left out: it proves nothing.

    Raises:
        StorageError: the container cannot be read.
    """
    entries = sorted(signals.entries(_VERIFIED), key=lambda entry: entry.name, reverse=True)
    names = [entry.name for entry in entries if entry.metadata.get("epoch", str(epoch)) == str(epoch)]
    with ThreadPoolExecutor(8, thread_name_prefix="verified") as threads:
        found = list(threads.map(lambda name: _parsed(signals.read(name)[0], name), names[:_OPENED]))
    results = [result for result in found if result is not None and result.epoch == epoch]
    return sorted(results, key=lambda result: result.at, reverse=True)


def _parsed(data: bytes, where: str) -> Verification | None:
    try:
        return _verification(data, where)
    except StorageError:
        return None


def _verification(data: bytes, where: str) -> Verification:
    try:
        document: object = json.loads(data)
    except ValueError as error:
        raise StorageError(f"{where} is not JSON: {error}") from error
    f = Fields(document, "", where, StorageError)
    return Verification(
        at=f.text("at", "2026-01-01T00:00:00.000+00:00"),
        site=f.one_of("site", ("aws", "azure")),
        epoch=f.integer("epoch", least=1, most=2**53),
        backup=f.text("backup", "backup_20260101T000000Z.sql.gz"),
        mode=f.one_of("mode", _MODES),
        tables=f.texts("tables", ["petclinic.owners"]),
        gtid=f.text("gtid", "", default=""),
        next_backup=f.text("next_backup", "", default=""),
        seconds=f.number("seconds", least=0, most=1e9),
        ok=f.boolean("ok"),
        base_ok=f.boolean("base_ok") if f.has("base_ok") else f.boolean("ok"),
        error=f.text("error", "", default=""),
        notes=f.texts("notes", ["a sentence"]),
    )
