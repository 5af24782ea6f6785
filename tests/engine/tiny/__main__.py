"""A few resources of each simulated cloud. What the tests change is configuration."""

import pulumi
import pulumi_aws as aws
import pulumi_azure_native as azure
import pulumi_random as random

config = pulumi.Config()
frozen = config.get_bool("frozen") or False
drift = config.get("drift") or "none"
print("the program says hello")
if config.get("crash"):
    raise RuntimeError(config.require("crash"))

amazon = pulumi.ResourceOptions(
    provider=aws.Provider(
        "aws",
        region="ap-northeast-2",
        access_key="placeholder",
        secret_key="placeholder" if frozen else "ambient",
        skip_credentials_validation=True,
        skip_requesting_account_id=True,
        skip_metadata_api_check=True,
    ),
    ignore_changes=["*"] if frozen else [],
)
microsoft = azure.Provider(
    "azure",
    subscription_id="11111111-2222-3333-4444-555555555555",
    tenant_id="66666666-7777-8888-9999-000000000000",
    location="koreacentral",
)
plain = pulumi.ResourceOptions(provider=microsoft)

address = aws.ec2.Eip("address", domain="vpc", tags={"drift": drift}, opts=amazon)
password = random.RandomPassword("password", length=20, special=False)

group = azure.resources.ResourceGroup("group", resource_group_name="rg-tiny", opts=plain)
site = azure.storage.StorageAccount(
    "site",
    account_name="tinysite",
    resource_group_name=group.name,
    kind=config.get("kind") or "StorageV2",
    sku={"name": "Standard_ZRS"},
    tags={"text": config.require("text")},
    opts=pulumi.ResourceOptions(provider=microsoft, protect=config.get_bool("protect")),
)
website = azure.storage.StorageAccountStaticWebsite(
    "website", account_name=site.name, resource_group_name=group.name, index_document="index.html", opts=plain
)
page = azure.storage.Blob(
    "index.html",
    account_name=site.name,
    resource_group_name=group.name,
    container_name=website.container_name,
    source=pulumi.StringAsset(config.require("text")),
    opts=plain,
)
if config.get("zone"):
    azure.privatedns.PrivateZone(
        "zone",
        private_zone_name=config.require("zone"),
        resource_group_name=group.name,
        location="global",
        opts=plain,
    )
if config.get("queue"):
    aws.sqs.Queue("queue", opts=amazon)

pulumi.export("address", address.public_ip)
pulumi.export("allocation", address.id)
pulumi.export("password", password.result)
pulumi.export("web", site.primary_endpoints.apply(lambda endpoints: endpoints.web))
pulumi.export("secret_text", config.get_secret("token"))
