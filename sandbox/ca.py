"""The certificate authority of one sandbox: every simulated TLS endpoint has a certificate signed by it."""

from __future__ import annotations

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = timedelta(days=3650)  # a sandbox that is kept must not go bad over a holiday
_CLOCK_SKEW = timedelta(days=1)


class Authority:
    """An authority kept in ``folder``: made on first use, the same one afterwards.

    Attributes:
        ca_file: the authority's certificate, PEM; what clients trust.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        key_file = folder / "ca-key.pem"
        if not self.ca_file.exists():  # written last
            key = ec.generate_private_key(ec.SECP256R1())
            write_private(key_file, _private_pem(key))
            write_private(self.ca_file, _self_signed(key).public_bytes(serialization.Encoding.PEM))
        loaded = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{key_file} is not an elliptic-curve key: delete {folder} and start again")
        self._key = loaded
        self._certificate = x509.load_pem_x509_certificate(self.ca_file.read_bytes())

    def issue(self, names: list[str]) -> tuple[Path, Path]:
        """A server certificate for DNS names (``*.example.org`` too) and IP addresses.

        Returns:
            Files with the certificate chain and the private key, both PEM; the same ones for the same names.
        """
        if not names:
            raise ValueError("a certificate needs at least one name")
        stem = sha256("\n".join(names).encode()).hexdigest()[:16]
        certificate_file, key_file = self._folder / f"{stem}.pem", self._folder / f"{stem}-key.pem"
        if not certificate_file.exists():  # written last
            key = ec.generate_private_key(ec.SECP256R1())
            write_private(key_file, _private_pem(key))
            chain = (
                self._sign(key, names).public_bytes(serialization.Encoding.PEM) + self.ca_file.read_bytes()
            )
            write_private(certificate_file, chain)
        return certificate_file, key_file

    def _sign(self, key: ec.EllipticCurvePrivateKey, names: list[str]) -> x509.Certificate:
        now = datetime.now(UTC)
        issuer = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(_name(names[0][:64]))  # RFC 5280: a common name has at most 64 characters
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SKEW)
            .not_valid_after(now + _LIFE)
            .add_extension(
                x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    name = _name("PetClinic DR sandbox authority")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(file: Path, content: bytes) -> None:
    """Write a file of mode 0600 in one step: readers see all of the old content or all of the new."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    temporary.replace(file)
