"""The rules that look at the whole stack: what is missing in it, what it costs, what it tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, PolicyResource, StackValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from costs.resources import REFERENCE, load_list
from policies import tokens
from policies.rule import Rule
from policies.rules import (
    alarms_on_silence,
    backups_immutable,
    buckets_closed,
    no_secret_in_outputs,
    standby_cost_limit,
    standby_cost_promise,
    standby_only_in_emergency,
)
from policies.seen import see
from tests.policies.case import HIDDEN, Thing, configure, options

BACKUPS = Thing(type=tokens.BLOB_CONTAINER, name="backups", inputs={"containerName": "mysql-backups"})
RETENTION = Thing(type=tokens.IMMUTABILITY_POLICY, inputs={"containerName": "mysql-backups"})
DEAD_MAN = Thing(type=tokens.LOG_ALERT, name="no-backup")
BUCKET = Thing(type=tokens.BUCKET, name="artifacts", inputs={"bucket": "petclinic"})
BLOCK = Thing(type=tokens.BUCKET_PUBLIC_ACCESS_BLOCK, inputs={"bucket": "petclinic"})
SECRET = Thing(type=tokens.KEY_VAULT_SECRET, inputs={"properties": {"value": HIDDEN}})


@pytest.fixture(autouse=True)
def normal() -> Iterator[None]:
    configure({})
    yield
    configure(None)


def _engine_s(kind: str, name: str, urn: str, outputs: Mapping[str, Any]) -> PolicyResource:
    props = unknown_checking_proxy(dict(outputs))
    return PolicyResource(kind, props, urn, name, options(), None, None, [], {})


def told(rule: Rule, things: list[Thing], outputs: Mapping[str, Any] | None = None) -> list[str]:
    """As the engine does it: every resource's inputs first, then all of them with their outputs only."""
    for thing in things:
        see(thing.args())
    # outputs that differ from the inputs: a rule that read them would judge the wrong thing
    resources = [_engine_s(thing.type, thing.name, thing.urn, {"id": "x"}) for thing in things]
    if outputs is not None:
        resources.append(_engine_s(tokens.STACK, "petclinic-dr-normal", "urn:stack", outputs))
    found: list[str] = []
    policy: Any = rule.policies()[-1]
    policy.validate(StackValidationArgs(resources), lambda message, _urn: found.append(message))
    assert all(HIDDEN not in message for message in found)
    return found


@pytest.mark.parametrize(
    ("rule", "thing", "guard", "path", "says"),
    [
        (backups_immutable.RULE, BACKUPS, RETENTION, "containerName", "backups: no retention policy"),
        (alarms_on_silence.RULE, BACKUPS, DEAD_MAN, "", "no log alert in Azure watches the backups"),
        (buckets_closed.RULE, BUCKET, BLOCK, "bucket", "artifacts: no BucketPublicAccessBlock"),
    ],
    ids=["backups-immutable", "alarms-on-silence", "buckets-closed"],
)
def test_what_must_be_guarded_is(rule: Rule, thing: Thing, guard: Thing, path: str, says: str) -> None:
    assert told(rule, [thing, guard]) == []
    assert told(rule, [guard]) == []
    stacks = [[thing]]
    if path:
        unsure = Thing(type=guard.type, name="unsure", inputs={path: UNKNOWN_STRING_VALUE})
        assert told(rule, [thing, unsure]) == [], "a first preview does not know the name yet"
        stacks.append([thing, Thing(type=guard.type, name="elsewhere", inputs={path: "another"})])
    for stack in stacks:
        (message,) = told(rule, stack)
        assert says in message


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        ({"database_password": "x"}, "output database_password: is named like a secret"),
        ({"token": "x"}, "output token: is named like a secret"),
        ({"note": f"the password is {HIDDEN}"}, "output note: holds a secret"),
        ({"nested": {"list": [HIDDEN]}}, "output nested: holds a secret"),
    ],
)
def test_outputs_tell_no_secret(outputs: dict[str, Any], says: str) -> None:
    fine = {"mode": "normal", "vault_uri": "https://kv", "secret_name": "admin", "host": UNKNOWN_STRING_VALUE}
    assert told(no_secret_in_outputs.RULE, [SECRET], fine) == []
    assert told(no_secret_in_outputs.RULE, [SECRET]) == [], "without outputs there is nothing to judge"
    (message,) = told(no_secret_in_outputs.RULE, [SECRET], {**fine, **outputs})
    assert says in message


