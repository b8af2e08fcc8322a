"""The certificate chain that callbacks are signed with: a root, an intermediate and a leaf of this sandbox's own.

It looks like PayPal's: the leaf bears `messageverificationcerts.paypal.com`, for the verifier under test requires it; only
who trusts this sandbox's root believes it.
"""

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.paypal.state import NAME
from onerouter_sandbox.world import World

LEAF_NAME: Final = "messageverificationcerts.paypal.com"
ALGORITHM: Final = "SHA256withRSA"
_LEAF_LASTS: Final = timedelta(days=365)
_CA_LASTS: Final = timedelta(days=3_650)
_SKEW: Final = timedelta(hours=1)
_PEM: Final = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Chain:
    """PEM: the root, the leaf with its intermediate as they are served, and the leaf's key. `id` is in their address."""

    id: str
    root: str
    served: str
    key: str

    def record(self) -> dict[str, Any]:
        return {"id": self.id, "root": self.root, "served": self.served, "key": self.key}


class Signer:
    """Makes the chain when it is first needed, or takes up the one of the last run."""

    def __init__(self, world: World) -> None:
        self._world = world

    @cached_property
    def chain(self) -> Chain:
        now = datetime.fromtimestamp(self._world.clock.now(), UTC)
        saved = next(iter(self._world.journal.load(NAME, "chain")), None)
        if saved is not None and _is_valid(saved["served"], now):
            return Chain(**saved)
        chain = make_chain(now)
        self._world.journal.mark(NAME, "chain", "chain", chain)
        return chain

    def headers(self, *, base: str, transmission_id: str, webhook_id: str, body: bytes) -> dict[str, str]:
        """Of one delivery; `base` is the API's address."""
        sent_at = datetime.fromtimestamp(int(self._world.clock.now()), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "PAYPAL-TRANSMISSION-ID": transmission_id,
            "PAYPAL-TRANSMISSION-TIME": sent_at,
            "PAYPAL-TRANSMISSION-SIG": self.sign(signed_message(transmission_id, sent_at, webhook_id, body)),
            "PAYPAL-CERT-URL": f"{base}/v1/notifications/certs/{self.chain.id}",
            "PAYPAL-AUTH-ALGO": ALGORITHM,
            "PAYPAL-AUTH-VERSION": "v2",
        }

    def sign(self, message: str) -> str:
        return base64.b64encode(self._key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()

    def check(self, message: str, signature: bytes) -> None:
        """Raises InvalidSignature unless we have signed it."""
        self._key.public_key().verify(signature, message.encode(), padding.PKCS1v15(), hashes.SHA256())

    def signed(self, message: str, signature: str) -> bool:
        """Whether this is our signature of it."""
        try:
            given = base64.b64decode(signature, validate=True)
            self._key.public_key().verify(
                given, message.encode("utf-8", "surrogateescape"), padding.PKCS1v15(), hashes.SHA256()
            )
        except (ValueError, InvalidSignature):
            return False
        return True

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(self.chain.key.encode(), None)
        assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - we made it
        return key


def signed_message(transmission_id: str, sent_at: str, webhook_id: str, body: bytes) -> str:
    return f"{transmission_id}|{sent_at}|{webhook_id}|{zlib.crc32(body)}"


def make_chain(now: datetime, *, lasts: timedelta = _LEAF_LASTS, name: str = LEAF_NAME) -> Chain:
    """`lasts` and `name` are the leaf's."""
    root_key, middle_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    leaf_key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    root_name, middle_name = _name("OneRouter sandbox root"), _name("OneRouter sandbox intermediate")
    root = _authority(root_name, root_key.public_key(), root_name, root_key, now)
    middle = _authority(middle_name, middle_key.public_key(), root_name, root_key, now)
    leaf = (
        _builder(_name(name), leaf_key.public_key(), middle_name, middle_key.public_key(), now - _SKEW, now + lasts)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(middle_key, hashes.SHA256())
    )
    key = leaf_key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Chain(
        random_id("CERT-", 12),
        root.public_bytes(_PEM).decode(),
        (leaf.public_bytes(_PEM) + middle.public_bytes(_PEM)).decode(),
        key.decode(),
    )


def _authority(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    return (
        _builder(name, key, issuer, issuer_key.public_key(), now - _SKEW, now + _CA_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePublicKey,
    first: datetime,
    last: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _is_valid(served: str, now: datetime) -> bool:
    return now + timedelta(days=7) < x509.load_pem_x509_certificate(served.encode()).not_valid_after_utc
