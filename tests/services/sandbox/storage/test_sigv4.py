"""Signatures as AWS publishes them, and as botocore makes them."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from onerouter_sandbox.storage import sigv4

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
PUBLISHED = (
    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
    "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""
HEADER = {
    "host": "examplebucket.s3.amazonaws.com",
    "range": "bytes=0-9",
    "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "x-amz-date": "20130524T000000Z",
    "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
}
"""https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Object"."""


def holds(url: str, *, method: str = "GET", **headers: str) -> bool:
    parts = urlsplit(url)
    query = sigv4.parse_query(parts.query.encode())
    signed = sigv4.from_query(query)
    assert signed is not None
    whole = {"host": parts.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return sigv4.matches(SECRET, signed, method, parts.path.encode(), query, whole)


class TestOfAnAddress:
    def test_the_published_one_holds(self) -> None:
        assert holds(PUBLISHED)

    @pytest.mark.parametrize(
        "change",
        [
            ("test.txt", "test.txT"),
            ("86400", "86401"),
            ("us-east-1", "us-east-2"),
            ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host&response-content-type=text%2Fhtml"),
            ("examplebucket", "otherbucket"),
            ("d404", "d405"),
        ],
    )
    def test_no_other_does(self, change: tuple[str, str]) -> None:
        assert not holds(PUBLISHED.replace(*change))

    def test_a_method_is_signed(self) -> None:
        assert not holds(PUBLISHED, method="HEAD")

    def test_how_an_address_is_encoded_is_no_part_of_it(self) -> None:
        assert holds(PUBLISHED.replace("test.txt", "t%65st.txt").replace("%2F", "/"))

    @pytest.mark.parametrize(
        "change",
        [
            ("X-Amz-Date=20130524T000000Z&", ""),
            ("Expires=86400", "Expires=soon"),
            ("AKIAIOSFODNN7EXAMPLE%2F", ""),
            ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            ("&X-Amz-Expires=86400", "&X-Amz-Expires=86400&X-Amz-Expires=9"),
        ],
    )
    def test_half_of_one_is_none(self, change: tuple[str, str]) -> None:
        query = urlsplit(PUBLISHED.replace(*change)).query
        assert sigv4.from_query(sigv4.parse_query(query.encode())) is None


class TestOfAHeader:
    def test_the_published_one_holds(self) -> None:
        signed = sigv4.from_header(HEADER)
        assert signed is not None
        assert sigv4.matches(SECRET, signed, "GET", b"/test.txt", [], HEADER)
        for other in ({**HEADER, "range": "bytes=0-8"}, {**HEADER, "host": "x"}):
            assert not sigv4.matches(SECRET, signed, "GET", b"/test.txt", [], other)
        assert not sigv4.matches(SECRET, signed, "PUT", b"/test.txt", [], HEADER)
        assert not sigv4.matches("other", signed, "GET", b"/test.txt", [], HEADER)

    @pytest.mark.parametrize("authorization", ["", "Bearer x", "AWS AKIA:sig", "AWS4-HMAC-SHA256 Credential=a/b"])
    def test_what_is_none(self, authorization: str) -> None:
        assert sigv4.from_header({**HEADER, "authorization": authorization}) is None


class TestVectors:
    @pytest.mark.parametrize("name", ["sigv4_presign_aws_get", "sigv4_presign_aws_put", "sigv4_presign_r2_put"])
    def test_each_step_is_as_they_say(self, specs: Path, name: str) -> None:
        vector: dict[str, Any] = json.loads((specs / "storage-presign-vectors.json").read_text())[name]
        parts = urlsplit(vector["url"])
        query = sigv4.parse_query(parts.query.encode())
        signed = sigv4.from_query(query)
        assert signed is not None
        headers = {"host": parts.netloc, **vector.get("signed_headers", {})}
        canonical = sigv4.canonical_request(
            vector["method"], parts.path.encode(), query, headers, signed.headers, signed.payload
        )
        assert canonical == vector["canonical_request"]
        assert sigv4.string_to_sign(signed, canonical) == vector["string_to_sign"]
        assert (
            sigv4.signature(SECRET, signed.scope, vector["string_to_sign"]) == vector["signature"] == signed.signature
        )
