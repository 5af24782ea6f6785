"""Resource options that several components share."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Resource, ResourceOptions

EVERYTHING = ["*"]
"""``ignore_changes`` that keeps a resource as it is in state, whatever its inputs say."""


def child(parent: Resource, *, depends_on: Sequence[Resource] = ()) -> ResourceOptions:
    """A child like any other. Callers' options are never merged in: they would leak aliases and the like."""
    return ResourceOptions(parent=parent, depends_on=list(depends_on))


def aws_child(parent: Resource, *, frozen: bool, durable: bool = False) -> ResourceOptions:
    """A child in AWS; while ``frozen`` it is neither called nor changed."""
    return ResourceOptions(
        parent=parent,
        ignore_changes=EVERYTHING if frozen else None,
        protect=durable or None,
        retain_on_delete=durable or None,
    )


def durable_child(parent: Resource, *, depends_on: Sequence[Resource] = ()) -> ResourceOptions:
    """A child that holds data, or that data cannot be reached without: the engine refuses to delete it, and
    one that leaves the program all the same stays in the cloud."""
    return ResourceOptions(parent=parent, depends_on=list(depends_on), protect=True, retain_on_delete=True)


def blob_child(parent: Resource, *, depends_on: Sequence[Resource] = ()) -> ResourceOptions:
    """A blob under a fixed name. A new content replaces the resource, and creating the new one first would
    end with the old one's deletion under the same name
    (https://github.com/pulumi/pulumi-azure-native/issues/3530)."""
    return ResourceOptions(parent=parent, depends_on=list(depends_on), delete_before_replace=True)
