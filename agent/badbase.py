"""A backup that turned out bad in a restore is remembered, so that the next run takes another one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from agent.context import Context
from agent.errors import AgentError, RestoreError, StorageError, VerificationError
from agent.manifest import Manifest
from agent.signals import Verification, verified, write_verification


@contextmanager
def remembered(context: Context, manifest: Manifest) -> Generator[None]:
    """The block loads this backup and compares it.

    When it is damaged, or the copy differs from it, a verification that says so is kept in ``signals``, and
    the error says so too: ``agent.chain`` takes such a base after all others. Errors of the target's server
    prove nothing.
    """
    began = time.monotonic()
    try:
        yield
    except (RestoreError, VerificationError) as error:
        said = str(error)
        if isinstance(error, RestoreError) and not _is_damaged(context, manifest):
            raise
        if not _is_news(context, manifest, error):
            raise
        bad = _bad(context, manifest, said, round(time.monotonic() - began, 3))
        try:
            then = (
                f"that is kept as {write_verification(context.signals, bad)}; run the restore again, and it "
            )
            then += "takes another backup where there is one"
        except StorageError as refused:
            then = (
                f"that could not be kept for the next run ({refused}), so name another backup with --backup"
            )
        raise type(error)(f"{manifest.backup} is NOT good: {said}; {then}") from error


def _is_news(context: Context, manifest: Manifest, error: AgentError) -> bool:
    """Whether to keep it: not twice, and a difference not where another server proved the backup good.

    Then it is this server that makes the difference, and so it would with every other backup.
    """
    try:
        results = verified(context.signals, manifest.epoch)
    except StorageError:
        return True
    last = next((result for result in results if result.backup == manifest.backup), None)
    if last is None:
        return True
    return last.base_ok and isinstance(error, RestoreError)


def _is_damaged(context: Context, manifest: Manifest) -> bool:
    """Whether the stored data is another than the manifest's; where that cannot be told, it is not.

    Asked for when the load failed in any way: damaged text may also be refused by the server.
    """
    digest = hashlib.sha256()
    try:
        for chunk in context.restore_from.chunks(manifest.backup):
            digest.update(chunk)
    except StorageError:
        return False
    return digest.hexdigest() != manifest.stored_sha256


def _bad(context: Context, manifest: Manifest, error: str, seconds: float) -> Verification:
    return Verification(
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        site=manifest.site,  # type: ignore[arg-type]  # the manifest's reader lets no other site in
        epoch=manifest.epoch,
        backup=manifest.backup,
        mode="full",
        tables=(),
        gtid="",
        next_backup="",
        seconds=seconds,
        ok=False,
        base_ok=False,
        error=error,
        notes=(f"found by a restore at {context.config.site}",),
    )
