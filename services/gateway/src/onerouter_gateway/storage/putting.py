"""From the headers and bytes of a PUT to what is to be kept. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from starlette.datastructures import Headers

from onerouter_common.errors import FieldError, InvalidRequest
from onerouter_common.object_keys import checked_etag, checked_metadata
from onerouter_gateway.edge.pan import refuse_card_numbers
from onerouter_gateway.storage.schemas import OCTETS

METADATA: Final = "x-onerouter-metadata-"
CHECKSUM: Final = "x-checksum-sha256"

# Without blanks at the ends: no header has them, so no provider could be told.
_PRINTABLE: Final = re.compile(r"[!-~]([ -~]*[!-~])?", re.ASCII)
_MEDIA_TYPE: Final = re.compile(r"[\w.!#$&^+\-]+/[\w.!#$&^+\-]+( *;([ -~]*[!-~])?)?", re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DIGITS: Final = 64
_NOT_OF_PUTS: Final = ("If-Modified-Since", "If-Unmodified-Since", "Content-Range")
_NOT_OF_DELETES: Final = ("If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
_MOST: Final = {"content-type": 255, "cache-control": 255, "content-disposition": 1024}


@dataclass(frozen=True, slots=True)
class Kept:
    """What an object says of itself, and on which condition it is put."""

    content_type: str = OCTETS
    cache_control: str | None = None
    content_disposition: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    if_none_match: bool = False
    if_match: str | None = None
    checksum: str | None = None
    """Hex SHA-256 that the bytes must have."""

    @classmethod
    def of(cls, headers: Headers) -> "Kept":
        """Raises InvalidRequest that names the header."""
        _refuse(headers, _NOT_OF_PUTS, "put an object on If-None-Match: * or If-Match, and whole")
        none_match, match = headers.get("if-none-match"), headers.get("if-match")
        if none_match is not None and none_match.strip() != "*":
            raise InvalidRequest.of("If-None-Match", "must be *: only where there is no object of this key yet")
        check_exclusive("If-Match", "If-None-Match", none_match, match)
        return cls(
            content_type=media_type("Content-Type", (headers.get("content-type") or OCTETS).strip()),
            cache_control=_text("Cache-Control", headers.get("cache-control")),
            content_disposition=_text("Content-Disposition", headers.get("content-disposition")),
            metadata=_metadata(headers),
            if_none_match=none_match is not None,
            if_match=_version(headers),
            checksum=_checksum(headers.get(CHECKSUM)),
        )

    @property
    def canonical(self) -> dict[str, Any]:
        """What counts in a fingerprint; what only checks the bytes does not."""
        told = {
            "content_type": self.content_type,
            "cache_control": self.cache_control,
            "content_disposition": self.content_disposition,
            "metadata": self.metadata or None,
            "if_none_match": self.if_none_match or None,
            "if_match": self.if_match,
        }
        return {name: value for name, value in told.items() if value is not None}

    def check(self, key: str) -> None:
        """Raises InvalidRequest where a card number stands in what somebody wrote; the bytes are not looked into."""
        refuse_card_numbers({"key": key, "metadata": self.metadata, "content_disposition": self.content_disposition})

    def digest_of(self, content: bytes) -> str:
        """Hex SHA-256. Raises InvalidRequest where it is another than the caller's."""
        digest = hashlib.sha256(content).hexdigest()
        if self.checksum not in (None, digest):
            raise InvalidRequest(
                "The body is not what X-Checksum-Sha256 says: it was changed on its way, or cut off. Nothing was done.",
                code="CHECKSUM_MISMATCH",
                errors=(FieldError("X-Checksum-Sha256", "is not the SHA-256 of the body"),),
            )
        return digest


def version_of(headers: Headers) -> str | None:
    """The ETag that alone is to be deleted; None: whatever is there. Raises InvalidRequest, also for any other condition."""
    _refuse(headers, _NOT_OF_DELETES, "delete an object on If-Match, or whatever it is")
    return _version(headers)


def _version(headers: Headers) -> str | None:
    given = headers.get("if-match")
    return None if given is None else checked_etag("If-Match", given)


def _refuse(headers: Headers, names: Sequence[str], instead: str) -> None:
    for name in names:
        if name in headers:
            raise InvalidRequest.of(name, f"cannot be kept to: {instead}")


def check_exclusive(name: str, other: str, none_match: object, match: str | None) -> None:
    """Raises InvalidRequest for two conditions of which one never holds."""
    if none_match and match is not None:
        raise InvalidRequest.of(name, f"cannot be there beside {other}")


def media_type(name: str, value: str) -> str:
    """Raises InvalidRequest."""
    if len(value) > _MOST["content-type"] or _MEDIA_TYPE.fullmatch(value) is None:
        raise InvalidRequest.of(name, "must be a media type such as application/pdf, of at most 255 characters")
    return value


def printable(name: str, value: str, most: int) -> str:
    """What can stand in a header. Raises InvalidRequest."""
    if len(value) > most or _PRINTABLE.fullmatch(value) is None:
        raise InvalidRequest.of(name, f"must have 1 to {most} printable ASCII characters, and no blanks at its ends")
    return value


def _text(name: str, value: str | None) -> str | None:
    return None if value is None else printable(name, value.strip(), _MOST[name.lower()])


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Values are percent-encoded UTF-8 where they are more than ASCII."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        if not name.startswith(METADATA):
            continue
        at = f"X-OneRouter-Metadata-{name[len(METADATA) :]}"
        if name[len(METADATA) :] in found:
            raise InvalidRequest.of(at, "is there twice")
        try:
            found[name[len(METADATA) :]] = unquote(value, errors="strict") if value.isascii() else _not_ascii(at)
        except UnicodeDecodeError:
            raise InvalidRequest.of(at, "is percent-encoded, but not as UTF-8") from None
    return checked_metadata("metadata", found)


def _not_ascii(at: str) -> str:
    raise InvalidRequest.of(at, "must be ASCII; send other characters as percent-encoded UTF-8")


def _checksum(value: str | None) -> str | None:
    if value is None:
        return None
    plain = value.strip().lower()
    if _SHA256.fullmatch(plain) is None:
        raise InvalidRequest.of("X-Checksum-Sha256", f"must be {_DIGITS} hexadecimal digits")
    return plain
