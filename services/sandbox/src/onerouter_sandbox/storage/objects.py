"""Objects: put, get, head, delete."""

import base64
import hashlib
import re
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

from onerouter_sandbox.storage.account import Account
from onerouter_sandbox.storage.asked import Asked
from onerouter_sandbox.storage.errors import Refused, content, no_such_key
from onerouter_sandbox.storage.flavour import Flavour
from onerouter_sandbox.storage.state import State, StoredObject
from onerouter_sandbox.wire import Reply
from onerouter_sandbox.world import World

_KEPT: Final = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
_OVERRIDES: Final = _KEPT
_RANGE: Final = re.compile(r"bytes=(?P<first>[0-9]*)-(?P<last>[0-9]*)")
_DIGESTS: Final = ("content-md5", "x-amz-checksum-", "x-amz-trailer")
OPERATION: Final = "x-amz-meta-onerouter-operation"
"""The metadata by which the ledger knows what a write was for."""


class Objects:
    def __init__(self, flavour: Flavour, state: State, world: World) -> None:
        self._flavour = flavour
        self._state = state
        self._world = world

    def put(self, account: Account, asked: Asked) -> Reply:
        if "content-length" not in asked.headers:
            raise Refused(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        check_digests(account, asked)
        self.check_conditions_of_write(asked)
        self.check_quota(account, asked.bucket, len(asked.body))
        stored = self.keep(account, asked.bucket, asked.key, asked.body, self.headers_of(asked), etag_of(asked.body))
        self.tell(account, "object.put", stored, stored.headers.get(OPERATION))
        return content(200, b"", "application/xml", {"etag": quoted(stored.etag)})

    def get(self, account: Account, asked: Asked) -> Reply:
        """HEAD, too: the server sends the same without the body."""
        stored = self._state.buckets[asked.bucket].find(asked.key)
        if not account.may_read or (stored is None and not account.may_list):
            raise Refused(403, "AccessDenied", "Access Denied")
        if stored is None:
            raise no_such_key(asked.key)
        headers = self._shown(stored, asked)
        unmet = _unmet(stored, asked)
        if unmet == 304:
            return content(304, b"", "application/xml", headers)
        if unmet == 412:
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        content_type = headers.pop("content-type", "binary/octet-stream")
        part = _part(asked.headers.get("range"), len(stored.content))
        if part is None:
            return content(200, stored.content, content_type, headers)
        first, last = part
        headers["content-range"] = f"bytes {first}-{last}/{len(stored.content)}"
        return content(206, stored.content[first : last + 1], content_type, headers)

    def delete(self, account: Account, asked: Asked) -> Reply:
        """204, whether it was there or not. Raises Refused where another is there than If-Match says."""
        stored = self._state.buckets[asked.bucket].find(asked.key)
        only = asked.headers.get("if-match")
        if only is not None and not self._flavour.conditional_delete:
            raise Refused(501, "NotImplemented", f"Header 'if-match' with value '{only}' not implemented")
        if only is not None and stored is None:
            raise no_such_key(asked.key)
        if only is not None and stored is not None and not _names(only, stored):
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        if self._state.drop(asked.bucket, asked.key) and stored is not None:
            self.tell(account, "object.deleted", stored, None)
        return content(204, b"", "application/xml", {})

    def keep(
        self, account: Account, bucket: str, key: str, body: bytes, headers: dict[str, str], etag: str
    ) -> StoredObject:
        now = self._world.clocks.of(account.access_key_id).now()
        stored = StoredObject(bucket, key, body, etag, headers, now)
        self._state.put(stored)
        return stored

    def headers_of(self, asked: Asked) -> dict[str, str]:
        """What is kept with the object. Raises Refused."""
        self._flavour.check(asked.headers)
        size = sum(len(name) - len("x-amz-meta-") + len(value) for name, value in asked.metadata.items())
        if size > self._flavour.metadata_bytes:
            raise Refused(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
        kept = {name: asked.headers[name] for name in _KEPT if asked.headers.get(name)}
        return {**kept, **asked.metadata}

    def check_conditions_of_write(self, asked: Asked) -> None:
        """Raises Refused."""
        stored = self._state.buckets[asked.bucket].find(asked.key)
        absent_only, over = asked.headers.get("if-none-match"), asked.headers.get("if-match")
        if absent_only not in (None, "*"):
            raise Refused(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
        if over is not None and stored is None:
            raise no_such_key(asked.key)
        is_other = over is not None and stored is not None and not _names(over, stored)
        if is_other or (absent_only is not None and stored is not None):
            raise Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")

    def check_quota(self, account: Account, bucket: str, more: int) -> None:
        if self._state.bytes_in(bucket) + more > account.quota_bytes:
            raise Refused(403, "QuotaExceeded", "The bucket's quota is used up")

    def tell(self, account: Account, kind: str, stored: StoredObject, reference: str | None) -> None:
        """Write it into the ledger; `amount`: bytes."""
        self._world.ledger.record(
            provider=self._flavour.name,
            account=account.access_key_id,
            kind=kind,
            reference=reference,
            object_id=f"{stored.bucket}/{stored.key}",
            amount=len(stored.content),
            currency="XXX",
            at=stored.modified_at,
        )

    def _shown(self, stored: StoredObject, asked: Asked) -> dict[str, str]:
        overrides = {name: asked.query.get(f"response-{name}") for name in _OVERRIDES}
        return {
            **stored.headers,
            **{name: value for name, value in overrides.items() if value is not None},
            "etag": quoted(stored.etag),
            "last-modified": formatdate(stored.modified_at, usegmt=True),
            "accept-ranges": "bytes",
        }


def check_digests(account: Account, asked: Asked) -> None:
    """Raises Refused where a digest that came along is not the body's, or none came where one must."""
    if account.wants_digests and not any(name.startswith(_DIGESTS) for name in asked.headers):
        raise Refused(
            400,
            "InvalidRequest",
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object "
            "requests with Object Lock parameters",
        )
    for name, algorithm in (("content-md5", "md5"), ("x-amz-checksum-sha256", "sha256")):
        said = asked.headers.get(name)
        if said is not None and said != base64.b64encode(hashlib.new(algorithm, asked.body).digest()).decode():
            raise Refused(400, "BadDigest", f"The {name} you specified did not match what we received.")


def etag_of(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def quoted(etag: str) -> str:
    return f'"{etag}"'


def _unmet(stored: StoredObject, asked: Asked) -> int | None:
    """304, 412, or None where all conditions of a read hold. In the order of RFC 9110 §13.2.2."""
    headers, at = asked.headers, int(stored.modified_at)
    if "if-match" in headers:
        if not _names(headers["if-match"], stored):
            return 412
    elif (since := _moment(headers.get("if-unmodified-since"))) is not None and at > since:
        return 412
    if "if-none-match" in headers:
        return 304 if _names(headers["if-none-match"], stored) else None
    since = _moment(headers.get("if-modified-since"))
    return 304 if since is not None and at <= since else None


def _names(condition: str, stored: StoredObject) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in condition.split(",")]
    return "*" in tags or stored.etag in tags


def _moment(text: str | None) -> float | None:
    try:
        return None if text is None else parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _part(asked: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte; None for the whole. A range that cannot be read is ignored, as HTTP says. Raises Refused."""
    found = None if asked is None else _RANGE.fullmatch(asked)
    if found is None or not (found["first"] or found["last"]):
        return None
    if not found["first"]:
        first, last = max(0, size - int(found["last"])), size - 1
    else:
        first, last = int(found["first"]), min(int(found["last"] or size - 1), size - 1)
        if found["last"] and int(found["last"]) < first:
            return None
    if first >= size or not size:
        raise Refused(416, "InvalidRange", "The requested range is not satisfiable", ActualObjectSize=str(size))
    return first, last
