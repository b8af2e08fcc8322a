"""Uploads in parts."""

import hashlib
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from xml.etree import ElementTree

from onerouter_sandbox.ids import random_id
from onerouter_sandbox.storage.account import Account
from onerouter_sandbox.storage.asked import Asked
from onerouter_sandbox.storage.errors import Refused, content, element, invalid, xml
from onerouter_sandbox.storage.flavour import Flavour
from onerouter_sandbox.storage.objects import Objects, check_digests, etag_of, quoted
from onerouter_sandbox.storage.state import State, StoredPart, Upload
from onerouter_sandbox.wire import Reply
from onerouter_sandbox.world import World

_MOST_PARTS: Final = 10_000
_MOST_LISTED: Final = 1_000
_DOCUMENT_BYTES: Final = 1_048_576
UPLOAD: Final = "x-amz-meta-onerouter-upload"
"""The metadata by which the ledger knows what an upload was for."""


class Multipart:
    def __init__(self, flavour: Flavour, state: State, objects: Objects, world: World) -> None:
        self._flavour = flavour
        self._state = state
        self._objects = objects
        self._world = world

    def create(self, account: Account, asked: Asked) -> Reply:
        headers, now = self._objects.headers_of(asked), self._world.clocks.of(account.access_key_id).now()
        upload = Upload(random_id("", 64), account.access_key_id, asked.bucket, asked.key, headers, now)
        self._state.begin(upload)
        inner = element("Bucket", asked.bucket) + element("Key", asked.key) + element("UploadId", upload.id)
        return xml("InitiateMultipartUploadResult", inner)

    def put_part(self, account: Account, asked: Asked) -> Reply:
        upload, number = self._find(asked), asked.number("partNumber", 0, 2**31 - 1)
        if not 1 <= number <= _MOST_PARTS:
            raise invalid(f"Part number must be an integer between 1 and {_MOST_PARTS}, inclusive")
        if "content-length" not in asked.headers:
            raise Refused(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        check_digests(account, asked)
        self._objects.check_quota(account, asked.bucket, len(asked.body))
        now = self._world.clocks.of(account.access_key_id).now()
        part = StoredPart(upload.id, number, asked.body, etag_of(asked.body), now)
        self._state.put_part(part)
        return content(200, b"", "application/xml", {"etag": quoted(part.etag)})

    def complete(self, account: Account, asked: Asked) -> Reply:
        upload = self._find(asked)
        wanted = _wanted(asked.body)
        parts = self._checked(account, upload, wanted)
        self._objects.check_conditions_of_write(asked)
        digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
        etag = f"{digest.hexdigest()}-{len(parts)}"
        body = b"".join(part.content for part in parts)
        self._state.end(upload)
        stored = self._objects.keep(account, upload.bucket, upload.key, body, upload.headers, etag)
        self._objects.tell(account, "upload.completed", stored, upload.headers.get(UPLOAD))
        inner = element("Bucket", asked.bucket) + element("Key", asked.key) + element("ETag", quoted(etag))
        return xml("CompleteMultipartUploadResult", inner)

    def abort(self, _account: Account, asked: Asked) -> Reply:
        self._state.end(self._find(asked))
        return content(204, b"", "application/xml", {})

    def list_parts(self, _account: Account, asked: Asked) -> Reply:
        upload = self._find(asked)
        after = asked.number("part-number-marker", 0, 2**31 - 1)
        most = asked.number("max-parts", _MOST_LISTED, _MOST_LISTED)
        numbers = [number for number in sorted(upload.parts) if number > after]
        shown = numbers[:most]
        inner = [
            element("Bucket", upload.bucket),
            element("Key", upload.key),
            element("UploadId", upload.id),
            element("PartNumberMarker", after),
            element("MaxParts", most),
            element("IsTruncated", str(len(numbers) > len(shown)).lower()),
            element("NextPartNumberMarker", shown[-1]) if shown else "",
            *(_part(number, upload.parts[number]) for number in shown),
        ]
        return xml("ListPartsResult", "".join(inner))

    def list_uploads(self, _account: Account, asked: Asked) -> Reply:
        """One page, by key and time; markers are not read."""
        prefix, most = asked.query.get("prefix", ""), asked.number("max-uploads", _MOST_LISTED, _MOST_LISTED)
        found = [one for one in self._state.uploads.values() if one.bucket == asked.bucket]
        fitting = sorted((one for one in found if one.key.startswith(prefix)), key=lambda one: (one.key, one.begun_at))
        shown = "".join(
            f"<Upload>{element('Key', one.key)}{element('UploadId', one.id)}"
            f"{element('Initiated', _time(one.begun_at))}</Upload>"
            for one in fitting[:most]
        )
        is_truncated = element("IsTruncated", str(len(fitting) > most).lower())
        return xml("ListMultipartUploadsResult", element("Bucket", asked.bucket) + is_truncated + shown)

    def _find(self, asked: Asked) -> Upload:
        upload = self._state.uploads.get(asked.query.get("uploadId", ""))
        if upload is None or (upload.bucket, upload.key) != (asked.bucket, asked.key):
            raise Refused(
                404,
                "NoSuchUpload",
                "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been "
                "aborted or completed.",
            )
        return upload

    def _checked(self, account: Account, upload: Upload, wanted: list[tuple[int, str]]) -> list[StoredPart]:
        """Raises Refused where the list is not in order, or not of what was uploaded."""
        if any(first >= second for (first, _), (second, _) in pairwise(wanted)):
            raise Refused(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
        parts: list[StoredPart] = []
        for number, etag in wanted:
            part = upload.parts.get(number)
            if part is None or part.etag != etag:
                raise Refused(
                    400, "InvalidPart", "One or more of the specified parts could not be found.", PartNumber=str(number)
                )
            parts.append(part)
        sizes = [len(part.content) for part in parts[:-1]]
        if any(size < account.part_bytes_least for size in sizes):
            raise Refused(
                400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size."
            )
        if self._flavour.uniform_parts and sizes and {*sizes, max(sizes[0], len(parts[-1].content))} != {sizes[0]}:
            raise Refused(400, "InvalidPart", "All non-trailing parts must have the same length.")
        return parts


def _wanted(body: bytes) -> list[tuple[int, str]]:
    """Number and ETag of each part that the client names. Raises Refused."""
    malformed = Refused(400, "MalformedXML", "The XML you provided was not well-formed or did not validate.")
    if len(body) > _DOCUMENT_BYTES or b"<!" in body:
        raise malformed
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - without declarations, and small
        parts = [(int(_text(part, "PartNumber")), _text(part, "ETag").strip('"')) for part in root if _is(part, "Part")]
    except (ElementTree.ParseError, ValueError):
        raise malformed from None
    if not parts or len(parts) > _MOST_PARTS:
        raise malformed
    return parts


def _is(found: ElementTree.Element, name: str) -> bool:
    return found.tag.rpartition("}")[2] == name


def _text(parent: ElementTree.Element, name: str) -> str:
    return next((child.text or "" for child in parent if _is(child, name)), "")


def _part(number: int, part: StoredPart) -> str:
    fields = [
        element("PartNumber", number),
        element("LastModified", _time(part.modified_at)),
        element("ETag", quoted(part.etag)),
        element("Size", len(part.content)),
    ]
    return f"<Part>{''.join(fields)}</Part>"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
