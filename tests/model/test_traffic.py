"""DNS, hold, weights and caches in any order: where users end up. See docs/model.md."""

from __future__ import annotations

import pytest

from tests.model.traffic import AWS_ADDRESS, AZURE_ADDRESS, Seen, answers, reached, switches


@pytest.fixture(scope="module")
def patient() -> Seen:
    """Whoever goes back to normal waits for DNS and caches, as the operator's tool does."""
    found = Seen.explored(patient=True)
    print(f"traffic: {len(found.before)} states, depth {found.depth}")
    assert len(found.before) > 5_000
    return found


def test_while_the_hold_stands_everybody_is_sent_to_azure(patient: Seen) -> None:
    for world in patient.before:
        if world.seen[1] and world.hold and world.gateway and switches(world.azure).frozen_aws:
            assert answers(world.records, world.seen) == {AZURE_ADDRESS}, world


def test_in_normal_everybody_is_sent_to_aws_however_it_does(patient: Seen) -> None:
    for world in patient.before:
        if world.settled and not world.gateway:
            assert answers(world.records, world.seen) == {AWS_ADDRESS}, world


def test_from_the_cutover_on_every_address_leads_to_aws(patient: Seen) -> None:
    """Weights move paths, never writers: no cache can hold an address that leads to another database."""
    for world in patient.before:
        if switches(world.azure).aws_serves:
            assert reached(world, AWS_ADDRESS) == reached(world, AZURE_ADDRESS), world


def test_nobody_is_sent_to_an_address_where_nothing_listens(patient: Seen) -> None:
    for world in patient.before:
        assert all(reached(world, address) != "nothing" for address in world.found), world


def test_back_to_normal_without_waiting_sends_users_to_nothing() -> None:
    """The counterexample that the wait for DNS and caches is there for."""
    hasty = Seen.explored(patient=False)
    assert any(reached(world, address) == "nothing" for world in hasty.before for address in world.found)
