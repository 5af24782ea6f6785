"""The open account: the page users see while nothing else answers, the hold switch, orders and artifacts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_azure_native as azure

from components.azure.landing_zone import Ground
from components.names import Names
from components.options import blob_child, durable_child
from components.settings import AzureSettings

ORDERS, ARTIFACTS = "orders", "artifacts"
AGENT_BLOB = "agent.zip"
_PAGE = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class MaintenanceSiteArgs:
    """Inputs of :class:`MaintenanceSite`."""

    names: Names
    settings: AzureSettings
    ground: Ground
    agent_file: Path


class MaintenanceSite(pulumi.ComponentResource):
    """Everything that this program writes as a blob, and the static site.

    An account of its own for two reasons: network rules hold for an account's static site too, and the
    provider writes blobs with the account's shared key
    (https://github.com/pulumi/pulumi-azure-native/issues/2015), which the backups' account must not have.
    ``$web`` is public, ``orders`` and ``artifacts`` are private; what machines fetch from ``artifacts`` they
    check against a SHA-256 from elsewhere.

    No 404 document and no fallback: a missing hold blob must answer 404, never 200.
    Cost: some MB of blob storage, a few cents a month.
    """

    account_name: pulumi.Output[str]
    account_id: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    """``https://<account>.zNN.web.core.windows.net``; Azure chooses NN."""
    page_url: pulumi.Output[str]
    """The page, named by its content: the gateway fetches a page once and caches it by URL."""
    site: azure.storage.StorageAccountStaticWebsite
    page: azure.storage.Blob
    agent: azure.storage.Blob
    orders_container: pulumi.Output[str]
    artifacts_container: pulumi.Output[str]
    container_ids: dict[str, pulumi.Output[str]]
    """Scopes for role assignments: whoever uses one waits for the container."""
    blobs: str
    """Blob endpoint."""

    def __init__(
        self, name: str, args: MaintenanceSiteArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("pilotlight:azure:MaintenanceSite", name, None, opts)
        account = azure.storage.StorageAccount(
            f"{name}-account",
            account_name=args.names.site_account,
            resource_group_name=args.ground.resource_group,
            location=args.settings.location,
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},
            minimum_tls_version="TLS1_2",
            enable_https_traffic_only=True,
            allow_blob_public_access=False,  # the static site serves $web all the same
            allow_shared_key_access=True,
            allow_cross_tenant_replication=False,
            default_to_o_auth_authentication=True,
            tags=args.names.tags,
            opts=durable_child(self),
        )
        self.site = azure.storage.StorageAccountStaticWebsite(
            f"{name}-web",
            account_name=account.name,
            resource_group_name=args.ground.resource_group,
            index_document="index.html",
            opts=durable_child(self),
        )
        names = {"index": "index.html", "page": f"unavailable-{_digest(_PAGE)}.html"}
        blobs = {
            role: azure.storage.Blob(
                f"{name}-{role}",
                blob_name=blob_name,
                account_name=account.name,
                container_name=self.site.container_name,
                resource_group_name=args.ground.resource_group,
                type=azure.storage.BlobType.BLOCK,
                content_type="text/html; charset=utf-8",
                source=pulumi.StringAsset(_PAGE),
                # New content has a new name, so the old page can stay until the gateway has moved.
                opts=blob_child(self) if role == "index" else pulumi.ResourceOptions(parent=self),
            )
            for role, blob_name in names.items()
        }
        self.page = blobs["page"]
        private = {
            purpose: azure.storage.BlobContainer(
                f"{name}-{purpose}",
                container_name=purpose,
                account_name=account.name,
                resource_group_name=args.ground.resource_group,
                public_access=azure.storage.PublicAccess.NONE,
                opts=durable_child(self),
            )
            for purpose in (ORDERS, ARTIFACTS)
        }
        self.agent = azure.storage.Blob(
            f"{name}-agent",
            blob_name=AGENT_BLOB,
            account_name=account.name,
            container_name=private[ARTIFACTS].name,
            resource_group_name=args.ground.resource_group,
            type=azure.storage.BlobType.BLOCK,
            content_type="application/zip",
            source=pulumi.FileAsset(str(args.agent_file)),
            opts=blob_child(self),
        )
        self.orders_container = private[ORDERS].name
        self.artifacts_container = private[ARTIFACTS].name
        self.container_ids = {purpose: container.id for purpose, container in private.items()}
        self.blobs = f"https://{args.names.site_account}.blob.core.windows.net"
        self.account_name, self.account_id = account.name, account.id
        self.endpoint = account.primary_endpoints.apply(lambda urls: urls.web.rstrip("/"))
        self.page_url = pulumi.Output.concat(self.endpoint, "/", names["page"])
        self.register_outputs({"endpoint": self.endpoint})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
