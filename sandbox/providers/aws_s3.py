"""S3: buckets, their public access block, objects.

Replacement rules as in terraform-provider-aws (ForceNew), which pulumi-aws bridges.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers.assets import asset_bytes
from sandbox.providers.aws_base import AwsModel, region
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_BUCKET = Pattern(
    r"(?!xn--)(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "3 to 63 lower-case letters, digits, dots and hyphens, starting and ending with a letter or digit (S3)",
)


class Bucket(AwsModel):
    """A bucket; its name is unique in the world."""

    pulumi_type = "aws:s3/bucket:Bucket"
    sdk = ("pulumi_aws.s3", "Bucket")
    name_input = "bucket"
    patterns = Frozen({"bucket": _BUCKET})
    replace_on = ("bucket", "bucketPrefix", "region")
    create_operation = "S3: CreateBucket"
    exists_code = "BucketAlreadyOwnedByYou"
    exists_text = "Your previous request to create the named bucket succeeded and you already own it."

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return inputs["bucket"]

    def release(self, cloud: Cloud, resource: Resource) -> None:
        if cloud.store.find(BucketObjectv2.pulumi_type, bucket=resource.id) and not resource.inputs.get(
            "forceDestroy"
        ):
            raise AwsError(
                "S3: DeleteBucket", "BucketNotEmpty", "The bucket you tried to delete is not empty"
            )

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        place = region(cloud, inputs)
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": f"arn:aws:s3:::{id}",
            "bucketDomainName": f"{id}.s3.amazonaws.com",
            "bucketRegion": place,
            "bucketRegionalDomainName": f"{id}.s3.{place}.amazonaws.com",
        }


class BucketPublicAccessBlock(AwsModel):
    """The public access block of a bucket; a bucket has one, and setting it again overwrites it."""

    pulumi_type = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    sdk = ("pulumi_aws.s3", "BucketPublicAccessBlock")
    replace_on = ("bucket", "region")
    create_operation = "S3: PutPublicAccessBlock"
    singleton = True

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return inputs["bucket"]

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        _must_have_bucket(cloud, self.create_operation, inputs["bucket"])


class BucketObjectv2(AwsModel):
    """An object; putting one of the same key overwrites it."""

    pulumi_type = "aws:s3/bucketObjectv2:BucketObjectv2"
    sdk = ("pulumi_aws.s3", "BucketObjectv2")
    name_input = "key"
    replace_on = ("bucket", "key", "region")
    create_operation = "S3: PutObject"

    def made_up_name(self, logical_name: str) -> str:
        return logical_name

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        given = [key for key in ("source", "content", "contentBase64") if inputs.get(key) is not None]
        if len(given) > 1:
            yield Problem(given[1], f"only one of source, content and contentBase64, not {given}")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return f"{inputs['bucket']}/{inputs['key']}"

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        _must_have_bucket(cloud, self.create_operation, inputs["bucket"])

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        data = object_bytes(cloud, inputs)
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": f"arn:aws:s3:::{id}",
            "etag": hashlib.md5(data, usedforsecurity=False).hexdigest(),  # what S3 answers for a single PUT
            "contentType": inputs.get("contentType", "application/octet-stream"),
            "storageClass": inputs.get("storageClass", "STANDARD"),
            "serverSideEncryption": inputs.get("serverSideEncryption", "AES256"),
        }


def object_bytes(cloud: Cloud, inputs: Mapping[str, Any]) -> bytes:
    """The contents of an object, however the program gave them."""
    if inputs.get("source") is not None:
        return asset_bytes(inputs["source"], cloud.project)
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    return str(inputs.get("content", "")).encode()


def _must_have_bucket(cloud: Cloud, operation: str, bucket: str) -> None:
    if not cloud.store.get(Bucket.pulumi_type, bucket):
        raise AwsError(operation, "NoSuchBucket", "The specified bucket does not exist")


MODELS = (Bucket(), BucketPublicAccessBlock(), BucketObjectv2())
