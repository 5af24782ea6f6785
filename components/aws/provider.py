"""The one AWS provider, and how it is kept from calling AWS while AWS may be gone."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi_aws as aws

PLACEHOLDER = "unused-in-emergency"


def aws_provider(name: str, *, region: str, tags: Mapping[str, str], frozen: bool) -> aws.Provider:
    """An explicit provider whose configuration needs no AWS API.

    Args:
        name: logical name; in state, so it never changes.
        region: region of every resource that has one.
        tags: of everything that takes tags; a resource's own come on top.
        frozen: use placeholder credentials, so that not even a single sign-on is needed. Nothing calls
            AWS then, because every AWS resource ignores all changes.
    """
    return aws.Provider(
        name,
        region=region,
        default_tags={"tags": dict(tags)},
        # Each of these three is a call at start-up that fails with AWS (pulumi-aws issues 1978 and 3971).
        skip_credentials_validation=True,
        skip_requesting_account_id=True,
        skip_metadata_api_check=True,
        skip_region_validation=True,
        max_retries=5,
        access_key=PLACEHOLDER if frozen else None,
        secret_key=PLACEHOLDER if frozen else None,
    )
