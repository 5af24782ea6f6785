"""The model: every line is quantity times price, sums are sums, and each resource costs what it should."""

from __future__ import annotations

import dataclasses

import pytest

from costs import assumptions, catalogue, prices
from costs.assumptions import Assumptions
from costs.azure import DATABASE, GATEWAY
from costs.catalogue_types import Free
from costs.errors import CostError
from costs.model import HARD_LIMIT_USD, PROMISE_USD, estimate, over_budget
from costs.ranges import Range, total
from costs.resources import REFERENCE, Resource, load_list
from costs.scenarios import scenarios

A = assumptions.load()
PRICES = prices.load()
NORMAL = load_list(REFERENCE / "normal.json")
EMERGENCY = load_list(REFERENCE / "emergency.json")
EMERGENCY_ONLY = {"VirtualMachine", "Server", "ApplicationGateway"}


def monthly(stack: list[Resource], a: Assumptions = A) -> Range:
    return estimate(stack, a, PRICES).monthly


def changed(stack: list[Resource], token: str, **inputs: object) -> list[Resource]:
    """The stack with some inputs of every resource of a type replaced."""
    assert any(r.type == token for r in stack), token
    return [dataclasses.replace(r, inputs={**r.inputs, **inputs}) if r.type == token else r for r in stack]


def without(stack: list[Resource], token: str) -> list[Resource]:
    assert any(r.type == token for r in stack), token
    return [r for r in stack if r.type != token]


@pytest.mark.parametrize("stack", [NORMAL, EMERGENCY], ids=["normal", "emergency"])
def test_a_line_is_quantity_times_price_and_the_sum_is_its_lines(stack: list[Resource]) -> None:
    priced = estimate(stack, A, PRICES)
    for line in priced.lines:
        price = PRICES[line.price_key]
        assert line.usd == line.quantity * price.amount
        assert line.unit == price.unit
        assert line.estimate == (price.estimate or not line.quantity.certain)
    assert priced.monthly.expected == pytest.approx(sum(line.usd.expected for line in priced.lines))
    assert total(priced.by_cloud().values()).expected == pytest.approx(priced.monthly.expected)
    assert priced.hourly.expected * 730 == pytest.approx(priced.monthly.expected)
    assert 0 <= priced.estimated_share <= 1


def test_every_certain_sum_has_no_range() -> None:
    certain = estimate([Resource("aws:ec2/eip:Eip", "ip")], A, PRICES)
    assert certain.monthly == Range.exactly(0.005 * 730)
    assert certain.estimated_share == 0


def test_the_promise_is_kept_at_the_reference_size() -> None:
    standby = monthly(NORMAL)
    assert over_budget(standby) is None, standby
    assert over_budget(standby, HARD_LIMIT_USD) is None


@pytest.mark.parametrize(
    ("spent", "limit", "complains"),
    [(25.0, PROMISE_USD, False), (25.01, PROMISE_USD, True), (30.5, HARD_LIMIT_USD, True)],
)
def test_the_budget_is_judged_by_the_expected_reading(spent: float, limit: float, complains: bool) -> None:
    assert bool(over_budget(Range(0, spent, 1000), limit)) is complains


def test_nothing_of_an_emergency_is_in_the_normal_state() -> None:
    quiet = {line.type.rpartition(":")[2] for line in estimate(NORMAL, A, PRICES).lines}
    assert not quiet & EMERGENCY_ONLY
    extra = scenarios(NORMAL, EMERGENCY, A, PRICES).emergency
    assert {line.type.rpartition(":")[2] for line in extra.lines} >= EMERGENCY_ONLY


def test_emergency_is_what_comes_on_top() -> None:
    s = scenarios(NORMAL, EMERGENCY, A, PRICES)
    whole = estimate(EMERGENCY, A, PRICES).monthly
    assert s.normal.monthly.expected + s.emergency.monthly.expected == pytest.approx(whole.expected)
    assert not s.normal.beyond(s.normal).lines
    once = sum(line.usd.expected for line in s.once)
    assert s.drill.expected == pytest.approx(s.emergency.hourly.expected * 4 + once)
    assert s.year.expected == pytest.approx(12 * s.normal.monthly.expected + 4 * s.drill.expected)


def test_plan_a_is_dearer_than_plan_b_even_in_its_cheapest_sizes() -> None:
    s = scenarios(NORMAL, EMERGENCY, A, PRICES)
    assert s.plan_a_lean.monthly.low > s.normal.monthly.high
    assert s.plan_a_equal.monthly.expected > s.plan_a_lean.monthly.expected


TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CHECK = "aws:route53/healthCheck:HealthCheck"


@pytest.mark.parametrize(
    ("stack", "difference"),
    [
        (changed(NORMAL, TEMPLATE, instanceType="t4g.small"), 0.0104 * 730),
        (changed(NORMAL, "aws:autoscaling/group:Group", desiredCapacity="2"), 0.0104 * 730 + 8 * 0.0912),
        (without(NORMAL, "aws:ec2/eip:Eip"), -3.65),
        (without(NORMAL, "azure-native:network:PublicIPAddress"), -3.65),
        (without(NORMAL, "azure-native:privatedns:PrivateZone"), -0.50),
        (
            [*NORMAL, Resource("aws:ec2/vpcEndpoint:VpcEndpoint", "s3", {"vpcEndpointType": "Gateway"})],
            0.0,
        ),
        (
            [
                *NORMAL,
                Resource(
                    "aws:ec2/vpcEndpoint:VpcEndpoint",
                    "ssm",
                    {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]},
                ),
            ],
            2 * 0.013 * 730,
        ),
        (
            [
                *NORMAL,
                Resource(
                    "aws:cloudwatch/metricAlarm:MetricAlarm", "age", {"namespace": "Dr", "metricName": "age"}
                ),
                Resource(
                    "aws:cloudwatch/metricAlarm:MetricAlarm", "old", {"namespace": "Dr", "metricName": "age"}
                ),
            ],
            2 * 0.10,
        ),
        (
            [
                *NORMAL,
                Resource("azure-native:monitor:ScheduledQueryRule", "dead", {"evaluationFrequency": "PT1H"}),
            ],
            0.50,
        ),
        # Fast checks: one AWS endpoint, two others, and three times as many reads of the hold blob.
        (changed(NORMAL, CHECK, requestInterval=10), 1 + 2 + 2 + 2 * 129.6 * 0.0044),
    ],
    ids=lambda value: "" if isinstance(value, float) else "stack",
)
def test_a_change_costs_what_its_price_says(stack: list[Resource], difference: float) -> None:
    assert monthly(stack).expected - monthly(NORMAL).expected == pytest.approx(difference, abs=1e-6)


