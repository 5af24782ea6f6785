"""Who calls a simulated service, and from where.

Every client on this machine connects from 127.0.0.1, so a connection cannot tell which simulated machine made
it. A credential can: tokens and access keys are handed out by a metadata service that belongs to one machine,
and they remember its name (``MACHINE_CLAIM`` in tokens). The world then says where that machine is *now*: a
machine that lost its elastic IP presents another public address, and the firewall refuses it.

What this does not simulate: a stolen credential used from somewhere else. A caller without a known credential
is "the internet", whose address no rule admits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Side = Literal["aws", "azure", "internet", "operator"]

MACHINE_CLAIM = "simulated_machine"


@dataclass(frozen=True)
class Caller:
    """The network place of whoever sent a request.

    Attributes:
        side: where it runs.
        machine: the name under which its metadata service was started.
        public_ip: the public IPv4 address it leaves by, None when unknown or when it has none.
        subnet_id: the ARM id of its subnet (Azure only).
    """

    side: Side
    machine: str | None = None
    public_ip: str | None = None
    subnet_id: str | None = None


Locate = Callable[[str], Caller]

INTERNET = Caller("internet")
