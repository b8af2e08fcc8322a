"""What an object may be called and say of itself, wherever it is kept: buckets, keys, metadata. Pure.

Sources, read 2026-11-21: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html and .../UsingMetadata.html.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from onerouter_common.errors import InvalidRequest

KEY_BYTES: Final = 1024
"""Of a key in UTF-8, the connection's prefix included."""
METADATA_BYTES: Final = 1_800
"""Of all names and values as they are sent; S3 takes 2 KB, of which some is ours."""
MOST_METADATA: Final = 20
RESERVED: Final = "onerouter-"
"""Metadata whose names begin so is ours."""

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]", re.ASCII)
_METADATA_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_\-]{0,63}", re.ASCII)
_ETAG: Final = re.compile(r"[!#-~]{1,128}", re.ASCII)


def is_bucket(name: str) -> bool:
    """Whether a bucket can have the name."""
    return _BUCKET.fullmatch(name) is not None and ".." not in name


def checked_key(field: str, key: str) -> str:
    """The key, as it is. Raises InvalidRequest for what some provider, or some path, would take for something else."""
    if not key:
        raise InvalidRequest.of(field, "must not be empty")
    _check_text(field, key)
    if any(part in {".", ".."} for part in key.split("/")):
        raise InvalidRequest.of(field, "must not have . or .. between its slashes: many programs take them away")
    return key


def checked_prefix(field: str, prefix: str) -> str:
    """What keys begin with; may be empty, and end anywhere. Raises InvalidRequest."""
    _check_text(field, prefix)
    return prefix


def checked_metadata(field: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """Names in lower case, as providers keep them. Raises InvalidRequest that names the entry."""
    if len(metadata) > MOST_METADATA:
        raise InvalidRequest.of(field, f"must have at most {MOST_METADATA} entries")
    checked: dict[str, str] = {}
    for name, value in metadata.items():
        known, at = name.lower(), f"{field}.{name[:64]}"
        if _METADATA_NAME.fullmatch(known) is None:
            raise InvalidRequest.of(at, "must be named with 1 to 64 letters, digits, _ and -")
        if known.startswith(RESERVED):
            raise InvalidRequest.of(at, f"must not begin with {RESERVED}, which is ours")
        if known in checked:
            raise InvalidRequest.of(at, "is there twice: upper and lower case are the same")
        if _has_control(value) or value != value.strip():
            raise InvalidRequest.of(at, "must be text without control characters, nor blanks at its ends")
        checked[known] = value
    if sum(len(name) + len(encoded_metadata(value)) for name, value in checked.items()) > METADATA_BYTES:
        raise InvalidRequest.of(field, f"must have at most {METADATA_BYTES} bytes of names and values")
    return checked


def encoded_metadata(value: str) -> str:
    """A value as it can stand in a header: percent-encoded UTF-8 where it is more than printable ASCII."""
    if value.isascii() and "%" not in value:
        return value
    return quote(value, safe=" !#$&'()*+,-./:;<=>?@[]^_`{|}~\"\\")


def checked_etag(field: str, value: str) -> str:
    """One entity tag, without its quotes. Raises InvalidRequest for several, a weak one or none."""
    bare = value.strip()
    bare = bare[1:-1] if len(bare) >= 2 and bare[0] == bare[-1] == '"' else bare
    if _ETAG.fullmatch(bare) is None or bare == "*" or bare.startswith("W/"):
        raise InvalidRequest.of(field, "must be one ETag, as an answer had it")
    return bare


def _check_text(field: str, text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidRequest.of(field, "must be valid UTF-8") from None
    if size > KEY_BYTES:
        raise InvalidRequest.of(field, f"must have at most {KEY_BYTES} bytes in UTF-8")
    if text.startswith("/"):
        raise InvalidRequest.of(field, "must not begin with /")
    if "\\" in text:
        raise InvalidRequest.of(field, "must not hold a backslash")
    if _has_control(text):
        raise InvalidRequest.of(field, "must not hold control characters")


def _has_control(text: str) -> bool:
    return any(unicodedata.category(one) in {"Cc", "Cs"} or one in "\u2028\u2029" for one in text)
