"""Rule: nothing of ours is spoken in clear text or in old TLS."""

from __future__ import annotations

from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

_OLD = ("TLSv1", "TLSv1.1")


def problems(resource: Seen) -> Iterator[str]:
    """Storage accounts, and the two parameters by which a database would give its default up."""
    if resource.type == tokens.STORAGE_ACCOUNT:
        if resource.differs("enableHttpsTrafficOnly", True):
            yield "enableHttpsTrafficOnly is not true"
        if resource.differs("minimumTlsVersion", "TLS1_2", "TLS1_3"):
            yield "minimumTlsVersion is below TLS1_2"
        return
    name, value = resource.text("configurationName").lower(), resource.text("value")
    if name == "require_secure_transport" and value.upper() not in ("ON", "1", ""):
        yield "require_secure_transport is off: password and rows would cross the network in clear text"
    if name == "tls_version" and any(version.strip() in _OLD for version in value.split(",")):
        yield f"tls_version admits {value}: name TLSv1.2 and TLSv1.3 only"


RULE = Rule(
    name="transport-encrypted",
    what="Storage takes HTTPS with TLS 1.2 or newer only, and the database requires TLS.",
    why="Backups and queries cross networks that others run.",
    types=frozenset({tokens.STORAGE_ACCOUNT, tokens.DATABASE_PARAMETER}),
    problems=problems,
)
