"""ListObjectsV2."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from onerouter_sandbox.storage.asked import Asked
from onerouter_sandbox.storage.errors import element, invalid, xml
from onerouter_sandbox.storage.objects import quoted
from onerouter_sandbox.storage.state import State, StoredObject
from onerouter_sandbox.wire import Reply

_MOST_KEYS = 1_000
_LAST = b"\xff"
"""After every key that begins with what stands before it: no byte of UTF-8 is as high."""


def list_objects(state: State, asked: Asked) -> Reply:
    """Raises Refused."""
    query = asked.query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    most = asked.number("max-keys", _MOST_KEYS, _MOST_KEYS)
    position = _position(query.get("continuation-token"), [asked.bucket, prefix, delimiter])
    if position is None:
        position = query.get("start-after", "").encode()
    objects: list[StoredObject] = []
    prefixes: list[str] = []
    is_truncated = False
    while True:
        stored = next(state.buckets[asked.bucket].after(position, prefix.encode()), None)
        if stored is None:
            break
        if len(objects) + len(prefixes) >= most:
            is_truncated = most > 0
            break
        shared = _shared(stored.key, prefix, delimiter)
        if shared is None:
            objects.append(stored)
            position = stored.key.encode()
        else:
            prefixes.append(shared)
            position = shared.encode() + _LAST
    told = _Told(asked)
    inner = [
        element("Name", asked.bucket),
        told.key("Prefix", prefix),
        element("MaxKeys", most),
        element("KeyCount", len(objects) + len(prefixes)),
        element("IsTruncated", str(is_truncated).lower()),
        told.key("Delimiter", delimiter) if delimiter else "",
        told.encoding,
        element("NextContinuationToken", _token([asked.bucket, prefix, delimiter], position)) if is_truncated else "",
        *(told.content(one) for one in objects),
        *(f"<CommonPrefixes>{told.key('Prefix', one)}</CommonPrefixes>" for one in prefixes),
    ]
    return xml("ListBucketResult", "".join(inner))


class _Told:
    """How keys are written: `encoding-type=url` lets XML carry every one."""

    def __init__(self, asked: Asked) -> None:
        encoding = asked.query.get("encoding-type")
        if encoding not in (None, "url"):
            raise invalid("Invalid Encoding Method specified in Request")
        self._is_encoded = encoding == "url"
        self.encoding = element("EncodingType", "url") if self._is_encoded else ""

    def key(self, name: str, key: str) -> str:
        return element(name, quote(key, safe="/-._~*") if self._is_encoded else key)

    def content(self, stored: StoredObject) -> str:
        at = datetime.fromtimestamp(stored.modified_at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        fields = [
            self.key("Key", stored.key),
            element("LastModified", at),
            element("ETag", quoted(stored.etag)),
            element("Size", len(stored.content)),
            element("StorageClass", "STANDARD"),
        ]
        return f"<Contents>{''.join(fields)}</Contents>"


def _shared(key: str, prefix: str, delimiter: str) -> str | None:
    """What the key has in common with others up to the delimiter; None: it stands for itself."""
    if not delimiter:
        return None
    place = key.find(delimiter, len(prefix))
    return None if place < 0 else key[: place + len(delimiter)]


def _token(of: list[str], position: bytes) -> str:
    return base64.urlsafe_b64encode(json.dumps([of, position.hex()]).encode()).decode()


def _position(token: str | None, of: list[str]) -> bytes | None:
    """Raises Refused for another list's token, or none."""
    if token is None:
        return None
    try:
        said: Any = json.loads(base64.urlsafe_b64decode(token.encode()))
        whose, position = said
        if whose == of:
            return bytes.fromhex(position)
    except (ValueError, TypeError, binascii.Error):
        pass
    raise invalid("The continuation token provided is incorrect")
