"""How an emergency tells running parts what to do: orders to servers, and the hold switch to DNS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure

from components.azure.foundation import BlobPlace
from components.options import blob_child
from components.switches import Switches

HOLD_BLOB = "hold"
ORDERS_BLOB = "orders.json"


@dataclass(frozen=True, kw_only=True)
class OrdersArgs:
    """Inputs of :class:`Orders`."""

    switches: Switches
    place: BlobPlace


class Orders(pulumi.ComponentResource):
    """``orders.json`` in the site account: what the agents on running servers go by. Free.

    While it changes it is absent for a moment, in which agents act as if no orders were given: nothing opens.
    """

    def __init__(self, name: str, args: OrdersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:Orders", name, None, opts)
        switches = args.switches
        orders = {
            "mode": str(switches.mode),
            "open": switches.open,
            "maintenance": switches.maintenance,
            "awsWeight": switches.aws_weight,
        }
        azure.storage.Blob(
            f"{name}-blob",
            blob_name=ORDERS_BLOB,
            account_name=args.place.account_name,
            container_name=args.place.container,
            resource_group_name=args.place.resource_group,
            type=azure.storage.BlobType.BLOCK,
            content_type="application/json",
            source=pulumi.StringAsset(json.dumps(orders, indent=1) + "\n"),
            opts=blob_child(self),
        )
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class HoldSwitchArgs:
    """Inputs of :class:`HoldSwitch`."""

    place: BlobPlace
    set_after: Sequence[pulumi.Resource]
    """The gateway: users are moved only once something answers them."""


class HoldSwitch(pulumi.ComponentResource):
    """The blob whose presence keeps users on Azure, through Route 53's data plane alone. Free.

    It steers traffic; it is not a fence. The path follows AWS's "standby takes over primary" pattern:
    https://aws.amazon.com/blogs/networking-and-content-delivery/creating-disaster-recovery-mechanisms-using-amazon-route-53/
    """

    def __init__(self, name: str, args: HoldSwitchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:azure:HoldSwitch", name, None, opts)
        azure.storage.Blob(
            f"{name}-blob",
            blob_name=HOLD_BLOB,
            account_name=args.place.account_name,
            container_name=args.place.container,
            resource_group_name=args.place.resource_group,
            type=azure.storage.BlobType.BLOCK,
            content_type="text/plain",
            source=pulumi.StringAsset("Users stay on Azure while this file is here.\n"),
            opts=blob_child(self, depends_on=args.set_after),
        )
        self.register_outputs({})
