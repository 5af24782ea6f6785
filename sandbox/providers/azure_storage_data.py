"""Blobs and the static website: what azure-native does through the data plane of a storage account.

From the provider's source (provider/pkg/resources/customresources/custom_storage_azidentity.go) and pull
request #3719: the website is switched with the deployer's token, blobs are written with the account's shared
key.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.assets import asset_bytes
from sandbox.providers.azure_base import AzureModel
from sandbox.providers.azure_storage import BlobContainer, StorageAccount, must_have_account
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import AzureError
from sandbox.providers.shape import Problem
from sandbox.store import Resource


class StorageAccountStaticWebsite(AzureModel):
    """The static website of an account; switching it on makes the container $web."""

    pulumi_type = "azure-native:storage:StorageAccountStaticWebsite"
    sdk = ("pulumi_azure_native.storage", "StorageAccountStaticWebsite")
    path = StorageAccount.path + "/staticWebsite"
    name_input = ""
    singleton = True

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        must_have_account(cloud, id)

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {"containerName": "$web"}


class Blob(AzureModel):
    """A blob; a changed source replaces it, and the old one is deleted before the new one is written."""

    pulumi_type = "azure-native:storage:Blob"
    sdk = ("pulumi_azure_native.storage", "Blob")
    path = BlobContainer.path + "/blobs/{blobName}"
    child = True
    replace_on = ("source", "contentMd5", "type")

    def complete(
        self, cloud: Cloud, inputs: dict[str, Any], old_inputs: Mapping[str, Any], logical_name: str
    ) -> dict[str, Any]:
        inputs.setdefault("type", "Block")
        return super().complete(cloud, inputs, old_inputs, logical_name)

    def existing_error(self, id: str) -> Exception | None:
        return None  # an upload overwrites; azure-native does not look first

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        if inputs.get("type") == "Append" and inputs.get("source") is not None:
            yield Problem("source", "a source cannot be specified for an Append blob")

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        _must_accept_keys(must_have_account(cloud, id))
        website = cloud.by_id("/".join(id.split("/")[:9]) + "/staticWebsite")
        if not cloud.by_id(id.rsplit("/blobs/", 1)[0]) and not (
            inputs["containerName"] == "$web" and website
        ):
            raise AzureError(404, "ContainerNotFound", "The specified container does not exist.")

    def release(self, cloud: Cloud, resource: Resource) -> None:
        _must_accept_keys(must_have_account(cloud, resource.id))

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        data = asset_bytes(inputs["source"], cloud.project) if inputs.get("source") is not None else b""
        digest = hashlib.md5(data, usedforsecurity=False).digest()  # what Blob storage computes
        name = inputs["blobName"]
        return {
            "name": name,
            "type": inputs["type"],
            "url": f"https://{inputs['accountName']}.blob.core.windows.net/{inputs['containerName']}/{name}",
            "contentMd5": base64.b64encode(digest).decode(),
            "contentType": inputs.get("contentType", "application/octet-stream"),
            "metadata": inputs.get("metadata", {}),
            "accessTier": inputs.get("accessTier", "Hot"),
        }


def _must_accept_keys(account: Resource) -> None:
    if account.inputs.get("allowSharedKeyAccess") is False:
        raise AzureError(
            403,
            "KeyBasedAuthenticationNotPermitted",
            "Key based authentication is not permitted on this storage account.",
        )


MODELS = (StorageAccountStaticWebsite(), Blob())
