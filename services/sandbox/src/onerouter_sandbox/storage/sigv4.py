"""AWS's signature, version 4, as a server checks it: in a header, or in the query of an address.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html. Pure.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote_to_bytes

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_AUTHORIZATION: Final = re.compile(
    rf"{ALGORITHM} Credential=(?P<credential>[^,\s]+),\s*SignedHeaders=(?P<headers>[a-z0-9;._-]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scope:
    """`access_key/20261121/eu-central-1/s3/aws4_request`."""

    access_key_id: str
    day: str
    region: str
    service: str
    end: str

    @classmethod
    def parse(cls, credential: str) -> "Scope | None":
        parts = credential.split("/")
        return cls(*parts) if len(parts) == 5 else None

    @property
    def text(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{self.end}"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request says of its signature."""

    scope: Scope
    amz_date: str
    headers: tuple[str, ...]
    """Names, as they were listed."""
    signature: str
    payload: str
    token: str | None
    expires_s: int | None
    """Of an address; None: it is signed in a header."""

    @property
    def at(self) -> float | None:
        """When it was signed, in seconds since 1970; None: the text is no time."""
        try:
            return datetime.strptime(self.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            return None


def from_header(headers: Mapping[str, str]) -> Signed | None:
    """None: it is not signed so, or not in this form."""
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    scope = None if found is None else Scope.parse(found["credential"])
    if found is None or scope is None:
        return None
    return Signed(
        scope,
        headers.get("x-amz-date", ""),
        tuple(found["headers"].split(";")),
        found["signature"],
        headers.get("x-amz-content-sha256", ""),
        headers.get("x-amz-security-token"),
        None,
    )


def from_query(query: Query) -> Signed | None:
    """None: it is not signed so, or something is missing, twice or not a number."""
    names = [name for name, _ in query]
    said = dict(query)
    wanted = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    if any(names.count(f"X-Amz-{name}") != 1 for name in wanted) or said["X-Amz-Algorithm"] != ALGORITHM:
        return None
    scope, expires = Scope.parse(said["X-Amz-Credential"]), said["X-Amz-Expires"]
    if scope is None or re.fullmatch(r"[0-9]{1,7}", expires) is None:
        return None
    return Signed(
        scope,
        said["X-Amz-Date"],
        tuple(said["X-Amz-SignedHeaders"].split(";")),
        said["X-Amz-Signature"],
        UNSIGNED,
        said.get("X-Amz-Security-Token"),
        int(expires),
    )


def parse_query(raw: bytes) -> list[tuple[str, str]]:
    """In order. `+` is a plus: clients of S3 write a blank as `%20`. Raises UnicodeDecodeError."""
    pairs = (part.partition(b"=") for part in raw.split(b"&") if part)
    return [(_decoded(name), _decoded(value)) for name, _, value in pairs]


def canonical_request(
    method: str, raw_path: bytes, query: Query, headers: Mapping[str, str], signed: Sequence[str], payload: str
) -> str:
    """Each segment of the path and each part of the query is decoded, and encoded in the one way that AWS means."""
    path = "/".join(_encoded(unquote_to_bytes(part)) for part in raw_path.split(b"/"))
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in query if name != "X-Amz-Signature")
    lines = "".join(f"{name}:{' '.join(headers.get(name, '').split())}\n" for name in signed)
    return "\n".join(
        [method, path, "&".join(f"{name}={value}" for name, value in pairs), lines, ";".join(signed), payload]
    )


def string_to_sign(signed: Signed, canonical: str) -> str:
    return "\n".join([ALGORITHM, signed.amz_date, signed.scope.text, hashlib.sha256(canonical.encode()).hexdigest()])


def signature(secret: str, scope: Scope, text: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (scope.day, scope.region, scope.service, scope.end):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def matches(
    secret: str, signed: Signed, method: str, raw_path: bytes, query: Query, headers: Mapping[str, str]
) -> bool:
    """Whether who holds the secret signed exactly this request."""
    canonical = canonical_request(method, raw_path, query, headers, signed.headers, signed.payload)
    return hmac.compare_digest(signature(secret, signed.scope, string_to_sign(signed, canonical)), signed.signature)


def _encoded(value: str | bytes) -> str:
    return quote(value, safe="-._~")


def _decoded(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode()
