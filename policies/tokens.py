"""Type tokens of the resources that rules speak about: the ``pulumi_type`` of the SDKs' own classes.

A rule for a misspelt token never fires and never fails, so tests/policies/test_tokens.py compares each with
its class. They are not read from the classes here: importing those takes 7 s at every start of the pack (two
shared cores, 2026-11-25), for twelve modules of which each loads hundreds of classes.
"""

from __future__ import annotations

from typing import Final

STACK: Final = "pulumi:pulumi:Stack"
AWS_PROVIDER: Final = "pulumi:providers:aws"
AZURE_PROVIDER: Final = "pulumi:providers:azure-native"

# AWS
AUTO_SCALING_GROUP: Final = "aws:autoscaling/group:Group"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
SECURITY_GROUP_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
VPC_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
MANAGED_POLICY: Final = "aws:iam/policy:Policy"
ROLE_POLICY_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
WEB_IDENTITY_FEDERATION: Final = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"
BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_PUBLIC_ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
BUCKET_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)
HEALTH_CHECK: Final = "aws:route53/healthCheck:HealthCheck"
DNS_RECORD: Final = "aws:route53/record:Record"
METRIC_ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC: Final = "aws:sns/topic:Topic"
TOPIC_POLICY: Final = "aws:sns/topicPolicy:TopicPolicy"
TOPIC_SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"

# Azure
RESOURCE_GROUP: Final = "azure-native:resources:ResourceGroup"
STORAGE_ACCOUNT: Final = "azure-native:storage:StorageAccount"
BLOB_CONTAINER: Final = "azure-native:storage:BlobContainer"
BLOB_SERVICE: Final = "azure-native:storage:BlobServiceProperties"
STATIC_WEBSITE: Final = "azure-native:storage:StorageAccountStaticWebsite"
IMMUTABILITY_POLICY: Final = "azure-native:storage:BlobContainerImmutabilityPolicy"
LIFECYCLE_POLICY: Final = "azure-native:storage:ManagementPolicy"
KEY_VAULT: Final = "azure-native:keyvault:Vault"
KEY_VAULT_SECRET: Final = "azure-native:keyvault:Secret"  # noqa: S105 - the type of one
NETWORK: Final = "azure-native:network:VirtualNetwork"
SUBNET: Final = "azure-native:network:Subnet"
NETWORK_SECURITY_GROUP: Final = "azure-native:network:NetworkSecurityGroup"
NETWORK_SECURITY_RULE: Final = "azure-native:network:SecurityRule"
NETWORK_INTERFACE: Final = "azure-native:network:NetworkInterface"
NAT_GATEWAY: Final = "azure-native:network:NatGateway"
PUBLIC_ADDRESS: Final = "azure-native:network:PublicIPAddress"
APPLICATION_GATEWAY: Final = "azure-native:network:ApplicationGateway"
FIREWALL_POLICY: Final = "azure-native:network:WebApplicationFirewallPolicy"
PRIVATE_ZONE: Final = "azure-native:privatedns:PrivateZone"
PRIVATE_ZONE_LINK: Final = "azure-native:privatedns:VirtualNetworkLink"
IDENTITY: Final = "azure-native:managedidentity:UserAssignedIdentity"
FEDERATED_CREDENTIAL: Final = "azure-native:managedidentity:FederatedIdentityCredential"
ROLE_DEFINITION: Final = "azure-native:authorization:RoleDefinition"
ROLE_ASSIGNMENT: Final = "azure-native:authorization:RoleAssignment"
VIRTUAL_MACHINE: Final = "azure-native:compute:VirtualMachine"
DATABASE_SERVER: Final = "azure-native:dbformysql:Server"
DATABASE: Final = "azure-native:dbformysql:Database"
DATABASE_PARAMETER: Final = "azure-native:dbformysql:Configuration"
DATABASE_FIREWALL_RULE: Final = "azure-native:dbformysql:FirewallRule"
LOG_ALERT: Final = "azure-native:monitor:ScheduledQueryRule"
METRIC_ALERT: Final = "azure-native:monitor:MetricAlert"
ACTION_GROUP: Final = "azure-native:monitor:ActionGroup"
WORKSPACE: Final = "azure-native:operationalinsights:Workspace"
RANDOM_PASSWORD: Final = "random:index/randomPassword:RandomPassword"  # noqa: S105 - the type of one
