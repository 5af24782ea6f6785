"""Physical names of everything the program makes. Pure: no Pulumi, no network.

Names are explicit, because Azure's automatic names ignore the services' own limits
(https://github.com/pulumi/pulumi-azure-native/issues/4294), and the same in every mode, because in state a
renamed account or server is a deleted one. Where a name is global to a cloud it carries a short digest of
the subscription and the stack.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass

from components.tags import tags_of

PRODUCT = "petclinic"
_DIGEST_CHARS = 10
_NAMESPACE = uuid.UUID("6f3c1f0e-5d0e-4c39-9a34-5f8b0f6a7f10")  # fixed for ever: role ids derive from it


def slug(text: str, limit: int) -> str:
    """``text`` in lower case, single hyphens for all but letters and digits, at most ``limit`` long."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:limit].strip("-") or "x"


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one stack in one subscription.

    Limits: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules and
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html

    Args:
        subscription_id: the Azure subscription; part of the digest.
        stack: the Pulumi stack whose resources these are.
        occasion: short name of one drill or takeover; empty for production. Azure keeps deleted names for
            days, so every drill takes names of its own.
    """

    subscription_id: str
    stack: str
    occasion: str = ""

    @property
    def digest(self) -> str:
        """Ten hex digits that tell this stack, subscription and occasion from all others."""
        text = f"{self.subscription_id.lower()}/{self.stack}/{self.occasion}"
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]

    @property
    def _scope(self) -> str:
        return slug("-".join(part for part in (self.stack, self.occasion) if part), 30)

    @property
    def tags(self) -> dict[str, str]:
        """What every resource is tagged with."""
        return tags_of(self.stack, self.occasion)

    @property
    def resource_group(self) -> str:
        """1-90 characters, unique in the subscription."""
        return f"rg-{PRODUCT}-dr-{self._scope}"

    @property
    def vault_account(self) -> str:
        """Storage account: 3-24 lower-case letters and digits, unique in the world. Holds the backups."""
        return f"drvault{self.digest}"

    @property
    def site_account(self) -> str:
        """Storage account of the maintenance site: limits as for ``vault_account``."""
        return f"drsite{self.digest}"

    @property
    def key_vault(self) -> str:
        """3-24 letters, digits and single hyphens, starts with a letter, unique in the world."""
        return f"kv-dr-{self.digest}"

    @property
    def database_server(self) -> str:
        """MySQL server: 3-63 lower-case letters, digits and hyphens, unique in the world."""
        return f"mysql-{PRODUCT}-{self.digest}"

    @property
    def bucket(self) -> str:
        """S3 bucket: 3-63 lower-case letters, digits and hyphens, unique in the world."""
        return f"{PRODUCT}-dr-artifacts-{self.digest}"

    @property
    def backup_role(self) -> str:
        """IAM role and what surrounds the backup instance: at most 64 characters, unique in the account."""
        return f"{PRODUCT}-dr-backup-{self.digest}"

    @property
    def private_zone(self) -> str:
        """Must end in ``mysql.database.azure.com`` and must not be the server's own name."""
        return f"{PRODUCT}-{self._scope}.private.mysql.database.azure.com"

    @property
    def writer_role(self) -> str:
        """Display name of the custom role; unique in the directory."""
        return f"Pilot light blob writer without delete ({self._scope} {self.digest})"

    @property
    def writer_role_id(self) -> str:
        """Role definitions are named by a GUID; derived, so that it is the same on every run."""
        return str(uuid.uuid5(_NAMESPACE, f"{self.subscription_id.lower()}/{self.stack}/writer-role"))

    @property
    def alarms(self) -> str:
        """SNS topic: 1-256 letters, digits, hyphens and underscores, unique in account and region. The
        action group's name too."""
        return f"{PRODUCT}-dr-alarms-{self.digest}"

    @property
    def firewall_policy(self) -> str:
        """Firewall policy of the gateway: 1-128 letters and digits, starts with a letter."""
        return self.azure("waf").replace("-", "")

    def azure(self, kind: str, *parts: str) -> str:
        """A name that is unique only inside the resource group: ``kind-petclinic-part-occasion``."""
        return "-".join([kind, PRODUCT, *parts, *([slug(self.occasion, 12)] if self.occasion else [])])

    def secret(self, purpose: str) -> str:
        """A key vault secret: 1-127 letters, digits and hyphens; a deleted one blocks its name for days."""
        return f"{purpose}-{slug(self.occasion, 12)}" if self.occasion else purpose

    def container(self, purpose: str) -> str:
        """A blob container: 3-63 lower-case letters, digits and single hyphens."""
        return f"{slug(self.occasion, 12)}-{purpose}" if self.occasion else purpose