@pytest.mark.parametrize(
    ("token", "inputs", "what", "quantity"),
    [
        (CHECK, {"type": "HTTPS_STR_MATCH", "measureLatency": True}, "option", 3),
        (CHECK, {"type": "TCP", "requestInterval": 10}, "option", 1),
        (
            GATEWAY,
            {"sku": {"tier": "WAF_v2"}, "autoscaleConfiguration": {"minCapacity": 2}},
            "capacity",
            20 * 730,
        ),
        (GATEWAY, {"sku": {"tier": "Standard_v2", "capacity": 3}}, "capacity", 30 * 730),
        (GATEWAY, {"sku": {"tier": "Standard_v2"}}, "capacity", 1 * 730),
        (DATABASE, {"sku": {"name": "Standard_B2s"}, "storage": {"storageSizeGB": 100}}, "storage", 100),
        (
            DATABASE,
            {"sku": {"name": "Standard_B2s"}, "highAvailability": {"mode": "SameZone"}},
            "MySQL",
            2 * 730,
        ),
        (
            "azure-native:monitor:MetricAlert",
            {"criteria": {"allOf": [{"name": "a"}, {"name": "b"}]}},
            "series",
            2,
        ),
    ],
)
def test_quantities_follow_the_inputs(
    token: str, inputs: dict[str, object], what: str, quantity: float
) -> None:
    lines = estimate([Resource(token, "x", inputs)], A, PRICES).lines
    assert [line.quantity.expected for line in lines if what in line.what] == [quantity]


def test_calculated_checks_have_no_interval_and_are_covered_by_the_free_fifty() -> None:
    check = Resource(CHECK, "all", {"type": "CALCULATED"})
    assert monthly([check]).expected == 0
    assert monthly([check], A.but(aws_free_health_checks=0)).expected == 0.50


def test_retention_and_soft_delete_are_paid_for() -> None:
    longer = changed(
        NORMAL,
        "azure-native:storage:BlobContainerImmutabilityPolicy",
        immutabilityPeriodSinceCreationInDays=90,
    )
    assert monthly(longer).expected > monthly(NORMAL).expected
    plain = without(NORMAL, "azure-native:storage:BlobServiceProperties")
    assert monthly(plain).expected < monthly(NORMAL).expected


def test_an_instance_too_small_for_its_dumps_pays_for_burst() -> None:
    busy = A.but(
        dump_sql_mb=8000,
        dump_mb_per_cpu_second=10,
        active_intervals_a_day=288,
        dump_egress_gb_per_month=0,
        verify_interval_hours=0,
    )
    lines = estimate(NORMAL, busy, PRICES).lines
    burst = next(line for line in lines if line.price_key == "aws.ec2.surplus-credit")
    assert burst.quantity.expected == pytest.approx((8000 / 10 / 300 - 0.20) * 730)


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        (Resource("aws:lambda/function:Function", "f"), "costs/aws.py"),
        (Resource("azure-native:web:WebApp", "w"), "costs/azure.py"),
        (Resource("azure-native:storage:BlobContainer", "c", {"containerName": "x"}), "azure_storage.py"),
        (Resource("gcp:storage/bucket:Bucket", "b"), "costs/catalogue.py"),
        (
            Resource(
                "azure-native:compute:VirtualMachine", "vm", {"hardwareProfile": {"vmSize": "Standard_X"}}
            ),
            "azure.vm.Standard_X",
        ),
        (Resource("azure-native:compute:VirtualMachine", "vm"), "hardwareProfile.vmSize"),
        (Resource("aws:autoscaling/group:Group", "g"), "launch template"),
        (
            Resource(
                "azure-native:compute:VirtualMachine",
                "vm",
                {
                    "hardwareProfile": {"vmSize": "Standard_B2s"},
                    "storageProfile": {"osDisk": {"diskSizeGB": 4096}},
                },
            ),
            "DISK_SIZES",
        ),
    ],
    ids=lambda value: value.type if isinstance(value, Resource) else "",
)
def test_what_cannot_be_priced_is_an_error_that_names_the_place(resource: Resource, names: str) -> None:
    with pytest.raises(CostError, match=names.replace(".", r"\.")):
        estimate([resource], A, PRICES)


def test_all_problems_are_told_at_once() -> None:
    strangers = [Resource("aws:x/y:Y", "a"), Resource("azure-native:x:Y", "b")]
    with pytest.raises(CostError, match=r"(?s)aws:x/y:Y.*azure-native:x:Y"):
        estimate(strangers, A, PRICES)


def test_every_free_type_says_why() -> None:
    for token, entry in catalogue.CATALOGUE.items():
        if isinstance(entry, Free):
            assert len(entry.reason) > 8, token
