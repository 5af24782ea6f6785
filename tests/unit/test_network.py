"""The simulated network: every host its own loopback address, and no host translated by accident."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.network import Network, local_port


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    net = Network(tmp_path)
    yield net
    net.close()


def test_each_host_has_its_own_address_and_keeps_it(tmp_path: Path, network: Network) -> None:
    first = network.address("db.example")
    assert first != network.address("10.20.1.4")
    assert network.address("DB.example.") == first
    prefix = network.prefix
    network.close()
    again = Network(tmp_path)
    assert (again.prefix, again.address("db.example")) == (prefix, first)
    again.close()


def test_two_sandboxes_never_share_a_block(tmp_path: Path, network: Network) -> None:
    copied = tmp_path / "other"
    copied.mkdir()
    (copied / "network.json").write_text((tmp_path / "network.json").read_text())
    other = Network(copied)
    assert other.prefix != network.prefix
    other.close()


def test_addresses_can_be_bound_without_root(network: Network) -> None:
    where = network.endpoint("gateway.example", 443)
    assert where[1] == 10443
    with socket.socket() as listener:
        listener.bind(where)


@given(st.integers(1, 65535))
def test_a_port_that_needs_root_never_stays(port: int) -> None:
    assert local_port(port) >= 1024


def test_translation_rewrites_known_hosts_only(network: Network) -> None:
    account, server = network.address("stpl.blob.core.windows.net"), network.address("10.20.3.4")
    text = (
        "https://stpl.blob.core.windows.net/a http://10.20.3.4:8080 proxy 10.20.3.4:8080; "
        "10.20.3.40 xstpl.blob.core.windows.net https://other.blob.core.windows.net host=10.20.3.4"
    )
    assert network.translate(text) == (
        f"https://{account}:10443/a http://{server}:8080 proxy {server}:8080; "
        f"10.20.3.40 xstpl.blob.core.windows.net https://other.blob.core.windows.net host={server}"
    )


def test_an_alias_is_the_same_machine(network: Network) -> None:
    assert network.alias("alb.example", "3.36.0.10") == network.address("3.36.0.10")
    assert network.address("alb.example") == network.address("3.36.0.10")
