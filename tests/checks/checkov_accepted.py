"""What checkov complains about and we leave as it is: each with its reason, and where it occurs."""

from __future__ import annotations

NOT_RUN = {
    "CKV_AZURE_45": (
        "its patterns look for dots and dashes in customData, which base64 has not, and had found none in "
        "16 KB after 90 s of processor time; tests/program/test_resources.py reads the decoded text"
    ),
}
"""Checks that do not run at all."""

_ARTIFACTS = ("backup-instance-artifacts",)
_SECRETS = (
    "borrowed-application-password-secret",
    "borrowed-database-admin-password-secret",
    "key-vault-application-password-secret",
    "key-vault-database-admin-password-secret",
)
_SERVERS = ("standby-servers-app", "standby-servers-web")
_SITE = "maintenance-site-account"
_VAULT = "backup-vault-account"

ACCEPTED: dict[str, tuple[str, tuple[str, ...]]] = {
    # AWS
    "CKV2_AWS_23": (
        "it points at Azure's reserved address, which no AWS resource can be",
        ("failover-dns-secondary-record",),
    ),
    "CKV2_AWS_61": ("one object, replaced in place: nothing ages", _ARTIFACTS),
    "CKV2_AWS_62": ("nobody waits for a new object: the instance fetches it at boot", _ARTIFACTS),
    "CKV_AWS_126": (
        "billed per metric; the alarms watch what arrives in the vault, not the processor",
        ("backup-instance-template",),
    ),
    "CKV_AWS_135": (
        "t4g is EBS-optimized without being asked; the field is for older families",
        ("backup-instance-template",),
    ),
    "CKV_AWS_144": ("every 'pulumi up' can make it again; Azure has its own copy", _ARTIFACTS),
    "CKV_AWS_145": ("it holds this repository's agent, nothing secret; S3's own key encrypts it", _ARTIFACTS),
    "CKV_AWS_18": (
        "one reader, one object: a log has nothing to tell and a second bucket to keep",
        _ARTIFACTS,
    ),
    "CKV_AWS_21": ("user data name the object's checksum: an older version would be refused", _ARTIFACTS),
    "CKV_AWS_26": (
        (
            "CloudWatch may not use the key that AWS manages for SNS, and an own key costs 1 USD a month and "
            "region; a message says which alarm rang and holds no data"
        ),
        ("alarms-topic", "alarms-topic-health"),
    ),
    "CKV_AWS_88": (
        "a NAT gateway costs more than the whole standby; the security group admits nothing",
        ("backup-instance-template",),
    ),
    # Azure: servers. Nobody can reach a login over the network.
    "CKV_AZURE_1": ("the password opens the serial console alone: no security group admits SSH", _SERVERS),
    "CKV_AZURE_149": ("as CKV_AZURE_1", _SERVERS),
    "CKV_AZURE_178": ("as CKV_AZURE_1: no key exists that could be lost", _SERVERS),
    "CKV_AZURE_50": (
        "none is installed; a subscription's own policies (monitoring, updates) may want one",
        _SERVERS,
    ),
    "CKV_AZURE_97": (
        (
            "needs a feature registered per subscription, on which an emergency may not hang; disks are "
            "encrypted at rest by the platform"
        ),
        _SERVERS,
    ),
    "CKV_AZURE_151": ("as CKV_AZURE_97; and these are no Windows machines", _SERVERS),
    "CKV_AZURE_160": ("port 80 only redirects to HTTPS", ("landing-zone-gateway-guard",)),
    "CKV_AZURE_135": (
        "it knows only the OWASP rule sets, which Microsoft's own (2.1 here) replaces",
        ("app-gateway-firewall",),
    ),
    # Azure: database
    "CKV_AZURE_53": (
        "a server in a delegated subnet has no public endpoint; Azure fills in the field by itself",
        ("standby-database-server",),
    ),
    "CKV_AZURE_94": (
        (
            "the agent's own dumps and log go to the vault, which is the second copy; the check misspells "
            "the field and would refuse every server"
        ),
        ("standby-database-server",),
    ),
    "CKV_AZURE_96": (
        (
            "asks for a key of our own: one more thing that can be missing in a restore; the service's key "
            "encrypts at rest"
        ),
        ("standby-database-server",),
    ),
    # Azure: storage and secrets
    "CKV_AZURE_206": (
        "three zones; the data's other region is Seoul, and a third copy doubles the price",
        (_VAULT, _SITE),
    ),
    "CKV_AZURE_35": ("a public web page: the gateway and Route 53 read it", (_SITE,)),
    "CKV_AZURE_36": ("the site is open to all; there is nothing to let a service through", (_SITE,)),
    "CKV_AZURE_59": (
        "AWS reaches it over the internet; its firewall names every address that may",
        (_VAULT,),
    ),
    "CKV_AZURE_41": (
        "a password that runs out would fail the emergency; nothing enforces the date",
        _SECRETS,
    ),
    "CKV_AZURE_114": ("a label that nobody reads", _SECRETS),
}
"""By check: why, and the Pulumi names of the resources."""

UNKNOWN_TYPES = {
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:iam/instanceProfile:InstanceProfile",
    "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation",
    "aws:route53/healthCheck:HealthCheck",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:sns/topicSubscription:TopicSubscription",
    "azure-native:authorization:RoleAssignment",
    "azure-native:dbformysql:Configuration",
    "azure-native:dbformysql:Database",
    "azure-native:managedidentity:FederatedIdentityCredential",
    "azure-native:managedidentity:UserAssignedIdentity",
    "azure-native:monitor:ActionGroup",
    "azure-native:monitor:DiagnosticSetting",
    "azure-native:monitor:MetricAlert",
    "azure-native:monitor:ScheduledQueryRule",
    "azure-native:network:PublicIPAddress",
    "azure-native:network:Subnet",
    "azure-native:operationalinsights:Workspace",
    "azure-native:privatedns:PrivateZone",
    "azure-native:privatedns:VirtualNetworkLink",
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:Blob",
    "azure-native:storage:BlobContainerImmutabilityPolicy",
    "azure-native:storage:BlobServiceProperties",
    "azure-native:storage:ManagementPolicy",
    "azure-native:storage:StorageAccountStaticWebsite",
}
"""Types about which checkov has nothing to ask; of every other one at least one check must have run."""
