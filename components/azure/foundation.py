"""What a standby is built upon, whoever made it: production's own components or a stack that borrows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi

from components.azure.key_vault import Secrets
from components.azure.landing_zone import Ground
from components.azure.watch import Watch
from components.guests.documents import Orders, Storage
from components.names import Names


@dataclass(frozen=True, kw_only=True)
class BlobPlace:
    """A container that the program itself writes blobs to."""

    resource_group: pulumi.Input[str]
    account_name: pulumi.Input[str]
    container: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """Everything that is there before an emergency."""

    names: Names
    """For what the standby makes; a drill's differ from production's."""
    ground: Ground
    storage: Storage
    orders: Orders
    """Where servers read orders; ``orders_place`` is where the program writes them."""
    orders_place: BlobPlace
    hold_place: BlobPlace
    artifacts_url: str
    agent_url: str
    """The agent that this very checkout packed: what servers fetch must match the SHA-256 they are given."""
    artifacts_account: pulumi.Output[str]
    backup_account: pulumi.Output[str]
    site_endpoint: pulumi.Output[str]
    page_url: pulumi.Output[str]
    secrets: Secrets
    watch: Watch
    app_identity_id: pulumi.Output[str]
    app_client_id: pulumi.Output[str]
    gateway_identity_id: pulumi.Output[str]
    gateway_needs: Sequence[pulumi.Resource]
    """Access to the certificate and the page."""
    servers_need: Sequence[pulumi.Resource]
    """Access to backups and secrets, and the agent's bundle."""

    @property
    def site_host(self) -> pulumi.Output[str]:
        """Host name of the maintenance site."""
        return self.site_endpoint.apply(lambda url: urlsplit(url).hostname or "")
