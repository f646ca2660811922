"""A worker's TLS certificate: self-signed, made at its start, published in its row. Whoever reads the row trusts exactly that one."""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=365)


@dataclass(frozen=True)
class Certificate:
    """A certificate (PEM) and the TLS context that shows it."""

    pem: str
    context: ssl.SSLContext


def new_certificate(now: datetime) -> Certificate:
    """Make a key and a certificate for it.

    ssl loads keys from files only. On Linux it is a file in memory: the key never touches a disk, and the container can write to none.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "avio-listener")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(context, private + pem)
    return Certificate(pem.decode(), context)


def _load(context: ssl.SSLContext, chain: bytes) -> None:
    if sys.platform == "linux":
        with os.fdopen(os.memfd_create("chain"), "wb", buffering=0) as stream:
            stream.write(chain)
            context.load_cert_chain(f"/proc/self/fd/{stream.fileno()}")
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "chain.pem"
            path.touch(mode=0o600)
            path.write_bytes(chain)
            context.load_cert_chain(path)
