"""Refusals in the wording of the clouds.

Codes are the services' own. Messages are theirs where a source had them (issues, forums, documentation),
else ours.
"""

from __future__ import annotations

UNVERIFIED = "CodeNotVerified"
"""Stands for an error code of Azure that no source of ours names; that Azure refuses is known."""


class CloudError(Exception):
    """A cloud refused a call; the message is what the engine shows for the resource."""


class AzureError(CloudError):
    """A refusal of Azure Resource Manager.

    Args:
        status: the HTTP status.
        code: ARM's error code, e.g. ``PropertyChangeNotAllowed``.
        message: ARM's sentence.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(f'Status={status} Code="{code}" Message="{message}"')


class AwsError(CloudError):
    """A refusal of an AWS API.

    Args:
        operation: e.g. ``IAM: CreateRole``.
        code: the API's error code, e.g. ``EntityAlreadyExists``.
        message: the API's sentence.
    """

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"operation error {operation}, api error {code}: {message}")