def _reference() -> list[Thing]:
    """The program's own standby state, an input of each kind that a preview cannot know."""
    things = [
        Thing(type=r.type, name=r.name, inputs=dict(r.inputs)) for r in load_list(REFERENCE / "normal.json")
    ]
    return [
        *things,
        Thing(type=tokens.SUBNET, name="more", inputs={"networkSecurityGroup": UNKNOWN_STRING_VALUE}),
    ]


def _more(servers: int) -> list[Thing]:
    return [
        Thing(type="aws:ec2/eip:Eip", name=f"more-{n}", inputs={"domain": UNKNOWN_STRING_VALUE})
        for n in range(servers)
    ]


def test_the_reference_stack_keeps_promise_and_limit() -> None:
    assert told(standby_cost_promise.RULE, _reference()) == []
    assert told(standby_cost_limit.RULE, _reference()) == []


def test_a_dearer_stack_breaks_the_promise_and_then_the_limit() -> None:
    """Two addresses cost 7.30 USD a month."""
    (message,) = told(standby_cost_promise.RULE, [*_reference(), *_more(2)])
    assert "the limit is 25.00" in message
    (message,) = told(standby_cost_limit.RULE, [*_reference(), *_more(2)])
    assert "the limit is 30.00" in message
    assert standby_cost_promise.RULE.level is EnforcementLevel.ADVISORY
    assert standby_cost_limit.RULE.level is EnforcementLevel.MANDATORY


def test_an_emergency_may_cost_what_it_costs() -> None:
    configure({"mode": "emergency"})
    assert told(standby_cost_limit.RULE, [*_reference(), *_more(9)]) == []


def test_what_cannot_be_priced_is_no_reason_to_pass() -> None:
    server = Thing(
        type=tokens.VIRTUAL_MACHINE, name="web", inputs={"hardwareProfile": {"vmSize": "Standard_X"}}
    )
    (message,) = told(standby_cost_limit.RULE, [server])
    assert "the standby's cost cannot be told" in message
    assert "azure.vm.Standard_X" in message


def test_a_saved_stack_is_judged_by_its_own_mode() -> None:
    gateway = Thing(type=tokens.APPLICATION_GATEWAY, name="door")
    rule = standby_only_in_emergency.RULE
    assert told(rule, [gateway], {"mode": "normal"}) == [], "the resource's own rule has told it already"
    configure(None)
    assert told(rule, [gateway], {"mode": "emergency"}) == []
    assert told(rule, [gateway]) == []
    (message,) = told(rule, [gateway], {"mode": "normal"})
    assert "door: runs in mode normal" in message
    dear = [*_reference(), *_more(2)]
    assert len(told(standby_cost_limit.RULE, dear, {"mode": "normal"})) == 1
    assert told(standby_cost_limit.RULE, dear) == []


def test_one_unknown_hides_no_violation_elsewhere() -> None:
    """The trap of stack rules: the SDK gives the whole rule up at the first unknown value it meets."""
    unsure = Thing(type=tokens.BUCKET, name="unsure", inputs={"bucket": UNKNOWN_STRING_VALUE})
    (message,) = told(
        buckets_closed.RULE, [unsure, BUCKET, Thing(type=BLOCK.type, inputs={"bucket": "another"})]
    )
    assert "artifacts: no BucketPublicAccessBlock" in message
