"""The sandbox's authority: its certificates convince a real TLS client, and only for their names."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from sandbox.ca import Authority


def handshake(authority: Authority, names: list[str], asked: str) -> None:
    """A TLS handshake over a socket pair; raises ssl.SSLError when the client does not believe it."""
    certificate, key = authority.issue(names)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(authority.ca_file))
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    near, far = socket.socketpair()

    def serve() -> None:
        with far:
            try:
                server.wrap_socket(far, server_side=True).close()
            except (ssl.SSLError, OSError):
                return  # the client hung up; it is the one that is asked

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with near, client.wrap_socket(near, server_hostname=asked):
            pass
    finally:
        thread.join()


@pytest.mark.parametrize("asked", ["app.example.org", "a.wild.example.org", "127.3.2.1"])
def test_a_client_believes_it_for_every_name(tmp_path: Path, asked: str) -> None:
    handshake(Authority(tmp_path), ["app.example.org", "*.wild.example.org", "127.3.2.1"], asked)


def test_a_client_does_not_believe_it_for_another_name(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(Authority(tmp_path), ["app.example.org"], "other.example.org")


def test_a_name_may_be_longer_than_a_common_name(tmp_path: Path) -> None:
    name = "a" * 60 + ".privatelink.mysql.database.azure.com"
    handshake(Authority(tmp_path), [name], name)


def test_it_is_the_same_authority_after_a_restart(tmp_path: Path) -> None:
    first = Authority(tmp_path)
    issued = first.issue(["a.test"])
    again = Authority(tmp_path)
    assert again.ca_file.read_bytes() == first.ca_file.read_bytes()
    assert again.issue(["a.test"]) == issued
    handshake(again, ["b.test"], "b.test")


def test_its_files_are_private(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    for file in (authority.ca_file, *authority.issue(["a.test"]), tmp_path / "ca" / "ca-key.pem"):
        assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "ca").stat().st_mode & 0o077 == 0


def test_a_certificate_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one name"):
        Authority(tmp_path).issue([])
